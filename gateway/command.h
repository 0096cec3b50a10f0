/* The shell's commands: one table of words, and the call of one command.
 *
 * A line is words separated by blanks; "--json" anywhere asks for JSON, "--colour" for a
 * colour terminal's escapes. The same table serves
 * matching, abbreviations, completion, help and errors (command_match.h). Main thread. */
#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

#include "gateway/command_match.h"
#include "gateway/negotiator.h"
#include "gateway/page.h"

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_LINE_MAX  4096 /* bytes, with the NUL */
#define COMMAND_ERROR_MAX 1024

struct gateway;
struct command_call;

/* 0: the page is complete. Negative errno: command_fail() said why. COMMAND_LATER:
 * command_finish() will be called. */
typedef int (*command_fn)(struct command_call *call);
#define COMMAND_LATER 1
#define COMMAND_END   2 /* the shell is to end */

struct command {
	const char *pattern; /* "show tunnel TUNNEL"; its grammar: command_match.h */
	const char *help;
	command_fn run;
};

extern const struct command commands[];
extern const unsigned commands_n;

/* Splits line in place at blanks. "..." and '...' make one word of what has some; within "..." and
 * outside \ takes the next character as it is. Words found, without unquoted "--json" and
 * "--colour"; -E2BIG: too many; -EINVAL: a quote is not closed. */
int command_split(char *line, char **word, bool *json, bool *colour);

enum command_status {
	COMMAND_DONE,
	COMMAND_REFUSED, /* could not be done; or not wholly */
	COMMAND_WRONG,	 /* is no command */
	COMMAND_BYE,	 /* done, and the operator wants to leave */
};

/* Who is answered. */
struct command_reader {
	/* Any number of times while the command runs: text to show at once, after the text before
	 * or, a page, in its place. */
	void (*part)(void *ctx, bool page, const char *body, size_t len);
	/* Once, at the end: the rest of the text, or what is wrong. */
	void (*done)(void *ctx, enum command_status status, const char *body, size_t len);
	size_t (*unread)(void *ctx); /* bytes that wait for him; SIZE_MAX: he is gone */
};

struct command_call {
	struct gateway *gateway;
	struct page *page;
	unsigned n;
	char *word[COMMAND_WORDS_MAX]; /* into line, or spelled out into match */
	char line[COMMAND_LINE_MAX];
	char error[COMMAND_ERROR_MAX];
	bool json, colour, understood;
	struct command_match match;
	struct negotiator_ask ask;
	/* Of a command that goes on until it is told: its reader is gone. Ends in
	 * command_finish(), at once or soon. NULL: the command ends by itself. */
	void (*cancel)(struct command_call *call);
	void *state; /* of such a command */
	const struct command_reader *reader;
	void *ctx;
};

/* Runs one line; reader is kept. The call while it is under way, NULL: it is done. A line "?WORDS"
 * asks what may follow (command_complete.h). */
struct command_call *command_run(struct gateway *g, const char *line,
				 const struct command_reader *reader, void *ctx);
void command_finish(struct command_call *call, int rc);
void command_part(struct command_call *call, bool page, const char *body, size_t len);
/* Ends the call with the answer that another one got. */
void command_pass(struct command_call *call, enum command_status status, const char *body,
		  size_t len);
void command_cancel(struct command_call *call);
/* The word after the pattern's own word `name`: of "[proto NUMBER]". NULL: it was left out. */
const char *command_option(const struct command_call *call, const char *name);
/* Keeps the message and returns rc. */
int command_fail(struct command_call *call, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The tunnel that word names: its index, or a failure that lists some names. */
int64_t command_tunnel(struct command_call *call, unsigned word);
/* Asks the negotiator about tunnels first.. (count of them); done must end in command_finish(). */
int command_ask(struct command_call *call, enum ask_kind kind, uint32_t first, uint32_t count,
		void (*done)(struct negotiator_ask *ask));

#endif

/* The shell's commands: one table of words, and the call of one command.
 *
 * A line is words separated by blanks; "--json" anywhere asks for JSON. A word of a pattern in
 * capitals stands for an argument. Main thread. */
#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

#include "gateway/negotiator.h"
#include "gateway/page.h"

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_LINE_MAX  1024 /* bytes, with the NUL */
#define COMMAND_WORDS_MAX 16
#define COMMAND_ERROR_MAX 1024

struct gateway;
struct command_call;

/* 0: the page is complete. Negative errno: command_fail() said why. COMMAND_LATER:
 * command_finish() will be called. */
typedef int (*command_fn)(struct command_call *call);
#define COMMAND_LATER 1

struct command {
	const char *pattern; /* "show tunnel NAME" */
	const char *help;
	command_fn run;
};

extern const struct command commands[];
extern const unsigned commands_n;

/* The command these words are; NULL: error names the word that is wrong and what may stand
 * there. */
const struct command *command_match(unsigned n, char *const *word, char *error, size_t error_size);
/* Splits line in place. Words found, without "--json"; -E2BIG: too many. */
int command_split(char *line, char **word, bool *json);

struct command_call {
	struct gateway *gateway;
	struct page *page;
	unsigned n;
	char *word[COMMAND_WORDS_MAX]; /* into line */
	char line[COMMAND_LINE_MAX];
	char error[COMMAND_ERROR_MAX];
	bool json;
	struct negotiator_ask ask;
	void (*done)(void *ctx, bool ok, const char *body, size_t len);
	void *ctx;
};

/* Runs one line. done is called once, during the call or later, with the text to show. */
void command_run(struct gateway *g, const char *line,
		 void (*done)(void *ctx, bool ok, const char *body, size_t len), void *ctx);
void command_finish(struct command_call *call, int rc);
/* Keeps the message and returns rc. */
int command_fail(struct command_call *call, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The tunnel that word names: its index, or a failure that lists some names. */
int64_t command_tunnel(struct command_call *call, unsigned word);
/* Asks the negotiator about tunnels first.. (count of them); done must end in command_finish(). */
int command_ask(struct command_call *call, enum ask_kind kind, uint32_t first, uint32_t count,
		void (*done)(struct negotiator_ask *ask));

#endif

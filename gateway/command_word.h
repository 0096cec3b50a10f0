/* What the arguments of commands may be: the words in capitals of the command table. */
#ifndef GATEWAY_COMMAND_WORD_H
#define GATEWAY_COMMAND_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct gateway;

/* Takes one value that may stand there, and perhaps what it is. */
struct command_values {
	void (*add)(struct command_values *to, const char *value, const char *help);
	void *ctx;
	const char *begin; /* of the word being typed: values that begin otherwise are not wanted */
};

struct command_word {
	const char *name; /* "PREFIX" */
	const char *what; /* "a prefix, like 192.168.0.0/16, or an address" */
	/* Could this be one? By its form, not whether there is such an object. NULL: any. */
	bool (*accepts)(const char *word);
	/* The values there are now, after these words. NULL: they cannot be listed. Main thread. */
	void (*list)(const struct gateway *g, unsigned n, char *const *word,
		     struct command_values *to);
};

/* The argument of this name; NULL: it is not known. */
const struct command_word *command_word(const char *name, size_t len);
bool command_is_argument(const char *text); /* in capitals */
bool command_is_number(const char *word);
/* The words of a command inside of another one, like `watch`. */
void command_list_words(const struct gateway *g, unsigned n, char *const *word,
			struct command_values *to);

#endif

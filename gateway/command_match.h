/* Which command the words are: the command table read as a grammar.
 *
 * A pattern is words separated by blanks:
 *
 *   show      stands for itself, and may be abbreviated as long as no other word may stand there
 *             that begins the same
 *   TUNNEL    an argument; command_word.h says what it may be
 *   A|B       either
 *   [p PORT]  may be left out
 *   WORDS...  one or more, at the end
 *
 * A word is read as one spelled out, else as an argument that accepts it, else as an
 * abbreviation. Pure functions of the table, any thread. */
#ifndef GATEWAY_COMMAND_MATCH_H
#define GATEWAY_COMMAND_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_WORDS_MAX 64
#define COMMAND_NEXT_MAX  96 /* different words that may stand in one place */

struct command;

struct command_token {
	const char *text; /* into a pattern, not ended by a NUL */
	size_t len;
	const struct command *command; /* the first one with it */
	bool alone;		       /* and no other has it */
	bool last;		       /* that command may end with it */
};

struct command_match {
	const struct command *command;	 /* that the words are; NULL: none ends here */
	unsigned good;			 /* words that were understood */
	bool literal[COMMAND_WORDS_MAX]; /* stands for itself, is no argument */
	unsigned n_next;		 /* what may stand after the good words, in order */
	struct command_token next[COMMAND_NEXT_MAX];
	unsigned n_meant; /* what a word that was not understood may abbreviate: two or more */
	struct command_token meant[COMMAND_NEXT_MAX];
	char full[256]; /* abbreviated words, spelled out */
};

/* Reads the words; an abbreviated one is replaced by a pointer to the whole, in m. */
void command_match(struct command_match *m, unsigned n, char **word);
/* Says what is wrong with words that are no command. */
void command_match_error(const struct command_match *m, unsigned n, char *const *word, char *error,
			 size_t size);
/* May the command's first n words be these? Abbreviations must be spelled out already. */
bool command_begins(const struct command *c, unsigned n, char *const *word,
		    const struct command_match *m);

#endif

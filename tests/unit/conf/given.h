/* A small valid configuration for the tests of parse and check, and what is said about changes to
 * it. */
#ifndef TESTS_UNIT_CONF_GIVEN_H
#define TESTS_UNIT_CONF_GIVEN_H

#include "conf/model.h"

struct edit {
	const char *find, *put; /* the first occurrence of find is replaced; NULL: nothing is */
	const char *says;	/* every message, "line: level: text\n" each */
};

extern const char given_text[];

/* A new text: given_text with one edit. The test fails if find is not in it. */
char *given_edited(const char *text, const char *find, const char *put);
/* Reads text as file "t"; *messages gets what is said about it, to be freed. */
struct conf *given_read(const char *text, size_t len, char **messages);
/* Applies each edit to given_text and compares what is said; an edit with errors gives no model. */
void given_says(const struct edit *edits, unsigned n);

#endif

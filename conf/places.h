/* Which line gave which part of a model: kept while a file is read and checked, so that a check
 * that looks at the model can still name the line of the very value. One thread. */
#ifndef CONF_PLACES_H
#define CONF_PLACES_H

#include <stddef.h>

struct place {
	const void *at; /* the part of the model */
	unsigned line;
	size_t order;
};

struct places {
	struct place *v;
	size_t n, cap;
};

void places_add(struct places *p, const void *at, unsigned line); /* without memory: forgotten */
void places_sort(struct places *p); /* once, between the last add and the first find */
unsigned places_find(const struct places *p, const void *at); /* 0: not from the file */
void places_clear(struct places *p);

#endif

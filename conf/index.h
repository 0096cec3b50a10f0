/* Objects by a key of bytes: finds one, and shows which share a key. Borrowed keys and objects; one
 * thread. Fill, sort once, then look. */
#ifndef CONF_INDEX_H
#define CONF_INDEX_H

#include <stddef.h>

struct index_entry {
	const void *key;
	size_t len;
	const void *object;
	size_t order;
};

struct index {
	struct index_entry *v;
	size_t n, cap;
};

int index_add(struct index *x, const void *key, size_t len, const void *object); /* 0, -ENOMEM */
void index_sort(struct index *x); /* by key, then in the order of adding */
const struct index_entry *index_find(const struct index *x, const void *key, size_t len);
/* The earlier entry that has the key of entry i, or NULL: i is the first. */
const struct index_entry *index_twin(const struct index *x, size_t i);
void index_clear(struct index *x);

#endif

/* Every prefix of one table and family with who offers a route to it: a hash, because a table of
 * millions is changed a million times a second.
 *
 * An IPv4 prefix with one candidate takes 24 bytes and its share of the index. Entries and
 * candidates are numbers, for they move when the book grows; pointers to them hold until the next
 * addition. Private to this room; one thread. */
#ifndef ROUTING_BOOK_H
#define ROUTING_BOOK_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOK_NONE UINT32_MAX

/* A route that somebody offers, and what became of it. */
struct candidate {
	uint32_t next; /* at the same prefix, best first; BOOK_NONE: the last */
	uint32_t via_index;
	uint32_t source;
	uint16_t metric;
	uint8_t kind; /* the preference of next hop and route type as one number */
	bool valid : 1;
	bool overlaps : 1; /* another VPC's earlier prefix keeps it out */
	bool unusable : 1;
};

struct entry {
	struct candidate first;
	uint8_t len;   /* of the prefix */
	uint8_t key[]; /* its address: 4 or 16 bytes */
};

struct book {
	uint8_t family; /* ADDR_IPV4 or ADDR_IPV6 */
	char *entries;
	uint32_t n, cap; /* entries in use; of the array */
	uint32_t free;	 /* list through first.next */
	uint32_t used;	 /* of the array, free ones included */
	uint32_t *slot;	 /* entry by hash, linear probing */
	uint32_t mask;	 /* slots - 1; slot NULL: none */

	/* Candidates that are not the first of their entry. */
	struct candidate *more;
	uint32_t more_cap, more_free, more_used;
};

void book_init(struct book *b, uint8_t family);
void book_clear(struct book *b);

static inline size_t book_stride(const struct book *b)
{
	return b->family == ADDR_IPV6 ? 36 : 24;
}

static inline struct entry *book_entry(const struct book *b, uint32_t i)
{
	return (struct entry *)(b->entries + i * book_stride(b));
}

static inline struct candidate *book_next(const struct book *b, const struct candidate *c)
{
	return c->next != BOOK_NONE ? &b->more[c->next] : NULL;
}

struct prefix book_prefix(const struct book *b, const struct entry *e);
struct entry *book_find(const struct book *b, const struct prefix *p); /* NULL: not there */
/* Puts a candidate in its place among those of p, which may be new. Its next is ours to set.
 * Returns the entry; NULL: no memory, nothing happened. */
struct entry *book_add(struct book *b, const struct prefix *p, const struct candidate *c);
/* Takes c out of e; the entry goes with its last candidate. True: it did. */
bool book_remove(struct book *b, struct entry *e, const struct candidate *c);
/* Gives c, of e, another metric, and the place that follows from it. */
void book_set_metric(struct book *b, struct entry *e, struct candidate *c, uint16_t metric);
/* less than 0: a is preferred; 0: they share. */
static inline int book_prefer(const struct candidate *a, const struct candidate *b)
{
	return a->kind != b->kind ? (int)a->kind - b->kind : (int)a->metric - b->metric;
}

/* The entries that overlap p (NULL: all), as numbers in prefix order, shorter before longer. Freed
 * by the caller. NULL: no memory, or there is none (*n is 0). */
uint32_t *book_list(const struct book *b, const struct prefix *p, uint32_t *n);
/* One after the other, in no order: the first used entry from number i on, or BOOK_NONE. */
uint32_t book_scan(const struct book *b, uint32_t i);

#endif

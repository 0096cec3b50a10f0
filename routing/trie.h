/* Prefixes that VPC attachments propagate into a table: a path-compressed binary trie for each
 * family, because they must not overlap.
 *
 * A node exists for each prefix that has a claim, and where two of them part. Private to this
 * room; one thread. */
#ifndef ROUTING_TRIE_H
#define ROUTING_TRIE_H

#include "routing/rib.h"

#include <stdbool.h>
#include <stdint.h>

/* What an attachment propagates, and whether it may. */
struct claim {
	struct claim *next; /* at the same prefix */
	struct node *node;
	uint32_t attachment;
	uint32_t source;
	uint64_t order; /* of arrival */
	bool overlaps;	/* another VPC's earlier prefix keeps it out */
};

struct node {
	struct node *parent, *child[2];
	struct prefix prefix;
	struct claim *here;
	uint32_t claims; /* here and below */
	uint32_t owner;	 /* whose claims are valid here or below */
	uint8_t owners;	 /* 0, 1, or 2: more than one */
	bool owned_here; /* a valid claim stands at this very prefix, owner_here's */
	bool changed;	 /* some claim here became valid or invalid */
	uint32_t owner_here;
};

struct trie {
	struct node *root4, *root6;
};

struct node *trie_find(const struct trie *t, const struct prefix *p); /* NULL: not there */
struct node *trie_get(struct trie *t, const struct prefix *p); /* makes it; NULL: no memory */
/* Gives n back if it has neither claims nor a fork below it, and a parent that only forked to
 * it. */
void trie_prune(struct trie *t, struct node *n);
void trie_clear(struct trie *t); /* claims included */

#endif

/* Nodes of a table by prefix: a path-compressed binary trie for each family.
 *
 * A node exists for each prefix that has a candidate, and where two of them part. Private to this
 * room; one thread. */
#ifndef ROUTING_TRIE_H
#define ROUTING_TRIE_H

#include "routing/rib.h"

#include <stdbool.h>
#include <stdint.h>

/* A route that somebody offers, and what became of it. */
struct candidate {
	struct candidate *next; /* at the same prefix, best first */
	struct rib_route route;
	uint64_t order; /* of arrival */
	bool valid;
	bool overlaps; /* another VPC's earlier prefix keeps it out */
};

struct node {
	struct node *parent, *child[2];
	struct prefix prefix;
	struct candidate *candidates;
	unsigned n_candidates;
	unsigned n_local; /* of these, the table's own subnets */

	/* Prefixes propagated by VPC attachments, which must not overlap (overlap.c). */
	uint32_t claims; /* here and below */
	uint32_t claims_here;
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
/* Gives n back if it has neither candidates nor a fork below it, and a parent that only forked to
 * it. */
void trie_prune(struct trie *t, struct node *n);
/* Every node, IPv4 first, in prefix order: shorter before longer. Starts with NULL, ends with NULL.
 */
struct node *trie_next(const struct trie *t, const struct node *n);

#endif

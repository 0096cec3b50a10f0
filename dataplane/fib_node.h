/* Nodes of the trie as the writer sees them: what lies behind a node's head, and drafts, by which
 * a new node is made of an old one and one difference. The writer's only; fib.c's alone. */
#ifndef DATAPLANE_FIB_NODE_H
#define DATAPLANE_FIB_NODE_H

#include "dataplane/fib_heap.h"

#include <stdbool.h>
#include <stdint.h>

#define FIB_SLOTS      256
#define FIB_ROUTES_MAX 511 /* prefixes of 1 to 8 more bits, and the root's one of none */

static inline struct fib_node **fib_children(const struct fib_node *n)
{
	return (struct fib_node **)(uintptr_t)(n + 1);
}

static inline uint32_t *fib_values(const struct fib_node *n)
{
	return (uint32_t *)(fib_children(n) + n->block.n_child);
}

static inline uint32_t *fib_route_values(const struct fib_node *n)
{
	return fib_values(n) + n->block.n_value;
}

/* A route's position in its node: a one, then its bits there. Sorted by number, a covering route
 * comes before what it covers. */
static inline uint16_t *fib_route_positions(const struct fib_node *n)
{
	return (uint16_t *)(fib_route_values(n) + n->block.n_route);
}

/* Where this slot's child is; NULL: it has none. */
struct fib_node **fib_child_at(const struct fib_node *n, uint8_t slot);
/* Is there a route of this position? *i: its index, or that of the first one behind it. */
bool fib_route_find(const struct fib_node *n, uint16_t position, unsigned *i);

/* ---- drafts ------------------------------------------------------------------------------- */

struct fib_draft {
	const struct fib_node *old; /* NULL: none */
	unsigned first, end;	    /* the slots whose routes are not the old node's */
	unsigned n_child, n_route;
	uint64_t child_map[4];
	struct fib_node *child[FIB_SLOTS];
	uint32_t route_value[FIB_ROUTES_MAX];
	uint16_t route_position[FIB_ROUTES_MAX];
};

/* As the old node, which stays where it is until the new one is built. NULL: empty. Then at most
 * one of the four differences. */
void fib_draft(struct fib_draft *d, const struct fib_node *old);
void fib_draft_add_child(struct fib_draft *d, uint8_t slot, struct fib_node *child);
void fib_draft_remove_child(struct fib_draft *d, uint8_t slot);
/* i: what fib_route_find() says. */
void fib_draft_set_route(struct fib_draft *d, unsigned i, uint16_t position, uint32_t value);
void fib_draft_remove_route(struct fib_draft *d, unsigned i);
struct fib_node *fib_draft_build(const struct fib_draft *d,
				 struct fib_heap *h); /* NULL: no memory */

#endif

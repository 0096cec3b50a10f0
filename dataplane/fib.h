/* Longest-prefix match for one route table, IPv4 and IPv6 side by side.
 *
 * A trie with eight bits a level. A node is immutable but for its child pointers: a change builds
 * one new node, publishes it with one store and retires the old one until every reader has passed
 * a quiescent point. A route lives in exactly one node; what it covers below that is found on the
 * way down, so a change never touches more than its node. An empty table is a few hundred bytes.
 *
 * A large IPv4 table also has a direct index, small enough to stay in cache: the first 18 bits of
 * an address lead to a group of 64 slots, one for each /24. A group is either one next hop, or a
 * chunk: a bit for each slot where a run begins, and the runs' next hops. So two loads, both soon
 * to come, find what the trie takes three levels for. Only below a slot with routes longer than /24
 * the trie is asked. Chunks are immutable and replaced and retired as nodes are (fib_direct.h).
 *
 * One writer (main) for all tables of a heap; any number of readers, which report to the heap's
 * QSBR variable and hold no node across a report. */
#ifndef DATAPLANE_FIB_H
#define DATAPLANE_FIB_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIB_NONE 0u /* no route; never a stored value */

struct rte_rcu_qsbr;
struct fib_heap;

/* Memory of all tables and the retired nodes. qsbr NULL: no readers beside the writer. */
struct fib_heap *fib_heap_new(struct rte_rcu_qsbr *qsbr);
void fib_heap_free(struct fib_heap *h); /* after its tables; readers are gone. NULL is fine */
unsigned fib_heap_reclaim(struct fib_heap *h);	 /* frees what readers have left; how many wait */
size_t fib_heap_bytes(const struct fib_heap *h); /* in use by tables and retired nodes */

/* ---- readers ------------------------------------------------------------------------------ */

/* Sixty-four of a node's 256 slots: half a cache line tells where to go from here. */
struct fib_part {
	uint64_t child;	      /* slots that lead on */
	uint64_t covered;     /* slots under a route that lives in this node */
	uint64_t start;	      /* covered slots whose value differs from the slot before */
	uint16_t first_child; /* this part's first child, in 8-byte steps from the node */
	uint16_t first_value; /* this part's first value, in 4-byte steps from the node */
	uint32_t unused;
};

/* The heap's and the writer's; readers never look at it. */
struct fib_block {
	struct fib_block *next; /* retired or free */
	uint64_t token;		/* when it was retired */
	uint16_t grains;	/* size */
	uint16_t n_child, n_value, n_route;
};

/* Behind it, in one allocation: children (pointers; the one thing that changes: writer stores,
 * readers acquire), values by run of slots, then the routes that live here, for the writer: their
 * values and their positions. */
struct fib_node {
	struct fib_part part[4];
	struct fib_block block;
};

#define FIB_DIRECT_GROUPS (1u << 18)
#define FIB_DIRECT_LONGER 0x8000u    /* a number's bit: routes longer than /24, ask the trie */
#define FIB_DIRECT_VALUES (1u << 15) /* the others number the next hops: 0 is no route */

/* A large IPv4 table's first 24 bits; behind it its chunks. */
struct fib_direct {
	uint32_t value[FIB_DIRECT_VALUES]; /* next hops; set before a group has their number */
	/* Writer stores, readers acquire: up to UINT16_MAX the number of all 64 slots, else where
	 * the group's chunk is, in 4-byte steps from here. */
	uint32_t group[FIB_DIRECT_GROUPS];
};

/* Lies in one cache line if it can. */
struct fib_chunk {
	uint32_t start[2]; /* a bit for each slot whose number differs from the one before; the
			      first */
	uint16_t number[]; /* of each such run */
};

struct fib {
	struct fib_node *root4, *root6; /* writer stores, readers acquire; never NULL */
	struct fib_direct *direct;	/* the same; NULL: a small table */
	struct fib_heap *heap;
	size_t routes, routes4; /* writer's */
	size_t direct_from;	/* writer's: routes4 that are enough for an index */
	uint64_t unused[9];	/* its block lies where a node's does */
	struct fib_block block;
};

static inline const struct fib_node *fib_step(const struct fib_node *n, uint8_t slot,
					      const uint32_t **best)
{
	const struct fib_part *p = &n->part[slot / 64];
	uint64_t bit = UINT64_C(1) << (slot % 64), upto = bit | (bit - 1);

	if (p->covered & bit)
		*best = (const uint32_t *)n + p->first_value +
			__builtin_popcountll(p->start & upto) - 1;
	if (!(p->child & bit))
		return NULL;
	return __atomic_load_n((struct fib_node *const *)n + p->first_child +
				       __builtin_popcountll(p->child & upto) - 1,
			       __ATOMIC_ACQUIRE);
}

extern const uint32_t fib_none;

/* By the trie alone. */
static inline uint32_t fib_walk4(const struct fib *f, uint32_t host_order)
{
	const struct fib_node *n = __atomic_load_n(&f->root4, __ATOMIC_ACQUIRE);
	const uint32_t *best = &fib_none;

	for (unsigned shift = 24; n; shift -= 8)
		n = fib_step(n, (uint8_t)(host_order >> shift), &best);
	return *best;
}

static inline const struct fib_chunk *fib_chunk(const struct fib_direct *d, uint32_t group)
{
	return (const struct fib_chunk *)((const uint32_t *)d + group);
}

/* group: what is stored of this host's. */
static inline uint16_t fib_number(const struct fib_direct *d, uint32_t group, uint32_t host_order)
{
	const struct fib_chunk *c = fib_chunk(d, group);
	uint64_t start;

	if (group <= UINT16_MAX)
		return (uint16_t)group;
	memcpy(&start, c->start, sizeof(start));
	return c->number[__builtin_popcountll(start << (63 - (host_order >> 8) % 64)) - 1];
}

static inline uint32_t fib_lookup4(const struct fib *f, uint32_t host_order)
{
	const struct fib_direct *d = __atomic_load_n(&f->direct, __ATOMIC_ACQUIRE);
	uint16_t number;

	if (!d)
		return fib_walk4(f, host_order);
	number = fib_number(d, __atomic_load_n(&d->group[host_order >> 14], __ATOMIC_ACQUIRE),
			    host_order);
	return number & FIB_DIRECT_LONGER ? fib_walk4(f, host_order) : d->value[number];
}

static inline uint32_t fib_lookup6(const struct fib *f, const uint8_t a[16])
{
	const struct fib_node *n = __atomic_load_n(&f->root6, __ATOMIC_ACQUIRE);
	const uint32_t *best = &fib_none;

	while (n)
		n = fib_step(n, *a++, &best);
	return *best;
}

uint32_t fib_lookup(const struct fib *f, const struct addr *a);

/* Of n hosts at once: their cache misses overlap. */
void fib_lookup4_many(const struct fib *f, const uint32_t *host_order, uint32_t *nh, unsigned n);
void fib_lookup6_many(const struct fib *f, const uint8_t (*host)[16], uint32_t *nh, unsigned n);

/* ---- the writer --------------------------------------------------------------------------- */

struct fib *fib_new(struct fib_heap *h); /* NULL: no memory */
/* Retires everything; *f itself goes when its readers have. Nothing may lead to it any more. */
void fib_free(struct fib *f);

/* Adds or replaces; nh is not FIB_NONE. Host bits of *p are ignored. 0, -EINVAL or -ENOMEM (and
 * then nothing changed). */
int fib_set(struct fib *f, const struct prefix *p, uint32_t nh);
int fib_delete(struct fib *f, const struct prefix *p);	       /* 0, -ENOENT, -ENOMEM */
uint32_t fib_get(const struct fib *f, const struct prefix *p); /* exactly this prefix's */
size_t fib_routes(const struct fib *f);
/* In order: IPv4 first, then by address, shorter before longer. fn must not change the table. */
void fib_walk(const struct fib *f, void (*fn)(void *ctx, const struct prefix *p, uint32_t nh),
	      void *ctx);

#endif

/* Route lookups of workers: from a packet's destination through at most three tables to a next
 * hop that is no table.
 *
 * Any thread that reports to tables->qsbr; what is found holds until its next report. */
#ifndef DATAPLANE_LOOKUP_H
#define DATAPLANE_LOOKUP_H

#include "dataplane/fib.h"
#include "dataplane/packet.h"
#include "dataplane/tables.h"

#define LOOKUP_TABLES 3

static inline uint32_t lookup_one(const struct tables *t, uint32_t table, const uint8_t *ip)
{
	const struct fib *fib = atomic_load_explicit(&t->fib[table], memory_order_acquire);

	if (unlikely(!fib))
		return nexthop(NEXTHOP_NONE, 0);
	return ip[0] >> 4 == 4 ? fib_lookup4(fib, get_be32(ip + 16)) : fib_lookup6(fib, ip + 24);
}

/* A next hop of kind NEXTHOP_TABLE is returned only if there were too many of them. */
static inline uint32_t lookup(const struct tables *t, uint32_t table, const uint8_t *ip)
{
	uint32_t nh = nexthop(NEXTHOP_NONE, 0);

	for (unsigned i = 0; i < LOOKUP_TABLES; i++) {
		nh = lookup_one(t, table, ip);
		if (nexthop_kind(nh) != NEXTHOP_TABLE)
			return nh;
		table = nexthop_index(nh);
	}
	return nh;
}

/* What a worker's lookups of IPv4 destinations found, for as long as no route changes: one line
 * where the tries take ten. Owned by its worker. */
#define MEMO_BITS    12
#define MEMO_ENTRIES (1u << MEMO_BITS)

struct memo {
	uint32_t to, nh;
	uint64_t under; /* epoch of the routes, 50 bits, and the table; 0: empty */
};
_Static_assert(TABLES_MAX <= 1 << 14, "a table's number is 14 bits of a memo");

static inline struct memo *memo_of(struct memo *memo, uint32_t table, uint32_t to)
{
	return &memo[mix32(to ^ (uint64_t)table << 32) >> (32 - MEMO_BITS)];
}

/* As lookup(). epoch: tables->routes_epoch, loaded since the last report. */
static inline uint32_t lookup_memo(const struct tables *t, struct memo *memo, uint64_t epoch,
				   uint32_t table, const uint8_t *ip)
{
	uint64_t under = epoch << 14 | table;
	uint32_t to;

	if (unlikely(ip[0] >> 4 != 4))
		return lookup(t, table, ip);
	to = get32(ip + 16);
	memo = memo_of(memo, table, to);
	if (unlikely(memo->to != to || memo->under != under))
		*memo = (struct memo){ .to = to, .nh = lookup(t, table, ip), .under = under };
	return memo->nh;
}

/* The tunnel that a flow takes of a set. NO_TUNNEL: none of them is UP. */
static inline unsigned lookup_bucket(const uint8_t *ip, unsigned len)
{
	return (unsigned)((uint64_t)packet_flow(ip, len) * SET_BUCKETS >> 32);
}

static inline uint16_t lookup_tunnel(const struct tunnel_set *s, const uint8_t *ip, unsigned len)
{
	unsigned bucket = s->n > 1 ? lookup_bucket(ip, len) : 0;

	return (uint16_t)(s->bucket[bucket] - 1);
}

#endif

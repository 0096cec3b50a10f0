/* Route lookups of workers: from a packet's destination through at most three tables to a next
 * hop that is no table.
 *
 * Any thread that reports to tables->qsbr; what is found holds until its next report. */
#ifndef DATAPLANE_LOOKUP_H
#define DATAPLANE_LOOKUP_H

#include "dataplane/fib.h"
#include "dataplane/martian.h"
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

/* The same for an IPv4 packet that is not for us alone. */
static inline uint32_t lookup_onward4(const struct tables *t, uint32_t table, const uint8_t *ip)
{
	uint32_t nh = lookup(t, table, ip);

	return nexthop_kind(nh) >= NEXTHOP_LINK && martian_destination(ip)
		       ? nexthop(NEXTHOP_DISCARD, NEXTHOP_MARTIAN)
		       : nh;
}

/* What a worker's lookups found, for as long as no route changes: one line where the tries take
 * ten, and its place is known before it is read. A destination is looked for in all of its line.
 * Owned by its worker. */
#define MEMO4_LINES (1u << 13)
#define MEMO6_LINES (1u << 12)

struct memo4_line {
	uint32_t to[4], nh[4];
	uint64_t under[4]; /* epoch of the routes, 50 bits, and the table; 0: empty */
};
struct memo6_line {
	uint64_t to[2][2];
	uint64_t under[2];
	uint32_t nh[2];
	uint64_t unused;
};
struct memo {
	struct memo4_line ip4[MEMO4_LINES];
	struct memo6_line ip6[MEMO6_LINES];
	unsigned turn; /* which place of a full line is given away next */
};
_Static_assert(TABLES_MAX <= 1 << 14, "a table's number is 14 bits of a memo");
_Static_assert(sizeof(struct memo4_line) == RTE_CACHE_LINE_SIZE, "four destinations");
_Static_assert(sizeof(struct memo6_line) == RTE_CACHE_LINE_SIZE, "two destinations");

/* Where this packet's destination is, if it is remembered. */
static inline void *memo_line(struct memo *memo, uint32_t table, const uint8_t *ip)
{
	if (likely(ip[0] >> 4 == 4))
		return &memo->ip4[mix32(get32(ip + 16) ^ (uint64_t)table << 32) % MEMO4_LINES];
	return &memo->ip6[mix32(get64(ip + 24) ^ mix32(get64(ip + 32) + table)) % MEMO6_LINES];
}

static inline uint32_t memo_ip4(const struct tables *t, struct memo *memo, struct memo4_line *l,
				uint64_t under, uint32_t table, const uint8_t *ip)
{
	uint32_t to = get32(ip + 16);
	unsigned i;

	for (i = 0; i < 4; i++)
		if (l->to[i] == to && l->under[i] == under)
			return l->nh[i];
	i = memo->turn++ % 4;
	l->to[i] = to;
	l->under[i] = under;
	return l->nh[i] = lookup_onward4(t, table, ip);
}

static inline uint32_t memo_ip6(const struct tables *t, struct memo *memo, struct memo6_line *l,
				uint64_t under, uint32_t table, const uint8_t *ip)
{
	uint64_t high = get64(ip + 24), low = get64(ip + 32);
	unsigned i;

	for (i = 0; i < 2; i++)
		if (l->to[i][0] == high && l->to[i][1] == low && l->under[i] == under)
			return l->nh[i];
	i = memo->turn++ % 2;
	l->to[i][0] = high;
	l->to[i][1] = low;
	l->under[i] = under;
	return l->nh[i] = lookup(t, table, ip);
}

/* As lookup(), for a packet on its way. line: memo_line()'s; epoch: tables->routes_epoch, loaded
 * since the last report. */
static inline uint32_t lookup_memo(const struct tables *t, struct memo *memo, void *line,
				   uint64_t epoch, uint32_t table, const uint8_t *ip)
{
	uint64_t under = epoch << 14 | table;

	return likely(ip[0] >> 4 == 4) ? memo_ip4(t, memo, line, under, table, ip)
				       : memo_ip6(t, memo, line, under, table, ip);
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

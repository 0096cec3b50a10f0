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

#define LOOKUP_MANY 64

/* The same for n packets of tables that may differ, together: their cache misses overlap. */
void lookup_many(const struct tables *t, const uint32_t *table, const uint8_t *const *ip,
		 uint32_t *nh, unsigned n);

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

static inline bool memo_find4(const struct memo4_line *l, uint64_t under, const uint8_t *ip,
			      uint32_t *nh)
{
	uint32_t to = get32(ip + 16);

	for (unsigned i = 0; i < 4; i++)
		if (l->to[i] == to && l->under[i] == under) {
			*nh = l->nh[i];
			return true;
		}
	return false;
}

static inline bool memo_find6(const struct memo6_line *l, uint64_t under, const uint8_t *ip,
			      uint32_t *nh)
{
	uint64_t high = get64(ip + 24), low = get64(ip + 32);

	for (unsigned i = 0; i < 2; i++)
		if (l->to[i][0] == high && l->to[i][1] == low && l->under[i] == under) {
			*nh = l->nh[i];
			return true;
		}
	return false;
}

/* What routes of this epoch (tables->routes_epoch, loaded since the last report) make of a table's
 * packets. */
static inline uint64_t memo_under(uint64_t epoch, uint32_t table)
{
	return epoch << 14 | table;
}

/* line: memo_line()'s. False: not remembered. */
static inline bool memo_find(const void *line, uint64_t under, const uint8_t *ip, uint32_t *nh)
{
	return likely(ip[0] >> 4 == 4) ? memo_find4(line, under, ip, nh)
				       : memo_find6(line, under, ip, nh);
}

/* A destination has one place, however often it is kept: a flow's packets miss together. */
static inline void memo_keep(struct memo *memo, void *line, uint64_t under, const uint8_t *ip,
			     uint32_t nh)
{
	uint32_t known;
	struct memo4_line *l4 = line;
	struct memo6_line *l6 = line;
	unsigned turn;

	if (memo_find(line, under, ip, &known))
		return;
	turn = memo->turn++;
	if (likely(ip[0] >> 4 == 4)) {
		l4->to[turn % 4] = get32(ip + 16);
		l4->under[turn % 4] = under;
		l4->nh[turn % 4] = nh;
	} else {
		l6->to[turn % 2][0] = get64(ip + 24);
		l6->to[turn % 2][1] = get64(ip + 32);
		l6->under[turn % 2] = under;
		l6->nh[turn % 2] = nh;
	}
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

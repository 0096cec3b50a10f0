/* Routes: from a bare IP packet and its table to a neighbour, a tunnel or us. */
#include "dataplane/lookup.h"
#include "dataplane/martian.h"
#include "dataplane/policy.h"
#include "dataplane/worker.h"

#include <rte_prefetch.h>

/* RFC 1812 §5.3.1 and §5.3.7: false if the packet may go no further, for its TTL or its addresses.
 * (IPv4's destinations are looked at where they are looked up.) */
static inline bool go_on(uint8_t *ip)
{
	if (ip[0] >> 4 == 4) {
		uint32_t sum;

		if ((ip[8] <= 1) | martian4(ip[12]))
			return false;
		ip[8]--;
		sum = get16(ip + 10) + (uint32_t)RTE_BE16(0x0100); /* RFC 1141 */
		put16(ip + 10, (uint16_t)(sum + (sum >> 16)));
		return true;
	}
	if ((ip[7] <= 1) | martian6(ip + 8) | martian6(ip + 24))
		return false;
	ip[7]--;
	return true;
}

/* A connection's tunnel, if but one is UP; else the connection, of which more is asked soon. */
static inline uint32_t only_tunnel(const struct tables *t, uint32_t nh)
{
	uint32_t index = nexthop_index(nh);
	uint16_t only = __atomic_load_n(&t->set_only[index], __ATOMIC_RELAXED);

	if (only)
		return nexthop(NEXTHOP_TUNNEL, only - 1u);
	rte_prefetch0(&t->set[index]);
	return nh;
}

/* Packets of a lane whose destinations are not remembered. */
struct missed {
	unsigned n;
	uint32_t table[BURST_MAX];
	const uint8_t *ip[BURST_MAX];
	void *line[BURST_MAX];
	uint8_t at[BURST_MAX]; /* in the lane */
};
_Static_assert(BURST_MAX <= LOOKUP_MANY, "looked up at once");

/* What this next hop points to can come while the rest is looked up. */
static inline uint32_t fetch(const struct tables *t, uint32_t nh)
{
	if (nexthop_kind(nh) == NEXTHOP_CONNECTION)
		return only_tunnel(t, nh);
	if (nexthop_kind(nh) == NEXTHOP_NEIGHBOUR)
		rte_prefetch0(&t->neighbour[nexthop_index(nh)]);
	return nh;
}

/* All together; then they are remembered. */
static __rte_noinline void look_up_missed(struct worker *w, const struct missed *m, uint64_t epoch,
					  uint32_t *nh)
{
	uint32_t found[BURST_MAX];

	lookup_many(w->tables, m->table, m->ip, found, m->n);
	for (unsigned i = 0; i < m->n; i++) {
		const uint8_t *ip = m->ip[i];
		uint64_t under = memo_under(epoch, m->table[i]);

		if (nexthop_kind(found[i]) >= NEXTHOP_LINK && ip[0] >> 4 == 4 &&
		    martian_destination(ip))
			found[i] = nexthop(NEXTHOP_DISCARD, NEXTHOP_MARTIAN);
		memo_keep(w->memo, m->line[i], under, ip, found[i]);
		nh[m->at[i]] = fetch(w->tables, found[i]);
	}
}

/* Next hops of the whole lane. */
static void look_up(struct worker *w, const struct burst *b, uint32_t *nh)
{
	const struct tables *t = w->tables;
	uint64_t epoch = atomic_load_explicit(&t->routes_epoch, memory_order_acquire);
	void *line[BURST_MAX];
	struct missed missed;

	for (unsigned i = 0; i < b->n_ip; i++) {
		line[i] = memo_line(w->memo, b->ip_table[i] & BURST_TABLE, packet(b->ip[i]));
		rte_prefetch0(line[i]);
	}
	missed.n = 0;
	for (unsigned i = 0; i < b->n_ip; i++) {
		const uint8_t *ip = packet(b->ip[i]);
		uint32_t table = b->ip_table[i] & BURST_TABLE;

		if (likely(memo_find(line[i], memo_under(epoch, table), ip, &nh[i]))) {
			nh[i] = fetch(t, nh[i]);
			continue;
		}
		missed.table[missed.n] = table;
		missed.ip[missed.n] = ip;
		missed.line[missed.n] = line[i];
		missed.at[missed.n++] = (uint8_t)i;
	}
	if (unlikely(missed.n))
		look_up_missed(w, &missed, epoch, nh);
}

/* table: with what is known of where it came from. */
static void drop(struct worker *w, struct rte_mbuf *m, uint32_t table, enum drop_reason reason)
{
	if (table & BURST_FROM)
		worker_drop_of(w, m, reason, burst_from(table));
	else
		worker_drop(w, m, reason);
}

static __rte_noinline void go_no_further(struct worker *w, struct rte_mbuf *m, uint32_t table)
{
	const uint8_t *ip = packet(m);

	if ((ip[0] >> 4 == 4 ? ip[8] : ip[7]) > 1) {
		drop(w, m, table, DROP_MARTIAN);
		return;
	}
	if (table & BURST_FROM)
		counter_add(&w->tables->tunnel_drop[burst_from(table)][DROP_TTL_EXPIRED], 1);
	tag_set(m, TAG_PUNT_TTL, 0, table & BURST_TABLE);
	punt_error(w, m, DROP_TTL_EXPIRED);
}

/* Whichever of them comes up first carries the traffic, so all that wait for some are wanted. */
static __rte_noinline void to_nobody(struct worker *w, struct rte_mbuf *m, uint32_t index)
{
	const struct tunnel_set *s = &w->tables->set[index];

	for (unsigned i = 0; i < DATAPLANE_SET_TUNNELS; i++) {
		uint16_t member = __atomic_load_n(&s->member[i], __ATOMIC_RELAXED);

		if (!member)
			break;
		worker_want(w, member - 1u);
	}
	worker_drop(w, m, DROP_NO_TUNNEL_UP);
}

static inline void to_tunnel(const struct worker *w, struct burst *b, struct rte_mbuf *m,
			     uint32_t index)
{
	if (likely(w->tables->owner[index] == w->index))
		rte_prefetch0(&w->tables->out[index]);
	burst_add_out(b, m, index);
}

static void to_us(struct worker *w, struct rte_mbuf *m, uint32_t index, uint32_t table)
{
	bool inner = index & NEXTHOP_LOCAL_TUNNEL;
	const struct tunnel *t = &w->tables->tunnel[index & ~NEXTHOP_LOCAL_TUNNEL];
	uint32_t from = table & BURST_TABLE;

	/* The peer's own packets come out of its tunnel, where esp_in() has checked them, not from
	 * a VPC's table. */
	if (inner && from != t->table && policy_is_peer(t, packet(m))) {
		drop(w, m, table, DROP_SPOOFED);
		return;
	}
	if (inner)
		tag_set(m, TAG_PUNT_INNER, 0, index & ~NEXTHOP_LOCAL_TUNNEL);
	else
		tag_set(m, TAG_PUNT_LOCAL, 0, from);
	punt(w, m, punt_class(packet(m), m->data_len, inner));
}

/* Packets that end here, or cannot go on. */
static __rte_noinline void stay(struct worker *w, struct rte_mbuf *m, uint32_t table, uint32_t nh)
{
	switch (nexthop_kind(nh)) {
	case NEXTHOP_DISCARD:
		drop(w, m, table,
		     nexthop_index(nh) == NEXTHOP_MARTIAN ? DROP_MARTIAN : DROP_DISCARD_ROUTE);
		break;
	case NEXTHOP_TABLE:
		drop(w, m, table, DROP_TABLE_LOOP);
		break;
	case NEXTHOP_LOCAL:
		to_us(w, m, nexthop_index(nh), table);
		break;
	default:
		drop(w, m, table, DROP_NO_ROUTE);
	}
}

void forward(struct worker *w, struct burst *b)
{
	const struct tables *t = w->tables;
	uint32_t nh[BURST_MAX];

	look_up(w, b, nh);
	for (unsigned i = 0; i < b->n_ip; i++) {
		struct rte_mbuf *m = b->ip[i];
		uint32_t table = b->ip_table[i], index = nexthop_index(nh[i]), tunnel;

		if (unlikely(nexthop_kind(nh[i]) < NEXTHOP_LINK)) {
			stay(w, m, table, nh[i]);
			continue;
		}
		if (unlikely(!(table & BURST_OWN) && !go_on(packet(m)))) {
			go_no_further(w, m, table);
			continue;
		}
		if (nexthop_kind(nh[i]) < NEXTHOP_CONNECTION) {
			burst_add_link(b, m, nh[i]);
		} else if (unlikely(table & BURST_TUNNEL)) {
			drop(w, m, table, DROP_NO_TRANSIT);
		} else if (nexthop_kind(nh[i]) == NEXTHOP_CONNECTION) {
			tunnel = lookup_tunnel(&t->set[index], packet(m), m->data_len);
			if (likely(tunnel != NO_TUNNEL))
				to_tunnel(w, b, m, tunnel);
			else
				to_nobody(w, m, index);
		} else {
			to_tunnel(w, b, m, index);
		}
	}
	b->n_ip = 0;
}

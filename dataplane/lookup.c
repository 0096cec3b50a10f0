#include "dataplane/lookup.h"

#define FEW 8 /* to look them up together costs more than it saves */

/* Packets that are still on their way from table to table. */
struct way {
	unsigned n;
	uint8_t packet[LOOKUP_MANY];
	uint32_t table[LOOKUP_MANY];
};

static void add(struct way *w, uint8_t packet, uint32_t table)
{
	w->packet[w->n] = packet;
	w->table[w->n++] = table;
}

static bool is_ip4(const uint8_t *ip)
{
	return ip[0] >> 4 == 4;
}

/* Those of one table and family. */
static void look_up_some(const struct tables *t, uint32_t table, const uint8_t *const *ip,
			 const uint8_t *some, uint32_t *nh, unsigned n)
{
	const struct fib *fib = atomic_load_explicit(&t->fib[table], memory_order_acquire);
	uint32_t host4[LOOKUP_MANY], found[LOOKUP_MANY];
	uint8_t host6[LOOKUP_MANY][16];
	bool ip4 = is_ip4(ip[some[0]]);

	for (unsigned i = 0; i < n; i++) {
		found[i] = nexthop(NEXTHOP_NONE, 0);
		if (ip4)
			host4[i] = get_be32(ip[some[i]] + 16);
		else
			memcpy(host6[i], ip[some[i]] + 24, sizeof(host6[i]));
	}
	if (likely(fib) && ip4)
		fib_lookup4_many(fib, host4, found, n);
	else if (likely(fib))
		fib_lookup6_many(fib, (const uint8_t(*)[16])host6, found, n);
	for (unsigned i = 0; i < n; i++)
		nh[some[i]] = found[i];
}

/* Takes those that go as the first one does, and looks them up. */
static void look_up_alike(const struct tables *t, const uint8_t *const *ip, struct way *w,
			  struct way *next, uint32_t *nh)
{
	bool ip4 = is_ip4(ip[w->packet[0]]);
	uint32_t table = w->table[0];
	uint8_t some[LOOKUP_MANY];
	unsigned n = 0, others = 0;

	for (unsigned i = 0; i < w->n; i++) {
		if (w->table[i] == table && is_ip4(ip[w->packet[i]]) == ip4) {
			some[n++] = w->packet[i];
			continue;
		}
		w->packet[others] = w->packet[i];
		w->table[others++] = w->table[i];
	}
	w->n = others;
	look_up_some(t, table, ip, some, nh, n);
	for (unsigned i = 0; i < n; i++)
		if (nexthop_kind(nh[some[i]]) == NEXTHOP_TABLE)
			add(next, some[i], nexthop_index(nh[some[i]]));
}

void lookup_many(const struct tables *t, const uint32_t *table, const uint8_t *const *ip,
		 uint32_t *nh, unsigned n)
{
	struct way way[2], *now = &way[0], *next = &way[1], *done;

	if (n < FEW) {
		for (unsigned i = 0; i < n; i++)
			nh[i] = lookup(t, table[i], ip[i]);
		return;
	}
	now->n = next->n = 0;
	for (unsigned i = 0; i < n; i++)
		add(now, (uint8_t)i, table[i]);
	for (unsigned i = 0; i < LOOKUP_TABLES && now->n; i++) {
		while (now->n)
			look_up_alike(t, ip, now, next, nh);
		done = now;
		now = next;
		next = done;
	}
}

#include "gateway/hops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VALID_MAX 64

struct hops {
	struct dataplane *dp;
	const struct hops_map *map;
};

struct members {
	uint32_t tunnel[DATAPLANE_SET_TUNNELS];
	unsigned n;
	bool whole; /* nothing but tunnels */
};

int hops_new(struct hops **out, struct dataplane *dp, const struct hops_map *map)
{
	struct hops *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->dp = dp;
	h->map = map;
	*out = h;
	return 0;
}

void hops_free(struct hops *h)
{
	free(h);
}

/* Is this host route the dataplane's own: one of our addresses, or a tunnel's inner peer? */
static bool is_reserved(const struct hops *h, uint32_t table, const struct prefix *p, uint32_t nh)
{
	const struct dataplane_tunnel *t;

	if (p->len != addr_bits(&p->addr) || nexthop_kind(nh) != NEXTHOP_TUNNEL)
		return nexthop_kind(nh) == NEXTHOP_LOCAL;
	t = &h->map->tunnel[nexthop_index(nh)];
	return t->table == table && addr_equal(&t->inner_peer, &p->addr);
}

static void add_member(struct members *m, uint32_t tunnel)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->tunnel[i] == tunnel)
			return;
	if (m->n < DATAPLANE_SET_TUNNELS)
		m->tunnel[m->n++] = tunnel;
}

static void add_route(const struct hops *h, struct members *m, const struct rib_route *r)
{
	if (r->via != RIB_VIA_CONNECTION) {
		m->whole = false;
	} else if (r->origin == RIB_EBGP) {
		add_member(m, r->source);
	} else {
		const struct hops_connection *c = &h->map->connection[r->via_index];

		for (unsigned i = 0; i < c->n; i++)
			add_member(m, c->tunnel[i]);
	}
}

/* The tunnels behind all of them; not whole: something else is there, too. */
static void collect(const struct hops *h, const struct prefix *p, const struct rib_route *valid,
		    unsigned n, struct members *m)
{
	struct rib_route behind[DATAPLANE_SET_TUNNELS];

	*m = (struct members){ .whole = true };
	for (unsigned i = 0; i < n; i++) {
		unsigned k;

		if (valid[i].via != RIB_VIA_GATEWAY) {
			add_route(h, m, &valid[i]);
			continue;
		}
		k = rib_valid(h->map->rib, h->map->gateway_table[valid[i].via_index], p, behind,
			      DATAPLANE_SET_TUNNELS);
		m->whole = m->whole && k > 0;
		for (unsigned b = 0; b < k && b < DATAPLANE_SET_TUNNELS; b++)
			add_route(h, m, &behind[b]);
	}
}

static uint32_t single(const struct hops *h, const struct rib_route *r)
{
	switch (r->via) {
	case RIB_VIA_LOCAL:
		return nexthop(NEXTHOP_LINK, h->map->attachment[r->via_index].interface);
	case RIB_VIA_ATTACHMENT:
		return nexthop(NEXTHOP_TABLE,
			       h->map->vpc_table[h->map->attachment[r->via_index].vpc]);
	case RIB_VIA_CONNECTION:
		return r->origin == RIB_EBGP ? nexthop(NEXTHOP_TUNNEL, r->source)
					     : nexthop(NEXTHOP_CONNECTION, r->via_index);
	case RIB_VIA_GATEWAY:
		return nexthop(NEXTHOP_TABLE, h->map->gateway_table[r->via_index]);
	}
	return nexthop(NEXTHOP_DISCARD, 0);
}

/* *held: the next hop is a bundle of which we have a hold now. */
static int choose(struct hops *h, const struct prefix *p, const struct rib_route *valid, unsigned n,
		  uint32_t *nh, bool *held)
{
	struct members m;
	int rc;

	*held = false;
	*nh = single(h, &valid[0]);
	if (n == 1)
		return 0;
	collect(h, p, valid, n, &m);
	/* What tunnels share is a bundle; of anything else the first in the model's order. */
	if (!m.whole || m.n < 2)
		return 0;
	rc = dataplane_bundle_hold(h->dp, m.tunnel, m.n, nh);
	*held = rc == 0;
	/* Without room for another bundle, one of the ways is better than the old one. */
	return rc == -ENOSPC || rc == -ENOMEM ? 0 : rc;
}

static bool is_bundle(uint32_t nh)
{
	return nexthop_kind(nh) == NEXTHOP_CONNECTION && (nh & NEXTHOP_BUNDLE) != 0;
}

int hops_change(struct hops *h, uint32_t table, const struct prefix *p,
		const struct rib_route *valid, unsigned n)
{
	uint32_t before, nh = nexthop(NEXTHOP_NONE, 0);
	bool held = false;
	int rc;

	before = dataplane_route_get(h->dp, table, p);
	if (is_reserved(h, table, p, before))
		return 0;
	if (n == 0) {
		rc = dataplane_route_delete(h->dp, table, p);
	} else {
		rc = choose(h, p, valid, n, &nh, &held);
		if (rc == 0)
			rc = dataplane_route_set(h->dp, table, p, nh);
	}
	if (rc == 0 && is_bundle(before))
		dataplane_bundle_release(h->dp, before);
	if (rc < 0 && held)
		dataplane_bundle_release(h->dp, nh);
	return rc;
}

int hops_again(struct hops *h, uint32_t table, const struct prefix *p)
{
	struct rib_route valid[VALID_MAX];
	unsigned n = rib_valid(h->map->rib, table, p, valid, VALID_MAX);

	if (n == 0)
		return 0;
	return hops_change(h, table, p, valid, n < VALID_MAX ? n : VALID_MAX);
}

uint32_t hops_taken(struct hops *h, uint32_t table, const struct addr *a)
{
	struct prefix p = prefix_host(a);

	return dataplane_route_get(h->dp, table, &p);
}

void hops_let_go(struct hops *h, uint32_t before)
{
	if (is_bundle(before))
		dataplane_bundle_release(h->dp, before);
}

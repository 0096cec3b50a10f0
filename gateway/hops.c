#include "gateway/hops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A host route that is the dataplane's own. */
struct reserved {
	uint32_t table;
	struct addr addr;
};

struct hops {
	struct dataplane *dp;
	struct hops_map map;
	uint32_t *first; /* by connection: its first tunnel */
	struct reserved *reserved;
	size_t n_reserved;
};

struct members {
	uint32_t tunnel[DATAPLANE_SET_TUNNELS];
	unsigned n;
	bool whole; /* nothing but tunnels */
};

static int compare_reserved(const void *va, const void *vb)
{
	const struct reserved *a = va, *b = vb;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	return addr_compare(&a->addr, &b->addr);
}

static size_t count_tunnels(const struct conf *c)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		n += c->connection[i].n_tunnels;
	return n;
}

static void reserve(struct hops *h, const struct conf_vpn_connection *c)
{
	uint32_t table = h->map.gateway_table[c->gateway - h->map.conf->border_gateway];

	for (unsigned i = 0; i < c->n_tunnels; i++) {
		h->reserved[h->n_reserved++] = (struct reserved){ table, c->tunnel[i].inner.addr };
		h->reserved[h->n_reserved++] = (struct reserved){ table, c->tunnel[i].inner_peer };
	}
}

int hops_new(struct hops **out, struct dataplane *dp, const struct hops_map *map)
{
	const struct conf *c = map->conf;
	struct hops *h = calloc(1, sizeof(*h));
	uint32_t tunnel = 0;

	if (!h)
		return -ENOMEM;
	h->dp = dp;
	h->map = *map;
	h->first = calloc(c->n_connections + 1u, sizeof(*h->first));
	h->reserved = calloc(2 * count_tunnels(c) + 1, sizeof(*h->reserved));
	if (!h->first || !h->reserved) {
		hops_free(h);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < c->n_connections; i++) {
		h->first[i] = tunnel;
		tunnel += c->connection[i].n_tunnels;
		reserve(h, &c->connection[i]);
	}
	qsort(h->reserved, h->n_reserved, sizeof(*h->reserved), compare_reserved);
	*out = h;
	return 0;
}

void hops_free(struct hops *h)
{
	if (!h)
		return;
	free(h->first);
	free(h->reserved);
	free(h);
}

static bool is_reserved(const struct hops *h, uint32_t table, const struct prefix *p)
{
	struct reserved key = { table, p->addr };

	return p->len == addr_bits(&p->addr) &&
	       bsearch(&key, h->reserved, h->n_reserved, sizeof(key), compare_reserved);
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
		for (unsigned i = 0; i < h->map.conf->connection[r->via_index].n_tunnels; i++)
			add_member(m, h->first[r->via_index] + i);
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
		k = rib_valid(h->map.rib, h->map.gateway_table[valid[i].via_index], p, behind,
			      DATAPLANE_SET_TUNNELS);
		m->whole = m->whole && k > 0;
		for (unsigned b = 0; b < k && b < DATAPLANE_SET_TUNNELS; b++)
			add_route(h, m, &behind[b]);
	}
}

static uint32_t single(const struct hops *h, const struct rib_route *r)
{
	const struct conf *c = h->map.conf;

	switch (r->via) {
	case RIB_VIA_LOCAL:
		return nexthop(NEXTHOP_LINK, h->map.interface[r->via_index]);
	case RIB_VIA_ATTACHMENT:
		return nexthop(NEXTHOP_TABLE,
			       h->map.vpc_table[c->attachment[r->via_index].vpc - c->vpc]);
	case RIB_VIA_CONNECTION:
		return r->origin == RIB_EBGP ? nexthop(NEXTHOP_TUNNEL, r->source)
					     : nexthop(NEXTHOP_CONNECTION, r->via_index);
	case RIB_VIA_GATEWAY:
		return nexthop(NEXTHOP_TABLE, h->map.gateway_table[r->via_index]);
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

	if (is_reserved(h, table, p))
		return 0;
	before = dataplane_route_get(h->dp, table, p);
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

#include "dataplane/underlay.h"

#include "dataplane/core.h"
#include "dataplane/neighbour.h"
#include "dataplane/vtep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct way_route {
	struct prefix prefix;
	uint32_t nh; /* in the FIB now */
	unsigned n;
	struct dataplane_way way[DATAPLANE_WAYS];
	TAILQ_ENTRY(way_route) next;
};

TAILQ_HEAD(way_routes, way_route);

struct underlay {
	struct way_routes routes;
};

struct underlay *underlay_new(void)
{
	struct underlay *u = calloc(1, sizeof(*u));

	if (u)
		TAILQ_INIT(&u->routes);
	return u;
}

void underlay_free(struct underlay *u)
{
	struct way_route *r;

	if (!u)
		return;
	while ((r = TAILQ_FIRST(&u->routes))) {
		TAILQ_REMOVE(&u->routes, r, next);
		free(r);
	}
	free(u);
}

static struct way_route *find(const struct underlay *u, const struct prefix *p)
{
	struct way_route *r;

	TAILQ_FOREACH(r, &u->routes, next)
	{
		if (prefix_equal(&r->prefix, p))
			break;
	}
	return r;
}

/* The first way that is alive; none: the first one, so that a packet finds somebody to wait for. */
static uint32_t choose(struct dataplane *dp, const struct way_route *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct host *h =
			neighbours_find(dp->neighbours, r->way[i].port, &r->way[i].next_hop);

		if (h && h->has_entry)
			return nexthop(NEXTHOP_NEIGHBOUR, h->entry);
	}
	return nexthop(NEXTHOP_LINK, r->way[0].port);
}

static int update(struct dataplane *dp, struct way_route *r)
{
	uint32_t nh = choose(dp, r);
	int rc;

	if (nh == r->nh)
		return 0;
	rc = route_set(dp, DATAPLANE_UNDERLAY, &r->prefix, nh);
	if (rc == 0)
		r->nh = nh;
	return rc;
}

void underlay_host_changed(struct dataplane *dp)
{
	struct way_route *r;

	TAILQ_FOREACH(r, &dp->underlay->routes, next)
	{
		(void)update(dp, r);
	}
}

static bool is_used(const struct underlay *u, const struct dataplane_way *w)
{
	const struct way_route *r;

	TAILQ_FOREACH(r, &u->routes, next)
	{
		for (unsigned i = 0; i < r->n; i++) {
			if (r->way[i].port == w->port &&
			    addr_equal(&r->way[i].next_hop, &w->next_hop))
				return true;
		}
	}
	return false;
}

/* After the route that had these ways is gone, or has others. */
static void release(struct dataplane *dp, const struct dataplane_way *way, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!is_used(dp->underlay, &way[i]))
			neighbours_unwatch(dp->neighbours, way[i].port, &way[i].next_hop);
	}
}

static int check(struct dataplane *dp, const struct prefix *p, const struct dataplane_way *way,
		 unsigned n)
{
	if (n == 0 || n > DATAPLANE_WAYS)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (way[i].port >= dp->n_ports || way[i].next_hop.family != p->addr.family)
			return -EINVAL;
		if (!host_is_on_link(interface_get(dp, way[i].port), &way[i].next_hop))
			return -EHOSTUNREACH;
	}
	return 0;
}

int dataplane_underlay_set(struct dataplane *dp, const struct prefix *p,
			   const struct dataplane_way *way, unsigned n)
{
	struct way_route *r, old = { 0 };
	struct prefix net = prefix_network(p);
	int rc = check(dp, p, way, n);

	if (rc)
		return rc;
	r = find(dp->underlay, &net);
	if (r) {
		old = *r;
	} else {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		r->prefix = net;
		TAILQ_INSERT_TAIL(&dp->underlay->routes, r, next);
	}
	memcpy(r->way, way, n * sizeof(*way));
	r->n = n;
	for (unsigned i = 0; i < n; i++)
		neighbours_watch(dp->neighbours, dp->now, way[i].port, &way[i].next_hop);
	rc = update(dp, r);
	if (rc && !old.n) {
		TAILQ_REMOVE(&dp->underlay->routes, r, next);
		free(r);
		release(dp, way, n);
		return rc;
	}
	release(dp, old.way, old.n);
	host_ways_changed(dp);
	vtep_ports_changed(dp);
	return rc;
}

int dataplane_underlay_delete(struct dataplane *dp, const struct prefix *p)
{
	struct prefix net = prefix_network(p);
	struct way_route *r = find(dp->underlay, &net);
	int rc;

	if (!r)
		return -ENOENT;
	rc = route_delete(dp, DATAPLANE_UNDERLAY, &net);
	if (rc)
		return rc;
	TAILQ_REMOVE(&dp->underlay->routes, r, next);
	release(dp, r->way, r->n);
	free(r);
	host_ways_changed(dp);
	vtep_ports_changed(dp);
	return 0;
}

static const struct way_route *longest(const struct underlay *u, const struct addr *a)
{
	const struct way_route *r, *best = NULL;

	TAILQ_FOREACH(r, &u->routes, next)
	{
		if (prefix_contains(&r->prefix, a) && (!best || r->prefix.len > best->prefix.len))
			best = r;
	}
	return best;
}

uint32_t underlay_ports(struct dataplane *dp, const struct addr *a)
{
	const struct way_route *r = longest(dp->underlay, a);
	uint32_t ports = 0;

	for (unsigned k = 0; k < dp->n_ports; k++) {
		if (host_is_on_link(interface_get(dp, k), a))
			return UINT32_C(1) << dp->port[k].id;
	}
	for (unsigned i = 0; r && i < r->n; i++)
		ports |= UINT32_C(1) << dp->port[r->way[i].port].id;
	return ports;
}

bool underlay_next_hop(struct dataplane *dp, const struct addr *a, uint32_t *interface,
		       struct addr *next_hop)
{
	const struct way_route *best = longest(dp->underlay, a);

	if (!best)
		return false;
	*interface = best->way[0].port;
	*next_hop = best->way[0].next_hop;
	return true;
}

/* ---- the configuration's ------------------------------------------------------------------ */

/* One more way for a prefix, behind those that it has. */
static int add(struct dataplane *dp, const struct prefix *p, uint32_t port,
	       const struct addr *next_hop)
{
	struct dataplane_way way[DATAPLANE_WAYS];
	const struct way_route *r = find(dp->underlay, p);
	unsigned n = r ? r->n : 0;

	if (n == DATAPLANE_WAYS)
		return -ENOSPC;
	if (r)
		memcpy(way, r->way, n * sizeof(*way));
	way[n++] = (struct dataplane_way){ .port = port, .next_hop = *next_hop };
	return dataplane_underlay_set(dp, p, way, n);
}

int underlay_open(struct dataplane *dp, const struct conf *c)
{
	int rc = 0;

	for (unsigned i = 0; i < c->n_ports && rc == 0; i++) {
		const struct addr *hop[] = { &c->port[i].next_hop, &c->port[i].next_hop6 };

		for (unsigned k = 0; k < 2 && rc == 0; k++) {
			struct prefix all = { .addr.family = hop[k]->family };

			if (hop[k]->family != ADDR_NONE)
				rc = add(dp, &all, i, hop[k]);
		}
	}
	for (unsigned i = 0; i < c->n_underlay_routes && rc == 0; i++) {
		const struct conf_underlay_route *r = &c->underlay_route[i];
		struct prefix net = prefix_network(&r->prefix);

		rc = add(dp, &net, (uint32_t)(r->port - c->port), &r->next_hop);
	}
	return rc;
}

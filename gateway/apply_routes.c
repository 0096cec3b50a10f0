/* The routes that a model asks for, against those that there are. */
#include "gateway/apply_core.h"

#include "conf/number.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct applied_route *v;
	size_t n, room;
};

static int by_identity(const void *va, const void *vb)
{
	const struct applied_route *a = va, *b = vb;
	const struct rib_route *r = &a->route, *s = &b->route;
	int c;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	c = addr_compare(&r->prefix.addr, &s->prefix.addr);
	if (c != 0)
		return c;
	if (r->prefix.len != s->prefix.len)
		return r->prefix.len < s->prefix.len ? -1 : 1;
	if (r->via != s->via)
		return r->via < s->via ? -1 : 1;
	if (r->via_index != s->via_index)
		return r->via_index < s->via_index ? -1 : 1;
	return (int)r->origin - (int)s->origin;
}

static int by_order(const void *va, const void *vb)
{
	const struct applied_route *a = va, *b = vb;

	return a->order < b->order ? -1 : a->order > b->order;
}

/* ---- what a model asks for --------------------------------------------------------------- */

static int want(struct list *l, uint32_t table, const struct prefix *p, enum rib_via via,
		uint32_t via_index, enum rib_origin origin)
{
	if (l->n == l->room) {
		size_t room = l->room > 0 ? 2 * l->room : 64;
		struct applied_route *v = reallocarray(l->v, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->room = room;
	}
	l->v[l->n] = (struct applied_route){
		.table = table,
		.route = { .prefix = *p, .via = via, .via_index = via_index, .origin = origin },
		.order = (uint32_t)l->n,
	};
	l->n++;
	return 0;
}

/* A VPC's subnets lie on its first attachment's link. */
static int want_subnets(const struct applied *a, const struct conf *c, struct list *l)
{
	bool *placed = calloc(conf_numbers(c, CONF_VPC) + 1u, sizeof(*placed));
	int rc = placed ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < c->n_attachments; i++) {
		const struct conf_vpc *v = c->attachment[i].vpc;

		for (unsigned k = 0; rc == 0 && !placed[v->id] && k < v->n_prefixes; k++)
			rc = want(l, a->map.vpc_table[v->id], &v->prefix[k], RIB_VIA_LOCAL,
				  c->attachment[i].id, RIB_STATIC);
		placed[v->id] = true;
	}
	free(placed);
	return rc;
}

static int want_static(struct list *l, uint32_t table, const struct conf_static_route *s)
{
	if (s->connection)
		return want(l, table, &s->prefix, RIB_VIA_CONNECTION, s->connection->id,
			    RIB_STATIC);
	if (s->attachment)
		return want(l, table, &s->prefix, RIB_VIA_ATTACHMENT, s->attachment->id,
			    RIB_STATIC);
	return want(l, table, &s->prefix, RIB_VIA_GATEWAY, s->gateway->id, RIB_STATIC);
}

static int want_propagated(const struct applied *a, const struct conf_vpc_attachment *t,
			   struct list *l)
{
	bool partial = t->propagate == CONF_PROPAGATE_PARTIAL;
	const struct prefix *p = partial ? t->propagated : t->vpc->prefix;
	unsigned n = partial ? t->n_propagated : t->vpc->n_prefixes;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && t->propagate != CONF_PROPAGATE_NONE && i < n; i++)
		rc = want(l, a->map.gateway_table[t->gateway->id], &p[i], RIB_VIA_ATTACHMENT, t->id,
			  RIB_PROPAGATED);
	return rc;
}

static int want_all(const struct applied *a, const struct conf *c, struct list *l)
{
	int rc = want_subnets(a, c, l);

	for (unsigned i = 0; i < c->n_border_gateways; i++) {
		const struct conf_border_gateway *g = &c->border_gateway[i];

		for (unsigned k = 0; rc == 0 && k < g->n_routes; k++)
			rc = want_static(l, a->map.gateway_table[g->id], &g->route[k]);
	}
	for (unsigned i = 0; i < c->n_vpcs; i++)
		for (unsigned k = 0; rc == 0 && k < c->vpc[i].n_routes; k++)
			rc = want_static(l, a->map.vpc_table[c->vpc[i].id], &c->vpc[i].route[k]);
	for (unsigned i = 0; rc == 0 && i < c->n_attachments; i++)
		rc = want_propagated(a, &c->attachment[i], l);
	return rc;
}

/* ---- against what there is --------------------------------------------------------------- */

/* Sorted, once each, and marked where both have it. */
static void match(struct applied *a, struct list *l)
{
	size_t n = 0, k = 0;

	if (l->n > 0)
		qsort(l->v, l->n, sizeof(*l->v), by_identity);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || by_identity(&l->v[n - 1], &l->v[i]) != 0)
			l->v[n++] = l->v[i];
	l->n = n;
	for (size_t i = 0; i < a->n_routes; i++) {
		while (k < l->n && by_identity(&l->v[k], &a->route[i]) < 0)
			k++;
		a->route[i].kept = k < l->n && by_identity(&l->v[k], &a->route[i]) == 0;
		if (a->route[i].kept)
			l->v[k].kept = true;
	}
}

static int refuse(struct applied *a, const struct conf *c, const struct applied_route *r, int rc)
{
	const struct conf_vpn_connection *v = conf_connection_at(c, r->route.via_index);
	const struct conf_vpc_attachment *t = conf_attachment_at(c, r->route.via_index);
	const struct conf_border_gateway *g = conf_gateway_at(c, r->route.via_index);
	const char *name = r->route.via == RIB_VIA_CONNECTION ? v->name
			   : r->route.via == RIB_VIA_GATEWAY  ? g->name
							      : t->vpc_name;
	char text[PREFIX_STR_MAX];

	return apply_fail(a, rc, "route %s to '%s'", prefix_format(&r->route.prefix, text), name);
}

static bool is_unusable(const struct applied *a, const struct rib_route *r)
{
	return r->via == RIB_VIA_CONNECTION && !a->connection[r->via_index].usable;
}

/* In the model's order, for who comes first may matter. What was done is noted also on failure. */
static int add_new(struct applied *a, const struct conf *c, struct list *l)
{
	size_t room = a->n_routes + l->n, done = 0;
	struct applied_route *v = reallocarray(a->route, room + 1, sizeof(*v));
	int rc = 0;

	if (!v)
		return apply_fail(a, -ENOMEM, "routes");
	a->route = v;
	qsort(l->v, l->n, sizeof(*l->v), by_order);
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		struct rib_route *r = &l->v[i].route;

		if (l->v[i].kept)
			continue;
		r->unusable = is_unusable(a, r);
		rc = apply_outcome(a, tables_add(a->tables, l->v[i].table, r));
		if (rc < 0)
			refuse(a, c, &l->v[i], rc);
		a->route[a->n_routes + done] = l->v[i];
		a->route[a->n_routes + done++].kept = true;
	}
	a->n_routes += done;
	return rc;
}

static void remove_unkept(struct applied *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_routes; i++) {
		if (a->route[i].kept)
			a->route[n++] = a->route[i];
		else
			apply_outcome(
				a, tables_remove(a->tables, a->route[i].table, &a->route[i].route));
	}
	a->n_routes = n;
}

/* What leads to a connection whose tunnels are others now may be a bundle of them. */
static void publish_changed(struct applied *a)
{
	for (size_t i = 0; i < a->n_routes; i++) {
		const struct rib_route *r = &a->route[i].route;

		if (r->via != RIB_VIA_CONNECTION || !a->connection[r->via_index].changed)
			continue;
		hops_again(a->hops, a->route[i].table, &r->prefix);
		for (uint32_t k = 0; k < a->room[CONF_ATTACHMENT]; k++) {
			const struct applied_attachment *t = &a->attachment[k];

			if (t->used && t->gateway == a->connection[r->via_index].gateway)
				hops_again(a->hops, a->map.vpc_table[t->vpc], &r->prefix);
		}
	}
	for (uint32_t i = 0; i < a->room[CONF_CONNECTION]; i++)
		a->connection[i].changed = false;
}

int apply_routes(struct applied *a, const struct conf *c)
{
	struct list l = { 0 };
	int rc = want_all(a, c, &l);

	if (rc < 0) {
		free(l.v);
		return apply_fail(a, rc, "routes");
	}
	match(a, &l);
	rc = l.n > 0 ? add_new(a, c, &l) : 0;
	if (rc == 0)
		remove_unkept(a);
	if (a->n_routes > 0)
		qsort(a->route, a->n_routes, sizeof(*a->route), by_identity);
	if (rc == 0)
		publish_changed(a);
	free(l.v);
	return rc;
}

void apply_usable(struct applied *a, uint32_t connection, bool usable)
{
	struct applied_connection *c =
		connection < a->room[CONF_CONNECTION] ? &a->connection[connection] : NULL;

	if (!c || c->state != APPLIED_USED || c->usable == usable)
		return;
	c->usable = usable;
	for (size_t i = 0; i < a->n_routes; i++) {
		struct rib_route *r = &a->route[i].route;

		if (r->via != RIB_VIA_CONNECTION || r->via_index != connection)
			continue;
		r->unusable = !usable;
		if (apply_outcome(a, tables_add(a->tables, a->route[i].table, r)) < 0)
			log_error("route", NULL, "out of memory: a static route is as it was");
	}
}

void apply_routes_leave(struct applied *a, uint32_t attachment, bool all)
{
	for (size_t i = 0; i < a->n_routes; i++) {
		const struct rib_route *r = &a->route[i].route;

		a->route[i].kept =
			r->via_index != attachment ||
			!(r->via == RIB_VIA_LOCAL || (all && r->via == RIB_VIA_ATTACHMENT));
	}
	remove_unkept(a);
}

struct strays {
	struct list list;
	uint32_t table, via_index;
	enum rib_via via;
};

static void on_stray(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		     const char *why)
{
	struct strays *s = ctx;

	if (r->origin == RIB_STATIC && r->via == s->via && r->via_index == s->via_index)
		(void)want(&s->list, s->table, &r->prefix, r->via, r->via_index, r->origin);
}

void apply_routes_purge(struct applied *a, uint32_t table, enum rib_via via, uint32_t via_index)
{
	struct strays s = { .table = table, .via = via, .via_index = via_index };

	rib_walk(a->map.rib, table, NULL, on_stray, &s);
	for (size_t i = 0; i < s.list.n; i++)
		apply_outcome(a, tables_remove(a->tables, table, &s.list.v[i].route));
	free(s.list.v);
}

/* ---- the underlay's ---------------------------------------------------------------------- */

static int by_prefix(const void *va, const void *vb)
{
	const struct applied_way *a = va, *b = vb;
	int c = addr_compare(&a->prefix.addr, &b->prefix.addr);

	return c != 0 ? c : (int)a->prefix.len - (int)b->prefix.len;
}

static void add_way(struct applied_way *v, size_t *n, const struct prefix *p, uint32_t port,
		    const struct addr *next_hop)
{
	size_t i = 0;

	if (next_hop->family == ADDR_NONE)
		return;
	while (i < *n && !prefix_equal(&v[i].prefix, p))
		i++;
	if (i == *n)
		v[(*n)++] = (struct applied_way){ .prefix = *p };
	if (v[i].n < DATAPLANE_WAYS)
		v[i].way[v[i].n++] = (struct dataplane_way){ port, *next_hop };
}

static bool same_ways(const struct applied_way *a, const struct applied_way *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->way[i].port != b->way[i].port ||
		    !addr_equal(&a->way[i].next_hop, &b->way[i].next_hop))
			return false;
	return true;
}

/* The ports' default next hops come first, as dataplane_open() has them. */
static struct applied_way *want_ways(const struct conf *c, size_t *n)
{
	struct applied_way *v = calloc(2 * c->n_ports + c->n_underlay_routes + 1u, sizeof(*v));

	*n = 0;
	for (unsigned i = 0; v && i < c->n_ports; i++) {
		struct prefix v4 = { .addr.family = ADDR_IPV4 }, v6 = { .addr.family = ADDR_IPV6 };

		add_way(v, n, &v4, i, &c->port[i].next_hop);
		add_way(v, n, &v6, i, &c->port[i].next_hop6);
	}
	for (unsigned i = 0; v && i < c->n_underlay_routes; i++) {
		const struct conf_underlay_route *r = &c->underlay_route[i];
		struct prefix net = prefix_network(&r->prefix);

		add_way(v, n, &net, (uint32_t)(r->port - c->port), &r->next_hop);
	}
	if (v)
		qsort(v, *n, sizeof(*v), by_prefix);
	return v;
}

int apply_ways(struct applied *a, const struct conf *c, bool done)
{
	char text[PREFIX_STR_MAX];
	struct applied_way *v;
	size_t n;
	int rc = 0;

	v = want_ways(c, &n);
	if (!v)
		return apply_fail(a, -ENOMEM, "underlay_routes");
	for (size_t i = 0; rc == 0 && !done && i < n; i++) {
		const struct applied_way *old =
			a->n_ways ? bsearch(&v[i], a->way, a->n_ways, sizeof(*v), by_prefix) : NULL;

		if (old && same_ways(old, &v[i]))
			continue;
		rc = dataplane_underlay_set(a->dp, &v[i].prefix, v[i].way, v[i].n);
		if (rc < 0)
			apply_fail(a, rc, "underlay_route %s", prefix_format(&v[i].prefix, text));
	}
	/* On failure all that was there is set again by who asked. */
	for (size_t i = 0; rc == 0 && !done && i < a->n_ways; i++)
		if (n == 0 || !bsearch(&a->way[i], v, n, sizeof(*v), by_prefix))
			dataplane_underlay_delete(a->dp, &a->way[i].prefix);
	free(a->way);
	a->way = v;
	a->n_ways = n;
	return rc;
}

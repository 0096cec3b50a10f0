/* What leads where: VPC prefixes within their border gateways, and static routes. */
#include "conf/check.h"
#include "conf/parse.h"

#include <stdlib.h>
#include <string.h>

static void check_vpc(struct check *k, const struct conf_vpc *vpc)
{
	struct label label = check_label("vpc", vpc->name);
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (unsigned i = 0; i < vpc->n_prefixes; i++)
		for (unsigned n = 0; n < i; n++)
			if (prefix_overlaps(&vpc->prefix[i], &vpc->prefix[n]))
				check_problem(k, PROBLEM_ERROR, &label, vpc->where, &vpc->prefix[i],
					      "prefixes: '%s' overlaps '%s'",
					      prefix_format(&vpc->prefix[i], text),
					      prefix_format(&vpc->prefix[n], other));
}

struct claim {
	const struct prefix *prefix;
	const struct conf_vpc_attachment *attachment;
};

/* What an attachment hands to its border gateway. */
static unsigned propagated(const struct conf_vpc_attachment *a, const struct prefix **list)
{
	if (a->propagate == CONF_PROPAGATE_NONE)
		return 0;
	*list = a->propagate == CONF_PROPAGATE_ALL ? a->vpc->prefix : a->propagated;
	return a->propagate == CONF_PROPAGATE_ALL ? a->vpc->n_prefixes : a->n_propagated;
}

static int claim_compare(const void *va, const void *vb)
{
	const struct claim *a = va, *b = vb;
	int c = addr_compare(&a->prefix->addr, &b->prefix->addr);

	if (c == 0)
		c = (int)a->prefix->len - (int)b->prefix->len;
	if (c == 0 && a->attachment != b->attachment)
		c = a->attachment < b->attachment ? -1 : 1;
	return c;
}

static void warn_overlap(struct check *k, const struct claim *a, const struct claim *b)
{
	const struct claim *first = a->attachment < b->attachment ? a : b;
	const struct claim *later = first == a ? b : a;
	struct label label = check_label("vpc_attachment", later->attachment->vpc_name);
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	check_problem(k, PROBLEM_WARNING, &label, later->attachment->where, NULL,
		      "%s overlaps %s of vpc '%s' in border_gateway '%s': it stays listed, but is "
		      "not valid until the other one goes",
		      prefix_format(later->prefix, text), prefix_format(first->prefix, other),
		      first->attachment->vpc_name, later->attachment->border_gateway_name);
}

/* Prefixes either nest or are apart: in address order, a prefix overlaps an earlier one exactly if
 * the widest that is still open covers it. */
static void check_overlaps(struct check *k, struct claim *claims, size_t n)
{
	const struct claim *open = NULL;

	if (n > 0)
		qsort(claims, n, sizeof(*claims), claim_compare);
	for (size_t i = 0; i < n; i++) {
		if (open == NULL || !prefix_covers(open->prefix, claims[i].prefix))
			open = &claims[i];
		else if (open->attachment->vpc != claims[i].attachment->vpc)
			warn_overlap(k, open, &claims[i]);
	}
}

static void check_propagation(struct check *k, const struct conf_border_gateway *g)
{
	struct claim *claims = NULL;
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		for (unsigned i = 0; i < k->c->n_attachments; i++) {
			const struct conf_vpc_attachment *a = &k->c->attachment[i];
			const struct prefix *list = NULL;
			unsigned count;

			if (a->gateway != g || a->vpc == NULL)
				continue;
			count = propagated(a, &list);
			for (unsigned p = 0; p < count; p++, n++)
				if (claims != NULL)
					claims[n] = (struct claim){ &list[p], a };
		}
		if (claims == NULL)
			claims = calloc(n + 1, sizeof(*claims));
		if (claims == NULL) {
			k->no_memory = true;
			return;
		}
	}
	check_overlaps(k, claims, n);
	free(claims);
}

static void check_gateway_route(struct check *k, const struct conf_border_gateway *g,
				struct conf_static_route *r, const struct label *label)
{
	const struct index_entry *v =
		index_find(&k->names[CHECK_CONNECTION], r->next_hop, strlen(r->next_hop));
	const struct index_entry *p =
		index_find(&k->names[CHECK_VPC], r->next_hop, strlen(r->next_hop));
	bool certain;

	if (v != NULL && p != NULL) {
		check_problem(k, PROBLEM_ERROR, label, r->where, r->next_hop,
			      "next_hop = '%s': a vpn_connection and a vpc both have this name",
			      r->next_hop);
		return;
	}
	if (p != NULL) {
		r->attachment = check_attached(k, p->object, g, &certain);
		if (r->attachment == NULL && certain)
			check_problem(k, PROBLEM_ERROR, label, r->where, r->next_hop,
				      "next_hop = '%s': the vpc is not attached to this "
				      "border_gateway",
				      r->next_hop);
		return;
	}
	/* It may as well be the name of a vpc that could not be read. */
	if (v == NULL && (k->nameless[CHECK_VPC] || (k->unread & UNREAD_VPCS) != 0))
		return;
	r->connection = check_find(k, CHECK_CONNECTION, label, r->where, "next_hop", r->next_hop);
	if (r->connection != NULL && r->connection->gateway != NULL && r->connection->gateway != g)
		check_problem(k, PROBLEM_ERROR, label, r->where, r->next_hop,
			      "next_hop = '%s': the vpn_connection belongs to border_gateway '%s'",
			      r->next_hop, r->connection->border_gateway_name);
}

static void check_vpc_route(struct check *k, const struct conf_vpc *vpc,
			    struct conf_static_route *r, const struct label *label)
{
	bool certain;

	r->gateway = check_find(k, CHECK_GATEWAY, label, r->where, "next_hop", r->next_hop);
	if (r->gateway != NULL && check_attached(k, vpc, r->gateway, &certain) == NULL && certain)
		check_problem(k, PROBLEM_ERROR, label, r->where, r->next_hop,
			      "next_hop = '%s': the vpc is not attached to this border_gateway",
			      r->next_hop);
}

/* A customer's network inside a VPC's subnet would take that part of the VPC's own traffic. */
static void check_not_in_vpc(struct check *k, const struct conf_border_gateway *g,
			     const struct label *label, struct conf_where where,
			     const struct prefix *of, const char *field)
{
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (unsigned i = 0; i < k->c->n_attachments; i++) {
		const struct conf_vpc *vpc = k->c->attachment[i].vpc;

		if (k->c->attachment[i].gateway != g || vpc == NULL)
			continue;
		for (unsigned p = 0; p < vpc->n_prefixes; p++)
			if (prefix_covers(&vpc->prefix[p], of))
				check_problem(k, PROBLEM_ERROR, label, where, of,
					      "%s: '%s' overlaps %s of the attached vpc '%s'",
					      field, prefix_format(of, text),
					      prefix_format(&vpc->prefix[p], other), vpc->name);
	}
}

static void check_repeated(struct check *k, const struct conf_static_route *routes, unsigned n,
			   const char *kind, const char *name)
{
	struct index x = { 0 };

	/* Prefix and next hop lie side by side, zero-filled: together they are the key. */
	for (unsigned i = 0; i < n; i++)
		if (routes[i].next_hop[0] != '\0' && routes[i].prefix.addr.family != ADDR_NONE)
			check_index(k, &x, &routes[i].prefix,
				    sizeof(routes[i].prefix) + sizeof(routes[i].next_hop),
				    &routes[i]);
	index_sort(&x);
	for (size_t i = 1; i < x.n; i++) {
		const struct index_entry *twin = index_twin(&x, i);
		const struct conf_static_route *r = x.v[i].object;
		struct label label = check_label(kind, name);

		if (twin != NULL)
			check_problem(k, PROBLEM_ERROR, &label, r->where, &r->prefix,
				      "the static route to '%s' stands already%s", r->next_hop,
				      check_line(k, ((const struct conf_static_route *)twin->object)
							    ->where.line)
					      .text);
	}
	index_clear(&x);
}

static struct label route_label(const char *kind, const char *name,
				const struct conf_static_route *r)
{
	struct label l = check_label(kind, name);
	char text[PREFIX_STR_MAX];

	label_add(&l, "static_route",
		  r->prefix.addr.family != ADDR_NONE ? prefix_format(&r->prefix, text) : NULL, 0);
	return l;
}

void check_routes(struct check *k)
{
	struct conf *c = k->c;

	for (unsigned i = 0; i < c->n_vpcs; i++) {
		struct conf_vpc *vpc = &c->vpc[i];

		check_vpc(k, vpc);
		check_repeated(k, vpc->route, vpc->n_routes, "vpc", vpc->name);
		for (unsigned n = 0; n < vpc->n_routes; n++) {
			struct label label = route_label("vpc", vpc->name, &vpc->route[n]);

			check_vpc_route(k, vpc, &vpc->route[n], &label);
		}
	}
	for (unsigned i = 0; i < c->n_border_gateways; i++) {
		struct conf_border_gateway *g = &c->border_gateway[i];

		check_propagation(k, g);
		check_repeated(k, g->route, g->n_routes, "border_gateway", g->name);
		for (unsigned n = 0; n < g->n_routes; n++) {
			struct conf_static_route *r = &g->route[n];
			struct label label = route_label("border_gateway", g->name, r);

			check_gateway_route(k, g, r, &label);
			if (r->connection != NULL && r->prefix.addr.family != ADDR_NONE)
				check_not_in_vpc(k, g, &label, r->where, &r->prefix, "prefix");
		}
	}
	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *v = &c->connection[i];
		struct label label = check_label("vpn_connection", v->name);

		for (unsigned n = 0; v->gateway != NULL && n < v->n_remote_subnets; n++)
			check_not_in_vpc(k, v->gateway, &label, v->where, &v->remote_subnet[n],
					 "remote_subnets");
	}
}

/* Routes of the underlay, and what can be reached by them. */
#include "conf/check.h"
#include "conf/parse.h"

static bool port_reaches(const struct conf_port *p, const struct addr *a)
{
	if (p->next_hop.family == a->family || p->next_hop6.family == a->family)
		return true;
	for (unsigned n = 0; n < p->n_addresses; n++)
		if (prefix_contains(&p->address[n], a))
			return true;
	return false;
}

bool check_reachable(const struct check *k, const struct addr *a)
{
	if (k->own_unknown || (k->unread & UNREAD_UNDERLAY_ROUTES) != 0)
		return true;
	for (unsigned i = 0; i < k->c->n_ports; i++)
		if (port_reaches(&k->c->port[i], a))
			return true;
	for (unsigned i = 0; i < k->c->n_underlay_routes; i++)
		if (prefix_contains(&k->c->underlay_route[i].prefix, a))
			return true;
	return false;
}

static void check_hop(struct check *k, const struct conf_underlay_route *r,
		      const struct label *label)
{
	const struct addr *hop = &r->next_hop;
	char text[ADDR_STR_MAX];
	bool near = k->own_unknown;

	addr_format(hop, text);
	for (unsigned i = 0; i < r->port->n_addresses; i++)
		near = near || prefix_contains(&r->port->address[i], hop);
	if (!near)
		check_problem(k, PROBLEM_ERROR, label, r->where, hop,
			      "next_hop = '%s': must lie in the network of one of port '%s''s "
			      "addresses",
			      text, r->port->name);
	if (index_find(&k->own, hop, sizeof(*hop)) != NULL)
		check_problem(k, PROBLEM_ERROR, label, r->where, hop,
			      "next_hop = '%s': is our own address", text);
	if (r->prefix.addr.family != ADDR_NONE && r->prefix.addr.family != hop->family)
		check_problem(k, PROBLEM_ERROR, label, r->where, hop,
			      "next_hop = '%s': is not of the prefix's family", text);
}

void check_underlay(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_underlay_routes; i++) {
		struct conf_underlay_route *r = &k->c->underlay_route[i];
		char text[PREFIX_STR_MAX];
		bool named = r->prefix.addr.family != ADDR_NONE;
		struct label label =
			check_label("underlay_route", named ? prefix_format(&r->prefix, text) : "");

		r->port = check_find(k, CHECK_PORT, &label, r->where, "port", r->port_name);
		if (r->port != NULL && r->next_hop.family != ADDR_NONE)
			check_hop(k, r, &label);
		for (unsigned n = 0; named && n < i; n++) {
			const struct conf_underlay_route *q = &k->c->underlay_route[n];

			if (prefix_equal(&q->prefix, &r->prefix) &&
			    addr_equal(&q->next_hop, &r->next_hop))
				check_problem(k, PROBLEM_ERROR, &label, r->where, &r->prefix,
					      "the route by this next_hop stands already%s",
					      check_line(k, q->where.line).text);
		}
	}
}

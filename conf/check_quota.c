/* How many objects a border gateway may have, and whether the memory is enough for all of them. */
#include "conf/check.h"
#include "conf/memory.h"

#include <stdlib.h>

struct count {
	unsigned connections, attachments;
};

static void over(struct check *k, const struct label *label, struct conf_where where,
		 const void *part, const char *what, const char *field, uint32_t quota,
		 const struct conf_border_gateway *g)
{
	check_problem(k, PROBLEM_ERROR, label, where, part,
		      "border_gateway '%s' has its %u %s already; its %s allows no more", g->name,
		      quota, what, field);
}

static void count_connection(struct check *k, struct count *counts,
			     const struct conf_vpn_connection *v)
{
	const struct conf_border_gateway *g = v->gateway;
	struct label label = check_label("vpn_connection", v->name);

	if (g != NULL && ++counts[g - k->c->border_gateway].connections == g->connection_quota + 1)
		over(k, &label, v->where, v->border_gateway_name, "connections", "connection_quota",
		     g->connection_quota, g);
}

static void count_attachment(struct check *k, struct count *counts,
			     const struct conf_vpc_attachment *a)
{
	const struct conf_border_gateway *g = a->gateway;
	struct label label = check_label("vpc_attachment", a->vpc_name);

	if (g != NULL && ++counts[g - k->c->border_gateway].attachments == g->attachment_quota + 1)
		over(k, &label, a->where, a->border_gateway_name, "attachments", "attachment_quota",
		     g->attachment_quota, g);
}

static void check_memory(struct check *k)
{
	const struct conf_workers *w = &k->c->workers;
	struct label label = check_label("workers", NULL);
	struct memory_plan plan = memory_plan(k->c);
	unsigned tunnels = 0;

	if (w->memory_mb >= plan.least_mb)
		return;
	for (unsigned i = 0; i < k->c->n_connections; i++)
		tunnels += k->c->connection[i].n_tunnels;
	check_problem(
		k, PROBLEM_ERROR, &label, w->where, &w->memory_mb,
		"memory_mb = %u: workers %u, ports %u, packet buffers of %u bytes and tunnels %u "
		"need %u at least",
		w->memory_mb, w->n, k->c->n_ports, plan.room, tunnels, plan.least_mb);
}

void check_quotas(struct check *k)
{
	struct conf *c = k->c;
	struct count *counts = calloc(c->n_border_gateways + 1u, sizeof(*counts));

	if (counts == NULL) {
		k->no_memory = true;
		return;
	}
	for (unsigned i = 0; i < c->n_connections; i++)
		count_connection(k, counts, &c->connection[i]);
	for (unsigned i = 0; i < c->n_attachments; i++)
		count_attachment(k, counts, &c->attachment[i]);
	for (unsigned i = 0; i < c->n_border_gateways; i++) {
		const struct conf_border_gateway *g = &c->border_gateway[i];
		struct label label = check_label("border_gateway", g->name);

		if (g->n_routes > g->static_route_quota)
			over(k, &label, g->route[g->static_route_quota].where, NULL,
			     "static routes", "static_route_quota", g->static_route_quota, g);
	}
	free(counts);
	check_memory(k);
}

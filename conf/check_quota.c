/* How many objects a border gateway may have. */
#include "conf/check.h"

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
}

/* What a border gateway announces, and to whom not. */
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>

/* The valid routes of an own prefix that are not learnt. */
static unsigned valid_of(const struct tables *t, const struct gateway *g, const struct prefix *p,
			 struct rib_route valid[SHARED_MAX])
{
	unsigned n = rib_valid(t->rib, g->table, p, valid, SHARED_MAX);

	if (n == 0 || valid[0].origin == RIB_EBGP)
		return 0;
	return n < SHARED_MAX ? n : SHARED_MAX;
}

static uint32_t leads_to(const struct rib_route *r)
{
	return r->via == RIB_VIA_CONNECTION ? r->via_index : TABLES_VPC;
}

int tables_announced(const struct tables *t, uint32_t gateway, struct tables_announcement **out,
		     size_t *n)
{
	const struct gateway *g = tables_gateway(t, gateway);
	struct rib_route valid[SHARED_MAX];
	size_t room = 1;

	if (g == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i < g->own.n; i++)
		room += g->own.v[i].routes;
	*out = calloc(room, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	*n = 0;
	for (uint32_t i = 0; i < g->own.n; i++) {
		const struct prefix *p = &g->own.v[i].prefix;
		unsigned count = valid_of(t, g, p, valid);

		for (unsigned k = 0; k < count; k++) /* equals lie side by side */
			if (k == 0 || leads_to(&valid[k]) != leads_to(&valid[k - 1]))
				(*out)[(*n)++] =
					(struct tables_announcement){ *p, leads_to(&valid[k]) };
	}
	return 0;
}

int tables_withheld(const struct tables *t, uint32_t gateway, uint32_t connection,
		    struct prefix **out, size_t *n)
{
	const struct gateway *g = tables_gateway(t, gateway);
	struct rib_route valid[SHARED_MAX];

	if (g == NULL)
		return -ENOENT;
	*out = calloc(g->own.n + 1u, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	*n = 0;
	for (uint32_t i = 0; i < g->own.n; i++) {
		const struct own_prefix *x = &g->own.v[i];

		if (own_has_rival(x, connection) && valid_of(t, g, &x->prefix, valid) > 0 &&
		    leads_to(&valid[0]) == TABLES_VPC)
			(*out)[(*n)++] = x->prefix;
	}
	return 0;
}

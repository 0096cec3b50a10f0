/* What a border gateway announces, and to whom not. */
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>

/* Where the own prefix leads: a connection, TABLES_VPC; false: it is not announced. */
static bool leads_to(const struct tables *t, const struct gateway *g, const struct prefix *p,
		     uint32_t *connection)
{
	struct rib_route valid[SHARED_MAX];
	unsigned n = rib_valid(t->rib, g->table, p, valid, SHARED_MAX);

	if (n == 0 || n > SHARED_MAX || valid[0].origin == RIB_EBGP)
		return false;
	*connection = valid[0].via == RIB_VIA_CONNECTION ? valid[0].via_index : TABLES_VPC;
	for (unsigned i = 1; i < n; i++)
		if (valid[i].via == RIB_VIA_CONNECTION && valid[i].via_index != *connection)
			return false;
	return true;
}

int tables_announced(const struct tables *t, uint32_t gateway, struct tables_announcement **out,
		     size_t *n)
{
	const struct gateway *g = tables_gateway(t, gateway);

	if (g == NULL)
		return -ENOENT;
	*out = calloc(g->own.n + 1u, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	*n = 0;
	for (uint32_t i = 0; i < g->own.n; i++) {
		(*out)[*n].prefix = g->own.v[i].prefix;
		*n += leads_to(t, g, &g->own.v[i].prefix, &(*out)[*n].connection);
	}
	return 0;
}

int tables_withheld(const struct tables *t, uint32_t gateway, uint32_t connection,
		    struct prefix **out, size_t *n)
{
	const struct gateway *g = tables_gateway(t, gateway);
	uint32_t to;

	if (g == NULL)
		return -ENOENT;
	*out = calloc(g->own.n + 1u, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	*n = 0;
	for (uint32_t i = 0; i < g->own.n; i++) {
		const struct own_prefix *x = &g->own.v[i];

		if (own_has_rival(x, connection) && leads_to(t, g, &x->prefix, &to) &&
		    to == TABLES_VPC)
			(*out)[(*n)++] = x->prefix;
	}
	return 0;
}

#include "gateway/apply_core.h"

#include "conf/number.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int apply_fail(struct applied *a, int rc, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->error, a->error_size, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < a->error_size)
		snprintf(a->error + n, a->error_size - (size_t)n, ": %s", strerror(-rc));
	return rc;
}

int apply_outcome(struct applied *a, int rc)
{
	rc = rc < 0 ? rc : a->change_error;
	a->change_error = 0;
	return rc;
}

/* ---- what the tables say ----------------------------------------------------------------- */

static void on_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n)
{
	struct applied *a = ctx;
	int rc = hops_change(a->hops, table, prefix, valid, n);
	char text[PREFIX_STR_MAX];

	if (rc < 0) {
		log_error("route", NULL, "table %u, %s: %s", table, prefix_format(prefix, text),
			  strerror(-rc));
		a->change_error = a->change_error ? a->change_error : rc;
	}
	if (n == 0 && table < a->n_tables && a->vpc_of_table[table] != 0)
		apply_connected(a, a->vpc_of_table[table] - 1, prefix);
}

static void on_announce(void *ctx, uint32_t gateway)
{
	struct applied *a = ctx;

	if (a->listener.announce)
		a->listener.announce(a->listener.ctx, gateway);
}

static void on_taken(void *ctx, uint32_t gateway, int rc)
{
	struct applied *a = ctx;

	if (a->listener.taken)
		a->listener.taken(a->listener.ctx, gateway, rc);
}

static const struct tables_ops tables_ops = { .change = on_change,
					      .announce = on_announce,
					      .taken = on_taken };

/* ---- room -------------------------------------------------------------------------------- */

static int grow(void *array, uint32_t from, uint32_t to, size_t size)
{
	char *v = reallocarray(*(void **)array, to, size);

	if (!v)
		return -ENOMEM;
	memset(v + from * size, 0, (to - from) * size);
	*(void **)array = v;
	return 0;
}

/* Arrays that reach to every number of c. */
static int make_room(struct applied *a, const struct conf *c)
{
	const struct {
		enum conf_kind kind;
		void *array;
		size_t size;
	} arrays[] = {
		{ CONF_BORDER_GATEWAY, &a->gateway, sizeof(*a->gateway) },
		{ CONF_BORDER_GATEWAY, &a->map.gateway_table, sizeof(uint32_t) },
		{ CONF_VPC, &a->vpc, sizeof(*a->vpc) },
		{ CONF_VPC, &a->map.vpc_table, sizeof(uint32_t) },
		{ CONF_ATTACHMENT, &a->attachment, sizeof(*a->attachment) },
		{ CONF_ATTACHMENT, &a->map.attachment, sizeof(*a->map.attachment) },
		{ CONF_CONNECTION, &a->connection, sizeof(*a->connection) },
		{ CONF_CONNECTION, &a->map.connection, sizeof(*a->map.connection) },
		{ CONF_TUNNEL, &a->tunnel, sizeof(*a->tunnel) },
		{ CONF_TUNNEL, &a->map.tunnel, sizeof(*a->map.tunnel) },
	};
	uint32_t to[CONF_KINDS];
	int rc = 0;

	for (enum conf_kind k = 0; k < CONF_KINDS; k++) {
		to[k] = conf_numbers(c, k) + 1;
		to[k] = to[k] > a->room[k] ? to[k] : a->room[k];
	}
	for (size_t i = 0; rc == 0 && i < sizeof(arrays) / sizeof(arrays[0]); i++)
		rc = grow(arrays[i].array, a->room[arrays[i].kind], to[arrays[i].kind],
			  arrays[i].size);
	if (rc == 0)
		memcpy(a->room, to, sizeof(to));
	return rc < 0 ? apply_fail(a, rc, "room") : 0;
}

/* ---- tables ------------------------------------------------------------------------------ */

static int change_gateway(struct applied *a, const struct conf_border_gateway *c)
{
	struct applied_gateway *g = &a->gateway[c->id];
	uint32_t *table = &a->map.gateway_table[c->id];
	int rc = 0;

	if (g->state == APPLIED_USED) {
		if (g->quota != c->dynamic_quota)
			tables_quota_set(a->tables, c->id, c->dynamic_quota);
		g->quota = c->dynamic_quota;
		return 0;
	}
	rc = dataplane_table_add(a->dp, table);
	if (rc == 0) {
		rc = tables_gateway_add(a->tables, c->id, *table, c->dynamic_quota);
		if (rc < 0)
			dataplane_table_delete(a->dp, *table);
	}
	if (rc < 0)
		return apply_fail(a, rc, "route table of border_gateway '%s'", c->name);
	*g = (struct applied_gateway){ .state = APPLIED_USED, .quota = c->dynamic_quota };
	return 0;
}

static int note_vpc_table(struct applied *a, uint32_t vpc, uint32_t table)
{
	if (table >= a->n_tables) {
		if (grow(&a->vpc_of_table, a->n_tables, 2 * table + 16, sizeof(uint32_t)) < 0)
			return -ENOMEM;
		a->n_tables = 2 * table + 16;
	}
	a->vpc_of_table[table] = vpc + 1;
	return 0;
}

static int change_vpc(struct applied *a, const struct conf_vpc *c)
{
	struct applied_vpc *v = &a->vpc[c->id];
	uint32_t *table = &a->map.vpc_table[c->id];
	int rc;

	if (v->used)
		return 0;
	rc = dataplane_table_add(a->dp, table);
	if (rc == 0) {
		rc = note_vpc_table(a, c->id, *table);
		if (rc == 0)
			rc = tables_vpc_add(a->tables, c->id, *table);
		if (rc < 0)
			dataplane_table_delete(a->dp, *table);
	}
	if (rc < 0)
		return apply_fail(a, rc, "route table of vpc '%s'", c->name);
	v->used = true;
	return 0;
}

void apply_gateway_end(struct applied *a, uint32_t id)
{
	if (a->gateway[id].state != APPLIED_LEAVING || a->gateway[id].tunnels > 0)
		return;
	dataplane_table_delete(a->dp, a->map.gateway_table[id]);
	a->gateway[id].state = APPLIED_FREE;
}

static void clean_tables(struct applied *a, const struct conf *c)
{
	for (uint32_t i = 0; i < a->room[CONF_VPC]; i++) {
		if (!a->vpc[i].used || conf_vpc_at(c, i))
			continue;
		if (tables_vpc_delete(a->tables, i) == -EBUSY) {
			log_error("config", NULL,
				  "a deleted vpc's route table is in use: it stays");
			continue;
		}
		dataplane_table_delete(a->dp, a->map.vpc_table[i]);
		a->vpc_of_table[a->map.vpc_table[i]] = 0;
		free(a->vpc[i].attachment);
		a->vpc[i] = (struct applied_vpc){ 0 };
	}
	for (uint32_t i = 0; i < a->room[CONF_BORDER_GATEWAY]; i++) {
		if (a->gateway[i].state != APPLIED_USED || conf_gateway_at(c, i))
			continue;
		for (uint32_t k = 0; k < a->room[CONF_VPC]; k++)
			if (a->vpc[k].used)
				apply_routes_purge(a, a->map.vpc_table[k], RIB_VIA_GATEWAY, i);
		if (tables_gateway_delete(a->tables, i) == -EBUSY) {
			log_error("config", NULL,
				  "a deleted border_gateway's route table is in use: it stays");
			continue;
		}
		a->gateway[i].state = APPLIED_LEAVING;
		apply_gateway_end(a, i);
	}
}

bool apply_is_reserved(const struct applied *a, enum conf_kind kind, uint32_t id)
{
	if (id >= a->room[kind])
		return false;
	switch (kind) {
	case CONF_BORDER_GATEWAY:
		return a->gateway[id].state != APPLIED_FREE;
	case CONF_VPC:
		return a->vpc[id].used;
	case CONF_CONNECTION:
		return a->connection[id].state != APPLIED_FREE;
	case CONF_TUNNEL:
		return a->tunnel[id].state != APPLIED_FREE || !dataplane_tunnel_gone(a->dp, id);
	default:
		return false;
	}
}

/* ---- the whole --------------------------------------------------------------------------- */

static int change_objects(struct applied *a, const struct conf *c)
{
	int rc = make_room(a, c);

	for (unsigned i = 0; rc == 0 && i < c->n_border_gateways; i++)
		rc = change_gateway(a, &c->border_gateway[i]);
	for (unsigned i = 0; rc == 0 && i < c->n_vpcs; i++)
		rc = change_vpc(a, &c->vpc[i]);
	if (rc == 0)
		rc = apply_attachments(a, c);
	for (unsigned i = 0; rc == 0 && i < c->n_connections; i++)
		rc = apply_connection(a, &c->connection[i]);
	return rc;
}

int apply_change(struct applied *a, const struct conf *c, char *error, size_t error_size)
{
	int rc;

	a->error = error;
	a->error_size = error_size;
	rc = change_objects(a, c);
	if (rc == 0)
		rc = apply_ways(a, c, false);
	return rc == 0 ? apply_routes(a, c) : rc;
}

void apply_clean(struct applied *a, const struct conf *c, void (*leave)(void *ctx, uint32_t tunnel),
		 void *ctx)
{
	apply_attachments_clean(a, c);
	apply_connections_clean(a, c, leave, ctx);
	clean_tables(a, c);
}

int apply_new(struct applied **out, struct dataplane *dp, const struct conf *c, char *error,
	      size_t error_size)
{
	struct applied *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->dp = dp;
	a->error = error;
	a->error_size = error_size;
	if (tables_new(&a->tables, &tables_ops, a) < 0 || hops_new(&a->hops, dp, &a->map) < 0) {
		rc = apply_fail(a, -ENOMEM, "routes");
		goto out;
	}
	a->map.rib = tables_rib(a->tables);
	rc = apply_ways(a, c, true);
	if (rc == 0)
		rc = apply_change(a, c, error, error_size);
out:
	if (rc < 0)
		apply_free(a);
	else
		*out = a;
	return rc;
}

void apply_free(struct applied *a)
{
	if (!a)
		return;
	tables_free(a->tables);
	hops_free(a->hops);
	apply_attachments_free(a);
	for (uint32_t i = 0; i < a->room[CONF_VPC]; i++)
		free(a->vpc[i].attachment);
	free(a->gateway);
	free(a->vpc);
	free(a->attachment);
	free(a->connection);
	free(a->tunnel);
	free(a->map.gateway_table);
	free(a->map.vpc_table);
	free(a->map.attachment);
	free(a->map.connection);
	free(a->map.tunnel);
	free(a->vpc_of_table);
	free(a->route);
	free(a->way);
	free(a);
}

struct tables *apply_tables(const struct applied *a)
{
	return a->tables;
}

void apply_listen(struct applied *a, const struct apply_listener *listener)
{
	a->listener = listener ? *listener : (struct apply_listener){ 0 };
}

uint32_t apply_gateway_table(const struct applied *a, uint32_t border_gateway)
{
	return a->map.gateway_table[border_gateway];
}

uint32_t apply_vpc_table(const struct applied *a, uint32_t vpc)
{
	return a->map.vpc_table[vpc];
}

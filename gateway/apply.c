#include "gateway/apply.h"

#include "gateway/hops.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct applied {
	struct dataplane *dp;
	const struct conf *conf;
	struct tables *tables;
	struct hops *hops;
	uint32_t *gateway_table; /* by border gateway */
	uint32_t *vpc_table;	 /* by VPC */
	uint32_t *interface;	 /* by attachment */
	struct apply_listener listener;
	int change_error; /* the first failure inside the tables' callback */
	char *error;
	size_t error_size;
};

static int fail(struct applied *a, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct applied *a, int rc, const char *fmt, ...)
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

static unsigned gateway_index(const struct applied *a, const struct conf_border_gateway *g)
{
	return (unsigned)(g - a->conf->border_gateway);
}

static unsigned vpc_index(const struct applied *a, const struct conf_vpc *v)
{
	return (unsigned)(v - a->conf->vpc);
}

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

static int add_route(struct applied *a, uint32_t table, const struct rib_route *r)
{
	int rc = tables_add(a->tables, table, r);

	rc = rc < 0 ? rc : a->change_error;
	a->change_error = 0;
	return rc;
}

/* ---- building ---------------------------------------------------------------------------- */

static int build_gateway(struct applied *a, unsigned i)
{
	const struct conf_border_gateway *g = &a->conf->border_gateway[i];
	int rc = dataplane_table_add(a->dp, &a->gateway_table[i]);

	if (rc == 0)
		rc = tables_gateway_add(a->tables, i, a->gateway_table[i], g->dynamic_quota);
	return rc < 0 ? fail(a, rc, "route table of border_gateway '%s'", g->name) : 0;
}

static int build_vpc(struct applied *a, unsigned i)
{
	int rc = dataplane_table_add(a->dp, &a->vpc_table[i]);

	if (rc == 0)
		rc = tables_vpc_add(a->tables, i, a->vpc_table[i]);
	return rc < 0 ? fail(a, rc, "route table of vpc '%s'", a->conf->vpc[i].name) : 0;
}

static int build_tables(struct applied *a)
{
	const struct conf *c = a->conf;
	struct hops_map map = { .conf = c,
				.rib = tables_rib(a->tables),
				.gateway_table = a->gateway_table,
				.vpc_table = a->vpc_table,
				.interface = a->interface };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < c->n_border_gateways; i++)
		rc = build_gateway(a, i);
	for (unsigned i = 0; rc == 0 && i < c->n_vpcs; i++)
		rc = build_vpc(a, i);
	if (rc == 0) {
		rc = hops_new(&a->hops, a->dp, &map);
		rc = rc < 0 ? fail(a, rc, "next hops") : 0;
	}
	return rc;
}

static int build_attachment(struct applied *a, unsigned index)
{
	const struct conf_vpc_attachment *t = &a->conf->attachment[index];
	struct dataplane_attachment d = {
		.encap = t->encap,
		.port = (uint32_t)(t->port - a->conf->port),
		.vni = t->vni,
		.local_vtep = t->local_vtep,
		.remote_vtep = t->remote_vtep,
		.vlan_id = t->vlan_id,
		.mtu = t->mtu,
		.table = a->vpc_table[vpc_index(a, t->vpc)],
		.n_addresses = t->n_addresses,
	};
	int rc;

	memcpy(d.mac, t->mac, sizeof(d.mac));
	memcpy(d.address, t->address, sizeof(d.address));
	rc = dataplane_attachment_add(a->dp, &d, &a->interface[index]);
	if (rc == 0)
		rc = tables_attach(a->tables, index, vpc_index(a, t->vpc),
				   gateway_index(a, t->gateway), t->import_all ? NULL : t->import,
				   t->n_import);
	if (rc < 0)
		return fail(a, rc, "vpc_attachment of vpc '%s' to border_gateway '%s'", t->vpc_name,
			    t->border_gateway_name);
	return 0;
}

/* A VPC's subnets lie on its first attachment's link. */
static int build_subnets(struct applied *a, unsigned attachment)
{
	const struct conf_vpc *v = a->conf->attachment[attachment].vpc;

	for (unsigned i = 0; i < attachment; i++)
		if (a->conf->attachment[i].vpc == v)
			return 0;
	for (unsigned i = 0; i < v->n_prefixes; i++) {
		struct rib_route r = { .prefix = v->prefix[i],
				       .via = RIB_VIA_LOCAL,
				       .via_index = attachment,
				       .origin = RIB_STATIC };
		int rc = add_route(a, a->vpc_table[vpc_index(a, v)], &r);

		if (rc < 0)
			return fail(a, rc, "subnet of vpc '%s'", v->name);
	}
	return 0;
}

static int propagate_subnets(struct applied *a, unsigned attachment)
{
	const struct conf_vpc_attachment *t = &a->conf->attachment[attachment];
	const struct prefix *p = t->vpc->prefix;
	unsigned n = t->vpc->n_prefixes;

	if (t->propagate == CONF_PROPAGATE_NONE)
		return 0;
	if (t->propagate == CONF_PROPAGATE_PARTIAL) {
		p = t->propagated;
		n = t->n_propagated;
	}
	for (unsigned i = 0; i < n; i++) {
		struct rib_route r = { .prefix = p[i],
				       .via = RIB_VIA_ATTACHMENT,
				       .via_index = attachment,
				       .origin = RIB_PROPAGATED };
		int rc = add_route(a, a->gateway_table[gateway_index(a, t->gateway)], &r);

		if (rc < 0)
			return fail(a, rc, "propagated subnet of vpc '%s'", t->vpc_name);
	}
	return 0;
}

static int build_static(struct applied *a, uint32_t table, const struct conf_static_route *s)
{
	struct rib_route r = { .prefix = s->prefix, .origin = RIB_STATIC };
	char text[PREFIX_STR_MAX];
	int rc;

	if (s->connection) {
		r.via = RIB_VIA_CONNECTION;
		r.via_index = (uint32_t)(s->connection - a->conf->connection);
	} else if (s->attachment) {
		r.via = RIB_VIA_ATTACHMENT;
		r.via_index = (uint32_t)(s->attachment - a->conf->attachment);
	} else {
		r.via = RIB_VIA_GATEWAY;
		r.via_index = gateway_index(a, s->gateway);
	}
	rc = add_route(a, table, &r);
	if (rc < 0)
		return fail(a, rc, "static route %s to '%s'", prefix_format(&s->prefix, text),
			    s->next_hop);
	return 0;
}

static int build_routes(struct applied *a)
{
	const struct conf *c = a->conf;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < c->n_attachments; i++)
		rc = build_subnets(a, i);
	for (unsigned i = 0; rc == 0 && i < c->n_border_gateways; i++)
		for (unsigned k = 0; rc == 0 && k < c->border_gateway[i].n_routes; k++)
			rc = build_static(a, a->gateway_table[i], &c->border_gateway[i].route[k]);
	for (unsigned i = 0; rc == 0 && i < c->n_vpcs; i++)
		for (unsigned k = 0; rc == 0 && k < c->vpc[i].n_routes; k++)
			rc = build_static(a, a->vpc_table[i], &c->vpc[i].route[k]);
	for (unsigned i = 0; rc == 0 && i < c->n_attachments; i++)
		rc = propagate_subnets(a, i);
	return rc;
}

static enum dataplane_df df_policy(enum conf_df df)
{
	static const enum dataplane_df policies[] = {
		[CONF_DF_SET] = DATAPLANE_DF_SET,
		[CONF_DF_COPY] = DATAPLANE_DF_COPY,
		[CONF_DF_CLEAR] = DATAPLANE_DF_CLEAR,
	};

	return policies[df];
}

static int build_connection(struct applied *a, unsigned connection, uint32_t *tunnel)
{
	const struct conf_vpn_connection *c = &a->conf->connection[connection];
	uint32_t member[DATAPLANE_SET_TUNNELS];
	unsigned n = 0;
	int rc;

	for (unsigned i = 0; i < c->n_tunnels; i++) {
		const struct conf_tunnel *t = &c->tunnel[i];
		struct dataplane_tunnel d = {
			.cloud_ip = t->cloud_ip,
			.customer_ip = t->customer_ip,
			.table = a->gateway_table[gateway_index(a, c->gateway)],
			.inner = t->inner,
			.inner_peer = t->inner_peer,
			.mtu = t->mtu,
			.mss_clamp = t->mss_clamp,
			.on_demand = t->start == CONF_START_ON_DEMAND,
			.df = df_policy(t->df),
			.bandwidth = t->bandwidth,
		};

		rc = dataplane_tunnel_add(a->dp, *tunnel, &d);
		if (rc < 0)
			return fail(a, rc, "vpn_connection '%s', tunnel '%s'", c->name, t->name);
		if (n < DATAPLANE_SET_TUNNELS)
			member[n++] = *tunnel;
		++*tunnel;
	}
	rc = dataplane_connection_set(a->dp, connection, member, n);
	return rc < 0 ? fail(a, rc, "vpn_connection '%s'", c->name) : 0;
}

static int build(struct applied *a)
{
	uint32_t tunnel = 0;
	int rc = build_tables(a);

	for (unsigned i = 0; rc == 0 && i < a->conf->n_attachments; i++)
		rc = build_attachment(a, i);
	for (unsigned i = 0; rc == 0 && i < a->conf->n_connections; i++)
		rc = build_connection(a, i, &tunnel);
	return rc < 0 ? rc : build_routes(a);
}

static uint32_t *numbers(unsigned n)
{
	return calloc(n ? n : 1, sizeof(uint32_t));
}

int apply_new(struct applied **out, struct dataplane *dp, const struct conf *c, char *error,
	      size_t error_size)
{
	struct applied *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->dp = dp;
	a->conf = c;
	a->error = error;
	a->error_size = error_size;
	a->gateway_table = numbers(c->n_border_gateways);
	a->vpc_table = numbers(c->n_vpcs);
	a->interface = numbers(c->n_attachments);
	if (!a->gateway_table || !a->vpc_table || !a->interface ||
	    tables_new(&a->tables, &tables_ops, a) < 0)
		rc = fail(a, -ENOMEM, "routes");
	else
		rc = build(a);
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
	free(a->gateway_table);
	free(a->vpc_table);
	free(a->interface);
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

uint32_t apply_gateway_table(const struct applied *a, unsigned border_gateway)
{
	return a->gateway_table[border_gateway];
}

uint32_t apply_vpc_table(const struct applied *a, unsigned vpc)
{
	return a->vpc_table[vpc];
}

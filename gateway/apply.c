#include "gateway/apply.h"

#include "gateway/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A border gateway's prefix whose valid routes changed: to be propagated when the RIB is at rest,
 * because its callback must not change it. */
struct pending {
	struct pending *next;
	unsigned gateway;
	struct prefix prefix;
	bool reach_all; /* at least one valid route does not lead back to any one VPC */
	bool valid;
	const struct conf_vpc *only_from; /* all valid routes lead to this VPC */
};

struct applied {
	struct dataplane *dp;
	const struct conf *conf;
	struct rib *rib;
	uint32_t *gateway_table; /* by border gateway */
	uint32_t *vpc_table;	 /* by VPC */
	uint32_t *interface;	 /* by attachment */
	struct pending *first, **last;
	int change_error; /* the first failure inside the RIB's callback */
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

/* ---- the RIB's valid routes into the dataplane ------------------------------------------- */

static uint32_t route_nexthop(const struct applied *a, const struct rib_route *r)
{
	switch (r->via) {
	case RIB_VIA_LOCAL:
		return nexthop(NEXTHOP_LINK, a->interface[r->via_index]);
	case RIB_VIA_ATTACHMENT:
		return nexthop(NEXTHOP_TABLE,
			       a->vpc_table[vpc_index(a, a->conf->attachment[r->via_index].vpc)]);
	case RIB_VIA_CONNECTION:
		return nexthop(NEXTHOP_CONNECTION, r->via_index);
	case RIB_VIA_GATEWAY:
		return nexthop(NEXTHOP_TABLE, a->gateway_table[r->via_index]);
	}
	return nexthop(NEXTHOP_DISCARD, 0);
}

/* A dataplane route has one next hop; of several equal ones the first in the model's order. */
static const struct rib_route *choose(const struct rib_route *valid, unsigned n)
{
	const struct rib_route *best = &valid[0];

	for (unsigned i = 1; i < n; i++)
		if (valid[i].via_index < best->via_index)
			best = &valid[i];
	return best;
}

static int64_t gateway_of_table(const struct applied *a, uint32_t table)
{
	for (unsigned i = 0; i < a->conf->n_border_gateways; i++)
		if (a->gateway_table[i] == table)
			return i;
	return -1;
}

static int propagate_later(struct applied *a, unsigned gateway, const struct prefix *prefix,
			   const struct rib_route *valid, unsigned n)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->gateway = gateway;
	p->prefix = *prefix;
	p->valid = n > 0;
	for (unsigned i = 0; i < n; i++) {
		const struct conf_vpc *vpc = NULL;

		if (valid[i].via == RIB_VIA_ATTACHMENT)
			vpc = a->conf->attachment[valid[i].via_index].vpc;
		if (!vpc || (p->only_from && p->only_from != vpc))
			p->reach_all = true;
		p->only_from = vpc;
	}
	*a->last = p;
	a->last = &p->next;
	return 0;
}

static void on_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n)
{
	struct applied *a = ctx;
	int64_t gateway = gateway_of_table(a, table);
	char text[PREFIX_STR_MAX];
	int rc;

	if (n == 0)
		rc = dataplane_route_delete(a->dp, table, prefix);
	else
		rc = dataplane_route_set(a->dp, table, prefix, route_nexthop(a, choose(valid, n)));
	if (rc == 0 && gateway >= 0)
		rc = propagate_later(a, (unsigned)gateway, prefix, valid, n);
	if (rc < 0) {
		log_error("route", NULL, "table %u, %s: %s", table, prefix_format(prefix, text),
			  strerror(-rc));
		a->change_error = a->change_error ? a->change_error : rc;
	}
}

/* ---- propagation from border gateways to VPCs -------------------------------------------- */

static int propagate(struct applied *a, const struct pending *p)
{
	int result = 0;

	for (unsigned i = 0; i < a->conf->n_attachments; i++) {
		const struct conf_vpc_attachment *attachment = &a->conf->attachment[i];
		struct rib_route r = { .prefix = p->prefix,
				       .via = RIB_VIA_GATEWAY,
				       .via_index = p->gateway,
				       .origin = RIB_PROPAGATED };
		uint32_t table = a->vpc_table[vpc_index(a, attachment->vpc)];
		int rc;

		if (gateway_index(a, attachment->gateway) != p->gateway)
			continue;
		/* Never a VPC's own prefix back to it. */
		if (p->valid && (p->reach_all || p->only_from != attachment->vpc))
			rc = rib_add(a->rib, table, &r);
		else
			rc = rib_remove(a->rib, table, &r);
		if (rc < 0 && rc != -ENOENT)
			result = rc;
	}
	return result;
}

/* A change to the RIB is done when what follows from it is. */
static int settle(struct applied *a, int rc)
{
	while (a->first) {
		struct pending *p = a->first;
		int r = propagate(a, p);

		rc = rc < 0 ? rc : r;
		a->first = p->next;
		if (!a->first)
			a->last = &a->first;
		free(p);
	}
	if (rc == 0)
		rc = a->change_error;
	a->change_error = 0;
	return rc;
}

static int add_route(struct applied *a, uint32_t table, const struct rib_route *r)
{
	return settle(a, rib_add(a->rib, table, r));
}

/* ---- building ---------------------------------------------------------------------------- */

static int new_table(struct applied *a, uint32_t *table, const char *kind, const char *name)
{
	int rc = dataplane_table_add(a->dp, table);

	if (rc == 0)
		rc = rib_table_add(a->rib, *table);
	return rc < 0 ? fail(a, rc, "route table of %s '%s'", kind, name) : 0;
}

static int build_tables(struct applied *a)
{
	const struct conf *c = a->conf;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < c->n_border_gateways; i++)
		rc = new_table(a, &a->gateway_table[i], "border_gateway",
			       c->border_gateway[i].name);
	for (unsigned i = 0; rc == 0 && i < c->n_vpcs; i++)
		rc = new_table(a, &a->vpc_table[i], "vpc", c->vpc[i].name);
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
	a->last = &a->first;
	a->gateway_table = numbers(c->n_border_gateways);
	a->vpc_table = numbers(c->n_vpcs);
	a->interface = numbers(c->n_attachments);
	a->rib = rib_new(on_change, a);
	if (!a->gateway_table || !a->vpc_table || !a->interface || !a->rib)
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
	rib_free(a->rib);
	while (a->first) {
		struct pending *p = a->first;

		a->first = p->next;
		free(p);
	}
	free(a->gateway_table);
	free(a->vpc_table);
	free(a->interface);
	free(a);
}

const struct rib *apply_rib(const struct applied *a)
{
	return a->rib;
}

uint32_t apply_gateway_table(const struct applied *a, unsigned border_gateway)
{
	return a->gateway_table[border_gateway];
}

uint32_t apply_vpc_table(const struct applied *a, unsigned vpc)
{
	return a->vpc_table[vpc];
}

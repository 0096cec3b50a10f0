/* Tunnels and connections in the dataplane, from their coming to the end of their last SA. */
#include "gateway/apply_core.h"

#include "conf/number.h"

#include <errno.h>
#include <string.h>

static struct dataplane_tunnel describe(const struct applied *a, const struct conf_tunnel *t,
					const struct conf_vpn_connection *c)
{
	static const enum dataplane_df policies[] = {
		[CONF_DF_SET] = DATAPLANE_DF_SET,
		[CONF_DF_COPY] = DATAPLANE_DF_COPY,
		[CONF_DF_CLEAR] = DATAPLANE_DF_CLEAR,
	};

	return (struct dataplane_tunnel){
		.cloud_ip = t->cloud_ip,
		.customer_ip = t->customer_ip,
		.table = a->map.gateway_table[c->gateway->id],
		.inner = t->inner,
		.inner_peer = t->inner_peer,
		.mtu = t->mtu,
		.mss_clamp = t->mss_clamp,
		.on_demand = t->start == CONF_START_ON_DEMAND,
		.transit = c->gateway->transit,
		.df = policies[t->df],
		.bandwidth = t->bandwidth,
	};
}

static bool same_addresses(const struct dataplane_tunnel *a, const struct dataplane_tunnel *b)
{
	return prefix_equal(&a->inner, &b->inner) && addr_equal(&a->inner_peer, &b->inner_peer);
}

static bool same_settings(const struct dataplane_tunnel *a, const struct dataplane_tunnel *b)
{
	return a->mtu == b->mtu && a->mss_clamp == b->mss_clamp && a->df == b->df &&
	       a->on_demand == b->on_demand && a->transit == b->transit &&
	       a->bandwidth == b->bandwidth;
}

/* What the dataplane gave back is the RIB's again. */
static void publish_host(struct applied *a, uint32_t table, const struct addr *host)
{
	struct prefix p = prefix_host(host);

	hops_again(a->hops, table, &p);
}

static int change_tunnel(struct applied *a, const struct conf_tunnel *t,
			 const struct conf_vpn_connection *c)
{
	struct dataplane_tunnel d = describe(a, t, c), *at = &a->map.tunnel[t->id], old = *at;
	bool is_new = a->tunnel[t->id].state == APPLIED_FREE;
	uint32_t taken[2];
	int rc;

	if (!is_new && same_addresses(&d, at) && same_settings(&d, at))
		return 0;
	taken[0] = hops_taken(a->hops, d.table, &d.inner.addr);
	taken[1] = hops_taken(a->hops, d.table, &d.inner_peer);
	rc = is_new ? dataplane_tunnel_add(a->dp, t->id, &d)
		    : dataplane_tunnel_change(a->dp, t->id, &d);
	if (rc < 0)
		return apply_fail(a, rc, "vpn_connection '%s', tunnel '%s'", c->name, t->name);
	if (is_new) {
		a->tunnel[t->id] =
			(struct applied_tunnel){ .state = APPLIED_USED, .connection = c->id };
		a->connection[c->id].tunnels++;
		a->gateway[c->gateway->id].tunnels++;
	} else if (!same_settings(&d, at)) {
		a->tunnel[t->id].changed = true;
	}
	*at = d;
	if (is_new || !same_addresses(&d, &old)) {
		hops_let_go(a->hops, taken[0]);
		hops_let_go(a->hops, taken[1]);
	}
	if (!is_new) {
		publish_host(a, d.table, &old.inner.addr);
		publish_host(a, d.table, &old.inner_peer);
	}
	return 0;
}

int apply_connection(struct applied *a, const struct conf_vpn_connection *c)
{
	struct hops_connection *at = &a->map.connection[c->id], m = { 0 };
	struct applied_connection *v = &a->connection[c->id];
	int rc = 0;

	v->gateway = c->gateway->id;
	for (unsigned i = 0; rc == 0 && i < c->n_tunnels; i++) {
		rc = change_tunnel(a, &c->tunnel[i], c);
		if (m.n < DATAPLANE_SET_TUNNELS)
			m.tunnel[m.n++] = c->tunnel[i].id;
	}
	if (rc < 0)
		return rc;
	if (v->state == APPLIED_USED && m.n == at->n &&
	    memcmp(m.tunnel, at->tunnel, m.n * sizeof(*m.tunnel)) == 0)
		return 0;
	rc = dataplane_connection_set(a->dp, c->id, m.tunnel, m.n);
	if (rc < 0)
		return apply_fail(a, rc, "vpn_connection '%s'", c->name);
	v->changed = v->state == APPLIED_USED;
	v->state = APPLIED_USED;
	*at = m;
	return 0;
}

static void end_connection(struct applied *a, uint32_t id)
{
	if (a->connection[id].state == APPLIED_LEAVING && a->connection[id].tunnels == 0)
		a->connection[id] = (struct applied_connection){ 0 };
}

void apply_connections_clean(struct applied *a, const struct conf *c,
			     void (*leave)(void *ctx, uint32_t tunnel), void *ctx)
{
	for (uint32_t i = 0; i < a->room[CONF_CONNECTION]; i++) {
		if (a->connection[i].state == APPLIED_FREE || conf_connection_at(c, i))
			continue;
		apply_routes_purge(a, a->map.gateway_table[a->connection[i].gateway],
				   RIB_VIA_CONNECTION, i);
		dataplane_connection_set(a->dp, i, NULL, 0);
		a->map.connection[i].n = 0;
		a->connection[i].state = APPLIED_LEAVING;
	}
	for (uint32_t i = 0; i < a->room[CONF_TUNNEL]; i++) {
		if (a->tunnel[i].state != APPLIED_USED || conf_tunnel_at(c, i))
			continue;
		a->tunnel[i].state = APPLIED_LEAVING;
		leave(ctx, i);
	}
	for (uint32_t i = 0; i < a->room[CONF_CONNECTION]; i++)
		end_connection(a, i);
}

int apply_tunnel_gone(struct applied *a, uint32_t tunnel)
{
	struct applied_tunnel *t = tunnel < a->room[CONF_TUNNEL] ? &a->tunnel[tunnel] : NULL;
	struct dataplane_tunnel d;
	uint32_t gateway;
	int rc;

	if (!t || t->state != APPLIED_LEAVING)
		return 0;
	gateway = a->connection[t->connection].gateway;
	if (tables_busy(a->tables, gateway))
		return -EBUSY;
	rc = dataplane_tunnel_delete(a->dp, tunnel);
	if (rc < 0)
		return rc;
	d = a->map.tunnel[tunnel];
	a->map.tunnel[tunnel] = (struct dataplane_tunnel){ 0 };
	publish_host(a, d.table, &d.inner.addr);
	publish_host(a, d.table, &d.inner_peer);
	a->connection[t->connection].tunnels--;
	a->gateway[gateway].tunnels--;
	end_connection(a, t->connection);
	apply_gateway_end(a, gateway);
	*t = (struct applied_tunnel){ 0 };
	return 0;
}

bool apply_tunnel_changed(struct applied *a, uint32_t tunnel)
{
	bool changed = a->tunnel[tunnel].changed;

	a->tunnel[tunnel].changed = false;
	return changed;
}

/* Tunnels as packets see them. */
#include "dataplane/core.h"
#include "dataplane/peers.h"
#include "dataplane/policer.h"
#include "dataplane/set.h"

#include <errno.h>
#include <string.h>

/* Nobody counts here without an SA of its. */
static void forget_counts(struct dataplane *dp, uint32_t tunnel)
{
	struct tunnel *t = &dp->tables.tunnel[tunnel];

	tally_forget(&dp->tally_lock, &t->tally);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		counter_set(&dp->tables.tunnel_drop[tunnel][i], 0);
	shared_set(&t->mtu, 0);
}

/* Its owner has one tunnel more, or less. */
static void own(struct dataplane *dp, uint32_t tunnel, int more)
{
	uint32_t *tunnels = &dp->worker[dp->tables.owner[tunnel]]->stats.tunnels;

	shared_set(tunnels, *tunnels + (uint32_t)more);
}

int dataplane_tunnel_add(struct dataplane *dp, uint32_t tunnel, const struct dataplane_tunnel *t)
{
	struct prefix local = prefix_host(&t->inner.addr), peer = prefix_host(&t->inner_peer);
	struct policer *policer;
	struct tunnel *to;
	int rc;

	if (tunnel >= TUNNELS_MAX || t->table >= TABLES_MAX || !dp->tables.fib[t->table])
		return -EINVAL;
	to = &dp->tables.tunnel[tunnel];
	if (to->used)
		return -EEXIST;
	if (to->leaving)
		return -EBUSY;
	policer = t->bandwidth ? policer_new(t->bandwidth) : NULL;
	if (t->bandwidth && !policer)
		return -ENOMEM;
	rc = route_set(dp, t->table, &local, nexthop(NEXTHOP_LOCAL, tunnel | NEXTHOP_LOCAL_TUNNEL));
	if (rc) {
		policer_free(policer);
		return rc;
	}
	to->table = t->table;
	to->inner = t->inner.addr;
	to->inner_peer = t->inner_peer;
	dp->tables.owner[tunnel] = (uint8_t)pulse_owner(dp);
	to->mss_clamp = t->mss_clamp;
	to->on_demand = t->on_demand;
	to->transit = t->transit;
	atomic_store_explicit(&to->wanted, 0, memory_order_relaxed);
	to->df = (uint8_t)t->df;
	to->policer = policer;
	to->mtu_most = t->mtu;
	shared_set(&to->up, false);
	forget_counts(dp, tunnel);
	shared_set(&to->used, true);
	route_mark_own(dp, &t->inner_peer);
	peers_mark(&dp->tables, &t->customer_ip);
	rc = route_set(dp, t->table, &peer, nexthop(NEXTHOP_TUNNEL, tunnel));
	if (rc) {
		shared_set(&to->used, false);
		to->policer = NULL;
		policer_free(policer);
		(void)route_delete(dp, t->table, &local);
		return rc;
	}
	own(dp, tunnel, 1);
	return 0;
}

static void free_policer(void *owner, void *thing, uint32_t index)
{
	policer_free(thing);
}

static uint32_t to_local(uint32_t tunnel)
{
	return nexthop(NEXTHOP_LOCAL, tunnel | NEXTHOP_LOCAL_TUNNEL);
}

static void leave_addresses(struct dataplane *dp, uint32_t tunnel, const struct addr *inner,
			    const struct addr *inner_peer)
{
	const struct tunnel *t = &dp->tables.tunnel[tunnel];
	struct prefix local = prefix_host(inner), peer = prefix_host(inner_peer);

	route_delete_if(dp, t->table, &local, to_local(tunnel));
	route_delete_if(dp, t->table, &peer, nexthop(NEXTHOP_TUNNEL, tunnel));
}

/* The new ones first, so that nothing is without a way. */
static int move(struct dataplane *dp, uint32_t tunnel, const struct addr *inner,
		const struct addr *inner_peer)
{
	struct tunnel *t = &dp->tables.tunnel[tunnel];
	struct prefix local = prefix_host(inner), peer = prefix_host(inner_peer);
	struct addr old_inner = t->inner, old_peer = t->inner_peer;
	int rc = route_set(dp, t->table, &local, to_local(tunnel));

	route_mark_own(dp, inner_peer);
	if (rc == 0)
		rc = route_set(dp, t->table, &peer, nexthop(NEXTHOP_TUNNEL, tunnel));
	if (rc) {
		if (!addr_equal(inner, &old_inner))
			route_delete_if(dp, t->table, &local, to_local(tunnel));
		return rc;
	}
	t->inner = *inner;
	t->inner_peer = *inner_peer;
	if (!addr_equal(inner, &old_inner) && !addr_equal(inner_peer, &old_inner)) {
		local = prefix_host(&old_inner);
		route_delete_if(dp, t->table, &local, to_local(tunnel));
	}
	if (!addr_equal(inner_peer, &old_peer) && !addr_equal(inner, &old_peer)) {
		peer = prefix_host(&old_peer);
		route_delete_if(dp, t->table, &peer, nexthop(NEXTHOP_TUNNEL, tunnel));
	}
	return 0;
}

int dataplane_tunnel_change(struct dataplane *dp, uint32_t tunnel, const struct dataplane_tunnel *t)
{
	struct policer *policer, *old;
	struct tunnel *to;
	int rc = 0;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -ENOENT;
	to = &dp->tables.tunnel[tunnel];
	if (t->table != to->table)
		return -EINVAL;
	policer = old = to->policer;
	if (t->bandwidth != (old ? old->mbit : 0)) {
		policer = t->bandwidth ? policer_new(t->bandwidth) : NULL;
		if (t->bandwidth && !policer)
			return -ENOMEM;
	}
	if (!addr_equal(&t->inner.addr, &to->inner) || !addr_equal(&t->inner_peer, &to->inner_peer))
		rc = move(dp, tunnel, &t->inner.addr, &t->inner_peer);
	if (rc) {
		if (policer != old)
			policer_free(policer);
		return rc;
	}
	peers_mark(&dp->tables, &t->customer_ip);
	to->mss_clamp = t->mss_clamp;
	to->on_demand = t->on_demand;
	to->transit = t->transit;
	to->df = (uint8_t)t->df;
	to->mtu_most = t->mtu;
	__atomic_store_n(&to->policer, policer, __ATOMIC_RELEASE);
	if (policer != old && old)
		retire(&dp->retired, dp->tables.qsbr, free_policer, dp, old, 0);
	return 0;
}

static void has_left(void *owner, void *thing, uint32_t tunnel)
{
	struct dataplane *dp = owner;

	dp->tables.tunnel[tunnel].leaving = false;
}

int dataplane_tunnel_delete(struct dataplane *dp, uint32_t tunnel)
{
	struct policer *policer;
	struct tunnel *t;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -ENOENT;
	if (sets_has_tunnel(dp, tunnel))
		return -EBUSY;
	t = &dp->tables.tunnel[tunnel];
	leave_addresses(dp, tunnel, &t->inner, &t->inner_peer);
	shared_set(&t->used, false);
	t->leaving = true;
	retire(&dp->retired, dp->tables.qsbr, has_left, dp, NULL, tunnel);
	policer = t->policer;
	__atomic_store_n(&t->policer, NULL, __ATOMIC_RELEASE);
	if (policer)
		retire(&dp->retired, dp->tables.qsbr, free_policer, dp, policer, 0);
	own(dp, tunnel, -1);
	return 0;
}

bool dataplane_tunnel_gone(struct dataplane *dp, uint32_t tunnel)
{
	return tunnel >= TUNNELS_MAX ||
	       (!dp->tables.tunnel[tunnel].used && !dp->tables.tunnel[tunnel].leaving);
}

int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up)
{
	struct tunnel *t;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -ENOENT;
	t = &dp->tables.tunnel[tunnel];
	if (t->up != up) {
		shared_set(&t->up, up);
		sets_tunnel_changed(dp, tunnel);
	}
	return 0;
}

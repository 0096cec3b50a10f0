/* Tunnels as packets see them. */
#include "dataplane/core.h"
#include "dataplane/policer.h"
#include "dataplane/set.h"

#include <errno.h>
#include <string.h>

static unsigned owner_for_new(const struct dataplane *dp)
{
	unsigned best = 0;

	for (unsigned i = 1; i < dp->n_workers; i++) {
		if (dp->worker[i]->stats.tunnels < dp->worker[best]->stats.tunnels)
			best = i;
	}
	return best;
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
	to->owner = (uint8_t)owner_for_new(dp);
	to->mss_clamp = t->mss_clamp;
	to->on_demand = t->on_demand;
	atomic_store_explicit(&to->wanted, 0, memory_order_relaxed);
	to->df = (uint8_t)t->df;
	to->policer = policer;
	to->mtu_most = t->mtu;
	to->mtu = 0;
	to->up = false;
	to->used = true;
	route_mark_own(dp, &t->inner_peer);
	rc = route_set(dp, t->table, &peer, nexthop(NEXTHOP_TUNNEL, tunnel));
	if (rc) {
		to->used = false;
		to->policer = NULL;
		policer_free(policer);
		(void)route_delete(dp, t->table, &local);
		return rc;
	}
	dp->worker[to->owner]->stats.tunnels++;
	return 0;
}

static void free_policer(void *owner, void *thing, uint32_t index)
{
	policer_free(thing);
}

int dataplane_tunnel_delete(struct dataplane *dp, uint32_t tunnel)
{
	struct tunnel *t;
	struct prefix local, peer;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -ENOENT;
	if (sets_has_tunnel(dp, tunnel))
		return -EBUSY;
	t = &dp->tables.tunnel[tunnel];
	local = prefix_host(&t->inner);
	peer = prefix_host(&t->inner_peer);
	(void)route_delete(dp, t->table, &local);
	(void)route_delete(dp, t->table, &peer);
	t->used = false;
	retire(&dp->retired, dp->tables.qsbr, free_policer, dp, t->policer, 0);
	t->policer = NULL;
	dp->worker[t->owner]->stats.tunnels--;
	return 0;
}

int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up)
{
	struct tunnel *t;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -ENOENT;
	t = &dp->tables.tunnel[tunnel];
	if (t->up != up) {
		t->up = up;
		sets_tunnel_changed(dp, tunnel);
	}
	return 0;
}

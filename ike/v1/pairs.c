/* Which pairs a tunnel is to have: one for each pair of networks. */
#include "ike/v1/proxy.h"
#include "ike/v1/quick.h"

/* The exchange of this tunnel that is to make such a pair; ours, or anybody's. */
struct ike_v1_exchange *ike_v1_pair_in_the_making(const struct ike_tunnel *t,
						  const struct ike_traffic *traffic, bool ours_only)
{
	struct ike_v1_exchange *x;
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (!sa->v1)
			continue;
		LIST_FOREACH(x, &sa->v1->exchanges, link)
		{
			if (x->type == IKE_V1_QUICK && x->traffic == traffic &&
			    (x->initiator || !ours_only))
				return x;
		}
	}
	return NULL;
}

void ike_v1_retire_others(const struct ike_child *c, ike_time after)
{
	struct ike_engine *e = c->tunnel->engine;
	struct ike_child *old;

	TAILQ_FOREACH(old, &c->tunnel->children, link)
	{
		if (old == c || old->traffic != c->traffic)
			continue;
		ike_child_replace(old);
		if (!old->redundant || !old->turn.armed)
			ike_timer_set(&e->timers, &old->turn, e->now + after);
		old->redundant = true;
	}
}

static struct ike_child *pair_of(const struct ike_tunnel *t, const struct ike_traffic *traffic)
{
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		/* We never return to a pair that we have left: without another it does not count.
		 */
		if (c->traffic == traffic && !c->redundant && !c->want_delete &&
		    (t->out || c->outbound == IKE_OUTBOUND_NEVER))
			return c;
	}
	return NULL;
}

static const struct ike_traffic *wanted(const struct ike_tunnel *t, unsigned k)
{
	struct ike_selectors local, remote;

	if (!ike_v1_proxy_wanted(&t->conf, k, &local, &remote))
		return NULL;
	return ike_traffic_get(&t->engine->traffic, &local, &remote);
}

static bool single(const struct ike_tunnel *t)
{
	struct ike_selectors local, remote;

	return !ike_v1_proxy_wanted(&t->conf, 1, &local, &remote);
}

bool ike_v1_lacks(const struct ike_tunnel *t)
{
	const struct ike_traffic *traffic;
	bool there = true;

	if (!t->out || !ike_tunnel_current(t))
		return true;
	/* Whatever the peer made of the only pair is good enough. */
	if (single(t))
		return false;
	for (unsigned k = 0; there && (traffic = wanted(t, k)) != NULL; k++) {
		there = pair_of(t, traffic) != NULL;
		ike_traffic_put(&t->engine->traffic, traffic);
	}
	return !there;
}

void ike_v1_quick_missing(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	const struct ike_traffic *traffic;

	if (t->out && single(t))
		return;
	for (unsigned k = 0; (traffic = wanted(t, k)) != NULL; k++) {
		if (!pair_of(t, traffic) && !ike_v1_pair_in_the_making(t, traffic, false))
			ike_v1_quick_start(sa, traffic, NULL);
		ike_traffic_put(&t->engine->traffic, traffic);
	}
}

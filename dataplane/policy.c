#include "dataplane/policy.h"

#include "dataplane/lookup.h"
#include "dataplane/policer.h"
#include "dataplane/select.h"

bool policy_pass(struct worker *w, struct sa *sa, struct rte_mbuf *m)
{
	struct tunnel *t = &w->tables->tunnel[sa->tunnel];

	if ((sa->flags & SA_SELECTORS) && !select_packet(sa, packet(m), m->data_len)) {
		worker_drop_of(w, m, select_refusal(sa->flags, packet(m), m->data_len), sa->tunnel);
		return false;
	}
	if ((sa->flags & SA_METER) && !policer_pass(__atomic_load_n(&t->policer, __ATOMIC_ACQUIRE),
						    true, w->tsc, m->data_len)) {
		worker_drop_of(w, m, DROP_BANDWIDTH, sa->tunnel);
		return false;
	}
	return true;
}

bool policy_is_peer(const struct tunnel *t, const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;

	return t->inner_peer.family == (v4 ? ADDR_IPV4 : ADDR_IPV6) &&
	       memcmp(t->inner_peer.b, ip + (v4 ? 12 : 8), v4 ? 4 : 16) == 0;
}

bool policy_is_spoofed(const struct tables *t, uint32_t table, uint32_t tunnel, const uint8_t *ip)
{
	uint8_t back[IP6_BYTES];
	uint32_t nh;

	/* As if it were for its source. */
	back[0] = ip[0];
	if (ip[0] >> 4 == 4)
		memcpy(back + 16, ip + 12, 4);
	else
		memcpy(back + 24, ip + 8, 16);
	nh = lookup(t, table, back);
	if (nexthop_kind(nh) == NEXTHOP_TUNNEL)
		return nexthop_index(nh) != tunnel &&
		       policy_is_peer(&t->tunnel[nexthop_index(nh)], ip);
	return nexthop_kind(nh) == NEXTHOP_LOCAL;
}

#include "dataplane/policy.h"

#include "dataplane/lookup.h"
#include "dataplane/policer.h"
#include "dataplane/select.h"

bool policy_pass(struct worker *w, struct sa *sa, struct rte_mbuf *m)
{
	struct tunnel *t = &w->tables->tunnel[sa->tunnel];

	if ((sa->flags & SA_SELECTORS) && !select_packet(sa, packet(m), m->data_len)) {
		sa->selector_drops++;
		t->selector++;
		worker_drop(w, m, DROP_SELECTOR);
		return false;
	}
	if ((sa->flags & SA_METER) && !policer_pass(t->policer, true, w->tsc, m->data_len)) {
		worker_drop(w, m, DROP_BANDWIDTH);
		return false;
	}
	return true;
}

bool policy_is_own(const struct tables *t, uint32_t table, const uint8_t *ip)
{
	uint8_t back[IP6_BYTES];

	/* As if it were for its source. */
	back[0] = ip[0];
	if (ip[0] >> 4 == 4)
		memcpy(back + 16, ip + 12, 4);
	else
		memcpy(back + 24, ip + 8, 16);
	return nexthop_kind(lookup(t, table, back)) == NEXTHOP_LOCAL;
}

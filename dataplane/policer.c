#include "dataplane/policer.h"

#include <rte_malloc.h>

#define BURST_MIN  30000 /* bytes that may come at once; or what comes in so much time: */
#define BURST_TIME 20	 /* ms */

struct policer *policer_new(uint32_t mbit)
{
	struct rte_meter_srtcm_params params = { .cir = mbit * UINT64_C(125000) };
	struct policer *p = rte_zmalloc("policer", sizeof(*p), RTE_CACHE_LINE_SIZE);

	if (!p)
		return NULL;
	p->mbit = mbit;
	params.cbs = RTE_MAX(params.cir * BURST_TIME / 1000, (uint64_t)BURST_MIN);
	if (rte_meter_srtcm_profile_config(&p->profile, &params) != 0 ||
	    rte_meter_srtcm_config(&p->in, &p->profile) != 0 ||
	    rte_meter_srtcm_config(&p->out, &p->profile) != 0) {
		rte_free(p);
		return NULL;
	}
	return p;
}

void policer_free(struct policer *p)
{
	rte_free(p);
}

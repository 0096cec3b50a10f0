/* A tunnel's bandwidth, in each direction: a token bucket (RFC 2697 with one color).
 *
 * Made by main with the tunnel, then its owner worker's alone. */
#ifndef DATAPLANE_POLICER_H
#define DATAPLANE_POLICER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_meter.h>

struct policer {
	uint32_t mbit;
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm in, out;
};

/* mbit: per second, of inner packets. NULL: no memory, or a rate that cannot be. */
struct policer *policer_new(uint32_t mbit);
void policer_free(struct policer *p); /* NULL is fine */

/* NULL: the limit was just lifted, and the SA does not know yet. */
static inline bool policer_pass(struct policer *p, bool inbound, uint64_t tsc, unsigned bytes)
{
	return !p || rte_meter_srtcm_color_blind_check(inbound ? &p->in : &p->out, &p->profile, tsc,
						       bytes) == RTE_COLOR_GREEN;
}

#endif

#include "dataplane/punt.h"

#include "dataplane/packet.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>

/* Packets a second and worker, and how many may come at once. */
static const struct {
	uint32_t rate, burst;
} budgets[PUNT_CLASSES] = {
	[PUNT_IKE] = { 50000, 4096 },  [PUNT_ROUTING] = { 50000, 4096 },
	[PUNT_NEIGH] = { 2000, 256 },  [PUNT_ICMP] = { 2000, 256 },
	[PUNT_PATH_MTU] = { 100, 16 }, [PUNT_RESOLVE] = { 1000, 256 },
	[PUNT_ERROR] = { 1000, 256 },  [PUNT_OTHER] = { 1000, 256 },
};

#define REFILLS_PER_SECOND 1000

void punt(struct worker *w, struct rte_mbuf *m, enum punt_class class)
{
	struct punt *p = &w->punt;
	bool ike = class == PUNT_IKE || class == PUNT_PATH_MTU;

	if (p->budget[class] == 0) {
		worker_drop(w, m, class == PUNT_RESOLVE ? DROP_UNRESOLVED : DROP_PUNT_BUDGET);
		return;
	}
	p->budget[class]--;
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_PUNTED, class);
	if (rte_ring_sp_enqueue(ike ? p->to_negotiator : p->to_main, m) != 0) {
		worker_drop(w, m, DROP_PUNT_FULL);
		return;
	}
	if (ike)
		p->ring_negotiator = true;
	else
		p->ring_main = true;
}

void punt_error(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	struct punt *p = &w->punt;

	counter_add(&w->stats.drop[reason], 1);
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_DROPPED, reason);
	if (p->budget[PUNT_ERROR] == 0 || rte_ring_sp_enqueue(p->to_main, m) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	p->budget[PUNT_ERROR]--;
	p->ring_main = true;
}

enum punt_class punt_class(const uint8_t *ip, unsigned len, bool inner)
{
	unsigned head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES;
	unsigned proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];
	const uint8_t *l4 = ip + head;
	unsigned to;

	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6)
		return PUNT_ICMP;
	if (!inner || len < head + 4)
		return PUNT_OTHER;
	to = get_be16(l4 + 2);
	if (proto == PROTO_TCP && (get_be16(l4) == TCP_BGP || to == TCP_BGP))
		return PUNT_ROUTING;
	if (proto == PROTO_UDP && (to == UDP_BFD || to == UDP_BFD_ECHO || to == UDP_BFD_MULTIHOP))
		return PUNT_ROUTING;
	return PUNT_OTHER;
}

void punt_refill(struct worker *w, uint64_t tsc)
{
	struct punt *p = &w->punt;
	uint64_t step = rte_get_tsc_hz() / REFILLS_PER_SECOND, steps;

	if (tsc - p->refilled < step)
		return;
	punt_ring_bells(w);
	steps = (tsc - p->refilled) / step;
	p->refilled += steps * step;
	if (steps > REFILLS_PER_SECOND)
		steps = REFILLS_PER_SECOND;
	for (unsigned i = 0; i < PUNT_CLASSES; i++) {
		uint64_t more = p->budget[i] + steps * budgets[i].rate / REFILLS_PER_SECOND;

		p->budget[i] = (uint32_t)RTE_MIN(more, (uint64_t)budgets[i].burst);
	}
}

void punt_ring_bells(struct worker *w)
{
	struct punt *p = &w->punt;

	if (p->ring_main) {
		p->ring_main = false;
		doorbell_ring(p->main_bell);
	}
	if (p->ring_negotiator) {
		p->ring_negotiator = false;
		doorbell_ring(p->negotiator_bell);
	}
}

#include "dataplane/punt.h"

#include "dataplane/worker.h"

#include <rte_cycles.h>

/* Packets a second and worker, and how many may come at once. */
static const struct {
	uint32_t rate, burst;
} budgets[PUNT_CLASSES] = {
	[PUNT_IKE] = { 50000, 4096 },
	[PUNT_NEIGH] = { 2000, 256 },
	[PUNT_LOCAL] = { 5000, 512 },
	[PUNT_RESOLVE] = { 1000, 256 },
};

#define REFILLS_PER_SECOND 1000

void punt(struct worker *w, struct rte_mbuf *m, enum punt_class class)
{
	struct punt *p = &w->punt;
	bool ike = class == PUNT_IKE;

	if (p->budget[class] == 0) {
		worker_drop(w, m, class == PUNT_RESOLVE ? DROP_UNRESOLVED : DROP_PUNT_BUDGET);
		return;
	}
	p->budget[class]--;
	if (rte_ring_sp_enqueue(ike ? p->to_negotiator : p->to_main, m) != 0) {
		worker_drop(w, m, DROP_PUNT_FULL);
		return;
	}
	if (ike)
		p->ring_negotiator = true;
	else
		p->ring_main = true;
}

void punt_refill(struct worker *w, uint64_t tsc)
{
	struct punt *p = &w->punt;
	uint64_t step = rte_get_tsc_hz() / REFILLS_PER_SECOND, steps;

	if (tsc - p->refilled < step)
		return;
	steps = (tsc - p->refilled) / step;
	p->refilled += steps * step;
	if (steps > REFILLS_PER_SECOND)
		steps = REFILLS_PER_SECOND;
	for (unsigned i = 0; i < PUNT_CLASSES; i++) {
		uint64_t more = p->budget[i] + steps * budgets[i].rate / REFILLS_PER_SECOND;

		p->budget[i] = (uint32_t)RTE_MIN(more, (uint64_t)budgets[i].burst);
	}
}

void punt_flush(struct worker *w)
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

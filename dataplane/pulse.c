#include "dataplane/pulse.h"

#include "dataplane/core.h"

#include <rte_cycles.h>

#define LOAD_STEP 50 /* thousandths that make no difference */

static void look(struct pulse *p, const struct dataplane_worker_stats *s, uint64_t now)
{
	uint64_t loops = shared_get(&s->loops), busy = 0, idle;
	uint32_t load = 0;

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		busy += shared_get(&s->phase_cycles[i]);
	idle = shared_get(&s->idle_cycles);
	if (loops != p->loops || loops == 0)
		shared_set(&p->turned, now);
	shared_set(&p->stuck, now - p->turned >= PULSE_STUCK);
	if (busy + idle > p->busy + p->idle)
		load = (uint32_t)((busy - p->busy) * 1000 / (busy + idle - p->busy - p->idle));
	shared_set(&p->load, load);
	p->loops = loops;
	p->busy = busy;
	p->idle = idle;
	p->added = 0;
}

uint64_t pulse_take(struct dataplane *dp, uint64_t now)
{
	if (now - dp->pulse_taken >= PULSE_SECOND) {
		dp->pulse_taken = now;
		for (unsigned i = 0; i < dp->n_workers; i++)
			look(&dp->pulse[i], &dp->worker[i]->stats, now);
	}
	return dp->pulse_taken + PULSE_SECOND;
}

unsigned pulse_owner(struct dataplane *dp)
{
	uint32_t load = 0, tunnels = 0, each, best_load = UINT32_MAX, best_tunnels = 0;
	unsigned best = 0;

	for (unsigned i = 0; i < dp->n_workers; i++) {
		load += dp->pulse[i].load;
		tunnels += dp->worker[i]->stats.tunnels - dp->pulse[i].added;
	}
	each = tunnels ? load / tunnels : 0;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		const struct pulse *p = &dp->pulse[i];
		uint32_t expected = (p->load + p->added * each) / LOAD_STEP;
		uint32_t owned = dp->worker[i]->stats.tunnels;

		/* One that does not turn gets nothing, as long as another one does. */
		if (p->stuck)
			expected = UINT32_MAX - 1;
		if (expected < best_load || (expected == best_load && owned < best_tunnels)) {
			best = i;
			best_load = expected;
			best_tunnels = owned;
		}
	}
	dp->pulse[best].added++;
	return best;
}

bool dataplane_worker_stuck(const struct dataplane *dp, unsigned worker)
{
	return worker < dp->n_workers && shared_get(&dp->pulse[worker].stuck);
}

static uint32_t waiting(const struct rte_ring *r)
{
	return r ? rte_ring_count(r) : 0;
}

void pulse_tell(const struct dataplane *dp, unsigned worker, struct dataplane_worker_stats *out)
{
	const struct worker *w = dp->worker[worker];
	const struct pulse *p = &dp->pulse[worker];

	out->load = shared_get(&p->load);
	out->stuck = shared_get(&p->stuck);
	out->silent = out->stuck ? shared_get(&dp->now) - shared_get(&p->turned) : 0;
	out->longest_pause = out->longest_pause * 1000000 / rte_get_tsc_hz();
	for (unsigned i = 0; i < dp->n_workers; i++)
		out->ring[RING_ARRIVAL] += waiting(w->arrival[i]);
	out->ring[RING_MAIN] = waiting(w->inject[INJECT_MAIN]);
	out->ring[RING_NEGOTIATOR] = waiting(w->inject[INJECT_NEGOTIATOR]);
	out->ring[RING_ORDERS] = waiting(w->orders);
	out->ring[RING_REPORTS] = waiting(w->reports);
	out->ring[RING_TO_MAIN] = waiting(w->punt.to_main);
	out->ring[RING_TO_NEGOTIATOR] = waiting(w->punt.to_negotiator);
}

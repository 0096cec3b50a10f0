#include "tests/bench/lane.h"

#include "dataplane/core.h"
#include "tests/bench/machine.h"
#include "tests/bench/median.h"

#include <rte_launch.h>

#include <err.h>

#define ROUND	  320 /* packets */
#define IN_FLIGHT 512 /* packets that may be on their way between two workers */
#define ENOUGH	  50  /* rounds */

static _Atomic bool stop; /* giving */

static uint64_t cycles_of(const struct worker *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		n += w->stats.phase_cycles[i];
	return n;
}

static uint64_t packets_of(const struct worker *w)
{
	return w->stats.esp_out_packets + w->stats.handed_over;
}

/* The queue of the VPC's port that it polls. */
static unsigned queue_of(const struct worker *w, uint16_t port)
{
	for (unsigned i = 0; i < w->n_rx; i++)
		if (w->rx[i].port == port)
			return w->rx[i].queue;
	errx(1, "worker %u polls no queue of port %u", w->index, port);
}

static bool may_give(const struct lane *l)
{
	return !stop && (!l->even || l->own <= l->even->own) &&
	       l->owner->given - l->owner->taken < IN_FLIGHT;
}

static void step(struct lane *l, unsigned *at)
{
	struct memory_port *lan = &l->site->bed.port[BED_LAN], *wan = &l->site->bed.port[BED_WAN];
	struct rte_mbuf *m[BURST_MAX];
	unsigned n;

	if (may_give(l)) { /* at most one too many each */
		n = site_burst(l->site, l->feed, *at, m);
		*at = (*at + n) % l->feed->n;
		if (memory_port_give(lan, queue_of(l->w, lan->id), m, n) != n)
			errx(1, "port's ring is full");
		l->own += n;
		l->owner->given += n;
	}
	worker_run_once(l->w);
	n = memory_port_take(wan, l->w->index, m, BURST_MAX);
	if (n)
		rte_pktmbuf_free_bulk(m, n);
	l->taken += n;
}

static void keep(struct series *s, bool whole, double cycles)
{
	for (unsigned i = 0; i <= whole; i++)
		if (s->n[i] < LANE_SAMPLES)
			s->sample[i][s->n[i]++] = cycles;
}

static int live(void *arg)
{
	struct lane *l = arg;
	struct rte_rcu_qsbr *qsbr = l->w->tables->qsbr;
	uint64_t packets = packets_of(l->w), cycles = cycles_of(l->w), switches = share_switches();
	bool whole = machine_whole_core(), was_whole;
	unsigned at = 0;

	rte_rcu_qsbr_thread_register(qsbr, l->w->index);
	rte_rcu_qsbr_thread_online(qsbr, l->w->index);
	while (!l->leave || l->owner->given != l->owner->taken || !rte_ring_empty(l->w->orders)) {
		step(l, &at);
		rte_rcu_qsbr_quiescent(qsbr, l->w->index);
		if (packets_of(l->w) - packets < ROUND)
			continue;
		was_whole = whole;
		whole = machine_whole_core();
		if (share_switches() == switches)
			keep(l->to, whole && was_whole,
			     (double)(cycles_of(l->w) - cycles) /
				     (double)(packets_of(l->w) - packets));
		packets = packets_of(l->w);
		cycles = cycles_of(l->w);
		switches = share_switches();
	}
	rte_rcu_qsbr_thread_offline(qsbr, l->w->index);
	rte_rcu_qsbr_thread_unregister(qsbr, l->w->index);
	return 0;
}

/* ---- rounds ----------------------------------------------------------------------------- */

bool series_are_whole(struct series *const *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!s[i]->n[0])
			errx(1, "no round of a worker went undisturbed");
		if (s[i]->n[1] < ENOUGH)
			return false;
	}
	return true;
}

double series_middle(struct series *s, bool whole)
{
	return median_of(s->sample[whole], s->n[whole]);
}

double series_mean(struct series *s, bool whole)
{
	double limit = 3 * series_middle(s, whole), sum = 0;
	unsigned i;

	for (i = 0; i < s->n[whole] && s->sample[whole][i] < limit; i++)
		sum += s->sample[whole][i];
	return sum / i;
}

/* ---- its life --------------------------------------------------------------------------- */

void lane_start(struct lane *l, struct feed *feed, struct lane *owner, struct series *to)
{
	l->feed = feed;
	l->owner = owner;
	l->even = NULL;
	l->to = to;
	l->own = l->given = l->taken = 0;
	l->leave = stop = false;
}

void lane_go(struct lane *l)
{
	if (rte_eal_remote_launch(live, l, l->lcore))
		errx(1, "lcore %u is busy", l->lcore);
}

void lane_finish(struct lane *l)
{
	stop = true;
	l->leave = true;
	rte_eal_wait_lcore(l->lcore);
}

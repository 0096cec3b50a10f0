/* Workers beside each other, on real cores: does a second one double the work, what does it cost to
 * hand a packet over to its SA's owner, and what does traffic feel of SAs that come and go.
 *
 *     workers [--quick] [--alg NAME[-AUTH]] --cpus A,B
 *
 * Each worker has a thread on its core that gives it bursts, steps its loop and takes what comes
 * out; only the loop's phases count, with the ports' functions. A round is some five bursts; rounds
 * in which the thread was put aside, or had not its core's whole width, do not count. Prints an
 * object of JSON a line, for report.py.
 */
#include "dataplane/core.h"
#include "tests/bench/machine.h"
#include "tests/bench/site.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_version.h>

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TUNNELS	  1000
#define SIZE	  64
#define ROUND	  320 /* packets */
#define IN_FLIGHT 512 /* packets that may be on their way between two workers */
#define SAMPLES	  65536
#define ENOUGH	  50   /* of them */
#define CHURN	  1000 /* SAs a second */

struct lane {
	struct site *site;
	struct worker *w;
	struct feed *feed;  /* for its own queue */
	struct lane *owner; /* of its packets' SAs, who sends them */
	struct lane *even;  /* gives no more than that one; NULL: as much as it can */
	unsigned lcore;
	_Atomic uint64_t own;	       /* packets that it gave */
	_Atomic uint64_t given, taken; /* packets of its SAs, wherever they came in */
	/* Cycles of a packet; [1]: with the core's whole width. */
	float sample[2][SAMPLES];
	unsigned n[2];
};

static _Atomic bool stop;
static bool shared; /* what is measured had the core's whole width too rarely */

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

static void keep(struct lane *l, bool whole, float cycles)
{
	if (l->n[whole] < SAMPLES)
		l->sample[whole][l->n[whole]++] = cycles;
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
	while (!stop || l->owner->given != l->owner->taken || !rte_ring_empty(l->w->orders)) {
		step(l, &at);
		rte_rcu_qsbr_quiescent(qsbr, l->w->index);
		if (packets_of(l->w) - packets < ROUND)
			continue;
		was_whole = whole;
		whole = machine_whole_core();
		if (share_switches() == switches)
			keep(l, whole && was_whole,
			     (float)(cycles_of(l->w) - cycles) /
				     (float)(packets_of(l->w) - packets));
		packets = packets_of(l->w);
		cycles = cycles_of(l->w);
		switches = share_switches();
	}
	rte_rcu_qsbr_thread_offline(qsbr, l->w->index);
	rte_rcu_qsbr_thread_unregister(qsbr, l->w->index);
	return 0;
}

/* ---- a measurement ---------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

/* Of the rounds that had the core's whole width; of all others where these are too few. */
static bool enough(struct lane *l)
{
	bool whole = l->n[1] >= ENOUGH;

	if (l->n[whole] == 0)
		errx(1, "no round of worker %u went undisturbed", l->w->index);
	shared |= !whole;
	return whole;
}

static double median(struct lane *l)
{
	bool whole = enough(l);

	qsort(l->sample[whole], l->n[whole], sizeof(l->sample[0][0]), ascending);
	return (double)l->sample[whole][l->n[whole] / 2];
}

/* Without the few that the host of a virtual machine disturbed behind our back. */
static double mean(struct lane *l)
{
	double limit = 3 * median(l), sum = 0;
	bool whole = enough(l);
	unsigned i;

	for (i = 0; i < l->n[whole] && (double)l->sample[whole][i] < limit; i++)
		sum += (double)l->sample[whole][i];
	return sum / i;
}

static void wait_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void start(struct lane *l, struct feed *feed, struct lane *owner)
{
	l->feed = feed;
	l->owner = owner;
	l->even = NULL;
	l->n[0] = l->n[1] = 0;
	l->own = l->given = l->taken = 0;
	stop = false;
}

static void go(struct lane *l)
{
	if (rte_eal_remote_launch(live, l, l->lcore))
		errx(1, "lcore %u is busy", l->lcore);
}

static void finish(struct lane *l)
{
	rte_eal_wait_lcore(l->lcore);
}

/* ---- SAs that come and go --------------------------------------------------------------- */

static void settle(struct site *s)
{
	static const struct dataplane_negotiator_ops none;

	(void)dataplane_negotiator_poll(s->bed.dp, &none, NULL);
}

/* A pair of new SAs for the old ones, as a rekey makes it: inbound first. */
static void rekey(struct site *s, uint32_t tunnel, uint32_t spi_out)
{
	struct dataplane_sa sa = s->like;
	uint32_t old = s->peer[tunnel].spi_in;

	sa.tunnel = tunnel;
	sa.remote.addr = feed_customer(tunnel);
	sa.inbound = true;
	sa.spi = s->peer[tunnel].spi_in = dataplane_spi_alloc(s->bed.dp, tunnel);
	while (dataplane_sa_install(s->bed.dp, &sa) == -EAGAIN)
		settle(s);
	sa.inbound = false;
	sa.spi = spi_out;
	while (dataplane_sa_install(s->bed.dp, &sa) == -EAGAIN)
		settle(s);
	while (dataplane_sa_remove(s->bed.dp, tunnel, true, old) == -EAGAIN)
		settle(s);
}

/* Returns the SAs that were replaced. */
static unsigned churn(struct site *s, double seconds)
{
	uint64_t hz = rte_get_tsc_hz(), began = rte_rdtsc(), now;
	static uint32_t spi = 0xd0000000;
	unsigned n = 0;

	while ((now = rte_rdtsc()) - began < (uint64_t)(seconds * (double)hz)) {
		while ((double)n < (double)(now - began) / (double)hz * CHURN) {
			/* Every second tunnel is the first worker's. */
			rekey(s, 1 + n % TUNNELS, spi++);
			n += 2;
		}
		settle(s);
		wait_ms(1);
	}
	return n;
}

/* ---- the program ------------------------------------------------------------------------ */

static void print(const char *name, double value, const char *unit, const char *more)
{
	printf("{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\", \"shared\": %s, %s}\n", name,
	       value, unit, shared ? "true" : "false", more);
	shared = false;
	fflush(stdout);
}

static void run_all(struct site *s, struct lane *a, struct lane *b, struct feed *of_a,
		    struct feed *of_b, unsigned ms)
{
	double one, first, second, share, quiet = 0, busy = 0;
	uint64_t sent, handed;
	unsigned turns = 4, replaced = 0;
	char more[200];

	start(a, of_a, a);
	go(a);
	wait_ms(ms);
	stop = true;
	finish(a);
	one = median(a);

	start(a, of_a, a);
	start(b, of_b, b);
	go(a);
	go(b);
	wait_ms(ms);
	stop = true;
	finish(a);
	finish(b);
	first = median(a);
	second = median(b);
	snprintf(more, sizeof(more), "\"one\": %.1f, \"two\": [%.1f, %.1f]", one, first, second);
	print("two-workers", one / first + one / second, "times one", more);

	/* All of it is the first one's. */
	sent = a->w->stats.esp_out_packets;
	handed = b->w->stats.handed_over;
	start(a, of_a, a);
	start(b, of_a, a);
	a->even = b;
	b->even = a;
	go(a);
	go(b);
	wait_ms(ms);
	stop = true;
	finish(b);
	finish(a);
	share = (double)(b->w->stats.handed_over - handed) /
		(double)(a->w->stats.esp_out_packets - sent);
	first = median(a);
	second = median(b);
	snprintf(more, sizeof(more),
		 "\"one\": %.1f, \"owner\": %.1f, \"giver\": %.1f, \"share\": %.2f", one, first,
		 second, share);
	print("hand-over", first + share * second - one, "cycles/packet", more);

	for (unsigned i = 0; i < turns; i++) {
		start(a, of_a, a);
		go(a);
		if (i % 2)
			replaced += churn(s, ms / 1000.0);
		else
			wait_ms(ms);
		stop = true;
		finish(a);
		settle(s);
		*(i % 2 ? &busy : &quiet) += mean(a) / (turns / 2);
	}
	snprintf(more, sizeof(more),
		 "\"quiet\": %.1f, \"churn\": %.1f, \"replaced_per_s\": %.0f, \"lost\": 0", quiet,
		 busy, replaced / (turns / 2 * ms / 1000.0));
	print("churn", 100 * (busy / quiet - 1), "% more cycles", more);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "alg", required_argument, NULL, 'a' },
						 { "cpus", required_argument, NULL, 'c' },
						 { 0 } };
	static struct site s = { .tunnels = TUNNELS };
	static struct lane lane[2];
	struct feed of[2];
	unsigned cpu[2] = { 0, 1 }, ms = 2000;
	uint64_t lost = 0;
	int c;

	site_algorithm(&s, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			ms = 500;
			break;
		case 'a':
			site_algorithm(&s, optarg);
			break;
		case 'c':
			if (sscanf(optarg, "%u,%u", &cpu[0], &cpu[1]) != 2)
				errx(2, "--cpus takes two, such as 2,3");
			break;
		default:
			return 2;
		}
	site_open(&s, cpu, 2);
	for (unsigned i = 0; i < 2; i++) {
		feed_open(&of[i], FEED_ENC, SIZE,
			  (struct feed_round){ .n = TUNNELS / 2, .first = 1 + i, .step = 2 },
			  &s.like, s.peer);
		lane[i] = (struct lane){ .site = &s, .w = s.bed.dp->worker[i], .lcore = i + 1 };
		lost += site_lost(lane[i].w);
	}
	run_all(&s, &lane[0], &lane[1], &of[0], &of[1], ms);
	if (site_lost(lane[0].w) + site_lost(lane[1].w) != lost)
		site_blame(site_lost(lane[0].w) ? lane[0].w : lane[1].w);
	for (unsigned i = 0; i < 2; i++)
		feed_close(&of[i]);
	site_close(&s);
	return 0;
}

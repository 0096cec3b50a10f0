/* Workers beside each other, on real cores: does a second one double the work, what does it cost to
 * hand a packet over to its SA's owner, and what does traffic feel of SAs that come and go.
 *
 *     workers [--quick] [--alg NAME[-AUTH]] --cpus A,B
 *
 * Each worker has a thread on its core that gives it bursts, steps its loop and takes what comes
 * out; only the loop's phases count, with the ports' functions. A round is some five bursts; rounds
 * in which the thread was put aside, or had not its core's whole width, do not count. What is
 * compared takes turns. Prints an
 * object of JSON a line, for report.py.
 */
#include "dataplane/core.h"
#include "tests/bench/machine.h"
#include "tests/bench/median.h"
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
#define SAMPLES	  262144
#define ENOUGH	  50   /* of them */
#define TURNS	  4    /* of what is compared */
#define CHURN	  1000 /* SAs a second */
/* Beyond these a figure says that it was disturbed, not how fast anything is. */
#define TWICE_MAX   2.05
#define CHEAPER_MIN (-3.0)

/* Cycles of a packet in each round; [1]: in those with the core's whole width. */
struct series {
	double sample[2][SAMPLES];
	unsigned n[2];
};

struct lane {
	struct site *site;
	struct worker *w;
	struct feed *feed;  /* for its own queue */
	struct lane *owner; /* of its packets' SAs, who sends them */
	struct lane *even;  /* gives no more than that one; NULL: as much as it can */
	unsigned lcore;
	struct series *to;
	_Atomic bool leave;	       /* after the last packet of its SAs */
	_Atomic uint64_t own;	       /* packets that it gave */
	_Atomic uint64_t given, taken; /* packets of its SAs, wherever they came in */
};

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
		if (s->n[i] < SAMPLES)
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

/* ---- a measurement ---------------------------------------------------------------------- */

/* Have all of these rounds enough with the core's whole width? Else all of their rounds have to do,
 * so that what is compared was measured alike. */
static bool are_whole(struct series *const *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!s[i]->n[0])
			errx(1, "no round of a worker went undisturbed");
		if (s[i]->n[1] < ENOUGH)
			return false;
	}
	return true;
}

static double middle_of(struct series *s, bool whole)
{
	return median_of(s->sample[whole], s->n[whole]);
}

/* Without the few that the host of a virtual machine disturbed behind our back. */
static double mean_of(struct series *s, bool whole)
{
	double limit = 3 * middle_of(s, whole), sum = 0;
	unsigned i;

	for (i = 0; i < s->n[whole] && s->sample[whole][i] < limit; i++)
		sum += s->sample[whole][i];
	return sum / i;
}

static void wait_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void start(struct lane *l, struct feed *feed, struct lane *owner, struct series *to)
{
	l->feed = feed;
	l->owner = owner;
	l->even = NULL;
	l->to = to;
	l->own = l->given = l->taken = 0;
	l->leave = stop = false;
}

static void go(struct lane *l)
{
	if (rte_eal_remote_launch(live, l, l->lcore))
		errx(1, "lcore %u is busy", l->lcore);
}

/* One that gave packets to an owner leaves before that one: it waits for them to be sent. */
static void finish(struct lane *l)
{
	stop = true;
	l->leave = true;
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

struct bench {
	struct site *site;
	struct lane *lane[2];
	struct feed *feed[2]; /* for the tunnels of the lane's worker */
	unsigned ms;
	uint64_t lost; /* before anything was measured */
};

/* why_not: what speaks against it; NULL: nothing. */
static void print(const char *name, double value, const char *unit, const char *why_not,
		  const char *more)
{
	printf("{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\", \"final\": %s, "
	       "\"why\": \"%s\", %s}\n",
	       name, value, unit, why_not ? "false" : "true", why_not ? why_not : "", more);
	fflush(stdout);
}

static const char *doubt(bool whole, bool possible)
{
	if (!possible)
		return "it cannot be: what is compared was disturbed unlike";
	return whole ? NULL : "the cores' whole width was there too rarely";
}

static void one_alone(struct bench *b, unsigned i, struct series *to)
{
	start(b->lane[i], b->feed[i], b->lane[i], to);
	go(b->lane[i]);
	wait_ms(b->ms / TURNS);
	finish(b->lane[i]);
}

static void both(struct bench *b, struct series *to)
{
	for (unsigned i = 0; i < 2; i++)
		start(b->lane[i], b->feed[i], b->lane[i], &to[i]);
	go(b->lane[0]);
	go(b->lane[1]);
	wait_ms(b->ms / TURNS);
	finish(b->lane[0]);
	finish(b->lane[1]);
}

/* All packets are the first one's, half of them come to the second one. */
static void handing(struct bench *b, struct series *to)
{
	struct lane *owner = b->lane[0], *giver = b->lane[1];

	start(owner, b->feed[0], owner, &to[0]);
	start(giver, b->feed[0], owner, &to[1]);
	owner->even = giver;
	giver->even = owner;
	go(owner);
	go(giver);
	wait_ms(b->ms / TURNS);
	finish(giver);
	finish(owner);
}

static void lose_nothing(const struct bench *b)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < 2; i++)
		lost += site_lost(b->lane[i]->w);
	if (lost != b->lost)
		site_blame(b->lane[!site_lost(b->lane[0]->w)]->w);
}

/* In turns, so that all of it sees the same disturbance. */
static void two_workers(struct bench *b)
{
	static struct series alone[2], beside[2], handed[2];
	struct series *all[] = { &alone[0], &alone[1], &beside[0], &beside[1] };
	struct series *with_handed[] = { &alone[0], &handed[0], &handed[1] };
	const struct dataplane_worker_stats *owner = &b->lane[0]->w->stats;
	const struct dataplane_worker_stats *giver = &b->lane[1]->w->stats;
	uint64_t sent = 0, moved = 0;
	double one[2], two[2], value, share;
	char more[200];
	bool whole;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		one_alone(b, 0, &alone[0]);
		one_alone(b, 1, &alone[1]);
		both(b, beside);
		sent -= owner->esp_out_packets;
		moved -= giver->handed_over;
		handing(b, handed);
		sent += owner->esp_out_packets;
		moved += giver->handed_over;
	}
	lose_nothing(b);
	whole = are_whole(all, 4);
	for (unsigned i = 0; i < 2; i++) {
		one[i] = middle_of(&alone[i], whole);
		two[i] = middle_of(&beside[i], whole);
	}
	value = one[0] / two[0] + one[1] / two[1];
	snprintf(more, sizeof(more), "\"one\": [%.1f, %.1f], \"two\": [%.1f, %.1f]", one[0], one[1],
		 two[0], two[1]);
	print("two-workers", value, "times one", doubt(whole, value <= TWICE_MAX), more);

	whole = are_whole(with_handed, 3);
	for (unsigned i = 0; i < 2; i++)
		two[i] = middle_of(&handed[i], whole);
	one[0] = middle_of(&alone[0], whole);
	share = (double)moved / (double)sent;
	value = two[0] + share * two[1] - one[0];
	snprintf(more, sizeof(more),
		 "\"one\": %.1f, \"owner\": %.1f, \"giver\": %.1f, \"share\": %.2f", one[0], two[0],
		 two[1], share);
	print("hand-over", value, "cycles/packet", doubt(whole, value > 0), more);
}

static void busy_with_rekeys(struct bench *b)
{
	static struct series quiet, busy;
	struct series *all[] = { &quiet, &busy };
	struct lane *l = b->lane[0];
	double mean[2], value, seconds = b->ms / 1000.0 / TURNS;
	unsigned replaced = 0;
	char more[200];
	bool whole;

	for (unsigned turn = 0; turn < 2 * TURNS; turn++) {
		start(l, b->feed[0], l, turn % 2 ? &busy : &quiet);
		go(l);
		if (turn % 2)
			replaced += churn(b->site, seconds);
		else
			wait_ms(b->ms / TURNS);
		finish(l);
		settle(b->site);
	}
	lose_nothing(b);
	whole = are_whole(all, 2);
	mean[0] = mean_of(&quiet, whole);
	mean[1] = mean_of(&busy, whole);
	value = 100 * (mean[1] / mean[0] - 1);
	snprintf(more, sizeof(more),
		 "\"quiet\": %.1f, \"churn\": %.1f, \"replaced_per_s\": %.0f, \"lost\": 0", mean[0],
		 mean[1], replaced / (TURNS * seconds));
	print("churn", value, "% more cycles", doubt(whole, value > CHEAPER_MIN), more);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "alg", required_argument, NULL, 'a' },
						 { "cpus", required_argument, NULL, 'c' },
						 { 0 } };
	static struct site s = { .tunnels = TUNNELS };
	static struct lane lane[2];
	struct bench b = { .site = &s, .ms = 2000 };
	unsigned cpu[2] = { 0, 1 };
	struct feed of[2];
	int c;

	site_algorithm(&s, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.ms = 600;
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
		b.lane[i] = &lane[i];
		b.feed[i] = &of[i];
		b.lost += site_lost(lane[i].w);
	}
	two_workers(&b);
	busy_with_rekeys(&b);
	for (unsigned i = 0; i < 2; i++)
		feed_close(&of[i]);
	site_close(&s);
	return 0;
}

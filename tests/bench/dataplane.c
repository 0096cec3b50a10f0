/* Cycles per packet of the worker's real loop, between memory ports, on one core.
 *
 *     dataplane [--quick] [--alg NAME[-AUTH]] [--cpu N] [--cell DIR/SIZE/TUNNELS[r|d]]
 *
 * A cell is an algorithm, a direction, a size of inner packets and a number of tunnels. Its packets
 * are made and put into the port's ring before the clock runs; a burst of 64 goes through
 * worker_run_once(); what comes out is counted and thrown away. `cycles` is the worker's phases
 * without the ports' own receive and transmit functions, which are `port`; `bare` is IPsec-MB alone
 * for the same bytes. Each is the median of many pieces of some bursts, worker and bare taking
 * turns. Pieces in which the thread was put aside do not count, nor do those in which somebody else
 * had part of the core, as long as there are enough others. Prints an object of JSON a line, for
 * report.py. */
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/sa.h"
#include "tests/bench/bare.h"
#include "tests/bench/feed.h"
#include "tests/bench/machine.h"
#include "tests/bench/median.h"
#include "tests/bench/port_cost.h"
#include "tests/bench/site.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MIN    100 /* that had the core to themselves, or the others have to do */
#define PIECES_ENOUGH 500
#define PIECES_MAX    16384
#define TUNNELS	      10000
#define WARM_UP	      3
#define PIECE	      (5 * BURST_MAX) /* packets that count together */

struct sample {
	double phase[PHASE_COUNT]; /* without the ports' functions */
	double net, port, bare;
};

struct result {
	struct sample middle;
	bool whole; /* of pieces that had the core to themselves */
};

/* Of the pieces of a cell. */
struct samples {
	struct sample s[PIECES_MAX];
	unsigned n;
};

struct bench {
	struct site site;
	struct bare *bare;
	bool quick;
	const char *only; /* "enc/64/1000r": of all cells this one; NULL: all */
	double seconds;	  /* for a cell, or five times that where few pieces are undisturbed */
	double tsc_ghz;
	uint64_t whole, half, aside; /* pieces: core to themselves, to others as well, at times */
	unsigned shared;	     /* cells without PIECES_MIN of the first */
};

/* ---- one round -------------------------------------------------------------------------- */

/* Adds the cycles that the packets from..to take. */
static void worker_piece(struct bench *b, const struct feed *f, unsigned from, unsigned to,
			 struct sample *sum)
{
	struct memory_port *in = &b->site.bed.port[f->dir == FEED_ENC ? BED_LAN : BED_WAN];
	struct memory_port *out = &b->site.bed.port[f->dir == FEED_ENC ? BED_WAN : BED_LAN];
	struct worker *w = b->site.bed.worker;
	struct dataplane_worker_stats before = w->stats;
	struct rte_mbuf *m[BURST_MAX];
	uint64_t lost = site_lost(w);

	port_cost = (struct port_cost){ 0 };
	for (unsigned i = from, n; i < to; i += n) {
		n = site_burst(&b->site, f, i, m);
		if (memory_port_give(in, 0, m, n) != n)
			errx(1, "port's ring is full");
		worker_run_once(w);
		if (memory_port_take(out, 0, m, n) != n || site_lost(w) != lost)
			site_blame(w);
		rte_pktmbuf_free_bulk(m, n);
	}
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		double cycles = (double)(w->stats.phase_cycles[i] - before.phase_cycles[i]);

		if (i == PHASE_RX)
			cycles -= (double)port_cost.rx;
		else if (i == PHASE_TX)
			cycles -= (double)port_cost.tx;
		sum->phase[i] += cycles;
		sum->net += cycles;
	}
	sum->port += (double)(port_cost.rx + port_cost.tx);
}

static void bare_piece(struct bench *b, const struct feed *f, unsigned from, unsigned to,
		       struct sample *sum)
{
	const struct worker *w = b->site.bed.worker;
	struct bare_packet p[BURST_MAX];
	struct rte_mbuf *m[BURST_MAX];

	for (unsigned i = from, n; i < to; i += n) {
		n = site_burst(&b->site, f, i, m);
		for (unsigned k = 0; k < n; k++) {
			uint32_t tunnel = f->tunnel[i + k];
			const struct sa *out = w->tables->out[tunnel];
			const struct sa *sa = w->slot[spi_slot(b->site.peer[tunnel].spi_in)].sa;

			if (f->dir == FEED_ENC)
				sa = out;
			p[k] = (struct bare_packet){
				.sa = sa,
				.tunnel = tunnel,
				.text = rte_pktmbuf_mtod_offset(m[k], uint8_t *, 48),
				.bytes = sa_padded(sa, feed_bytes(f, i + k)),
			};
		}
		sum->bare += (double)bare_run(b->bare, p, n, f->dir == FEED_ENC);
		rte_pktmbuf_free_bulk(m, n);
	}
}

typedef void (*piece_fn)(struct bench *, const struct feed *, unsigned, unsigned, struct sample *);

static void keep(struct samples *to, const struct sample *sum, unsigned packets)
{
	const double *cycles = (const double *)sum;
	double *v = (double *)&to->s[to->n];

	if (to->n == PIECES_MAX)
		return;
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*v); i++)
		v[i] = cycles[i] / packets;
	to->n++;
}

/* All packets piece by piece. The first half brings into the caches what stays there while one's
 * own traffic goes on, as at a gateway's and in the peers' runs: whose turn it was before left
 * nothing. of[0]: all pieces of the second; of[1]: those with the core to themselves. */
static void whole_round(struct bench *b, const struct feed *f, piece_fn piece, struct samples *of)
{
	for (unsigned from = 0, to; from < f->n; from = to) {
		struct sample sum = { 0 };
		uint64_t switches = share_switches();
		bool whole = machine_whole_core();

		to = f->n - from < PIECE ? f->n : from + PIECE;
		piece(b, f, from, to, &sum);
		if (from < f->n / 2)
			continue;
		whole = machine_whole_core() && whole;
		if (share_switches() != switches) {
			b->aside++;
			continue;
		}
		*(whole ? &b->whole : &b->half) += 1;
		keep(&of[0], &sum, to - from);
		if (whole)
			keep(&of[1], &sum, to - from);
	}
}

/* ---- a cell ----------------------------------------------------------------------------- */

/* Of the double at this offset in each sample. */
static double middle_of(const struct samples *of, size_t offset)
{
	static double v[PIECES_MAX];

	if (of->n == 0)
		errx(1, "no piece of a round went undisturbed");
	for (unsigned i = 0; i < of->n; i++)
		memcpy(&v[i], (const uint8_t *)&of->s[i] + offset, sizeof(v[i]));
	return median_of(v, of->n);
}

static bool have(const struct samples *worker, const struct samples *bare, unsigned pieces)
{
	return worker[1].n >= pieces && bare[1].n >= pieces;
}

static void both_round(struct bench *b, struct feed *f, struct samples *worker,
		       struct samples *bare)
{
	feed_make(f);
	whole_round(b, f, worker_piece, worker);
	whole_round(b, f, bare_piece, bare);
}

/* Of this cell alone: what the last one left is thrown away. */
static struct result measure(struct bench *b, struct feed *f)
{
	static struct samples worker[2], bare[2];
	double hz = b->tsc_ghz * 1e9;
	uint64_t began = rte_rdtsc(), soon = began + (uint64_t)(b->seconds * hz);
	uint64_t late = began + (uint64_t)(b->seconds * 5 * hz);
	struct sample middle = { 0 };
	bool whole;

	for (unsigned i = 0; i < WARM_UP; i++)
		both_round(b, f, worker, bare);
	worker[0].n = worker[1].n = bare[0].n = bare[1].n = 0;
	do
		both_round(b, f, worker, bare);
	while (rte_rdtsc() < (have(worker, bare, PIECES_MIN) ? soon : late) &&
	       !have(worker, bare, PIECES_ENOUGH));
	whole = have(worker, bare, PIECES_MIN);
	b->shared += !whole;
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		middle.phase[i] = middle_of(&worker[whole],
					    offsetof(struct sample, phase) + i * sizeof(double));
	middle.net = middle_of(&worker[whole], offsetof(struct sample, net));
	middle.port = middle_of(&worker[whole], offsetof(struct sample, port));
	middle.bare = middle_of(&bare[whole], offsetof(struct sample, bare));
	return (struct result){ middle, whole };
}

static const char *order_name(const struct feed_round *r)
{
	return r->hosts ? "many destinations" : r->random ? "random" : "round-robin";
}

static void print_cell(const struct bench *b, const struct feed *f, const struct result *r)
{
	const struct sample *s = &r->middle;
	double bytes = f->size == FEED_IMIX ? (7 * 64 + 4 * 570 + 1420) / 12.0 : f->size;
	double mpps = b->tsc_ghz * 1000 / (s->net + s->port), gbps = mpps * bytes * 8 / 1000;

	printf("{\"name\": \"dataplane\", \"value\": %.1f, \"unit\": \"cycles/packet\", "
	       "\"alg\": \"%s\", \"dir\": \"%s\", \"size\": %.0f, \"mix\": %s, \"tunnels\": %u, "
	       "\"order\": \"%s\", \"whole\": %s, \"cycles\": %.1f, \"port_cycles\": %.1f, \"bare_cycles\": %.1f, "
	       "\"mpps\": %.3f, \"gbps\": %.2f, \"phases\": {",
	       s->net, b->site.alg, f->dir == FEED_ENC ? "enc" : "dec", bytes,
	       f->size == FEED_IMIX ? "true" : "false", f->round.n, order_name(&f->round),
	       r->whole ? "true" : "false", s->net, s->port, s->bare, mpps, gbps);
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", worker_phase_name(i), s->phase[i]);
	printf("}}\n");
	fflush(stdout);
}

static void run_cell(struct bench *b, enum feed_dir dir, unsigned size, struct feed_round round)
{
	static struct result last;
	struct result r;
	struct feed f;
	char name[40];

	snprintf(name, sizeof(name), "%s/%u/%u%s", dir == FEED_ENC ? "enc" : "dec", size, round.n,
		 round.hosts	? "d"
		 : round.random ? "r"
				: "");
	if (b->only && strcmp(b->only, name) != 0)
		return;
	feed_open(&f, dir, size, round, &b->site.like, b->site.peer);
	r = measure(b, &f);
	if (!memcmp(&r.middle, &last.middle, sizeof(r.middle)))
		errx(1, "%s has the figures of the cell before it, to the last digit", name);
	print_cell(b, &f, &r);
	last = r;
	feed_close(&f);
}

/* ---- the program ------------------------------------------------------------------------ */

static void print_machine(const struct bench *b, const struct machine *m)
{
	printf("{\"name\": \"machine\", \"value\": %.3f, \"unit\": \"GHz\", \"cpu\": \"%s\", "
	       "\"model\": \"%s\", \"tsc_ghz\": %.3f, \"core_ghz\": %.3f, \"engine\": \"%s\", "
	       "\"dpdk\": \"%s\"}\n",
	       m->core_ghz, m->cpu, m->model, m->tsc_ghz, m->core_ghz,
	       dataplane_summary(b->site.bed.dp), rte_version());
}

static void print_share(const struct bench *b, const struct share *from, const struct share *to)
{
	double wall = (double)(to->wall_ns - from->wall_ns);
	double others = 100 - 100 * (double)(to->cpu_ns - from->cpu_ns) / wall;
	double all = (double)(b->whole + b->half + b->aside + 1);

	printf("{\"name\": \"shared\", \"value\": %.1f, \"unit\": \"%% of time\", \"alg\": \"%s\", "
	       "\"switches\": %llu, \"stolen_ticks\": %llu, \"aside\": %.3f, \"whole\": %.3f, "
	       "\"shared_cells\": %u, \"core_ghz\": %.3f, \"seconds\": %.1f}\n",
	       others, b->site.alg, (unsigned long long)(to->switches - from->switches),
	       (unsigned long long)(to->stolen - from->stolen), (double)b->aside / all,
	       (double)b->whole / all, b->shared, machine_core_ghz(), wall / 1e9);
}

/* The worker's loop runs in this thread: on its core, and there alone. */
static void settle_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %u", cpu);
}

static void run_all(struct bench *b)
{
	static const unsigned sizes[] = { 64, FEED_IMIX, 1420 };
	static const unsigned tunnels[] = { 1, 100, 1000, TUNNELS };

	for (unsigned t = 0; t < 4; t++)
		for (unsigned dir = FEED_ENC; dir <= FEED_DEC; dir++)
			for (unsigned s = 0; s < 3; s++) {
				if (tunnels[t] > b->site.tunnels ||
				    (b->quick && !b->only &&
				     (sizes[s] == FEED_IMIX || tunnels[t] == 100)))
					continue;
				run_cell(b, dir, sizes[s],
					 (struct feed_round){
						 .n = tunnels[t], .first = 1, .step = 1 });
				if (tunnels[t] == TUNNELS)
					run_cell(b, dir, sizes[s],
						 (struct feed_round){ .n = tunnels[t],
								      .first = 1,
								      .step = 1,
								      .random = true });
			}
	/* More destinations than a worker remembers. */
	run_cell(b, FEED_ENC, 64,
		 (struct feed_round){ .n = 1000, .first = 1, .step = 1, .hosts = 16 });
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },	  { "json", no_argument, NULL, 'j' },
		{ "alg", required_argument, NULL, 'a' },  { "cpu", required_argument, NULL, 'c' },
		{ "cell", required_argument, NULL, 'o' }, { 0 }
	};
	static struct bench b;
	unsigned cpu = 0;
	struct machine m;
	struct share from, to;
	int c;

	site_algorithm(&b.site, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.quick = true;
			break;
		case 'o':
			b.only = optarg;
			break;
		case 'a':
			site_algorithm(&b.site, optarg);
			break;
		case 'c':
			cpu = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	b.seconds = b.quick ? 0.5 : 4;
	b.site.tunnels = b.quick ? 1000 : TUNNELS;
	site_open(&b.site, &cpu, 1);
	b.bare = bare_new(b.site.tunnels, &b.site.like);
	settle_on(cpu);
	for (unsigned i = 0; i < BED_PORTS; i++)
		port_cost_wrap(b.site.bed.port[i].id);
	machine_read(&m);
	b.tsc_ghz = m.tsc_ghz;
	print_machine(&b, &m);
	share_read(&from);
	run_all(&b);
	share_read(&to);
	print_share(&b, &from, &to);
	bare_free(b.bare);
	site_close(&b.site);
	return 0;
}

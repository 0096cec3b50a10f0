/* Cycles per packet of the worker's real loop, between memory ports, on one core.
 *
 *     dataplane [--quick] [--alg NAME[-AUTH]] [--cpu N] [--cell DIR/SIZE/TUNNELS[r|d]]
 *
 * A cell is an algorithm, a direction, a size of inner packets and a number of tunnels. Its packets
 * are made and put into the port's ring before the clock runs; a burst of 64 goes through
 * worker_run_once(); what comes out is counted and thrown away. `cycles` is the worker's phases
 * without the ports' own receive and transmit functions, which are `port`; `bare` is IPsec-MB alone
 * for the same bytes. Each is the median of many rounds, worker and bare taking turns; pieces of
 * rounds in which the thread was put aside do not count. Prints an object of JSON a line, for
 * report.py. */
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/sa.h"
#include "tests/bench/bare.h"
#include "tests/bench/feed.h"
#include "tests/bench/machine.h"
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

#define ROUNDS_MAX 201
#define ROUNDS_MIN 9
#define TUNNELS	   10000
#define WARM_UP	   3
#define PIECE	   (20 * BURST_MAX) /* packets of a round that count together */

struct sample {
	double phase[PHASE_COUNT]; /* without the ports' functions */
	double net, port, bare;
};

struct bench {
	struct site site;
	struct bare *bare;
	bool quick;
	const char *only; /* "enc/64/1000r": of all cells this one; NULL: all */
	unsigned rounds;
	double seconds; /* for a cell, at most: on a busy machine few rounds are undisturbed */
	double tsc_ghz;
	uint64_t counted, disturbed; /* pieces of rounds */
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
			const struct sa *out = w->tables->tunnel[tunnel].out;
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

/* All packets piece by piece; pieces in which the thread was put aside do not count. Cycles of a
 * packet; false: too little is left to say. */
static bool whole_round(struct bench *b, const struct feed *f,
			void (*piece)(struct bench *, const struct feed *, unsigned, unsigned,
				      struct sample *),
			struct sample *s)
{
	double *v = (double *)s;
	unsigned packets = 0;

	*s = (struct sample){ 0 };
	for (unsigned from = 0, to; from < f->n; from = to) {
		struct sample before = *s;
		uint64_t switches = share_switches();

		to = f->n - from < PIECE ? f->n : from + PIECE;
		piece(b, f, from, to, s);
		if (share_switches() != switches) {
			*s = before;
			b->disturbed++;
		} else {
			packets += to - from;
			b->counted++;
		}
	}
	for (size_t i = 0; i < sizeof(*s) / sizeof(*v); i++)
		v[i] /= packets ? packets : 1;
	return packets * 2 >= f->n;
}

/* ---- a cell ----------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of the double at this offset in each sample. */
static double median(const struct sample *s, unsigned n, size_t offset)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++)
		memcpy(&v[i], (const uint8_t *)&s[i] + offset, sizeof(v[i]));
	qsort(v, n, sizeof(v[0]), ascending);
	return v[n / 2];
}

static struct sample measure(struct bench *b, struct feed *f)
{
	static struct sample s[ROUNDS_MAX];
	uint64_t end = rte_rdtsc() + (uint64_t)(b->seconds * b->tsc_ghz * 1e9);
	struct sample middle, bare;
	unsigned n = 0;

	for (unsigned i = 0; i < WARM_UP; i++) {
		feed_make(f);
		whole_round(b, f, worker_piece, &s[0]);
		whole_round(b, f, bare_piece, &bare);
	}
	while (n < b->rounds && (n < ROUNDS_MIN || rte_rdtsc() < end)) {
		bool worker_ok, bare_ok;

		feed_make(f);
		worker_ok = whole_round(b, f, worker_piece, &s[n]);
		bare_ok = whole_round(b, f, bare_piece, &bare);
		s[n].bare = bare.bare;
		n += worker_ok && bare_ok;
	}
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		middle.phase[i] = median(s, n, offsetof(struct sample, phase) + i * sizeof(double));
	middle.net = median(s, n, offsetof(struct sample, net));
	middle.port = median(s, n, offsetof(struct sample, port));
	middle.bare = median(s, n, offsetof(struct sample, bare));
	return middle;
}

static const char *order_name(const struct feed_round *r)
{
	return r->hosts ? "many destinations" : r->random ? "random" : "round-robin";
}

static void print_cell(const struct bench *b, const struct feed *f, const struct sample *s)
{
	double bytes = f->size == FEED_IMIX ? (7 * 64 + 4 * 570 + 1420) / 12.0 : f->size;
	double mpps = b->tsc_ghz * 1000 / (s->net + s->port), gbps = mpps * bytes * 8 / 1000;

	printf("{\"name\": \"dataplane\", \"value\": %.1f, \"unit\": \"cycles/packet\", "
	       "\"alg\": \"%s\", \"dir\": \"%s\", \"size\": %.0f, \"mix\": %s, \"tunnels\": %u, "
	       "\"order\": \"%s\", \"cycles\": %.1f, \"port_cycles\": %.1f, \"bare_cycles\": %.1f, "
	       "\"mpps\": %.3f, \"gbps\": %.2f, \"phases\": {",
	       s->net, b->site.alg, f->dir == FEED_ENC ? "enc" : "dec", bytes,
	       f->size == FEED_IMIX ? "true" : "false", f->round.n, order_name(&f->round), s->net,
	       s->port, s->bare, mpps, gbps);
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", worker_phase_name(i), s->phase[i]);
	printf("}}\n");
	fflush(stdout);
}

static void run_cell(struct bench *b, enum feed_dir dir, unsigned size, struct feed_round round)
{
	struct sample s;
	struct feed f;
	char name[40];

	snprintf(name, sizeof(name), "%s/%u/%u%s", dir == FEED_ENC ? "enc" : "dec", size, round.n,
		 round.hosts	? "d"
		 : round.random ? "r"
				: "");
	if (b->only && strcmp(b->only, name) != 0)
		return;
	feed_open(&f, dir, size, round, &b->site.like, b->site.peer);
	s = measure(b, &f);
	print_cell(b, &f, &s);
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

	printf("{\"name\": \"shared\", \"value\": %.1f, \"unit\": \"%% of time\", \"alg\": \"%s\", "
	       "\"switches\": %llu, \"stolen_ticks\": %llu, \"undisturbed\": %.3f, "
	       "\"core_ghz\": %.3f, \"seconds\": %.1f}\n",
	       others, b->site.alg, (unsigned long long)(to->switches - from->switches),
	       (unsigned long long)(to->stolen - from->stolen),
	       (double)b->counted / (double)(b->counted + b->disturbed + 1),
	       machine_core_ghz(b->tsc_ghz), wall / 1e9);
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
	b.rounds = b.quick ? 51 : ROUNDS_MAX;
	b.seconds = b.quick ? 2 : 4;
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

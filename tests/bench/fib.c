/* What the FIB costs, beside rte_lpm and rte_fib: a full Internet table, thousands of small ones,
 * and changes while others read.
 *
 *     bench_fib [--quick] [--json] [--cpu N]
 *
 * A lookup is of a random host of a random route, in bursts as a worker does them. The tables take
 * turns, each for a pass over all hosts; the median of the passes' pieces counts, of those that had
 * the core's whole width. Loading is all that it takes from no table to the last route, median of
 * some turns. Huge pages serve both sides: ours by madvise(), DPDK's by EAL. */
#include "dataplane/fib.h"
#include "tests/bench/fib_peers.h"
#include "tests/bench/fib_updates.h"
#include "tests/bench/machine.h"
#include "tests/bench/median.h"
#include "tests/bench/routes.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES4	   1000000
#define ROUTES6	   200000
#define BURST	   64
#define PIECE	   (64 * BURST) /* lookups that count together */
#define PASSES	   9
#define PIECES	   (PASSES * (ROUTES_HOSTS / PIECE))
#define ENOUGH	   100 /* pieces with the core's whole width, or the others have to do */
#define LOADS	   7
#define LOAD_PIECE 1000 /* routes */
#define TABLES	   4096
#define TABLE_SIZE 250
#define UPDATE_S   2
#define HUGE_MB	   1200 /* for DPDK's tables */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

struct bench {
	bool json, quick;
	struct routes v4, v6;
	double tsc_ghz;
	struct fib_heap *heap;
	struct fib *fib;
	struct fib_peers peers;
	uint64_t sink;		/* so that no lookup is for nothing */
	uint64_t pieces, whole; /* all, and those that had the core's whole width */
};

static void row(const struct bench *b, const char *name, const char *alg, double value,
		const char *unit, unsigned routes)
{
	if (b->json)
		printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", \"alg\": \"%s\", "
		       "\"routes\": %u}\n",
		       name, value, unit, alg, routes);
	else
		printf("%-24s %-16s %12.2f %s (%u routes)\n", name, alg, value, unit, routes);
	fflush(stdout);
}

/* ---- adding and deleting ------------------------------------------------------------------- */

static void fill(struct bench *b, const struct routes *r)
{
	bool whole = machine_whole_core(), was_whole;

	b->heap = fib_heap_new(NULL);
	b->fib = b->heap ? fib_new(b->heap) : NULL;
	if (!b->fib)
		errx(1, "no memory for our table");
	for (unsigned i = 0; i < r->n; i++) {
		if (fib_set(b->fib, &r->route[i], routes_nexthop(i)) < 0)
			errx(1, "our table is full");
		if ((i + 1) % LOAD_PIECE)
			continue;
		was_whole = whole;
		whole = machine_whole_core();
		b->whole += whole && was_whole;
		b->pieces++;
	}
}

static void empty(struct bench *b)
{
	fib_free(b->fib);
	fib_heap_free(b->heap);
	b->fib = NULL;
	b->heap = NULL;
}

/* Leaves the last table. */
static void load(struct bench *b, const char *name, const struct routes *r)
{
	unsigned loads = b->quick ? 3 : LOADS;
	double took[LOADS], cycles;

	for (unsigned i = 0; i < loads; i++) {
		uint64_t began = rte_rdtsc();

		fill(b, r);
		took[i] = (double)(rte_rdtsc() - began);
		if (i + 1 < loads)
			empty(b);
	}
	cycles = median_of(took, loads);
	row(b, name, "isthmus", cycles / b->tsc_ghz / 1e9, "s", r->n);
	row(b, "fib_load_worst", "isthmus", took[loads - 1] / b->tsc_ghz / 1e9, "s", r->n);
	row(b, "fib_add", "isthmus", cycles / r->n, "cycles", r->n);
	row(b, "fib_bytes", "isthmus", (double)fib_heap_bytes(b->heap) / (1 << 20), "MiB", r->n);
}

static void delete_half(struct bench *b)
{
	unsigned n = b->v4.n / 2;
	uint64_t began = rte_rdtsc();

	for (unsigned i = 0; i < n; i++)
		if (fib_delete(b->fib, &b->v4.route[i]) < 0)
			errx(1, "our table does not know a route of its own");
	row(b, "fib_delete", "isthmus", (double)(rte_rdtsc() - began) / n, "cycles", b->v4.n);
	row(b, "fib_delete", "rte_fib", fib_remove(&b->peers, &b->v4, n), "cycles", b->v4.n);
}

/* ---- looking up ---------------------------------------------------------------------------- */

/* One who looks up the hosts from the i-th on, a burst of them. */
struct contender {
	const char *name;
	void (*look_up)(struct bench *b, unsigned i, uint64_t *nh);
	enum { NH64, NH32, ENTRY } found; /* next hops of so many bits, or entries of rte_lpm's */
	bool (*select)(struct fib_peers *p, bool vector); /* NULL: nothing to select */
	bool vector;
};

static void ours4(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_lookup4_many(b->fib, b->v4.host4 + i, (uint32_t *)nh, BURST);
}

static void ours4_each(struct bench *b, unsigned i, uint64_t *nh)
{
	for (unsigned k = 0; k < BURST; k++)
		((uint32_t *)nh)[k] = fib_lookup4(b->fib, b->v4.host4[i + k]);
}

static void ours6(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_lookup6_many(b->fib, (const uint8_t(*)[16])b->v6.host6 + i, (uint32_t *)nh, BURST);
}

static void ours6_each(struct bench *b, unsigned i, uint64_t *nh)
{
	for (unsigned k = 0; k < BURST; k++)
		((uint32_t *)nh)[k] = fib_lookup6(b->fib, b->v6.host6[i + k]);
}

static void lpm4(struct bench *b, unsigned i, uint64_t *nh)
{
	lpm_look_up(&b->peers, b->v4.host4 + i, (uint32_t *)nh, BURST);
}

static void fib4(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_look_up(&b->peers, b->v4.host4 + i, nh, BURST);
}

static void fib6(struct bench *b, unsigned i, uint64_t *nh)
{
	fib6_look_up(&b->peers, b->v6.host6 + i, nh, BURST);
}

static const struct contender contender4[] = {
	{ "isthmus", ours4, NH32, NULL, false },
	{ "isthmus_each", ours4_each, NH32, NULL, false },
	{ "rte_lpm", lpm4, ENTRY, NULL, false },
	{ "rte_fib", fib4, NH64, fib_select, false },
	{ "rte_fib_avx512", fib4, NH64, fib_select, true },
};

static const struct contender contender6[] = {
	{ "isthmus", ours6, NH32, NULL, false },
	{ "isthmus_each", ours6_each, NH32, NULL, false },
	{ "rte_fib6", fib6, NH64, fib6_select, false },
	{ "rte_fib6_avx512", fib6, NH64, fib6_select, true },
};

#define CONTENDERS (sizeof(contender4) / sizeof(contender4[0]))

static uint64_t found(const struct contender *c, const uint64_t *nh, unsigned k)
{
	uint32_t narrow = ((const uint32_t *)nh)[k];

	return c->found == NH64 ? nh[k] : c->found == NH32 ? narrow : lpm_nexthop(narrow);
}

/* Every host, against the first one. */
static void agree(struct bench *b, const struct contender *c, const struct contender *with)
{
	uint64_t nh[BURST], other[BURST];

	for (unsigned i = 0; i < ROUTES_HOSTS; i += BURST) {
		c->look_up(b, i, nh);
		with->look_up(b, i, other);
		for (unsigned k = 0; k < BURST; k++)
			if (!found(c, nh, k) || found(c, nh, k) != found(with, other, k))
				errx(1, "host %u: %s says %u, %s %u", i + k, c->name,
				     (unsigned)found(c, nh, k), with->name,
				     (unsigned)found(with, other, k));
	}
}

struct pieces {
	double of[2][PIECES]; /* [1]: those that had the core's whole width */
	unsigned n[2];
};

static void pass(struct bench *b, const struct contender *c, struct pieces *to)
{
	bool whole = machine_whole_core(), was_whole;
	uint64_t switches = share_switches(), nh[BURST];

	for (unsigned i = 0; i < ROUTES_HOSTS; i += PIECE) {
		uint64_t began = rte_rdtsc(), took;

		for (unsigned k = i; k < i + PIECE; k += BURST) {
			c->look_up(b, k, nh);
			b->sink += nh[0] ^ nh[BURST - 1];
		}
		took = rte_rdtsc() - began;
		was_whole = whole;
		whole = machine_whole_core();
		if (share_switches() == switches && to->n[whole && was_whole] < PIECES)
			to->of[whole && was_whole][to->n[whole && was_whole]++] =
				(double)took / PIECE;
		switches = share_switches();
	}
}

static void lookups(struct bench *b, const struct contender *c, unsigned n, unsigned routes)
{
	static struct pieces pieces[CONTENDERS];
	unsigned passes = b->quick ? 5 : PASSES;
	bool there[CONTENDERS];
	double cycles[CONTENDERS];

	memset(pieces, 0, sizeof(pieces));
	for (unsigned p = 0; p <= passes; p++) /* the first one warms up */
		for (unsigned i = 0; i < n; i++) {
			there[i] = !c[i].select || c[i].select(&b->peers, c[i].vector);
			if (p == 0 && i && there[i])
				agree(b, &c[i], &c[0]);
			if (there[i])
				pass(b, &c[i], &pieces[i]);
			if (p == 0)
				pieces[i].n[0] = pieces[i].n[1] = 0;
		}
	for (unsigned i = 0; i < n; i++) {
		bool whole = pieces[i].n[1] >= ENOUGH;

		if (!there[i])
			continue;
		b->pieces += pieces[i].n[0] + pieces[i].n[1];
		b->whole += pieces[i].n[1];
		if (!pieces[i].n[whole])
			errx(1, "no piece of %s went undisturbed", c[i].name);
		cycles[i] = median_of(pieces[i].of[whole], pieces[i].n[whole]);
		row(b, "fib_lookup", c[i].name, cycles[i], "cycles", routes);
		if (i)
			row(b, "fib_lookup_gain", c[i].name, cycles[i] / cycles[0], "times",
			    routes);
	}
}

/* ---- many tables --------------------------------------------------------------------------- */

static void tables(struct bench *b)
{
	static struct fib *fib[TABLES];
	struct fib_heap *heap = fib_heap_new(NULL);
	uint64_t began = rte_rdtsc();

	for (unsigned t = 0; heap && t < TABLES; t++) {
		fib[t] = fib_new(heap);
		for (unsigned i = 0; fib[t] && i < TABLE_SIZE; i++)
			if (fib_set(fib[t], &b->v4.route[(t * TABLE_SIZE + i) % b->v4.n],
				    routes_nexthop(i)) < 0)
				errx(1, "no memory for table %u", t);
	}
	if (!heap || !fib[TABLES - 1])
		errx(1, "no memory for %u tables", TABLES);
	row(b, "fib_tables_load", "isthmus", (double)(rte_rdtsc() - began) / b->tsc_ghz / 1e9, "s",
	    TABLES * TABLE_SIZE);
	row(b, "fib_tables_bytes", "isthmus", (double)fib_heap_bytes(heap) / (1 << 20), "MiB",
	    TABLES * TABLE_SIZE);
	for (unsigned t = 0; t < TABLES; t++)
		fib_free(fib[t]);
	fib_heap_free(heap);
}

static void updates(struct bench *b)
{
	struct fib_updates u = fib_updates(&b->v4, UPDATE_S);
	char who[40];

	snprintf(who, sizeof(who), "%u threads, %u CPUs", u.threads, u.cpus);
	row(b, "fib_updates_per_s", who, u.changes_per_s, "1/s", b->v4.n);
	row(b, "fib_lookups_meanwhile", who, u.lookups_per_s / 1e6, "M/s", b->v4.n);
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* Megabytes in free huge pages. */
static unsigned long free_huge_mb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long pages = 0, kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %lu", &pages) != 1)
			(void)sscanf(line, "Hugepagesize: %lu kB", &kb);
	if (f)
		fclose(f);
	return pages * kb / 1024;
}

/* Returns what DPDK's tables are in. */
static const char *start_eal(unsigned cpu)
{
	char core[24];
	bool huge = free_huge_mb() >= HUGE_MB;
	char *argv[] = { "bench_fib",
			 "--lcores",
			 core,
			 "--in-memory",
			 "--no-pci",
			 "--no-telemetry",
			 "--force-max-simd-bitwidth=512",
			 "--log-level=error",
			 "--no-huge",
			 "-m",
			 "2048" };

	snprintf(core, sizeof(core), "0@%u", cpu);
	if (rte_eal_init(huge ? 8 : 11, argv) < 0)
		errx(1, "EAL: %s", rte_strerror(rte_errno));
	return huge ? "rte_lpm and rte_fib in huge pages"
		    : "rte_lpm and rte_fib without huge pages: not to be compared with";
}

static void internet4(struct bench *b)
{
	routes_make4(&b->v4, ROUTES4);
	load(b, "fib_load", &b->v4);
	row(b, "fib_add", "rte_fib", fib_add(&b->peers, &b->v4), "cycles", b->v4.n);
	row(b, "fib_add", "rte_lpm", lpm_add(&b->peers, &b->v4), "cycles", LPM_ADDED);
	lpm_fill(&b->peers, &b->v4);
	lookups(b, contender4, sizeof(contender4) / sizeof(contender4[0]), b->v4.n);
	delete_half(b);
	empty(b);
	peers_free(&b->peers);
}

static void internet6(struct bench *b)
{
	routes_make6(&b->v6, ROUTES6);
	load(b, "fib6_load", &b->v6);
	row(b, "fib_add", "rte_fib6", fib6_add(&b->peers, &b->v6), "cycles", b->v6.n);
	lookups(b, contender6, sizeof(contender6) / sizeof(contender6[0]), b->v6.n);
	empty(b);
	peers_free(&b->peers);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "json", no_argument, NULL, 'j' },
						 { "cpu", required_argument, NULL, 'c' },
						 { 0 } };
	static struct bench b;
	struct share from, to;
	const char *memory;
	cpu_set_t all;
	unsigned cpu = 0;
	struct machine m;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.quick = true;
			break;
		case 'j':
			b.json = true;
			break;
		case 'c':
			cpu = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (!HONEST)
		errx(2, "built with sanitizers or without optimisation: nothing to measure");
	sched_getaffinity(0, sizeof(all), &all);
	memory = start_eal(cpu);
	machine_read(&m);
	machine_print(&m, b.json, memory);
	b.tsc_ghz = m.tsc_ghz;
	share_read(&from);
	internet4(&b);
	tables(&b);
	internet6(&b);
	share_read(&to);
	sched_setaffinity(0, sizeof(all), &all);
	updates(&b);
	share_print(&from, &to, (double)b.whole / (double)b.pieces, b.json);
	rte_eal_cleanup();
	routes_free(&b.v4);
	routes_free(&b.v6);
	return b.sink == 1; /* it never is */
}

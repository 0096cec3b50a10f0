/* What the FIB costs, beside rte_lpm and rte_fib: a full Internet table, thousands of small ones,
 * and changes while others read.
 *
 *     bench_fib [--quick] [--json] [--cpu N]
 *
 * A lookup is of a random host of a random route, in bursts as a worker does them. The tables take
 * turns, each for a pass over all hosts; the median of the passes' pieces counts, of those that had
 * the core's whole width. Loading is all that it takes from no table to the last route, median of
 * some turns. Huge pages serve both sides: ours by madvise(), DPDK's by EAL. */
#include "tests/bench/fib_lookups.h"
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

void row(const struct bench *b, const char *name, const char *alg, double value, const char *unit,
	 unsigned routes)
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
	lookups4(b);
	delete_half(b);
	empty(b);
	peers_free(&b->peers);
}

static void internet6(struct bench *b)
{
	routes_make6(&b->v6, ROUTES6);
	load(b, "fib6_load", &b->v6);
	row(b, "fib_add", "rte_fib6", fib6_add(&b->peers, &b->v6), "cycles", b->v6.n);
	lookups6(b);
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

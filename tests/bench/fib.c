/* What the FIB costs, beside rte_lpm and rte_fib: a full Internet table, thousands of small ones,
 * and changes while others read.
 *
 *     bench_fib [--quick] [--json] [--cpu N]
 *
 * Prefix lengths are as on the Internet, addresses random and without repetition. A lookup is of a
 * random host of a random route, so that nothing is known beforehand, in bursts as a worker does
 * them; the three are measured in turns, and the median of the rounds counts. */
#include "dataplane/fib.h"
#include "tests/bench/machine.h"

#include "conf/addr.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_rcu_qsbr.h>

/* Its bulk lookup has an array of variable length. */
#pragma GCC diagnostic ignored "-Wvla"
#include <rte_lpm.h>

#include <err.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUTES	   1000000
#define HOSTS	   (1u << 20)
#define BURST	   64
#define ROUNDS	   9
#define TABLES	   4096
#define TABLE_SIZE 250
#define READERS	   2
#define UPDATE_S   2
#define LPM_ROUTES 20000 /* rte_lpm takes a minute for all of them: see add_lpm() */
#define NEXTHOPS   4096	 /* tunnels of a large gateway */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

static const char *const alg_names[] = { "isthmus", "rte_lpm", "rte_fib", "rte_fib_avx512" };
enum alg { OURS, LPM, FIB_SCALAR, FIB_VECTOR, ALGS };

struct bench {
	bool json, quick;
	unsigned n;
	struct prefix *route;
	uint32_t *host; /* HOSTS of them */
	double tsc_ghz;
	struct fib_heap *heap;
	struct fib *fib;
	struct rte_lpm *lpm;
	struct rte_fib *rte_fib;
	uint64_t sink; /* so that no lookup is for nothing */
};

static uint64_t rng = 88172645463325252u;

static uint32_t draw(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(v[0]), ascending);
	return v[n / 2];
}

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

/* ---- routes -------------------------------------------------------------------------------- */

/* Of a thousand routes of the Internet, how many have lengths 8 .. 24. */
static unsigned draw_length(void)
{
	static const uint16_t weight[] = { 0, 0,  0,  0,  1,  1,   1,	2,  14,
					   8, 14, 25, 44, 52, 110, 100, 628 };
	uint32_t r = draw() % 1000;
	unsigned len = 8;

	for (unsigned i = 0; i < sizeof(weight) / sizeof(weight[0]); i++, len++) {
		if (r < weight[i])
			return len;
		r -= weight[i];
	}
	return 24;
}

static void make_routes(struct bench *b)
{
	uint8_t *seen = calloc(1, (size_t)25 << 21); /* a bit for each network of up to /24 */

	b->route = calloc(b->n, sizeof(*b->route));
	b->host = malloc(HOSTS * sizeof(*b->host));
	if (!seen || !b->route || !b->host)
		errx(1, "no memory for routes");
	for (unsigned i = 0; i < b->n;) {
		unsigned len = draw_length();
		uint32_t addr = (draw() % (223u << 24) + (1u << 24)) & ~UINT32_C(0) << (32 - len);
		size_t bit = ((size_t)len << 24) + (addr >> 8);

		if (seen[bit / 8] & 1u << bit % 8)
			continue;
		seen[bit / 8] |= (uint8_t)(1u << bit % 8);
		b->route[i++] = (struct prefix){ addr_ipv4(addr), (uint8_t)len };
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		const struct prefix *p = &b->route[draw() % b->n];

		b->host[i] = addr_to_ipv4(&p->addr) | draw() >> p->len;
	}
	free(seen);
}

static uint32_t nexthop_of(unsigned i)
{
	return 1 + i % NEXTHOPS;
}

/* ---- adding and deleting ------------------------------------------------------------------- */

static void load_ours(struct bench *b)
{
	uint64_t began = rte_rdtsc(), took;

	b->heap = fib_heap_new(NULL);
	b->fib = b->heap ? fib_new(b->heap) : NULL;
	if (!b->fib)
		errx(1, "no memory for our table");
	for (unsigned i = 0; i < b->n; i++)
		if (fib_set(b->fib, &b->route[i], nexthop_of(i)) < 0)
			errx(1, "our table is full");
	took = rte_rdtsc() - began;
	row(b, "fib_load", alg_names[OURS], (double)took / b->tsc_ghz / 1e9, "s", b->n);
	row(b, "fib_add", alg_names[OURS], (double)took / b->n, "cycles", b->n);
	row(b, "fib_bytes", alg_names[OURS], (double)fib_heap_bytes(b->heap) / (1 << 20), "MiB",
	    b->n);
}

static void load_fib(struct bench *b)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.max_routes = (int)b->n * 2,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 65535 },
	};
	uint64_t began, took;

	b->rte_fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);
	if (!b->rte_fib)
		errx(1, "rte_fib: %s", rte_strerror(rte_errno));
	began = rte_rdtsc();
	for (unsigned i = 0; i < b->n; i++)
		if (rte_fib_add(b->rte_fib, addr_to_ipv4(&b->route[i].addr), b->route[i].len,
				nexthop_of(i)) < 0)
			errx(1, "rte_fib is full");
	took = rte_rdtsc() - began;
	row(b, "fib_add", alg_names[FIB_SCALAR], (double)took / b->n, "cycles", b->n);
}

/* rte_lpm looks for a rule among all of its length, one after the other, and shifts those of the
 * longer lengths: longest first, and without /24 twice, is how it takes a million at all. The cost
 * of an addition is that of the last ones, deleted and added again. */
static void load_lpm(struct bench *b)
{
	struct rte_lpm_config conf = { .max_rules = b->n + 1, .number_tbl8s = 256 };
	unsigned again = b->quick ? 20 : 200;
	uint64_t began;

	b->lpm = rte_lpm_create("bench", SOCKET_ID_ANY, &conf);
	if (!b->lpm)
		errx(1, "rte_lpm: %s", rte_strerror(rte_errno));
	for (unsigned i = 0; i < (b->quick ? LPM_ROUTES : b->n); i++)
		if (rte_lpm_add(b->lpm, addr_to_ipv4(&b->route[i].addr), b->route[i].len,
				nexthop_of(i)) < 0)
			errx(1, "rte_lpm is full");
	if (b->quick)
		return; /* a small table's cost says nothing of a large one's */
	for (unsigned i = 0; i < again; i++)
		rte_lpm_delete(b->lpm, addr_to_ipv4(&b->route[i].addr), b->route[i].len);
	began = rte_rdtsc();
	for (unsigned i = 0; i < again; i++)
		rte_lpm_add(b->lpm, addr_to_ipv4(&b->route[i].addr), b->route[i].len,
			    nexthop_of(i));
	row(b, "fib_add", alg_names[LPM], (double)(rte_rdtsc() - began) / again, "cycles", b->n);
}

static void delete_half(struct bench *b, enum alg alg)
{
	uint64_t began = rte_rdtsc();
	unsigned n = b->n / 2;

	for (unsigned i = 0; i < n; i++) {
		if (alg == OURS)
			(void)fib_delete(b->fib, &b->route[i]);
		else
			(void)rte_fib_delete(b->rte_fib, addr_to_ipv4(&b->route[i].addr),
					     b->route[i].len);
	}
	row(b, "fib_delete", alg_names[alg], (double)(rte_rdtsc() - began) / n, "cycles", b->n);
}

/* ---- looking up ---------------------------------------------------------------------------- */

static void look_up(struct bench *b, enum alg alg)
{
	uint64_t wide[BURST];
	uint32_t nh[BURST];

	for (unsigned i = 0; i < HOSTS; i += BURST) {
		uint32_t *host = b->host + i;

		switch (alg) {
		case OURS:
			for (unsigned k = 0; k < BURST; k++)
				nh[k] = fib_lookup4(b->fib, host[k]);
			break;
		case LPM:
			rte_lpm_lookup_bulk(b->lpm, host, nh, BURST);
			break;
		default:
			rte_fib_lookup_bulk(b->rte_fib, host, wide, BURST);
			nh[0] = (uint32_t)wide[BURST - 1];
		}
		b->sink += nh[0] ^ nh[BURST - 1];
	}
}

static void lookups(struct bench *b)
{
	double took[ALGS][ROUNDS];
	bool vector = rte_fib_select_lookup(b->rte_fib, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512) == 0;
	unsigned rounds = b->quick ? 5 : ROUNDS;

	for (unsigned r = 0; r <= rounds; r++) { /* the first one warms up */
		for (unsigned alg = 0; alg < ALGS; alg++) {
			uint64_t began;

			if (alg >= FIB_SCALAR)
				(void)rte_fib_select_lookup(
					b->rte_fib, alg == FIB_VECTOR && vector
							    ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
							    : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
			began = rte_rdtsc();
			look_up(b, alg);
			if (r)
				took[alg][r - 1] = (double)(rte_rdtsc() - began) / HOSTS;
		}
	}
	for (unsigned alg = 0; alg < ALGS; alg++)
		if (alg != FIB_VECTOR || vector)
			row(b, "fib_lookup", alg_names[alg], median(took[alg], rounds), "cycles",
			    alg == LPM && b->quick ? LPM_ROUTES : b->n);
}

/* Every host of the table, against rte_fib. */
static void agree(struct bench *b)
{
	uint64_t wide[BURST];

	for (unsigned i = 0; i < HOSTS; i += BURST) {
		rte_fib_lookup_bulk(b->rte_fib, b->host + i, wide, BURST);
		for (unsigned k = 0; k < BURST; k++)
			if (wide[k] != fib_lookup4(b->fib, b->host[i + k]))
				errx(1, "%08x: %u here, %u in rte_fib", b->host[i + k],
				     fib_lookup4(b->fib, b->host[i + k]), (unsigned)wide[k]);
	}
}

/* ---- many tables --------------------------------------------------------------------------- */

static void tables(struct bench *b)
{
	static struct fib *fib[TABLES];
	struct fib_heap *heap = fib_heap_new(NULL);

	for (unsigned t = 0; heap && t < TABLES; t++) {
		fib[t] = fib_new(heap);
		for (unsigned i = 0; fib[t] && i < TABLE_SIZE; i++)
			if (fib_set(fib[t], &b->route[(t * TABLE_SIZE + i) % b->n], nexthop_of(i)) <
			    0)
				errx(1, "no memory for table %u", t);
	}
	row(b, "fib_tables_bytes", alg_names[OURS], (double)fib_heap_bytes(heap) / (1 << 20), "MiB",
	    TABLES * TABLE_SIZE);
	for (unsigned t = 0; t < TABLES; t++)
		fib_free(fib[t]);
	fib_heap_free(heap);
}

/* ---- changes under readers ----------------------------------------------------------------- */

struct reader {
	pthread_t thread;
	const struct bench *b;
	const struct fib *fib;
	struct rte_rcu_qsbr *qsbr;
	unsigned index;
	_Atomic bool stop;
	_Atomic uint64_t lookups;
	uint64_t sink;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	unsigned i = r->index * (HOSTS / READERS);

	rte_rcu_qsbr_thread_register(r->qsbr, r->index);
	rte_rcu_qsbr_thread_online(r->qsbr, r->index);
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		for (unsigned k = 0; k < BURST; k++)
			r->sink += fib_lookup4(r->fib, r->b->host[(i + k) % HOSTS]);
		i += BURST;
		atomic_fetch_add_explicit(&r->lookups, BURST, memory_order_relaxed);
		rte_rcu_qsbr_quiescent(r->qsbr, r->index);
	}
	rte_rcu_qsbr_thread_offline(r->qsbr, r->index);
	rte_rcu_qsbr_thread_unregister(r->qsbr, r->index);
	return NULL;
}

/* Deletes and adds routes of the whole table while two threads look up in it. */
static void updates(struct bench *b)
{
	size_t size = rte_rcu_qsbr_get_memsize(READERS);
	struct rte_rcu_qsbr *qsbr = aligned_alloc(64, (size + 63) & ~(size_t)63);
	uint64_t end, lookups = 0, changes = 0, began;
	static struct reader reader[READERS];
	struct fib_heap *heap;
	struct fib *fib;

	if (!qsbr || rte_rcu_qsbr_init(qsbr, READERS) != 0)
		errx(1, "no QSBR variable");
	heap = fib_heap_new(qsbr);
	fib = fib_new(heap);
	for (unsigned i = 0; i < b->n; i++)
		if (fib_set(fib, &b->route[i], nexthop_of(i)) < 0)
			errx(1, "our table is full");
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .b = b, .fib = fib, .qsbr = qsbr, .index = i };
		if (pthread_create(&reader[i].thread, NULL, read_on, &reader[i]) != 0)
			errx(1, "no thread");
	}
	began = rte_rdtsc();
	end = began + (uint64_t)(UPDATE_S * b->tsc_ghz * 1e9);
	while (rte_rdtsc() < end) {
		for (unsigned k = 0; k < BURST; k++) {
			unsigned i = draw() % b->n;

			if (fib_delete(fib, &b->route[i]) < 0 ||
			    fib_set(fib, &b->route[i], nexthop_of(i + 1)) < 0)
				errx(1, "a change failed");
			changes += 2;
		}
		(void)fib_heap_reclaim(heap);
	}
	for (unsigned i = 0; i < READERS; i++) {
		atomic_store(&reader[i].stop, true);
		pthread_join(reader[i].thread, NULL);
		lookups += atomic_load(&reader[i].lookups);
	}
	row(b, "fib_updates_per_s", alg_names[OURS],
	    (double)changes / ((double)(rte_rdtsc() - began) / b->tsc_ghz / 1e9), "1/s", b->n);
	row(b, "fib_lookups_meanwhile", alg_names[OURS], (double)lookups / UPDATE_S / 1e6, "M/s",
	    b->n);
	fib_free(fib);
	while (fib_heap_reclaim(heap))
		;
	fib_heap_free(heap);
	free(qsbr);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void start_eal(unsigned cpu)
{
	char core[24];
	char *argv[] = { "bench_fib",
			 "--lcores",
			 core,
			 "--no-huge",
			 "-m",
			 "2048",
			 "--no-pci",
			 "--no-telemetry",
			 "--no-shconf",
			 "--force-max-simd-bitwidth=512",
			 "--log-level=error" };

	snprintf(core, sizeof(core), "0@%u", cpu);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		errx(1, "EAL: %s", rte_strerror(rte_errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "json", no_argument, NULL, 'j' },
						 { "cpu", required_argument, NULL, 'c' },
						 { 0 } };
	static struct bench b = { .n = ROUTES };
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
	start_eal(cpu);
	machine_read(&m);
	b.tsc_ghz = m.tsc_ghz;
	make_routes(&b);
	load_ours(&b);
	load_fib(&b);
	agree(&b);
	load_lpm(&b);
	lookups(&b);
	delete_half(&b, OURS);
	delete_half(&b, FIB_SCALAR);
	fib_free(b.fib);
	fib_heap_free(b.heap);
	tables(&b);
	sched_setaffinity(0, sizeof(all), &all);
	updates(&b);
	rte_fib_free(b.rte_fib);
	rte_lpm_free(b.lpm);
	rte_eal_cleanup();
	free(b.route);
	free(b.host);
	return b.sink == 1; /* it never is */
}

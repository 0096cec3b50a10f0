/* Routing: from a peer's BGP message to the FIB, through a real BIRD.
 *
 *     bench_routing [--quick] [--json] [--cpu N]
 *
 * BIRD runs in a network namespace of this process, and so do ten peers, which are a few lines of
 * BGP in this thread. The rest is the gateway's own: the client of BIRD's control socket, the route
 * tables with their rules, the FIB that workers look into.
 *
 * update: a peer has sent a new route, or withdraws it; until the FIB says so. One at a time, at
 * random moments, while the other routes are there. resync: the client connects to a BIRD that has
 * all routes; until the last one is in the FIB. rib: route tables alone. */
#include "dataplane/fib.h"
#include "routing/bird_socket.h"
#include "routing/tables.h"
#include "tests/bench/machine.h"
#include "tests/bgp/cage.h"
#include "tests/bgp/speaker.h"

#include <err.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS    10
#define TABLE	    1
#define LOADED	    100000
#define MANY	    1000000
#define PATH_LENGTH 3

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

struct bench {
	bool json, quick;
	int cpu; /* -1: any */
	cpu_set_t all;
	struct cage cage;
	struct speaker peer[SESSIONS];
	struct bird_socket *socket;
	uint64_t due; /* when it is to be run again */
	struct tables *tables;
	struct fib_heap *heap;
	struct fib *fib;
	struct prefix awaited; /* the change that a sample waits for */
	uint64_t changed_at;   /* when it came; 0: not yet */
	uint64_t changes;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static struct prefix prefix_of(uint32_t i)
{
	return (struct prefix){ addr_ipv4(0x0a000000u + (i << 8)), 24 };
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void row(const struct bench *b, const char *name, double value, const char *unit,
		const char *more)
{
	if (b->json)
		printf("{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"%s%s}\n", name, value,
		       unit, *more ? ", " : "", more);
	else
		printf("%-28s %10.4g %-4s %s\n", name, value, unit, more);
	fflush(stdout);
}

/* ---- what the gateway does with routes --------------------------------------------------- */

/* The bundle of several tunnels is some number of its own. */
static uint32_t hop_of(const struct rib_route *valid, unsigned n)
{
	uint32_t h = 2166136261u;

	if (n == 1)
		return valid->source + 1;
	for (unsigned i = 0; i < n; i++)
		h = (h ^ valid[i].source) * 16777619u;
	return h | 0x10000;
}

static void change(void *ctx, uint32_t table, const struct prefix *prefix,
		   const struct rib_route *valid, unsigned n)
{
	struct bench *b = ctx;
	int rc = n > 0 ? fib_set(b->fib, prefix, hop_of(valid, n)) : fib_delete(b->fib, prefix);

	if (rc != 0)
		errx(1, "the FIB: %s", strerror(-rc));
	b->changes++;
	if (prefix_equal(prefix, &b->awaited))
		b->changed_at = now_us();
	fib_heap_reclaim(b->heap);
}

static void announce(void *ctx, uint32_t gateway)
{
}

static void batch_begin(void *ctx, uint32_t table)
{
	tables_batch_begin(((struct bench *)ctx)->tables, table);
}

static void taken(void *ctx, uint32_t table, int rc)
{
	if (rc != 0)
		errx(1, "a batch was not taken: %s", strerror(-rc));
}

static void batch_end(void *ctx, uint32_t table)
{
	struct bench *b = ctx;

	tables_batch_end(b->tables, table);
	tables_work(b->tables, table, SIZE_MAX);
}

/* Two tunnels to a connection. */
static void learn(void *ctx, const struct source_route *r)
{
	tables_learn(((struct bench *)ctx)->tables, r->table, &r->prefix, r->session / 2,
		     r->session, r->metric);
}

static void forget(void *ctx, const struct source_route *r)
{
	tables_forget(((struct bench *)ctx)->tables, r->table, &r->prefix, r->session / 2,
		      r->session);
}

static void start_client(struct bench *b)
{
	static const struct tables_ops ops = { change, announce, taken };
	struct bird_options options = {
		.sink = { b, batch_begin, learn, forget, batch_end, NULL, NULL, NULL },
	};
	struct source *source;

	if (tables_new(&b->tables, &ops, b) != 0 ||
	    tables_gateway_add(b->tables, TABLE, TABLE, UINT32_MAX) != 0)
		errx(1, "no memory");
	b->heap = fib_heap_new(NULL);
	b->fib = b->heap ? fib_new(b->heap) : NULL;
	b->socket = bird_socket_new(b->cage.socket, &options);
	if (!b->fib || !b->socket)
		errx(1, "no memory");
	b->due = 0;
	source = bird_source(bird_socket_bird(b->socket));
	if (source_table_add(source, TABLE) != 0)
		errx(1, "no memory");
	for (unsigned i = 0; i < SESSIONS; i++)
		if (source_session_add(source, i, TABLE) != 0)
			errx(1, "no memory");
}

static void stop_client(struct bench *b)
{
	bird_socket_free(b->socket);
	tables_free(b->tables);
	fib_free(b->fib);
	fib_heap_free(b->heap);
	b->socket = NULL;
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void turn(struct bench *b, uint64_t us)
{
	struct pollfd fds[BIRD_LINKS + SESSIONS];
	uint64_t now = now_us(), at = now + us;
	unsigned n = b->socket ? bird_socket_poll(b->socket, fds) : 0;

	if (b->socket && b->due < at)
		at = b->due;
	for (unsigned i = 0; i < SESSIONS; i++) {
		fds[n].fd = b->peer[i].fd;
		fds[n++].events = b->peer[i].n_out > 0 ? POLLIN | POLLOUT : POLLIN;
	}
	if (at > now)
		poll(fds, n, (int)((at - now + 999) / 1000));
	for (unsigned i = 0; i < SESSIONS; i++)
		speaker_run(&b->peer[i]);
	if (b->socket)
		b->due = bird_socket_run(b->socket, now_us());
}

static void start_bird(struct bench *b)
{
	char *config = cage_config(SESSIONS);
	cpu_set_t one;

	cage_configure(&b->cage, config);
	free(config);
	sched_setaffinity(0, sizeof(b->all), &b->all);
	cage_start(&b->cage);
	if (b->cpu >= 0) { /* us, but not BIRD */
		CPU_ZERO(&one);
		CPU_SET(b->cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) != 0)
			err(1, "cpu %d", b->cpu);
	}
	for (unsigned i = 0; i < SESSIONS; i++)
		speaker_init(&b->peer[i], (uint8_t)(10 + i), 65001 + i, CAGE_PORT);
	for (bool up = false; !up;) {
		turn(b, 10000);
		up = true;
		for (unsigned i = 0; i < SESSIONS; i++)
			up = up && b->peer[i].established;
	}
}

static void stop_bird(struct bench *b)
{
	for (unsigned i = 0; i < SESSIONS; i++)
		speaker_close(&b->peer[i]);
	cage_kill(&b->cage);
}

/* Routes from..to-1, of all peers in equal parts. */
static void load(struct bench *b, uint32_t from, uint32_t to)
{
	struct prefix *p = malloc((to - from) * sizeof(*p));
	uint32_t part = (to - from) / SESSIONS;

	if (!p)
		errx(1, "no memory");
	for (uint32_t i = from; i < to; i++)
		p[i - from] = prefix_of(i);
	for (unsigned i = 0; i < SESSIONS; i++)
		speaker_announce(&b->peer[i], p + i * part, part, PATH_LENGTH);
	free(p);
	for (bool sent = false; !sent;) {
		turn(b, 1000);
		sent = true;
		for (unsigned i = 0; i < SESSIONS; i++)
			sent = sent && b->peer[i].n_out == 0;
	}
}

static bool is_synced(const struct bench *b, size_t routes)
{
	return fib_routes(b->fib) == routes &&
	       source_standing(bird_source(bird_socket_bird(b->socket)), TABLE) == SOURCE_CURRENT;
}

static void await_synced(struct bench *b, size_t routes)
{
	uint64_t end = now_us() + 120000000;

	while (!is_synced(b, routes)) {
		turn(b, 10000);
		if (now_us() > end)
			errx(1, "%zu of %zu routes after two minutes", fib_routes(b->fib), routes);
	}
}

/* ---- measurements ------------------------------------------------------------------------- */

static double sample(struct bench *b, unsigned peer, const struct prefix *p, bool withdraw)
{
	uint64_t from, pause = now_us() + 1000 + (uint64_t)(rand() % 9000);

	while (now_us() < pause)
		turn(b, 1000);
	b->awaited = *p;
	b->changed_at = 0;
	from = now_us();
	if (withdraw)
		speaker_withdraw(&b->peer[peer], p, 1);
	else
		speaker_announce(&b->peer[peer], p, 1, PATH_LENGTH);
	while (b->changed_at == 0)
		turn(b, 100000);
	return (double)(b->changed_at - from) / 1000;
}

static void latency(struct bench *b)
{
	enum { SAMPLES = 1000 };
	unsigned n = b->quick ? 200 : SAMPLES;
	double up[SAMPLES], down[SAMPLES];
	char more[160];

	start_bird(b);
	load(b, 0, LOADED);
	start_client(b);
	await_synced(b, LOADED);
	for (unsigned i = 0; i < n; i++) {
		struct prefix p = prefix_of(LOADED + (uint32_t)rand() % LOADED);

		up[i] = sample(b, i % SESSIONS, &p, false);
		down[i] = sample(b, i % SESSIONS, &p, true);
	}
	stop_client(b);
	stop_bird(b);
	qsort(up, n, sizeof(*up), by_value);
	qsort(down, n, sizeof(*down), by_value);
	snprintf(more, sizeof(more),
		 b->json ? "\"routes\": %u, \"sessions\": %u, \"samples\": %u"
			 : "%u routes, %u sessions, %u samples",
		 LOADED, SESSIONS, n);
	row(b, "update_latency_median_ms", up[n / 2], "ms", more);
	row(b, "update_latency_p99_ms", up[n * 99 / 100], "ms", more);
	row(b, "withdraw_latency_median_ms", down[n / 2], "ms", more);
	row(b, "withdraw_latency_p99_ms", down[n * 99 / 100], "ms", more);
}

static unsigned long resident_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmHWM: %lu", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void resync(struct bench *b, const char *name, uint32_t routes, unsigned rounds)
{
	double took[16], cpu = 0, cpu_bird = 0;
	unsigned long ours = 0, birds;
	char more[160];

	start_bird(b);
	load(b, 0, routes);
	while (cage_routes(&b->cage) < routes)
		turn(b, 100000);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t from;

		from = now_us();
		cpu -= cpu_seconds();
		cpu_bird -= cage_cpu(&b->cage);
		start_client(b);
		await_synced(b, routes);
		took[i] = (double)(now_us() - from) / 1e6;
		cpu += cpu_seconds();
		cpu_bird += cage_cpu(&b->cage);
		ours = resident_kib();
		stop_client(b);
		turn(b, 50000);
	}
	birds = (unsigned long)cage_memory(&b->cage);
	stop_bird(b);
	qsort(took, rounds, sizeof(*took), by_value);
	snprintf(
		more, sizeof(more),
		b->json ? "\"rounds\": %u, \"worst\": %.3g, \"cpu_s\": %.3g, \"cpu_bird_s\": %.3g, "
			  "\"mib\": %lu, \"mib_bird\": %lu"
			: "median of %u, worst %.3g; CPU %.3g s and BIRD's %.3g s, peak memory %lu MiB "
			  "and BIRD's %lu MiB",
		rounds, took[rounds - 1], cpu / rounds, cpu_bird / rounds, ours / 1024,
		birds / 1024);
	row(b, name, took[rounds / 2], "s", more);
}

/* Each route is there once, neighbours come far apart. */
static struct prefix scattered(uint32_t i, uint32_t n)
{
	return prefix_of((uint32_t)((uint64_t)i * 7919 % n));
}

static void no_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n)
{
	((struct bench *)ctx)->changes++;
}

/* Prefixes that come from two tunnels each, so that they share, and go again. */
static void rib_alone(struct bench *b)
{
	struct rib *rib = rib_new(no_change, b);
	uint64_t from = now_us();
	double seconds;

	if (!rib || rib_table_add(rib, TABLE) != 0)
		errx(1, "no memory");
	for (unsigned pass = 0; pass < 4; pass++) {
		for (uint32_t i = 0; i < MANY; i++) {
			struct rib_route r = { .prefix = scattered(i, MANY),
					       .via = RIB_VIA_CONNECTION,
					       .origin = RIB_EBGP,
					       .metric = 1,
					       .source = pass & 1 };

			if ((pass < 2 ? rib_add : rib_remove)(rib, TABLE, &r) != 0)
				errx(1, "the RIB refuses");
		}
	}
	seconds = (double)(now_us() - from) / 1e6;
	rib_free(rib);
	row(b, "rib_changes_per_s", 4.0 * MANY / seconds, "1/s",
	    b->json ? "\"prefixes\": 1000000" : "1,000,000 prefixes of two tunnels");
}

/* The same with the tables' rules above it and the FIB below. */
static void tables_and_fib(struct bench *b)
{
	static const struct tables_ops ops = { change, announce, taken };
	uint32_t n = MANY / 4;
	uint64_t from = now_us();
	double seconds;

	b->heap = fib_heap_new(NULL);
	b->fib = b->heap ? fib_new(b->heap) : NULL;
	if (!b->fib || tables_new(&b->tables, &ops, b) != 0 ||
	    tables_gateway_add(b->tables, TABLE, TABLE, UINT32_MAX) != 0)
		errx(1, "no memory");
	for (unsigned pass = 0; pass < 4; pass++) {
		tables_batch_begin(b->tables, TABLE);
		for (uint32_t i = 0; i < n; i++) {
			struct prefix p = scattered(i, n);

			if (pass < 2)
				tables_learn(b->tables, TABLE, &p, 0, pass & 1, 1);
			else
				tables_forget(b->tables, TABLE, &p, 0, pass & 1);
		}
		batch_end(b, TABLE);
	}
	seconds = (double)(now_us() - from) / 1e6;
	tables_free(b->tables);
	fib_free(b->fib);
	fib_heap_free(b->heap);
	row(b, "fib_changes_per_s", 4.0 * n / seconds, "1/s",
	    b->json ? "\"prefixes\": 250000"
		    : "250,000 prefixes of two tunnels, through tables into the FIB");
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "json", no_argument, NULL, 'j' },
						 { "cpu", required_argument, NULL, 'c' },
						 { 0 } };
	struct bench b = { .cpu = -1 };
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
			b.cpu = atoi(optarg);
			break;
		default:
			return 2;
		}
	if (!HONEST)
		errx(2, "built with sanitizers or without optimisation: nothing to measure");
	sched_getaffinity(0, sizeof(b.all), &b.all);
	if (!cage_enter(&b.cage))
		return 1;
	machine_read(&m);
	machine_print(&m, b.json, "BIRD on any CPU");
	latency(&b);
	resync(&b, "resync_100k_s", LOADED, b.quick ? 3 : 9);
	resync(&b, "resync_1m_s", MANY, b.quick ? 1 : 3);
	rib_alone(&b);
	tables_and_fib(&b);
	cage_leave(&b.cage);
	return 0;
}

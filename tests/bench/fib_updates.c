#include "tests/bench/fib_updates.h"

#include "dataplane/fib.h"

#include <rte_rcu_qsbr.h>

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define READERS 2
#define BURST	64

struct reader {
	pthread_t thread;
	const struct routes *r;
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
	unsigned i = r->index * (ROUTES_HOSTS / READERS);

	rte_rcu_qsbr_thread_register(r->qsbr, r->index);
	rte_rcu_qsbr_thread_online(r->qsbr, r->index);
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		for (unsigned k = 0; k < BURST; k++)
			r->sink += fib_lookup4(r->fib, r->r->host4[(i + k) % ROUTES_HOSTS]);
		i += BURST;
		atomic_fetch_add_explicit(&r->lookups, BURST, memory_order_relaxed);
		rte_rcu_qsbr_quiescent(r->qsbr, r->index);
	}
	rte_rcu_qsbr_thread_offline(r->qsbr, r->index);
	rte_rcu_qsbr_thread_unregister(r->qsbr, r->index);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_table(struct rte_rcu_qsbr **qsbr, struct fib_heap **heap, struct fib **fib,
		       const struct routes *r)
{
	size_t size = rte_rcu_qsbr_get_memsize(READERS);

	*qsbr = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!*qsbr || rte_rcu_qsbr_init(*qsbr, READERS) != 0)
		errx(1, "no QSBR variable");
	*heap = fib_heap_new(*qsbr);
	*fib = *heap ? fib_new(*heap) : NULL;
	for (unsigned i = 0; i < r->n; i++)
		if (!*fib || fib_set(*fib, &r->route[i], routes_nexthop(i)) < 0)
			errx(1, "no memory for our table");
}

static void change(struct fib *fib, const struct routes *r)
{
	unsigned i = routes_draw() % r->n;

	if (fib_delete(fib, &r->route[i]) < 0 ||
	    fib_set(fib, &r->route[i], routes_nexthop(i + 1)) < 0)
		errx(1, "a change failed");
}

struct fib_updates fib_updates(const struct routes *r, double seconds)
{
	struct fib_updates u = { .threads = READERS + 1 };
	static struct reader reader[READERS];
	uint64_t changes = 0, looked_up = 0;
	struct rte_rcu_qsbr *qsbr;
	struct fib_heap *heap;
	struct fib *fib;
	cpu_set_t cpus;
	double began;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	u.cpus = (unsigned)CPU_COUNT(&cpus);
	open_table(&qsbr, &heap, &fib, r);
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .r = r, .fib = fib, .qsbr = qsbr, .index = i };
		if (pthread_create(&reader[i].thread, NULL, read_on, &reader[i]) != 0)
			errx(1, "no thread");
	}
	began = now();
	while (now() - began < seconds) {
		for (unsigned k = 0; k < BURST; k++)
			change(fib, r);
		changes += 2 * BURST; /* out, and in */
		(void)fib_heap_reclaim(heap);
	}
	seconds = now() - began;
	for (unsigned i = 0; i < READERS; i++) {
		atomic_store(&reader[i].stop, true);
		pthread_join(reader[i].thread, NULL);
		looked_up += atomic_load(&reader[i].lookups);
	}
	u.changes_per_s = (double)changes / seconds;
	u.lookups_per_s = (double)looked_up / seconds;
	fib_free(fib);
	while (fib_heap_reclaim(heap))
		;
	fib_heap_free(heap);
	free(qsbr);
	return u;
}

/* Readers of a table beside its writer: with the trie alone, and with a direct index. */
#include "tests/unit/unit.h"

#include "dataplane/fib.h"
#include "dataplane/fib_direct.h"
#include "tests/unit/dataplane/random.h"

#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

#define READERS	 2
#define PREFIXES 512

struct shared {
	struct fib *_Atomic fib;
	struct rte_rcu_qsbr *qsbr;
	atomic_bool stop;
	atomic_uint lookups[READERS];
};

struct reader {
	struct shared *shared;
	unsigned id;
	uint64_t wrong;
};

/* A route in each /24 of 10.0.0.0/15 has value 2 + its number when it is there, else the default's
 * 1 shows through, or what covers all of them; anything else was read from memory that is no longer
 * a node or a chunk. */
#define COVERING 600u

static bool is_wrong(uint32_t nh, uint32_t number)
{
	return nh != 1 && nh != COVERING && nh != 2 + number;
}

static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct shared *s = r->shared;
	uint32_t at = r->id * 7919, number[64], host[64], nh[64];

	rte_rcu_qsbr_thread_register(s->qsbr, r->id);
	rte_rcu_qsbr_thread_online(s->qsbr, r->id);
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		const struct fib *f = atomic_load_explicit(&s->fib, memory_order_acquire);

		for (unsigned i = 0; i < 64; i++) {
			struct addr a6 = { .family = ADDR_IPV6, .b = { 0x20, 1 } };

			number[i] = (at = at * 1664525 + 1013904223) >> 8 & (PREFIXES - 1);
			host[i] = 0x0a000000u | number[i] << 8 | (at & 0xff);
			r->wrong += is_wrong(fib_lookup4(f, host[i]), number[i]);
			a6.b[4] = (uint8_t)(number[i] >> 8);
			a6.b[5] = (uint8_t)number[i];
			r->wrong += is_wrong(fib_lookup6(f, a6.b), number[i]);
		}
		fib_lookup4_many(f, host, nh, 64);
		for (unsigned i = 0; i < 64; i++)
			r->wrong += is_wrong(nh[i], number[i]);
		rte_rcu_qsbr_quiescent(s->qsbr, r->id);
		atomic_fetch_add_explicit(&s->lookups[r->id], 1, memory_order_relaxed);
	}
	rte_rcu_qsbr_thread_offline(s->qsbr, r->id);
	rte_rcu_qsbr_thread_unregister(s->qsbr, r->id);
	return NULL;
}

/* With so many routes more, all elsewhere. */
static struct fib *new_default(struct fib_heap *h, unsigned others)
{
	struct prefix p4 = prefix("0.0.0.0/0"), p6 = prefix("::/0");
	struct fib *f = fib_new(h);

	assert_non_null(f);
	assert_int_equal(fib_set(f, &p4, 1), 0);
	assert_int_equal(fib_set(f, &p6, 1), 0);
	for (unsigned i = 0; i < others; i++) {
		p4 = (struct prefix){ .addr = addr_ipv4(0x20000000u + (i << 10)), .len = 24 };
		assert_int_equal(fib_set(f, &p4, 1), 0);
	}
	return f;
}

static void set_or_delete(struct fib *f, struct prefix p, uint32_t nh)
{
	p = prefix_network(&p);
	if (fib_get(f, &p))
		assert_int_equal(fib_delete(f, &p), 0);
	else
		assert_int_equal(fib_set(f, &p, nh), 0);
}

static void readers_beside_writer(unsigned others)
{
	struct shared s = { 0 };
	struct reader reader[READERS];
	pthread_t thread[READERS];
	struct fib_heap *h;
	unsigned changes = 0, slowest;

	s.qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(READERS));
	assert_non_null(s.qsbr);
	assert_int_equal(rte_rcu_qsbr_init(s.qsbr, READERS), 0);
	h = fib_heap_new(s.qsbr);
	atomic_store(&s.fib, new_default(h, others));
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .shared = &s, .id = i };
		assert_int_equal(pthread_create(&thread[i], NULL, read_on, &reader[i]), 0);
	}
	do { /* until both sides have worked enough beside each other */
		struct fib *f = atomic_load(&s.fib);
		uint32_t number = rnd(PREFIXES);
		uint8_t len4 = (uint8_t)(24 + rnd(3)); /* in the index, and below it */
		struct prefix p4 = { .addr = addr_ipv4(0x0a000000u | number << 8), .len = len4 };
		struct prefix p6 = { .addr = { .family = ADDR_IPV6, .b = { 0x20, 1 } }, .len = 48 };
		struct prefix all4 = prefix("10.0.0.0/15");

		p6.addr.b[4] = (uint8_t)(number >> 8);
		p6.addr.b[5] = (uint8_t)number;
		set_or_delete(f, p4, 2 + number);
		set_or_delete(f, p6, 2 + number);
		if (changes % 50 == 0)
			set_or_delete(f, all4, COVERING);
		assert_true(!f->direct == !others);
		if (++changes % 5000 == 0) { /* a whole table goes */
			atomic_store_explicit(&s.fib, new_default(h, others), memory_order_release);
			fib_free(f);
		}
		fib_heap_reclaim(h);
		slowest = UINT32_MAX;
		for (unsigned i = 0; i < READERS; i++) {
			unsigned n = atomic_load_explicit(&s.lookups[i], memory_order_relaxed);

			slowest = n < slowest ? n : slowest;
		}
	} while (changes < 30000 || slowest < 500);
	atomic_store(&s.stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(reader[i].wrong, 0);
	}
	fib_free(atomic_load(&s.fib));
	assert_int_equal(fib_heap_reclaim(h), 0);
	assert_int_equal(fib_heap_bytes(h), 0);
	fib_heap_free(h);
	free(s.qsbr);
}

static void trie(void **state)
{
	readers_beside_writer(0);
}

static void direct_index(void **state)
{
	readers_beside_writer(FIB_DIRECT_MANY + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trie),
		cmocka_unit_test(direct_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The direct index of large tables against the trie, which test_fib.c proves. */
#include "tests/unit/unit.h"

#include "dataplane/fib.h"
#include "dataplane/fib_direct.h"

#include <stdlib.h>
#include <string.h>

#define MANY (FIB_DIRECT_MANY + 2000)

static uint64_t seed = 1;
static struct fib_heap *heap;
static struct fib *fib;
static struct prefix *route;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static struct prefix random_prefix(unsigned len_min, unsigned len_max)
{
	unsigned len = len_min + rnd() % (len_max - len_min + 1);

	return (struct prefix){ addr_ipv4(len ? rnd() & ~UINT32_C(0) << (32 - len) : 0),
				(uint8_t)len };
}

static int open_table(void **state)
{
	heap = fib_heap_new(NULL);
	fib = heap ? fib_new(heap) : NULL;
	route = calloc(MANY, sizeof(*route));
	seed = 1;
	return fib && route ? 0 : -1;
}

static int close_table(void **state)
{
	fib_free(fib);
	assert_int_equal(fib_heap_reclaim(heap), 0);
	assert_int_equal(fib_heap_bytes(heap), 0);
	fib_heap_free(heap);
	free(route);
	return 0;
}

static void fill(unsigned n, unsigned nexthops)
{
	for (unsigned i = 0; i < n; i++) {
		do
			route[i] = random_prefix(9, 26);
		while (fib_get(fib, &route[i]) != FIB_NONE);
		assert_int_equal(fib_set(fib, &route[i], 1 + i % nexthops), 0);
	}
}

static void same(uint32_t host)
{
	uint32_t nh = fib_lookup4(fib, host);

	if (nh != fib_walk4(fib, host))
		fail_msg("%08x: %u, the trie says %u", host, nh, fib_walk4(fib, host));
}

/* As many as are looked up at once, one more, and none. */
static void same_of_many(const uint32_t *host)
{
	static const unsigned sizes[] = { 65, 64, 1, 0 };
	uint32_t nh[66];

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		nh[sizes[s]] = 0xabcd;
		fib_lookup4_many(fib, host, nh, sizes[s]);
		for (unsigned i = 0; i < sizes[s]; i++)
			if (nh[i] != fib_walk4(fib, host[i]))
				fail_msg("%08x among %u: %u, the trie says %u", host[i], sizes[s],
					 nh[i], fib_walk4(fib, host[i]));
		assert_int_equal(nh[sizes[s]], 0xabcd);
	}
}

/* Inside, at the edges and one beyond each route, and random addresses. */
static void same_everywhere(unsigned n)
{
	uint32_t host[65];

	for (unsigned i = 0; i < 65; i++)
		host[i] = addr_to_ipv4(&route[rnd() % n].addr);
	same_of_many(host);
	for (unsigned i = 0; i < n; i++) {
		uint32_t first = addr_to_ipv4(&route[i].addr);
		uint32_t last = first + (uint32_t)((UINT64_C(1) << (32 - route[i].len)) - 1);

		same(first);
		same(last);
		same(first - 1);
		same(last + 1);
		same(rnd());
	}
}

static void comes_and_goes(void **state)
{
	unsigned n = MANY;

	fill(FIB_DIRECT_MANY - 1, 100);
	assert_null(fib->direct);
	same_everywhere(FIB_DIRECT_MANY - 1);
	route[FIB_DIRECT_MANY - 1] = random_prefix(27, 32);
	assert_int_equal(fib_set(fib, &route[FIB_DIRECT_MANY - 1], 7), 0);
	assert_non_null(fib->direct);
	same_everywhere(FIB_DIRECT_MANY);
	for (n = FIB_DIRECT_MANY; n >= FIB_DIRECT_FEW; n--)
		assert_int_equal(fib_delete(fib, &route[n - 1]), 0);
	assert_null(fib->direct);
	same_everywhere(n);
	fib_heap_reclaim(heap);
	assert_true(fib_heap_bytes(heap) < sizeof(struct fib_direct));
}

/* Routes of every length come, change and go. */
static void changes(void **state)
{
	fill(MANY, 1000);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 100; i++) {
			unsigned at = rnd() % MANY;

			assert_int_equal(fib_delete(fib, &route[at]), 0);
			do
				route[at] = random_prefix(round % 20 ? 12 : 1, 32);
			while (fib_get(fib, &route[at]) != FIB_NONE);
			assert_int_equal(fib_set(fib, &route[at], 1 + rnd() % 1000), 0);
			at = rnd() % MANY;
			assert_int_equal(fib_set(fib, &route[at], 1 + rnd() % 1000), 0);
		}
		for (unsigned i = 0; i < 3000; i++)
			same(addr_to_ipv4(&route[rnd() % MANY].addr) + rnd() % 1024 - 256);
	}
	assert_non_null(fib->direct);
	same_everywhere(MANY);
}

static void default_route(void **state)
{
	struct prefix all = { .addr.family = ADDR_IPV4 };

	fill(MANY, 10);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fib_set(fib, &all, 4242 + i), 0);
		same_everywhere(1000);
	}
	assert_int_equal(fib_delete(fib, &all), 0);
	same_everywhere(1000);
}

/* More next hops than there are numbers: a new index if they are no longer in use, else none. */
static void out_of_numbers(void **state)
{
	fill(MANY, 30000);
	assert_non_null(fib->direct);
	for (unsigned i = 0; i < 5000; i++) /* the same few places, other next hops */
		assert_int_equal(fib_set(fib, &route[i % 10], 100000 + i), 0);
	assert_non_null(fib->direct);
	same_everywhere(1000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(fib_set(fib, &route[i], 200000 + i), 0);
	assert_null(fib->direct);
	same_everywhere(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_and_goes, open_table, close_table),
		cmocka_unit_test_setup_teardown(changes, open_table, close_table),
		cmocka_unit_test_setup_teardown(default_route, open_table, close_table),
		cmocka_unit_test_setup_teardown(out_of_numbers, open_table, close_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

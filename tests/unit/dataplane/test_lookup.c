/* Lookups of many packets at once against lookup(), one by one, and what a worker remembers. */
#include "tests/unit/unit.h"

#include "dataplane/lookup.h"
#include "tests/unit/dataplane/random.h"

#include <stdlib.h>
#include <string.h>

#define TABLES 6

static struct tables *tables;
static struct fib_heap *heap;
static struct memo *memo;
static uint8_t packets[LOOKUP_MANY][40];
static struct prefix random_prefix(void)
{
	struct prefix p = { .addr.family = rnd(2) ? ADDR_IPV6 : ADDR_IPV4 };

	for (unsigned i = 0; i < 4; i++)
		p.addr.b[i] = (uint8_t)rnd(3);
	p.len = (uint8_t)rnd(p.addr.family == ADDR_IPV6 ? 40 : 33);
	return prefix_network(&p);
}

/* The last table is not there. Others lead to it, to each other and in circles. */
static int open_tables(void **state)
{
	tables = calloc(1, sizeof(*tables));
	memo = calloc(1, sizeof(*memo));
	heap = fib_heap_new(NULL);
	if (!tables || !memo || !heap)
		return -1;
	for (unsigned t = 0; t + 1 < TABLES; t++) {
		struct fib *fib = fib_new(heap);

		assert_non_null(fib);
		for (unsigned i = 0; i < 60; i++) {
			struct prefix p = random_prefix();
			uint32_t nh = rnd(3) ? nexthop(NEXTHOP_LINK, rnd(100))
					     : nexthop(NEXTHOP_TABLE, rnd(TABLES));

			assert_int_equal(fib_set(fib, &p, nh), 0);
		}
		atomic_store(&tables->fib[t], fib);
	}
	return 0;
}

static int close_tables(void **state)
{
	for (unsigned t = 0; t + 1 < TABLES; t++)
		fib_free(tables->fib[t]);
	fib_heap_free(heap);
	free(tables);
	free(memo);
	return 0;
}

static const uint8_t *random_packet(unsigned i)
{
	struct prefix p = random_prefix();
	bool ip4 = p.addr.family == ADDR_IPV4;

	memset(packets[i], 0, sizeof(packets[i]));
	packets[i][0] = ip4 ? 0x45 : 0x60;
	memcpy(packets[i] + (ip4 ? 16 : 24), p.addr.b, ip4 ? 4 : 16);
	return packets[i];
}

static void as_one_by_one(void **state)
{
	uint32_t table[LOOKUP_MANY], nh[LOOKUP_MANY + 1];
	const uint8_t *ip[LOOKUP_MANY];
	unsigned loops = 0, none = 0, far = 0;

	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = rnd(LOOKUP_MANY + 1);

		for (unsigned i = 0; i < n; i++) {
			ip[i] = random_packet(i);
			table[i] = rnd(TABLES);
		}
		nh[n] = 0xabcd;
		lookup_many(tables, table, ip, nh, n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(nh[i], lookup(tables, table[i], ip[i]));
			loops += nexthop_kind(nh[i]) == NEXTHOP_TABLE;
			none += nexthop_kind(nh[i]) == NEXTHOP_NONE;
			far += nh[i] != lookup_one(tables, table[i], ip[i]);
		}
		assert_int_equal(nh[n], 0xabcd);
	}
	assert_true(loops && none && far); /* all of it was met */
}

static void memo_remembers(void **state)
{
	uint32_t nh;

	for (unsigned i = 0; i < 20000; i++) {
		const uint8_t *ip = random_packet(0);
		uint32_t table = rnd(TABLES), epoch = 1 + rnd(3);
		uint32_t to = lookup(tables, table, ip) + epoch;
		uint64_t under = memo_under(epoch, table);
		void *line = memo_line(memo, table, ip);

		if (memo_find(line, under, ip, &nh)) {
			assert_int_equal(nh, to);
			continue;
		}
		memo_keep(memo, line, under, ip, to);
		assert_true(memo_find(line, under, ip, &nh));
		assert_int_equal(nh, to);
		assert_false(memo_find(line, memo_under(9, table), ip, &nh));
	}
}

static void memo_keeps_a_flow_once(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		const uint8_t *ip = random_packet(0), *other;
		uint64_t under = memo_under(50 + i, 1);
		struct memo4_line *l4 = memo_line(memo, 1, ip);
		struct memo6_line *l6 = memo_line(memo, 1, ip);
		unsigned places = 0;
		uint32_t nh;

		for (unsigned k = 0; k < 8; k++)
			memo_keep(memo, l4, under, ip, 7);
		for (unsigned k = 0; k < 4 && ip[0] >> 4 == 4; k++)
			places += l4->under[k] == under;
		for (unsigned k = 0; k < 2 && ip[0] >> 4 == 6; k++)
			places += l6->under[k] == under;
		assert_int_equal(places, 1);
		other = random_packet(1);
		if (memo_line(memo, 1, other) == (void *)l4)
			memo_keep(memo, l4, under, other, 8);
		assert_true(memo_find(l4, under, ip, &nh));
		assert_int_equal(nh, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_one_by_one),
		cmocka_unit_test(memo_remembers),
		cmocka_unit_test(memo_keeps_a_flow_once),
	};

	return cmocka_run_group_tests(tests, open_tables, close_tables);
}

/* The direct index of large tables, against a model that knows each route by its prefix and tries
 * every length. */
#include "tests/unit/unit.h"

#include "dataplane/fib.h"
#include "dataplane/fib_direct.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MANY 40000
static_assert(MANY > 2 * FIB_DIRECT_MANY, "an index is there, and may come again");

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

/* ---- memory that runs out --------------------------------------------------------------- */

static bool no_memory;

void *__real_mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (no_memory) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap64(at, bytes, protection, flags, fd, offset);
}

/* ---- the model -------------------------------------------------------------------------- */

#define CELLS (1u << 20) /* far more than routes, gone ones among them */

static struct cell {
	uint32_t addr, nh; /* FIB_NONE: gone */
	bool used;
	uint8_t len;
} * cell;

static struct cell *cell_of(uint32_t addr, unsigned len)
{
	uint32_t at = (addr ^ len * UINT32_C(0x85ebca6b)) * UINT32_C(0x9e3779b1);

	for (at ^= at >> 15;; at++) {
		struct cell *c = &cell[at % CELLS];

		if (!c->used || (c->addr == addr && c->len == len))
			return c;
	}
}

static uint32_t mask(unsigned len)
{
	return len ? ~UINT32_C(0) << (32 - len) : 0;
}

static uint32_t expected(uint32_t host)
{
	for (unsigned len = 33; len--;) {
		const struct cell *c = cell_of(host & mask(len), len);

		if (c->used && c->nh != FIB_NONE)
			return c->nh;
	}
	return FIB_NONE;
}

static void set(struct prefix p, uint32_t nh)
{
	uint32_t addr = addr_to_ipv4(&p.addr);

	assert_int_equal(fib_set(fib, &p, nh), 0);
	*cell_of(addr, p.len) = (struct cell){ addr, nh, true, p.len };
}

static void delete (struct prefix p)
{
	assert_int_equal(fib_delete(fib, &p), 0);
	cell_of(addr_to_ipv4(&p.addr), p.len)->nh = FIB_NONE;
}

/* ---- the same as the model -------------------------------------------------------------- */

static void same(uint32_t host)
{
	uint32_t nh = fib_lookup4(fib, host);

	if (nh != expected(host))
		fail_msg("%08x: %u, not %u", host, nh, expected(host));
}

/* As many as are looked up at once, one more, and none. */
static void same_of_many(const uint32_t *host)
{
	static const unsigned sizes[] = { 65, 64, 1, 0 };
	uint32_t nh[66];

	for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
		nh[sizes[s]] = 0xabcd;
		fib_lookup4_many(fib, host, nh, sizes[s]);
		for (unsigned i = 0; i < sizes[s]; i++)
			if (nh[i] != expected(host[i]))
				fail_msg("%08x among %u: %u, not %u", host[i], sizes[s], nh[i],
					 expected(host[i]));
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
		uint32_t last = first | ~mask(route[i].len);

		same(first);
		same(last);
		same(first - 1);
		same(last + 1);
		same(rnd());
	}
}

/* ---- tables ----------------------------------------------------------------------------- */

static struct prefix network(uint32_t addr, unsigned len)
{
	return (struct prefix){ addr_ipv4(addr & mask(len)), (uint8_t)len };
}

static struct prefix random_prefix(unsigned len_min, unsigned len_max)
{
	return network(rnd(), len_min + rnd() % (len_max - len_min + 1));
}

static int open_table(void **state)
{
	heap = fib_heap_new(NULL);
	fib = heap ? fib_new(heap) : NULL;
	route = calloc(MANY, sizeof(*route));
	cell = calloc(CELLS, sizeof(*cell));
	seed = 1;
	no_memory = false;
	return fib && route && cell ? 0 : -1;
}

static int close_table(void **state)
{
	fib_free(fib);
	assert_int_equal(fib_heap_reclaim(heap), 0);
	assert_int_equal(fib_heap_bytes(heap), 0);
	fib_heap_free(heap);
	free(route);
	free(cell);
	return 0;
}

static struct prefix new_prefix(unsigned len_min, unsigned len_max)
{
	struct prefix p;

	do
		p = random_prefix(len_min, len_max);
	while (fib_get(fib, &p) != FIB_NONE);
	return p;
}

static void fill(unsigned n, unsigned nexthops)
{
	for (unsigned i = 0; i < n; i++) {
		route[i] = new_prefix(9, 26);
		set(route[i], 1 + i % nexthops);
	}
}

static void comes_and_goes(void **state)
{
	unsigned n;

	fill(FIB_DIRECT_MANY - 1, 100);
	assert_null(fib->direct);
	same_everywhere(FIB_DIRECT_MANY - 1);
	route[FIB_DIRECT_MANY - 1] = new_prefix(27, 32);
	set(route[FIB_DIRECT_MANY - 1], 7);
	assert_non_null(fib->direct);
	same_everywhere(FIB_DIRECT_MANY);
	for (n = FIB_DIRECT_MANY; n >= FIB_DIRECT_FEW; n--)
		delete (route[n - 1]);
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

			delete (route[at]);
			route[at] = new_prefix(round % 20 ? 12 : 0, 32);
			set(route[at], 1 + rnd() % 1000);
			set(route[rnd() % MANY], 1 + rnd() % 1000);
		}
		for (unsigned i = 0; i < 3000; i++)
			same(addr_to_ipv4(&route[rnd() % MANY].addr) + rnd() % 1024 - 256);
	}
	assert_non_null(fib->direct);
	same_everywhere(MANY);
}

static void default_route(void **state)
{
	fill(MANY, 10);
	for (unsigned i = 0; i < 2; i++) {
		set(network(0, 0), 4242 + i);
		same_everywhere(1000);
	}
	delete (network(0, 0));
	same_everywhere(1000);
}

/* Routes that begin and end where a group or a slot does, of all lengths, in a few groups; every
 * slot of them is looked at after each change. */
static void edges(void **state)
{
	static const uint32_t around[] = { 0x00000000, 0x0a3fc000, 0x0a400000, 0xffffc000 };

	fill(MANY, 50);
	for (unsigned round = 0; round < 600; round++) {
		uint32_t group = around[rnd() % ARRAY_LEN(around)];
		uint32_t offset = rnd() % 4 ? rnd() % 4 * 0x1555 : 0x3fff;
		struct prefix p = network(group + (offset & 0x3fff), 14 + rnd() % 19);

		if (fib_get(fib, &p) == FIB_NONE || rnd() % 3)
			set(p, 60 + rnd() % 5);
		else
			delete (p);
		for (uint32_t slot = 0; slot < 64; slot++) {
			same(group + (slot << 8));
			same(group + (slot << 8) + 255);
		}
		same(group - 1);
		same(group + 0x4000);
	}
	assert_non_null(fib->direct);
}

/* The largest chunk there is, made and taken apart again slot by slot. */
static void full_group(void **state)
{
	fill(MANY, 50);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 64; i++) {
			struct prefix p = network(0x0a400000 + (i * 37 % 64 << 8), 24);

			if (round == 0)
				set(p, 100 + i);
			else
				delete (p);
			for (uint32_t slot = 0; slot < 64; slot++)
				same(0x0a400000 + (slot << 8) + 7);
		}
}

/* More next hops than there are numbers: a new index if they are no longer in use, else none. */
static void out_of_numbers(void **state)
{
	fill(MANY, 30000);
	assert_non_null(fib->direct);
	for (unsigned i = 0; i < 5000; i++) /* the same few places, other next hops */
		set(route[i % 10], 100000 + i);
	assert_non_null(fib->direct);
	same_everywhere(1000);
	for (unsigned i = 0; i < 10000; i++)
		set(route[i], 200000 + i);
	assert_null(fib->direct);
	same_everywhere(1000);
}

/* Most routes go: what their chunks took is given back. */
static void shrinks(void **state)
{
	struct prefix *more = calloc(6 * MANY, sizeof(*more));
	size_t bytes;

	assert_non_null(more);
	fill(MANY, 500);
	for (unsigned i = 0; i < 6 * MANY; i++) {
		more[i] = new_prefix(20, 24);
		set(more[i], 1 + i % 500);
	}
	bytes = fib_direct_bytes(fib->direct);
	for (unsigned i = 0; i < 6 * MANY; i++)
		delete (more[i]);
	assert_non_null(fib->direct);
	assert_true(fib_direct_bytes(fib->direct) < bytes);
	same_everywhere(1000);
	free(more);
}

/* No index: the trie answers, and it is tried again when the table is twice as large. */
static void no_memory_for_it(void **state)
{
	fill(FIB_DIRECT_MANY - 1, 100);
	no_memory = true;
	route[FIB_DIRECT_MANY - 1] = new_prefix(24, 24);
	set(route[FIB_DIRECT_MANY - 1], 7);
	assert_null(fib->direct);
	same_everywhere(FIB_DIRECT_MANY);
	no_memory = false;
	for (unsigned i = FIB_DIRECT_MANY; i < MANY; i++) {
		route[i] = new_prefix(9, 26);
		set(route[i], 9);
		assert_true((fib->direct != NULL) == (i + 1 >= 2 * FIB_DIRECT_MANY));
	}
	same_everywhere(MANY);
}

/* A change that finds no memory has changed nothing, with an index or without. */
static void no_memory_for_a_change(void **state)
{
	unsigned failed = 0;
	int rc;

	fill(MANY, 100);
	no_memory = true;
	for (unsigned i = 0; i < 50000; i++) {
		struct prefix p = new_prefix(9, 32);
		uint32_t addr = addr_to_ipv4(&p.addr);

		rc = fib_set(fib, &p, 1 + i % 100);
		if (rc == 0)
			*cell_of(addr, p.len) = (struct cell){ addr, 1 + i % 100, true, p.len };
		else
			assert_int_equal(rc, -ENOMEM);
		failed += rc != 0;
		same(addr);
		same(addr | ~mask(p.len));
	}
	assert_true(failed > 100);
	same_everywhere(MANY);
	no_memory = false;
	for (unsigned i = 0; i < 1000; i++)
		set(new_prefix(9, 32), 55);
	same_everywhere(MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_and_goes, open_table, close_table),
		cmocka_unit_test_setup_teardown(changes, open_table, close_table),
		cmocka_unit_test_setup_teardown(default_route, open_table, close_table),
		cmocka_unit_test_setup_teardown(edges, open_table, close_table),
		cmocka_unit_test_setup_teardown(full_group, open_table, close_table),
		cmocka_unit_test_setup_teardown(out_of_numbers, open_table, close_table),
		cmocka_unit_test_setup_teardown(shrinks, open_table, close_table),
		cmocka_unit_test_setup_teardown(no_memory_for_it, open_table, close_table),
		cmocka_unit_test_setup_teardown(no_memory_for_a_change, open_table, close_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

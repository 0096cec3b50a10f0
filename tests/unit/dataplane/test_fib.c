#include "dataplane/fib.h"
#include "dataplane/fib_direct.h"
#include "tests/unit/dataplane/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static uint32_t lookup(const struct fib *f, const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return fib_lookup(f, &a);
}

struct table {
	struct fib_heap *heap;
	struct fib *fib;
};

static void open_table(struct table *t)
{
	t->heap = fib_heap_new(NULL);
	assert_non_null(t->heap);
	t->fib = fib_new(t->heap);
	assert_non_null(t->fib);
}

static void close_table(struct table *t)
{
	fib_free(t->fib);
	assert_int_equal(fib_heap_reclaim(t->heap), 0);
	assert_int_equal(fib_heap_bytes(t->heap), 0);
	fib_heap_free(t->heap);
}

static void test_table(void **state)
{
	static const struct {
		const char *op, *text; /* "+": set, "-": delete, "?": look up */
		uint32_t value;
	} steps[] = {
		{ "?", "10.0.0.1", 0 },
		{ "+", "0.0.0.0/0", 1 },
		{ "?", "10.0.0.1", 1 },
		{ "?", "2001:db8::1", 0 }, /* the families do not mix */
		{ "+", "10.0.0.0/8", 2 },
		{ "+", "10.1.0.0/16", 3 },
		{ "+", "10.1.2.0/24", 4 },
		{ "+", "10.1.2.3/32", 5 },
		{ "?", "11.0.0.0", 1 },
		{ "?", "10.255.255.255", 2 },
		{ "?", "10.1.255.1", 3 },
		{ "?", "10.1.2.4", 4 },
		{ "?", "10.1.2.3", 5 },
		{ "-", "10.1.0.0/16", 0 },
		{ "?", "10.1.255.1", 2 },
		{ "?", "10.1.2.4", 4 },
		{ "-", "10.1.2.3/32", 0 },
		{ "?", "10.1.2.3", 4 },
		{ "+", "10.1.2.0/23", 6 }, /* shorter, inside the same node */
		{ "?", "10.1.2.3", 4 },
		{ "?", "10.1.3.3", 6 },
		{ "-", "10.1.2.0/24", 0 },
		{ "?", "10.1.2.3", 6 },
		{ "+", "10.1.2.0/23", 7 }, /* replaced */
		{ "?", "10.1.2.3", 7 },
		{ "-", "0.0.0.0/0", 0 },
		{ "?", "11.0.0.0", 0 },
		{ "+", "255.255.255.255/32", 8 },
		{ "?", "255.255.255.255", 8 },
		{ "?", "255.255.255.254", 0 },
		{ "+", "::/0", 9 },
		{ "+", "2001:db8::/32", 10 },
		{ "+", "2001:db8:0:1::/64", 11 },
		{ "+", "2001:db8:0:1::7/128", 12 },
		{ "?", "2001:db9::", 9 },
		{ "?", "2001:db8::1", 10 },
		{ "?", "2001:db8:0:1::1", 11 },
		{ "?", "2001:db8:0:1::7", 12 },
		{ "-", "2001:db8:0:1::/64", 0 },
		{ "?", "2001:db8:0:1::1", 10 },
		{ "?", "2001:db8:0:1::7", 12 },
		{ "-", "2001:db8:0:1::7/128", 0 },
		{ "?", "2001:db8:0:1::7", 10 },
	};
	struct table t;

	open_table(&t);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct prefix p = prefix(steps[i].text);

		switch (*steps[i].op) {
		case '+':
			assert_int_equal(fib_set(t.fib, &p, steps[i].value), 0);
			assert_int_equal(fib_get(t.fib, &p), steps[i].value);
			break;
		case '-':
			assert_int_equal(fib_delete(t.fib, &p), 0);
			assert_int_equal(fib_get(t.fib, &p), FIB_NONE);
			assert_int_equal(fib_delete(t.fib, &p), -ENOENT);
			break;
		default:
			if (lookup(t.fib, steps[i].text) != steps[i].value)
				fail_msg("step %zu, %s: %u", i + 1, steps[i].text,
					 lookup(t.fib, steps[i].text));
		}
	}
	assert_int_equal(fib_routes(t.fib), 5);
	close_table(&t);
}

static void test_bad_prefixes(void **state)
{
	struct prefix none = { 0 }, long4 = prefix("10.0.0.0/8"), host = prefix("10.1.2.3/8");
	struct table t;

	open_table(&t);
	long4.len = 33;
	assert_int_equal(fib_set(t.fib, &none, 1), -EINVAL);
	assert_int_equal(fib_set(t.fib, &long4, 1), -EINVAL);
	assert_int_equal(fib_set(t.fib, &host, FIB_NONE), -EINVAL);
	assert_int_equal(fib_set(t.fib, &host, 1), 0); /* host bits do not matter */
	assert_int_equal(lookup(t.fib, "10.9.9.9"), 1);
	host = prefix("10.0.0.0/8");
	assert_int_equal(fib_get(t.fib, &host), 1);
	close_table(&t);
}

/* ---- against a list that is searched from end to end ------------------------------------ */

#define REFERENCE 3000

struct reference {
	struct prefix p;
	uint32_t nh;
};

static struct reference reference[REFERENCE];
static size_t n_reference;

static struct prefix random_prefix(void)
{
	bool v6 = rnd(2);
	struct prefix p = { .addr.family = v6 ? ADDR_IPV6 : ADDR_IPV4 };

	/* Few distinct bytes, so that prefixes nest and share nodes. */
	for (unsigned i = 0; i < (v6 ? 16u : 4u); i++)
		p.addr.b[i] = (uint8_t)(rnd(3) ? rnd(4) * 85 : rnd(256));
	p.len = (uint8_t)(v6 ? (rnd(2) ? rnd(49) : rnd(129)) : rnd(33));
	return prefix_network(&p);
}

static uint32_t reference_lookup(const struct addr *a)
{
	uint32_t nh = FIB_NONE;
	int len = -1;

	for (size_t i = 0; i < n_reference; i++)
		if (reference[i].p.len > len && prefix_contains(&reference[i].p, a)) {
			len = reference[i].p.len;
			nh = reference[i].nh;
		}
	return nh;
}

static struct addr random_address(void)
{
	struct addr a;

	if (n_reference && rnd(4)) { /* inside, at or beside a route */
		const struct prefix *p = &reference[rnd((uint32_t)n_reference)].p;
		unsigned bytes = (unsigned)addr_bytes(&p->addr);

		a = rnd(2) ? prefix_first(p) : prefix_last(p);
		if (!rnd(3))
			a.b[rnd(bytes)] ^= (uint8_t)(1u << rnd(8));
		return a;
	}
	return random_prefix().addr;
}

static void change_once(struct table *t)
{
	struct prefix p = random_prefix();
	uint32_t nh = 1 + rnd(6);
	size_t i;

	if (n_reference && (n_reference == REFERENCE || !rnd(3))) {
		i = rnd((uint32_t)n_reference);
		assert_int_equal(fib_delete(t->fib, &reference[i].p), 0);
		reference[i] = reference[--n_reference];
		return;
	}
	for (i = 0; i < n_reference; i++)
		if (prefix_equal(&reference[i].p, &p))
			break;
	reference[i] = (struct reference){ p, nh };
	n_reference += i == n_reference;
	assert_int_equal(fib_set(t->fib, &p, nh), 0);
}

static int by_address(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;
	int c = addr_compare(&x->p.addr, &y->p.addr);

	return c ? c : x->p.len - y->p.len;
}

static size_t walked;

static void compare_walked(void *ctx, const struct prefix *p, uint32_t nh)
{
	assert_true(walked < n_reference);
	assert_true(prefix_equal(&reference[walked].p, p));
	assert_int_equal(reference[walked].nh, nh);
	walked++;
}

/* As many addresses as are looked up at once, and some more. */
static void compare_many(const struct table *t)
{
	uint32_t host4[150], nh4[150], nh6[150];
	uint8_t host6[150][16];

	for (unsigned n = 0; n < 150; n++) {
		struct addr a = random_address(), b = a;

		a.family = ADDR_IPV4;
		b.family = ADDR_IPV6;
		host4[n] = addr_to_ipv4(&a);
		memcpy(host6[n], b.b, sizeof(host6[n]));
	}
	fib_lookup4_many(t->fib, host4, nh4, 150);
	fib_lookup6_many(t->fib, host6, nh6, 150);
	for (unsigned n = 0; n < 150; n++) {
		assert_int_equal(nh4[n], fib_lookup4(t->fib, host4[n]));
		assert_int_equal(nh6[n], fib_lookup6(t->fib, host6[n]));
	}
}

/* What a table takes is a matter of its routes, not of their history: a node that keeps of its
 * predecessor what did not change is as if it were new. */
static void compare_made_anew(struct table *t)
{
	struct table other;

	open_table(&other);
	for (size_t i = n_reference; i--;)
		assert_int_equal(fib_set(other.fib, &reference[i].p, reference[i].nh), 0);
	assert_int_equal(fib_heap_reclaim(t->heap), 0);
	assert_int_equal(fib_heap_reclaim(other.heap), 0);
	assert_int_equal(fib_heap_bytes(other.heap), fib_heap_bytes(t->heap));
	close_table(&other);
}

static void test_random_against_reference(void **state)
{
	struct table t;

	open_table(&t);
	n_reference = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct addr a;

		change_once(&t);
		a = random_address();
		assert_int_equal(fib_lookup(t.fib, &a), reference_lookup(&a));
		assert_int_equal(fib_routes(t.fib), n_reference);
		if (i % 4000)
			continue;
		qsort(reference, n_reference, sizeof(reference[0]), by_address);
		walked = 0;
		fib_walk(t.fib, compare_walked, NULL);
		assert_int_equal(walked, n_reference);
		compare_made_anew(&t);
		compare_many(&t);
	}
	while (n_reference)
		assert_int_equal(fib_delete(t.fib, &reference[--n_reference].p), 0);
	assert_true(fib_heap_reclaim(t.heap) == 0);
	assert_true(fib_heap_bytes(t.heap) < 1024); /* emptied: as small as at first */
	close_table(&t);
}

/* Every slot of a node led on from and under different routes: the largest node there is. */
static void test_full_node(void **state)
{
	struct table t;

	open_table(&t);
	for (unsigned len = 17; len <= 25; len++)
		for (unsigned i = 0; i < 1u << (len - 16); i++) {
			struct prefix p = { .addr = addr_ipv4(0x0a000000u | i << (32 - len)),
					    .len = (uint8_t)len };
			assert_int_equal(fib_set(t.fib, &p, len << 16 | (i + 1)), 0);
		}
	for (unsigned i = 0; i < 65536; i++)
		assert_int_equal(fib_lookup4(t.fib, 0x0a000000u | i), 25u << 16 | ((i >> 7) + 1));
	close_table(&t);
}

/* ---- sizes ------------------------------------------------------------------------------ */

static void test_memory(void **state)
{
	struct table t;
	size_t empty, before;

	open_table(&t);
	empty = fib_heap_bytes(t.heap);
	assert_true(empty <= 1024);

	/* A tenant's table: 250 scattered /24s in 10/8 take well under 128 KiB. */
	for (unsigned i = 0; i < 250; i++) {
		struct prefix p = { .addr = addr_ipv4(0x0a000000u | rnd(65536) << 8), .len = 24 };

		assert_int_equal(fib_set(t.fib, &p, 1 + i), 0);
	}
	fib_heap_reclaim(t.heap);
	assert_true(fib_heap_bytes(t.heap) < 128 << 10);

	/* As an Internet table is: clusters of /24s and shorter routes. Under 64 bytes a route, and
	 * 4 MiB for the direct index. */
	before = fib_heap_bytes(t.heap);
	for (unsigned i = 0; i < 4000; i++) {
		uint32_t net = rnd(0xe000) << 16;

		for (unsigned k = 0; k < 25; k++) {
			struct prefix p = { .addr = addr_ipv4(net | rnd(256) << 8),
					    .len = (uint8_t)(rnd(3) ? 24 : 17 + rnd(8)) };

			assert_int_equal(fib_set(t.fib, &p, 1 + rnd(100)), 0);
		}
	}
	fib_heap_reclaim(t.heap);
	assert_non_null(t.fib->direct);
	assert_true(fib_direct_bytes(t.fib->direct) <= 4 << 20);
	before += fib_direct_bytes(t.fib->direct);
	assert_true((fib_heap_bytes(t.heap) - before) / fib_routes(t.fib) < 64);
	close_table(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bad_prefixes),
		cmocka_unit_test(test_random_against_reference),
		cmocka_unit_test(test_full_node),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Dirty prefixes: the life of each, and that they stay in order. */
#include "tests/unit/unit.h"

#include "routing/dirty.h"

static struct prefix prefix_of(uint32_t i)
{
	return (struct prefix){ addr_ipv4(i << 8), 24 };
}

static uint32_t touch(struct dirty *d, uint32_t i, bool in_dump)
{
	struct prefix p = prefix_of(i);
	uint32_t e = dirty_touch(d, 1, &p, in_dump);

	assert_true(e != DIRTY_NONE);
	assert_int_equal(dirty_find(d, 1, &p), e);
	return e;
}

static void lives(void **state)
{
	struct prefix p = prefix_of(1);
	struct dirty d;
	uint32_t a, b;

	dirty_init(&d);
	assert_int_equal(dirty_first(&d), DIRTY_NONE);
	a = touch(&d, 1, false);
	b = touch(&d, 2, false);
	assert_int_equal(touch(&d, 1, false), a); /* waits already */
	assert_int_equal(d.pending, 2);
	assert_int_equal(dirty_first(&d), a);
	dirty_ask(&d, a);
	assert_int_equal(dirty_first(&d), b);
	touch(&d, 1, false); /* since it was asked */
	dirty_answer(&d, a);
	dirty_ask(&d, b);
	dirty_answer(&d, b);
	assert_int_equal(dirty_first(&d), a);
	assert_int_equal(d.pending, 1);
	dirty_ask(&d, a);
	dirty_answer(&d, a);
	assert_int_equal(dirty_find(&d, 1, &p), DIRTY_NONE);
	assert_int_equal(dirty_find(&d, 2, &p), DIRTY_NONE);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.pending, 0);
	dirty_clear(&d);
}

static void dumps(void **state)
{
	struct dirty d;
	uint32_t a, b;

	dirty_init(&d);
	a = touch(&d, 1, false);
	b = touch(&d, 2, false);
	dirty_ask(&d, a);
	touch(&d, 1, false);
	dirty_dump_begins(&d, 2, ADDR_IPV4); /* another's */
	dirty_dump_begins(&d, 1, ADDR_IPV6);
	assert_int_equal(d.pending, 2);
	dirty_dump_begins(&d, 1, ADDR_IPV4);
	assert_int_equal(d.pending, 1); /* who waited needs not */
	dirty_answer(&d, a);		/* but this answer may be older than the dump */
	assert_int_equal(dirty_first(&d), a);

	b = touch(&d, 2, true);
	dirty_ask(&d, a);
	dirty_answer(&d, a);
	dirty_ask(&d, b);
	dirty_answer(&d, b);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.entry[b].state, DIRTY_SETTLED);
	assert_int_equal(d.pending, 0);
	touch(&d, 2, true);
	assert_int_equal(d.pending, 1);
	dirty_ask(&d, b);
	dirty_dump_ends(&d, 1, ADDR_IPV4);
	dirty_answer(&d, b);
	assert_int_equal(d.n, 0);
	dirty_clear(&d);
}

static void many(void **state)
{
	struct dirty d;

	dirty_init(&d);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 5000; i++)
			touch(&d, i, false);
		assert_int_equal(d.pending, 5000);
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t e = dirty_first(&d);
			struct prefix p = prefix_of(i);

			assert_true(prefix_equal(&d.entry[e].prefix, &p)); /* in order */
			dirty_ask(&d, e);
			dirty_answer(&d, e);
		}
		assert_int_equal(dirty_first(&d), DIRTY_NONE);
	}
	assert_int_equal(d.n_entries, 8192);
	dirty_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(dumps),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

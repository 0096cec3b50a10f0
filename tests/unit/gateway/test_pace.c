#include "gateway/pace.h"

#include "tests/unit/unit.h"

#define MS UINT64_C(1000)

/* Changes every 20 ms from a moment on: when each of the first tellings is. */
static void what_flaps_is_told_ever_more_rarely(void **state)
{
	static const unsigned at[] = { 0, 50, 150, 350, 750, 1550, 3150, 6150, 9150, 12150 };
	struct pace p = { 0 };
	uint64_t begin = 1000 * MS, now = begin;

	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		now = pace_due(&p, now);
		assert_int_equal((now - begin) / MS, at[i]);
		pace_told(&p, now);
	}
}

static void after_a_rest_it_is_told_at_once(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 5 * MS;

	for (unsigned i = 0; i < 20; i++) {
		now = pace_due(&p, now);
		pace_told(&p, now);
	}
	assert_int_equal(pace_due(&p, now + 1), now + PACE_MOST);
	/* one that comes late enough by itself does not wait, but is not forgotten */
	assert_int_equal(pace_due(&p, now + PACE_MOST + 1), now + PACE_MOST + 1);
	now += PACE_MOST + 1;
	pace_told(&p, now);
	assert_int_equal(pace_due(&p, now + 1), now + PACE_MOST);
	now += PACE_REST;
	assert_int_equal(pace_due(&p, now), now);
	pace_told(&p, now);
	assert_int_equal(pace_due(&p, now), now + PACE_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_flaps_is_told_ever_more_rarely),
		cmocka_unit_test(after_a_rest_it_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

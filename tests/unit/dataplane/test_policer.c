#include "dataplane/policer.h"

#include "dataplane/eal.h"
#include "tests/unit/unit.h"

#include <rte_cycles.h>

static int start(void **state)
{
	struct conf c = { .workers = { .n = 1, .memory_mb = 64 } };
	const char *error;

	return eal_start(&c, &error);
}

/* Ten simulated seconds of twice the rate. */
static void half_of_it_passes(void **state)
{
	static const uint32_t rates[] = { 1, 10, 1500, 100000 };

	for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
		struct policer *p = policer_new(rates[i]);
		uint64_t hz = rte_get_tsc_hz(), tsc = rte_rdtsc(), passed = 0;
		uint64_t offered = (uint64_t)rates[i] * 250000, n = offered * 10 / 1400;

		assert_non_null(p);
		for (uint64_t k = 0; k < n; k++) {
			uint64_t now =
				tsc + (uint64_t)((double)k * 1400 / (double)offered * (double)hz);

			passed += policer_pass(p, false, now, 1400) ? 1400 : 0;
		}
		assert_in_range(passed, (uint64_t)rates[i] * 1237500,
				(uint64_t)rates[i] * 1287500 + 40000);
		policer_free(p);
	}
}

static void directions_do_not_share(void **state)
{
	struct policer *p = policer_new(1);
	uint64_t tsc = rte_rdtsc();
	unsigned in = 0, out = 0;

	for (unsigned i = 0; i < 100; i++)
		out += policer_pass(p, false, tsc, 1000);
	for (unsigned i = 0; i < 100; i++)
		in += policer_pass(p, true, tsc, 1000);
	assert_int_equal(in, 30);
	assert_int_equal(out, 30);
	policer_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_it_passes),
		cmocka_unit_test(directions_do_not_share),
	};

	return cmocka_run_group_tests_name("policer", tests, start, NULL);
}

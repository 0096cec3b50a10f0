/* Many tunnels between two engines, through a bad network. scripts/bench ike runs ten times as
 * many. */
#include "tests/sim/storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TUNNELS 1000

static void storm(enum conf_ike_version version)
{
	/* For trying the full number under a sanitizer. */
	const char *tunnels = getenv("STORM_TUNNELS"), *seed = getenv("STORM_SEED");
	struct storm s = storm_run(version, tunnels ? (unsigned)atoi(tunnels) : TUNNELS, 200,
				   seed ? strtoull(seed, NULL, 10) : 1);

	print_message("all up after %.1f s, up again after %.1f s\n", s.up_s, s.recovery_s);
}

static void storm_v2(void **state)
{
	storm(CONF_IKE_V2);
}

static void storm_v1(void **state)
{
	storm(CONF_IKE_V1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storm_v2),
		cmocka_unit_test(storm_v1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

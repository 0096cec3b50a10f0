/* The same test in both versions of IKE, and in both modes of the first: a table of tests names one
 * of the set-ups for each, and the tunnels of node 0 and 1 are changed by one of the changes. */
#ifndef SIM_VERSION_H
#define SIM_VERSION_H

#include "tests/sim/sim.h"

extern enum conf_ike_version version_now;

/* For cmocka_unit_test_setup(). */
int version_2(void **state);
int version_1(void **state); /* Main Mode */
int version_1_aggressive(void **state);

sim_change version_both_call, version_first_calls, version_second_calls;

#endif

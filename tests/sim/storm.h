/* Many tunnels between two gateways through a bad network: they come up, one gateway loses
 * everything, and they come up again. Asserts that all do, in time, and that nothing is left over.
 */
#ifndef TESTS_SIM_STORM_H
#define TESTS_SIM_STORM_H

#include "conf/model.h"

#include <stdint.h>

struct storm {
	double up_s;	   /* virtual seconds until all tunnels were up */
	double recovery_s; /* after the restart, until all were up again and both ends agreed */
};

struct storm storm_run(enum conf_ike_version version, unsigned tunnels, unsigned loss_per_mille,
		       uint64_t seed);

#endif

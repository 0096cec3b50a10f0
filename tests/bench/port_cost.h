/* How long the ports' own receive and transmit functions take: each call is timed from within
 * DPDK's table of functions. One thread. */
#ifndef TESTS_BENCH_PORT_COST_H
#define TESTS_BENCH_PORT_COST_H

#include <stdint.h>

struct port_cost {
	uint64_t rx, tx; /* TSC cycles since port_cost_wrap() */
};
extern struct port_cost port_cost;

void port_cost_wrap(uint16_t port); /* one that was started, of the same driver as the others */

#endif

/* The workers' pulse: main looks once a second whether each of them still turns, and how busy it
 * was. Decides who owns the next tunnel.
 *
 * Main thread; workers only count. pulse_tell(): any thread. */
#ifndef DATAPLANE_PULSE_H
#define DATAPLANE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct dataplane;
struct dataplane_worker_stats;

#define PULSE_SECOND UINT64_C(1000000)
#define PULSE_STUCK  (2 * PULSE_SECOND) /* without a turn; naps are a thousandth of it */

struct pulse {
	uint64_t loops;	     /* at the last look */
	uint64_t busy, idle; /* cycles, at the last look */
	uint32_t added;	     /* tunnels since then */
	/* main: rw; others look (counter.h) */
	uint32_t load;	 /* of the second before the last look, in thousandths */
	uint64_t turned; /* when it had turned; microseconds */
	bool stuck;
};

/* Looks if it is time to. Returns when to come again, microseconds. */
uint64_t pulse_take(struct dataplane *dp, uint64_t now);
/* The worker that a new tunnel is best given to: who has the least to do, as far as can be told
 * from the load and from what was given since; among equals who has the fewest. */
unsigned pulse_owner(struct dataplane *dp);
/* What main alone knows of a worker. */
void pulse_tell(const struct dataplane *dp, unsigned worker, struct dataplane_worker_stats *out);

#endif

/* Packet buffers. Each NUMA node that has workers has pools of its own, which its workers, and the
 * queues that they poll, take from; a buffer goes back to where it came from, whoever frees it.
 *
 * Made by main before the workers start, constant then. A node that has no memory left gets its
 * pools from another: better far away than nowhere. */
#ifndef DATAPLANE_POOLS_H
#define DATAPLANE_POOLS_H

#include "conf/model.h"

#include <stdint.h>

struct rte_mempool;

struct pools {
	int node;	    /* NUMA, as eal_node_of_worker() says */
	unsigned n_workers; /* that are there */
	struct rte_mempool *packets;
	struct rte_mempool *large;  /* few: datagrams that were fragments */
	struct rte_mempool *frames; /* what ports with long frames take; NULL: there are none */
};

/* Those of all of c's workers, in `of`, which has room for CONF_WORKERS_MAX. The nodes share what
 * memory_plan() says as they share the workers.
 * Returns how many nodes there are, or -ENOMEM and nothing is left behind. */
int pools_open(struct pools *of, const struct conf *c);
void pools_close(struct pools *of, unsigned n);

/* Of this node, which is a worker's; NULL: it is none's. */
const struct pools *pools_on(const struct pools *of, unsigned n, int node);

#endif

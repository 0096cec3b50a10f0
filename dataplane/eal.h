/* DPDK's environment, started once per process and leaving nothing behind. Main thread. */
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

#include "conf/model.h"

#include <stdbool.h>
#include <stddef.h>

/* Main becomes lcore 0, worker i lcore i + 1. Does nothing if it ran before. 0 or -errno; *error
 * names what failed. */
int eal_start(const struct conf *c, const char **error);
bool eal_has_hugepages(void);
bool eal_is_pci(const char *device);

/* The NUMA node of a worker's CPU; any thread, once EAL was started. */
int eal_node_of_worker(unsigned index);
/* Zeroed memory on a node or, better far away than nowhere, on any. NULL: there is none. Given back
 * by rte_free(). */
void *eal_zalloc(const char *what, size_t bytes, int node);

#endif

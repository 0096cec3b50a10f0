/* DPDK's environment, started once per process and leaving nothing behind. Main thread. */
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

#include "conf/model.h"

#include <stdbool.h>

/* Main becomes lcore 0, worker i lcore i + 1. Does nothing if it ran before. 0 or -errno; *error
 * names what failed. */
int eal_start(const struct conf *c, const char **error);
bool eal_has_hugepages(void);
bool eal_is_pci(const char *device);

#endif

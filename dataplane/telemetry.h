/* What DPDK's telemetry socket tells of the dataplane: /isthmus/workers, /isthmus/drops,
 * /isthmus/tunnels and /isthmus/tunnel,INDEX (dpdk-telemetry.py).
 *
 * Its requests run on a thread of DPDK's: they read counters, which any thread may, and nothing
 * that main changes by other than single stores; no names and no secrets. */
#ifndef DATAPLANE_TELEMETRY_H
#define DATAPLANE_TELEMETRY_H

struct dataplane;

/* Once per process. Without a telemetry socket nobody asks, and that is fine. */
void telemetry_open(struct dataplane *dp);
void telemetry_close(void); /* before dp is taken apart: later requests find nothing */

#endif

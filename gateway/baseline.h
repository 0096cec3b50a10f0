/* Counters as operators see them: since the start, or since they cleared them. The workers' own
 * counters, and the metrics, only ever grow. Main thread. */
#ifndef GATEWAY_BASELINE_H
#define GATEWAY_BASELINE_H

#include "dataplane/dataplane.h"
#include "gateway/exception.h"
#include "ike/engine.h"

struct gateway;

/* As the dataplane's functions of these names, less what was cleared. */
int baseline_tunnel_stats(const struct gateway *g, uint32_t tunnel,
			  struct dataplane_tunnel_stats *out);
int baseline_worker_stats(const struct gateway *g, unsigned worker,
			  struct dataplane_worker_stats *out);
int baseline_port_stats(const struct gateway *g, unsigned port, struct dataplane_port_stats *out);
void baseline_exception_stats(const struct gateway *g, struct exception_stats *out);
void baseline_ike(uint64_t counter[IKE_COUNTER_COUNT]);

/* 0 or -ENOMEM. */
int baseline_clear_tunnel(const struct gateway *g, uint32_t tunnel);
int baseline_clear_tunnels(const struct gateway *g);
void baseline_clear_workers(const struct gateway *g);
void baseline_clear_drops(const struct gateway *g);
void baseline_clear_ports(const struct gateway *g);
void baseline_clear_ike(const uint64_t counter[IKE_COUNTER_COUNT]); /* as they are now */

#endif

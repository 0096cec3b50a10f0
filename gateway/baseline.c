#include "gateway/baseline.h"

#include "gateway/gateway.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX (CONF_WORKERS_MAX + 1) /* and the control threads */
#define PORTS_MAX   64

static struct {
	struct dataplane_tunnel_stats *tunnel;
	uint32_t n_tunnels;
	struct dataplane_worker_stats worker[WORKERS_MAX];
	uint64_t drop[WORKERS_MAX][DROP_REASON_COUNT];
	uint64_t exception_drop[EXCEPTION_DROP_COUNT];
	struct dataplane_port_stats port[PORTS_MAX];
	uint64_t ike[IKE_COUNTER_COUNT];
} base;

/* Counters that are lower than when they were cleared began again with their object. */
static void subtract(void *counters, const void *less, size_t bytes)
{
	uint64_t *v = counters;
	const uint64_t *b = less;

	for (size_t i = 0; i < bytes / sizeof(*v); i++)
		v[i] -= b[i] <= v[i] ? b[i] : 0;
}

/* Of structs in which the counters stand together: from the first to the last. */
#define SPAN(type, first, last) \
	(offsetof(type, last) + sizeof(((type *)NULL)->last) - offsetof(type, first))

int baseline_tunnel_stats(const struct gateway *g, uint32_t tunnel,
			  struct dataplane_tunnel_stats *out)
{
	int rc = dataplane_tunnel_stats(g->dp, tunnel, out);

	if (rc == 0 && tunnel < base.n_tunnels)
		subtract(&out->in_packets, &base.tunnel[tunnel].in_packets,
			 SPAN(struct dataplane_tunnel_stats, in_packets, drop));
	return rc;
}

int baseline_worker_stats(const struct gateway *g, unsigned worker,
			  struct dataplane_worker_stats *out)
{
	int rc = dataplane_worker_stats(g->dp, worker, out);

	if (rc == 0 && worker < WORKERS_MAX) {
		subtract(&out->loops, &base.worker[worker].loops,
			 SPAN(struct dataplane_worker_stats, loops, idle_cycles));
		subtract(out->drop, base.drop[worker], sizeof(out->drop));
	}
	return rc;
}

int baseline_port_stats(const struct gateway *g, unsigned port, struct dataplane_port_stats *out)
{
	int rc = dataplane_port_stats(g->dp, port, out);

	if (rc == 0 && port < PORTS_MAX)
		subtract(&out->rx_packets, &base.port[port].rx_packets,
			 SPAN(struct dataplane_port_stats, rx_packets, tx_errors));
	return rc;
}

void baseline_exception_stats(const struct gateway *g, struct exception_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (!g->exception)
		return;
	exception_stats(g->exception, out);
	subtract(out->drop, base.exception_drop, sizeof(base.exception_drop));
}

void baseline_ike(uint64_t counter[IKE_COUNTER_COUNT])
{
	subtract(counter, base.ike, sizeof(base.ike));
}

/* ---- clearing ---------------------------------------------------------------------------- */

int baseline_clear_tunnel(const struct gateway *g, uint32_t tunnel)
{
	if (tunnel >= base.n_tunnels) {
		struct dataplane_tunnel_stats *v =
			reallocarray(base.tunnel, tunnel + 1u, sizeof(*v));

		if (!v)
			return -ENOMEM;
		memset(v + base.n_tunnels, 0, (tunnel + 1u - base.n_tunnels) * sizeof(*v));
		base.tunnel = v;
		base.n_tunnels = tunnel + 1;
	}
	return dataplane_tunnel_stats(g->dp, tunnel, &base.tunnel[tunnel]);
}

int baseline_clear_tunnels(const struct gateway *g)
{
	int rc = 0;

	for (uint32_t i = g->tunnels->n; rc != -ENOMEM && i-- > 0;)
		if (tunnels_get(g->tunnels, i))
			rc = baseline_clear_tunnel(g, i);
	return rc == -ENOMEM ? rc : 0;
}

void baseline_clear_workers(const struct gateway *g)
{
	for (unsigned i = 0; i < dataplane_workers(g->dp) && i < WORKERS_MAX; i++)
		dataplane_worker_stats(g->dp, i, &base.worker[i]);
}

void baseline_clear_drops(const struct gateway *g)
{
	struct exception_stats e = { 0 };

	for (unsigned i = 0; i < dataplane_workers(g->dp) && i < WORKERS_MAX; i++) {
		struct dataplane_worker_stats w;

		if (dataplane_worker_stats(g->dp, i, &w) == 0)
			memcpy(base.drop[i], w.drop, sizeof(w.drop));
	}
	if (g->exception)
		exception_stats(g->exception, &e);
	memcpy(base.exception_drop, e.drop, sizeof(base.exception_drop));
}

void baseline_clear_ports(const struct gateway *g)
{
	for (unsigned i = 0; i < dataplane_ports(g->dp) && i < PORTS_MAX; i++)
		dataplane_port_stats(g->dp, i, &base.port[i]);
}

void baseline_clear_ike(const uint64_t counter[IKE_COUNTER_COUNT])
{
	memcpy(base.ike, counter, sizeof(base.ike));
}

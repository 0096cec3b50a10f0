/* Watching from any thread: counters are read while their owners write them. */
#include "dataplane/core.h"
#include "dataplane/crypt.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>

/* What a worker counts, of its statistics; the rest is main's. */
#define STATS_COUNTED offsetof(struct dataplane_worker_stats, loops)
#define STATS_COUNTERS \
	((offsetof(struct dataplane_worker_stats, load) - STATS_COUNTED) / sizeof(uint64_t))

static const char *const phase_names[PHASE_COUNT] = {
#define WORKER_PHASE_NAME(id, name) [PHASE_##id] = name,
	WORKER_PHASES(WORKER_PHASE_NAME)
#undef WORKER_PHASE_NAME
};

const char *worker_phase_name(enum worker_phase p)
{
	return (unsigned)p < PHASE_COUNT ? phase_names[p] : "unknown";
}

const char *worker_ring_name(enum worker_ring r)
{
	static const char *const names[WORKER_RING_COUNT] = {
#define WORKER_RING_NAME(id, name) [RING_##id] = name,
		WORKER_RINGS(WORKER_RING_NAME)
#undef WORKER_RING_NAME
	};

	return (unsigned)r < WORKER_RING_COUNT ? names[r] : "unknown";
}

const char *dataplane_summary(struct dataplane *dp)
{
	return dp->summary;
}

const char *dataplane_engine(struct dataplane *dp, bool *fast)
{
	const struct crypt *c = dp->worker[0]->crypt;

	if (fast)
		*fast = crypt_engine_fast(c);
	return crypt_engine_name(c);
}

unsigned dataplane_workers(struct dataplane *dp)
{
	return dp->n_workers;
}

/* Each word whole; together they may be a moment apart. */
static void counts_of(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = shared_get(&from[i]);
}

int dataplane_worker_stats(struct dataplane *dp, unsigned worker,
			   struct dataplane_worker_stats *out)
{
	if (worker > dp->n_workers)
		return -ENOENT;
	if (worker == dp->n_workers) {
		memset(out, 0, sizeof(*out));
		for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
			out->drop[i] = shared_get(&dp->main_drop[i]);
		return 0;
	}
	*out = (struct dataplane_worker_stats){ .tunnels = shared_get(
							&dp->worker[worker]->stats.tunnels) };
	counts_of((uint64_t *)((char *)out + STATS_COUNTED),
		  (const uint64_t *)((const char *)&dp->worker[worker]->stats + STATS_COUNTED),
		  STATS_COUNTERS);
	out->lcore = dp->worker[worker]->lcore;
	pulse_tell(dp, worker, out);
	return 0;
}

unsigned dataplane_ring_stats(struct dataplane *dp, unsigned worker,
			      struct dataplane_ring_stats out[DATAPLANE_RINGS])
{
	const struct worker *w = worker < dp->n_workers ? dp->worker[worker] : NULL;
	const struct {
		const char *name;
		const struct rte_ring *ring;
	} rings[] = {
		{ "main-to-worker", w ? w->inject[INJECT_MAIN] : NULL },
		{ "negotiator-to-worker", w ? w->inject[INJECT_NEGOTIATOR] : NULL },
		{ "worker-to-main", w ? w->punt.to_main : NULL },
		{ "worker-to-negotiator", w ? w->punt.to_negotiator : NULL },
		{ "orders", w ? w->orders : NULL },
		{ "reports", w ? w->reports : NULL },
		{ "again", w ? w->again : NULL },
	};
	struct dataplane_ring_stats handover = { .name = "handover" };
	unsigned n = 0;

	if (!w)
		return 0;
	for (; n < RTE_DIM(rings); n++)
		out[n] = (struct dataplane_ring_stats){
			.name = rings[n].name,
			.waiting = rte_ring_count(rings[n].ring),
			.room = rte_ring_get_capacity(rings[n].ring),
		};
	for (unsigned i = 0; i < dp->n_workers; i++) {
		if (!w->arrival[i])
			continue;
		handover.waiting += rte_ring_count(w->arrival[i]);
		handover.room += rte_ring_get_capacity(w->arrival[i]);
	}
	out[n++] = handover;
	return n;
}

void dataplane_buffers(struct dataplane *dp, uint32_t *available, uint32_t *all)
{
	*available = *all = 0;
	for (unsigned i = 0; i < dp->n_pools; i++) {
		*available += rte_mempool_avail_count(dp->pools[i].packets);
		*all += dp->pools[i].packets->size;
	}
}

int dataplane_tunnel_stats(struct dataplane *dp, uint32_t tunnel,
			   struct dataplane_tunnel_stats *out)
{
	struct tally_sum in, sent;
	struct tunnel *t;

	if (tunnel >= TUNNELS_MAX || !shared_get(&dp->tables.tunnel[tunnel].used))
		return -ENOENT;
	t = &dp->tables.tunnel[tunnel];
	tally_read(&dp->tally_lock, &t->tally, &in, &sent);
	*out = (struct dataplane_tunnel_stats){
		.in_packets = in.packets,
		.in_bytes = in.bytes,
		.in_wire_bytes = in.wire_bytes,
		.out_packets = sent.packets,
		.out_bytes = sent.bytes,
		.out_wire_bytes = sent.wire_bytes,
		.mtu = shared_get(&t->mtu),
	};
	counts_of(out->drop, dp->tables.tunnel_drop[tunnel], RTE_DIM(out->drop));
	return 0;
}

unsigned dataplane_ports(struct dataplane *dp)
{
	return dp->n_ports;
}

int dataplane_port_by_id(const struct dataplane *dp, uint32_t id)
{
	for (unsigned i = 0; i < dp->n_ports; i++) {
		if (dp->port[i].id == id)
			return (int)i;
	}
	return -1;
}

int dataplane_port_stats(struct dataplane *dp, unsigned port, struct dataplane_port_stats *out)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	const struct port *p;
	int rc;

	if (port >= dp->n_ports)
		return -ENOENT;
	p = &dp->port[port];
	memset(out, 0, sizeof(*out));
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc)
		return rc;
	snprintf(out->device, sizeof(out->device), "%s", info.driver_name);
	memcpy(out->mac, p->mac, sizeof(out->mac));
	out->link_up = rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status;
	out->queues = p->rx_queues;
	out->mtu = p->mtu;
	rc = rte_eth_stats_get(p->id, &stats);
	if (rc == -ENOTSUP)
		return 0;
	if (rc)
		return rc;
	out->rx_packets = stats.ipackets;
	out->rx_bytes = stats.ibytes;
	out->rx_missed = stats.imissed;
	out->rx_errors = stats.ierrors + stats.rx_nombuf;
	out->tx_packets = stats.opackets;
	out->tx_bytes = stats.obytes;
	out->tx_errors = stats.oerrors;
	return 0;
}

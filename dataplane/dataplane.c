/* Life of the dataplane: from a configuration to running workers, and back to nothing. */
#include "dataplane/dataplane.h"

#include "conf/memory.h"
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/eal.h"
#include "dataplane/lookup.h"
#include "dataplane/packet.h"
#include "dataplane/policer.h"
#include "dataplane/pools.h"
#include "dataplane/reassemble.h"
#include "dataplane/sa.h"
#include "dataplane/sa_book.h"
#include "dataplane/set.h"
#include "dataplane/telemetry.h"
#include "dataplane/underlay.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HANDOVER_RING 1024 /* packets */
#define PUNT_RING     2048
#define INJECT_RING   2048
#define AGAIN_RING    2048
#define MESSAGE_RING  4096

static _Thread_local char text[192];

static int fail(const char **error, const char *what, int rc)
{
	snprintf(text, sizeof(text), "%s: %s", what, strerror(-rc));
	*error = text;
	return rc;
}

/* Zeroed, on lines of its own, and backed by memory only where it is touched: by large pages if the
 * system has any to give. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

#define TUNNEL_BYTES	(TUNNELS_MAX * sizeof(struct tunnel))
#define DROP_BYTES	(TUNNELS_MAX * sizeof(uint64_t[DROP_REASON_COUNT]))
#define SET_BYTES	(SETS_MAX * sizeof(struct tunnel_set))
#define NEIGHBOUR_BYTES (NEIGHBOURS_MAX * sizeof(struct neighbour))
#define SLOT_BYTES	(SPI_SLOTS * sizeof(struct slot))

/* ---- tables ------------------------------------------------------------------------------- */

static int open_tables(struct dataplane *dp)
{
	struct tables *t = &dp->tables;
	unsigned readers = dp->n_workers + 1; /* and the negotiator */
	uint32_t underlay;

	t->tunnel = map(TUNNEL_BYTES);
	t->tunnel_drop = map(DROP_BYTES);
	t->set = map(SET_BYTES);
	t->neighbour = map(NEIGHBOUR_BYTES);
	t->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(readers), RTE_CACHE_LINE_SIZE);
	if (!t->tunnel || !t->tunnel_drop || !t->set || !t->neighbour || !t->qsbr)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(t->qsbr, readers) != 0)
		return -EINVAL;
	atomic_store(&t->underlay_epoch, 1);
	atomic_store(&t->routes_epoch, 1);
	dp->heap = fib_heap_new(t->qsbr);
	dp->sets = sets_new();
	return dp->heap && dp->sets ? dataplane_table_add(dp, &underlay) : -ENOMEM;
}

static void close_tables(struct dataplane *dp)
{
	struct tables *t = &dp->tables;
	unsigned i;

	retire_run(&dp->retired, t->qsbr, true);
	sets_free(dp->sets);
	for (i = 0; i < TABLES_MAX; i++) {
		if (t->fib[i])
			fib_free(t->fib[i]);
	}
	fib_heap_free(dp->heap);
	for (i = 0; t->tunnel && i < TUNNELS_MAX; i++)
		policer_free(t->tunnel[i].policer);
	for (i = 0; i < INTERFACES_MAX; i++)
		interface_free(t->interface[i]);
	for (i = 0; i < RTE_DIM(t->vni); i++)
		free(t->vni[i]);
	for (i = 0; i < RTE_DIM(t->port); i++)
		free(t->port[i].vlan);
	unmap(t->tunnel, TUNNEL_BYTES);
	unmap(t->tunnel_drop, DROP_BYTES);
	unmap(t->set, SET_BYTES);
	unmap(t->neighbour, NEIGHBOUR_BYTES);
	rte_free(t->qsbr);
}

/* ---- ports -------------------------------------------------------------------------------- */

static int open_pools(struct dataplane *dp, const struct conf *c)
{
	const struct pools *mine;
	int n = pools_open(dp->pools, c);

	if (n < 0)
		return n;
	dp->n_pools = (unsigned)n;
	mine = pools_on(dp->pools, dp->n_pools, (int)rte_socket_id());
	if (!mine)
		mine = &dp->pools[0];
	dp->pool = mine->packets;
	dp->large = mine->large;
	return 0;
}

static const struct pools *pools_of(const struct dataplane *dp, unsigned worker)
{
	return pools_on(dp->pools, dp->n_pools, eal_node_of_worker(worker));
}

static int open_ports(struct dataplane *dp, const struct conf *c, const char **error)
{
	struct rte_mempool *pool[CONF_WORKERS_MAX];
	int rc;

	dp->mtu = UINT16_MAX;
	for (unsigned i = 0; i < c->n_ports; i++) {
		rc = port_probe(&dp->port[i], &c->port[i], dp->n_workers, error);
		if (rc)
			return rc;
		dp->n_ports++;
		for (unsigned k = 0; k < dp->n_workers; k++)
			pool[k] = dp->port[i].long_frames ? pools_of(dp, k)->frames
							  : pools_of(dp, k)->packets;
		rc = port_start(&dp->port[i], &c->port[i], i, dp->n_workers, pool, error);
		if (rc)
			return rc;
		dp->mtu = RTE_MIN(dp->mtu, dp->port[i].mtu);
	}
	return 0;
}

/* The ports' own networks. Interface i is port i's. */
static int open_interfaces(struct dataplane *dp, const struct conf *c)
{
	for (unsigned k = 0; k < c->n_ports; k++) {
		const struct port *p = &dp->port[k];
		struct interface i = { .kind = INTERFACE_PORT,
				       .port = p->id,
				       .mtu = p->mtu,
				       .table = DATAPLANE_UNDERLAY };
		uint8_t mac[8] = { 0 };
		uint32_t index;
		int rc;

		memcpy(i.mac, p->mac, sizeof(i.mac));
		memcpy(mac, p->mac, sizeof(p->mac));
		i.n_addresses = c->port[k].n_addresses;
		memcpy(i.address, c->port[k].address, sizeof(i.address));
		rc = interface_add(dp, &i, &index);
		if (rc)
			return rc;
		dp->tables.port[p->id].mac = get64(mac);
		dp->tables.port[p->id].interface = index;
	}
	return underlay_open(dp, c);
}

/* ---- workers ------------------------------------------------------------------------------ */

/* Near the worker that is one of its two ends, if there is memory. */
static struct rte_ring *ring(int node, const char *what, unsigned a, unsigned b, unsigned n,
			     unsigned bytes)
{
	const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s-%u-%u", what, a, b);
	r = rte_ring_create_elem(name, bytes, n, node, flags);
	return r ? r : rte_ring_create_elem(name, bytes, n, SOCKET_ID_ANY, flags);
}

#define RINGS_BYTES                                                        \
	((2 * INJECT_RING + AGAIN_RING + 2 * PUNT_RING) * sizeof(void *) + \
	 2 * MESSAGE_RING * sizeof(struct message))
_Static_assert(sizeof(struct worker) + sizeof(struct memo) + RINGS_BYTES <= MEMORY_WORKER * 9 / 10,
	       "with what is small");
_Static_assert(HANDOVER_RING * sizeof(void *) + 1024 <= MEMORY_HANDOVER, "a ring's head as well");

static int open_rings(struct dataplane *dp, struct worker *w)
{
	unsigned i = w->index;

	w->inject[INJECT_MAIN] = ring(w->node, "main", i, 0, INJECT_RING, sizeof(void *));
	w->inject[INJECT_NEGOTIATOR] =
		ring(w->node, "negotiator", i, 0, INJECT_RING, sizeof(void *));
	w->again = ring(w->node, "again", i, 0, AGAIN_RING, sizeof(void *));
	w->orders = ring(w->node, "orders", i, 0, MESSAGE_RING, sizeof(struct message));
	w->reports = ring(w->node, "reports", i, 0, MESSAGE_RING, sizeof(struct message));
	w->punt.to_main = ring(w->node, "to-main", i, 0, PUNT_RING, sizeof(void *));
	w->punt.to_negotiator = ring(w->node, "to-negotiator", i, 0, PUNT_RING, sizeof(void *));
	if (!w->inject[0] || !w->inject[1] || !w->again || !w->orders || !w->reports ||
	    !w->punt.to_main || !w->punt.to_negotiator)
		return -ENOMEM;
	dp->to_main[i] = w->punt.to_main;
	dp->to_negotiator[i] = w->punt.to_negotiator;
	for (unsigned to = 0; to < dp->n_workers; to++) {
		if (to == i)
			continue;
		w->handover[to] = ring(dp->worker[to]->node, "handover", i, to, HANDOVER_RING,
				       sizeof(void *));
		if (!w->handover[to])
			return -ENOMEM;
		dp->worker[to]->arrival[i] = w->handover[to];
	}
	return 0;
}

/* What the worker polls, however many queues the ports have, and how it sends. */
static int open_queues(struct dataplane *dp, struct worker *w)
{
	unsigned i, q, all = 0;

	for (i = 0; i < dp->n_ports; i++)
		all += dp->port[i].rx_queues;
	w->rx = eal_zalloc("queues", all * sizeof(*w->rx), w->node);
	if (!w->rx && all)
		return -ENOMEM;
	for (i = 0; i < dp->n_ports; i++) {
		const struct port *p = &dp->port[i];

		for (q = 0; q < p->rx_queues; q++) {
			if (port_poller(i, q, dp->n_workers) == w->index)
				w->rx[w->n_rx++] =
					(struct rx_queue){ p->id, (uint16_t)q, p->long_frames };
		}
		w->tx[p->id].worker = (uint16_t)(w->index % p->tx_queues);
		w->tx[p->id].queue = (uint16_t)w->index;
		w->n_ports = RTE_MAX(w->n_ports, p->id + 1u);
	}
	return 0;
}

static int open_worker(struct dataplane *dp, struct worker *w, const char **error)
{
	const struct pools *pools = pools_of(dp, w->index);

	w->slot = map(SLOT_BYTES);
	if (!w->slot)
		return fail(error, "SA slots", -ENOMEM);
	w->slot[0].spi = spi_none(0);
	w->crypt = crypt_new(w->node, error);
	if (!w->crypt)
		return -ENOMEM;
	w->memo = eal_zalloc("memo", sizeof(*w->memo), w->node);
	if (!w->memo)
		return fail(error, "lookups", -ENOMEM);
	w->reassembly =
		reassembly_new(pools->large, pools->packets->size / 8 / pools->n_workers, w->node);
	if (!w->reassembly)
		return fail(error, "fragments", -ENOMEM);
	if (open_rings(dp, w) != 0)
		return fail(error, "rings between threads", -ENOMEM);
	w->worker = dp->worker;
	w->tables = &dp->tables;
	w->pool = pools->packets;
	w->large = pools->large;
	w->n_workers = dp->n_workers;
	w->punt.main_bell = &dp->main_bell;
	w->punt.negotiator_bell = &dp->negotiator_bell;
	w->tsc = rte_rdtsc();
	w->pause = rte_get_tsc_hz() / 100;
	w->punt.refilled = rte_rdtsc() - rte_get_tsc_hz();
	return open_queues(dp, w) == 0 ? 0 : fail(error, "queues", -ENOMEM);
}

static int open_workers(struct dataplane *dp, const struct conf *c, const char **error)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < dp->n_workers; i++) {
		int node = eal_node_of_worker(i);
		struct worker *w = eal_zalloc("worker", sizeof(*w), node);

		if (!w)
			return fail(error, "workers", -ENOMEM);
		w->index = i;
		w->node = node;
		w->lcore = c->workers.lcore[i];
		w->idle_nap = c->workers.idle_nap;
		dp->worker[i] = w;
	}
	for (i = 0; i < dp->n_workers && rc == 0; i++)
		rc = open_worker(dp, dp->worker[i], error);
	return rc;
}

static void drain(struct rte_ring *r)
{
	void *m;

	while (r && rte_ring_sc_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

static void close_worker(struct dataplane *dp, struct worker *w)
{
	unsigned i;

	drain(w->inject[INJECT_MAIN]);
	drain(w->inject[INJECT_NEGOTIATOR]);
	drain(w->again);
	reassembly_free(w->reassembly);
	drain(w->punt.to_main);
	drain(w->punt.to_negotiator);
	for (i = 0; i < dp->n_workers; i++)
		drain(w->handover[i]);
	for (i = 0; i < PORTS_MAX; i++) {
		while (w->tx[i].n)
			rte_pktmbuf_free(w->tx[i].pkt[--w->tx[i].n]);
	}
	rte_ring_free(w->orders);
	rte_ring_free(w->reports);
	crypt_free(w->crypt);
	rte_free(w->memo);
	rte_free(w->rx);
	unmap(w->slot, SLOT_BYTES);
	rte_free(w);
}

/* What was ordered takes effect still, so that every SA ends in the book or in a report. */
static void settle(struct dataplane *dp)
{
	struct message m;

	for (unsigned i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->worker[i];

		if (!w || !w->orders || !w->reports)
			continue;
		do {
			worker_control(w);
			while (rte_ring_sc_dequeue_elem(w->reports, &m, sizeof(m)) == 0) {
				if (m.kind == MESSAGE_DONE && m.sa && !m.inbound)
					sa_free(m.sa);
			}
		} while (!rte_ring_empty(w->orders));
	}
}

/* ---- the face ----------------------------------------------------------------------------- */

static void summarize(struct dataplane *dp)
{
	uint32_t available, all;

	dataplane_buffers(dp, &available, &all);
	snprintf(dp->summary, sizeof(dp->summary), "%s, %s, %u worker%s, %u packet buffers",
		 crypt_engine_name(dp->worker[0]->crypt),
		 eal_has_hugepages() ? "huge pages" : "no huge pages", dp->n_workers,
		 dp->n_workers == 1 ? "" : "s", all);
}

int dataplane_open(struct dataplane **out, const struct conf *c, const char **error)
{
	struct dataplane *dp = NULL;
	int rc;

	*out = NULL;
	*error = "";
	if (c->workers.n == 0 || c->workers.n > CONF_WORKERS_MAX || c->n_ports > PORTS_MAX)
		return fail(error, "number of workers or ports", -EINVAL);
	rc = eal_start(c, error);
	if (rc)
		return rc;
	dp = map(sizeof(*dp));
	if (!dp)
		return fail(error, "memory", -ENOMEM);
	STAILQ_INIT(&dp->retired);
	pthread_mutex_init(&dp->tally_lock, NULL);
	dp->n_workers = c->workers.n;
	dp->main_bell.fd = dp->negotiator_bell.fd = -1;

	rc = doorbell_open(&dp->main_bell);
	if (rc == 0)
		rc = doorbell_open(&dp->negotiator_bell);
	if (rc) {
		fail(error, "eventfd", rc);
		goto out;
	}
	rc = open_tables(dp);
	if (rc) {
		fail(error, "tables", rc);
		goto out;
	}
	rc = open_pools(dp, c);
	if (rc) {
		fail(error, "packet buffers: memory_mb is too small", rc);
		goto out;
	}
	dp->keys = crypt_new((int)rte_socket_id(), error);
	dp->book = sa_book_new(dp->n_workers, TUNNELS_MAX);
	rc = dp->keys && dp->book ? host_open(dp) : -ENOMEM;
	if (rc) {
		fail(error, "control tables", rc);
		goto out;
	}
	rc = open_ports(dp, c, error);
	if (rc == 0)
		rc = open_workers(dp, c, error);
	if (rc)
		goto out;
	rc = open_interfaces(dp, c);
	if (rc) {
		fail(error, "ports' networks", rc);
		goto out;
	}
	summarize(dp);
	if (c->workers.telemetry)
		telemetry_open(dp);
	*out = dp;
	return 0;
out:
	dataplane_close(dp);
	return rc;
}

int dataplane_start(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++) {
		int rc = rte_eal_remote_launch(worker_main, dp->worker[i], i + 1);

		if (rc)
			return rc;
		dp->started = true;
	}
	return 0;
}

static void stop_workers(struct dataplane *dp)
{
	if (!dp->started)
		return;
	for (unsigned i = 0; i < dp->n_workers; i++)
		atomic_store(&dp->worker[i]->stop, true);
	for (unsigned i = 0; i < dp->n_workers; i++)
		rte_eal_wait_lcore(i + 1);
	dp->started = false;
}

void dataplane_close(struct dataplane *dp)
{
	unsigned i;

	if (!dp)
		return;
	telemetry_close();
	stop_workers(dp);
	for (i = 0; i < dp->n_ports; i++)
		port_close(&dp->port[i]);
	host_close(dp);
	settle(dp);
	sa_book_free(dp->book);
	for (i = 0; i < dp->n_workers; i++) {
		if (dp->worker[i])
			close_worker(dp, dp->worker[i]);
	}
	crypt_free(dp->keys);
	close_tables(dp);
	pools_close(dp->pools, dp->n_pools);
	doorbell_close(&dp->main_bell);
	doorbell_close(&dp->negotiator_bell);
	unmap(dp, sizeof(*dp));
}

int inject(struct dataplane *dp, unsigned worker, enum injector from, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(dp->worker[worker]->inject[from], m) == 0)
		return 0;
	rte_pktmbuf_free(m);
	return -EAGAIN;
}

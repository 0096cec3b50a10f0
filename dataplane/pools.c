#include "dataplane/pools.h"

#include "dataplane/burst.h"
#include "dataplane/eal.h"
#include "dataplane/port.h"
#include "dataplane/reassemble.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define POOL_CACHE    256
#define POOL_MIN      4096u
#define LARGE_BUFFERS 127
/* Behind the largest packet: VXLAN or an outer header to come, ESP's trailer and ICV. */
#define ROOM_AROUND 160
/* What a pool adds to a buffer: the descriptor, and a header that is a line of the cache. */
#define BUFFER_AROUND (sizeof(struct rte_mbuf) + RTE_CACHE_LINE_SIZE)

/* As rte_pktmbuf_pool_create(), but that in ordinary memory, where no device reads or writes by
 * itself, a buffer may lie across two pages: a page each would be twice the memory. */
static struct rte_mempool *pool_on(int node, const char *name, unsigned n, unsigned cache,
				   unsigned room)
{
	struct rte_pktmbuf_pool_private private = { .mbuf_data_room_size = (uint16_t)room };
	unsigned flags = eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;

	return rte_mempool_create(name, n, sizeof(struct rte_mbuf) + room, cache, sizeof(private),
				  rte_pktmbuf_pool_init, &private, rte_pktmbuf_init, NULL, node,
				  flags);
}

static struct rte_mempool *pool_new(const char *what, const struct pools *p, unsigned n,
				    unsigned cache, unsigned room)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "%s-%d", what, p->node);
	pool = pool_on(p->node, name, n, cache, room);
	return pool ? pool : pool_on(SOCKET_ID_ANY, name, n, cache, room);
}

static int open_node(struct pools *p, const struct conf *c)
{
	unsigned room = 2048, frame = PORT_FRAME + RTE_PKTMBUF_HEADROOM, frames = 0;
	uint64_t bytes = ((uint64_t)c->workers.memory_mb << 20) / 2 * p->n_workers / c->workers.n;
	uint64_t taken, n;

	for (unsigned i = 0; i < c->n_ports; i++) {
		room = RTE_MAX(room, c->port[i].mtu + 32u + ROOM_AROUND);
		if (port_has_long_frames(&c->port[i]))
			frames = p->n_workers * BURST_MAX; /* they are free again at once */
	}
	room = RTE_ALIGN_CEIL(room, 64) + RTE_PKTMBUF_HEADROOM;
	taken = (uint64_t)frames * (frame + BUFFER_AROUND);
	n = bytes > taken ? (bytes - taken) / (room + BUFFER_AROUND) : 0;
	p->packets = pool_new("packets", p, RTE_MAX((unsigned)n, POOL_MIN), POOL_CACHE, room);
	p->large = pool_new("datagrams", p, LARGE_BUFFERS, 0, REASSEMBLE_BUFFER);
	if (frames)
		p->frames = pool_new("frames", p, frames, 0, frame);
	return p->packets && p->large && (p->frames || !frames) ? 0 : -ENOMEM;
}

int pools_open(struct pools *of, const struct conf *c)
{
	unsigned n = 0, i, k;

	for (i = 0; i < c->workers.n; i++) {
		int node = eal_node_of_worker(i);

		for (k = 0; k < n && of[k].node != node; k++)
			;
		if (k == n)
			of[n++] = (struct pools){ .node = node };
		of[k].n_workers++;
	}
	for (i = 0; i < n; i++) {
		if (open_node(&of[i], c) != 0) {
			pools_close(of, n);
			return -ENOMEM;
		}
	}
	return (int)n;
}

const struct pools *pools_on(const struct pools *of, unsigned n, int node)
{
	for (unsigned i = 0; i < n; i++) {
		if (of[i].node == node)
			return &of[i];
	}
	return NULL;
}

void pools_close(struct pools *of, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rte_mempool_free(of[i].packets);
		rte_mempool_free(of[i].large);
		rte_mempool_free(of[i].frames);
	}
}

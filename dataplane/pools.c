#include "dataplane/pools.h"

#include "conf/memory.h"
#include "dataplane/burst.h"
#include "dataplane/eal.h"
#include "dataplane/reassemble.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define POOL_CACHE    256
#define LARGE_BUFFERS 127

_Static_assert(MEMORY_AROUND == sizeof(struct rte_mbuf) + RTE_CACHE_LINE_SIZE, "as a pool adds");
_Static_assert(MEMORY_FRAME_ROOM == MEMORY_FRAME + RTE_PKTMBUF_HEADROOM, "and each buffer");
_Static_assert(MEMORY_DATAGRAMS == LARGE_BUFFERS * (REASSEMBLE_BUFFER + MEMORY_AROUND), "of these");
_Static_assert(MEMORY_BURST == BURST_MAX, "as a worker takes at once");

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

static int open_node(struct pools *p, const struct memory_plan *plan, unsigned workers)
{
	p->packets = pool_new("packets", p, plan->buffers * (uint64_t)p->n_workers / workers,
			      POOL_CACHE, plan->room);
	p->large = pool_new("datagrams", p, LARGE_BUFFERS, 0, REASSEMBLE_BUFFER);
	if (plan->frames)
		p->frames =
			pool_new("frames", p, p->n_workers * MEMORY_BURST, 0, MEMORY_FRAME_ROOM);
	return p->packets && p->large && (p->frames || !plan->frames) ? 0 : -ENOMEM;
}

int pools_open(struct pools *of, const struct conf *c)
{
	struct memory_plan plan = memory_plan(c);
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
		if (open_node(&of[i], &plan, c->workers.n) != 0) {
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

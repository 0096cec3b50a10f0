/* The dataplane's whole state, for the files of this room that run on the control threads.
 *
 * Workers do not see it: they have their struct worker and the tables. */
#ifndef DATAPLANE_CORE_H
#define DATAPLANE_CORE_H

#include "dataplane/doorbell.h"
#include "dataplane/fib.h"
#include "dataplane/message.h"
#include "dataplane/pools.h"
#include "dataplane/port.h"
#include "dataplane/pulse.h"
#include "dataplane/retire.h"
#include "dataplane/tables.h"
#include "dataplane/worker.h"

#include <pthread.h>

struct host;
struct neighbours;
struct sa_book;
struct sets;
struct underlay;
struct crypt;
struct capture;
struct trace;
struct rte_mempool;

struct dataplane {
	/* written before the workers start, then constant */
	unsigned n_workers, n_ports;
	struct worker *worker[CONF_WORKERS_MAX];
	struct port port[PORTS_MAX];
	struct pools pools[CONF_WORKERS_MAX]; /* by node */
	unsigned n_pools;
	struct rte_mempool *pool,
		*large; /* what control threads take: main's node's, if it has any */
	struct rte_ring *to_main[CONF_WORKERS_MAX];	  /* packets */
	struct rte_ring *to_negotiator[CONF_WORKERS_MAX]; /* packets */
	struct doorbell main_bell, negotiator_bell;
	uint16_t mtu; /* the smallest of the ports' */
	bool started;
	char summary[320];

	struct tables tables;	    /* main: rw; workers: ro */
	pthread_mutex_t tally_lock; /* control threads' alone */

	/* main */
	uint64_t now; /* microseconds, of the last poll; others look (counter.h) */
	struct fib_heap *heap;
	/* Deleted, but a worker may be at them still: not to be used again yet. */
	uint8_t table_leaving[TABLES_MAX / 8], interface_leaving[INTERFACES_MAX / 8];
	struct retired retired;
	struct sets *sets;
	struct neighbours *neighbours;
	uint32_t neighbours_used; /* entries that were ever in use */
	uint32_t *neighbours_free;
	uint32_t n_neighbours_free;
	struct host **host_of; /* by entry; NULL: none's any more */
	struct underlay *underlay;
	struct pulse pulse[CONF_WORKERS_MAX];
	uint64_t pulse_taken;	 /* microseconds */
	struct trace *trace;	 /* armed; NULL: none */
	struct capture *capture; /* the same */
	uint64_t main_drop[DROP_REASON_COUNT];
	const struct dataplane_main_ops *main_ops; /* NULL: nobody */
	void *main_ctx;
	bool (*main_answers)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len);
	void *main_answers_ctx;

	/* negotiator */
	struct crypt *keys; /* expands keys */
	struct sa_book *book;
	uint64_t ordered[CONF_WORKERS_MAX], obeyed[CONF_WORKERS_MAX];
	bool negotiator_registered, negotiator_reader;
};

/* Routes that the dataplane makes by itself; the underlay's epoch moves with them. */
int route_set(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh);
int route_delete(struct dataplane *dp, uint32_t table, const struct prefix *p);
/* Only if it still leads there. */
void route_delete_if(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh);
/* A number that is not to be used before every worker passed a quiescent point. */
void leave_for_now(struct dataplane *dp, uint8_t *leaving, uint32_t number);
static inline bool is_leaving(const uint8_t *leaving, uint32_t number)
{
	return leaving[number / 8] >> number % 8 & 1;
}
/* Packets from this address are looked at more closely (policy_may_be_own()). */
void route_mark_own(struct dataplane *dp, const struct addr *a);
/* Interfaces. The port's own, made by dataplane_open(). */
int interface_add(struct dataplane *dp, const struct interface *from, uint32_t *index);
void interface_free(struct interface *i);			       /* NULL is fine */
struct interface *interface_get(struct dataplane *dp, uint32_t index); /* NULL: none */
/* "wan", "lan VLAN 100", "lan VXLAN 5001" */
#define INTERFACE_STR_MAX (CONF_NAME_BYTES + 32)
const char *interface_format(struct dataplane *dp, uint32_t index, char buf[INTERFACE_STR_MAX]);

/* A tagged packet into a worker; the first one serves if it does not matter which. It belongs to
 * the worker afterwards; -EAGAIN: the ring is full and the packet freed. */
int inject(struct dataplane *dp, unsigned worker, enum injector from, struct rte_mbuf *m);

/* An order to an owner worker. Negotiator. -EAGAIN: its ring is full. */
int negotiator_order(struct dataplane *dp, unsigned owner, struct message *m);

/* A punted packet whose sender should be told that it cannot go on; takes it. */
void complaint_take(struct dataplane *dp, struct rte_mbuf *m, const struct tag *tag);
/* A punted packet to a tunnel's inner local address; takes it. */
void inner_take(struct dataplane *dp, struct rte_mbuf *m, uint32_t tunnel);

/* What main answers and resolves. */
int host_open(struct dataplane *dp);
void host_close(struct dataplane *dp);
/* A network or a way to it is new or gone: asks for the neighbours that the way needs. */
void host_interface_added(struct dataplane *dp, uint32_t interface);
/* The underlay's routes changed: what lies over it is built again. */
void host_ways_changed(struct dataplane *dp);
/* Our address there that a knows us by. NULL: none of its family. */
const struct addr *host_own_for(const struct interface *i, const struct addr *a);
bool host_is_on_link(const struct interface *i, const struct addr *a);
/* Keeps the neighbour through which this underlay address is reached; or no longer. */
void host_pin_way(struct dataplane *dp, const struct addr *a);
void host_unpin_way(struct dataplane *dp, const struct addr *a);
/* Entries of the workers' table of next hops. -ENOSPC. Retired ones are used again after every
 * worker passed a quiescent point. */
int host_entry_new(struct dataplane *dp, uint32_t *index);
void host_entry_retire(struct dataplane *dp, uint32_t index);
/* What was learnt of these hosts of the interface no longer holds. */
void host_forget(struct dataplane *dp, uint32_t interface, const struct prefix *p);
void host_interface_deleted(struct dataplane *dp, uint32_t interface);
const char *host_neighbour_format(struct dataplane *dp, uint32_t entry, char *buf, size_t size);

#endif

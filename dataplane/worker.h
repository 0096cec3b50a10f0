/* A worker: one lcore that polls its queues and takes every packet to its end.
 *
 * Owned by its lcore; other threads only read counters (counter.h, a moment old). It
 * never blocks, allocates, logs per packet or takes a lock. */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

#include "dataplane/burst.h"
#include "dataplane/counter.h"
#include "dataplane/dataplane.h"
#include "dataplane/doorbell.h"
#include "dataplane/message.h"
#include "dataplane/punt.h"
#include "dataplane/spi.h"
#include "dataplane/tables.h"
#include "dataplane/watch.h"

#include <stdatomic.h>
#include <stdint.h>

#include <rte_ring.h>

enum injector { INJECT_MAIN, INJECT_NEGOTIATOR, INJECTORS };

#define TX_ROOM (4 * BURST_MAX)

struct crypt;
struct memo;
struct worker;

/* Where an inbound SPI leads. */
struct slot {
	uint32_t spi; /* host order; spi_none(): nothing here. Other workers look (counter.h) */
	uint32_t spare;
	struct sa *sa;
};

struct rx_queue {
	uint16_t port, queue;
	bool long_frames; /* in buffers that only the port may keep */
};

struct tx_port {
	unsigned n;
	uint16_t queue;
	uint16_t worker; /* who sends for us: ourselves where the port has a queue for each */
	struct rte_mbuf *pkt[TX_ROOM];
};

struct worker {
	/* constant once started */
	unsigned index, lcore;
	int node; /* NUMA, where its memory is */
	unsigned n_workers, n_rx, n_ports;
	bool idle_nap;
	struct rx_queue *rx; /* n_rx of them */
	struct tables *tables;
	struct slot *slot;   /* SPI_SLOTS of them */
	uint64_t pause;	     /* TSC cycles between two turns that are worth a count */
	struct crypt *crypt; /* this worker's IPsec-MB manager */
	struct memo *memo;   /* lookups */
	struct rte_mempool *pool;
	struct rte_mempool *large; /* few: what pool's buffers do not hold */
	struct worker **worker;	   /* all of them, by index */

	/* owner: rw */
	struct rte_ring *handover[CONF_WORKERS_MAX]; /* from here to each other worker */
	struct rte_mbuf *hand[CONF_WORKERS_MAX][BURST_MAX];
	uint8_t n_hand[CONF_WORKERS_MAX];
	struct reassembly *reassembly;
	struct rte_ring *again; /* packets that take another turn, from here to here */
	struct tx_port tx[PORTS_MAX];
	uint64_t tsc; /* when this turn of the loop began */
	bool watched; /* in this turn */
	struct punt punt;
	struct dataplane_worker_stats stats;

	/* written by their producers */
	struct rte_ring *arrival[CONF_WORKERS_MAX]; /* packets from each other worker */
	struct rte_ring *inject[INJECTORS];	    /* packets from main, from the negotiator */
	struct rte_ring *orders;		    /* messages from the negotiator */
	struct rte_ring *reports;		    /* messages to the negotiator */

	_Atomic bool stop;	/* main: w; worker: ro */
	_Atomic bool watch_set; /* main: w; worker: ro. A trace or capture is armed */
	struct watch watch;
};

/* One pass over control, queues and rings; returns the packets it had. The loop of a worker, one
 * step at a time for tests and benchmarks. */
unsigned worker_run_once(struct worker *w);

/* The part of it that takes the negotiator's orders; how many. */
unsigned worker_control(struct worker *w);

/* The lcore's function: runs until stop. */
int worker_main(void *w);

/* The phases, in the order of a packet's life. Each empties its lane. */
/* Frames out of a port's long buffers into others, before anything else. */
void classify_long_frames(struct worker *w, struct burst *b);
void classify(struct worker *w, struct burst *b, uint16_t port);
void esp_in(struct worker *w, struct burst *b);
/* One whole IP packet that a port's network brought us, data at its header. */
void classify_underlay(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t port);
void forward(struct worker *w, struct burst *b);
void esp_out(struct worker *w, struct burst *b);
void link_out(struct worker *w, struct burst *b);

/* Where an outbound SA's packets go, and how large they may be: at first, and when the underlay
 * changed. */
void esp_out_find_way(const struct tables *t, struct sa *sa, uint32_t epoch);

void link_frame(struct worker *w, uint16_t port, struct rte_mbuf *m); /* finished */

static inline void worker_drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	counter_add(&w->stats.drop[reason], 1);
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_DROPPED, reason);
	rte_pktmbuf_free(m);
}

/* The same of a packet that is known to be this tunnel's; its owner. */
static inline void worker_drop_of(struct worker *w, struct rte_mbuf *m, enum drop_reason reason,
				  uint32_t tunnel)
{
	counter_add(&w->tables->tunnel_drop[tunnel][reason], 1);
	worker_drop(w, m, reason);
}

/* Tells the negotiator about an SA. False: its ring is full; try again with a later packet. */
bool worker_report(struct worker *w, enum message_kind kind, struct sa *sa);

/* Tells the negotiator, once a second at most, that there is a packet for a tunnel that has nothing
 * to send on, if it is one that waits for that. */
void worker_want(struct worker *w, uint32_t tunnel);

/* Gives a tagged packet to another worker at the end of this burst. */
void worker_hand_over(struct worker *w, unsigned to, struct rte_mbuf *m);

/* Sends what waits for this port, itself or through the worker that has its queue. */
void worker_transmit(struct worker *w, uint16_t port);

#endif

/* Packets that leave the fast path for a control thread, each class within its own budget, so that
 * a flood of one starves no other.
 *
 * Owned by one worker. Budgets are refilled once per loop from the TSC, never per packet. */
#ifndef DATAPLANE_PUNT_H
#define DATAPLANE_PUNT_H

#include "dataplane/burst.h"
#include "dataplane/drop.h"

#include <stdint.h>

#include <rte_ring.h>

struct worker;
struct doorbell;

enum punt_class {
	PUNT_IKE,
	PUNT_ROUTING,  /* BGP and BFD to inner addresses */
	PUNT_NEIGH,    /* ARP and ND */
	PUNT_PATH_MTU, /* ICMP errors that packets of ours were too big */
	PUNT_ICMP,     /* to any of our addresses */
	PUNT_RESOLVE,  /* their next hop is being asked for */
	PUNT_ERROR,    /* somebody should be told */
	PUNT_OTHER,
	PUNT_CLASSES
};

struct punt {
	uint32_t budget[PUNT_CLASSES]; /* packets that may still go */
	uint64_t refilled;	       /* TSC */
	bool ring_main, ring_negotiator;
	struct rte_ring *to_main, *to_negotiator;
	struct doorbell *main_bell, *negotiator_bell;
};

/* Hands the tagged packet over to the thread of its class, or drops it by reason. */
void punt(struct worker *w, struct rte_mbuf *m, enum punt_class class);
/* Counts the tagged packet as dropped, and lets main tell its sender if the budget allows. */
void punt_error(struct worker *w, struct rte_mbuf *m, enum drop_reason reason);
/* Once a turn; each millisecond it does something, and rings bells that nobody rang meanwhile. */
void punt_refill(struct worker *w, uint64_t tsc);
/* The class of an IP packet to one of our addresses; inner: a tunnel's. */
enum punt_class punt_class(const uint8_t *ip, unsigned len, bool inner);
/* Rings the bells of who got something since the last call and sleeps: the one system call of a
 * worker's turns. It is made in turns that have no packets, and in no others more than once a
 * millisecond, which is what a control thread may be late while a worker is never idle. */
void punt_ring_bells(struct worker *w);

#endif

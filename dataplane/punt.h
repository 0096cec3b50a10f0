/* Packets that leave the fast path for a control thread, each class within its own budget, so that
 * a flood of one starves no other. Of most classes what comes from one tunnel, network or address
 * gets a part at most, so that it does not starve the others; and what can come by the thousand
 * leaves room in the ring for what keeps tunnels and links alive.
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
	PUNT_IKE,      /* of peers */
	PUNT_STRANGER, /* IKE of anybody else */
	PUNT_ROUTING,  /* BGP and BFD to inner addresses */
	PUNT_NEIGH,    /* ARP and ND of the ports' own networks */
	PUNT_VPC,      /* the same of VPCs */
	PUNT_PATH_MTU, /* ICMP errors that packets of ours were too big */
	PUNT_ICMP,     /* to any of our addresses */
	PUNT_RESOLVE,  /* their next hop is being asked for */
	PUNT_ERROR,    /* somebody should be told */
	PUNT_OTHER,
	PUNT_CLASSES
};

#define PUNT_PACKET  1000 /* in a budget, so that less than one of them a millisecond adds up */
#define PUNT_ORIGINS 1024 /* by hash */

struct punt_origin {
	uint32_t budget;
	uint32_t tick; /* of which this is what was left */
};

struct punt {
	uint32_t budget[PUNT_CLASSES]; /* what may still go, in thousandths of packets */
	uint32_t tick;		       /* milliseconds of refills */
	uint64_t refilled;	       /* TSC */
	bool ring_main, ring_negotiator;
	struct rte_ring *to_main, *to_negotiator;
	struct doorbell *main_bell, *negotiator_bell;
	struct punt_origin origin[PUNT_CLASSES][PUNT_ORIGINS];
};

/* Hands the tagged packet over to the thread of its class, or drops it by reason. Its origin is
 * what the tag names. */
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

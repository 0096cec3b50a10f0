/* Who is behind an on-link address: the state machine of ARP (RFC 826) and IPv6 neighbour
 * discovery (RFC 4861 §7.3), without packets and clocks of its own.
 *
 * Main thread. A host that a packet needs is asked for and, once it answered, stays known: it is
 * asked again from time to time and forgotten when it no longer answers. Pinned hosts (VXLAN ends)
 * are asked for without end, watched ones (next hops of routes) so often that their death is soon
 * noticed.
 *
 * Memory is bounded, and no network takes it from the others: of hosts, and of those that are asked
 * for, an interface has at most as many as are still free for all. Pinned ones are the
 * configuration's, and always find a place. */
#ifndef DATAPLANE_NEIGHBOUR_H
#define DATAPLANE_NEIGHBOUR_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define NEIGHBOUR_SECOND     UINT64_C(1000000)
#define NEIGHBOUR_RETRY	     (1 * NEIGHBOUR_SECOND)
#define NEIGHBOUR_FRESH	     (30 * NEIGHBOUR_SECOND) /* then asked again */
#define NEIGHBOUR_HOLD	     (3 * NEIGHBOUR_SECOND)  /* after failing, before a packet asks again */
#define NEIGHBOUR_WATCH	     (1 * NEIGHBOUR_SECOND)  /* the same for watched ones */
#define NEIGHBOUR_MOVE	     (1 * NEIGHBOUR_SECOND)  /* a known host has its MAC address so long */
#define NEIGHBOUR_TRIES	     3
#define NEIGHBOUR_INCOMPLETE 1024 /* asked for at one time, not counting pinned ones */
#define NEIGHBOUR_WAITING    4	  /* packets of one host; the oldest makes room */

enum host_state {
	HOST_INCOMPLETE,
	HOST_REACHABLE,
	HOST_WATCHED, /* reachable, and asked again soon */
	HOST_PROBE,
	HOST_FAILED,
	HOST_STATES
};

struct host {
	uint32_t interface;
	struct addr addr;
	uint8_t state; /* enum host_state */
	uint8_t tries;
	bool pinned, watched;
	uint8_t mac[6]; /* while host_is_known() */
	uint64_t due;
	uint64_t moved; /* when it got that MAC address */
	uint8_t n_pending;
	void *pending[NEIGHBOUR_WAITING]; /* packets that wait for the answer, oldest first */
	uint32_t entry; /* the callbacks' to use: its index in the workers' table */
	bool has_entry;
	TAILQ_ENTRY(host) by_state;
	LIST_ENTRY(host) by_hash;
};

static inline bool host_is_known(const struct host *h)
{
	return h->state == HOST_REACHABLE || h->state == HOST_WATCHED || h->state == HOST_PROBE;
}

struct neighbour_ops {
	/* Ask for h->addr: everybody, or with `unicast` the host itself. */
	void (*ask)(void *ctx, const struct host *h, bool unicast);
	/* h->mac is new or another one. */
	void (*resolved)(void *ctx, struct host *h);
	/* h->mac no longer holds. */
	void (*lost)(void *ctx, struct host *h);
	/* A packet that waited: goes out, or is given up. */
	void (*release)(void *ctx, void *packet, bool send);
};

struct neighbours;

/* max: hosts known at one time, not counting pinned ones; interfaces: their numbers are less. NULL:
 * no memory. */
struct neighbours *neighbours_new(const struct neighbour_ops *ops, void *ctx, unsigned max,
				  unsigned interfaces);
void neighbours_free(struct neighbours *n); /* gives up pending packets; reports nothing lost */

/* A packet needs this host. The packet (may be NULL) belongs to the module until released. */
void neighbours_want(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a,
		     void *packet);
void neighbours_pin(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a);
/* No longer, unless it is watched. */
void neighbours_unpin(struct neighbours *n, uint32_t interface, const struct addr *a);
void neighbours_watch(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a);
/* No longer: from now on like any other host. */
void neighbours_unwatch(struct neighbours *n, uint32_t interface, const struct addr *a);
/* The host said so itself. `to_us`: in a message that was meant for us, so that it is worth
 * knowing even if nobody asked (RFC 826, "packet reception"). A known host that has just moved does
 * not move again: who lets it jump costs us little. */
void neighbours_heard(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a,
		      const uint8_t mac[6], bool to_us);
void neighbours_forget(struct neighbours *n, struct host *h); /* silently */
/* Forgets an interface's hosts, silently. */
void neighbours_drop_interface(struct neighbours *n, uint32_t interface);
/* Runs what is due; returns when to come again. */
uint64_t neighbours_tick(struct neighbours *n, uint64_t now);

struct host *neighbours_find(struct neighbours *n, uint32_t interface, const struct addr *a);
unsigned neighbours_count(const struct neighbours *n);
void neighbours_walk(struct neighbours *n, void (*fn)(void *ctx, struct host *h), void *ctx);

#endif

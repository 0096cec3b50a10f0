/* The RIB: every candidate route of every table, which of them is valid and why (or why not).
 *
 * Plain C, no sockets, no DPDK; owned by the main thread. Events in, FIB changes out through one
 * callback, deterministic: what is valid follows from who is there and in which order they came.
 *
 * Among routes to the same prefix the lower of next-hop type, route type and metric wins; equals
 * share (ECMP). Two rules reach across prefixes. A table's own subnets (RIB_VIA_LOCAL) come before
 * everything inside them. And prefixes that VPC attachments propagate may not overlap: in order of
 * arrival, one is valid if it overlaps no valid one of another attachment.
 *
 * An update costs the same however many routes there are (millions a second); one of an attachment
 * also the number of attachments' prefixes around it, and one of an own subnet a look at the whole
 * table. A route takes about 40 bytes of memory (IPv4). */
#ifndef ROUTING_RIB_H
#define ROUTING_RIB_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rib_via {			  /* next-hop type, with its preference */
	       RIB_VIA_LOCAL = 0, /* the table's own subnets */
	       RIB_VIA_ATTACHMENT = 100,
	       RIB_VIA_CONNECTION = 140,
	       RIB_VIA_GATEWAY = 150, /* in a VPC's table: a border gateway */
};

enum rib_origin { /* route type, with its preference */
		  RIB_STATIC = 100,
		  RIB_PROPAGATED = 120,
		  RIB_EBGP = 150,
		  RIB_IBGP = 200,
};

/* (table, prefix, via, via_index, origin, source) identifies a route; metric and unusable are its
 * properties. */
struct rib_route {
	struct prefix prefix; /* a network: no host bits */
	enum rib_via via;
	uint32_t via_index; /* attachment, connection, border gateway: the caller's index */
	enum rib_origin origin;
	uint32_t metric; /* AS_PATH length, from 65535 on the same; 0 for what is not BGP */
	uint32_t source; /* who said so; of what was learnt by BGP, the tunnel */
	bool unusable; /* its next hop can take nothing now: it is not valid, whatever the others */
};

enum rib_verdict {
	RIB_VALID,
	RIB_WORSE,    /* another route to the same prefix is preferred */
	RIB_OVERLAPS, /* another VPC propagated an overlapping prefix first, and still does */
	RIB_UNUSABLE, /* as its property says */
};

struct rib;

/* The valid routes of one prefix are others than before: n of them now share it (0: the prefix is
 * gone), in the order of via_index and source. A metric alone that changed is no change. Must not
 * call the RIB; valid is borrowed for the call. */
typedef void (*rib_change_fn)(void *ctx, uint32_t table, const struct prefix *prefix,
			      const struct rib_route *valid, unsigned n);

struct rib *rib_new(rib_change_fn change, void *ctx); /* NULL: no memory */
void rib_free(struct rib *r);			      /* without a word; NULL is fine */

/* 0, -EEXIST or -ENOMEM; 0 or -ENOENT. Deleting withdraws every valid route first. */
int rib_table_add(struct rib *r, uint32_t table);
int rib_table_delete(struct rib *r, uint32_t table);

/* Adds a route, or replaces the properties of the same identity, which keeps its place in the order
 * of arrival. 0; -ENOENT: no such table; -EINVAL: no network; -ENOMEM: nothing happened. */
int rib_add(struct rib *r, uint32_t table, const struct rib_route *route);
/* Never fails for want of memory. 0 or -ENOENT: no such table or identity. */
int rib_remove(struct rib *r, uint32_t table, const struct rib_route *route);

/* Is there a route of this identity? */
bool rib_has(const struct rib *r, uint32_t table, const struct rib_route *route);
/* The valid routes to exactly p, at most max of them into out. How many there are. */
unsigned rib_valid(const struct rib *r, uint32_t table, const struct prefix *p,
		   struct rib_route *out, unsigned max);
size_t rib_routes(const struct rib *r, uint32_t table); /* all candidates */

/* why: a static text for a person, NULL when valid. */
typedef void (*rib_walk_fn)(void *ctx, const struct rib_route *route, enum rib_verdict verdict,
			    const char *why);
/* Every candidate in prefix order (IPv4 first, shorter before longer), best first; those that
 * overlap a prefix, or all (NULL). fn may not change the RIB. 0, -ENOENT or -ENOMEM. */
int rib_walk(const struct rib *r, uint32_t table, const struct prefix *overlapping, rib_walk_fn fn,
	     void *ctx);

#endif

/* The RIB: every candidate route of every table, which of them is valid and why (or why not).
 *
 * Plain C, no sockets, no DPDK; owned by the main thread. Events in, FIB changes out through one
 * callback, deterministic: the same events in any batch lead to the same FIB. Preference among
 * routes to the same prefix, lower wins: next-hop type, route type, metric; equals share as ECMP.
 */
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

struct rib_route {
	struct prefix prefix;
	enum rib_via via;
	uint32_t via_index; /* attachment, connection, border gateway: the caller's index */
	enum rib_origin origin;
	uint32_t metric;
	uint32_t source; /* who said so; (table, prefix, via, via_index, origin, source) identifies
			    a route */
};

enum rib_verdict { RIB_VALID, RIB_WORSE, RIB_OVERLAPS };

struct rib;

/* The valid routes of one prefix changed: n of them now share it (0: the prefix is gone). */
typedef void (*rib_change_fn)(void *ctx, uint32_t table, const struct prefix *prefix,
			      const struct rib_route *valid, unsigned n);

struct rib *rib_new(rib_change_fn change, void *ctx);
void rib_free(struct rib *r);
int rib_table_add(struct rib *r, uint32_t table);
int rib_table_delete(struct rib *r, uint32_t table); /* withdraws every valid route first */
int rib_add(struct rib *r, uint32_t table,
	    const struct rib_route *route); /* or replaces the same identity (new metric) */
int rib_remove(struct rib *r, uint32_t table, const struct rib_route *route); /* -ENOENT */
/* Every candidate in prefix order, best first. why: a static text for a person, NULL when valid. */
void rib_walk(const struct rib *r, uint32_t table,
	      void (*fn)(void *ctx, const struct rib_route *route, enum rib_verdict verdict,
			 const char *why),
	      void *ctx);

#endif

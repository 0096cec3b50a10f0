/* Valid routes of the RIB as next hops of the dataplane.
 *
 * A static route's next hop is its connection; what BGP learnt leads to its tunnel, and several of
 * them to a bundle of their tunnels, whatever connections these belong to. A VPC's route that
 * several border gateways share leads to all the tunnels behind them. Inner tunnel addresses are
 * the gateway's own: no route takes them. Indices are numbers of the model (conf/number.h). Main
 * thread. */
#ifndef GATEWAY_HOPS_H
#define GATEWAY_HOPS_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "routing/rib.h"

#include <stdint.h>

struct hops_attachment {
	uint32_t interface, vpc;
};

struct hops_connection {
	unsigned n;
	uint32_t tunnel[DATAPLANE_SET_TUNNELS];
};

/* What numbers mean in the dataplane. Arrays by number, which may move between calls. */
struct hops_map {
	const struct rib *rib;
	uint32_t *gateway_table, *vpc_table;
	struct hops_attachment *attachment;
	struct hops_connection *connection;
	struct dataplane_tunnel *tunnel;
};

struct hops;

/* map outlives it. 0 or -ENOMEM. */
int hops_new(struct hops **out, struct dataplane *dp, const struct hops_map *map);
void hops_free(struct hops *h); /* the dataplane keeps what it has; NULL is fine */

/* A rib_change_fn's arguments. 0 or -errno: the route is as it was. */
int hops_change(struct hops *h, uint32_t table, const struct prefix *p,
		const struct rib_route *valid, unsigned n);
/* The same for what the RIB holds: what a next hop means changed, or the dataplane took the prefix
 * for itself and gave it back. */
int hops_again(struct hops *h, uint32_t table, const struct prefix *p);
/* Before the dataplane takes a host route for itself: what is to be let go of then. */
uint32_t hops_taken(struct hops *h, uint32_t table, const struct addr *a);
void hops_let_go(struct hops *h, uint32_t before);

#endif

/* Valid routes of the RIB as next hops of the dataplane.
 *
 * A static route's next hop is its connection; what BGP learnt leads to its tunnel, and several of
 * them to a bundle of their tunnels, whatever connections these belong to. A VPC's route that
 * several border gateways share leads to all the tunnels behind them. Inner tunnel addresses are
 * the gateway's own: no route takes them. Indices are places in the model. Main thread. */
#ifndef GATEWAY_HOPS_H
#define GATEWAY_HOPS_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "routing/rib.h"

#include <stdint.h>

struct hops_map { /* borrowed */
	const struct conf *conf;
	const struct rib *rib;
	const uint32_t *gateway_table; /* by border gateway */
	const uint32_t *vpc_table;     /* by VPC */
	const uint32_t *interface;     /* by attachment */
};

struct hops;

int hops_new(struct hops **out, struct dataplane *dp, const struct hops_map *map); /* 0, -ENOMEM */
void hops_free(struct hops *h); /* the dataplane keeps what it has; NULL is fine */

/* A rib_change_fn's arguments. 0 or -errno: the route is as it was. */
int hops_change(struct hops *h, uint32_t table, const struct prefix *p,
		const struct rib_route *valid, unsigned n);

#endif

/* Routes of the ports' side through next hops that must be alive. Main thread.
 *
 * A route has candidates; each is watched (neighbour.h), and the first that is known carries the
 * route. What others look up is the underlay's FIB, which changes with them. */
#ifndef DATAPLANE_UNDERLAY_H
#define DATAPLANE_UNDERLAY_H

#include "conf/addr.h"
#include "conf/model.h"

#include <stdint.h>

struct dataplane;
struct underlay;

struct underlay *underlay_new(void); /* NULL: no memory */
void underlay_free(struct underlay *u);

/* The configuration's: the ports' default next hops, then underlay_routes in their order. */
int underlay_open(struct dataplane *dp, const struct conf *c);

/* A host of a port's network is known now, under another entry, or no longer. */
void underlay_host_changed(struct dataplane *dp);

/* Through which host this address, which is on no port's network, is reached or would be. False:
 * there is no route. */
bool underlay_next_hop(struct dataplane *dp, const struct addr *a, uint32_t *interface,
		       struct addr *next_hop);

/* The DPDK ports that packets to this address may leave by, a bit each: that of its own network, or
 * those of all ways to it, alive or not. */
uint32_t underlay_ports(struct dataplane *dp, const struct addr *a);

#endif

/* The traffic selectors of a pair, one object for all pairs that have the same.
 *
 * Most tunnels of a gateway have the same few selectors, and a list of them has room for eight:
 * kept once, and counted. Never changed once made. One thread. */
#ifndef IKE_TRAFFIC_H
#define IKE_TRAFFIC_H

#include "ike/engine.h"
#include "ike/map.h"

struct ike_traffic {
	struct ike_node node;
	unsigned users;
	struct ike_selectors local, remote;
};

/* To be given back. NULL: no memory. */
const struct ike_traffic *ike_traffic_get(struct ike_map *all, const struct ike_selectors *local,
					  const struct ike_selectors *remote);
const struct ike_traffic *ike_traffic_share(const struct ike_traffic *t); /* one user more */
void ike_traffic_put(struct ike_map *all, const struct ike_traffic *t);	  /* NULL is fine */

#endif

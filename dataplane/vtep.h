/* The ends of a VXLAN network: which of them may send to us, and which hosts are behind which.
 *
 * A network has a default end, where hosts are asked for by ARP or ND, and may have a list of hosts
 * with their end and MAC address. Main writes; workers read sets of ends, which are replaced as a
 * whole and freed after every worker passed a quiescent point. */
#ifndef DATAPLANE_VTEP_H
#define DATAPLANE_VTEP_H

#include "dataplane/packet.h"
#include "dataplane/tables.h"

struct dataplane;

/* Open addressing; family ADDR_NONE: free. At most half of it is in use. */
struct vtep_set {
	uint32_t mask;
	struct addr end[];
};

static inline uint32_t vtep_hash(const uint8_t *b, unsigned bytes)
{
	return mix32(bytes == 4 ? get32(b) : get64(b) ^ get64(b + 8) * 31);
}

/* Worker or main. bytes: 4 or 16. */
static inline bool vtep_set_has(const struct vtep_set *s, const uint8_t *b, unsigned bytes)
{
	if (!s)
		return false;
	for (uint32_t i = vtep_hash(b, bytes) & s->mask;; i = (i + 1) & s->mask) {
		if (s->end[i].family == ADDR_NONE)
			return false;
		if (memcmp(s->end[i].b, b, bytes) == 0)
			return true;
	}
}

/* Main. The end behind which a host of this network is. */
const struct addr *vtep_of(const struct interface *i, const struct addr *host);
/* Main. Is it, or the network around it, in the list? */
bool vtep_lists(const struct interface *i, const struct addr *host);
/* The underlay's ways changed: next hops to the listed hosts are built again. */
void vtep_ways_changed(struct dataplane *dp);
/* The same of the ports that its ends may send by: of this network, that is new, or of all. */
void vtep_ports_of(struct dataplane *dp, struct interface *i);
void vtep_ports_changed(struct dataplane *dp);
/* This underlay address may be no network's end any more: its neighbour is then like any other. */
void vtep_release(struct dataplane *dp, const struct addr *a);
void vtep_walk(struct dataplane *dp, const struct interface *i,
	       void (*fn)(void *ctx, const struct dataplane_neighbour *n), void *ctx);
/* Before the interface goes: its listed hosts do. */
void vtep_drop_interface(struct dataplane *dp, struct interface *i);
/* When no worker can see the interface. */
void vtep_free(struct interface *i);

#endif

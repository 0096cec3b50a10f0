/* Neighbours as an operator sees them. Main thread. */
#include "dataplane/core.h"
#include "dataplane/neighbour.h"
#include "dataplane/vtep.h"

#include <stdio.h>
#include <string.h>

const char *host_neighbour_format(struct dataplane *dp, uint32_t entry, char *buf, size_t size)
{
	const struct host *h = entry < NEIGHBOURS_MAX ? dp->host_of[entry] : NULL;
	char addr[ADDR_STR_MAX], on[INTERFACE_STR_MAX];

	if (!h)
		snprintf(buf, size, "neighbour %u", entry); /* listed, or gone */
	else
		snprintf(buf, size, "%s on %s, %02x:%02x:%02x:%02x:%02x:%02x",
			 addr_format(&h->addr, addr), interface_format(dp, h->interface, on),
			 h->mac[0], h->mac[1], h->mac[2], h->mac[3], h->mac[4], h->mac[5]);
	return buf;
}

struct walk {
	struct dataplane *dp;
	void (*fn)(void *ctx, const struct dataplane_neighbour *n);
	void *ctx;
};

static void walk_host(void *ctx, struct host *h)
{
	static const char *const states[HOST_STATES] = {
		[HOST_INCOMPLETE] = "asked",  [HOST_REACHABLE] = "reachable",
		[HOST_WATCHED] = "reachable", [HOST_PROBE] = "reachable",
		[HOST_FAILED] = "failed",
	};
	const struct walk *w = ctx;
	const struct interface *i = interface_get(w->dp, h->interface);
	struct dataplane_neighbour n = { .to = prefix_host(&h->addr),
					 .state = states[h->state],
					 .has_mac = host_is_known(h) };

	if (i && i->kind == INTERFACE_VXLAN)
		n.vtep = i->remote_vtep;
	memcpy(n.mac, h->mac, sizeof(n.mac));
	interface_format(w->dp, h->interface, n.on);
	w->fn(w->ctx, &n);
}

void dataplane_neighbour_walk(struct dataplane *dp,
			      void (*fn)(void *ctx, const struct dataplane_neighbour *n), void *ctx)
{
	struct walk w = { dp, fn, ctx };

	neighbours_walk(dp->neighbours, walk_host, &w);
	for (uint32_t k = 0; k < INTERFACES_MAX; k++) {
		if (interface_get(dp, k))
			vtep_walk(dp, interface_get(dp, k), fn, ctx);
	}
}

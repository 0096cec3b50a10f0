/* What threads tell each other, besides packets: fixed-size messages through single-producer
 * single-consumer rings. Nobody waits: a full ring is reported to the caller, who tries again. */
#ifndef DATAPLANE_MESSAGE_H
#define DATAPLANE_MESSAGE_H

#include "conf/addr.h"

#include <stdint.h>

struct sa;

enum message_kind {
	/* negotiator -> owner worker; each is answered by MESSAGE_DONE when it took effect */
	MESSAGE_SA_INSTALL, /* inbound: accept from now on; outbound: replaces the one in use */
	MESSAGE_SA_REMOVE,
	MESSAGE_SA_MOVE,     /* outbound: new outer addresses and ports */
	MESSAGE_SA_PATH_MTU, /* outbound: its way takes packets of mtu bytes, no larger ones */
	MESSAGE_SA_REFRESH,  /* its flags that are the tunnel's settings are others */
	/* owner worker -> negotiator */
	MESSAGE_DONE, /* the worker holds no reference to sa any more (NULL: nothing to free) */
	MESSAGE_USED, /* first authenticated packet on an inbound SA */
	MESSAGE_SOFT_LIMIT, /* packets, bytes or sequence numbers run out soon */
	MESSAGE_HARD_LIMIT, /* they did */
	/* any worker -> negotiator */
	MESSAGE_WANTED, /* there is traffic for a tunnel that starts on demand */
};

struct message {
	uint32_t kind; /* enum message_kind */
	uint32_t tunnel;
	uint32_t spi;
	uint32_t inbound;
	uint32_t replaces, beside; /* MESSAGE_SA_INSTALL, as in struct dataplane_sa */
	uint32_t mtu;		   /* MESSAGE_SA_PATH_MTU */
	uint32_t flags;		   /* MESSAGE_SA_REFRESH, of SA_SETTINGS */
	uint32_t table;		   /* MESSAGE_SA_REFRESH, inbound, as in struct sa */
	struct sa *sa;
	struct endpoint local, remote; /* MESSAGE_SA_MOVE */
};
_Static_assert(sizeof(struct message) % 4 == 0, "rte_ring elements are multiples of 4 bytes");

#endif

/* IP packets cut into fragments (RFC 791 §3.2, RFC 8200 §4.5): what one is cut into, and each piece
 * written. Any thread. */
#ifndef DATAPLANE_CUT_H
#define DATAPLANE_CUT_H

#include "dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct cut {
	unsigned pieces;

	/* Its own. Index 0: the first piece; 1: each later one. */
	const uint8_t *data;  /* behind the packet's header */
	unsigned bytes, at;   /* of that; where in a datagram that was cut before */
	unsigned first, each; /* bytes of data in a piece */
	bool v6, more;	      /* others of that datagram follow */
	unsigned head[2];
	uint8_t header[2][60];
};

/* Of a whole IP packet of `total` bytes, which stays as it is and where it is until the last piece
 * is written. An IPv6 one without extension headers gets id; an IPv4 one has its own, and may
 * itself be a fragment, or forbid to be cut, which is not looked at. False: the MTU leaves no room,
 * or there can be no such datagram. */
bool cut_begin(struct cut *c, const uint8_t *ip, unsigned total, unsigned mtu, uint32_t id);
/* The i-th piece, appended to m, which has room. */
void cut_write(const struct cut *c, struct rte_mbuf *m, unsigned i);
/* m, which holds the packet itself, an IPv4 one, becomes its first piece: after all others. */
void cut_keep_first(const struct cut *c, struct rte_mbuf *m);

#endif

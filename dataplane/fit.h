/* Packets that do not fit what comes next: cut into fragments where that is allowed, reported to
 * their sender where it is not (RFC 791 §3.2, RFC 1191 §4, RFC 8201 §4); and TCP's segment size, so
 * that it rarely comes to that.
 *
 * Worker. What is cut goes round through the worker's own ring and takes its way once more. */
#ifndef DATAPLANE_FIT_H
#define DATAPLANE_FIT_H

#include "dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* A whole IP packet of more than mtu bytes; takes it. into tunnel: before it is encrypted. */
void fit_tunnel(struct worker *w, struct rte_mbuf *m, uint32_t tunnel, unsigned mtu);
/* out of a link: nh is the neighbour's next hop, `interface` the network it is in. */
void fit_link(struct worker *w, struct rte_mbuf *m, uint32_t nh, uint32_t interface, unsigned mtu);

/* A sealed packet of ours whose inner one had to go whole: in pieces of at most `most` bytes each,
 * whatever its don't-fragment bit was, to the link's next hop; takes it. spi, seq: its own, host
 * order, of which the pieces' identification is made. */
void fit_outer(struct worker *w, struct rte_mbuf *m, uint32_t nh, unsigned most, uint32_t spi,
	       uint64_t seq);

/* A TCP SYN's maximum segment size becomes at most what mtu leaves (RFC 879, RFC 2923 §2.3). ip: a
 * whole packet of len bytes. */
void fit_segments(uint8_t *ip, unsigned len, unsigned mtu);

/* May it be a SYN? The cheap question before. */
static inline bool fit_is_syn(const uint8_t *ip, unsigned len)
{
	if (likely(ip[0] == 0x45))
		return unlikely(ip[9] == PROTO_TCP) && len >= IP4_BYTES + 20 &&
		       (ip[IP4_BYTES + 13] & TCP_SYN);
	if (ip[0] >> 4 == 6)
		return ip[6] == PROTO_TCP && len >= IP6_BYTES + 20 &&
		       (ip[IP6_BYTES + 13] & TCP_SYN);
	return ip[9] == PROTO_TCP;
}

#endif

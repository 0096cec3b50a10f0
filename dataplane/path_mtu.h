#ifndef DATAPLANE_PATH_MTU_H
#define DATAPLANE_PATH_MTU_H

#include "dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct dataplane;

/* An ICMP error "fragmentation needed", or ICMPv6 "packet too big", with something quoted? ip: a
 * whole packet of len bytes. Any thread. */
static inline bool path_mtu_is_error(const uint8_t *ip, unsigned len)
{
	unsigned head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES;
	const uint8_t *icmp = ip + head;

	if (len < head + 8 + 4)
		return false;
	return ip[0] >> 4 == 4 ? ip[9] == PROTO_ICMP && icmp[0] == 3 && icmp[1] == 4
			       : ip[6] == PROTO_ICMPV6 && icmp[0] == 2;
}

/* A punted error of that kind: the SA whose packet it quotes sends smaller ones from now on. Does
 * not take the packet. Negotiator. */
void path_mtu_take(struct dataplane *dp, struct rte_mbuf *m);

#endif

/* IPv6 neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4): whole IP packets. Pure. */
#ifndef DATAPLANE_ND_H
#define DATAPLANE_ND_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define ND_BYTES (40 + 24 + 8) /* with one link-layer address option */

struct nd {
	bool solicitation; /* else an advertisement */
	bool solicited;	   /* advertisement: an answer */
	bool override;	   /* advertisement: it may take the place of another MAC address */
	struct addr src, dst, target;
	bool has_mac; /* the source's, or the target's */
	uint8_t mac[6];
};

/* False: not one of the two, or not valid (RFC 4861 §7.1), or with a group's MAC address. */
bool nd_read(struct nd *out, const uint8_t *ip, unsigned len);
void nd_write(uint8_t to[ND_BYTES], const struct nd *nd);

struct addr nd_solicited_node(const struct addr *target); /* ff02::1:ffXX:XXXX */
void nd_multicast_mac(uint8_t mac[6], const struct addr *group);

/* Checksum of an ICMPv6 message over IPv6's pseudo header, as put on the wire. */
uint16_t icmp6_sum(const uint8_t *ip, const uint8_t *icmp, unsigned len);

#endif

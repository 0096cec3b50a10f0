/* The bytes before an IP packet on each kind of network, built once per neighbour. Pure. */
#ifndef DATAPLANE_HEAD_H
#define DATAPLANE_HEAD_H

#include "dataplane/tables.h"

/* Ethernet, with an 802.1Q tag inside a VLAN. */
void head_ether(struct neighbour *n, const struct interface *i, const uint8_t mac[6],
		unsigned family);
/* VXLAN (RFC 7348 §5) to the end vtep, in UDP in IP behind the underlay neighbour's head.
 * -EMSGSIZE: underlay's head and MTU leave no room. */
int head_vxlan(struct neighbour *n, const struct interface *i, const struct addr *vtep,
	       const uint8_t mac[6], unsigned family, const struct neighbour *underlay);

/* The part of it from the outer IP header on: head_vxlan_bytes() of them, lengths and source port
 * zero, up to the VXLAN header. */
unsigned head_vxlan_bytes(const struct interface *i);
void head_vxlan_outer(uint8_t *to, const struct interface *i, const struct addr *vtep);

#endif

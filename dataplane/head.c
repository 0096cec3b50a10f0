#include "dataplane/head.h"

#include "dataplane/packet.h"

#include <errno.h>

#define TTL 64

static unsigned put_ether(uint8_t *to, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	memcpy(to, dst, 6);
	memcpy(to + 6, src, 6);
	put_be16(to + 12, type);
	return ETH_BYTES;
}

static uint16_t ethertype(unsigned family)
{
	return family == ADDR_IPV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

void head_ether(struct neighbour *n, const struct interface *i, const uint8_t mac[6],
		unsigned family)
{
	memset(n, 0, sizeof(*n));
	n->port = i->port;
	n->mtu = i->mtu;
	n->interface = i->index;
	if (i->kind == INTERFACE_VLAN) {
		n->kind = NEIGHBOUR_VLAN;
		put_ether(n->head, mac, i->mac, ETHERTYPE_VLAN);
		put_be16(n->head + ETH_BYTES, i->vlan_id);
		put_be16(n->head + ETH_BYTES + 2, ethertype(family));
		n->len = ETH_BYTES + VLAN_BYTES;
	} else {
		n->kind = NEIGHBOUR_ETHER;
		n->len = (uint8_t)put_ether(n->head, mac, i->mac, ethertype(family));
	}
}

unsigned head_vxlan_bytes(const struct interface *i)
{
	return (i->local_vtep.family == ADDR_IPV4 ? IP4_BYTES : IP6_BYTES) + UDP_BYTES +
	       VXLAN_BYTES;
}

void head_vxlan_outer(uint8_t *to, const struct interface *i, const struct addr *vtep)
{
	uint8_t *udp;

	memset(to, 0, head_vxlan_bytes(i));
	if (vtep->family == ADDR_IPV4) {
		to[0] = 0x45;
		to[6] = 0x40; /* don't fragment, so that the identification may stay 0 */
		to[8] = TTL;
		to[9] = PROTO_UDP;
		memcpy(to + 12, i->local_vtep.b, 4);
		memcpy(to + 16, vtep->b, 4);
		udp = to + IP4_BYTES;
	} else {
		to[0] = 0x60;
		to[6] = PROTO_UDP;
		to[7] = TTL;
		memcpy(to + 8, i->local_vtep.b, 16);
		memcpy(to + 24, vtep->b, 16);
		udp = to + IP6_BYTES;
	}
	put_be16(udp + 2, UDP_VXLAN);
	/* Checksum 0: the inner packet has its own (RFC 7348 §5, for IPv6 RFC 6935 §5). */
	udp[UDP_BYTES] = 0x08;
	put_be32(udp + UDP_BYTES + 4, i->vni << 8);
}

int head_vxlan(struct neighbour *n, const struct interface *i, const struct addr *vtep,
	       const uint8_t mac[6], unsigned family, const struct neighbour *underlay)
{
	unsigned outer = head_vxlan_bytes(i), room;

	if (underlay->len + outer + ETH_BYTES > NEIGHBOUR_HEAD ||
	    underlay->mtu < outer + ETH_BYTES + IP4_BYTES)
		return -EMSGSIZE;
	memset(n, 0, sizeof(*n));
	n->kind = vtep->family == ADDR_IPV4 ? NEIGHBOUR_VXLAN4 : NEIGHBOUR_VXLAN6;
	n->port = underlay->port;
	n->interface = i->index;
	room = underlay->mtu - outer - ETH_BYTES;
	n->mtu = (uint16_t)(i->mtu && i->mtu < room ? i->mtu : room);
	memcpy(n->head, underlay->head, underlay->len);
	n->ip_at = underlay->len;
	head_vxlan_outer(n->head + n->ip_at, i, vtep);
	if (n->kind == NEIGHBOUR_VXLAN4)
		n->ip_sum = (uint32_t)sum_bytes(n->head + n->ip_at, IP4_BYTES);
	n->len = (uint8_t)(n->ip_at + outer);
	n->len = (uint8_t)(n->len + put_ether(n->head + n->len, mac, i->mac, ethertype(family)));
	return 0;
}

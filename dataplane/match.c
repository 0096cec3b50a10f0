#include "dataplane/match.h"

#include "dataplane/packet.h"

bool match_prefix(const struct prefix *p, const uint8_t *ip, unsigned len)
{
	struct addr src = { .family = p->addr.family }, dst = src;
	bool v4 = p->addr.family == ADDR_IPV4;

	if (len < (v4 ? IP4_BYTES : IP6_BYTES) || ip[0] >> 4 != (v4 ? 4 : 6))
		return false;
	memcpy(src.b, ip + (v4 ? 12 : 8), v4 ? 4 : 16);
	memcpy(dst.b, ip + (v4 ? 16 : 24), v4 ? 4 : 16);
	return prefix_contains(p, &src) || prefix_contains(p, &dst);
}

unsigned match_ip_at(const uint8_t *eth, unsigned len)
{
	unsigned at = 12;

	for (unsigned tags = 0; tags <= 2 && at + 2 <= len; tags++) {
		unsigned type = get_be16(eth + at);

		if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6)
			return at + 2;
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
			break;
		at += VLAN_BYTES;
	}
	return len;
}

/* The frame inside VXLAN; len: this is none. */
static unsigned inside(const uint8_t *ip, unsigned len)
{
	unsigned head, udp;

	if (len < IP4_BYTES)
		return len;
	head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES;
	udp = ip[0] >> 4 == 4 ? ip[9] : ip[6];
	if (udp != PROTO_UDP || len < head + UDP_BYTES + VXLAN_BYTES + ETH_BYTES ||
	    get_be16(ip + head + 2) != UDP_VXLAN)
		return len;
	return head + UDP_BYTES + VXLAN_BYTES;
}

bool match_frame(const struct prefix *p, const uint8_t *eth, unsigned len)
{
	unsigned at = match_ip_at(eth, len), in;

	if (at >= len)
		return false;
	if (match_prefix(p, eth + at, len - at))
		return true;
	in = inside(eth + at, len - at);
	if (in >= len - at)
		return false;
	eth += at + in;
	len -= at + in;
	at = match_ip_at(eth, len);
	return at < len && match_prefix(p, eth + at, len - at);
}

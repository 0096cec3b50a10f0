#include "dataplane/packet.h"

uint16_t packet_udp_sum(const uint8_t *ip, const uint8_t *udp, unsigned len)
{
	uint64_t sum = ip[0] >> 4 == 4 ? sum_bytes(ip + 12, 8) : sum_bytes(ip + 8, 32);
	uint16_t folded;

	sum += sum_bytes(udp, len);
	sum += rte_cpu_to_be_16((uint16_t)len);
	sum += rte_cpu_to_be_16(PROTO_UDP);
	folded = (uint16_t)~sum_fold(sum);
	return folded ? folded : UINT16_MAX;
}

static uint32_t flow_ports(uint32_t hash, uint8_t proto, const uint8_t *l4, unsigned len)
{
	if ((proto == PROTO_TCP || proto == PROTO_UDP) && len >= 4)
		return mix32((uint64_t)hash << 32 ^ get32(l4) ^ (uint64_t)proto << 56);
	if ((proto == PROTO_ICMP || proto == PROTO_ICMPV6) && len >= 8) {
		bool echo = proto == PROTO_ICMP ? l4[0] == 8 || l4[0] == 0
						: l4[0] == 128 || l4[0] == 129;

		if (echo)
			return mix32((uint64_t)hash << 32 ^ get16(l4 + 4) ^ (uint64_t)proto << 56);
	}
	return hash;
}

#define IP6_HEADERS 8 /* of these before one packet's payload, at most */

static void upper6(struct packet_upper *u, const uint8_t *ip, unsigned len)
{
	*u = (struct packet_upper){ .at = IP6_BYTES, .proto = ip[6], .first = true };
	for (unsigned i = 0; i < IP6_HEADERS; i++) {
		const uint8_t *h = ip + u->at;

		if (u->proto != PROTO_HOP_BY_HOP && u->proto != PROTO_ROUTING &&
		    u->proto != PROTO_FRAGMENT && u->proto != PROTO_OPTIONS)
			return;
		if (u->at + 8 > len)
			break;
		if (u->proto == PROTO_FRAGMENT) {
			u->fragment = u->fragment || get16(h + 2) & RTE_BE16(0xfff9);
			u->first = u->first && !(get16(h + 2) & RTE_BE16(0xfff8));
			u->at += 8;
		} else {
			u->at += 8 + h[1] * 8u;
		}
		u->proto = h[0];
		if (!u->first)
			return;
	}
	u->proto = PROTO_NONE;
	u->at = len;
}

void packet_upper(struct packet_upper *u, const uint8_t *ip, unsigned len)
{
	if (ip[0] >> 4 == 6) {
		upper6(u, ip, len);
		return;
	}
	*u = (struct packet_upper){ .at = (ip[0] & 15) * 4u,
				    .proto = ip[9],
				    .fragment = get16(ip + 6) & RTE_BE16(0x3fff),
				    .first = !(get16(ip + 6) & RTE_BE16(0x1fff)) };
}

/* The usual upper layers stand behind the fixed header. */
static bool is_plain6(const uint8_t *ip)
{
	return ip[6] == PROTO_TCP || ip[6] == PROTO_UDP || ip[6] == PROTO_ICMPV6;
}

uint32_t packet_flow(const uint8_t *ip, unsigned len)
{
	struct packet_upper u;
	uint32_t hash;

	if (ip[0] >> 4 == 4) {
		unsigned head = (ip[0] & 15) * 4u;
		bool fragment = get16(ip + 6) & rte_cpu_to_be_16(0x3fff);

		hash = mix32(get64(ip + 12) ^ 4);
		if (fragment || len < head)
			return hash;
		return flow_ports(hash, ip[9], ip + head, len - head);
	}
	hash = mix32(get64(ip + 8) ^ mix32(get64(ip + 16)));
	hash = mix32(get64(ip + 24) ^ mix32(get64(ip + 32) ^ hash));
	if (likely(is_plain6(ip)))
		return flow_ports(hash, ip[6], ip + IP6_BYTES, len - IP6_BYTES);
	upper6(&u, ip, len);
	if (u.fragment || u.at >= len)
		return hash;
	return flow_ports(hash, u.proto, ip + u.at, len - u.at);
}

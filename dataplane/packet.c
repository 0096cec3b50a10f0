#include "dataplane/packet.h"

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

uint32_t packet_flow(const uint8_t *ip, unsigned len)
{
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
	return flow_ports(hash, ip[6], ip + IP6_BYTES, len - IP6_BYTES);
}

#include "dataplane/arp.h"

#include "dataplane/packet.h"

#define ARP_REQUEST 1
#define ARP_REPLY   2

bool arp_read(struct arp *out, const uint8_t *p, unsigned len)
{
	uint16_t op;

	if (len < ARP_BYTES || get_be16(p) != 1 || get_be16(p + 2) != ETHERTYPE_IPV4 || p[4] != 6 ||
	    p[5] != 4)
		return false;
	op = get_be16(p + 6);
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return false;
	out->request = op == ARP_REQUEST;
	memcpy(out->sender_mac, p + 8, 6);
	out->sender = addr_ipv4(get_be32(p + 14));
	out->target = addr_ipv4(get_be32(p + 24));
	return true;
}

void arp_write(uint8_t to[ARP_BYTES], const struct arp *a, const uint8_t target_mac[6])
{
	put_be16(to, 1);
	put_be16(to + 2, ETHERTYPE_IPV4);
	to[4] = 6;
	to[5] = 4;
	put_be16(to + 6, a->request ? ARP_REQUEST : ARP_REPLY);
	memcpy(to + 8, a->sender_mac, 6);
	memcpy(to + 14, a->sender.b, 4);
	memcpy(to + 18, target_mac, 6);
	memcpy(to + 24, a->target.b, 4);
}

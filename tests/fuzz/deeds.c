#include "tests/fuzz/deeds.h"

#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/neighbour.h"
#include "dataplane/packet.h"
#include "tests/fuzz/tunnels.h"

#include <string.h>

const uint8_t mac_wan[6] = { 2, 0, 0, 0, 1, 1 }, mac_lan[6] = { 2, 0, 0, 0, 2, 1 };
const uint8_t mac_vxlan[6] = { 2, 0, 0, 0, 3, 1 }, mac_vlan[6] = { 2, 0, 0, 0, 4, 1 };
const uint8_t mac_other[6] = { 2, 0, 0, 0, 9, 9 };

unsigned frame_ether(uint8_t *f, const uint8_t *to, unsigned type)
{
	memcpy(f, to, 6);
	memcpy(f + 6, mac_other, 6);
	put_be16(f + 12, (uint16_t)type);
	return ETH_BYTES;
}

static unsigned type_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* Half of the checksums in what is sent are mended, or little would get further. */
static void mend(uint8_t *ip, unsigned n, uint8_t choice)
{
	unsigned head = (ip[0] & 15) * 4u;

	if (!(choice & 0x80) || n < IP4_BYTES || ip[0] >> 4 != 4 || head < IP4_BYTES || head > n)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, head));
}

/* An outer header around len bytes that follow it; its bytes. */
static unsigned outer(uint8_t *ip, const struct sa *from, unsigned proto, unsigned len)
{
	bool v6 = from->flags & SA_IPV6;
	unsigned n = v6 ? IP6_BYTES : IP4_BYTES;

	memcpy(ip, from->head, n);
	if (v6) {
		put_be16(ip + 4, (uint16_t)len);
		ip[6] = (uint8_t)proto;
	} else {
		put_be16(ip + 2, (uint16_t)(n + len));
		ip[9] = (uint8_t)proto;
		put16(ip + 10, 0);
		put16(ip + 10, ip4_sum(ip, n));
	}
	return n;
}

static unsigned ports(uint8_t *udp, unsigned from, unsigned to, unsigned len)
{
	put_be16(udp, (uint16_t)from);
	put_be16(udp + 2, (uint16_t)to);
	put_be16(udp + 4, (uint16_t)(UDP_BYTES + len));
	put16(udp + 6, 0);
	return UDP_BYTES;
}

/* ESP with this text, sealed by tunnel i's peer, behind an outer header. Returns the packet's
 * bytes. */
static unsigned seal(uint8_t *ip, unsigned i, const uint8_t *text, unsigned len)
{
	struct sa *sa = peer_seals[i];
	unsigned esp = ESP_BYTES + sa->iv_bytes + len, total = esp + sa->icv_bytes;
	unsigned at = outer(ip, sa, sa->flags & SA_UDP ? PROTO_UDP : PROTO_ESP,
			    total + (sa->flags & SA_UDP ? UDP_BYTES : 0));
	struct crypt_op op;

	if (sa->flags & SA_UDP)
		at += ports(ip + at, UDP_IKE_NATT, UDP_IKE_NATT, total);
	memcpy(ip + at + ESP_BYTES + sa->iv_bytes, text, len);
	op = (struct crypt_op){ .sa = sa, .esp = ip + at, .seq = ++peer_sequence[i], .len = esp };
	crypt_seal(bed.dp->keys, &op, 1);
	return at + total;
}

/* The bytes as an inner packet with its trailer. */
static unsigned seal_packet(uint8_t *ip, unsigned i, const uint8_t *p, unsigned n, uint8_t choice)
{
	uint8_t text[MOST + 64];
	unsigned len = sa_padded(peer_seals[i], n);

	memcpy(text, p, n);
	mend(text, n, choice);
	for (unsigned k = n; k < len - 2; k++)
		text[k] = (uint8_t)(k - n + 1);
	text[len - 2] = (uint8_t)(len - 2 - n);
	text[len - 1] = n && p[0] >> 4 == 6 ? PROTO_IPV6 : PROTO_IPV4;
	return seal(ip, i, text, len);
}

static void give(unsigned port, const uint8_t *frame, unsigned len)
{
	bed_give(&bed, port, frame, len);
}

static void give_wan(uint8_t *f, unsigned len)
{
	frame_ether(f, mac_wan, type_of(f + ETH_BYTES));
	give(BED_WAN, f, ETH_BYTES + len);
}

/* An IPv4 packet in two pieces, the second one first if choice says so. */
static void give_cut(const uint8_t *f, unsigned len, uint8_t choice)
{
	unsigned data = len - IP4_BYTES, first = (data / 2 + choice % 64) & ~7u;
	uint8_t piece[2 * MOST];

	if (f[ETH_BYTES] >> 4 != 4 || first == 0 || first >= data)
		return;
	for (unsigned k = 0; k < 2; k++) {
		bool second = k ^ (choice >> 6 & 1);
		unsigned at = second ? first : 0, n = second ? data - first : first;
		uint8_t *ip = piece + ETH_BYTES;

		memcpy(ip, f + ETH_BYTES, IP4_BYTES);
		memcpy(ip + IP4_BYTES, f + ETH_BYTES + IP4_BYTES + at, n);
		put_be16(ip + 2, (uint16_t)(IP4_BYTES + n));
		put_be16(ip + 6, (uint16_t)(second ? at / 8 : 0x2000));
		mend(ip, IP4_BYTES + n, 0x80);
		give_wan(piece, IP4_BYTES + n);
	}
}

void frame_vxlan(uint8_t *f, unsigned len)
{
	uint8_t *ip = f + frame_ether(f, mac_lan, ETHERTYPE_IPV4), *udp = ip + IP4_BYTES;

	memset(ip, 0, IP4_BYTES);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(VXLAN_HEAD - ETH_BYTES + len));
	ip[8] = 64;
	ip[9] = PROTO_UDP;
	put_be32(ip + 12, 0x0a090002);
	put_be32(ip + 16, 0x0a090001);
	mend(ip, IP4_BYTES, 0x80);
	ports(udp, 50000, UDP_VXLAN, VXLAN_BYTES + len);
	put_be32(udp + UDP_BYTES, 0x08000000);
	put_be32(udp + UDP_BYTES + 4, 1000 << 8);
}

static void from_vpc(bool tagged, const uint8_t *p, unsigned n, uint8_t choice)
{
	uint8_t f[MOST + 128];
	unsigned at;

	if (tagged) {
		at = frame_ether(f, mac_vlan, ETHERTYPE_VLAN);
		put_be16(f + at, 100);
		put_be16(f + at + 2, (uint16_t)type_of(p));
		at += VLAN_BYTES;
		memcpy(f + at, p, n);
		mend(f + at, n, choice);
		give(BED_LAN, f, at + n);
		return;
	}
	at = VXLAN_HEAD;
	frame_ether(f + at, mac_vxlan, type_of(p));
	memcpy(f + at + ETH_BYTES, p, n);
	mend(f + at + ETH_BYTES, n, choice);
	frame_vxlan(f, ETH_BYTES + n);
	give(BED_LAN, f, at + ETH_BYTES + n);
}

static void too_big(unsigned i, const uint8_t *p, unsigned n)
{
	struct sa *sa = peer_opens[i];
	bool v6 = sa->flags & SA_IPV6;
	uint8_t f[MOST + 256] = { 0 }, *icmp, *quote;
	unsigned at =
		outer(f + ETH_BYTES, peer_seals[i], v6 ? PROTO_ICMPV6 : PROTO_ICMP, 8 + 60 + n);

	icmp = f + ETH_BYTES + at;
	icmp[0] = v6 ? 2 : 3;
	icmp[1] = v6 ? 0 : 4;
	put_be16(icmp + 6, n > 1 ? get_be16(p) : 0);
	quote = icmp + 8; /* what we sent: the peer's addresses the other way round */
	outer(quote, peer_seals[i], sa->flags & SA_UDP ? PROTO_UDP : PROTO_ESP, 100);
	memcpy(quote + (v6 ? 8 : 12), peer_seals[i]->head + (v6 ? 24 : 16), v6 ? 16 : 4);
	memcpy(quote + (v6 ? 24 : 16), peer_seals[i]->head + (v6 ? 8 : 12), v6 ? 16 : 4);
	put_be32(quote + (v6 ? IP6_BYTES : IP4_BYTES) + (sa->flags & SA_UDP ? UDP_BYTES : 0),
		 0x1000 + i);
	memcpy(quote + 60, p, n);
	give_wan(f, at + 8 + 60 + n);
}

void act(enum deed deed, uint8_t choice, const uint8_t *p, unsigned n, uint64_t *now)
{
	uint8_t f[2 * MOST] = { 0 }, *ip = f + ETH_BYTES;
	unsigned i = choice % TUNNELS, len;

	switch (deed) {
	case RAW_WAN:
	case RAW_LAN:
		if (n)
			give(deed == RAW_WAN ? BED_WAN : BED_LAN, p, n);
		break;
	case UNDERLAY:
		memcpy(ip, p, n);
		mend(ip, n, choice);
		give_wan(f, n);
		break;
	case SEALED:
	case CUT:
		len = seal_packet(ip, i, p, n, choice);
		if (deed == SEALED)
			give_wan(f, len);
		else
			give_cut(f, len, choice >> 2);
		break;
	case TEXT:
		n &= ~(peer_seals[i]->align - 1u);
		give_wan(f, seal(ip, i, p, n));
		break;
	case FROM_VLAN:
	case FROM_VXLAN:
		if (n)
			from_vpc(deed == FROM_VLAN, p, n, choice);
		break;
	case IN_VNI:
		memcpy(f + VXLAN_HEAD, p, n);
		frame_vxlan(f, n);
		give(BED_LAN, f, VXLAN_HEAD + n);
		break;
	case TO_SPI:
		len = outer(ip, peer_seals[i], PROTO_ESP, 4 + n);
		memcpy(ip + len, &ours_in[i]->spi, 4);
		memcpy(ip + len + 4, p, n);
		give_wan(f, len + 4 + n);
		break;
	case TO_IKE:
		len = outer(ip, peer_seals[i], PROTO_UDP, UDP_BYTES + n);
		len += ports(ip + len, UDP_IKE, choice & 0x40 ? UDP_IKE : UDP_IKE_NATT, n);
		memcpy(ip + len, p, n);
		give_wan(f, len + n);
		break;
	case TOO_BIG:
		too_big(i, p, n);
		break;
	case TIME:
		*now += (choice + 1u) * NEIGHBOUR_SECOND / 4;
		break;
	case DEEDS:
		break;
	}
}

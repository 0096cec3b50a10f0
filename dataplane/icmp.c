#include "dataplane/icmp.h"

#include "dataplane/nd.h"
#include "dataplane/packet.h"

#define ICMP_BYTES 8
#define QUOTE4_MAX (576 - IP4_BYTES - ICMP_BYTES) /* RFC 1812 §4.3.2.3 */
#define TTL	   64
#define TOS	   0xc0 /* internetwork control (RFC 1812 §4.3.2.5) */

static const struct {
	uint8_t type4, code4, type6, code6;
} numbers[] = {
	[ICMP_TTL_EXPIRED] = { 11, 0, 3, 0 },
	[ICMP_TOO_BIG] = { 3, 4, 2, 0 },
};

static bool one_host4(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

static bool one_host6(const uint8_t *a)
{
	static const uint8_t zero[16];

	return a[0] != 0xff && memcmp(a, zero, 15) != 0; /* :: and ::1 */
}

/* RFC 1122 §3.2.2. */
static bool may_tell4(const uint8_t *ip, unsigned len)
{
	unsigned head = (ip[0] & 15) * 4u, type;

	if ((get_be16(ip + 6) & 0x1fff) || !one_host4(ip + 12) || !one_host4(ip + 16))
		return false;
	if (ip[9] != PROTO_ICMP)
		return true;
	if (len < head + 1)
		return false;
	type = ip[head];
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

/* RFC 4443 §2.4 (e). Too big may be told about multicast, but ours is none. */
static bool may_tell6(const uint8_t *ip, unsigned len)
{
	struct packet_upper up;

	if (!one_host6(ip + 8) || !one_host6(ip + 24))
		return false;
	packet_upper(&up, ip, len);
	return up.proto != PROTO_ICMPV6 || (up.first && up.at < len && ip[up.at] >= 128);
}

bool icmp_may_tell(const uint8_t *ip, unsigned len)
{
	return ip[0] >> 4 == 4 ? may_tell4(ip, len) : may_tell6(ip, len);
}

static unsigned write4(uint8_t *to, const struct addr *from, const uint8_t *ip, unsigned len,
		       enum icmp_error what, unsigned mtu)
{
	unsigned quote = len < QUOTE4_MAX ? len : QUOTE4_MAX;
	unsigned total = IP4_BYTES + ICMP_BYTES + quote;
	uint8_t *icmp = to + IP4_BYTES;

	memset(to, 0, IP4_BYTES + ICMP_BYTES);
	to[0] = 0x45;
	to[1] = TOS;
	put_be16(to + 2, (uint16_t)total);
	to[6] = 0x40;
	to[8] = TTL;
	to[9] = PROTO_ICMP;
	memcpy(to + 12, from->b, 4);
	memcpy(to + 16, ip + 12, 4);
	put16(to + 10, ip4_sum(to, IP4_BYTES));
	icmp[0] = numbers[what].type4;
	icmp[1] = numbers[what].code4;
	if (what == ICMP_TOO_BIG)
		put_be16(icmp + 6, (uint16_t)mtu);
	memcpy(icmp + ICMP_BYTES, ip, quote);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, ICMP_BYTES + quote)));
	return total;
}

static unsigned write6(uint8_t *to, const struct addr *from, const uint8_t *ip, unsigned len,
		       enum icmp_error what, unsigned mtu)
{
	unsigned most = ICMP_ERROR_MAX - IP6_BYTES - ICMP_BYTES, quote = len < most ? len : most;
	uint8_t *icmp = to + IP6_BYTES;

	memset(to, 0, IP6_BYTES + ICMP_BYTES);
	put_be16(to, 0x6000 | TOS << 4);
	put_be16(to + 4, (uint16_t)(ICMP_BYTES + quote));
	to[6] = PROTO_ICMPV6;
	to[7] = TTL;
	memcpy(to + 8, from->b, 16);
	memcpy(to + 24, ip + 8, 16);
	icmp[0] = numbers[what].type6;
	icmp[1] = numbers[what].code6;
	if (what == ICMP_TOO_BIG)
		put_be32(icmp + 4, mtu);
	memcpy(icmp + ICMP_BYTES, ip, quote);
	put16(icmp + 2, icmp6_sum(to, icmp, ICMP_BYTES + quote));
	return IP6_BYTES + ICMP_BYTES + quote;
}

unsigned icmp_write(uint8_t to[ICMP_ERROR_MAX], const struct addr *from, const uint8_t *ip,
		    unsigned len, enum icmp_error what, unsigned mtu)
{
	return ip[0] >> 4 == 4 ? write4(to, from, ip, len, what, mtu)
			       : write6(to, from, ip, len, what, mtu);
}

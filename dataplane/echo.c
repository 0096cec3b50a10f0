#include "dataplane/echo.h"

#include "dataplane/nd.h"
#include "dataplane/packet.h"

#define TTL 64

static void swap(uint8_t *a, uint8_t *b, unsigned n)
{
	for (; n; n--, a++, b++) {
		uint8_t t = *a;

		*a = *b;
		*b = t;
	}
}

static bool echo4(uint8_t *ip, unsigned len)
{
	unsigned head = (ip[0] & 15) * 4u;
	uint8_t *icmp = ip + head;

	if (ip[9] != PROTO_ICMP || (get16(ip + 6) & rte_cpu_to_be_16(0x3fff)) || len < head + 8 ||
	    icmp[0] != 8 || icmp[1] != 0 || sum_fold(sum_bytes(icmp, len - head)) != 0xffff ||
	    (ip[16] & 0xf0) == 0xe0)
		return false;
	swap(ip + 12, ip + 16, 4);
	ip[8] = TTL;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, head));
	icmp[0] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, len - head)));
	return true;
}

static bool echo6(uint8_t *ip, unsigned len)
{
	uint8_t *icmp = ip + IP6_BYTES;
	unsigned n = len - IP6_BYTES;

	if (ip[6] != PROTO_ICMPV6 || n < 8 || icmp[0] != 128 || icmp[1] != 0 ||
	    icmp6_sum(ip, icmp, n) != 0 || ip[24] == 0xff)
		return false;
	swap(ip + 8, ip + 24, 16);
	ip[7] = TTL;
	icmp[0] = 129;
	put16(icmp + 2, 0);
	put16(icmp + 2, icmp6_sum(ip, icmp, n));
	return true;
}

bool echo_reply(uint8_t *ip, unsigned len)
{
	unsigned total;

	if (!ip_whole(ip, len, &total) || total != len)
		return false;
	return ip[0] >> 4 == 4 ? echo4(ip, len) : echo6(ip, len);
}

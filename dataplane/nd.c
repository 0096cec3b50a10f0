#include "dataplane/nd.h"

#include "dataplane/packet.h"

#define ND_SOLICITATION	  135
#define ND_ADVERTISEMENT  136
#define ND_FIXED	  24 /* ICMPv6 header and target */
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define FLAG_ROUTER	  0x80
#define FLAG_SOLICITED	  0x40
#define FLAG_OVERRIDE	  0x20

uint16_t icmp6_sum(const uint8_t *ip, const uint8_t *icmp, unsigned len)
{
	uint64_t sum = sum_bytes(ip + 8, 32) + sum_bytes(icmp, len);

	sum += rte_cpu_to_be_16((uint16_t)len);
	sum += rte_cpu_to_be_16(PROTO_ICMPV6);
	return (uint16_t)~sum_fold(sum);
}

static struct addr addr6(const uint8_t *p)
{
	struct addr a = { .family = ADDR_IPV6 };

	memcpy(a.b, p, 16);
	return a;
}

/* RFC 4861 §7.1.1 and §7.1.2: who has no address yet asks all, and says nothing of itself; nobody
 * answers to all. A group is nobody's MAC address: packets for one host would go to many. */
static bool is_valid(const struct nd *nd)
{
	struct addr all = nd_solicited_node(&nd->target);

	if (addr_is_multicast(&nd->target) || addr_is_multicast(&nd->src) ||
	    (nd->has_mac && (nd->mac[0] & 1)))
		return false;
	if (!nd->solicitation)
		return !(nd->solicited && addr_is_multicast(&nd->dst));
	return !addr_is_unspecified(&nd->src) || (addr_equal(&nd->dst, &all) && !nd->has_mac);
}

bool nd_read(struct nd *out, const uint8_t *ip, unsigned len)
{
	const uint8_t *icmp = ip + IP6_BYTES, *opt;
	unsigned total, left, want;

	if (!ip_whole(ip, len, &total) || ip[0] >> 4 != 6 || total < IP6_BYTES + ND_FIXED)
		return false;
	total -= IP6_BYTES;
	if (ip[6] != PROTO_ICMPV6 || ip[7] != 255 || icmp[1] != 0 ||
	    (icmp[0] != ND_SOLICITATION && icmp[0] != ND_ADVERTISEMENT) ||
	    icmp6_sum(ip, icmp, total) != 0)
		return false;
	memset(out, 0, sizeof(*out));
	out->solicitation = icmp[0] == ND_SOLICITATION;
	out->solicited = !out->solicitation && (icmp[4] & FLAG_SOLICITED);
	out->override = !out->solicitation && (icmp[4] & FLAG_OVERRIDE);
	out->src = addr6(ip + 8);
	out->dst = addr6(ip + 24);
	out->target = addr6(icmp + 8);
	want = out->solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	opt = icmp + ND_FIXED;
	for (left = total - ND_FIXED; left >= 8; left -= opt[1] * 8u, opt += opt[1] * 8u) {
		if (opt[1] == 0 || opt[1] * 8u > left)
			return false;
		if (opt[0] == want) {
			memcpy(out->mac, opt + 2, 6);
			out->has_mac = true;
		}
	}
	return left == 0 && is_valid(out);
}

void nd_write(uint8_t to[ND_BYTES], const struct nd *nd)
{
	uint8_t *icmp = to + IP6_BYTES;
	unsigned len = ND_FIXED + 8;

	memset(to, 0, ND_BYTES);
	to[0] = 0x60;
	put_be16(to + 4, (uint16_t)len);
	to[6] = PROTO_ICMPV6;
	to[7] = 255;
	memcpy(to + 8, nd->src.b, 16);
	memcpy(to + 24, nd->dst.b, 16);
	icmp[0] = nd->solicitation ? ND_SOLICITATION : ND_ADVERTISEMENT;
	if (!nd->solicitation)
		icmp[4] = (uint8_t)(FLAG_ROUTER | (nd->override ? FLAG_OVERRIDE : 0) |
				    (nd->solicited ? FLAG_SOLICITED : 0));
	memcpy(icmp + 8, nd->target.b, 16);
	icmp[ND_FIXED] = nd->solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	icmp[ND_FIXED + 1] = 1;
	memcpy(icmp + ND_FIXED + 2, nd->mac, 6);
	put16(icmp + 2, icmp6_sum(to, icmp, len));
}

struct addr nd_solicited_node(const struct addr *target)
{
	struct addr a = { .family = ADDR_IPV6,
			  .b = { 0xff, 2, [11] = 1, [12] = 0xff, target->b[13], target->b[14],
				 target->b[15] } };
	return a;
}

void nd_multicast_mac(uint8_t mac[6], const struct addr *group)
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

#include "gateway/packet_text.h"

#include "conf/addr.h"

#include <stdio.h>
#include <string.h>

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static const char *protocol(unsigned number, char buf[16])
{
	switch (number) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 50:
		return "esp";
	case 58:
		return "icmpv6";
	}
	snprintf(buf, 16, "protocol %u", number);
	return buf;
}

static const char *ip(char *buf, const uint8_t *p, size_t n, unsigned len)
{
	bool v4 = n > 0 && p[0] >> 4 == 4, v6 = n > 0 && p[0] >> 4 == 6;
	size_t head = v4 ? (p[0] & 15) * 4u : 40;
	struct addr src = { .family = v4 ? ADDR_IPV4 : ADDR_IPV6 }, dst = src;
	char from[ADDR_STR_MAX], to[ADDR_STR_MAX], other[16];
	unsigned proto;
	size_t at;

	if ((!v4 && !v6) || n < (v4 ? 20u : 40u)) {
		snprintf(buf, PACKET_TEXT_MAX, "no IP packet, %u bytes", len);
		return buf;
	}
	memcpy(src.b, p + (v4 ? 12 : 8), v4 ? 4 : 16);
	memcpy(dst.b, p + (v4 ? 16 : 24), v4 ? 4 : 16);
	proto = v4 ? p[9] : p[6];
	at = (size_t)snprintf(buf, PACKET_TEXT_MAX, "%s > %s %s", addr_format(&src, from),
			      addr_format(&dst, to), protocol(proto, other));
	if (v4 && (be16(p + 6) & 0x1fff))
		at += (size_t)snprintf(buf + at, PACKET_TEXT_MAX - at, " fragment at %u",
				       (be16(p + 6) & 0x1fff) * 8);
	else if ((proto == 6 || proto == 17) && n >= head + 4)
		at += (size_t)snprintf(buf + at, PACKET_TEXT_MAX - at, " %u > %u", be16(p + head),
				       be16(p + head + 2));
	else if (proto == 50 && n >= head + 8)
		at += (size_t)snprintf(buf + at, PACKET_TEXT_MAX - at, " SPI 0x%04x%04x",
				       be16(p + head), be16(p + head + 2));
	snprintf(buf + at, PACKET_TEXT_MAX - at, ", %u bytes", len);
	return buf;
}

const char *packet_text(char buf[PACKET_TEXT_MAX], const uint8_t *p, size_t n, unsigned len,
			bool frame)
{
	size_t at = 12;
	unsigned type;

	if (n > len)
		n = len;
	if (!frame)
		return ip(buf, p, n, len);
	if (n < 14) {
		snprintf(buf, PACKET_TEXT_MAX, "no frame, %u bytes", len);
		return buf;
	}
	type = be16(p + at);
	if (type == 0x8100 && n >= 18) {
		at += 4;
		type = be16(p + at);
	}
	if (type == 0x0800 || type == 0x86dd)
		return ip(buf, p + at + 2, n - at - 2, len - (unsigned)at - 2);
	if (type == 0x0806)
		snprintf(buf, PACKET_TEXT_MAX, "ARP, %u bytes", len);
	else
		snprintf(buf, PACKET_TEXT_MAX, "ethertype 0x%04x, %u bytes", type, len);
	return buf;
}

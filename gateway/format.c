#include "gateway/format.h"

#include <stdio.h>
#include <string.h>

const char *format_suite(enum algo_cipher cipher, enum algo_auth auth, char *buf)
{
	const size_t size = FORMAT_SUITE_MAX;

	if (auth == AUTH_NONE)
		snprintf(buf, size, "%s", algo_ciphers[cipher].name);
	else
		snprintf(buf, size, "%s-%s", algo_ciphers[cipher].name, algo_auths[auth].name);
	return buf;
}

/* The length of the prefix from first to last; -1: it is none. */
static int range_length(const struct addr *first, const struct addr *last)
{
	for (unsigned len = 0; len <= addr_bits(first); len++) {
		struct prefix p = { .addr = *first, .len = (uint8_t)len };
		struct addr low = prefix_first(&p), high = prefix_last(&p);

		if (addr_equal(&low, first) && addr_equal(&high, last))
			return (int)len;
	}
	return -1;
}

static const char *protocol_name(uint8_t protocol, char *buf, size_t size)
{
	switch (protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	}
	snprintf(buf, size, "%u", protocol);
	return buf;
}

const char *format_selector(const struct ike_selector *s, char *buf)
{
	const size_t size = FORMAT_SELECTOR_MAX;
	char first[ADDR_STR_MAX], last[ADDR_STR_MAX], number[8], ports[16] = "";
	bool any_port = s->port_first == 0 && s->port_last == UINT16_MAX;
	int len = range_length(&s->first, &s->last), n;

	addr_format(&s->first, first);
	addr_format(&s->last, last);
	if (len >= 0)
		n = snprintf(buf, size, "%s/%d", first, len);
	else
		n = snprintf(buf, size, "%s-%s", first, last);
	if (n < 0 || (size_t)n >= size || (s->protocol == 0 && any_port))
		return buf;
	/* RFC 7296 §3.13.1: first 65535 and last 0 is OPAQUE, ports are not to be seen. */
	if (s->port_first > s->port_last)
		snprintf(ports, sizeof(ports), "/opaque");
	else if (s->port_first == s->port_last)
		snprintf(ports, sizeof(ports), "/%u", s->port_first);
	else if (!any_port)
		snprintf(ports, sizeof(ports), "/%u-%u", s->port_first, s->port_last);
	snprintf(buf + n, size - (size_t)n, " %s%s",
		 s->protocol ? protocol_name(s->protocol, number, sizeof(number)) : "any", ports);
	return buf;
}

const char *format_age(uint64_t us, char buf[FORMAT_NUMBER_MAX])
{
	unsigned long long s = us / 1000000;

	if (s < 60)
		snprintf(buf, FORMAT_NUMBER_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(buf, FORMAT_NUMBER_MAX, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, FORMAT_NUMBER_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(buf, FORMAT_NUMBER_MAX, "%llud%02lluh", s / 86400, s / 3600 % 24);
	return buf;
}

const char *format_count(uint64_t value, char buf[FORMAT_NUMBER_MAX])
{
	char digits[FORMAT_NUMBER_MAX];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	char *to = buf;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

const char *format_bytes(uint64_t value, char buf[FORMAT_NUMBER_MAX])
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)value;
	unsigned u = 0;

	if (value < 1024) {
		snprintf(buf, FORMAT_NUMBER_MAX, "%llu B", (unsigned long long)value);
		return buf;
	}
	for (v /= 1024; v >= 1023.95 && u + 1 < sizeof(unit) / sizeof(unit[0]); u++)
		v /= 1024;
	snprintf(buf, FORMAT_NUMBER_MAX, "%.1f %s", v, unit[u]);
	return buf;
}

#include "conf/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool addr_parse(struct addr *out, const char *text)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, text, a.b) == 1)
		a.family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, text, a.b) == 1)
		a.family = ADDR_IPV6;
	else
		return false;
	*out = a;
	return true;
}

/* One to three digits, no sign, no leading zero. */
static bool length_parse(uint8_t *out, const char *text, unsigned max)
{
	unsigned v = 0;

	if (text[0] == '0' && text[1] != '\0')
		return false;
	if (text[0] == '\0' || strlen(text) > 3)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
	}
	if (v > max)
		return false;
	*out = (uint8_t)v;
	return true;
}

bool prefix_parse(struct prefix *out, const char *text)
{
	char host[ADDR_STR_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct prefix p = { 0 };

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!addr_parse(&p.addr, host))
		return false;
	p.len = (uint8_t)addr_bits(&p.addr);
	if (slash != NULL && !length_parse(&p.len, slash + 1, addr_bits(&p.addr)))
		return false;
	*out = p;
	return true;
}

const char *addr_format(const struct addr *a, char *buf)
{
	switch (a->family) {
	case ADDR_IPV4:
		return inet_ntop(AF_INET, a->b, buf, ADDR_STR_MAX);
	case ADDR_IPV6:
		return inet_ntop(AF_INET6, a->b, buf, ADDR_STR_MAX);
	default:
		return strcpy(buf, "none");
	}
}

const char *prefix_format(const struct prefix *p, char *buf)
{
	char host[ADDR_STR_MAX];

	snprintf(buf, PREFIX_STR_MAX, "%s/%u", addr_format(&p->addr, host), p->len);
	return buf;
}

const char *endpoint_format(const struct endpoint *e, char *buf)
{
	char host[ADDR_STR_MAX];
	const char *fmt = e->addr.family == ADDR_IPV6 ? "[%s]:%u" : "%s:%u";

	snprintf(buf, ENDPOINT_STR_MAX, fmt, addr_format(&e->addr, host), e->port);
	return buf;
}

struct addr addr_ipv4(uint32_t host_order)
{
	struct addr a = { .family = ADDR_IPV4 };
	uint32_t be = htonl(host_order);

	memcpy(a.b, &be, sizeof(be));
	return a;
}

uint32_t addr_to_ipv4(const struct addr *a)
{
	uint32_t be;

	memcpy(&be, a->b, sizeof(be));
	return ntohl(be);
}

size_t addr_bytes(const struct addr *a)
{
	switch (a->family) {
	case ADDR_IPV4:
		return 4;
	case ADDR_IPV6:
		return 16;
	default:
		return 0;
	}
}

unsigned addr_bits(const struct addr *a)
{
	return (unsigned)addr_bytes(a) * 8;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	switch (a->family) {
	case ADDR_IPV4:
		return (a->b[0] & 0xf0) == 0xe0 || addr_to_ipv4(a) == 0xffffffff;
	case ADDR_IPV6:
		return a->b[0] == 0xff;
	default:
		return false;
	}
}

/* The bits of byte i that a prefix of len bits fixes. */
static uint8_t mask_byte(unsigned len, unsigned i)
{
	if (len >= 8 * (i + 1))
		return 0xff;
	if (len <= 8 * i)
		return 0;
	return (uint8_t)(0xff00 >> (len - 8 * i));
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

bool prefix_is_network(const struct prefix *p)
{
	struct prefix net = prefix_network(p);

	return prefix_equal(p, &net);
}

struct prefix prefix_network(const struct prefix *p)
{
	struct prefix net = *p;

	for (unsigned i = 0; i < sizeof(net.addr.b); i++)
		net.addr.b[i] &= mask_byte(p->len, i);
	return net;
}

struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = (uint8_t)addr_bits(a) };
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	if (p->addr.family != a->family)
		return false;
	for (unsigned i = 0; i < addr_bytes(a); i++)
		if (((p->addr.b[i] ^ a->b[i]) & mask_byte(p->len, i)) != 0)
			return false;
	return true;
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

struct addr prefix_first(const struct prefix *p)
{
	return prefix_network(p).addr;
}

struct addr prefix_last(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned i = 0; i < addr_bytes(&a); i++)
		a.b[i] |= (uint8_t)~mask_byte(p->len, i);
	return a;
}

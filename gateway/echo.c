#include "gateway/echo.h"

#include <errno.h>
#include <string.h>

enum {
	ICMP4 = 1,
	ICMP4_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_EXPIRED = 11,
	ICMP6 = 58,
	ICMP6_UNREACHABLE = 1,
	ICMP6_EXPIRED = 3,
	ICMP6_ECHO = 128,
	ICMP6_REPLY = 129,
};
#define HEAD4	  20
#define HEAD6	  40
#define HEAD_ICMP 8

/* By the id's last bits: there may be one for each tunnel. */
static struct echo *list[1024];
static unsigned n_open;
static uint16_t last_id;

static struct echo **list_of(uint16_t id)
{
	return &list[id % (sizeof(list) / sizeof(list[0]))];
}

static void put16(uint8_t *to, size_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int echo_send(struct dataplane *dp, const struct echo *e, uint16_t sequence, uint8_t ttl,
	      size_t bytes)
{
	uint8_t ip[HEAD6 + HEAD_ICMP + ECHO_BYTES_MAX] = { 0 };
	bool v4 = e->source.family == ADDR_IPV4;
	size_t head = v4 ? HEAD4 : HEAD6, len = HEAD_ICMP + bytes;
	uint8_t *icmp = ip + head;
	uint32_t sum = 0;

	if (bytes > ECHO_BYTES_MAX)
		return -EMSGSIZE;
	icmp[0] = v4 ? ICMP4_ECHO : ICMP6_ECHO;
	put16(icmp + 4, e->id);
	put16(icmp + 6, sequence);
	for (size_t i = 0; i < bytes; i++)
		icmp[HEAD_ICMP + i] = (uint8_t)i;
	if (v4) {
		ip[0] = 0x45;
		put16(ip + 2, head + len);
		ip[8] = ttl;
		ip[9] = ICMP4;
		memcpy(ip + 12, e->source.b, 4);
		memcpy(ip + 16, e->destination.b, 4);
		put16(ip + 10, finish(add(0, ip, HEAD4)));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = ICMP6;
		ip[7] = ttl;
		memcpy(ip + 8, e->source.b, 16);
		memcpy(ip + 24, e->destination.b, 16);
		sum = add(add(0, ip + 8, 32), (uint8_t[]){ 0, ICMP6 }, 2) + (uint32_t)len;
	}
	put16(icmp + 2, finish(add(sum, icmp, len)));
	return dataplane_send_inner(dp, e->tunnel, ip, head + len);
}

/* ---- answers ----------------------------------------------------------------------------- */

/* An ICMP message behind an IPv4 header, or right behind an IPv6 header. NULL: it is none. */
static const uint8_t *icmp_of(const uint8_t *ip, size_t len, size_t *left)
{
	size_t head;

	if (len < HEAD4)
		return NULL;
	if (ip[0] >> 4 == 4)
		head = ip[9] == ICMP4 && !(get16(ip + 6) & 0x1fff) ? (ip[0] & 15) * 4u : 0;
	else
		head = len >= HEAD6 && ip[6] == ICMP6 ? HEAD6 : 0;
	if (head < HEAD4 || len < head + HEAD_ICMP)
		return NULL;
	*left = len - head;
	return ip + head;
}

static struct addr source_of(const uint8_t *ip)
{
	struct addr a = { .family = ip[0] >> 4 == 4 ? ADDR_IPV4 : ADDR_IPV6 };

	memcpy(a.b, a.family == ADDR_IPV4 ? ip + 12 : ip + 8, a.family == ADDR_IPV4 ? 4 : 16);
	return a;
}

/* The request that an error quotes; NULL: it is not about one of ours. */
static const uint8_t *quoted(const uint8_t *icmp, size_t left)
{
	size_t rest;
	const uint8_t *request = icmp_of(icmp + HEAD_ICMP, left - HEAD_ICMP, &rest);

	return request && (request[0] == ICMP4_ECHO || request[0] == ICMP6_ECHO) ? request : NULL;
}

static const uint8_t *request_of(const uint8_t *ip, const uint8_t *icmp, size_t left,
				 enum echo_kind *kind)
{
	bool v4 = ip[0] >> 4 == 4;

	if (icmp[0] == (v4 ? ICMP4_REPLY : ICMP6_REPLY)) {
		*kind = ECHO_REPLY;
		return icmp;
	}
	if (icmp[0] == (v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED))
		*kind = ECHO_EXPIRED;
	else if (icmp[0] == (v4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE))
		*kind = ECHO_UNREACHABLE;
	else
		return NULL;
	return quoted(icmp, left);
}

/* Is it an answer to one of our requests? Checksums are of no use here: it came out of a tunnel. */
static bool take(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	struct echo_answer a = { .len = len };
	size_t left;
	const uint8_t *icmp = n_open > 0 ? icmp_of(ip, len, &left) : NULL;
	const uint8_t *request = icmp ? request_of(ip, icmp, left, &a.kind) : NULL;

	struct echo *e = request ? *list_of(get16(request + 4)) : NULL;

	for (; e; e = e->next) {
		if (e->id != get16(request + 4) || e->tunnel != tunnel)
			continue;
		a.from = source_of(ip);
		a.sequence = get16(request + 6);
		a.ttl = ip[0] >> 4 == 4 ? ip[8] : ip[7];
		a.code = icmp[1];
		e->fn(e->ctx, &a);
		return true;
	}
	return false;
}

void echo_start(struct dataplane *dp)
{
	dataplane_main_answers(dp, take, NULL);
}

void echo_open(struct echo *e)
{
	struct echo **at;

	e->id = ++last_id;
	at = list_of(e->id);
	e->next = *at;
	*at = e;
	n_open++;
}

void echo_close(struct echo *e)
{
	for (struct echo **at = list_of(e->id); *at; at = &(*at)->next) {
		if (*at != e)
			continue;
		*at = e->next;
		n_open--;
		return;
	}
}

#include "tests/bgp/speaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPEN = 1, UPDATE, NOTIFICATION, KEEPALIVE };

#define HEADER	 19
#define MESSAGE	 4096
#define AS_TRANS 23456

void speaker_init(struct speaker *s, uint8_t last, uint32_t asn, uint16_t port)
{
	*s = (struct speaker){ .fd = -1, .asn = asn, .port = port, .last = last };
}

void speaker_close(struct speaker *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->out);
	s->fd = -1;
	s->established = false;
	s->out = NULL;
	s->n_out = s->out_room = s->n_in = 0;
}

/* ---- messages ----------------------------------------------------------------------------- */

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static void send_out(struct speaker *s)
{
	ssize_t n;

	if (s->fd < 0 || s->n_out == 0)
		return;
	n = send(s->fd, s->out, s->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n <= 0)
		return;
	s->n_out -= (size_t)n;
	memmove(s->out, s->out + n, s->n_out);
}

static void queue(struct speaker *s, uint8_t type, const uint8_t *body, size_t n)
{
	size_t room = s->n_out + HEADER + n;

	if (s->fd < 0)
		return;
	if (room > s->out_room) {
		s->out_room = 2 * room;
		s->out = realloc(s->out, s->out_room);
		if (!s->out)
			abort();
	}
	memset(s->out + s->n_out, 0xff, 16);
	put16(s->out + s->n_out + 16, (uint16_t)(HEADER + n));
	s->out[s->n_out + 18] = type;
	if (n > 0)
		memcpy(s->out + s->n_out + HEADER, body, n);
	s->n_out += HEADER + n;
}

static void say_open(struct speaker *s)
{
	uint8_t body[64] = { 4 }, *p = body + 12;

	put16(body + 1, s->asn > UINT16_MAX ? AS_TRANS : (uint16_t)s->asn);
	put32(body + 5, 0x0a000000u + s->last); /* identifier; hold time stays 0 */
	memcpy(p, (uint8_t[]){ 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4 }, 14);
	put32(p + 14, s->asn);
	p += 18;
	if (s->graceful) {
		memcpy(p, (uint8_t[]){ 64, 10, 0, 120, 0, 1, 1, 0x80, 0, 2, 1, 0x80 }, 12);
		p += 12;
	}
	body[9] = (uint8_t)(p - body - 10); /* optional parameters: one, of capabilities */
	body[10] = 2;
	body[11] = (uint8_t)(p - body - 12);
	queue(s, OPEN, body, (size_t)(p - body));
}

static size_t put_prefix(uint8_t *p, const struct prefix *prefix)
{
	size_t n = (prefix->len + 7u) / 8;

	p[0] = prefix->len;
	memcpy(p + 1, prefix->addr.b, n);
	return n + 1;
}

/* Attributes that every announcement has; their size. */
static size_t put_attributes(const struct speaker *s, uint8_t *p, unsigned length)
{
	uint8_t *start = p;

	memcpy(p, (uint8_t[]){ 0x40, 1, 1, 0, 0x50, 2 }, 6); /* ORIGIN IGP, AS_PATH */
	put16(p + 6, (uint16_t)(2 + 4 * length));
	p[8] = 2;
	p[9] = (uint8_t)length;
	for (p += 10; length > 0; length--, p += 4)
		put32(p, s->asn);
	return (size_t)(p - start);
}

static void announce4(struct speaker *s, const struct prefix *prefix, size_t n, unsigned length)
{
	while (n > 0) {
		uint8_t body[MESSAGE - HEADER];
		size_t at = 4 + put_attributes(s, body + 4, length);

		memcpy(body + at, (uint8_t[]){ 0x40, 3, 4, 127, 0, 0, s->last }, 7);
		at += 7;
		put16(body, 0);
		put16(body + 2, (uint16_t)(at - 4));
		for (; n > 0 && at + 5 <= sizeof(body); n--)
			at += put_prefix(body + at, prefix++);
		queue(s, UPDATE, body, at);
	}
}

/* RFC 4760: both kinds of change are attributes. */
static void update6(struct speaker *s, const struct prefix *prefix, size_t n, unsigned length)
{
	while (n > 0) {
		uint8_t body[MESSAGE - HEADER];
		size_t at = 4 + (length ? put_attributes(s, body + 4, length) : 0), start = at;

		memcpy(body + at, (uint8_t[]){ 0x90, length ? 14 : 15, 0, 0, 0, 2, 1 }, 7);
		at += 7;
		if (length) {
			memset(body + at, 0, 18);
			memcpy(body + at, (uint8_t[]){ 16, 0x20, 1, 0xd, 0xb8 }, 5);
			body[at + 16] = s->last;
			at += 18;
		}
		for (; n > 0 && at + 17 <= sizeof(body); n--)
			at += put_prefix(body + at, prefix++);
		put16(body + start + 2, (uint16_t)(at - start - 4));
		put16(body, 0);
		put16(body + 2, (uint16_t)(at - 4));
		queue(s, UPDATE, body, at);
	}
}

void speaker_announce(struct speaker *s, const struct prefix *prefix, size_t n, unsigned length)
{
	if (n > 0 && prefix->addr.family == ADDR_IPV6)
		update6(s, prefix, n, length);
	else
		announce4(s, prefix, n, length);
	send_out(s);
}

void speaker_withdraw(struct speaker *s, const struct prefix *prefix, size_t n)
{
	if (n > 0 && prefix->addr.family == ADDR_IPV6) {
		update6(s, prefix, n, 0);
		n = 0;
	}
	while (n > 0) {
		uint8_t body[MESSAGE - HEADER];
		size_t at = 2;

		for (; n > 0 && at + 5 + 2 <= sizeof(body); n--)
			at += put_prefix(body + at, prefix++);
		put16(body, (uint16_t)(at - 2));
		put16(body + at, 0);
		queue(s, UPDATE, body, at + 2);
	}
	send_out(s);
}

void speaker_end_of_rib(struct speaker *s)
{
	queue(s, UPDATE, (uint8_t[]){ 0, 0, 0, 0 }, 4);
	queue(s, UPDATE, (uint8_t[]){ 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1 }, 10);
	send_out(s);
}

/* ---- the session -------------------------------------------------------------------------- */

static void hear(struct speaker *s, uint8_t type)
{
	if (type == OPEN)
		queue(s, KEEPALIVE, NULL, 0);
	else if (type == KEEPALIVE)
		s->established = true;
	else if (type == NOTIFICATION)
		speaker_close(s);
}

static void read_in(struct speaker *s)
{
	while (s->fd >= 0) {
		ssize_t n = recv(s->fd, s->in + s->n_in, sizeof(s->in) - s->n_in, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
			return;
		if (n <= 0) {
			speaker_close(s);
			return;
		}
		s->n_in += (size_t)n;
		while (s->fd >= 0 && s->n_in >= HEADER) {
			size_t length = (size_t)s->in[16] << 8 | s->in[17];

			if (length < HEADER || length > sizeof(s->in)) {
				speaker_close(s);
				return;
			}
			if (s->n_in < length)
				break;
			hear(s, s->in[18]);
			if (s->fd < 0)
				return;
			s->n_in -= length;
			memmove(s->in, s->in + length, s->n_in);
		}
	}
}

static void connect_peer(struct speaker *s)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	int one = 1;

	from.sin_addr.s_addr = htonl(0x7f000000u + s->last);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(s->port);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return;
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* On the loopback a connection is made or refused at once. */
	if (bind(s->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(s->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		speaker_close(s);
		return;
	}
	say_open(s);
}

void speaker_run(struct speaker *s)
{
	if (s->fd < 0)
		connect_peer(s);
	read_in(s);
	send_out(s);
}

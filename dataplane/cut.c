#include "dataplane/cut.h"

#define MORE 0x2000

#define OPTION_END  0
#define OPTION_NOP  1
#define OPTION_COPY 0x80 /* into every fragment */

/* The header of all fragments but the first one: options that are not for each are left out.
 * Returns its length, without fields of its own set. */
static unsigned later_header(uint8_t *to, const uint8_t *ip, unsigned head)
{
	unsigned at = IP4_BYTES, n = IP4_BYTES, len;

	memcpy(to, ip, IP4_BYTES);
	for (; at < head && ip[at] != OPTION_END; at += len) {
		len = ip[at] == OPTION_NOP ? 1 : at + 1 < head ? ip[at + 1] : 0;
		if (len == 0 || at + len > head || (len == 1 && ip[at] != OPTION_NOP))
			break;
		if (!(ip[at] & OPTION_COPY))
			continue;
		memcpy(to + n, ip + at, len);
		n += len;
	}
	while (n % 4)
		to[n++] = OPTION_END;
	to[0] = (uint8_t)(0x40 | n / 4);
	return n;
}

/* Payload bytes of a fragment; 0: the header alone is too much. */
static unsigned room(unsigned mtu, unsigned head)
{
	return mtu < head + 8 ? 0 : (mtu - head) & ~7u;
}

bool cut_begin(struct cut *c, const uint8_t *ip, unsigned total, unsigned mtu, uint32_t id)
{
	unsigned head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES, word;

	*c = (struct cut){ .data = ip + head, .bytes = total - head, .v6 = ip[0] >> 4 == 6 };
	memcpy(c->header[0], ip, head);
	if (c->v6) {
		c->head[0] = c->head[1] = IP6_BYTES + FRAGMENT_BYTES;
		c->header[0][6] = PROTO_FRAGMENT;
		memset(c->header[0] + IP6_BYTES, 0, FRAGMENT_BYTES);
		c->header[0][IP6_BYTES] = ip[6];
		put_be32(c->header[0] + IP6_BYTES + 4, id);
		memcpy(c->header[1], c->header[0], c->head[1]);
	} else {
		word = get_be16(ip + 6);
		c->at = (word & 0x1fff) * 8;
		c->more = word & MORE;
		c->head[0] = head;
		c->head[1] = later_header(c->header[1], ip, head);
	}
	c->first = RTE_MIN(room(mtu, c->head[0]), c->bytes);
	c->each = room(mtu, c->head[1]);
	/* No datagram is larger (RFC 791 §3.1). */
	if (!c->first || !c->each || c->at + c->bytes > UINT16_MAX)
		return false;
	c->pieces = 1 + (c->bytes - c->first + c->each - 1) / c->each;
	return true;
}

/* The i-th piece's bytes of data, from *at on. */
static unsigned part(const struct cut *c, unsigned i, unsigned *at)
{
	*at = i ? c->first + (i - 1) * c->each : 0;
	return i ? RTE_MIN(c->each, c->bytes - *at) : c->first;
}

/* Its header's own fields. */
static void finish(const struct cut *c, unsigned i, uint8_t *ip)
{
	unsigned at, n = part(c, i, &at), offset = c->at + at;
	bool more = c->more || at + n < c->bytes;

	if (c->v6) {
		put_be16(ip + 4, (uint16_t)(FRAGMENT_BYTES + n));
		put_be16(ip + IP6_BYTES + 2, (uint16_t)(offset | more));
		return;
	}
	put_be16(ip + 2, (uint16_t)(c->head[i > 0] + n));
	put_be16(ip + 6, (uint16_t)((more ? MORE : 0) | offset / 8));
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, c->head[i > 0]));
}

void cut_write(const struct cut *c, struct rte_mbuf *m, unsigned i)
{
	unsigned at, n = part(c, i, &at), head = c->head[i > 0];
	uint8_t *to = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + n));

	memcpy(to, c->header[i > 0], head);
	memcpy(to + head, c->data + at, n);
	finish(c, i, to);
}

void cut_keep_first(const struct cut *c, struct rte_mbuf *m)
{
	m->data_len = (uint16_t)(c->head[0] + c->first);
	m->pkt_len = m->data_len;
	finish(c, 0, packet(m));
}

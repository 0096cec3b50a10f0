#include "dataplane/fit.h"

#include "dataplane/reassemble.h"
#include "dataplane/worker.h"

#include <errno.h>

#define FRAGMENTS_MAX 64

#define MORE 0x2000
#define DONT 0x4000

#define OPTION_END  0
#define OPTION_NOP  1
#define OPTION_COPY 0x80 /* into every fragment */

/* ---- fragments ---------------------------------------------------------------------------- */

/* An IP packet about to be cut. Index 0: the first piece; 1: each later one. */
struct cut {
	const uint8_t *data; /* behind its header */
	unsigned bytes, at;  /* of that; where in a datagram that was cut before */
	bool v6, more;	     /* others of that datagram follow */
	unsigned head[2];
	uint8_t header[2][60];
};

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

/* IPv6: without extension headers; id names the datagram. */
static void cut_begin(struct cut *c, const uint8_t *ip, unsigned total, uint32_t id)
{
	unsigned head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES, word;

	*c = (struct cut){ .data = ip + head, .bytes = total - head, .v6 = ip[0] >> 4 == 6 };
	memcpy(c->header[0], ip, head);
	if (!c->v6) {
		word = get_be16(ip + 6);
		c->at = (word & 0x1fff) * 8;
		c->more = word & MORE;
		c->head[0] = head;
		c->head[1] = later_header(c->header[1], ip, head);
		return;
	}
	c->head[0] = c->head[1] = IP6_BYTES + FRAGMENT_BYTES;
	c->header[0][6] = PROTO_FRAGMENT;
	memset(c->header[0] + IP6_BYTES, 0, FRAGMENT_BYTES);
	c->header[0][IP6_BYTES] = ip[6];
	put_be32(c->header[0] + IP6_BYTES + 4, id);
	memcpy(c->header[1], c->header[0], c->head[1]);
}

/* The piece from data byte `at` on, n of them: its header's own fields. */
static void cut_finish(const struct cut *c, uint8_t *ip, unsigned at, unsigned n)
{
	unsigned head = c->head[at > 0], offset = c->at + at;
	bool more = c->more || at + n < c->bytes;

	if (c->v6) {
		put_be16(ip + 4, (uint16_t)(FRAGMENT_BYTES + n));
		put_be16(ip + IP6_BYTES + 2, (uint16_t)(offset | more));
		return;
	}
	put_be16(ip + 2, (uint16_t)(head + n));
	put_be16(ip + 6, (uint16_t)((more ? MORE : 0) | offset / 8));
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, head));
}

static void cut_write(const struct cut *c, struct rte_mbuf *m, unsigned at, unsigned n)
{
	unsigned head = c->head[at > 0];
	uint8_t *to = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + n));

	memcpy(to, c->header[at > 0], head);
	memcpy(to + head, c->data + at, n);
	cut_finish(c, to, at, n);
}

/* Payload bytes of a fragment; 0: the header alone is too much. */
static unsigned room(unsigned mtu, unsigned head)
{
	return mtu < head + 8 ? 0 : (mtu - head) & ~7u;
}

static void again(struct worker *w, struct rte_mbuf *m, struct tag tag)
{
	*tag_of(m) = tag;
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_AGAIN, 0);
	if (rte_ring_sp_enqueue(w->again, m) != 0)
		worker_drop(w, m, DROP_NO_BUFFER);
}

/* Its fragments take their way again as tag says. -EMSGSIZE, -ENOBUFS: nothing happened. */
static int fragment(struct worker *w, struct rte_mbuf *m, unsigned mtu, uint32_t id, struct tag tag)
{
	struct rte_mbuf *piece[FRAGMENTS_MAX], **later = piece + 1;
	/* The first one stays where it is, but not in a buffer of which there are few. */
	bool stays = packet(m)[0] >> 4 == 4 && m->buf_len < REASSEMBLE_BUFFER;
	unsigned first, each, n, at;
	struct cut c;

	cut_begin(&c, packet(m), m->data_len, id);
	first = room(mtu, c.head[0]);
	each = room(mtu, c.head[1]);
	if (!first || !each)
		return -EMSGSIZE;
	if (c.at + c.bytes > UINT16_MAX)
		return -EMSGSIZE; /* of no datagram that there can be (RFC 791 §3.1) */
	first = RTE_MIN(first, c.bytes);
	n = (c.bytes - first + each - 1) / each;
	if (n >= FRAGMENTS_MAX || rte_ring_free_count(w->again) < n + 1 ||
	    rte_pktmbuf_alloc_bulk(w->pool, stays ? later : piece, n + !stays) != 0)
		return -ENOBUFS;
	for (at = first; at < c.bytes; at += each)
		cut_write(&c, *later++, at, RTE_MIN(each, c.bytes - at));
	if (stays) {
		piece[0] = m;
		m->data_len = (uint16_t)(c.head[0] + first);
		m->pkt_len = m->data_len;
		cut_finish(&c, packet(m), 0, first);
	} else {
		cut_write(&c, piece[0], 0, first);
		rte_pktmbuf_free(m);
	}
	for (unsigned i = 0; i <= n; i++)
		again(w, piece[i], tag);
	return 0;
}

/* error: what main tells the sender, if it may not be cut. False: it does not go on. */
static bool fit(struct worker *w, struct rte_mbuf *m, unsigned mtu, struct tag tag,
		struct tag error)
{
	const uint8_t *ip = packet(m);
	bool v6 = ip[0] >> 4 == 6;
	int rc;

	if (v6 || (get_be16(ip + 6) & DONT)) {
		if (v6 && error.size < IP6_LEAST_MTU)
			error.size = IP6_LEAST_MTU; /* of no use to its sender (RFC 8200 §5) */
		*tag_of(m) = error;
		punt_error(w, m, DROP_TOO_BIG);
		return false;
	}
	rc = fragment(w, m, mtu, 0, tag);
	if (rc)
		worker_drop(w, m, rc == -EMSGSIZE ? DROP_TOO_BIG : DROP_NO_BUFFER);
	return rc == 0;
}

void fit_tunnel(struct worker *w, struct rte_mbuf *m, uint32_t tunnel, unsigned mtu)
{
	if (!fit(w, m, mtu, (struct tag){ .kind = TAG_ESP_OUT, .value = tunnel },
		 (struct tag){ .kind = TAG_PUNT_TOO_BIG,
			       .size = (uint16_t)mtu,
			       .value = tunnel | NEXTHOP_LOCAL_TUNNEL }))
		counter_add(&w->tables->tunnel_drop[tunnel][DROP_TOO_BIG], 1);
}

void fit_link(struct worker *w, struct rte_mbuf *m, uint32_t nh, uint32_t interface, unsigned mtu)
{
	fit(w, m, mtu, (struct tag){ .kind = TAG_LINK, .value = nh },
	    (struct tag){ .kind = TAG_PUNT_TOO_BIG, .size = (uint16_t)mtu, .value = interface });
}

void fit_outer(struct worker *w, struct rte_mbuf *m, uint32_t nh, unsigned most, uint32_t spi,
	       uint64_t seq)
{
	uint8_t *ip = packet(m);
	int rc;

	if (ip[0] >> 4 == 4) {
		put16(ip + 6, 0);
		put_be16(ip + 4, (uint16_t)seq);
	}
	rc = fragment(w, m, most, spi ^ (uint32_t)seq,
		      (struct tag){ .kind = TAG_LINK, .value = nh });
	if (rc)
		worker_drop(w, m, rc == -EMSGSIZE ? DROP_TOO_BIG : DROP_NO_BUFFER);
}

/* ---- TCP's segments ----------------------------------------------------------------------- */

#define MSS_OPTION 2

void fit_segments(uint8_t *ip, unsigned len, unsigned mtu)
{
	bool v4 = ip[0] >> 4 == 4;
	unsigned head = v4 ? (ip[0] & 15) * 4u : IP6_BYTES, end, at, size, odd;
	unsigned most = mtu - (v4 ? IP4_BYTES : IP6_BYTES) - 20;
	uint8_t *tcp = ip + head;
	uint16_t old;

	if (len < head + 20 || (v4 && (get_be16(ip + 6) & 0x1fff)) || !(tcp[13] & TCP_SYN))
		return;
	end = (tcp[12] >> 4) * 4u;
	if (end > len - head)
		return;
	for (at = 20; at + 1 < end && tcp[at] != OPTION_END; at += size) {
		size = tcp[at] == OPTION_NOP ? 1 : tcp[at + 1];
		if (size == 0 || at + size > end)
			return;
		if (tcp[at] != MSS_OPTION || size != 4)
			continue;
		old = get16(tcp + at + 2);
		if (rte_be_to_cpu_16(old) <= most)
			return;
		put_be16(tcp + at + 2, (uint16_t)most);
		odd = at & 1; /* the word lies across two of the checksum's */
		sum_update(tcp + 16, odd ? rte_bswap16(old) : old,
			   odd ? rte_bswap16(get16(tcp + at + 2)) : get16(tcp + at + 2));
		return;
	}
}

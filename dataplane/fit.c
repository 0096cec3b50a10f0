#include "dataplane/fit.h"

#include "dataplane/worker.h"

#include <errno.h>

#define FRAGMENTS_MAX 64

#define MORE 0x2000
#define DONT 0x4000

#define OPTION_END  0
#define OPTION_NOP  1
#define OPTION_COPY 0x80 /* into every fragment */

/* ---- fragments ---------------------------------------------------------------------------- */

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

static void finish(uint8_t *ip, unsigned head, unsigned total, unsigned offset_and_flags)
{
	put_be16(ip + 2, (uint16_t)total);
	put_be16(ip + 6, (uint16_t)offset_and_flags);
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, head));
}

/* Payload bytes of the first and of each later fragment; 0: the header alone is too much. */
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
static int fragment(struct worker *w, struct rte_mbuf *m, unsigned mtu, struct tag tag)
{
	uint8_t *ip = packet(m), header[60];
	unsigned head = (ip[0] & 15) * 4u, total = m->data_len, at, n, i;
	unsigned later = later_header(header, ip, head), word = get_be16(ip + 6);
	unsigned first = room(mtu, head), each = room(mtu, later), offset = word & 0x1fff;
	struct rte_mbuf *more[FRAGMENTS_MAX];

	if (!first || !each)
		return -EMSGSIZE;
	if (offset * 8 + (total - head) > UINT16_MAX)
		return -EMSGSIZE; /* of no datagram that there can be (RFC 791 §3.1) */
	n = (total - head - first + each - 1) / each;
	if (n > FRAGMENTS_MAX || rte_ring_free_count(w->again) < n + 1 ||
	    rte_pktmbuf_alloc_bulk(w->pool, more, n) != 0)
		return -ENOBUFS;
	at = head + first;
	for (i = 0; i < n; i++) {
		unsigned bytes = RTE_MIN(each, total - at), flags = word & MORE;
		uint8_t *to = (uint8_t *)rte_pktmbuf_append(more[i], (uint16_t)(later + bytes));

		memcpy(to, header, later);
		memcpy(to + later, ip + at, bytes);
		if (i + 1 < n)
			flags = MORE;
		finish(to, later, later + bytes, flags | (offset + (at - head) / 8));
		at += bytes;
	}
	m->data_len = (uint16_t)(head + first);
	m->pkt_len = m->data_len;
	finish(ip, head, head + first, MORE | offset);
	again(w, m, tag);
	for (i = 0; i < n; i++)
		again(w, more[i], tag);
	return 0;
}

/* error: what main tells the sender, if it may not be cut. False: it does not go on. */
static bool fit(struct worker *w, struct rte_mbuf *m, unsigned mtu, struct tag tag,
		struct tag error)
{
	const uint8_t *ip = packet(m);
	int rc;

	if (ip[0] >> 4 == 6 || (get_be16(ip + 6) & DONT)) {
		*tag_of(m) = error;
		punt_error(w, m, DROP_TOO_BIG);
		return false;
	}
	rc = fragment(w, m, mtu, tag);
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
		w->tables->tunnel_drop[tunnel][DROP_TOO_BIG]++;
}

void fit_link(struct worker *w, struct rte_mbuf *m, uint32_t nh, uint32_t interface, unsigned mtu)
{
	fit(w, m, mtu, (struct tag){ .kind = TAG_LINK, .value = nh },
	    (struct tag){ .kind = TAG_PUNT_TOO_BIG, .size = (uint16_t)mtu, .value = interface });
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

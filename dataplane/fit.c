#include "dataplane/fit.h"

#include "dataplane/cut.h"
#include "dataplane/reassemble.h"
#include "dataplane/worker.h"

#include <errno.h>

#define FRAGMENTS_MAX 64

#define DONT 0x4000

#define OPTION_END 0
#define OPTION_NOP 1

/* ---- fragments ---------------------------------------------------------------------------- */

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
	struct rte_mbuf *piece[FRAGMENTS_MAX];
	/* The first one stays where it is, but not in a buffer of which there are few. */
	bool stays = packet(m)[0] >> 4 == 4 && m->buf_len < REASSEMBLE_BUFFER;
	struct cut c;

	if (!cut_begin(&c, packet(m), m->data_len, mtu, id))
		return -EMSGSIZE;
	if (c.pieces > FRAGMENTS_MAX || rte_ring_free_count(w->again) < c.pieces ||
	    rte_pktmbuf_alloc_bulk(w->pool, piece + stays, c.pieces - stays) != 0)
		return -ENOBUFS;
	for (unsigned i = stays; i < c.pieces; i++)
		cut_write(&c, piece[i], i);
	if (stays) {
		piece[0] = m;
		cut_keep_first(&c, m);
	} else {
		rte_pktmbuf_free(m);
	}
	for (unsigned i = 0; i < c.pieces; i++)
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

/* Outbound ESP: number, size, trailer, outer header, encrypt (RFC 4303 §3.3). */
#include "dataplane/crypt.h"
#include "dataplane/fit.h"
#include "dataplane/limit.h"
#include "dataplane/lookup.h"
#include "dataplane/packet.h"
#include "dataplane/policer.h"
#include "dataplane/sa.h"
#include "dataplane/select.h"
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#define TRAILER_BYTES 2	 /* pad length, next header */
#define ROOM_BEFORE   96 /* bytes before a packet that all our headers and the link's fit into */

struct run {
	struct sa *sa;
	uint32_t packets, bytes, wire;
};

static void run_end(struct worker *w, const struct run *r)
{
	if (!r->packets)
		return;
	counter_add(&r->sa->packets, r->packets);
	counter_add(&r->sa->bytes, r->bytes);
	counter_add(&r->sa->wire_bytes, r->wire);
	counter_add(&w->stats.esp_out_packets, r->packets);
}

static unsigned way_mtu(const struct tables *t, uint32_t nh)
{
	const struct interface *i;

	if (nexthop_kind(nh) == NEXTHOP_NEIGHBOUR)
		return t->neighbour[nexthop_index(nh)].mtu;
	i = nexthop_kind(nh) == NEXTHOP_LINK
		    ? atomic_load_explicit(&t->interface[nexthop_index(nh)], memory_order_acquire)
		    : NULL;
	return i ? i->mtu : UINT16_MAX;
}

void esp_out_find_way(const struct tables *t, struct sa *sa, uint32_t epoch)
{
	struct tunnel *tunnel = &t->tunnel[sa->tunnel];
	unsigned room;

	sa->nexthop = lookup(t, DATAPLANE_UNDERLAY, sa->head);
	room = way_mtu(t, sa->nexthop);
	if (sa->path_mtu && sa->path_mtu < room)
		room = sa->path_mtu;
	sa->mtu = sa_payload_max(sa, room);
	if (tunnel->mtu_most && tunnel->mtu_most < sa->mtu)
		sa->mtu = tunnel->mtu_most;
	__atomic_store_n(&tunnel->mtu, sa->mtu, __ATOMIC_RELAXED);
	sa->epoch = epoch;
}

static bool has_way(const struct sa *sa)
{
	enum nexthop_kind kind = nexthop_kind(sa->nexthop);

	return kind == NEXTHOP_NEIGHBOUR || kind == NEXTHOP_LINK;
}

/* The bytes 1, 2, 3, ... of RFC 4303 §2.4, then pad length and next header. */
static inline void write_trailer(uint8_t *p, unsigned pad, unsigned next)
{
	static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	if (pad <= 3) {
		/* The usual case of a counter mode: four bytes that hold any of its trailers. */
		memcpy(p, padding, 4);
	} else {
		memcpy(p, padding, 16);
	}
	p[pad] = (uint8_t)pad;
	p[pad + 1] = (uint8_t)next;
}

/* What packets want when everything is in its place. */
enum {
	LATER_SUM = 1 << 0, /* sum_udp6() */
	LATER_CUT = 1 << 1, /* cut() */
};

/* DSCP and ECN go with the packet (RFC 4301 §5.1.2.1, RFC 6040 §4.1). */
static inline unsigned write_head(const struct sa *sa, uint8_t *outer, unsigned total,
				  const uint8_t *inner)
{
	unsigned tos;

	if (inner[0] >> 4 == 4)
		tos = inner[1];
	else
		tos = get_be16(inner) >> 4 & 0xff;
	if (likely(!(sa->flags & SA_IPV6))) {
		uint16_t length = rte_cpu_to_be_16((uint16_t)total);

		memcpy(outer, sa->head, IP4_BYTES);
		if (sa->flags & SA_UDP) {
			memcpy(outer + IP4_BYTES, sa->head + IP4_BYTES, UDP_BYTES);
			put_be16(outer + IP4_BYTES + 4, (uint16_t)(total - IP4_BYTES));
		}
		outer[1] = (uint8_t)tos;
		put16(outer + 2, length);
		/* The template's checksum is that of the header without these two. */
		put16(outer + 10, (uint16_t)~sum_fold((uint64_t)(uint16_t)~get16(sa->head + 10) +
						      length + rte_cpu_to_be_16((uint16_t)tos)));
		return 0;
	}
	memcpy(outer, sa->head, sizeof(sa->head));
	put_be16(outer, (uint16_t)(0x6000 | tos << 4));
	put_be16(outer + 4, (uint16_t)(total - IP6_BYTES));
	if (!(sa->flags & SA_UDP))
		return 0;
	put_be16(outer + IP6_BYTES + 4, (uint16_t)(total - IP6_BYTES));
	return LATER_SUM;
}

/* IPv6 knows no UDP without a checksum (RFC 8200 §8.1), and hosts drop what has none. */
static __rte_noinline void sum_udp6(const struct crypt_op *op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *udp = op[i].esp - UDP_BYTES;

		if ((op[i].sa->flags & (SA_IPV6 | SA_UDP)) == (SA_IPV6 | SA_UDP))
			put16(udp + 6, packet_udp_sum(udp - IP6_BYTES, udp,
						      UDP_BYTES + op[i].len + op[i].sa->icv_bytes));
	}
}

/* A packet that may be fragmented on its way needs an identification of its own (RFC 6864 §4.3). */
static __rte_noinline void write_df(const struct sa *sa, uint8_t *outer, const uint8_t *inner)
{
	bool inner_df = inner[0] >> 4 == 6 || (inner[6] & 0x40);

	if ((sa->flags & SA_IPV6) || ((sa->flags & SA_DF_COPY) && inner_df))
		return;
	outer[6] &= (uint8_t)~0x40;
	put_be16(outer + 4, (uint16_t)(sa->sequence + 1));
	put16(outer + 10, 0);
	put16(outer + 10, ip4_sum(outer, IP4_BYTES));
}

/* The SAs in use by the lane's tunnels. Another worker's tunnels are its matter. */
static unsigned find(struct worker *w, struct burst *b, struct crypt_op *op)
{
	unsigned i, n = 0;

	for (i = 0; i < b->n_out; i++) {
		struct sa *sa = w->tables->out[b->out_tunnel[i]];
		unsigned owner = w->tables->owner[b->out_tunnel[i]];
		struct rte_mbuf *m = b->out[i];

		if (unlikely(owner != w->index)) {
			tag_set(m, TAG_ESP_OUT, 0, b->out_tunnel[i]);
			worker_hand_over(w, owner, m);
			continue;
		}
		if (unlikely(!sa)) {
			worker_want(w, b->out_tunnel[i]);
			worker_drop_of(w, m, DROP_NO_TUNNEL_UP, b->out_tunnel[i]);
			continue;
		}
		op[n].sa = sa;
		b->out[n++] = m;
	}
	return n;
}

/* Does a packet that is larger than the tunnel's MTU go whole all the same, in an outer packet that
 * is cut? IPv6 up to what its links must take (RFC 8200 §5, RFC 2473 §7.1); and what would have no
 * ports any more that the SA's selectors could be compared with, had it been cut (RFC 4301 §7). */
static bool goes_whole(const struct sa *sa, const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	if (ip[0] >> 4 == 6)
		return m->data_len <= IP6_LEAST_MTU;
	return (sa->flags & SA_PORTS) && !(ip[6] & 0x40);
}

/* The first of the tunnel's SAs, from this one on, whose selectors let a packet through, if the
 * bandwidth does. What is too long is asked about piece by piece. */
static struct sa *selected(struct worker *w, struct sa *sa, struct rte_mbuf *m)
{
	uint32_t tunnel = sa->tunnel;
	unsigned flags = 0;

	while (sa && sa->flags & SA_SELECTORS && !select_packet(sa, packet(m), m->data_len)) {
		flags |= sa->flags;
		sa = sa->beside;
	}
	if (!sa) {
		worker_drop_of(w, m, select_refusal(flags, packet(m), m->data_len), tunnel);
		return NULL;
	}
	if ((sa->flags & SA_METER) && (m->data_len <= sa->mtu || goes_whole(sa, m)) &&
	    !policer_pass(__atomic_load_n(&w->tables->tunnel[tunnel].policer, __ATOMIC_ACQUIRE),
			  false, w->tsc, m->data_len)) {
		worker_drop_of(w, m, DROP_BANDWIDTH, tunnel);
		return NULL;
	}
	return sa;
}

/* Its packets, bytes or sequence numbers may be used up, or soon. */
static __rte_noinline bool ask(struct worker *w, struct sa *sa, struct rte_mbuf *m,
			       uint64_t packets, uint64_t bytes)
{
	if (limit_admit(w, sa, sa->packets + packets, sa->bytes + bytes, m->data_len, sa->sequence))
		return true;
	worker_drop_of(w, m, DROP_SA_LIMIT, sa->tunnel);
	return false;
}

/* Is there a way for this packet, has it room, and a number left for it? `run`: the SA's until now.
 */
static inline bool admit(struct worker *w, struct sa *sa, struct run run, struct rte_mbuf *m,
			 unsigned grow, unsigned *later)
{
	if (unlikely(!has_way(sa))) {
		worker_drop_of(w, m, DROP_NO_ROUTE, sa->tunnel);
		return false;
	}
	if (unlikely(m->data_len > sa->mtu)) {
		if (!goes_whole(sa, m)) {
			fit_tunnel(w, m, sa->tunnel, sa->mtu);
			return false;
		}
		*later |= LATER_CUT;
	}
	if (unlikely(m->data_off < ROOM_BEFORE || rte_pktmbuf_tailroom(m) < grow)) {
		worker_drop_of(w, m, DROP_TOO_BIG, sa->tunnel);
		return false;
	}
	return likely(sa->sequence < sa->ask) || ask(w, sa, m, run.packets, run.bytes);
}

/* Everything but the cryptography. Returns what is left; *later: what some of it wants still. */
static unsigned wrap(struct worker *w, struct burst *b, struct crypt_op *op, unsigned n,
		     unsigned *later)
{
	uint32_t epoch = atomic_load_explicit(&w->tables->underlay_epoch, memory_order_acquire);
	struct run run = { 0 };
	unsigned i, k = 0;

	for (i = 0; i < n && i < SA_AHEAD; i++)
		sa_prefetch(op[i].sa);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = b->out[i];
		struct sa *sa = op[i].sa;
		unsigned payload = m->data_len, padded, before, total;
		uint8_t *inner = packet(m), *outer;

		if (i + SA_AHEAD < n)
			sa_prefetch(op[i + SA_AHEAD].sa);
		if (unlikely(sa->flags & SA_POLICY)) {
			sa = selected(w, sa, m);
			if (!sa)
				continue;
		}
		padded = sa_padded(sa, payload);
		before = ESP_BYTES + sa->iv_bytes;
		if (run.sa != sa) {
			run_end(w, &run);
			run = (struct run){ .sa = sa };
		}
		if (unlikely(sa->epoch != epoch))
			esp_out_find_way(w->tables, sa, epoch);
		total = sa->head_bytes + before + padded + sa->icv_bytes;
		if (unlikely(!admit(w, sa, run, m, padded - payload + CRYPT_TAIL, later)))
			continue;
		write_trailer(inner + payload, padded - payload - TRAILER_BYTES,
			      inner[0] >> 4 == 4 ? PROTO_IPV4 : PROTO_IPV6);
		m->data_len = (uint16_t)(padded + sa->icv_bytes);
		if (fit_is_syn(inner, payload) && (sa->flags & SA_MSS))
			fit_segments(inner, payload, sa->mtu);
		outer = packet_prepend(m, sa->head_bytes + before);
		*later |= write_head(sa, outer, total, inner);
		if (unlikely(sa->flags & (SA_DF_COPY | SA_DF_CLEAR)))
			write_df(sa, outer, inner);
		run.packets++;
		run.bytes += payload;
		run.wire += total;
		counter_add(&sa->sequence, 1);
		op[k++] = (struct crypt_op){
			.sa = sa,
			.esp = outer + sa->head_bytes,
			.seq = sa->sequence,
			.len = before + padded,
		};
		burst_add_link(b, m, sa->nexthop);
	}
	run_end(w, &run);
	return k;
}

/* Of the n sealed packets in the link's lane those that are too long leave it, in pieces as large
 * as the outer packet around the tunnel's MTU. */
static __rte_noinline void cut(struct worker *w, struct burst *b, const struct crypt_op *op,
			       unsigned n, unsigned lane)
{
	unsigned i, k = lane;

	for (i = 0; i < n; i++) {
		const struct sa *sa = op[i].sa;
		uint32_t nh = b->link_nexthop[lane + i];
		struct rte_mbuf *m = b->link[lane + i];
		unsigned most = sa->head_bytes + ESP_BYTES + sa->iv_bytes + sa_padded(sa, sa->mtu) +
				sa->icv_bytes;

		if (m->data_len > most) {
			if (unlikely(w->watched))
				watch_sealed(w, m);
			fit_outer(w, m, nh, most, rte_be_to_cpu_32(sa->spi), op[i].seq);
			continue;
		}
		b->link[k] = m;
		b->link_nexthop[k++] = nh;
	}
	b->n_link = k;
}

void esp_out(struct worker *w, struct burst *b)
{
	struct crypt_op op[BURST_MAX];
	unsigned n, later = 0, lane = b->n_link;

	n = find(w, b, op);
	n = wrap(w, b, op, n, &later);
	if (n)
		crypt_seal(w->crypt, op, n);
	if (unlikely(later & LATER_SUM))
		sum_udp6(op, n);
	if (unlikely(later & LATER_CUT))
		cut(w, b, op, n, lane);
	b->n_out = 0;
}

#include "dataplane/reassemble.h"

#include "dataplane/eal.h"
#include "dataplane/packet.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#define DATAGRAM_MAX 65535

#define ECN_NOT_ECT 0
#define ECN_CE	    3

struct piece {
	struct rte_mbuf *m; /* data: what it carries of the datagram */
	uint32_t at, len;
};

struct datagram {
	uint32_t id;
	uint8_t family; /* 4, 6; 0: free */
	uint8_t proto;
	uint8_t marks; /* by bit: the ECN fields of its pieces */
	uint8_t n;
	bool refused;	/* no piece is kept any more */
	uint8_t reason; /* enum drop_reason of what comes still of a refused one */
	uint16_t port;	/* where its pieces came from; UINT16_MAX: not all from one */
	uint8_t src[16], dst[16];
	uint64_t began;	 /* TSC */
	uint32_t length; /* 0: the last piece is missing */
	uint32_t have;
	struct rte_mbuf *first; /* whose header counts; data as in its piece */
	uint16_t head;		/* bytes of header before first's data */
	struct piece piece[REASSEMBLE_PIECES];
};

struct reassembly {
	unsigned n, pieces, most; /* datagrams; pieces of all */
	struct rte_mempool *large;
	struct datagram of[REASSEMBLE_DATAGRAMS];
};

struct reassembly *reassembly_new(struct rte_mempool *large, unsigned pieces, int node)
{
	struct reassembly *r = eal_zalloc("reassembly", sizeof(*r), node);

	if (!r)
		return NULL;
	r->large = large;
	r->most = RTE_MIN(pieces, (unsigned)REASSEMBLE_PIECES_ALL);
	return r;
}

static void clear(struct reassembly *r, struct datagram *d)
{
	r->pieces -= d->n;
	d->family = 0;
	d->n = 0;
	r->n--;
}

static void drop_pieces(struct worker *w, struct datagram *d, enum drop_reason reason)
{
	for (unsigned i = 0; i < d->n; i++)
		worker_drop(w, d->piece[i].m, reason);
	w->reassembly->pieces -= d->n;
	d->n = 0;
}

static void give_up(struct worker *w, struct datagram *d, enum drop_reason reason)
{
	drop_pieces(w, d, reason);
	clear(w->reassembly, d);
}

/* It stays until its time is over, so that its other pieces are known. */
static void refuse(struct worker *w, struct datagram *d, enum drop_reason reason)
{
	drop_pieces(w, d, reason);
	d->refused = true;
	d->reason = (uint8_t)reason;
}

void reassembly_free(struct reassembly *r)
{
	for (unsigned i = 0; r && i < REASSEMBLE_DATAGRAMS; i++) {
		for (unsigned k = 0; k < r->of[i].n; k++)
			rte_pktmbuf_free(r->of[i].piece[k].m);
	}
	rte_free(r);
}

/* ---- one fragment ------------------------------------------------------------------------- */

struct fragment {
	uint8_t family, proto, ecn;
	bool more;
	const uint8_t *src, *dst;
	uint32_t id, at, len;
	unsigned head; /* bytes before its part of the datagram */
};

/* False: nothing that we put together. */
static bool read_fragment(struct fragment *f, const uint8_t *ip, unsigned len)
{
	unsigned word;

	if (ip[0] >> 4 == 4) {
		word = get_be16(ip + 6);
		*f = (struct fragment){ .family = 4,
					.proto = ip[9],
					.ecn = ip[1] & 3,
					.more = word & 0x2000,
					.src = ip + 12,
					.dst = ip + 16,
					.id = get_be16(ip + 4),
					.at = (word & 0x1fff) * 8,
					.head = (ip[0] & 15) * 4u };
	} else {
		const uint8_t *h = ip + IP6_BYTES;

		if (len < IP6_BYTES + FRAGMENT_BYTES)
			return false;
		word = get_be16(h + 2);
		*f = (struct fragment){ .family = 6,
					.proto = h[0],
					.ecn = ip[1] >> 4 & 3,
					.more = word & 1,
					.src = ip + 8,
					.dst = ip + 24,
					.id = get_be32(h + 4),
					.at = word & 0xfff8,
					.head = IP6_BYTES + FRAGMENT_BYTES };
	}
	f->len = len - f->head;
	return (f->proto == PROTO_ESP || f->proto == PROTO_UDP) && f->len > 0 &&
	       (!f->more || f->len % 8 == 0) && f->head + f->at + f->len <= DATAGRAM_MAX;
}

static unsigned worker_for(const struct worker *w, const struct fragment *f)
{
	unsigned n = f->family == 4 ? 4 : 16;
	uint64_t hash = f->id;

	for (unsigned i = 0; i < n; i += 4)
		hash = mix32(hash << 32 | (get32(f->src + i) ^ get32(f->dst + i)));
	return (unsigned)((uint64_t)mix32(hash) * w->n_workers >> 32);
}

/* ---- its datagram ------------------------------------------------------------------------- */

static bool is_from(const struct datagram *d, const struct fragment *f)
{
	return d->family == f->family && memcmp(d->src, f->src, f->family == 4 ? 4 : 16) == 0;
}

static struct datagram *older(struct datagram *a, struct datagram *b)
{
	return !a || b->began < a->began ? b : a;
}

/* The datagram that it belongs to, or a new one in the place of the oldest if need be. */
static struct datagram *find(struct worker *w, const struct fragment *f)
{
	struct datagram *d, *oldest = NULL, *oldest_of_sender = NULL, *unused = NULL;
	struct reassembly *r = w->reassembly;
	unsigned sender = 0, n = f->family == 4 ? 4 : 16;

	for (unsigned i = 0; i < REASSEMBLE_DATAGRAMS; i++) {
		d = &r->of[i];
		if (!d->family) {
			unused = d;
			continue;
		}
		oldest = older(oldest, d);
		if (!is_from(d, f))
			continue;
		if (d->id == f->id && d->proto == f->proto && memcmp(d->dst, f->dst, n) == 0)
			return d;
		oldest_of_sender = older(oldest_of_sender, d);
		sender++;
	}
	if (sender >= REASSEMBLE_SENDER)
		oldest = oldest_of_sender;
	else if (unused)
		oldest = NULL;
	if (oldest) {
		give_up(w, oldest, DROP_FRAGMENT);
		unused = oldest;
	}
	d = unused;
	*d = (struct datagram){
		.id = f->id, .family = f->family, .proto = f->proto, .began = w->tsc
	};
	memcpy(d->src, f->src, n);
	memcpy(d->dst, f->dst, n);
	r->n++;
	return d;
}

/* Room for one piece more: the oldest other datagram goes. False: there is none. */
static bool make_room(struct worker *w, const struct datagram *d)
{
	struct reassembly *r = w->reassembly;
	struct datagram *oldest = NULL;

	if (r->pieces < r->most)
		return true;
	for (unsigned i = 0; i < REASSEMBLE_DATAGRAMS; i++) {
		if (r->of[i].n && &r->of[i] != d)
			oldest = older(oldest, &r->of[i]);
	}
	if (oldest)
		give_up(w, oldest, DROP_FRAGMENT);
	return oldest;
}

enum verdict { TAKEN, TWICE, BAD };

/* In the order of what they carry. */
static enum verdict insert(struct datagram *d, const struct fragment *f, struct rte_mbuf *m)
{
	unsigned i = d->n;

	while (i && d->piece[i - 1].at > f->at)
		i--;
	if (i && d->piece[i - 1].at == f->at && d->piece[i - 1].len == f->len)
		return TWICE;
	if (d->n == REASSEMBLE_PIECES || (i && d->piece[i - 1].at + d->piece[i - 1].len > f->at) ||
	    (i < d->n && f->at + f->len > d->piece[i].at) ||
	    (!f->more && (i < d->n || d->length)) || (d->length && f->at + f->len > d->length))
		return BAD;
	memmove(&d->piece[i + 1], &d->piece[i], (d->n - i) * sizeof(d->piece[0]));
	d->piece[i] = (struct piece){ m, f->at, f->len };
	d->n++;
	d->have += f->len;
	if (!f->more)
		d->length = f->at + f->len;
	if (f->at == 0) {
		d->first = m;
		d->head = (uint16_t)f->head;
	}
	d->marks |= (uint8_t)(1u << f->ecn);
	return TAKEN;
}

/* Any congestion on the way of a piece happened to the whole, unless a piece cannot say so: then
 * the whole is lost (RFC 3168 §5.3). */
static bool is_marked(const struct datagram *d)
{
	return d->marks & 1u << ECN_CE;
}

static bool is_lost(const struct datagram *d)
{
	return is_marked(d) && (d->marks & 1u << ECN_NOT_ECT);
}

/* The first piece's header, as it was before the datagram was cut. */
static void restore(const struct datagram *d, struct rte_mbuf *m)
{
	uint8_t *ip = packet_prepend(m, d->head);

	if (d->family == 4) {
		ip[1] |= is_marked(d) ? ECN_CE : 0;
		put_be16(ip + 2, (uint16_t)m->data_len);
		put16(ip + 6, 0);
		put16(ip + 10, 0);
		put16(ip + 10, ip4_sum(ip, d->head));
		return;
	}
	memmove(ip + FRAGMENT_BYTES, ip, IP6_BYTES);
	packet_strip(m, FRAGMENT_BYTES);
	ip = packet(m);
	ip[1] |= is_marked(d) ? ECN_CE << 4 : 0;
	ip[6] = d->proto;
	put_be16(ip + 4, (uint16_t)(m->data_len - IP6_BYTES));
}

/* The first piece, with its header before it, in a buffer that holds everything. False: there is
 * none left. */
static bool enlarge(struct reassembly *r, struct datagram *d)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->large);
	unsigned bytes = d->head + d->first->data_len;

	if (!m)
		return false;
	memcpy(rte_pktmbuf_append(m, (uint16_t)bytes), packet(d->first) - d->head, bytes);
	packet_strip(m, d->head);
	rte_pktmbuf_free(d->first);
	d->first = d->piece[0].m = m;
	return true;
}

/* All of it in the first piece's buffer, or in a larger one. */
static struct rte_mbuf *join(struct worker *w, struct datagram *d)
{
	struct rte_mbuf *m;

	if (is_lost(d)) {
		give_up(w, d, DROP_ECN);
		return NULL;
	}
	if (rte_pktmbuf_tailroom(d->first) < d->length - d->first->data_len &&
	    !enlarge(w->reassembly, d)) {
		give_up(w, d, DROP_NO_BUFFER);
		return NULL;
	}
	m = d->first;
	for (unsigned i = 1; i < d->n; i++) {
		struct piece *p = &d->piece[i];

		memcpy(packet(m) + m->data_len, packet(p->m), p->len);
		m->data_len = (uint16_t)(m->data_len + p->len);
		rte_pktmbuf_free(p->m);
	}
	m->pkt_len = m->data_len;
	m->port = d->port;
	restore(d, m);
	clear(w->reassembly, d);
	return m;
}

/* A fragment that is the whole has nothing to do with others, whatever their identification (RFC
 * 6946 §4). */
static struct rte_mbuf *unwrap(struct rte_mbuf *m, const struct fragment *f)
{
	struct datagram whole = { .family = f->family,
				  .proto = f->proto,
				  .head = (uint16_t)f->head };

	packet_strip(m, f->head);
	restore(&whole, m);
	return m;
}

struct rte_mbuf *reassemble(struct worker *w, struct rte_mbuf *m)
{
	struct datagram *d;
	struct fragment f;
	unsigned owner;

	if (!read_fragment(&f, packet(m), m->data_len)) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	if (f.at == 0 && !f.more)
		return unwrap(m, &f);
	owner = worker_for(w, &f);
	if (owner != w->index) {
		tag_set(m, TAG_FRAGMENT, 0, 0);
		worker_hand_over(w, owner, m);
		return NULL;
	}
	d = find(w, &f);
	if (f.at + f.len > REASSEMBLE_BYTES)
		refuse(w, d, DROP_FRAGMENT_LARGE);
	else if (!d->refused && !make_room(w, d))
		refuse(w, d, DROP_FRAGMENT);
	if (d->refused) {
		worker_drop(w, m, d->reason);
		return NULL;
	}
	packet_strip(m, f.head);
	if (d->n == 0)
		d->port = m->port;
	else if (d->port != m->port)
		d->port = UINT16_MAX;
	switch (insert(d, &f, m)) {
	case TAKEN:
		w->reassembly->pieces++;
		return d->length && d->have == d->length ? join(w, d) : NULL;
	case TWICE:
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	case BAD:
		break;
	}
	worker_drop(w, m, DROP_FRAGMENT);
	refuse(w, d, DROP_FRAGMENT);
	return NULL;
}

void reassemble_expire(struct worker *w)
{
	struct reassembly *r = w->reassembly;
	uint64_t wait = REASSEMBLE_SECONDS * rte_get_tsc_hz();

	for (unsigned i = 0; r->n && i < REASSEMBLE_DATAGRAMS; i++) {
		struct datagram *d = &r->of[i];

		if (d->family && w->tsc - d->began > wait)
			give_up(w, d, DROP_FRAGMENT_TIME);
	}
}

unsigned reassemble_waiting(const struct worker *w)
{
	return w->reassembly->n;
}

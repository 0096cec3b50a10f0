/* Inbound ESP: which SA, may the packet be new, decrypt and verify, commit, and what was inside
 * (RFC 4303 §3.4). */
#include "dataplane/crypt.h"
#include "dataplane/fit.h"
#include "dataplane/limit.h"
#include "dataplane/packet.h"
#include "dataplane/policy.h"
#include "dataplane/sa.h"
#include "dataplane/worker.h"

#define ECN_MASK    3
#define ECN_NOT_ECT 0
#define ECN_ECT1    1
#define ECN_ECT0    2
#define ECN_CE	    3

#define TRAILER_BYTES 2 /* pad length, next header */

/* What the packets of one SA in a row have in common is counted once for all of them. */
struct run {
	struct sa *sa;
	uint32_t refused, packets, bytes, wire;
};

static void run_end(struct worker *w, const struct run *r)
{
	if (unlikely(r->refused))
		counter_add(&r->sa->refused, r->refused);
	if (!r->packets)
		return;
	counter_add(&r->sa->packets, r->packets);
	counter_add(&r->sa->bytes, r->bytes);
	counter_add(&r->sa->wire_bytes, r->wire);
	counter_add(&w->stats.esp_in_packets, r->packets);
}

static void drop_replay(struct worker *w, struct rte_mbuf *m, struct sa *sa,
			enum replay_verdict verdict)
{
	counter_add(&sa->replayed, 1);
	worker_drop_of(w, m, verdict == REPLAY_TOO_OLD ? DROP_TOO_OLD : DROP_REPLAYED, sa->tunnel);
}

/* The outer destination. Where it came from may change behind a NAT at any time, and whether UDP
 * is around it is the peer's choice (RFC 7296 §2.23): the ICV proves the sender. */
static bool to_our_end(const struct sa *sa, const uint8_t *ip)
{
	if (ip[0] >> 4 == 4)
		return !(sa->flags & SA_IPV6) && memcmp(sa->local, ip + 16, 4) == 0;
	return (sa->flags & SA_IPV6) && memcmp(sa->local, ip + 24, 16) == 0;
}

/* RFC 6040 §4.2: what the way between the gateways did to the packet's congestion mark. False:
 * congestion happened to a packet that cannot say so. */
static bool merge_ecn(uint8_t *inner, unsigned outer)
{
	uint16_t old = get16(inner), mark;
	unsigned ecn;

	if (inner[0] >> 4 == 4) {
		ecn = inner[1] & ECN_MASK;
		if (outer == ECN_CE && ecn == ECN_NOT_ECT)
			return false;
		if (outer == ECN_CE || (outer == ECN_ECT1 && ecn == ECN_ECT0)) {
			inner[1] = (uint8_t)((inner[1] & ~ECN_MASK) | outer);
			sum_update(inner + 10, old, get16(inner));
		}
		return true;
	}
	mark = rte_be_to_cpu_16(old);
	ecn = mark >> 4 & ECN_MASK;
	if (outer == ECN_CE && ecn == ECN_NOT_ECT)
		return false;
	if (outer == ECN_CE || (outer == ECN_ECT1 && ecn == ECN_ECT0))
		put_be16(inner, (uint16_t)((mark & ~(ECN_MASK << 4)) | outer << 4));
	return true;
}

static unsigned outer_ecn(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] & ECN_MASK : ip[1] >> 4 & ECN_MASK;
}

static void first_packet(struct worker *w, struct sa *sa)
{
	if (worker_report(w, MESSAGE_USED, sa))
		sa->flags |= SA_USED;
}

/* The SAs behind the lane's SPIs. Returns what is left. */
static unsigned find(struct worker *w, struct burst *b, struct crypt_op *op)
{
	unsigned i, n = 0;

	for (i = 0; i < b->n_in; i++) {
		const struct slot *s = &w->slot[spi_slot(b->in_spi[i])];

		if (unlikely(s->spi != b->in_spi[i])) {
			worker_drop(w, b->in[i], DROP_NO_SA);
			continue;
		}
		op[n].sa = s->sa;
		b->in[n] = b->in[i];
		b->in_at[n++] = b->in_at[i];
	}
	return n;
}

/* Sizes, ends and sequence number of each. Returns what is left. */
static unsigned check(struct worker *w, struct burst *b, struct crypt_op *op, unsigned n)
{
	unsigned i, k = 0;

	for (i = 0; i < n && i < SA_AHEAD; i++)
		sa_prefetch(op[i].sa);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = b->in[i];
		struct sa *sa = op[i].sa;
		unsigned at = b->in_at[i] & (BURST_UDP - 1), len = m->data_len - at;
		unsigned around = ESP_BYTES + sa->iv_bytes + sa->icv_bytes;
		const uint8_t *ip = packet(m);
		enum replay_verdict verdict;
		uint64_t seq;

		if (i + SA_AHEAD < n)
			sa_prefetch(op[i + SA_AHEAD].sa);
		if (unlikely(len < around + sa->align || (len - around) & (sa->align - 1u))) {
			worker_drop_of(w, m, DROP_MALFORMED, sa->tunnel);
			continue;
		}
		if (unlikely(!to_our_end(sa, ip))) {
			worker_drop_of(w, m, DROP_WRONG_PEER, sa->tunnel);
			continue;
		}
		seq = get_be32(ip + at + 4);
		if (sa->flags & SA_ESN)
			seq = replay_sequence(&sa->replay, (uint32_t)seq);
		verdict = replay_check(&sa->replay, seq);
		if (unlikely(verdict != REPLAY_ACCEPT)) {
			drop_replay(w, m, sa, verdict);
			continue;
		}
		if (unlikely(rte_pktmbuf_tailroom(m) + sa->icv_bytes < CRYPT_TAIL)) {
			worker_drop_of(w, m, DROP_TOO_BIG, sa->tunnel);
			continue;
		}
		b->in[k] = m;
		b->in_at[k] = b->in_at[i];
		op[k++] = (struct crypt_op){
			.sa = sa,
			.esp = (uint8_t *)(uintptr_t)ip + at,
			.seq = seq,
			.len = len - sa->icv_bytes,
		};
	}
	return k;
}

/* A verified packet: strips it to what was inside. False: dropped.
 *
 * What the padding's bytes are is not looked at. RFC 4303 §2.4 wants them compared with 1, 2, 3 ..
 * where nothing else protects from text that was cut and pasted; no SA here is without an ICV over
 * them, and a peer that pads with other bytes harms nobody. */
static bool unwrap(struct worker *w, struct rte_mbuf *m, const struct crypt_op *op)
{
	struct sa *sa = op->sa;
	const uint8_t *trailer = op->esp + op->len - TRAILER_BYTES;
	unsigned before = ESP_BYTES + sa->iv_bytes, ecn = outer_ecn(packet(m));
	unsigned pad = trailer[0], next = trailer[1];
	uint8_t *inner = op->esp + before;

	if (unlikely(op->len < before + TRAILER_BYTES + pad)) {
		worker_drop_of(w, m, DROP_BAD_PADDING, sa->tunnel);
		return false;
	}
	if (unlikely(next != PROTO_IPV4 && next != PROTO_IPV6)) {
		worker_drop_of(w, m, next == PROTO_NONE ? DROP_DUMMY : DROP_BAD_NEXT_HEADER,
			       sa->tunnel);
		return false;
	}
	m->data_off = (uint16_t)(inner - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(op->len - before - TRAILER_BYTES - pad);
	m->pkt_len = m->data_len;
	if (unlikely(!packet_fit_ip(m) || (inner[0] >> 4 == 4) != (next == PROTO_IPV4))) {
		worker_drop_of(w, m, DROP_BAD_NEXT_HEADER, sa->tunnel);
		return false;
	}
	if (unlikely(ecn != ECN_NOT_ECT) && !merge_ecn(inner, ecn)) {
		worker_drop_of(w, m, DROP_ECN, sa->tunnel);
		return false;
	}
	if (unlikely(sa->flags & SA_POLICY) && !policy_pass(w, sa, m))
		return false;
	if (unlikely(policy_may_be_own(w->tables, inner)) &&
	    policy_is_spoofed(w->tables, sa->table & BURST_TABLE, sa->tunnel, inner)) {
		worker_drop_of(w, m, DROP_SPOOFED, sa->tunnel);
		return false;
	}
	return true;
}

static __rte_noinline void clamp(struct worker *w, const struct sa *sa, struct rte_mbuf *m)
{
	unsigned mtu = w->tables->tunnel[sa->tunnel].mtu;

	if (mtu)
		fit_segments(packet(m), m->data_len, mtu);
}

static void deliver(struct worker *w, struct burst *b, const struct crypt_op *op, unsigned n)
{
	struct run run = { 0 };

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = b->in[i];
		struct sa *sa = op[i].sa;
		unsigned wire = m->data_len;
		enum replay_verdict verdict;

		if (unlikely(!op[i].ok)) {
			counter_add(&sa->bad_icv, 1);
			worker_drop_of(w, m, DROP_BAD_ICV, sa->tunnel);
			continue;
		}
		verdict = replay_check(&sa->replay, op[i].seq); /* twins within this burst */
		if (unlikely(verdict != REPLAY_ACCEPT)) {
			drop_replay(w, m, sa, verdict);
			continue;
		}
		replay_commit(&sa->replay, op[i].seq);
		if (run.sa != sa) {
			run_end(w, &run);
			run = (struct run){ .sa = sa };
		}
		if (unlikely(!(sa->flags & SA_USED)))
			first_packet(w, sa);
		if (unlikely(!unwrap(w, m, &op[i]))) {
			run.refused++;
			continue;
		}
		if (unlikely(op[i].seq >= sa->ask) &&
		    !limit_admit(w, sa, sa->packets + run.packets, sa->bytes + run.bytes,
				 m->data_len, sa->replay.top)) {
			worker_drop_of(w, m, DROP_SA_LIMIT, sa->tunnel);
			run.refused++;
			continue;
		}
		if (fit_is_syn(packet(m), m->data_len) && (sa->flags & SA_MSS))
			clamp(w, sa, m);
		run.packets++;
		run.bytes += m->data_len;
		run.wire += wire;
		burst_add_ip(b, m, sa->table);
	}
	run_end(w, &run);
}

void esp_in(struct worker *w, struct burst *b)
{
	struct crypt_op op[BURST_MAX];
	unsigned n;

	n = find(w, b, op);
	n = check(w, b, op, n);
	if (n) {
		crypt_open(w->crypt, op, n);
		deliver(w, b, op, n);
	}
	b->n_in = 0;
}

#include "dataplane/watch.h"

#include "dataplane/capture_ring.h"
#include "dataplane/lookup.h"
#include "dataplane/sa.h"
#include "dataplane/trace_log.h"
#include "dataplane/worker.h"

static void changed(struct worker *w)
{
	bool any = atomic_load(&w->watch.trace_set) || atomic_load(&w->watch.capture_set);

	atomic_store_explicit(&w->watch_set, any, memory_order_release);
}

void watch_trace(struct worker *w, struct trace_log *log)
{
	atomic_store(&w->watch.trace_set, log);
	changed(w);
}

void watch_capture(struct worker *w, struct capture_ring *ring)
{
	atomic_store(&w->watch.capture_set, ring);
	changed(w);
}

/* ---- a burst ------------------------------------------------------------------------------ */

void watch_turn(struct worker *w)
{
	w->watch.trace = atomic_load_explicit(&w->watch.trace_set, memory_order_acquire);
	w->watch.capture = atomic_load_explicit(&w->watch.capture_set, memory_order_acquire);
	if (w->watch.trace)
		trace_log_begin(w->watch.trace, w->tsc);
}

void watch_frames(struct worker *w, const struct burst *b, uint16_t port)
{
	struct watch *o = &w->watch;

	o->phase = PHASE_CLASSIFY;
	if (o->capture)
		capture_frames(o->capture, port, false, b->frame, b->n_frame);
	if (!o->trace)
		return;
	trace_log_begin(o->trace, w->tsc);
	for (unsigned i = 0; i < b->n_frame; i++) {
		trace_log_packet(o->trace, b->frame[i], true);
		trace_log_step(o->trace, b->frame[i], PHASE_RX, TRACE_RECEIVED, port, 0);
	}
}

void watch_taken(struct worker *w, const struct burst *b)
{
	struct watch *o = &w->watch;

	o->phase = PHASE_RX;
	if (!o->trace)
		return;
	trace_log_begin(o->trace, w->tsc);
	for (unsigned i = 0; i < b->n_frame; i++) {
		const struct tag *tag = tag_of(b->frame[i]);

		trace_log_packet(o->trace, b->frame[i], tag->kind == TAG_FRAME);
		trace_log_step(o->trace, b->frame[i], PHASE_RX, TRACE_TAKEN, tag->kind, tag->value);
		if (tag->kind == TAG_FRAME)
			trace_log_sent(o->trace, b->frame[i], tag->value);
	}
}

void watch_sorted(struct worker *w, const struct burst *b)
{
	struct trace_log *t = w->watch.trace;

	if (!t)
		return;
	for (unsigned i = 0; i < b->n_in; i++) {
		const uint8_t *esp = packet(b->in[i]) + (b->in_at[i] & (BURST_UDP - 1));

		trace_log_step(t, b->in[i], w->watch.phase, TRACE_ESP, b->in_spi[i],
			       get_be32(esp + 4));
	}
	for (unsigned i = 0; i < b->n_ip; i++) {
		trace_log_step(t, b->ip[i], w->watch.phase, TRACE_PACKET,
			       b->ip_table[i] & BURST_TABLE, 0);
		trace_log_inner(t, b->ip[i]);
	}
	trace_log_rest(t, b, w->watch.phase);
}

void watch_end(struct worker *w)
{
	if (w->watch.trace)
		trace_log_end(w->watch.trace);
}

void watch_step(struct worker *w, struct rte_mbuf *m, enum trace_event event, uint32_t a)
{
	if (w->watch.trace)
		trace_log_step(w->watch.trace, m, w->watch.phase, event, a, 0);
}

/* ---- around its phases -------------------------------------------------------------------- */

static void note(struct watch *o, struct rte_mbuf *m, uint32_t tunnel)
{
	o->note[o->n_note].m = m;
	o->note[o->n_note++].tunnel = tunnel;
}

static uint32_t noted(const struct watch *o, const struct rte_mbuf *m)
{
	for (unsigned i = 0; i < o->n_note; i++) {
		if (o->note[i].m == m)
			return o->note[i].tunnel;
	}
	return NO_TUNNEL;
}

static void before_esp_in(struct worker *w, const struct burst *b)
{
	struct watch *o = &w->watch;

	for (unsigned i = 0; i < b->n_in; i++) {
		const struct slot *s = &w->slot[spi_slot(b->in_spi[i])];
		uint32_t tunnel = s->spi == b->in_spi[i] ? s->sa->tunnel : NO_TUNNEL;

		note(o, b->in[i], tunnel);
		if (o->trace && tunnel != NO_TUNNEL)
			trace_log_step(o->trace, b->in[i], o->phase, TRACE_SA, tunnel, 0);
		if (o->capture)
			capture_packet(o->capture, CAPTURE_OUTER, tunnel, false, b->in[i]);
	}
	o->n_ip = b->n_ip;
}

static void after_esp_in(struct worker *w, const struct burst *b)
{
	struct watch *o = &w->watch;

	for (unsigned i = o->n_ip; i < b->n_ip; i++) {
		uint32_t tunnel = noted(o, b->ip[i]);

		if (o->trace) {
			trace_log_step(o->trace, b->ip[i], o->phase, TRACE_DECRYPTED, tunnel,
				       b->ip_table[i] & BURST_TABLE);
			trace_log_inner(o->trace, b->ip[i]);
		}
		if (o->capture)
			capture_packet(o->capture, CAPTURE_INNER, tunnel, false, b->ip[i]);
	}
}

/* The tables that a packet is looked up in, one after the other, as lookup() goes. */
static void routes(struct worker *w, struct rte_mbuf *m, uint32_t table)
{
	for (unsigned i = 0; i < LOOKUP_TABLES; i++) {
		uint32_t nh = lookup_one(w->tables, table, packet(m));

		trace_log_step(w->watch.trace, m, w->watch.phase, TRACE_ROUTE, table, nh);
		if (nexthop_kind(nh) != NEXTHOP_TABLE)
			return;
		table = nexthop_index(nh);
	}
}

static void before_esp_out(struct worker *w, const struct burst *b)
{
	struct watch *o = &w->watch;

	for (unsigned i = 0; i < b->n_out; i++) {
		note(o, b->out[i], b->out_tunnel[i]);
		if (o->trace) {
			trace_log_step(o->trace, b->out[i], o->phase, TRACE_TUNNEL,
				       b->out_tunnel[i], 0);
			trace_log_inner(o->trace, b->out[i]);
		}
		/* Another worker's tunnel: it captures. */
		if (o->capture && w->tables->owner[b->out_tunnel[i]] == w->index)
			capture_packet(o->capture, CAPTURE_INNER, b->out_tunnel[i], true,
				       b->out[i]);
	}
	o->n_link = b->n_link;
}

void watch_sealed(struct worker *w, struct rte_mbuf *m)
{
	struct watch *o = &w->watch;
	const uint8_t *ip = packet(m);
	bool v4 = ip[0] >> 4 == 4;
	const uint8_t *esp = ip + (v4 ? IP4_BYTES : IP6_BYTES);

	if ((v4 ? ip[9] : ip[6]) == PROTO_UDP)
		esp += UDP_BYTES;
	if (o->trace)
		trace_log_step(o->trace, m, o->phase, TRACE_ENCRYPTED, get_be32(esp),
			       get_be32(esp + 4));
	if (o->capture)
		capture_packet(o->capture, CAPTURE_OUTER, noted(o, m), true, m);
}

static void after_esp_out(struct worker *w, const struct burst *b)
{
	struct watch *o = &w->watch;

	for (unsigned i = o->n_link; i < b->n_link; i++)
		watch_sealed(w, b->link[i]);
}

static void before_link(struct worker *w, const struct burst *b)
{
	for (unsigned i = 0; i < b->n_link; i++) {
		uint32_t nh = b->link_nexthop[i], port = NO_TUNNEL;

		if (nexthop_kind(nh) == NEXTHOP_NEIGHBOUR)
			port = w->tables->neighbour[nexthop_index(nh)].port;
		note(&w->watch, b->link[i], port);
		watch_step(w, b->link[i], TRACE_LINK, nh);
	}
}

static void after_link(struct worker *w)
{
	/* Those that were dropped or cut have said so. */
	for (unsigned i = 0; i < w->watch.n_note; i++)
		trace_log_sent(w->watch.trace, w->watch.note[i].m, w->watch.note[i].tunnel);
}

void watch_before(struct worker *w, const struct burst *b, unsigned phase)
{
	w->watch.phase = phase;
	w->watch.n_note = 0;
	if (phase == PHASE_ESP_IN)
		before_esp_in(w, b);
	else if (phase == PHASE_FORWARD && w->watch.trace)
		for (unsigned i = 0; i < b->n_ip; i++)
			routes(w, b->ip[i], b->ip_table[i] & BURST_TABLE);
	else if (phase == PHASE_ESP_OUT)
		before_esp_out(w, b);
	else if (phase == PHASE_TX && w->watch.trace)
		before_link(w, b);
}

void watch_after(struct worker *w, const struct burst *b, unsigned phase)
{
	if (phase == PHASE_ESP_IN)
		after_esp_in(w, b);
	else if (phase == PHASE_ESP_OUT)
		after_esp_out(w, b);
	else if (phase == PHASE_TX && w->watch.trace)
		after_link(w);
}

void watch_sent(struct worker *w, uint16_t port, struct rte_mbuf *const *m, unsigned n)
{
	if (w->watch.capture)
		capture_frames(w->watch.capture, port, true, m, n);
}

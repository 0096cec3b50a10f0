#include "dataplane/trace_log.h"

#include "dataplane/dataplane.h"
#include "dataplane/match.h"

void trace_log_begin(struct trace_log *t, uint64_t tsc)
{
	t->n_entry = 0;
	t->tsc = tsc;
}

void trace_log_end(struct trace_log *t)
{
	unsigned n = atomic_load_explicit(&t->n, memory_order_relaxed);

	for (unsigned i = 0; i < t->n_entry && n < t->max; i++) {
		if (t->entry[i].matched)
			t->packet[n++] = t->entry[i].packet;
	}
	atomic_store_explicit(&t->n, n, memory_order_release);
	t->n_entry = 0;
}

static struct trace_entry *find(struct trace_log *t, const struct rte_mbuf *m)
{
	for (unsigned i = 0; i < t->n_entry; i++) {
		if (t->entry[i].m == m && !t->entry[i].over)
			return &t->entry[i];
	}
	return NULL;
}

static struct trace_entry *enter(struct trace_log *t, struct rte_mbuf *m, bool frame)
{
	struct trace_entry *e;

	if (t->n_entry == BURST_MAX)
		return NULL;
	e = &t->entry[t->n_entry++];
	e->m = m;
	e->matched = e->over = false;
	e->packet = (struct trace_packet){ .tsc = t->tsc,
					   .worker = (uint16_t)t->worker,
					   .frame = frame,
					   .first_len = (uint16_t)m->pkt_len };
	memcpy(e->packet.first, rte_pktmbuf_mtod(m, uint8_t *), RTE_MIN(m->data_len, TRACE_HEAD));
	return e;
}

static void match_addresses(struct trace_log *t, struct trace_entry *e, const uint8_t *ip,
			    unsigned len)
{
	if (t->filter.by == TRACE_BY_PREFIX && match_prefix(&t->filter.prefix, ip, len))
		e->matched = true;
}

void trace_log_packet(struct trace_log *t, struct rte_mbuf *m, bool frame)
{
	struct trace_entry *e = enter(t, m, frame);
	unsigned at = frame ? match_ip_at(rte_pktmbuf_mtod(m, uint8_t *), m->data_len) : 0;

	if (e && at < m->data_len)
		match_addresses(t, e, rte_pktmbuf_mtod_offset(m, uint8_t *, at), m->data_len - at);
}

void trace_log_inner(struct trace_log *t, struct rte_mbuf *m)
{
	struct trace_entry *e = find(t, m);

	if (!e)
		return;
	e->packet.inner_len = m->data_len;
	memcpy(e->packet.inner, rte_pktmbuf_mtod(m, uint8_t *), RTE_MIN(m->data_len, TRACE_HEAD));
	match_addresses(t, e, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
}

static bool fits(const struct trace_filter *f, enum trace_event event, uint32_t a)
{
	bool spi = event == TRACE_ESP || event == TRACE_ENCRYPTED;
	bool tunnel = event == TRACE_SA || event == TRACE_TUNNEL;

	return (f->by == TRACE_BY_SPI && spi && f->spi == a) ||
	       (f->by == TRACE_BY_TUNNEL && tunnel && f->tunnel == a);
}

static bool is_last(enum trace_event event)
{
	return event >= TRACE_SENT;
}

void trace_log_step(struct trace_log *t, struct rte_mbuf *m, unsigned phase, enum trace_event event,
		    uint32_t a, uint32_t b)
{
	struct trace_entry *e = find(t, m);
	struct trace_packet *p;

	if (!e)
		e = enter(t, m, false);
	if (!e)
		return;
	p = &e->packet;
	/* Room for the last one is kept. */
	if (p->n_steps < TRACE_STEPS_MAX - 1 || (p->n_steps < TRACE_STEPS_MAX && is_last(event)))
		p->step[p->n_steps++] = (struct trace_step){
			.phase = (uint8_t)phase, .event = (uint8_t)event, .a = a, .b = b
		};
	e->matched |= fits(&t->filter, event, a);
	e->over |= is_last(event);
}

void trace_log_sent(struct trace_log *t, struct rte_mbuf *m, uint32_t port)
{
	if (find(t, m))
		trace_log_step(t, m, PHASE_TX, TRACE_SENT, port, 0);
}

static bool holds(struct rte_mbuf *const *lane, unsigned n, const struct rte_mbuf *m)
{
	while (n) {
		if (lane[--n] == m)
			return true;
	}
	return false;
}

void trace_log_rest(struct trace_log *t, const struct burst *b, unsigned phase)
{
	for (unsigned i = 0; i < t->n_entry; i++) {
		struct rte_mbuf *m = t->entry[i].m;

		if (!t->entry[i].over && !holds(b->in, b->n_in, m) && !holds(b->ip, b->n_ip, m) &&
		    !holds(b->out, b->n_out, m) && !holds(b->link, b->n_link, m))
			trace_log_step(t, m, phase, TRACE_HELD, 0, 0);
	}
}

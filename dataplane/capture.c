#include "dataplane/capture.h"

#include "dataplane/capture_ring.h"
#include "dataplane/core.h"
#include "dataplane/match.h"

#include <rte_cycles.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define RING_BYTES (8u << 20)
#define SLOTS_MIN  256
#define SLOTS_MAX  16384

struct capture {
	unsigned n_workers, next;
	struct capture_ring *ring[CONF_WORKERS_MAX];
	uint32_t port_of[PORTS_MAX];   /* index in conf by DPDK port */
	uint64_t tsc, nanoseconds, hz; /* one moment in both clocks */
	void (*done)(void *ctx, struct capture *c);
	void *ctx;
};

/* ---- workers ------------------------------------------------------------------------------ */

static struct capture_slot *slot(const struct capture_ring *r, uint32_t i)
{
	return (struct capture_slot *)(r->memory + (size_t)(i & (r->slots - 1)) * r->slot_bytes);
}

static void copy(struct capture_ring *r, const struct capture_slot *like, const struct rte_mbuf *m)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t bytes = RTE_MIN(m->pkt_len, r->snaplen), at = 0;
	struct capture_slot *s;

	atomic_store_explicit(&r->matched,
			      atomic_load_explicit(&r->matched, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == r->slots) {
		atomic_store_explicit(&r->lost,
				      atomic_load_explicit(&r->lost, memory_order_relaxed) + 1,
				      memory_order_relaxed);
		return;
	}
	s = slot(r, head);
	*s = *like;
	s->tsc = rte_rdtsc();
	s->len = m->pkt_len;
	s->caplen = (uint16_t)bytes;
	for (; m && at < bytes; m = m->next) {
		uint32_t part = RTE_MIN(bytes - at, (uint32_t)m->data_len);

		memcpy(s->data + at, rte_pktmbuf_mtod(m, uint8_t *), part);
		at += part;
	}
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

void capture_packet(struct capture_ring *r, enum capture_what what, uint32_t tunnel, bool out,
		    const struct rte_mbuf *m)
{
	const struct capture_filter *f = &r->filter;

	if (!(f->what & what) || (f->tunnel != CAPTURE_ANY && f->tunnel != tunnel))
		return;
	if (f->prefix.addr.family != ADDR_NONE &&
	    !match_prefix(&f->prefix, rte_pktmbuf_mtod(m, uint8_t *), m->data_len))
		return;
	copy(r,
	     &(struct capture_slot){ .what = (uint8_t)what,
				     .out = out,
				     .tunnel = tunnel == NO_TUNNEL ? CAPTURE_ANY : tunnel },
	     m);
}

void capture_frames(struct capture_ring *r, uint16_t port, bool out, struct rte_mbuf *const *m,
		    unsigned n)
{
	const struct capture_filter *f = &r->filter;

	if (!(f->what & CAPTURE_FRAMES) || (r->port != UINT16_MAX && r->port != port))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (f->prefix.addr.family != ADDR_NONE &&
		    !match_frame(&f->prefix, rte_pktmbuf_mtod(m[i], uint8_t *), m[i]->data_len))
			continue;
		copy(r,
		     &(struct capture_slot){ .what = CAPTURE_FRAMES,
					     .out = out,
					     .tunnel = CAPTURE_ANY,
					     .port = port },
		     m[i]);
	}
}

/* ---- main --------------------------------------------------------------------------------- */

static struct capture_ring *ring_new(const struct dataplane *dp, const struct capture_filter *f)
{
	struct capture_ring *r = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*r));

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->filter = *f;
	r->port = f->port == CAPTURE_ANY ? UINT16_MAX : dp->port[f->port].id;
	r->snaplen = RTE_MIN(f->snaplen ? f->snaplen : UINT16_MAX,
			     (uint32_t)rte_pktmbuf_data_room_size(dp->pool));
	r->slot_bytes = RTE_ALIGN_CEIL((uint32_t)sizeof(struct capture_slot) + r->snaplen,
				       RTE_CACHE_LINE_SIZE);
	r->slots = SLOTS_MIN;
	while (r->slots < SLOTS_MAX && 2 * r->slots * r->slot_bytes <= RING_BYTES)
		r->slots *= 2;
	r->memory = aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)r->slots * r->slot_bytes);
	if (!r->memory) {
		free(r);
		return NULL;
	}
	return r;
}

void dataplane_capture_free(struct capture *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n_workers; i++) {
		if (c->ring[i])
			free(c->ring[i]->memory);
		free(c->ring[i]);
	}
	free(c);
}

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int dataplane_capture_start(struct dataplane *dp, const struct capture_filter *filter,
			    struct capture **out)
{
	struct capture *c;

	if (dp->capture)
		return -EBUSY;
	if (filter->port != CAPTURE_ANY && filter->port >= dp->n_ports)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->n_workers = dp->n_workers;
	c->tsc = rte_rdtsc();
	c->nanoseconds = nanoseconds();
	c->hz = rte_get_tsc_hz();
	for (unsigned i = 0; i < dp->n_ports; i++)
		c->port_of[dp->port[i].id] = i;
	for (unsigned i = 0; i < c->n_workers; i++) {
		c->ring[i] = ring_new(dp, filter);
		if (!c->ring[i]) {
			dataplane_capture_free(c);
			return -ENOMEM;
		}
	}
	dp->capture = *out = c;
	for (unsigned i = 0; i < c->n_workers; i++)
		watch_capture(dp->worker[i], c->ring[i]);
	return 0;
}

static void at_rest(void *owner, void *thing, uint32_t index)
{
	struct capture *c = thing;

	c->done(c->ctx, c);
}

void dataplane_capture_stop(struct dataplane *dp, struct capture *c,
			    void (*done)(void *ctx, struct capture *c), void *ctx)
{
	c->done = done;
	c->ctx = ctx;
	dp->capture = NULL;
	for (unsigned i = 0; i < c->n_workers; i++)
		watch_capture(dp->worker[i], NULL);
	retire(&dp->retired, dp->tables.qsbr, at_rest, dp, c, 0);
	doorbell_ring(&dp->main_bell);
}

/* ---- reader ------------------------------------------------------------------------------- */

static bool take(struct capture *c, struct capture_ring *r, struct capture_packet *out)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	const struct capture_slot *s;

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return false;
	s = slot(r, tail);
	*out = (struct capture_packet){
		.nanoseconds = c->nanoseconds +
			       (uint64_t)((double)(s->tsc - c->tsc) * 1e9 / (double)c->hz),
		.len = s->len,
		.caplen = s->caplen,
		.tunnel = s->tunnel,
		.port = c->port_of[s->port],
		.what = s->what,
		.out = s->out,
		.data = s->data,
	};
	r->holds = true;
	return true;
}

bool dataplane_capture_next(struct capture *c, struct capture_packet *out)
{
	for (unsigned i = 0; i < c->n_workers; i++) {
		struct capture_ring *r = c->ring[i];

		if (r->holds)
			atomic_fetch_add_explicit(&r->tail, 1, memory_order_release);
		r->holds = false;
	}
	/* Each in its turn, so that none starves. */
	for (unsigned i = 0; i < c->n_workers; i++) {
		c->next = (c->next + 1) % c->n_workers;
		if (take(c, c->ring[c->next], out))
			return true;
	}
	return false;
}

void dataplane_capture_counts(const struct capture *c, uint64_t *matched, uint64_t *lost)
{
	*matched = *lost = 0;
	for (unsigned i = 0; i < c->n_workers; i++) {
		*matched += atomic_load_explicit(&c->ring[i]->matched, memory_order_relaxed);
		*lost += atomic_load_explicit(&c->ring[i]->lost, memory_order_relaxed);
	}
}

/* The worker's loop: a packet's way through the gateway, in the order in which it lives it.
 *
 *     control    orders of the negotiator: SAs come, go and move
 *     rx         a burst of frames from a queue, or of packets from another thread
 *     classify   what is it, and whose
 *     esp in     decrypt, verify, replay window, selectors
 *     forward    route to a neighbour, a tunnel or us
 *     esp out    number, encapsulate, encrypt
 *     link       the neighbour's head
 *     tx         one burst for each port, one for each worker that gets packets from here
 */
#include "dataplane/worker.h"

#include "conf/rights.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include <time.h>

#define QUIESCENT_LOOPS 64   /* loops with work between two reports to the writers */
#define IDLE_LOOPS	2000 /* empty loops before the first nap */
#define NAP_MIN		50   /* microseconds */
#define NAP_MAX		4000

/* ---- packets to and from other threads ---------------------------------------------------- */

static void flush_hand(struct worker *w, unsigned to)
{
	unsigned n = w->n_hand[to], sent;

	sent = rte_ring_sp_enqueue_burst(w->handover[to], (void **)w->hand[to], n, NULL);
	counter_add(&w->stats.handed_over, sent);
	for (; sent < n; sent++)
		worker_drop(w, w->hand[to][sent], DROP_HANDOVER_FULL);
	w->n_hand[to] = 0;
}

void worker_hand_over(struct worker *w, unsigned to, struct rte_mbuf *m)
{
	if (w->n_hand[to] == BURST_MAX)
		flush_hand(w, to);
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_HANDED, to);
	w->hand[to][w->n_hand[to]++] = m;
}

void worker_transmit(struct worker *w, uint16_t port)
{
	struct tx_port *t = &w->tx[port];
	unsigned sent;

	if (t->worker != w->index) {
		for (unsigned i = 0; i < t->n; i++) {
			tag_set(t->pkt[i], TAG_FRAME, 0, port);
			worker_hand_over(w, t->worker, t->pkt[i]);
		}
		t->n = 0;
		return;
	}
	if (unlikely(w->watched))
		watch_sent(w, port, t->pkt, t->n);
	sent = rte_eth_tx_burst(port, t->queue, t->pkt, (uint16_t)t->n);
	counter_add(&w->stats.tx_packets, sent);
	for (; sent < t->n; sent++)
		worker_drop(w, t->pkt[sent], DROP_TX_FULL);
	t->n = 0;
}

/* For writing: a line that comes to be read only would be asked for once more. */
static inline void prefetch_own(void *p)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(char *)p));
}

/* Packets of another thread go to the lanes that their tags name. They lie in that thread's caches:
 * their descriptors start to come all at once, their data as soon as it is known where that is. */
static void sort(struct worker *w, struct burst *b)
{
	for (unsigned i = 0; i < b->n_frame; i++)
		prefetch_own(b->frame[i]);
	for (unsigned i = 0; i < b->n_frame; i++) {
		struct rte_mbuf *m = b->frame[i];
		const struct tag tag = *tag_of(m);

		prefetch_own(packet(m) - RTE_CACHE_LINE_SIZE);
		prefetch_own(packet(m));
		prefetch_own(packet(m) + RTE_CACHE_LINE_SIZE);
		switch (tag.kind) {
		case TAG_ESP_IN:
			burst_add_in(b, m, tag.value, tag.at);
			break;
		case TAG_ESP_OUT:
			burst_add_out(b, m, tag.value);
			break;
		case TAG_ROUTE:
			burst_add_ip(b, m, tag.value | BURST_OWN);
			break;
		case TAG_FRAGMENT:
			classify_underlay(w, b, m, m->port);
			break;
		case TAG_LINK:
			burst_add_link(b, m, tag.value);
			break;
		default: /* TAG_FRAME */
			link_frame(w, (uint16_t)tag.value, m);
		}
	}
	b->n_frame = 0;
}

/* ---- the loop ----------------------------------------------------------------------------- */

struct stopwatch {
	uint64_t tsc;
};

static inline void phase_done(struct worker *w, struct stopwatch *s, enum worker_phase phase,
			      unsigned packets)
{
	uint64_t now = rte_rdtsc();

	counter_add(&w->stats.phase_cycles[phase], now - s->tsc);
	counter_add(&w->stats.phase_packets[phase], packets);
	s->tsc = now;
}

typedef void (*phase_fn)(struct worker *w, struct burst *b);

static __rte_always_inline void do_phase(struct worker *w, struct burst *b, phase_fn phase,
					 enum worker_phase which, bool watched)
{
	if (watched)
		watch_before(w, b, which);
	phase(w, b);
	if (watched)
		watch_after(w, b, which);
}

static __rte_always_inline void run_phases(struct worker *w, struct burst *b, struct stopwatch *s,
					   bool watched)
{
	unsigned n;

	n = b->n_in;
	if (n) {
		do_phase(w, b, esp_in, PHASE_ESP_IN, watched);
		phase_done(w, s, PHASE_ESP_IN, n);
	}
	n = b->n_ip;
	if (n) {
		do_phase(w, b, forward, PHASE_FORWARD, watched);
		phase_done(w, s, PHASE_FORWARD, n);
	}
	n = b->n_out;
	if (n) {
		do_phase(w, b, esp_out, PHASE_ESP_OUT, watched);
		phase_done(w, s, PHASE_ESP_OUT, n);
	}
	n = b->n_link;
	if (n) {
		do_phase(w, b, link_out, PHASE_TX, watched);
		phase_done(w, s, PHASE_TX, 0);
	}
}

/* The same with somebody looking on. */
static __rte_noinline void run_watched(struct worker *w, struct burst *b, struct stopwatch *s)
{
	watch_sorted(w, b);
	run_phases(w, b, s, true);
	watch_end(w);
}

static void run(struct worker *w, struct burst *b, struct stopwatch *s)
{
	if (unlikely(w->watched))
		run_watched(w, b, s);
	else
		run_phases(w, b, s, false);
}

static unsigned poll_ports(struct worker *w, struct burst *b, struct stopwatch *s)
{
	unsigned i, n, total = 0;

	for (i = 0; i < w->n_rx; i++) {
		const struct rx_queue *q = &w->rx[i];

		burst_reset(b);
		n = rte_eth_rx_burst(q->port, q->queue, b->frame, BURST_MAX);
		if (!n)
			continue;
		b->n_frame = n;
		total += n;
		if (unlikely(q->long_frames))
			classify_long_frames(w, b);
		phase_done(w, s, PHASE_RX, n);
		if (unlikely(w->watched))
			watch_frames(w, b, q->port);
		classify(w, b, q->port);
		phase_done(w, s, PHASE_CLASSIFY, n);
		run(w, b, s);
	}
	return total;
}

static unsigned poll_ring(struct worker *w, struct rte_ring *r, struct burst *b,
			  struct stopwatch *s)
{
	unsigned n;

	if (rte_ring_empty(r))
		return 0;
	burst_reset(b);
	n = rte_ring_sc_dequeue_burst(r, (void **)b->frame, BURST_MAX, NULL);
	b->n_frame = n;
	if (unlikely(w->watched))
		watch_taken(w, b);
	sort(w, b);
	phase_done(w, s, PHASE_RX, 0);
	run(w, b, s);
	return n;
}

static unsigned poll_threads(struct worker *w, struct burst *b, struct stopwatch *s)
{
	unsigned i, n = 0;

	for (i = 0; i < w->n_workers; i++) {
		if (i != w->index)
			n += poll_ring(w, w->arrival[i], b, s);
	}
	for (i = 0; i < INJECTORS; i++)
		n += poll_ring(w, w->inject[i], b, s);
	/* Nothing is left over: a tag may name what holds only until the next quiescent point. */
	while (!rte_ring_empty(w->again))
		n += poll_ring(w, w->again, b, s);
	return n;
}

static void flush(struct worker *w, struct stopwatch *s)
{
	uint64_t before = w->stats.tx_packets;
	unsigned i;

	for (i = 0; i < w->n_ports; i++) {
		if (w->tx[i].n)
			worker_transmit(w, (uint16_t)i);
	}
	for (i = 0; i < w->n_workers; i++) {
		if (w->n_hand[i])
			flush_hand(w, i);
	}
	phase_done(w, s, PHASE_TX, (unsigned)(w->stats.tx_packets - before));
}

/* Somebody else had the CPU. */
static __rte_noinline void paused(struct worker *w, uint64_t cycles)
{
	counter_add(&w->stats.pauses, 1);
	counter_set(&w->stats.longest_pause, RTE_MAX(w->stats.longest_pause, cycles));
}

unsigned worker_run_once(struct worker *w)
{
	struct stopwatch s = { rte_rdtsc() };
	uint64_t began = s.tsc;
	struct burst b;
	unsigned n, orders;

	if (unlikely(began - w->tsc > w->pause))
		paused(w, began - w->tsc);
	w->tsc = began;
	w->watched = atomic_load_explicit(&w->watch_set, memory_order_acquire);
	if (unlikely(w->watched))
		watch_turn(w);
	punt_refill(w, began);
	reassemble_expire(w);
	orders = worker_control(w);
	if (orders)
		phase_done(w, &s, PHASE_CONTROL, 0);
	n = poll_ports(w, &b, &s);
	counter_add(&w->stats.rx_packets, n);
	n += poll_threads(w, &b, &s);
	counter_add(&w->stats.loops, 1);
	if (n || orders) {
		flush(w, &s);
		counter_add(&w->stats.busy_loops, 1);
	} else {
		punt_ring_bells(w);
		counter_add(&w->stats.idle_cycles, rte_rdtsc() - began);
	}
	return n + orders;
}

/* Asleep, the worker refers to nothing that is shared, so nobody needs to wait for it. */
static void nap(struct worker *w, unsigned microseconds)
{
	struct timespec t = { .tv_nsec = microseconds * 1000L };
	uint64_t began = rte_rdtsc();

	rte_rcu_qsbr_thread_offline(w->tables->qsbr, w->index);
	nanosleep(&t, NULL);
	rte_rcu_qsbr_thread_online(w->tables->qsbr, w->index);
	counter_add(&w->stats.naps, 1);
	w->tsc = rte_rdtsc();
	counter_add(&w->stats.idle_cycles, w->tsc - began);
}

int worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned idle = 0, busy = 0, microseconds = NAP_MIN;

	rights_none();
	w->tsc = rte_rdtsc();
	rte_rcu_qsbr_thread_register(w->tables->qsbr, w->index);
	rte_rcu_qsbr_thread_online(w->tables->qsbr, w->index);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		if (worker_run_once(w)) {
			idle = 0;
			microseconds = NAP_MIN;
			if (++busy % QUIESCENT_LOOPS == 0)
				rte_rcu_qsbr_quiescent(w->tables->qsbr, w->index);
			continue;
		}
		rte_rcu_qsbr_quiescent(w->tables->qsbr, w->index);
		if (!w->idle_nap || ++idle < IDLE_LOOPS) {
			rte_pause();
			continue;
		}
		nap(w, microseconds);
		if (microseconds < NAP_MAX)
			microseconds++; /* eight idle seconds make it this slow */
	}
	rte_rcu_qsbr_thread_offline(w->tables->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(w->tables->qsbr, w->index);
	return 0;
}

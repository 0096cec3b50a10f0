/* Traces and captures, as a worker's loop sees them: looked at around each phase while one of them
 * is armed, and a single predictable test per burst while none is.
 *
 * Main arms and disarms; a worker takes notice when its next turn begins. Everything else here is
 * its worker's. */
#ifndef DATAPLANE_WATCH_H
#define DATAPLANE_WATCH_H

#include "dataplane/burst.h"
#include "dataplane/drop.h"
#include "dataplane/trace.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct capture_ring;
struct trace_log;
struct worker;

struct watch {
	/* main: w; worker: ro */
	struct trace_log *_Atomic trace_set;
	struct capture_ring *_Atomic capture_set;

	/* worker: rw */
	struct trace_log *trace; /* of this turn; NULL: none */
	struct capture_ring *capture;
	unsigned phase; /* enum worker_phase */
	/* What was known of the packets before a phase, to be found again behind it. */
	unsigned n_note, n_ip, n_link;
	struct {
		struct rte_mbuf *m;
		uint32_t tunnel;
	} note[BURST_MAX];
};

/* Main. NULL disarms. What the worker had before may be freed after a grace period. */
void watch_trace(struct worker *w, struct trace_log *log);
void watch_capture(struct worker *w, struct capture_ring *ring);

/* Worker, while it is watched (worker.h). */
void watch_turn(struct worker *w);					   /* once, at its begin */
void watch_frames(struct worker *w, const struct burst *b, uint16_t port); /* a burst begins */
void watch_taken(struct worker *w, const struct burst *b);
void watch_sorted(struct worker *w, const struct burst *b); /* into lanes */
void watch_before(struct worker *w, const struct burst *b, unsigned phase);
void watch_after(struct worker *w, const struct burst *b, unsigned phase);
void watch_end(struct worker *w); /* of the burst */
void watch_sent(struct worker *w, uint16_t port, struct rte_mbuf *const *m, unsigned n);
void watch_sealed(struct worker *w, struct rte_mbuf *m); /* before it is cut */
void watch_step(struct worker *w, struct rte_mbuf *m, enum trace_event event, uint32_t a);

#endif

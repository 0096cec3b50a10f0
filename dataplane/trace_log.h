/* One worker's side of a trace: steps of the packets of the burst in hand, and those that matched.
 *
 * Owned by its worker; main reads what is published (n). */
#ifndef DATAPLANE_TRACE_LOG_H
#define DATAPLANE_TRACE_LOG_H

#include "dataplane/burst.h"
#include "dataplane/trace.h"

#include <stdatomic.h>

struct trace_entry {
	struct rte_mbuf *m;
	bool matched, over;
	struct trace_packet packet;
};

struct trace_log {
	struct trace_filter filter;
	unsigned max, worker;
	uint64_t tsc;
	unsigned n_entry;
	struct trace_entry entry[BURST_MAX];
	_Atomic unsigned n; /* worker: w; main: ro */
	struct trace_packet packet[];
};

/* A burst begins, and ends: what matched is published. */
void trace_log_begin(struct trace_log *t, uint64_t tsc);
void trace_log_end(struct trace_log *t);
/* A packet as it came; frame: at its Ethernet header. */
void trace_log_packet(struct trace_log *t, struct rte_mbuf *m, bool frame);
/* What is inside: data at its IP header. */
void trace_log_inner(struct trace_log *t, struct rte_mbuf *m);
/* Packets that came in no other way begin here. The last steps are left out if there are too many.
 */
void trace_log_step(struct trace_log *t, struct rte_mbuf *m, unsigned phase, enum trace_event event,
		    uint32_t a, uint32_t b);
/* It waits for its port's queue, unless something else was said of it. */
void trace_log_sent(struct trace_log *t, struct rte_mbuf *m, uint32_t port);
/* Every packet of which nobody said where it went. */
void trace_log_rest(struct trace_log *t, const struct burst *b, unsigned phase);

#endif

/* What happened between two nodes, as a line of words: every message with its meaning, every SA
 * that was installed, switched to or removed.
 *
 *   0>rekey(A)   node 0 sends a request; 1<child an answer
 *   0>J:...      under another IKE SA than the first, which is I
 *   !  ~  "      after a message: it gets lost, is late, or is delivered twice
 *   1+B          node 1 accepts on the inbound SA of pair B
 *   0=B          node 0 sends on pair B from now on; 0=none: on nothing
 *   0-A          node 0's inbound SA of pair A is gone
 *   /            nothing happened for half a second or longer
 *   ...          what stands before it happened again, perhaps often
 *
 * Pairs are named in the order in which they come to be, A being there at the start; IKE SAs
 * likewise from I. Messages are opened with the sender's own keys. */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include "tests/sim/sim.h"

#define TRACE_NAMES 24

struct sim_trace {
	char text[8192];
	size_t n;
	size_t part;	  /* where what follows the last / starts */
	char before[512]; /* the part before it */
	bool repeats;	  /* which came more than once */
	ike_time last;
	uint32_t pair[TRACE_NAMES][2]; /* SPIs of both directions */
	uint64_t ike[TRACE_NAMES];     /* the initiator's SPI */
	unsigned n_pairs, n_ikes;
};

/* From now on; what is there is A and I. The trace belongs to the caller. */
void sim_trace_start(struct sim *s, struct sim_trace *t);
void sim_trace_message(struct sim *s, const struct sim_node *from, const uint8_t *data, size_t n,
		       sim_verdict verdict);
enum sim_change { SIM_INSTALLED = '+', SIM_SWITCHED = '=', SIM_REMOVED = '-' };
void sim_trace_sa(struct sim *s, const struct sim_node *node, enum sim_change change, uint32_t spi,
		  uint32_t peer_spi);

#endif

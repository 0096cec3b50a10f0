/* One worker's ring of copied packets: the worker writes, the capture's reader reads.
 *
 * Slots of equal size, their number a power of two. */
#ifndef DATAPLANE_CAPTURE_RING_H
#define DATAPLANE_CAPTURE_RING_H

#include "dataplane/burst.h"
#include "dataplane/capture.h"

#include <stdatomic.h>

struct capture_slot {
	uint64_t tsc;
	uint32_t len, tunnel;
	uint16_t caplen, port; /* DPDK port */
	uint8_t what, out;
	uint8_t data[];
};

struct capture_ring {
	/* constant */
	struct capture_filter filter;
	uint16_t port; /* filter.port as DPDK knows it; UINT16_MAX: any */
	uint32_t slots, slot_bytes, snaplen;
	uint8_t *memory;

	/* worker: w */
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic uint32_t head;
	_Atomic uint64_t matched, lost;

	/* reader: w */
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic uint32_t tail;
	bool holds; /* the slot at tail is in the reader's hands */
};

/* Worker. A packet at its IP header; frames. */
void capture_packet(struct capture_ring *r, enum capture_what what, uint32_t tunnel, bool out,
		    const struct rte_mbuf *m);
void capture_frames(struct capture_ring *r, uint16_t port, bool out, struct rte_mbuf *const *m,
		    unsigned n);

#endif

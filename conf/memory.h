/* How workers.memory_mb is divided, and how much it must be for what is configured.
 *
 * The dataplane makes its packet buffers by this, and asserts that whatever else it needs is no
 * larger than it is taken for here. Any thread. */
#ifndef CONF_MEMORY_H
#define CONF_MEMORY_H

#include "conf/model.h"

#include <stdint.h>

/* What DPDK puts around a buffer of packets. */
#define MEMORY_AROUND 192
#define MEMORY_BURST  64 /* packets that a worker has in hand */
/* Of an af_packet port. Linux joins the fragments of IPv4 before such a socket sees them
 * (PACKET_FANOUT_FLAG_DEFRAG): a shorter frame would cut the datagram off. The driver and the
 * kernel take 80 bytes of it at most. */
#define MEMORY_FRAME	  16384
#define MEMORY_FRAME_ROOM (MEMORY_FRAME + 128)
#define MEMORY_DATAGRAMS  (127 * (16320 + MEMORY_AROUND)) /* joined from fragments */
#define MEMORY_WORKER	  (2304u << 10)			  /* a worker's own */
#define MEMORY_HANDOVER	  (9u << 10)			  /* from one worker to another */
#define MEMORY_TUNNEL	  (7u << 10)			  /* four SAs: two are being rekeyed */

struct memory_plan {
	unsigned room;	  /* bytes in a buffer, the space before a packet among them */
	unsigned buffers; /* of all workers */
	unsigned frames;  /* the same of MEMORY_FRAME_ROOM; 0: no port needs them */
	unsigned least_mb;
};

/* Half of the memory is for packets, or what the ports' queues keep if that is more. */
struct memory_plan memory_plan(const struct conf *c);

#endif

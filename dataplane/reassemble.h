/* Outer fragments put together again: of ESP and of UDP, to our own addresses (RFC 791 §3.2, RFC
 * 8200 §4.5).
 *
 * One worker's; a datagram's fragments all go to the worker that its addresses and identification
 * choose. Bounded in datagrams, in those of one sender, in pieces, in bytes and in time: when
 * something is full, the oldest datagram goes. Fragments that overlap take their datagram with
 * them, and those of it that are still to come (RFC 5722); so does one that makes it too large. */
#ifndef DATAPLANE_REASSEMBLE_H
#define DATAPLANE_REASSEMBLE_H

#include "dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define REASSEMBLE_DATAGRAMS  64
#define REASSEMBLE_SENDER     8	    /* datagrams of one source address */
#define REASSEMBLE_PIECES     32    /* of one datagram; 16,000 bytes by an MTU of 576 are 29 */
#define REASSEMBLE_PIECES_ALL 1024  /* of all, where there are buffers enough */
#define REASSEMBLE_BYTES      16000 /* of one datagram, behind its header; MEMORY_FRAME holds it */
#define REASSEMBLE_SECONDS    5

struct worker;
struct reassembly;

/* large: buffers of REASSEMBLE_BUFFER bytes, for datagrams that their first piece's buffer does not
 * hold. pieces: how many buffers may wait here. node: where its memory is. NULL: none is left. */
#define REASSEMBLE_BUFFER (REASSEMBLE_BYTES + RTE_PKTMBUF_HEADROOM + 192)
struct reassembly *reassembly_new(struct rte_mempool *large, unsigned pieces, int node);
void reassembly_free(struct reassembly *r); /* NULL is fine */

static inline bool is_fragment(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ((ip[6] & 0x3f) | ip[7]) != 0 : ip[6] == PROTO_FRAGMENT;
}

/* Takes a fragment, a whole IP packet at the data's begin that came by m->port; returns the
 * datagram that it completes, without a trace of having been cut, its port that of all pieces, or
 * UINT16_MAX. NULL: none yet, or another worker's matter. */
struct rte_mbuf *reassemble(struct worker *w, struct rte_mbuf *m);

/* Once per turn of the loop: gives up what has waited too long. */
void reassemble_expire(struct worker *w);
unsigned reassemble_waiting(const struct worker *w); /* datagrams, refused ones as well */

#endif

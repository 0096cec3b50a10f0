/* Outer fragments put together again: of ESP and of UDP, to our own addresses (RFC 791 §3.2, RFC
 * 8200 §4.5).
 *
 * One worker's; a datagram's fragments all go to the worker that its addresses and identification
 * choose. Bounded in datagrams, in those of one sender, in pieces and in time: when something is
 * full, the oldest datagram goes. Fragments that overlap take their datagram with them (RFC 5722).
 */
#ifndef DATAPLANE_REASSEMBLE_H
#define DATAPLANE_REASSEMBLE_H

#include "dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define REASSEMBLE_DATAGRAMS 64
#define REASSEMBLE_SENDER    8	/* datagrams of one source address */
#define REASSEMBLE_PIECES    16 /* of one datagram */
#define REASSEMBLE_SECONDS   5

struct worker;
struct reassembly;

struct reassembly *reassembly_new(void);    /* NULL: no memory */
void reassembly_free(struct reassembly *r); /* NULL is fine */

static inline bool is_fragment(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ((ip[6] & 0x3f) | ip[7]) != 0 : ip[6] == PROTO_FRAGMENT;
}

/* Takes a fragment, a whole IP packet at the data's begin; returns the datagram that it completes,
 * without a trace of having been cut. NULL: none yet, or another worker's matter. */
struct rte_mbuf *reassemble(struct worker *w, struct rte_mbuf *m);

/* Once per turn of the loop: gives up what has waited too long. */
void reassemble_expire(struct worker *w);
unsigned reassemble_waiting(const struct worker *w); /* datagrams */

#endif

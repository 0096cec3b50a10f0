/* What a decrypted packet must be (RFC 4301 §5.2): within its SA's traffic selectors and the
 * tunnel's bandwidth, and not from an address of ours or of another tunnel's peer. */
#ifndef DATAPLANE_POLICY_H
#define DATAPLANE_POLICY_H

#include "dataplane/packet.h"
#include "dataplane/sa.h"
#include "dataplane/tables.h"
#include "dataplane/worker.h"

/* For SAs with one of SA_POLICY: drops and counts what may not pass. m: the inner packet. */
bool policy_pass(struct worker *w, struct sa *sa, struct rte_mbuf *m);

/* A set of all our addresses and inner peers in any table that has a few others in it as well. */
static inline uint32_t own_hash(const uint8_t *addr, bool v4)
{
	return mix32(v4 ? get32(addr) : get64(addr) ^ get64(addr + 8)) >> (32 - OWN_ORDER);
}

static inline bool policy_may_be_own(const struct tables *t, const uint8_t *ip)
{
	uint32_t bit = ip[0] >> 4 == 4 ? own_hash(ip + 12, true) : own_hash(ip + 8, false);

	return t->own[bit / 64] >> (bit % 64) & 1;
}

/* Has a packet from this tunnel the source of somebody else who speaks with us, as far as the table
 * knows: an address of ours, or another tunnel's inner peer? BGP and BFD tell peers by address. */
bool policy_is_spoofed(const struct tables *t, uint32_t table, uint32_t tunnel, const uint8_t *ip);
/* Is it the tunnel's inner peer? */
bool policy_is_peer(const struct tunnel *t, const uint8_t *ip);

#endif

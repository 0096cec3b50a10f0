/* The addresses that peers' IKE messages come from: a set that has a few others in it as well, so
 * that a flood of strangers leaves peers their budget. Marks stay until the process ends.
 *
 * Main marks what tunnels are configured with, the negotiator where authenticated peers turned out
 * to be; workers look. */
#ifndef DATAPLANE_PEERS_H
#define DATAPLANE_PEERS_H

#include "dataplane/packet.h"
#include "dataplane/tables.h"

/* Two bits an address: of 10,000 peers' set a stranger is taken for one of them once in 170 times.
 */
static inline uint32_t peers_hash(const uint8_t *addr, bool v4)
{
	return mix32((v4 ? get32(addr) : get64(addr) ^ get64(addr + 8) * 31) + 1);
}

static inline uint32_t peers_second(uint32_t hash)
{
	return mix32(hash) >> (32 - PEERS_ORDER);
}

static inline void peers_mark(struct tables *t, const struct addr *a)
{
	uint32_t hash = peers_hash(a->b, a->family == ADDR_IPV4);
	const uint32_t bits[] = { hash >> (32 - PEERS_ORDER), peers_second(hash) };

	for (unsigned i = 0; i < RTE_DIM(bits) && a->family != ADDR_NONE; i++)
		__atomic_fetch_or(&t->peers[bits[i] / 64], UINT64_C(1) << (bits[i] % 64),
				  __ATOMIC_RELAXED);
}

static inline bool peers_has_bit(const struct tables *t, uint32_t bit)
{
	return __atomic_load_n(&t->peers[bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1;
}

/* hash: peers_hash() of a packet's source. */
static inline bool peers_may_have(const struct tables *t, uint32_t hash)
{
	return peers_has_bit(t, hash >> (32 - PEERS_ORDER)) && peers_has_bit(t, peers_second(hash));
}

#endif

#include "dataplane/punt.h"

#include "dataplane/packet.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>

/* Packets a second and worker, and how many may come at once; `part`: one of so many of these is
 * what one origin gets, 0: there are no origins; `room`: packets that the ring must have room for
 * beside this one. */
static const struct {
	uint32_t rate, burst;
	uint16_t part, room;
} budgets[PUNT_CLASSES] = {
	[PUNT_IKE] = { 50000, 2048, 2, 128 },	  [PUNT_STRANGER] = { 50000, 2048, 4, 512 },
	[PUNT_ROUTING] = { 50000, 4096, 4, 512 }, [PUNT_NEIGH] = { 2000, 256, 0, 0 },
	[PUNT_VPC] = { 8000, 1024, 4, 256 },	  [PUNT_ICMP] = { 8000, 1024, 4, 256 },
	[PUNT_PATH_MTU] = { 100, 16, 0, 0 },	  [PUNT_RESOLVE] = { 4000, 1024, 4, 256 },
	[PUNT_ERROR] = { 4000, 1024, 4, 256 },	  [PUNT_OTHER] = { 4000, 1024, 4, 256 },
};

#define REFILLS_PER_SECOND 1000
_Static_assert(PUNT_PACKET == REFILLS_PER_SECOND, "a refill adds the rate");

static uint32_t refilled(uint32_t budget, uint64_t refills, uint32_t rate, uint32_t burst)
{
	uint64_t more = budget + refills * rate, most = (uint64_t)burst * PUNT_PACKET;

	return (uint32_t)RTE_MIN(more, most);
}

/* What is left of the class for who the tag names. NULL: all of it. */
static struct punt_origin *origin_of(struct punt *p, enum punt_class class, const struct tag *tag)
{
	struct punt_origin *o;

	if (!budgets[class].part)
		return NULL;
	o = &p->origin[class][mix32((uint64_t)tag->kind << 32 | tag->value) % PUNT_ORIGINS];
	o->budget =
		refilled(o->budget, p->tick - o->tick, budgets[class].rate / budgets[class].part,
			 budgets[class].burst / budgets[class].part);
	o->tick = p->tick;
	return o;
}

/* One packet off the budgets; false: one of them is spent. */
static bool spend(struct punt *p, enum punt_class class, const struct tag *tag)
{
	struct punt_origin *o;

	if (p->budget[class] < PUNT_PACKET)
		return false;
	o = origin_of(p, class, tag);
	if (o && o->budget < PUNT_PACKET)
		return false;
	p->budget[class] -= PUNT_PACKET;
	if (o)
		o->budget -= PUNT_PACKET;
	return true;
}

static bool enqueue(struct rte_ring *r, struct rte_mbuf *m, enum punt_class class)
{
	return rte_ring_free_count(r) > budgets[class].room && rte_ring_sp_enqueue(r, m) == 0;
}

void punt(struct worker *w, struct rte_mbuf *m, enum punt_class class)
{
	struct punt *p = &w->punt;
	bool ike = class == PUNT_IKE || class == PUNT_STRANGER || class == PUNT_PATH_MTU;

	if (!spend(p, class, tag_of(m))) {
		worker_drop(w, m, class == PUNT_RESOLVE ? DROP_UNRESOLVED : DROP_PUNT_BUDGET);
		return;
	}
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_PUNTED, class);
	if (!enqueue(ike ? p->to_negotiator : p->to_main, m, class)) {
		worker_drop(w, m, DROP_PUNT_FULL);
		return;
	}
	if (ike)
		p->ring_negotiator = true;
	else
		p->ring_main = true;
}

void punt_error(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	struct punt *p = &w->punt;

	counter_add(&w->stats.drop[reason], 1);
	if (unlikely(w->watched))
		watch_step(w, m, TRACE_DROPPED, reason);
	if (!spend(p, PUNT_ERROR, tag_of(m)) || !enqueue(p->to_main, m, PUNT_ERROR)) {
		rte_pktmbuf_free(m);
		return;
	}
	p->ring_main = true;
}

enum punt_class punt_class(const uint8_t *ip, unsigned len, bool inner)
{
	unsigned head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : IP6_BYTES;
	unsigned proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];
	const uint8_t *l4 = ip + head;
	unsigned to;

	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6)
		return PUNT_ICMP;
	if (!inner || len < head + 4)
		return PUNT_OTHER;
	to = get_be16(l4 + 2);
	if (proto == PROTO_TCP && (get_be16(l4) == TCP_BGP || to == TCP_BGP))
		return PUNT_ROUTING;
	if (proto == PROTO_UDP && (to == UDP_BFD || to == UDP_BFD_ECHO || to == UDP_BFD_MULTIHOP))
		return PUNT_ROUTING;
	return PUNT_OTHER;
}

void punt_refill(struct worker *w, uint64_t tsc)
{
	struct punt *p = &w->punt;
	uint64_t step = rte_get_tsc_hz() / REFILLS_PER_SECOND, steps;

	if (tsc - p->refilled < step)
		return;
	punt_ring_bells(w);
	steps = (tsc - p->refilled) / step;
	p->refilled += steps * step;
	if (steps > REFILLS_PER_SECOND)
		steps = REFILLS_PER_SECOND;
	p->tick += (uint32_t)steps;
	for (unsigned i = 0; i < PUNT_CLASSES; i++)
		p->budget[i] = refilled(p->budget[i], steps, budgets[i].rate, budgets[i].burst);
}

void punt_ring_bells(struct worker *w)
{
	struct punt *p = &w->punt;

	if (p->ring_main) {
		p->ring_main = false;
		doorbell_ring(p->main_bell);
	}
	if (p->ring_negotiator) {
		p->ring_negotiator = false;
		doorbell_ring(p->negotiator_bell);
	}
}

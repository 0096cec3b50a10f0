/* Route lookups of workers: from a packet's destination through at most three tables to a next
 * hop that is no table.
 *
 * Any thread that reports to tables->qsbr; what is found holds until its next report. */
#ifndef DATAPLANE_LOOKUP_H
#define DATAPLANE_LOOKUP_H

#include "dataplane/fib.h"
#include "dataplane/packet.h"
#include "dataplane/tables.h"

#define LOOKUP_TABLES 3

/* A next hop of kind NEXTHOP_TABLE is returned only if there were too many of them. */
static inline uint32_t lookup(const struct tables *t, uint32_t table, const uint8_t *ip)
{
	uint32_t nh = nexthop(NEXTHOP_NONE, 0);

	for (unsigned i = 0; i < LOOKUP_TABLES; i++) {
		const struct fib *fib = atomic_load_explicit(&t->fib[table], memory_order_acquire);

		if (unlikely(!fib))
			return nexthop(NEXTHOP_NONE, 0);
		nh = ip[0] >> 4 == 4 ? fib_lookup4(fib, get_be32(ip + 16))
				     : fib_lookup6(fib, ip + 24);
		if (nexthop_kind(nh) != NEXTHOP_TABLE)
			return nh;
		table = nexthop_index(nh);
	}
	return nh;
}

#endif

/* Tables as on the Internet, for the FIB's benchmark: prefix lengths by their shares there,
 * addresses drawn without repetition, in no order. */
#ifndef TESTS_BENCH_ROUTES_H
#define TESTS_BENCH_ROUTES_H

#include "conf/addr.h"

#include <stdint.h>

#define ROUTES_HOSTS	(1u << 20)
#define ROUTES_NEXTHOPS 4096 /* tunnels of a large gateway */

/* Hosts of random routes of theirs, so that where a lookup leads is not known beforehand. */
struct routes {
	unsigned n;
	struct prefix *route;
	uint32_t *host4;
	uint8_t (*host6)[16];
};

/* /8 to /24 in 1.0.0.0 to 223.255.255.255. */
void routes_make4(struct routes *r, unsigned n);
/* /20 to /48 in 40,000 allocations of /32. What a network makes of its own is spread evenly over
 * it: a trie has less to share than with the Internet's. */
void routes_make6(struct routes *r, unsigned n);
void routes_free(struct routes *r);

uint32_t routes_draw(void);
static inline uint32_t routes_nexthop(unsigned i)
{
	return 1 + i % ROUTES_NEXTHOPS;
}

#endif

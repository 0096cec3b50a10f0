/* What the dataplane's benchmarks run on: the bed between memory ports with thousands of tunnels,
 * each with a customer's network behind it, and neighbours that have answered.
 *
 * Functions end the program when they fail. */
#ifndef TESTS_BENCH_SITE_H
#define TESTS_BENCH_SITE_H

#include "tests/bench/feed.h"
#include "tests/golden/bed.h"

struct site {
	struct bed bed;
	char alg[40];
	struct dataplane_sa like; /* algorithms and keys of all SAs */
	uint8_t cipher_key[64], auth_key[64];
	unsigned tunnels;
	struct feed_tunnel *peer; /* by tunnel, from 1 */
};

/* "aes128gcm", "aes128-sha1". First of all. */
void site_algorithm(struct site *s, const char *name);
/* n workers on these CPUs, s->tunnels tunnels; tunnel t belongs to worker (t - 1) % n. */
void site_open(struct site *s, const unsigned *cpu, unsigned n);
/* The same between these devices, see bed_open_on(). */
void site_open_on(struct site *s, const char *const device[BED_PORTS], const unsigned *cpu,
		  unsigned n);
void site_close(struct site *s);

/* Up to a burst of the feed's frames from the i-th on. Returns how many. */
unsigned site_burst(const struct site *s, const struct feed *f, unsigned i, struct rte_mbuf **m);

uint64_t site_lost(const struct worker *w); /* packets that it dropped */
void site_blame(const struct worker *w);    /* ends the program with their reasons */

#endif

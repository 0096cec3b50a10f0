/* What lookups in our tables cost beside those in DPDK's. */
#ifndef TESTS_BENCH_FIB_LOOKUPS_H
#define TESTS_BENCH_FIB_LOOKUPS_H

#include "dataplane/fib.h"
#include "tests/bench/fib_peers.h"
#include "tests/bench/routes.h"

#include <stdbool.h>
#include <stdint.h>

struct bench {
	bool json, quick;
	struct routes v4, v6;
	double tsc_ghz;
	struct fib_heap *heap;
	struct fib *fib;
	struct fib_peers peers;
	uint64_t sink;		/* so that no lookup is for nothing */
	uint64_t pieces, whole; /* all, and those that had the core's whole width */
};

/* A figure. alg: whose it is, or what it belongs to. */
void row(const struct bench *b, const char *name, const char *alg, double value, const char *unit,
	 unsigned routes);

/* Of b->fib and those of b->peers that are filled; ends the program if they do not agree. */
void lookups4(struct bench *b);
void lookups6(struct bench *b);

#endif

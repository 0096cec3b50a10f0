/* Changes of a table while others look up in it. */
#ifndef TESTS_BENCH_FIB_UPDATES_H
#define TESTS_BENCH_FIB_UPDATES_H

#include "tests/bench/routes.h"

struct fib_updates {
	unsigned threads, cpus; /* a writer and its readers, and what they had */
	double changes_per_s, lookups_per_s;
};

/* Takes routes out of the whole table and puts them back with another next hop, for so long. */
struct fib_updates fib_updates(const struct routes *r, double seconds);

#endif

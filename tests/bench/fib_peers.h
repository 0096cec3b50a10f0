/* DPDK's own tables with the same routes: rte_lpm, rte_fib (DIR24_8) and rte_fib6 (trie). */
#ifndef TESTS_BENCH_FIB_PEERS_H
#define TESTS_BENCH_FIB_PEERS_H

#include "tests/bench/routes.h"

#include <stdbool.h>

/* rte_lpm searches all rules of a length, one after the other, for each one that is added: a
 * million take minutes. That is measured with fewer; a lookup knows nothing of the rules, only of
 * the table, which lpm_fill() writes as they would have. */
#define LPM_ADDED 50000

struct rte_lpm;
struct rte_fib;
struct rte_fib6;

struct fib_peers {
	struct rte_lpm *lpm;
	struct rte_fib *fib;
	struct rte_fib6 *fib6;
};

/* Each ends the program where memory does not suffice, and returns the TSC cycles of an addition
 * or a deletion. */
double lpm_add(struct fib_peers *p, const struct routes *r); /* the first LPM_ADDED routes */
void lpm_fill(struct fib_peers *p, const struct routes *r);
double fib_add(struct fib_peers *p, const struct routes *r);
double fib_remove(struct fib_peers *p, const struct routes *r, unsigned n);
double fib6_add(struct fib_peers *p, const struct routes *r);
void peers_free(struct fib_peers *p);

/* rte_fib's lookup, rte_fib6's. False: there is no such one on this machine. */
bool fib_select(struct fib_peers *p, bool vector);
bool fib6_select(struct fib_peers *p, bool vector);
/* Next hops of n hosts; rte_lpm's are whole entries. */
void lpm_look_up(const struct fib_peers *p, const uint32_t *host, uint32_t *nh, unsigned n);
void fib_look_up(const struct fib_peers *p, uint32_t *host, uint64_t *nh, unsigned n);
void fib6_look_up(const struct fib_peers *p, uint8_t (*host)[16], uint64_t *nh, unsigned n);
uint32_t lpm_nexthop(uint32_t entry); /* 0: no route */

#endif

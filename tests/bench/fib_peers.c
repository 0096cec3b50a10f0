#include "tests/bench/fib_peers.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>

/* Its bulk lookup has an array of variable length. */
#pragma GCC diagnostic ignored "-Wvla"
#include <rte_lpm.h>

#include <err.h>

static double each(uint64_t began, unsigned n)
{
	return (double)(rte_rdtsc() - began) / n;
}

/* ---- rte_lpm ------------------------------------------------------------------------------- */

static void lpm_make(struct fib_peers *p, unsigned rules)
{
	struct rte_lpm_config conf = { .max_rules = rules, .number_tbl8s = 256 };

	p->lpm = rte_lpm_create("bench", SOCKET_ID_ANY, &conf);
	if (!p->lpm)
		errx(1, "rte_lpm: %s", rte_strerror(rte_errno));
}

double lpm_add(struct fib_peers *p, const struct routes *r)
{
	uint64_t began;
	double cycles;

	lpm_make(p, LPM_ADDED + 1);
	began = rte_rdtsc();
	for (unsigned i = 0; i < LPM_ADDED; i++)
		if (rte_lpm_add(p->lpm, addr_to_ipv4(&r->route[i].addr), r->route[i].len,
				routes_nexthop(i)) < 0)
			errx(1, "rte_lpm is full");
	cycles = each(began, LPM_ADDED);
	rte_lpm_free(p->lpm);
	p->lpm = NULL;
	return cycles;
}

void lpm_fill(struct fib_peers *p, const struct routes *r)
{
	lpm_make(p, 1);
	for (unsigned len = 0; len <= 24; len++)
		for (unsigned i = 0; i < r->n; i++) {
			uint32_t first = addr_to_ipv4(&r->route[i].addr) >> 8;

			if (r->route[i].len != len)
				continue;
			for (uint32_t slot = first; slot < first + (1u << (24 - len)); slot++)
				p->lpm->tbl24[slot] = (struct rte_lpm_tbl_entry){
					.next_hop = routes_nexthop(i) & 0xffffff,
					.valid = 1,
					.depth = len & 0x3f,
				};
		}
}

void lpm_look_up(const struct fib_peers *p, const uint32_t *host, uint32_t *nh, unsigned n)
{
	rte_lpm_lookup_bulk(p->lpm, host, nh, n);
}

uint32_t lpm_nexthop(uint32_t entry)
{
	return entry & RTE_LPM_LOOKUP_SUCCESS ? entry & 0xffffff : 0;
}

/* ---- rte_fib ------------------------------------------------------------------------------- */

double fib_add(struct fib_peers *p, const struct routes *r)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.max_routes = (int)r->n * 2,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 1024 },
	};
	uint64_t began;

	p->fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);
	if (!p->fib)
		errx(1, "rte_fib: %s", rte_strerror(rte_errno));
	began = rte_rdtsc();
	for (unsigned i = 0; i < r->n; i++)
		if (rte_fib_add(p->fib, addr_to_ipv4(&r->route[i].addr), r->route[i].len,
				routes_nexthop(i)) < 0)
			errx(1, "rte_fib is full");
	return each(began, r->n);
}

double fib_remove(struct fib_peers *p, const struct routes *r, unsigned n)
{
	uint64_t began = rte_rdtsc();

	for (unsigned i = 0; i < n; i++)
		if (rte_fib_delete(p->fib, addr_to_ipv4(&r->route[i].addr), r->route[i].len) < 0)
			errx(1, "rte_fib does not know a route of its own");
	return each(began, n);
}

bool fib_select(struct fib_peers *p, bool vector)
{
	return rte_fib_select_lookup(p->fib, vector ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
						    : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO) == 0;
}

void fib_look_up(const struct fib_peers *p, uint32_t *host, uint64_t *nh, unsigned n)
{
	rte_fib_lookup_bulk(p->fib, host, nh, (int)n);
}

/* ---- rte_fib6 ------------------------------------------------------------------------------ */

double fib6_add(struct fib_peers *p, const struct routes *r)
{
	struct rte_fib6_conf conf = {
		.type = RTE_FIB6_TRIE,
		.max_routes = (int)r->n * 2,
		.trie = { .nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = 600000 },
	};
	uint64_t began;

	p->fib6 = rte_fib6_create("bench6", SOCKET_ID_ANY, &conf);
	if (!p->fib6)
		errx(1, "rte_fib6: %s", rte_strerror(rte_errno));
	began = rte_rdtsc();
	for (unsigned i = 0; i < r->n; i++)
		if (rte_fib6_add(p->fib6, r->route[i].addr.b, r->route[i].len, routes_nexthop(i)) <
		    0)
			errx(1, "rte_fib6 is full after %u routes", i);
	return each(began, r->n);
}

bool fib6_select(struct fib_peers *p, bool vector)
{
	return rte_fib6_select_lookup(p->fib6, vector ? RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512
						      : RTE_FIB6_LOOKUP_TRIE_SCALAR) == 0;
}

void fib6_look_up(const struct fib_peers *p, uint8_t (*host)[16], uint64_t *nh, unsigned n)
{
	rte_fib6_lookup_bulk(p->fib6, host, nh, (int)n);
}

void peers_free(struct fib_peers *p)
{
	rte_lpm_free(p->lpm);
	rte_fib_free(p->fib);
	rte_fib6_free(p->fib6);
	*p = (struct fib_peers){ 0 };
}

#include "tests/bench/fib_lookups.h"

#include "tests/bench/machine.h"
#include "tests/bench/median.h"

#include <rte_cycles.h>

#include <err.h>
#include <string.h>

#define BURST  64
#define PIECE  (64 * BURST) /* lookups that count together */
#define PASSES 9
#define PIECES (PASSES * (ROUTES_HOSTS / PIECE))
#define ENOUGH 100 /* pieces with the core's whole width, or the others have to do */

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* One who looks up the hosts from the i-th on, a burst of them. */
struct contender {
	const char *name;
	void (*look_up)(struct bench *b, unsigned i, uint64_t *nh);
	enum { NH64, NH32, ENTRY } found; /* next hops of so many bits, or entries of rte_lpm's */
	bool (*select)(struct fib_peers *p, bool vector); /* NULL: nothing to select */
	bool vector;
};

static void ours4(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_lookup4_many(b->fib, b->v4.host4 + i, (uint32_t *)nh, BURST);
}

static void ours4_each(struct bench *b, unsigned i, uint64_t *nh)
{
	for (unsigned k = 0; k < BURST; k++)
		((uint32_t *)nh)[k] = fib_lookup4(b->fib, b->v4.host4[i + k]);
}

static void ours6(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_lookup6_many(b->fib, (const uint8_t(*)[16])b->v6.host6 + i, (uint32_t *)nh, BURST);
}

static void ours6_each(struct bench *b, unsigned i, uint64_t *nh)
{
	for (unsigned k = 0; k < BURST; k++)
		((uint32_t *)nh)[k] = fib_lookup6(b->fib, b->v6.host6[i + k]);
}

static void lpm4(struct bench *b, unsigned i, uint64_t *nh)
{
	lpm_look_up(&b->peers, b->v4.host4 + i, (uint32_t *)nh, BURST);
}

static void fib4(struct bench *b, unsigned i, uint64_t *nh)
{
	fib_look_up(&b->peers, b->v4.host4 + i, nh, BURST);
}

static void fib6(struct bench *b, unsigned i, uint64_t *nh)
{
	fib6_look_up(&b->peers, b->v6.host6 + i, nh, BURST);
}

static const struct contender contender4[] = {
	{ "isthmus", ours4, NH32, NULL, false },
	{ "isthmus_each", ours4_each, NH32, NULL, false },
	{ "rte_lpm", lpm4, ENTRY, NULL, false },
	{ "rte_fib", fib4, NH64, fib_select, false },
	{ "rte_fib_avx512", fib4, NH64, fib_select, true },
};

static const struct contender contender6[] = {
	{ "isthmus", ours6, NH32, NULL, false },
	{ "isthmus_each", ours6_each, NH32, NULL, false },
	{ "rte_fib6", fib6, NH64, fib6_select, false },
	{ "rte_fib6_avx512", fib6, NH64, fib6_select, true },
};

#define CONTENDERS ARRAY_LEN(contender4)

static uint64_t found(const struct contender *c, const uint64_t *nh, unsigned k)
{
	uint32_t narrow = ((const uint32_t *)nh)[k];

	return c->found == NH64 ? nh[k] : c->found == NH32 ? narrow : lpm_nexthop(narrow);
}

/* Every host, against the first one. */
static void agree(struct bench *b, const struct contender *c, const struct contender *with)
{
	uint64_t nh[BURST], other[BURST];

	for (unsigned i = 0; i < ROUTES_HOSTS; i += BURST) {
		c->look_up(b, i, nh);
		with->look_up(b, i, other);
		for (unsigned k = 0; k < BURST; k++)
			if (!found(c, nh, k) || found(c, nh, k) != found(with, other, k))
				errx(1, "host %u: %s says %u, %s %u", i + k, c->name,
				     (unsigned)found(c, nh, k), with->name,
				     (unsigned)found(with, other, k));
	}
}

struct pieces {
	double of[2][PIECES]; /* [1]: those that had the core's whole width */
	unsigned n[2];
};

static void pass(struct bench *b, const struct contender *c, struct pieces *to)
{
	bool whole = machine_whole_core(), was_whole;
	uint64_t switches = share_switches(), nh[BURST];

	for (unsigned i = 0; i < ROUTES_HOSTS; i += PIECE) {
		uint64_t began = rte_rdtsc(), took;

		for (unsigned k = i; k < i + PIECE; k += BURST) {
			c->look_up(b, k, nh);
			b->sink += nh[0] ^ nh[BURST - 1];
		}
		took = rte_rdtsc() - began;
		was_whole = whole;
		whole = machine_whole_core();
		if (share_switches() == switches && to->n[whole && was_whole] < PIECES)
			to->of[whole && was_whole][to->n[whole && was_whole]++] =
				(double)took / PIECE;
		switches = share_switches();
	}
}

static void lookups(struct bench *b, const struct contender *c, unsigned n, unsigned routes)
{
	static struct pieces pieces[CONTENDERS];
	unsigned passes = b->quick ? 5 : PASSES;
	bool there[CONTENDERS];
	double cycles[CONTENDERS];

	memset(pieces, 0, sizeof(pieces));
	for (unsigned p = 0; p <= passes; p++) /* the first one warms up */
		for (unsigned i = 0; i < n; i++) {
			there[i] = !c[i].select || c[i].select(&b->peers, c[i].vector);
			if (p == 0 && i && there[i])
				agree(b, &c[i], &c[0]);
			if (there[i])
				pass(b, &c[i], &pieces[i]);
			if (p == 0)
				pieces[i].n[0] = pieces[i].n[1] = 0;
		}
	for (unsigned i = 0; i < n; i++) {
		bool whole = pieces[i].n[1] >= ENOUGH;

		if (!there[i])
			continue;
		b->pieces += pieces[i].n[0] + pieces[i].n[1];
		b->whole += pieces[i].n[1];
		if (!pieces[i].n[whole])
			errx(1, "no piece of %s went undisturbed", c[i].name);
		cycles[i] = median_of(pieces[i].of[whole], pieces[i].n[whole]);
		row(b, "fib_lookup", c[i].name, cycles[i], "cycles", routes);
		if (i)
			row(b, "fib_lookup_gain", c[i].name, cycles[i] / cycles[0], "times",
			    routes);
	}
}

void lookups4(struct bench *b)
{
	lookups(b, contender4, ARRAY_LEN(contender4), b->v4.n);
}

void lookups6(struct bench *b)
{
	lookups(b, contender6, ARRAY_LEN(contender6), b->v6.n);
}

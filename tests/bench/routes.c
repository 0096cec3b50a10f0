#include "tests/bench/routes.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCATIONS 40000

static uint64_t rng = 88172645463325252u;

uint32_t routes_draw(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16);
}

/* A length, of which there are so many among a thousand routes. */
struct share {
	uint8_t len;
	uint16_t weight;
};

static unsigned draw_length(const struct share *s)
{
	uint32_t at = routes_draw() % 1000;

	for (; at >= s->weight; s++)
		at -= s->weight;
	return s->len;
}

static void open_routes(struct routes *r, unsigned n)
{
	*r = (struct routes){ .n = n, .route = calloc(n, sizeof(*r->route)) };
	if (!r->route)
		errx(1, "no memory for routes");
}

void routes_make4(struct routes *r, unsigned n)
{
	static const struct share shares[] = { { 12, 1 },  { 13, 1 },  { 14, 1 },   { 15, 2 },
					       { 16, 14 }, { 17, 8 },  { 18, 14 },  { 19, 25 },
					       { 20, 44 }, { 21, 52 }, { 22, 110 }, { 23, 100 },
					       { 24, 628 } };
	uint8_t *seen = calloc(1, (size_t)25 << 21); /* a bit for each network of up to /24 */

	open_routes(r, n);
	r->host4 = malloc(ROUTES_HOSTS * sizeof(*r->host4));
	if (!seen || !r->host4)
		errx(1, "no memory for routes");
	for (unsigned i = 0; i < n;) {
		unsigned len = draw_length(shares);
		uint32_t addr = (routes_draw() % (223u << 24) + (1u << 24)) & ~UINT32_C(0)
										      << (32 - len);
		size_t bit = ((size_t)len << 24) + (addr >> 8);

		if (seen[bit / 8] & 1u << bit % 8)
			continue;
		seen[bit / 8] |= (uint8_t)(1u << bit % 8);
		r->route[i++] = (struct prefix){ addr_ipv4(addr), (uint8_t)len };
	}
	for (unsigned i = 0; i < ROUTES_HOSTS; i++) {
		const struct prefix *p = &r->route[routes_draw() % n];

		r->host4[i] = addr_to_ipv4(&p->addr) | routes_draw() >> p->len;
	}
	free(seen);
}

/* Bits from..to-1 of an address anew. */
static void draw_bits(uint8_t *addr, unsigned from, unsigned to)
{
	for (unsigned bit = from; bit < to; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		addr[bit / 8] = (uint8_t)((addr[bit / 8] & ~mask) | (routes_draw() & 1 ? mask : 0));
	}
}

/* Is it new? A set of all that came before, by open addressing. */
static bool is_new(const struct routes *r, uint32_t *set, uint32_t mask, unsigned i)
{
	uint64_t key;
	uint32_t at;

	memcpy(&key, r->route[i].addr.b, sizeof(key)); /* all bits of a /48 */
	at = (uint32_t)((key + r->route[i].len) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
	for (; set[at & mask]; at++)
		if (prefix_equal(&r->route[set[at & mask] - 1], &r->route[i]))
			return false;
	set[at & mask] = i + 1;
	return true;
}

void routes_make6(struct routes *r, unsigned n)
{
	static const struct share shares[] = { { 20, 1 },  { 28, 4 },	{ 29, 25 }, { 30, 5 },
					       { 31, 3 },  { 32, 120 }, { 33, 25 }, { 34, 20 },
					       { 35, 10 }, { 36, 45 },	{ 37, 5 },  { 38, 15 },
					       { 39, 7 },  { 40, 95 },	{ 41, 5 },  { 42, 20 },
					       { 43, 10 }, { 44, 95 },	{ 45, 15 }, { 46, 35 },
					       { 47, 30 }, { 48, 410 } };
	static const uint8_t registry[] = { 0x01, 0x03, 0x04, 0x06, 0x08, 0x0a, 0x0c }; /* 2x.. */
	static uint8_t allocation[ALLOCATIONS][4];
	uint32_t mask = 1, *set;

	while (mask < 2 * n)
		mask *= 2;
	set = calloc(mask--, sizeof(*set));
	open_routes(r, n);
	r->host6 = malloc(ROUTES_HOSTS * sizeof(*r->host6));
	if (!set || !r->host6)
		errx(1, "no memory for routes");
	for (unsigned i = 0; i < ALLOCATIONS; i++) {
		allocation[i][0] = (uint8_t)(0x20 | registry[routes_draw() % sizeof(registry)]);
		draw_bits(allocation[i], 12, 32);
	}
	for (unsigned i = 0; i < n;) {
		struct prefix p = { .addr.family = ADDR_IPV6, .len = (uint8_t)draw_length(shares) };

		memcpy(p.addr.b, allocation[routes_draw() % ALLOCATIONS], sizeof(*allocation));
		draw_bits(p.addr.b, 32, p.len);
		r->route[i] = prefix_network(&p);
		i += is_new(r, set, mask, i);
	}
	for (unsigned i = 0; i < ROUTES_HOSTS; i++) {
		const struct prefix *p = &r->route[routes_draw() % n];

		memcpy(r->host6[i], p->addr.b, sizeof(*r->host6));
		draw_bits(r->host6[i], p->len, 64);
	}
	free(set);
}

void routes_free(struct routes *r)
{
	free(r->route);
	free(r->host4);
	free(r->host6);
}

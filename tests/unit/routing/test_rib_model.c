/* The RIB against a model that is too simple to be wrong: all routes in a list, judged from scratch
 * after each of many random changes; and a FIB that only hears the changes. */
#include "routing/rib.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE  3
#define ROUTES 64
#define STEPS  6000

struct entry {
	struct rib_route route;
	uint64_t order;
	bool valid;
};

static struct entry model[ROUTES];
static unsigned n_model;
static uint64_t arrivals;
static uint64_t seed;

static uint32_t roll(uint32_t n) /* xorshift64*, below n */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}

static struct rib_route random_route(void)
{
	static const enum rib_via vias[] = { RIB_VIA_LOCAL, RIB_VIA_ATTACHMENT, RIB_VIA_ATTACHMENT,
					     RIB_VIA_ATTACHMENT, RIB_VIA_CONNECTION };
	static const enum rib_origin origins[] = { RIB_STATIC, RIB_PROPAGATED, RIB_PROPAGATED,
						   RIB_EBGP, RIB_IBGP };
	struct rib_route r = { .via = vias[roll(5)],
			       .via_index = roll(3),
			       .origin = origins[roll(5)],
			       .metric = roll(3),
			       .source = roll(2) };

	if (r.via == RIB_VIA_LOCAL && roll(4) != 0)
		r.via = RIB_VIA_CONNECTION;
	/* A small space, so that prefixes meet: 10.0.0.0/6 to /12 with few bits that differ. */
	r.prefix.addr = addr_ipv4(0x08000000u | roll(64) << 20);
	r.prefix.len = (uint8_t)(6 + roll(7));
	if (roll(3) == 0) {
		r.prefix.addr.family = ADDR_IPV6;
		r.prefix.len = (uint8_t)(r.prefix.len == 12 ? 0 : r.prefix.len);
	}
	r.prefix = prefix_network(&r.prefix);
	return r;
}

static bool is_claim(const struct rib_route *r)
{
	return r->via == RIB_VIA_ATTACHMENT && r->origin == RIB_PROPAGATED;
}

static int by_order(const void *a, const void *b)
{
	return ((const struct entry *)a)->order < ((const struct entry *)b)->order ? -1 : 1;
}

static long rank(const struct rib_route *r)
{
	return (long)r->via * 1000000 + (long)r->origin * 1000 + (long)r->metric;
}

static bool beats(const struct rib_route *a, const struct rib_route *b)
{
	return prefix_equal(&a->prefix, &b->prefix) && rank(a) < rank(b);
}

static void judge(void)
{
	bool waits[ROUTES] = { false }, inside[ROUTES] = { false };

	qsort(model, n_model, sizeof(model[0]), by_order);
	for (unsigned i = 0; i < n_model; i++) {
		const struct rib_route *a = &model[i].route;

		for (unsigned k = 0; k < n_model; k++) {
			const struct rib_route *b = &model[k].route;

			if (k < i && is_claim(a) && is_claim(b) && !waits[k] &&
			    a->via_index != b->via_index && prefix_overlaps(&a->prefix, &b->prefix))
				waits[i] = true;
			if (b->via == RIB_VIA_LOCAL && a->via != RIB_VIA_LOCAL &&
			    b->prefix.len < a->prefix.len && prefix_covers(&b->prefix, &a->prefix))
				inside[i] = true;
		}
	}
	for (unsigned i = 0; i < n_model; i++) {
		model[i].valid = !waits[i] && !inside[i];
		for (unsigned k = 0; k < n_model; k++)
			if (!waits[k] && !inside[k] && beats(&model[k].route, &model[i].route))
				model[i].valid = false;
	}
}

static struct entry *find(const struct rib_route *r)
{
	for (unsigned i = 0; i < n_model; i++) {
		const struct rib_route *m = &model[i].route;

		if (prefix_equal(&m->prefix, &r->prefix) && m->via == r->via &&
		    m->via_index == r->via_index && m->origin == r->origin &&
		    m->source == r->source)
			return &model[i];
	}
	return NULL;
}

/* What a FIB would hold that only hears changes: how many share a prefix, and a sum over who. */
static struct {
	struct prefix prefix;
	unsigned n;
	uint32_t sum;
} fib[2 * ROUTES];
static unsigned n_fib;

static uint32_t hash_of(const struct rib_route *r)
{
	return (uint32_t)r->via * 31 + r->via_index * 7 + (uint32_t)r->origin * 1009 + r->source;
}

static void hear(void *ctx, uint32_t table, const struct prefix *prefix,
		 const struct rib_route *valid, unsigned n)
{
	unsigned i = 0;
	uint32_t sum = 0;

	assert_int_equal(table, TABLE);
	while (i < n_fib && !prefix_equal(&fib[i].prefix, prefix))
		i++;
	for (unsigned k = 0; k < n; k++)
		sum += hash_of(&valid[k]);
	/* A change changes something, and only what is there can go. */
	assert_true(i < n_fib ? n != fib[i].n || sum != fib[i].sum : n > 0);
	if (n == 0) {
		fib[i] = fib[--n_fib];
		return;
	}
	if (i == n_fib)
		fib[n_fib++].prefix = *prefix;
	fib[i].n = n;
	fib[i].sum = sum;
}

static unsigned walked;

static void compare(void *ctx, const struct rib_route *r, enum rib_verdict verdict, const char *why)
{
	const struct entry *e = find(r);

	assert_non_null(e);
	assert_int_equal(e->route.metric, r->metric);
	assert_int_equal(verdict == RIB_VALID, e->valid);
	assert_int_equal(why == NULL, e->valid);
	walked++;
}

static void compare_fib(void)
{
	for (unsigned i = 0; i < n_fib; i++) {
		unsigned n = 0;
		uint32_t sum = 0;

		for (unsigned k = 0; k < n_model; k++)
			if (model[k].valid &&
			    prefix_equal(&model[k].route.prefix, &fib[i].prefix)) {
				sum += hash_of(&model[k].route);
				n++;
			}
		assert_int_equal(n, fib[i].n);
		assert_int_equal(sum, fib[i].sum);
	}
	for (unsigned k = 0; k < n_model; k++) {
		bool there = !model[k].valid;

		for (unsigned i = 0; i < n_fib; i++)
			there = there || prefix_equal(&model[k].route.prefix, &fib[i].prefix);
		assert_true(there);
	}
}

static void change(struct rib *r)
{
	struct rib_route route = random_route();
	struct entry *e;

	/* Half of the time something that is there: goes, or gets another metric. */
	if (n_model > 0 && (n_model == ROUTES || roll(2) == 0)) {
		e = &model[roll(n_model)];
		if (roll(5) == 0) {
			e->route.metric = roll(3);
			assert_int_equal(rib_add(r, TABLE, &e->route), 0);
		} else {
			assert_int_equal(rib_remove(r, TABLE, &e->route), 0);
			*e = model[--n_model];
		}
		return;
	}
	e = find(&route);
	if (e == NULL) {
		assert_int_equal(rib_remove(r, TABLE, &route), -ENOENT);
		e = &model[n_model++];
		e->order = arrivals++;
	}
	e->route = route;
	assert_int_equal(rib_add(r, TABLE, &route), 0);
}

static void many_changes_leave_what_the_model_says(void **state)
{
	for (unsigned run = 1; run <= 3; run++) {
		struct rib *r = rib_new(hear, NULL);

		seed = run;
		n_model = n_fib = 0;
		assert_int_equal(rib_table_add(r, TABLE), 0);
		for (unsigned i = 0; i < STEPS; i++) {
			change(r);
			judge();
			walked = 0;
			assert_int_equal(rib_walk(r, TABLE, NULL, compare, NULL), 0);
			assert_int_equal(walked, n_model);
			compare_fib();
		}
		while (n_model > 0)
			assert_int_equal(rib_remove(r, TABLE, &model[--n_model].route), 0);
		assert_int_equal(n_fib, 0);
		rib_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_changes_leave_what_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

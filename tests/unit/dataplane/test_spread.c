#include "dataplane/spread.h"

#include "tests/unit/unit.h"

#include <string.h>

struct shares {
	unsigned n;
	uint16_t tunnel[DATAPLANE_SET_TUNNELS];
	bool up[DATAPLANE_SET_TUNNELS];
	uint8_t home[SET_BUCKETS], serves[SET_BUCKETS];
};

static void make(struct shares *s, unsigned n, unsigned first)
{
	memset(s, 0, sizeof(*s));
	s->n = n;
	for (unsigned i = 0; i < n; i++) {
		s->tunnel[i] = (uint16_t)(first + i);
		s->up[i] = true;
	}
	spread_homes(s->home, s->tunnel, n);
	spread_serve(s->serves, s->home, s->up, n);
}

/* Shares of those that are UP differ by at most one bucket, nobody else has any. */
static void assert_even(const struct shares *s)
{
	unsigned load[DATAPLANE_SET_TUNNELS] = { 0 }, n_up = 0;

	for (unsigned i = 0; i < s->n; i++)
		n_up += s->up[i];
	for (unsigned b = 0; b < SET_BUCKETS; b++) {
		if (n_up == 0) {
			assert_int_equal(s->serves[b], 0);
			continue;
		}
		assert_in_range(s->serves[b], 1, s->n);
		load[s->serves[b] - 1]++;
	}
	for (unsigned i = 0; n_up && i < s->n; i++) {
		if (s->up[i])
			assert_in_range(load[i], SET_BUCKETS / n_up,
					(SET_BUCKETS + n_up - 1) / n_up);
		else
			assert_int_equal(load[i], 0);
	}
}

static void shares_are_equal(void **state)
{
	struct shares s;

	for (unsigned n = 1; n <= DATAPLANE_SET_TUNNELS; n++) {
		for (unsigned first = 0; first < 2000; first += 97) {
			make(&s, n, first);
			assert_even(&s);
		}
	}
}

#define ANY UINT32_MAX

static unsigned moved(const struct shares *a, const struct shares *b, unsigned from, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SET_BUCKETS; i++) {
		if (a->serves[i] == b->serves[i])
			continue;
		assert_true(from == ANY || (unsigned)a->serves[i] - 1 == from);
		assert_true(to == ANY || (unsigned)b->serves[i] - 1 == to);
		n++;
	}
	return n;
}

/* One goes, alone: what it served goes to the others. It comes back: all is as it was,
 * but that some odd buckets of unequal shares may be others. */
static void only_flows_of_the_dead_move(void **state)
{
	struct shares s, before;

	for (unsigned n = 2; n <= DATAPLANE_SET_TUNNELS; n++) {
		make(&s, n, n);
		for (unsigned i = 0; i < n; i++) {
			before = s;
			s.up[i] = false;
			spread_serve(s.serves, s.home, s.up, n);
			assert_even(&s);
			assert_in_range(moved(&before, &s, i, ANY), SET_BUCKETS / n,
					SET_BUCKETS / n + 1);
			s.up[i] = true;
			spread_serve(s.serves, s.home, s.up, n);
			assert_even(&s);
			assert_in_range(moved(&before, &s, ANY, ANY), 0, n);
		}
	}
}

/* Any story of deaths and returns: shares stay equal, a death moves only the dead's flows, a return
 * moves flows only to who returned. */
static void through_any_story(void **state)
{
	uint32_t random = 12345;

	for (unsigned n = 1; n <= DATAPLANE_SET_TUNNELS; n++) {
		struct shares s, before;

		make(&s, n, 40 * n);
		for (unsigned step = 0; step < 400; step++) {
			unsigned i;

			random = random * 1664525 + 1013904223;
			i = (random >> 16) % n;
			before = s;
			s.up[i] = !s.up[i];
			spread_serve(s.serves, s.home, s.up, n);
			assert_even(&s);
			if (s.up[i])
				moved(&before, &s, ANY, i);
			else
				moved(&before, &s, i, ANY);
		}
	}
}

/* A set with one tunnel less is another set, but most of the others' flows stay with them. */
static void sets_in_common_have_homes_in_common(void **state)
{
	unsigned stayed = 0, all = 0;

	for (unsigned n = 2; n <= 8; n++) {
		for (unsigned first = 0; first < 50; first++) {
			struct shares more, less;

			make(&more, n + 1, first);
			make(&less, n, first);
			for (unsigned b = 0; b < SET_BUCKETS; b++) {
				if (more.home[b] == n)
					continue;
				stayed += more.home[b] == less.home[b];
				all++;
			}
		}
	}
	assert_in_range(stayed * 100 / all, 75, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_equal),
		cmocka_unit_test(only_flows_of_the_dead_move),
		cmocka_unit_test(through_any_story),
		cmocka_unit_test(sets_in_common_have_homes_in_common),
	};

	return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}

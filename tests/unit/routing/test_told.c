/* The hash of what was told, against a plain array. */
#include "tests/unit/unit.h"

#include "routing/told.h"

#include <stdlib.h>
#include <string.h>

#define PREFIXES 300
#define SESSIONS 3

/* metric + 1 of each (prefix, session), 0: none; whether it was set since the mark. */
static uint16_t model[PREFIXES][SESSIONS];
static bool fresh[PREFIXES][SESSIONS];
static size_t seen;

static struct prefix prefix_of(uint8_t family, unsigned i)
{
	struct prefix p = { { family, { 10, (uint8_t)(i / 40), (uint8_t)i } },
			    (uint8_t)(family == ADDR_IPV4 ? 24 + i % 3 : 48 + i % 3) };

	return p;
}

static unsigned index_of(const struct told_path *path)
{
	for (unsigned i = 0; i < PREFIXES; i++) {
		struct prefix p = prefix_of(path->prefix.addr.family, i);

		if (prefix_equal(&p, &path->prefix))
			return i;
	}
	fail();
	return 0;
}

static void check_one(void *ctx, const struct told_path *path)
{
	assert_int_equal(model[index_of(path)][path->session], path->metric + 1);
	seen++;
}

static bool sweep_one(void *ctx, const struct told_path *path)
{
	unsigned i = index_of(path);

	assert_false(fresh[i][path->session]);
	assert_int_equal(model[i][path->session], path->metric + 1);
	if (i % 7 == 0)
		return false;
	model[i][path->session] = 0;
	return true;
}

static void check(const struct told *t, uint8_t family)
{
	size_t n = 0;

	for (unsigned i = 0; i < PREFIXES; i++) {
		struct prefix p = prefix_of(family, i);
		struct told_path path[SESSIONS];
		size_t n_here = 0;

		for (unsigned s = 0; s < SESSIONS; s++)
			n_here += model[i][s] != 0;
		assert_int_equal(told_paths(t, &p, path, SESSIONS), n_here);
		n += n_here;
	}
	seen = 0;
	told_walk(t, check_one, NULL);
	assert_int_equal(seen, n);
	assert_int_equal(t->n, n);
}

static void random_steps(uint8_t family)
{
	struct told t;

	memset(model, 0, sizeof(model));
	told_init(&t, family);
	srand(1);
	for (unsigned step = 0; step < 60000; step++) {
		unsigned n = 1 + (step / 5000) % 4 * 100 - (step / 5000 % 4 == 3);
		unsigned i = (unsigned)rand() % n, s = (unsigned)rand() % SESSIONS;
		struct told_path path = { prefix_of(family, i), s, (uint32_t)rand() % 3 };
		int had = model[i][s];

		if (rand() % 5 < 2) {
			told_delete(&t, &path.prefix, s);
			model[i][s] = 0;
		} else {
			assert_int_equal(told_set(&t, &path), had == 0 ? TOLD_NEW
							      : had == (int)path.metric + 1
								      ? TOLD_SAME
								      : TOLD_METRIC);
			model[i][s] = (uint16_t)(path.metric + 1);
			fresh[i][s] = true;
		}
		if (step % 1000 == 0) {
			told_mark(&t);
			memset(fresh, 0, sizeof(fresh));
		}
		if (step % 1000 == 500) {
			told_sweep(&t, true, sweep_one, NULL);
			check(&t, family);
		}
	}
	check(&t, family);
	assert_true(t.n_slots >= t.n && (t.n_slots <= 8 * t.n || t.n_slots <= 64));
	told_clear(&t);
}

static void ipv4(void **state)
{
	random_steps(ADDR_IPV4);
}

static void ipv6(void **state)
{
	random_steps(ADDR_IPV6);
}

static bool yes(void *ctx, const struct told_path *path)
{
	return true;
}

static void shrinks(void **state)
{
	struct told t;

	told_init(&t, ADDR_IPV4);
	for (uint32_t i = 0; i < 100000; i++) {
		struct told_path path = { { addr_ipv4(i << 8), 24 }, 1, 70000 };

		assert_int_equal(told_set(&t, &path), TOLD_NEW);
	}
	assert_true(t.n_slots * 12 < 4 * 1024 * 1024);
	told_sweep(&t, true, yes, NULL); /* none is old */
	assert_int_equal(t.n, 100000);
	told_sweep(&t, false, yes, NULL);
	assert_int_equal(t.n, 0);
	assert_null(t.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

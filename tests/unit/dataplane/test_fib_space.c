/* Pieces of the direct index's memory: none crosses a line without need, none overlaps another. */
#include "tests/unit/unit.h"

#include "dataplane/fib_space.h"
#include "tests/unit/dataplane/random.h"

#include <stdlib.h>
#include <string.h>

#define FIRST 32u
#define END   (FIRST + 512 * FIB_LINE)
#define MOST  4096

static _Alignas(64) uint32_t base[END];
static uint8_t owner[END]; /* 1: of a piece that was taken */
static uint32_t place[MOST];
static uint8_t words[MOST];
static unsigned n_pieces;
static bool take(struct fib_space *s, unsigned n)
{
	uint32_t at = fib_space_take(s, base, n);

	if (!at)
		return false;
	assert_in_range(at, FIRST, END - n);
	if (n <= FIB_LINE)
		assert_int_equal(at / FIB_LINE, (at + n - 1) / FIB_LINE);
	else
		assert_int_equal(at % FIB_LINE, 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(owner[at + i], 0);
		owner[at + i] = 1;
		base[at + i] = UINT32_MAX;
	}
	place[n_pieces] = at;
	words[n_pieces++] = (uint8_t)n;
	return true;
}

static void give(struct fib_space *s, unsigned i)
{
	for (unsigned k = 0; k < words[i]; k++) {
		assert_int_equal(base[place[i] + k], UINT32_MAX); /* nobody else wrote there */
		owner[place[i] + k] = 0;
	}
	fib_space_give(s, base, place[i], words[i]);
	n_pieces--;
	place[i] = place[n_pieces];
	words[i] = words[n_pieces];
}

static void open_space(struct fib_space *s)
{
	fib_space_open(s, FIRST, END);
	memset(owner, 0, sizeof(owner));
	n_pieces = 0;
}

static void pieces_of_every_size(void **state)
{
	struct fib_space s;

	open_space(&s);
	for (unsigned round = 0; round < 200000; round++) {
		if (n_pieces < MOST && rnd(8) < 4 + (round / 500) % 2)
			(void)take(&s, 1 + rnd(rnd(8) ? FIB_LINE : FIB_SPACE_LINES * FIB_LINE));
		else if (n_pieces)
			give(&s, rnd(n_pieces));
	}
	while (n_pieces)
		give(&s, n_pieces - 1);
	assert_int_equal(s.live, 0);
}

/* As many as there is room for, not one less; and as many again when they were given back. */
static void full(void **state)
{
	static const unsigned sizes[] = { 1, 3, 4, 7, 8, 16, 17, 32, 33, 48 };
	struct fib_space s;

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned lines = (sizes[i] + FIB_LINE - 1) / FIB_LINE, n = 0;
		unsigned fit = sizes[i] <= FIB_LINE ? 512 * (FIB_LINE / sizes[i]) : 512 / lines;

		open_space(&s);
		for (unsigned again = 0; again < 2; again++) {
			for (n = 0; n_pieces < MOST && take(&s, sizes[i]); n++)
				;
			assert_int_equal(n, fit < MOST ? fit : MOST);
			while (n_pieces)
				give(&s, 0);
		}
	}
}

/* What is left of a line serves smaller pieces. */
static void cut(void **state)
{
	struct fib_space s;

	open_space(&s);
	assert_true(take(&s, 10));
	assert_true(take(&s, 4));
	assert_true(take(&s, 2));
	assert_int_equal(s.fresh, FIRST + FIB_LINE);
	give(&s, 0);
	assert_true(take(&s, 5));
	assert_true(take(&s, 5));
	assert_int_equal(s.fresh, FIRST + FIB_LINE);
	assert_true(take(&s, 1));
	assert_int_equal(s.fresh, FIRST + 2 * FIB_LINE);
}

static void sparse(void **state)
{
	struct fib_space s;

	fib_space_open(&s, FIRST, 1u << 24);
	assert_false(fib_space_sparse(&s, FIRST));
	s.fresh = s.live = 1u << 23;
	assert_false(fib_space_sparse(&s, FIRST));
	s.live -= s.live / 8;
	assert_false(fib_space_sparse(&s, FIRST));
	s.live -= s.live / 8;
	assert_true(fib_space_sparse(&s, FIRST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_every_size),
		cmocka_unit_test(full),
		cmocka_unit_test(cut),
		cmocka_unit_test(sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "dataplane/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ACCEPT	 REPLAY_ACCEPT
#define REPLAYED REPLAY_REPLAYED
#define TOO_OLD	 REPLAY_TOO_OLD

struct step {
	uint64_t seq;
	enum replay_verdict verdict;
};

struct table {
	const char *name;
	uint32_t window;
	const struct step *step;
	size_t n;
};

#define TABLE(w, steps)                                            \
	{                                                          \
#steps, w, steps, sizeof(steps) / sizeof(steps[0]) \
	}
#define HIGH(h, l) (UINT64_C(h) << 32 | (l))

static const struct step window_64[] = {
	/*  1 */ { 0, REPLAYED }, /* never sent */
	/*  2 */ { 1, ACCEPT },
	/*  3 */ { 1, REPLAYED },
	/*  4 */ { 64, ACCEPT },
	/*  5 */ { 1, REPLAYED }, /* the last that is still inside */
	/*  6 */ { 65, ACCEPT },
	/*  7 */ { 1, TOO_OLD },
	/*  8 */ { 2, ACCEPT },
	/*  9 */ { 2, REPLAYED },
	/* 10 */ { 70, ACCEPT },
	/* 11 */ { 6, TOO_OLD },
	/* 12 */ { 7, ACCEPT },
	/* 13 */ { 133, ACCEPT }, /* 63 ahead */
	/* 14 */ { 70, REPLAYED },
	/* 15 */ { 69, TOO_OLD },
	/* 16 */ { 71, ACCEPT },
	/* 17 */ { 197, ACCEPT }, /* 64 ahead: nothing of before is left */
	/* 18 */ { 133, TOO_OLD },
	/* 19 */ { 134, ACCEPT },
	/* 20 */ { 1000000, ACCEPT }, /* many rings ahead */
	/* 21 */ { 197, TOO_OLD },
	/* 22 */ { 999937, ACCEPT },
	/* 23 */ { 999936, TOO_OLD },
	/* 24 */ { 999999, ACCEPT },
	/* 25 */ { 999999, REPLAYED },
	/* 26 */ { 1000000, REPLAYED },
};

static const struct step window_1024[] = {
	{ 5000, ACCEPT },  { 3976, TOO_OLD }, { 3977, ACCEPT },	  { 3977, REPLAYED },
	{ 4500, ACCEPT },  { 6023, ACCEPT },  { 5000, REPLAYED }, { 4999, TOO_OLD },
	{ 6024, ACCEPT },  { 5000, TOO_OLD }, { 5001, ACCEPT },	  { 5001, REPLAYED },
	{ 8071, ACCEPT },  { 7048, ACCEPT },  { 7047, TOO_OLD },  { 6024, TOO_OLD },
	{ 10119, ACCEPT }, /* exactly one ring of 2048 ahead: bits of the turn before are gone */
	{ 9096, ACCEPT },  { 10118, ACCEPT }, { 8071, TOO_OLD },
};

static const struct step window_16384[] = {
	{ 16384, ACCEPT },  { 1, ACCEPT },	 { 1, REPLAYED },   { 16385, ACCEPT },
	{ 1, TOO_OLD },	    { 2, ACCEPT },	 { 49153, ACCEPT }, { 32770, ACCEPT },
	{ 32769, TOO_OLD }, { 32770, REPLAYED }, { 81921, ACCEPT }, { 65538, ACCEPT },
	{ 65537, TOO_OLD },
};

/* An odd size: words of the ring hold bits that are older than the window. */
static const struct step window_100[] = {
	{ 300, ACCEPT },   { 200, TOO_OLD }, { 201, ACCEPT }, { 201, REPLAYED },
	{ 301, ACCEPT },   { 201, TOO_OLD }, { 202, ACCEPT }, { 399, ACCEPT },
	{ 300, REPLAYED }, { 299, TOO_OLD }, { 400, ACCEPT }, { 300, TOO_OLD },
};

static const struct step across_32_bits[] = {
	{ HIGH(0, 0xfffffff0), ACCEPT },  { HIGH(1, 0), ACCEPT },
	{ HIGH(1, 0), REPLAYED },	  { HIGH(0, 0xfffffff0), REPLAYED },
	{ HIGH(0, 0xffffffff), ACCEPT },  { HIGH(1, 0x30), ACCEPT },
	{ HIGH(0, 0xfffffff0), TOO_OLD }, { HIGH(0, 0xfffffff1), ACCEPT },
	{ HIGH(2, 5), ACCEPT },		  { HIGH(1, 0xffffffff), ACCEPT },
	{ HIGH(1, 5), TOO_OLD },
};

static const struct table tables[] = {
	TABLE(64, window_64),	TABLE(1024, window_1024),  TABLE(16384, window_16384),
	TABLE(100, window_100), TABLE(64, across_32_bits),
};

static void new_window(struct replay *w, uint32_t size)
{
	uint64_t *bitmap = malloc(replay_bytes(size));

	assert_non_null(bitmap);
	memset(bitmap, 0xff, replay_bytes(size)); /* replay_init() must clear it */
	replay_init(w, size, bitmap);
}

static void test_tables(void **state)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		const struct table *table = &tables[t];
		struct replay w;

		new_window(&w, table->window);
		for (size_t i = 0; i < table->n; i++) {
			enum replay_verdict v = replay_check(&w, table->step[i].seq);

			if (v != table->step[i].verdict)
				fail_msg("%s, step %zu: verdict %d", table->name, i + 1, v);
			if (v == REPLAY_ACCEPT)
				replay_commit(&w, table->step[i].seq);
		}
		free(w.bitmap);
	}
}

/* A packet that was checked but never verified must leave no trace. */
static void test_check_changes_nothing(void **state)
{
	struct replay w;

	new_window(&w, 64);
	replay_commit(&w, 100);
	assert_int_equal(replay_check(&w, 100000), REPLAY_ACCEPT);
	assert_int_equal(replay_check(&w, 100000), REPLAY_ACCEPT);
	assert_int_equal(replay_check(&w, 100), REPLAY_REPLAYED);
	assert_int_equal(replay_check(&w, 99), REPLAY_ACCEPT);
	assert_int_equal(w.top, 100);
	free(w.bitmap);
}

static void test_sizes_are_clamped(void **state)
{
	assert_int_equal(replay_clamp(0), 64);
	assert_int_equal(replay_clamp(1024), 1024);
	assert_int_equal(replay_clamp(100000), 16384);
	assert_int_equal(replay_bytes(0), 16);
	assert_int_equal(replay_bytes(64), 16);
	assert_int_equal(replay_bytes(65), 32);
	assert_int_equal(replay_bytes(1024), 256);
	assert_int_equal(replay_bytes(16384), 4096);
}

/* Against the definition: a number is accepted once, if it is less than a window behind. */
static void test_random_against_definition(void **state)
{
	static const uint32_t windows[] = { 64, 65, 127, 128, 1000, 1024, 4096, 16384 };
	enum { NUMBERS = 200000 };
	uint8_t *seen = malloc(NUMBERS);

	srand(7);
	for (size_t t = 0; t < sizeof(windows) / sizeof(windows[0]); t++) {
		uint64_t top = 0, base = 1;
		struct replay w;

		new_window(&w, windows[t]);
		memset(seen, 0, NUMBERS);
		while (base < NUMBERS - 3 * windows[t] - 1) {
			uint64_t seq = base + (uint64_t)rand() % (3 * windows[t]);
			enum replay_verdict want = REPLAY_ACCEPT;

			if (seq <= top && top - seq >= windows[t])
				want = REPLAY_TOO_OLD;
			else if (seen[seq])
				want = REPLAY_REPLAYED;
			assert_int_equal(replay_check(&w, seq), want);
			if (want == REPLAY_ACCEPT) {
				replay_commit(&w, seq);
				seen[seq] = 1;
				top = seq > top ? seq : top;
			}
			base += (uint64_t)rand() % 3;
		}
		assert_int_equal(w.top, top);
		free(w.bitmap);
	}
	free(seen);
}

/* RFC 4303 appendix A2: which upper half belongs to a lower one. */
static void test_extended_numbers(void **state)
{
	static const struct {
		uint32_t window;
		uint64_t top;
		uint32_t low;
		uint64_t seq;
	} v[] = {
		/* the window lies in one subspace: A2.2, case A */
		{ 64, 1000, 1001, 1001 },
		{ 64, 1000, 937, 937 },		 /* its left end */
		{ 64, 1000, 936, HIGH(1, 936) }, /* left of it: the next turn */
		{ 64, HIGH(5, 1000), 1000, HIGH(5, 1000) },
		{ 64, HIGH(5, 1000), 0, HIGH(6, 0) },
		{ 64, HIGH(5, 1000), 0xffffffff, HIGH(5, 0xffffffff) },
		{ 64, HIGH(0, 0xffffffff), 0, HIGH(1, 0) },
		{ 64, HIGH(0, 0xffffffff), 0xffffffc0, HIGH(0, 0xffffffc0) },
		{ 64, HIGH(0, 0xffffffff), 0xffffffbf, HIGH(1, 0xffffffbf) },
		{ 64, 63, 0, 0 }, /* top - window + 1 = 0: still case A */
		/* it spans two: case B */
		{ 64, HIGH(1, 0), 0xffffffff, HIGH(0, 0xffffffff) },
		{ 64, HIGH(1, 0), 0xffffffc1, HIGH(0, 0xffffffc1) },
		{ 64, HIGH(1, 0), 0xffffffc0, HIGH(1, 0xffffffc0) },
		{ 64, HIGH(1, 62), 0xffffffff, HIGH(0, 0xffffffff) },
		{ 64, HIGH(1, 62), 63, HIGH(1, 63) },
		{ 64, HIGH(1, 63), 0xffffffff, HIGH(1, 0xffffffff) },
		{ 16384, HIGH(7, 100), 0xffffff00, HIGH(6, 0xffffff00) },
		{ 16384, HIGH(7, 100), 0xffff0000, HIGH(7, 0xffff0000) },
		/* before the SA's first packet there is nothing */
		{ 64, 0, 0xffffffff, 0 },
		{ 64, 0, 1, 1 },
		{ 64, 10, 0xfffffff0, 0 },
		{ 1024, 500, 501, 501 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct replay w;

		new_window(&w, v[i].window);
		w.top = v[i].top;
		if (replay_sequence(&w, v[i].low) != v[i].seq)
			fail_msg("row %zu: %llx", i + 1,
				 (unsigned long long)replay_sequence(&w, v[i].low));
		free(w.bitmap);
	}
}

/* A stream with loss and reordering within the window, from just below 2^32 to beyond: every
 * packet that arrives gets its own number back. */
static void test_extended_stream(void **state)
{
	struct replay w;

	new_window(&w, 1024);
	w.top = HIGH(3, 0xfffff000);
	srand(11);
	for (uint64_t base = w.top + 1; base < HIGH(4, 0x1000); base += 64) {
		uint64_t seq = base + (uint64_t)rand() % 64 - (uint64_t)rand() % 900;

		assert_true(replay_sequence(&w, (uint32_t)seq) == seq);
		if (replay_check(&w, seq) == REPLAY_ACCEPT)
			replay_commit(&w, seq);
	}
	free(w.bitmap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_check_changes_nothing),
		cmocka_unit_test(test_sizes_are_clamped),
		cmocka_unit_test(test_random_against_definition),
		cmocka_unit_test(test_extended_numbers),
		cmocka_unit_test(test_extended_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

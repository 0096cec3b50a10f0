/* Collecting the fragments of a message: which are wanted, and what they may cost. */
#include "ike/core.h"
#include "ike/fragment.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ike_engine *engine;
static struct ike_fragments *kept;

static int set_up(void **state)
{
	engine = calloc(1, sizeof(*engine));
	kept = NULL;
	return engine ? 0 : -1;
}

static int tear_down(void **state)
{
	ike_fragments_drop(engine, &kept);
	assert_int_equal(ike_timers_next(&engine->timers), IKE_NEVER);
	free(engine);
	return 0;
}

struct step {
	struct ike_piece piece;
	size_t n;
	bool wanted;
	int rc;
};

static void run(const struct step *step, size_t steps)
{
	static uint8_t data[IKE_FRAGMENTS_BYTES + 1];

	for (size_t i = 0; i < steps; i++) {
		bool wanted = ike_fragments_want(kept, &step[i].piece);

		if (wanted != step[i].wanted)
			fail_msg("step %zu: %swanted", i, wanted ? "" : "not ");
		if (!wanted)
			continue;
		memset(data, (int)step[i].piece.number, step[i].n);
		assert_int_equal(ike_fragments_add(engine, &kept, &step[i].piece,
						   (struct view){ data, step[i].n }),
				 step[i].rc);
	}
}

static void in_any_order(void **state)
{
	static const struct step steps[] = {
		{ { 5, 3, 3, 99 }, 4, true, -EAGAIN }, { { 5, 1, 3, 41 }, 2, true, -EAGAIN },
		{ { 5, 1, 3, 77 }, 9, false, 0 },      { { 5, 3, 3, 0 }, 4, false, 0 },
		{ { 5, 0, 3, 0 }, 4, false, 0 },       { { 5, 4, 3, 0 }, 4, false, 0 },
		{ { 5, 2, 3, 99 }, 3, true, 0 },
	};
	uint8_t out[IKE_FRAGMENTS_BYTES], first;

	run(steps, ARRAY_LEN(steps));
	assert_int_equal(ike_fragments_join(engine, &kept, out, &first), 9);
	assert_memory_equal(out, "\1\1\2\2\2\3\3\3\3", 9);
	assert_int_equal(first, 41);
	assert_null(kept);
}

/* Cut into more pieces: the peer found that smaller ones get through. Into fewer: old news. */
static void more_pieces_replace_fewer(void **state)
{
	static const struct step steps[] = {
		{ { 5, 1, 2, 41 }, 8, true, -EAGAIN }, { { 5, 1, 3, 41 }, 4, true, -EAGAIN },
		{ { 5, 2, 2, 0 }, 8, false, 0 },       { { 5, 3, 3, 0 }, 4, true, -EAGAIN },
		{ { 5, 2, 3, 0 }, 4, true, 0 },
	};
	uint8_t out[IKE_FRAGMENTS_BYTES], first;

	run(steps, ARRAY_LEN(steps));
	assert_int_equal(ike_fragments_join(engine, &kept, out, &first), 12);
}

static void the_next_message_replaces_this(void **state)
{
	static const struct step steps[] = {
		{ { 5, 1, 2, 41 }, 8, true, -EAGAIN },
		{ { 6, 1, 2, 41 }, 4, true, -EAGAIN },
		{ { 6, 2, 2, 0 }, 4, true, 0 },
	};
	uint8_t out[IKE_FRAGMENTS_BYTES], first;

	run(steps, ARRAY_LEN(steps));
	assert_int_equal(ike_fragments_join(engine, &kept, out, &first), 8);
}

/* Rule 10: 64 fragments, so many bytes, ten seconds. */
static void limits(void **state)
{
	static const struct step steps[] = {
		{ { 5, 1, 65, 41 }, 8, false, 0 },
		{ { 5, 65535, 65535, 41 }, 8, false, 0 },
		{ { 5, 1, 64, 41 }, IKE_FRAGMENTS_BYTES, true, -EAGAIN },
		{ { 5, 2, 64, 0 }, 1, true, -EMSGSIZE },
	};

	run(steps, ARRAY_LEN(steps));
	assert_null(kept);
}

static void ten_seconds(void **state)
{
	static const struct step steps[] = { { { 5, 1, 2, 41 }, 8, true, -EAGAIN } };
	struct ike_timer *t;

	engine->now = 1000;
	run(steps, 1);
	assert_non_null(kept);
	assert_int_equal(ike_timers_next(&engine->timers), 1000 + 10 * IKE_SECOND);
	t = ike_timers_take(&engine->timers, 1000 + 10 * IKE_SECOND);
	assert_non_null(t);
	t->fire(engine, t);
	assert_null(kept);
}

static void payload_of_a_piece(void **state)
{
	assert_int_equal(ike_fragment_payload(1252, 60, 16), 74 * 16 - 1);
	assert_int_equal(ike_fragment_payload(1252, 60, 1), 1191);
	assert_int_equal(ike_fragment_payload(60, 60, 1), 0);
	assert_int_equal(ike_fragment_payload(61, 60, 1), 0);
	assert_int_equal(ike_fragment_payload(75, 60, 16), 0);
	assert_int_equal(ike_fragment_payload(76, 60, 16), 15);
	assert_int_equal(ike_fragment_payload(0, 60, 16), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_pieces_replace_fewer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_message_replaces_this, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ten_seconds, set_up, tear_down),
		cmocka_unit_test(payload_of_a_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

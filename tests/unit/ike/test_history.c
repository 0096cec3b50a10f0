/* A tunnel's history: order, counts, bounds, and what goes first. */
#include "ike/history.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ike_history h;

static int tear_down(void **state)
{
	ike_history_clear(&h);
	return 0;
}

static unsigned entries(void)
{
	struct ike_happening x;
	unsigned n = 0;

	for (size_t at = 0; ike_history_next(&h, &at, &x);)
		n++;
	return n;
}

static void in_order(void **state)
{
	struct ike_happening x;
	size_t at = 0;

	assert_false(ike_history_next(&h, &at, &x));
	ike_history_add(&h, 5, true, "one");
	ike_history_add(&h, 6, false, "two\nlines");
	ike_history_add(&h, 7, true, "");
	assert_true(ike_history_next(&h, &at, &x));
	assert_string_equal(x.text, "one");
	assert_true(x.proven && x.first == 5 && x.last == 5 && x.times == 1);
	assert_true(ike_history_next(&h, &at, &x));
	assert_string_equal(x.text, "two\nlines");
	assert_false(x.proven);
	assert_true(ike_history_next(&h, &at, &x));
	assert_string_equal(x.text, "");
	assert_false(ike_history_next(&h, &at, &x));
}

/* A loop of two things is two entries, the later one last. */
static void repetitions_are_counted(void **state)
{
	struct ike_happening x;
	size_t at = 0;

	for (unsigned i = 0; i < 100; i++)
		ike_history_add(&h, 10 + i, true, i % 2 ? "no answer" : "calling");
	assert_int_equal(entries(), 2);
	ike_history_add(&h, 109, true, "no answer"); /* the same moment: told twice */
	ike_history_next(&h, &at, &x);
	assert_string_equal(x.text, "calling");
	assert_true(x.first == 10 && x.last == 108 && x.times == 50);
	ike_history_next(&h, &at, &x);
	assert_true(x.first == 11 && x.last == 109 && x.times == 50);
	/* What lies further back is not the same event. */
	for (unsigned i = 0; i < IKE_HISTORY_SOON; i++) {
		char text[16];

		snprintf(text, sizeof(text), "thing %u", i);
		ike_history_add(&h, 200 + i, true, text);
	}
	ike_history_add(&h, 300, true, "calling");
	assert_int_equal(entries(), 2 + IKE_HISTORY_SOON + 1);
}

static void bounded(void **state)
{
	struct ike_happening x;
	char text[1000];
	size_t at = 0;

	for (unsigned i = 0; i < 10000; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof(text) - 1);
		snprintf(text, sizeof(text), "%u", i);
		text[strlen(text)] = ' ';
		text[i % sizeof(text)] = '\0';
		ike_history_add(&h, i, i % 3, text);
		assert_true(h.used <= h.room && h.room <= IKE_HISTORY_BYTES);
	}
	while (ike_history_next(&h, &at, &x))
		assert_true(strlen(x.text) <= IKE_HISTORY_TEXT);
	assert_int_equal(x.last, 9999);
}

/* Forged packets of any content do not wash away what is true. */
static void unproven_goes_first(void **state)
{
	struct ike_happening x;
	size_t at = 0;
	char text[200];

	ike_history_add(&h, 1, true, "authenticated as gw.example");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "proposes %u, %150s", i, "");
		ike_history_add(&h, 2 + i, false, text);
	}
	ike_history_next(&h, &at, &x);
	assert_string_equal(x.text, "authenticated as gw.example");
	assert_true(entries() > 10);
}

static void copies(void **state)
{
	struct ike_history copy;
	struct ike_happening x;
	size_t at = 0;

	assert_int_equal(ike_history_copy(&copy, &h), 0);
	assert_int_equal(copy.used, 0);
	ike_history_add(&h, 1, true, "something");
	assert_int_equal(ike_history_copy(&copy, &h), 0);
	ike_history_clear(&h);
	assert_true(ike_history_next(&copy, &at, &x));
	assert_string_equal(x.text, "something");
	ike_history_clear(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(in_order, tear_down),
		cmocka_unit_test_teardown(repetitions_are_counted, tear_down),
		cmocka_unit_test_teardown(bounded, tear_down),
		cmocka_unit_test_teardown(unproven_goes_first, tear_down),
		cmocka_unit_test_teardown(copies, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

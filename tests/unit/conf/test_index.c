#include "conf/index.h"
#include "conf/places.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void twins_are_found_in_the_order_of_adding(void **state)
{
	static const char *const keys[] = { "b", "a", "bb", "b", "c", "b", "a" };
	struct index x = { 0 };
	unsigned twins = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(index_add(&x, keys[i], strlen(keys[i]), &keys[i]), 0);
	index_sort(&x);
	for (size_t i = 0; i < x.n; i++) {
		const struct index_entry *twin = index_twin(&x, i);

		if (twin == NULL)
			continue;
		twins++;
		assert_int_equal(twin->len, x.v[i].len);
		assert_memory_equal(twin->key, x.v[i].key, twin->len);
		assert_true(twin->order < x.v[i].order);
		assert_true(twin->order <= 1); /* the very first, not just the one before */
	}
	assert_int_equal(twins, 3);
	assert_ptr_equal(index_find(&x, "b", 1)->object, &keys[0]);
	assert_ptr_equal(index_find(&x, "bb", 2)->object, &keys[2]);
	assert_null(index_find(&x, "bbb", 3));
	assert_null(index_find(&x, "", 0));
	index_clear(&x);
	index_sort(&x);
	assert_null(index_find(&x, "b", 1));
}

static void places_know_the_line_of_a_part(void **state)
{
	struct places p = { 0 };
	int parts[1000];

	for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
		places_add(&p, &parts[(i * 7) % 999], i + 1);
	places_add(&p, &parts[0], 5000); /* a list at the address of its first element: later */
	places_sort(&p);
	for (unsigned i = 0; i < 999; i++)
		assert_int_equal(places_find(&p, &parts[(i * 7) % 999]), i + 1);
	assert_int_equal(places_find(&p, &parts[999]), 0);
	assert_int_equal(places_find(&p, NULL), 0);
	places_clear(&p);
	places_sort(&p);
	assert_int_equal(places_find(&p, &parts[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twins_are_found_in_the_order_of_adding),
		cmocka_unit_test(places_know_the_line_of_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

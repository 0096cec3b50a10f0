#include "conf/secret.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int init(void **state)
{
	return secret_init();
}

static void every_length_is_zeroed_and_held(void **state)
{
	struct secret *all[SECRET_MAX + 1];

	for (size_t len = 0; len <= SECRET_MAX; len++) {
		all[len] = secret_new(len);
		assert_non_null(all[len]);
		assert_int_equal(all[len]->len, len);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(all[len]->data[i], 0);
		memset(all[len]->data, (int)len, len);
	}
	assert_int_equal(secret_live(), SECRET_MAX + 1);
	for (size_t len = 0; len <= SECRET_MAX; len++)
		for (size_t i = 0; i < len; i++)
			assert_int_equal(all[len]->data[i], (uint8_t)len);
	for (size_t len = 0; len <= SECRET_MAX; len++)
		secret_free(all[len]);
	assert_int_equal(secret_live(), 0);
	assert_null(secret_new(SECRET_MAX + 1));
}

static void copies_share_nothing(void **state)
{
	struct secret *a = secret_from("correct horse", 13), *b = secret_copy(a);

	assert_memory_equal(b->data, "correct horse", 13);
	assert_int_equal(b->len, 13);
	b->data[0] = 'C';
	assert_memory_equal(a->data, "correct horse", 13);
	assert_null(secret_copy(NULL));
	secret_free(NULL);
	secret_free(a);
	secret_free(b);
	assert_int_equal(secret_live(), 0);
}

static void a_freed_secret_is_wiped(void **state)
{
	/* Another one keeps the slab, so that the freed place may still be looked at. */
	struct secret *keep = secret_from("0123456789abcdef", 16);
	struct secret *s = secret_from("0123456789abcdef", 16), *again;

	assert_non_null(keep);
	assert_non_null(s);
	secret_free(s);
	again = secret_new(16);
	assert_ptr_equal(again, s);
	for (int i = 0; i < 16; i++)
		assert_int_equal(again->data[i], 0);
	secret_free(again);
	secret_free(keep);
}

#define MANY 5000

static void slabs_come_and_go(void **state)
{
	struct secret **all = calloc(MANY, sizeof(struct secret *));

	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			all[i] = secret_from(&i, sizeof(i));
			assert_non_null(all[i]);
		}
		for (uint32_t i = 0; i < MANY; i += 2)
			secret_free(all[i]);
		for (uint32_t i = 0; i < MANY; i += 2)
			all[i] = secret_from(&i, sizeof(i));
		for (uint32_t i = 0; i < MANY; i++)
			assert_memory_equal(all[i]->data, &i, sizeof(i));
		for (uint32_t i = MANY; i-- > 0;)
			secret_free(all[i]);
		assert_int_equal(secret_live(), 0);
	}
	free(all);
}

static void *churn(void *arg)
{
	uint8_t mark = *(uint8_t *)arg;

	for (int i = 0; i < 2000; i++) {
		struct secret *s = secret_new(1 + (size_t)i % 200);

		memset(s->data, mark, s->len);
		for (unsigned k = 0; k < s->len; k++)
			if (s->data[k] != mark)
				return arg;
		secret_free(s);
	}
	return NULL;
}

static void threads_may_share_it(void **state)
{
	static uint8_t marks[4] = { 1, 2, 3, 4 };
	pthread_t threads[ARRAY_LEN(marks)];
	void *bad;

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(secret_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_zeroed_and_held),
		cmocka_unit_test(copies_share_nothing),
		cmocka_unit_test(a_freed_secret_is_wiped),
		cmocka_unit_test(slabs_come_and_go),
		cmocka_unit_test(threads_may_share_it),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

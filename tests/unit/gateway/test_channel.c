#include "gateway/channel.h"

#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>

struct message {
	uint64_t number, check;
};

static bool readable(const struct channel *c)
{
	struct pollfd p = { .fd = channel_fd(c), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void send(struct channel *c, uint64_t number)
{
	struct message m = { .number = number, .check = ~number };

	assert_int_equal(channel_send(c, &m), 0);
}

static void expect(struct channel *c, uint64_t number)
{
	struct message m;

	assert_true(channel_receive(c, &m));
	assert_int_equal(m.number, number);
	assert_int_equal(m.check, ~number);
}

static void a_message_wakes_and_arrives(void **state)
{
	struct channel *c = channel_new(sizeof(struct message), 4);
	struct message m;

	assert_false(readable(c));
	assert_false(channel_receive(c, &m));
	send(c, 1);
	send(c, 2);
	assert_true(readable(c));
	channel_clear(c);
	assert_false(readable(c));
	expect(c, 1);
	expect(c, 2);
	assert_false(channel_receive(c, &m));
	channel_wake(c);
	assert_true(readable(c));
	channel_free(c);
}

static void a_full_ring_loses_nothing_and_keeps_the_order(void **state)
{
	struct channel *c = channel_new(sizeof(struct message), 4);
	struct message m;
	uint64_t got = 0;

	for (uint64_t i = 0; i < 10; i++)
		send(c, i);
	assert_true(channel_waiting(c));
	assert_int_equal(channel_full(c), 6);
	expect(c, got++);
	/* There is room now, but a new message must not overtake those that wait. */
	send(c, 10);
	while (got <= 10) {
		channel_flush(c);
		while (channel_receive(c, &m))
			assert_int_equal(m.number, got++);
	}
	assert_false(channel_waiting(c));
	send(c, 11);
	expect(c, 11);
	channel_free(c);
}

static void what_waits_is_freed(void **state)
{
	struct channel *c = channel_new(sizeof(struct message), 2);

	for (uint64_t i = 0; i < 100; i++)
		send(c, i);
	channel_free(c); /* the sanitizer looks on */
	channel_free(NULL);
}

#define MANY 200000

static void *produce(void *arg)
{
	struct channel *c = arg;

	for (uint64_t i = 0; i < MANY; i++) {
		struct message m = { .number = i, .check = ~i };

		if (channel_send(c, &m) < 0)
			return c;
		channel_flush(c);
	}
	while (channel_waiting(c))
		channel_flush(c);
	return NULL;
}

static void two_threads_agree(void **state)
{
	struct channel *c = channel_new(sizeof(struct message), 64);
	struct pollfd p = { .fd = channel_fd(c), .events = POLLIN };
	uint64_t got = 0;
	pthread_t thread;
	void *failed;

	assert_int_equal(pthread_create(&thread, NULL, produce, c), 0);
	while (got < MANY) {
		struct message m;

		assert_int_equal(poll(&p, 1, 30000), 1);
		channel_clear(c);
		while (channel_receive(c, &m)) {
			assert_int_equal(m.number, got);
			assert_int_equal(m.check, ~got);
			got++;
		}
	}
	pthread_join(thread, &failed);
	assert_null(failed);
	channel_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_wakes_and_arrives),
		cmocka_unit_test(a_full_ring_loses_nothing_and_keeps_the_order),
		cmocka_unit_test(what_waits_is_freed),
		cmocka_unit_test(two_threads_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

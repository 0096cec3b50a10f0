#include "gateway/sa_queue.h"

#include "conf/secret.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Workers whose ring takes `room` changes; what they took is written down. */
static unsigned room;
static int install_result;
static char taken[256];

static int take(const char *fmt, unsigned a, unsigned b)
{
	size_t n = strlen(taken);

	if (room == 0)
		return -EAGAIN;
	room--;
	snprintf(taken + n, sizeof(taken) - n, fmt, a, b);
	return 0;
}

int dataplane_sa_install(struct dataplane *dp, const struct dataplane_sa *sa)
{
	assert_memory_equal(sa->cipher_key, "0123456789abcdef", sa->cipher_key_len);
	if (sa->auth_key_len)
		assert_memory_equal(sa->auth_key, "ABCDEFGH", sa->auth_key_len);
	if (room > 0 && install_result < 0)
		return install_result;
	return take("+%u.%x ", sa->tunnel, sa->spi);
}

int dataplane_sa_remove(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi)
{
	return take("-%u.%x ", tunnel, spi);
}

int dataplane_sa_move(struct dataplane *dp, uint32_t tunnel, uint32_t spi_out,
		      const struct endpoint *local, const struct endpoint *remote)
{
	assert_int_equal(local->port, 4500);
	assert_int_equal(remote->port, 31337);
	return take("~%u.%x ", tunnel, spi_out);
}

int dataplane_sa_refresh(struct dataplane *dp, uint32_t tunnel)
{
	return take("!%u.%x ", tunnel, 0);
}

static char refused[64];

static void on_failed(void *ctx, uint32_t tunnel, int error)
{
	size_t n = strlen(refused);

	snprintf(refused + n, sizeof(refused) - n, "%u:%s ", tunnel, strerror(-error));
}

static int install(struct sa_queue *q, uint32_t tunnel, uint32_t spi, bool aead)
{
	/* The engine's keys are gone after the call. */
	uint8_t cipher[16], auth[8];
	struct dataplane_sa sa = {
		.tunnel = tunnel, .spi = spi, .cipher_key = cipher, .cipher_key_len = sizeof(cipher)
	};
	int rc;

	memcpy(cipher, "0123456789abcdef", sizeof(cipher));
	memcpy(auth, "ABCDEFGH", sizeof(auth));
	if (!aead) {
		sa.auth_key = auth;
		sa.auth_key_len = sizeof(auth);
	}
	rc = sa_queue_install(q, &sa);
	memset(cipher, 0xee, sizeof(cipher));
	memset(auth, 0xee, sizeof(auth));
	return rc;
}

static int setup(void **state)
{
	room = 1000;
	install_result = 0;
	taken[0] = '\0';
	refused[0] = '\0';
	*state = sa_queue_new(NULL, on_failed, NULL);
	return *state ? secret_init() : -1;
}

static int teardown(void **state)
{
	sa_queue_free(*state);
	return secret_live() == 0 ? 0 : -1;
}

static const struct endpoint here = { .port = 4500 }, there = { .port = 31337 };

static void with_room_all_goes_through_at_once(void **state)
{
	struct sa_queue *q = *state;

	assert_int_equal(install(q, 1, 0x10, true), 0);
	assert_int_equal(install(q, 1, 0x11, false), 0);
	assert_int_equal(sa_queue_move(q, 1, 0x11, &here, &there), 0);
	assert_int_equal(sa_queue_remove(q, 1, true, 0x10), 0);
	assert_string_equal(taken, "+1.10 +1.11 ~1.11 -1.10 ");
	assert_false(sa_queue_waiting(q));
	assert_int_equal(sa_queue_delayed(q), 0);
}

static void a_full_ring_keeps_the_order(void **state)
{
	struct sa_queue *q = *state;

	room = 1;
	assert_int_equal(install(q, 1, 0x10, false), 0);
	assert_int_equal(install(q, 1, 0x11, false), 0);
	assert_int_equal(sa_queue_move(q, 1, 0x11, &here, &there), 0);
	room = 1; /* nobody may use it before those who wait */
	assert_int_equal(install(q, 2, 0x20, true), 0);
	assert_int_equal(sa_queue_remove(q, 1, true, 0x10), 0);
	assert_string_equal(taken, "+1.10 ");
	assert_int_equal(sa_queue_delayed(q), 4);
	sa_queue_flush(q);
	assert_string_equal(taken, "+1.10 +1.11 ");
	assert_true(sa_queue_waiting(q));
	room = 10;
	sa_queue_flush(q);
	assert_string_equal(taken, "+1.10 +1.11 ~1.11 +2.20 -1.10 ");
	assert_false(sa_queue_waiting(q));
	assert_int_equal(secret_live(), 0);
	assert_int_equal(install(q, 3, 0x30, true), 0);
	assert_int_equal(sa_queue_delayed(q), 4);
}

static void a_refusal_is_told_at_once_or_later(void **state)
{
	struct sa_queue *q = *state;

	install_result = -ENOMEM;
	assert_int_equal(install(q, 1, 0x10, true), -ENOMEM);
	assert_string_equal(refused, "");
	room = 0;
	assert_int_equal(install(q, 2, 0x20, true), 0);
	assert_int_equal(sa_queue_remove(q, 1, true, 0x10), 0);
	room = 5;
	sa_queue_flush(q);
	assert_string_equal(refused, "2:Cannot allocate memory ");
	assert_string_equal(taken, "-1.10 ");
}

static void keys_that_wait_are_wiped_at_the_end(void **state)
{
	struct sa_queue *q = *state;

	room = 0;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(install(q, i, i, i % 2), 0);
	assert_int_equal(secret_live(), 30); /* teardown expects none */
}

#define WITH_QUEUE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_QUEUE(with_room_all_goes_through_at_once),
		WITH_QUEUE(a_full_ring_keeps_the_order),
		WITH_QUEUE(a_refusal_is_told_at_once_or_later),
		WITH_QUEUE(keys_that_wait_are_wiped_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

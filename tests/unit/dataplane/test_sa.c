#include "dataplane/sa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <rte_eal.h>
#include <rte_memory.h>
#include <stdlib.h>
#include <string.h>

static struct crypt *engine;

struct keys {
	uint8_t cipher[36], auth[64];
};

static struct dataplane_sa describe(enum algo_cipher cipher, enum algo_auth auth,
				    const struct keys *k, bool inbound, bool esn)
{
	const struct algo_cipher_info *c = &algo_ciphers[cipher];

	return (struct dataplane_sa){
		.tunnel = 7,
		.inbound = inbound,
		.spi = 0x4321,
		.cipher = cipher,
		.auth = auth,
		.cipher_key = k->cipher,
		.cipher_key_len = (size_t)c->key_bytes + c->salt_bytes,
		.auth_key = auth ? k->auth : NULL,
		.auth_key_len = algo_auths[auth].key_bytes,
		.esn = esn,
		.local = { .addr = addr_ipv4(0xc0000201) },
		.remote = { .addr = addr_ipv4(0xc6336401) },
		.replay_window = 1024,
	};
}

static void test_refused(void **state)
{
	struct keys k = { 0 };
	struct dataplane_sa from = describe(CIPHER_AES128_GCM, AUTH_NONE, &k, true, false);
	struct sa *sa;

	from.cipher_key_len--;
	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), -EINVAL);
	assert_null(sa);
	from = describe(CIPHER_AES128_CBC, AUTH_SHA1, &k, true, false);
	from.auth_key = NULL;
	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), -EINVAL);
	from = describe(CIPHER_AES128_CBC, AUTH_SHA1, &k, true, false);
	from.remote.addr.family = ADDR_IPV6;
	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), -EINVAL);
}

static void test_outer_headers(void **state)
{
	static const uint8_t ipv4[] = { 0x45, 0,    0,	 0, 0, 0, 0x40, 0,  64,	 50,
					0x4e, 0x96, 192, 0, 2, 1, 198,	51, 100, 1 };
	static const uint8_t udp[] = { 0x11, 0x94, 0x11, 0x94, 0, 0, 0, 0 };
	struct keys k = { 0 };
	struct dataplane_sa from = describe(CIPHER_AES128_GCM, AUTH_NONE, &k, false, false);
	struct sa *sa;

	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), 0);
	assert_int_equal(sa->head_bytes, 20);
	assert_memory_equal(sa->head, ipv4, 20);
	assert_int_equal(sa_padded(sa, 64), 68);
	assert_int_equal(sa_padded(sa, 66), 68);
	assert_int_equal(sa_padded(sa, 67), 72);
	/* 1500 - 20 - 8 - 8 - 16 = 1448 */
	assert_int_equal(sa_payload_max(sa, 1500), 1446);
	assert_int_equal(sa_payload_max(sa, 50), 0);
	sa_free(sa);

	from.udp = true;
	from.local.port = from.remote.port = 4500;
	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), 0);
	assert_int_equal(sa->head_bytes, 28);
	assert_int_equal(sa->head[9], 17);
	assert_memory_equal(sa->head + 20, udp, 8);

	from.local.addr.family = from.remote.addr.family = ADDR_IPV6;
	memcpy(from.remote.addr.b, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
	sa_move(sa, &from.local, &from.remote);
	assert_int_equal(sa->head_bytes, 48);
	assert_int_equal(sa->head[0], 0x60);
	assert_int_equal(sa->head[6], 17);
	assert_memory_equal(sa->head + 24, from.remote.addr.b, 16);
	assert_memory_equal(sa->head + 40, udp, 8);
	sa_free(sa);
}

static void test_selectors_and_window(void **state)
{
	struct keys k = { 0 };
	struct dataplane_sa from = describe(CIPHER_AES128_CBC, AUTH_SHA256, &k, true, true);
	const struct sa_selector *s;
	struct sa *sa;

	from.n_local = 1;
	from.n_remote = 2;
	from.sel_local[0] = (struct dataplane_selector){ addr_ipv4(1), addr_ipv4(2), 3, 4, 6 };
	from.sel_remote[1] = (struct dataplane_selector){ addr_ipv4(5), addr_ipv4(6), 0, 65535, 0 };
	from.replay_window = 16384;
	assert_int_equal(sa_new(&sa, engine, &from, 0, SOCKET_ID_ANY), 0);
	assert_int_equal(sa->flags, SA_INBOUND | SA_ESN | SA_SELECTORS | SA_PORTS);
	s = sa_selectors(sa);
	assert_int_equal(s[0].protocol, 6);
	assert_int_equal(s[0].last[3], 2);
	assert_int_equal(s[2].first[3], 5);
	assert_int_equal(s[2].port_last, 65535);
	assert_int_equal(sa->n_local, 1);
	/* The bitmap lies between keys and selectors. */
	assert_true((uint8_t *)sa->replay.bitmap >= (uint8_t *)&sa->keys + sa->key_bytes);
	assert_true((uint8_t *)sa->replay.bitmap + replay_bytes(16384) <= (uint8_t *)s);
	memset(sa->replay.bitmap, 0xff, replay_bytes(16384));
	assert_int_equal(s[0].port_first, 3);
	sa_free(sa);
}

static void test_wiped(void **state)
{
	struct keys k = { 0 };
	struct dataplane_sa from = describe(CIPHER_AES192_GCM, AUTH_NONE, &k, true, false);
	size_t size = sa_size(engine, &from);
	struct sa *sa = aligned_alloc(64, size);

	memset(&k, 0xa5, sizeof(k));
	assert_int_equal(sa_build(sa, engine, &from, 0), 0);
	sa_wipe(sa);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(((uint8_t *)sa)[i], 0);
	free(sa);
}

static int open_engine(void **state)
{
	char *args[] = { (char *)"test",
			 (char *)"--no-huge",
			 (char *)"--no-pci",
			 (char *)"-m",
			 (char *)"64",
			 (char *)"--no-telemetry",
			 (char *)"--log-level=error",
			 (char *)"--no-shconf",
			 (char *)"-l",
			 (char *)"0" };
	const char *error = "";

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		return -1;
	engine = crypt_new(SOCKET_ID_ANY, &error);
	if (!engine)
		return -1;
	return 0;
}

static int close_engine(void **state)
{
	crypt_free(engine);
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_outer_headers),
		cmocka_unit_test(test_selectors_and_window),
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests(tests, open_engine, close_engine);
}

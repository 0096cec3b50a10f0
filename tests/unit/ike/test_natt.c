#include "ike/natt.h"

#include "tests/unit/ike/hex.h"

/* SHA-1 over SPIs, address and port in network order, by Python's hashlib. */
static const struct {
	uint64_t spi_i, spi_r;
	const char *addr;
	uint16_t port;
	const char *hash;
} hashes[] = {
	{ 0x0102030405060708, 0x0000000000000000, "192.0.2.1", 500,
	  "644b4575455bd6fcc1efe2be8162a9218e448e5f" },
	{ 0x0102030405060708, 0xf1f2f3f4f5f6f7f8, "198.51.100.255", 4500,
	  "59e90a305e9ad33b66cd3d2f26f7f86e57a8dac5" },
	{ 0xffffffffffffffff, 0x0000000000000001, "2001:db8::1", 500,
	  "dbd7e3a959b502c99b87b7d4573337f249f817ff" },
	{ 0x0000000000000000, 0x0000000000000000, "0.0.0.0", 65535,
	  "5a59600616fd8becd6e736640827aa7e41d27e2e" },
};

static struct endpoint endpoint_of(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(&e.addr, addr));
	return e;
}

static void hashes_are_known(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		struct endpoint e = endpoint_of(hashes[i].addr, hashes[i].port);
		struct hex want = hex(hashes[i].hash);
		uint8_t out[IKE_NATT_HASH_BYTES];

		assert_int_equal(ike_natt_hash(hashes[i].spi_i, hashes[i].spi_r, &e, out), 0);
		assert_int_equal(want.n, sizeof(out));
		assert_memory_equal(out, want.b, want.n);
	}
}

static void any_difference_is_seen(void **state)
{
	struct endpoint e = endpoint_of("192.0.2.1", 500), f;
	uint8_t hash[IKE_NATT_HASH_BYTES + 1] = { 0 };
	struct view v = { hash, IKE_NATT_HASH_BYTES };

	assert_int_equal(ike_natt_hash(1, 2, &e, hash), 0);
	assert_true(ike_natt_hash_matches(1, 2, &e, v));
	assert_false(ike_natt_hash_matches(2, 1, &e, v));
	assert_false(ike_natt_hash_matches(1, 0, &e, v));
	f = endpoint_of("192.0.2.1", 501);
	assert_false(ike_natt_hash_matches(1, 2, &f, v));
	f = endpoint_of("192.0.2.2", 500);
	assert_false(ike_natt_hash_matches(1, 2, &f, v));
	v.n--;
	assert_false(ike_natt_hash_matches(1, 2, &e, v));
	v.n += 2;
	assert_false(ike_natt_hash_matches(1, 2, &e, v));
	assert_false(ike_natt_hash_matches(1, 2, &e, (struct view){ NULL, 0 }));
}

static const struct {
	const char *datagram;
	bool marker, keepalive;
	size_t left;
} datagrams[] = {
	{ "", false, false, 0 },
	{ "ff", false, true, 1 },
	{ "00", false, false, 1 },
	{ "ffff", false, false, 2 },
	{ "000000", false, false, 3 },
	{ "00000000", true, false, 0 },
	{ "00000000 c0c1", true, false, 2 },
	{ "00000001 00000001", false, false, 8 }, /* ESP */
	{ "01000000 00000001", false, false, 8 },
};

static void datagrams_are_told_apart(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(datagrams); i++) {
		struct hex h = hex(datagrams[i].datagram);
		struct view v = { h.b, h.n };

		assert_int_equal(ike_is_keepalive(v), datagrams[i].keepalive);
		assert_int_equal(ike_marker_take(&v), datagrams[i].marker);
		assert_int_equal(v.n, datagrams[i].left);
	}
}

static void markers_come_back(void **state)
{
	uint8_t buf[IKE_MARKER_BYTES + 1];
	struct view v = { buf, sizeof(buf) };
	struct writer w;

	writer_init(&w, buf, sizeof(buf));
	ike_marker_emit(&w);
	writer_u8(&w, 0x20);
	assert_false(w.failed);
	assert_true(ike_marker_take(&v));
	assert_int_equal(v.n, 1);
	assert_int_equal(v.p[0], 0x20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_known),
		cmocka_unit_test(any_difference_is_seen),
		cmocka_unit_test(datagrams_are_told_apart),
		cmocka_unit_test(markers_come_back),
	};

	return cmocka_run_group_tests_name("ike/natt", tests, NULL, NULL);
}

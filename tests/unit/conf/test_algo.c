#include "conf/algo.h"

#include "tests/unit/unit.h"

#include <string.h>

/* IANA "IKEv2 Parameters", transform types 1, 3 and 2, and 4; key sizes in bytes. */
static const struct {
	const char *name;
	uint16_t id, key_bits;
	uint8_t key, salt, iv, icv;
} ciphers[] = {
	{ "3des", 3, 0, 24, 0, 8, 0 },		{ "aes128", 12, 128, 16, 0, 16, 0 },
	{ "aes192", 12, 192, 24, 0, 16, 0 },	{ "aes256", 12, 256, 32, 0, 16, 0 },
	{ "aes128gcm", 20, 128, 16, 4, 8, 16 }, { "aes192gcm", 20, 192, 24, 4, 8, 16 },
	{ "aes256gcm", 20, 256, 32, 4, 8, 16 }, { "chacha20poly1305", 28, 0, 32, 4, 8, 16 },
};

static void ciphers_have_their_numbers(void **state)
{
	assert_int_equal(ARRAY_LEN(ciphers), CIPHER_COUNT - 1);
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		enum algo_cipher c = algo_cipher_by_name(ciphers[i].name);
		const struct algo_cipher_info *info = &algo_ciphers[c];

		assert_int_not_equal(c, CIPHER_NONE);
		assert_int_equal(info->id, ciphers[i].id);
		assert_int_equal(info->key_bits, ciphers[i].key_bits);
		assert_int_equal(info->key_bytes, ciphers[i].key);
		assert_int_equal(info->salt_bytes, ciphers[i].salt);
		assert_int_equal(info->iv_bytes, ciphers[i].iv);
		assert_int_equal(info->icv_bytes, ciphers[i].icv);
		assert_int_equal(info->aead, ciphers[i].salt > 0);
		assert_int_equal(info->block_bytes, info->aead ? 1 : info->iv_bytes);
		assert_int_equal(algo_cipher_by_id(ciphers[i].id, ciphers[i].key_bits), c);
	}
}

static const struct {
	const char *name;
	uint16_t integ, prf;
	uint8_t key, icv;
} auths[] = {
	{ "sha1", 2, 2, 20, 12 },
	{ "sha256", 12, 5, 32, 16 },
	{ "sha384", 13, 6, 48, 24 },
	{ "sha512", 14, 7, 64, 32 },
};

static void hashes_have_their_numbers(void **state)
{
	assert_int_equal(ARRAY_LEN(auths), AUTH_COUNT - 1);
	for (size_t i = 0; i < ARRAY_LEN(auths); i++) {
		enum algo_auth a = algo_auth_by_name(auths[i].name);

		assert_int_not_equal(a, AUTH_NONE);
		assert_int_equal(algo_auths[a].integ_id, auths[i].integ);
		assert_int_equal(algo_auths[a].prf_id, auths[i].prf);
		assert_int_equal(algo_auths[a].key_bytes, auths[i].key);
		assert_int_equal(algo_auths[a].out_bytes, auths[i].key);
		assert_int_equal(algo_auths[a].icv_bytes, auths[i].icv);
		assert_int_equal(algo_auth_by_integ(auths[i].integ), a);
		assert_int_equal(algo_auth_by_prf(auths[i].prf), a);
	}
}

static const struct {
	const char *name;
	uint16_t id, public, secret;
} groups[] = {
	{ "modp1024", 2, 128, 128 },  { "modp1536", 5, 192, 192 },  { "modp2048", 14, 256, 256 },
	{ "modp3072", 15, 384, 384 }, { "modp4096", 16, 512, 512 }, { "ecp256", 19, 64, 32 },
	{ "ecp384", 20, 96, 48 },     { "ecp521", 21, 132, 66 },    { "x25519", 31, 32, 32 },
};

static void groups_have_their_numbers(void **state)
{
	assert_int_equal(ARRAY_LEN(groups), DH_COUNT - 1);
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		enum algo_dh g = algo_dh_by_name(groups[i].name);

		assert_int_not_equal(g, DH_NONE);
		assert_int_equal(algo_dhs[g].id, groups[i].id);
		assert_int_equal(algo_dhs[g].public_bytes, groups[i].public);
		assert_int_equal(algo_dhs[g].secret_bytes, groups[i].secret);
		assert_int_equal(algo_dh_by_id(groups[i].id), g);
	}
}

static void what_is_not_ours_is_none(void **state)
{
	assert_int_equal(algo_cipher_by_name("none"), CIPHER_NONE);
	assert_int_equal(algo_cipher_by_name("aes"), CIPHER_NONE);
	assert_int_equal(algo_cipher_by_id(0, 0), CIPHER_NONE);
	assert_int_equal(algo_cipher_by_id(12, 0), CIPHER_NONE);
	assert_int_equal(algo_cipher_by_id(20, 512), CIPHER_NONE);
	assert_int_equal(algo_cipher_by_id(18, 128), CIPHER_NONE); /* 8-byte ICV */
	assert_int_equal(algo_auth_by_integ(0), AUTH_NONE);
	assert_int_equal(algo_auth_by_prf(1), AUTH_NONE);
	assert_int_equal(algo_dh_by_id(0), DH_NONE);
	assert_int_equal(algo_dh_by_id(24), DH_NONE);
	assert_int_equal(algo_dh_by_name("none"), DH_NONE);
}

static void lists_keep_order_and_refuse_repeats(void **state)
{
	struct algo_list l = { 0 };

	for (unsigned i = ALGO_LIST_MAX; i > 0; i--)
		assert_true(algo_list_add(&l, i));
	assert_false(algo_list_add(&l, ALGO_LIST_MAX + 1));
	assert_false(algo_list_has(&l, ALGO_LIST_MAX + 1));
	assert_int_equal(l.id[0], ALGO_LIST_MAX);
	l.n--;
	assert_false(algo_list_add(&l, 2));
	assert_false(algo_list_has(&l, 1));
	assert_true(algo_list_add(&l, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ciphers_have_their_numbers),
		cmocka_unit_test(hashes_have_their_numbers),
		cmocka_unit_test(groups_have_their_numbers),
		cmocka_unit_test(what_is_not_ours_is_none),
		cmocka_unit_test(lists_keep_order_and_refuse_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

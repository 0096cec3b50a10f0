/* The vector GCM against IPsec-MB's own, which the vectors of RFC 4106 and NIST in test_crypt.c and
 * OpenSSL vouch for. */
#include "tests/unit/unit.h"

#include "dataplane/gcm.h"

#include <intel-ipsec-mb.h>

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define GUARD 64
#define MOST  9216 /* a jumbo frame */

static IMB_MGR *mgr;
static uint8_t text[GUARD + MOST + GUARD + 64];
static uint8_t expected[sizeof(text)], before[sizeof(text)];

static bool has_vectors(void)
{
	const uint64_t needed = IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;

	return (mgr->features & needed) == needed;
}

static int setup(void **state)
{
	mgr = alloc_mb_mgr(0);
	if (!mgr || sodium_init() < 0)
		return -1;
	init_mb_mgr_auto(mgr, NULL);
	return 0;
}

static int teardown(void **state)
{
	free_mb_mgr(mgr);
	return 0;
}

static void expand(unsigned size, const uint8_t *key, struct gcm_key_data *to)
{
	if (size == 0)
		IMB_AES128_GCM_PRE(mgr, key, to);
	else if (size == 1)
		IMB_AES192_GCM_PRE(mgr, key, to);
	else
		IMB_AES256_GCM_PRE(mgr, key, to);
}

/* One random packet of so many bytes at an odd place: sealed by both, opened again. */
static void one_packet(unsigned size, unsigned bytes, unsigned aad_bytes)
{
	aes_gcm_enc_dec_t seal[3] = { mgr->gcm128_enc, mgr->gcm192_enc, mgr->gcm256_enc };
	struct gcm_context_data context;
	uint8_t key[32], nonce[12], aad[12] = { 0 }, tag[16], tag2[16];
	uint8_t *at = text + GUARD + randombytes_uniform(64);
	uint32_t salt, aad4;
	uint64_t iv, aad8;
	static struct gcm_key_data k __attribute__((aligned(64)));
	struct gcm_packet p;

	randombytes_buf(key, sizeof(key));
	randombytes_buf(nonce, sizeof(nonce));
	randombytes_buf(aad, aad_bytes);
	randombytes_buf(text, sizeof(text));
	memcpy(before, text, sizeof(text));
	memcpy(expected, text, sizeof(text));
	memcpy(&salt, nonce, 4);
	memcpy(&iv, nonce + 4, 8);
	memcpy(&aad8, aad, 8);
	memcpy(&aad4, aad + 8, 4);
	expand(size, key, &k);

	seal[size](&k, &context, expected + (at - text), expected + (at - text), bytes, nonce, aad,
		   aad_bytes, tag, sizeof(tag));
	p = gcm_packet(&k, at, bytes, salt, iv, aad8, aad4, aad_bytes, tag2);
	gcm_seal[size](&p);
	assert_memory_equal(tag, tag2, sizeof(tag));
	assert_memory_equal(text, expected, sizeof(text));

	assert_true(gcm_open[size](&p));
	assert_memory_equal(text, before, sizeof(text));
}

static void every_size(void **state)
{
	if (!has_vectors())
		skip();
	for (unsigned bytes = 1; bytes <= 1300; bytes++)
		for (unsigned size = 0; size < 3; size++)
			one_packet(size, bytes, bytes % 2 ? 8 : 12);
}

static void jumbo(void **state)
{
	if (!has_vectors())
		skip();
	for (unsigned i = 0; i < 200; i++)
		one_packet(i % 3, 1301 + randombytes_uniform(MOST - 1300), i % 2 ? 8 : 12);
}

/* Two at once are what each is alone, whatever keys they have. */
static void pairs(void **state)
{
	static struct gcm_key_data k[2] __attribute__((aligned(64)));
	uint8_t key[32], tag[2][16], alone[2][16];
	struct gcm_packet p[2];
	unsigned bytes[2];

	if (!has_vectors())
		skip();
	for (bytes[0] = 1; bytes[0] <= GCM_PAIR_BYTES; bytes[0]++) {
		for (bytes[1] = 1; bytes[1] <= GCM_PAIR_BYTES; bytes[1] += 3) {
			unsigned size = bytes[1] % 3;

			if (!gcm_can_pair(bytes[0], bytes[1]))
				continue;
			randombytes_buf(text, 1024);
			for (unsigned i = 0; i < 2; i++) {
				randombytes_buf(key, sizeof(key));
				expand(size, key, &k[i]);
				p[i] = gcm_packet(&k[i], text + GUARD + 400 * i, bytes[i], i, 7 + i,
						  9 + i, i, i ? 12 : 8, alone[i]);
			}
			memcpy(before, text, 1024);
			gcm_seal[size](&p[0]);
			gcm_seal[size](&p[1]);
			memcpy(expected, text, 1024);
			memcpy(text, before, 1024);
			p[0].tag = tag[0];
			p[1].tag = tag[1];
			gcm_seal_pair[size](p);
			assert_memory_equal(text, expected, 1024);
			assert_memory_equal(tag, alone, sizeof(tag));
		}
	}
}

/* A tag of another nonce, number or text is wrong, and so is one with another bit. */
static void tags_differ(void **state)
{
	static struct gcm_key_data k __attribute__((aligned(64)));
	uint8_t key[16] = { 1 }, tag[16];
	struct gcm_packet p;

	if (!has_vectors())
		skip();
	IMB_AES128_GCM_PRE(mgr, key, &k);
	for (unsigned change = 0; change <= 5 + 128; change++) {
		memset(text, 7, 256);
		p = gcm_packet(&k, text + 64, 100, 1, 2, 3, 4, 12, tag);
		gcm_seal[0](&p);
		text[64 + 99] ^= change == 4;
		if (change > 5)
			tag[(change - 6) / 8] ^= (uint8_t)(1 << (change - 6) % 8);
		p = gcm_packet(&k, text + 64, 100, 1 + (change == 0), 2 + (change == 1),
			       3 + (change == 2), 4 + (change == 3), 12, tag);
		assert_int_equal(gcm_open[0](&p), change == 5);
	}
}

/* What is fetched early holds every power of H that a text of this size meets: one for each block,
 * one for the associated data, one for the length. */
static void fetched_powers(void **state)
{
	assert_int_equal(gcm_power_bytes(1), 3 * 16);
	assert_int_equal(gcm_power_bytes(68), 7 * 16);
	assert_int_equal(gcm_power_bytes(80), 7 * 16);
	assert_int_equal(gcm_power_bytes(368), 25 * 16);
	assert_int_equal(gcm_power_bytes(1424), 25 * 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),	  cmocka_unit_test(jumbo),
		cmocka_unit_test(pairs),	  cmocka_unit_test(tags_differ),
		cmocka_unit_test(fetched_powers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

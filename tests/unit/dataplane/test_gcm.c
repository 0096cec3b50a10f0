/* The vector GCMs against IPsec-MB's own, which the vectors of RFC 4106 and NIST in test_crypt.c
 * and OpenSSL vouch for. Each test goes through all engines that run on this CPU. */
#include "tests/unit/unit.h"

#include "dataplane/gcm.h"
#include "dataplane/gcm_proof.h"
#include "tests/unit/dataplane/ipsec_mb.h"

#include <intel-ipsec-mb.h>

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define GUARD 64
#define MOST  9216 /* a jumbo frame */

static uint8_t text[GUARD + MOST + GUARD + 64];
static uint8_t expected[sizeof(text)], before[sizeof(text)];

static const struct gcm_engine *const engines[] = { &gcm_256, &gcm_512 };
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

/* A CPU without any of them has nothing to test; one that has some tests these. */
static const struct gcm_engine *next_engine(const struct gcm_engine *e)
{
	static unsigned at;

	if (!e) {
		at = 0;
		if (!gcm_choose(NULL))
			skip();
	}
	while (at < ENGINES && !gcm_runs(engines[at]))
		at++;
	return at < ENGINES ? engines[at++] : NULL;
}

#define EACH_ENGINE(e) (const struct gcm_engine *e = next_engine(NULL); e; e = next_engine(e))

struct keys {
	struct gcm_key_data theirs __attribute__((aligned(64)));
	struct gcm_key ours;
};

static void expand(unsigned size, const uint8_t *key, struct keys *to)
{
	if (size == 0)
		IMB_AES128_GCM_PRE(mgr, key, &to->theirs);
	else if (size == 1)
		IMB_AES192_GCM_PRE(mgr, key, &to->theirs);
	else
		IMB_AES256_GCM_PRE(mgr, key, &to->theirs);
	gcm_expand(&to->ours, size, to->theirs.expanded_keys);
}

/* One random packet of so many bytes at an odd place, its tag behind it as in ESP or elsewhere:
 * sealed by both, opened again. Nothing around it changes. */
static void one_packet(const struct gcm_engine *e, unsigned size, unsigned bytes,
		       unsigned aad_bytes, bool behind)
{
	aes_gcm_enc_dec_t seal[3] = { mgr->gcm128_enc, mgr->gcm192_enc, mgr->gcm256_enc };
	struct gcm_context_data context;
	uint8_t key[32], nonce[12], aad[12] = { 0 }, tag[16], apart[16];
	uint8_t *at = text + GUARD + randombytes_uniform(64);
	uint32_t salt, aad4;
	uint64_t iv, aad8;
	static struct keys k;
	struct gcm_packet p;

	randombytes_buf(key, sizeof(key));
	randombytes_buf(nonce, sizeof(nonce));
	randombytes_buf(aad, aad_bytes);
	randombytes_buf(text, GUARD + bytes + GUARD + 64);
	memcpy(before, text, sizeof(text));
	memcpy(expected, text, sizeof(text));
	memcpy(&salt, nonce, 4);
	memcpy(&iv, nonce + 4, 8);
	memcpy(&aad8, aad, 8);
	memcpy(&aad4, aad + 8, 4);
	expand(size, key, &k);

	seal[size](&k.theirs, &context, expected + (at - text), expected + (at - text), bytes,
		   nonce, aad, aad_bytes, tag, sizeof(tag));
	if (behind)
		memcpy(expected + (at - text) + bytes, tag, sizeof(tag));
	p = gcm_packet(&k.ours, at, bytes, salt, iv, aad8, aad4, aad_bytes,
		       behind ? at + bytes : apart);
	e->seal[size](&p);
	assert_memory_equal(tag, p.tag, sizeof(tag));
	assert_memory_equal(text, expected, sizeof(text));

	assert_true(e->open[size](&p));
	if (behind)
		memcpy(before + (at - text) + bytes, tag, sizeof(tag));
	assert_memory_equal(text, before, sizeof(text));
}

static void every_size(void **state)
{
	for
		EACH_ENGINE(e)
	for (unsigned bytes = 0; bytes <= 2100; bytes++)
		for (unsigned size = 0; size < 3; size++)
			one_packet(e, size, bytes, bytes % 2 ? 8 : 12, bytes / 2 % 4);
}

static void jumbo(void **state)
{
	for
		EACH_ENGINE(e)
	for (unsigned i = 0; i < 200; i++)
		one_packet(e, i % 3, 2101 + randombytes_uniform(MOST - 2100), i % 2 ? 8 : 12, true);
}

/* Two at once are what each is alone, whatever keys they have. */
static void pairs_of(const struct gcm_engine *e)
{
	static struct keys k[2];
	uint8_t key[32], tag[2][16], alone[2][16];
	struct gcm_packet p[2];
	unsigned bytes[2], done = 0;

	for (bytes[0] = 1; bytes[0] <= e->pair_bytes; bytes[0]++) {
		for (bytes[1] = 1 + bytes[0] % 3; bytes[1] <= e->pair_bytes; bytes[1] += 3) {
			unsigned size = bytes[1] % 3;

			if (!gcm_can_pair(e, bytes[0], bytes[1]))
				continue;
			randombytes_buf(text, 1024);
			for (unsigned i = 0; i < 2; i++) {
				randombytes_buf(key, sizeof(key));
				expand(size, key, &k[i]);
				p[i] = gcm_packet(&k[i].ours, text + GUARD + 400 * i, bytes[i], i,
						  7 + i, 9 + i, i, i ? 12 : 8, alone[i]);
			}
			memcpy(before, text, 1024);
			e->seal[size](&p[0]);
			e->seal[size](&p[1]);
			memcpy(expected, text, 1024);
			memcpy(text, before, 1024);
			p[0].tag = tag[0];
			p[1].tag = tag[1];
			e->seal_pair[size](p);
			assert_memory_equal(text, expected, 1024);
			assert_memory_equal(tag, alone, sizeof(tag));
			done++;
		}
	}
	assert_true(done > 1000);
	assert_false(gcm_can_pair(e, e->pair_bytes + 1, e->pair_bytes + 1));
}

static void pairs(void **state)
{
	for
		EACH_ENGINE(e)
	pairs_of(e);
}

/* A tag of another nonce, number or text is wrong, and so is one with another bit. */
static void tags_of(const struct gcm_engine *e, unsigned size, unsigned bytes)
{
	static struct keys k;
	uint8_t key[32] = { 1 }, *tag = text + 64 + bytes;
	struct gcm_packet p;

	expand(size, key, &k);
	for (unsigned change = 0; change <= 5 + 128; change++) {
		memset(text, 7, 2048);
		p = gcm_packet(&k.ours, text + 64, bytes, 1, 2, 3, 4, 12, tag);
		e->seal[size](&p);
		text[64 + bytes - 1] ^= change == 4;
		if (change > 5)
			tag[(change - 6) / 8] ^= (uint8_t)(1 << (change - 6) % 8);
		p = gcm_packet(&k.ours, text + 64, bytes, 1 + (change == 0), 2 + (change == 1),
			       3 + (change == 2), 4 + (change == 3), 12, tag);
		assert_int_equal(e->open[size](&p), change == 5);
	}
}

static void tags_differ(void **state)
{
	for
		EACH_ENGINE(e)
	for (unsigned size = 0; size < 3; size++) {
		tags_of(e, size, 68);
		tags_of(e, size, 100);
		tags_of(e, size, 1424);
	}
}

/* Our powers of H are IPsec-MB's, which has them in descending order on CPUs with AVX-512, and the
 * first eight of them in ascending order elsewhere. */
static void powers(void **state)
{
	static struct keys k;
	uint8_t key[32];
	bool avx512 = mgr->features & IMB_FEATURE_AVX512_SKX && mgr->features & IMB_FEATURE_VAES;

	if (!gcm_choose(NULL))
		skip();
	for (unsigned size = 0; size < 3; size++) {
		randombytes_buf(key, sizeof(key));
		expand(size, key, &k);
		assert_memory_equal(k.ours.round, k.theirs.expanded_keys, 16 * (11 + 2 * size));
		for (unsigned n = 1; n <= 8; n++) {
			const uint8_t *theirs = avx512 ? &k.theirs.ghash_keys.vaes_avx512
								  .shifted_hkey[16 * (48 - n)]
						       : &k.theirs.ghash_keys.avx2_avx512
								  .shifted_hkey[16 * (8 - n)];

			assert_memory_equal(k.ours.power[GCM_POWERS - n], theirs, 16);
		}
	}
}

/* What is fetched early holds every power of H that a text of this size meets: one for each block,
 * one for the associated data, one for the length. */
static void fetched_powers(void **state)
{
	assert_int_equal(gcm_powers(1, 25), 3);
	assert_int_equal(gcm_powers(68, 25), 7);
	assert_int_equal(gcm_powers(80, 25), 7);
	assert_int_equal(gcm_powers(368, 25), 25);
	assert_int_equal(gcm_powers(1424, 25), 25);
	assert_int_equal(gcm_powers(1424, 13), 13);
	assert_int_equal(gcm_512.most_powers, 25);
	assert_int_equal(gcm_256.most_powers, 13);
}

/* ---- the self-test at the start ----------------------------------------------------------- */

static const struct gcm_engine *real;
static unsigned wrong_at;

static void wrong_seal(const struct gcm_packet *p)
{
	real->seal[1](p);
	if (p->bytes == wrong_at)
		p->text[p->bytes / 2] ^= 1;
}

static void wrong_pair(const struct gcm_packet p[2])
{
	real->seal_pair[2](p);
	if (p[1].bytes == wrong_at)
		p[1].tag[15] ^= 0x80;
}

static bool open_always(const struct gcm_packet *p)
{
	(void)real->open[0](p);
	return true;
}

static bool open_never(const struct gcm_packet *p)
{
	return real->open[2](p) && p->bytes != wrong_at;
}

static void long_seal(const struct gcm_packet *p)
{
	real->seal[0](p);
	p->text[p->bytes + 16 + 3] ^= 1;
}

/* An engine is proved on this CPU, and no more so if one of its functions is wrong at one length.
 */
static void proof(void **state)
{
	for
		EACH_ENGINE(e)
		{
			struct gcm_engine bad = *e;

			real = e;
			assert_true(gcm_proved(e, mgr));
			bad.seal[1] = wrong_seal;
			for (wrong_at = 1; wrong_at <= GCM_PROOF_BYTES; wrong_at += 109)
				assert_false(gcm_proved(&bad, mgr));
			wrong_at = GCM_PROOF_BYTES + 1;
			assert_true(gcm_proved(&bad, mgr));
			bad = *e;
			bad.seal_pair[2] = wrong_pair;
			wrong_at = e->pair_bytes;
			assert_false(gcm_proved(&bad, mgr));
			bad = *e;
			bad.open[0] = open_always;
			assert_false(gcm_proved(&bad, mgr));
			bad = *e;
			bad.open[2] = open_never;
			wrong_at = 1063;
			assert_false(gcm_proved(&bad, mgr));
			bad = *e;
			bad.seal[0] = long_seal;
			assert_false(gcm_proved(&bad, mgr));
		}
}

/* The one that is not proved is passed over, not those behind it. */
static void next_choice(void **state)
{
	assert_true(gcm_choose(&gcm_512) == (gcm_runs(&gcm_256) ? &gcm_256 : NULL));
	assert_null(gcm_choose(&gcm_256));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size), cmocka_unit_test(jumbo),
		cmocka_unit_test(pairs),      cmocka_unit_test(tags_differ),
		cmocka_unit_test(powers),     cmocka_unit_test(fetched_powers),
		cmocka_unit_test(proof),      cmocka_unit_test(next_choice),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

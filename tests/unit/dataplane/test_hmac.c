/* HMAC-SHA-1 against IPsec-MB's own, which OpenSSL vouches for in test_crypt.c. Texts and results
 * lie in memory of just their size: what is read or written beside them is an error. */
#include "tests/unit/unit.h"

#include "dataplane/hmac_proof.h"
#include "dataplane/hmac_sha1.h"
#include "tests/unit/dataplane/ipsec_mb.h"

#include <intel-ipsec-mb.h>

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct hmac_work work;
static uint8_t states[HMAC_BURST][2][20]; /* inner, outer */
static uint8_t theirs[HMAC_BURST][HMAC_SHA1_BYTES];
static struct hmac_text texts[HMAC_BURST];

/* The text's last bytes may be where its result goes, as in ESP with extended numbers. */
static void make(unsigned i, uint32_t bytes)
{
	uint8_t *at = malloc(bytes);
	IMB_JOB j = {
		.src = at,
		.msg_len_to_hash_in_bytes = bytes,
		.u.HMAC._hashed_auth_key_xor_ipad = states[i][0],
		.u.HMAC._hashed_auth_key_xor_opad = states[i][1],
		.auth_tag_output = theirs[i],
		.auth_tag_output_len_in_bytes = HMAC_SHA1_BYTES,
	};

	randombytes_buf(at, bytes);
	randombytes_buf(states[i], sizeof(states[i]));
	assert_int_equal(IMB_SUBMIT_HASH_BURST(mgr, &j, 1, IMB_AUTH_HMAC_SHA_1), 1);
	texts[i] = (struct hmac_text){
		.inner = states[i][0],
		.outer = states[i][1],
		.at = at,
		.bytes = bytes,
		.to = bytes >= HMAC_SHA1_BYTES && i % 2 ? at + bytes - HMAC_SHA1_BYTES
							: malloc(HMAC_SHA1_BYTES),
	};
}

static bool is_within(const struct hmac_text *t)
{
	return t->to >= t->at && t->to < t->at + t->bytes;
}

static void check(unsigned n)
{
	hmac_sha1(&work, texts, n);
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(texts[i].to, theirs[i], HMAC_SHA1_BYTES);
		if (!is_within(&texts[i]))
			free(texts[i].to);
		free((void *)(uintptr_t)texts[i].at);
	}
}

/* Each length alone, and in a row with those beside it. */
static void every_length(void **state)
{
	if (!hmac_sha1_runs())
		skip();
	for (uint32_t bytes = 1; bytes <= 2100; bytes++) {
		make(0, bytes);
		check(1);
	}
	for (uint32_t bytes = 1; bytes <= 2100;) {
		for (unsigned i = 0; i < HMAC_BURST; i++)
			make(i, bytes++);
		check(HMAC_BURST);
	}
}

/* Any number of texts of any lengths, in any order; jumbo frames. */
static void companies(void **state)
{
	if (!hmac_sha1_runs())
		skip();
	hmac_sha1(&work, NULL, 0);
	for (unsigned round = 0; round < 1000; round++) {
		unsigned n = 1 + round % HMAC_BURST;
		uint32_t most = round % 7 ? 1500 : 9600;

		for (unsigned i = 0; i < n; i++)
			make(i, 1 + randombytes_uniform(round % 3 ? most : 130));
		check(n);
	}
}

/* RFC 2202 §3, the first 96 bits. */
static void published(void **state)
{
	static const struct {
		uint8_t key, key_bytes;
		const char *text;
		uint8_t fill, fill_bytes;
		uint8_t digest[HMAC_SHA1_BYTES];
	} v[] = {
		{ 0x0b,
		  20,
		  "Hi There",
		  0,
		  0,
		  { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b, 0xc0, 0xb6 } },
		{ 0xaa,
		  20,
		  "",
		  0xdd,
		  50,
		  { 0x12, 0x5d, 0x73, 0x42, 0xb9, 0xac, 0x11, 0xcd, 0x91, 0xa3, 0x9a, 0xf4 } },
		{ 0x0c,
		  20,
		  "Test With Truncation",
		  0,
		  0,
		  { 0x4c, 0x1a, 0x03, 0x42, 0x4b, 0x55, 0xe0, 0x7f, 0xe7, 0xf2, 0x7b, 0xe1 } },
	};

	if (!hmac_sha1_runs())
		skip();
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint8_t pad[2][64], text[64], ours[HMAC_SHA1_BYTES];
		uint32_t bytes = (uint32_t)strlen(v[i].text);
		struct hmac_text t = { .inner = states[0][0], .outer = states[0][1], .to = ours };

		memcpy(text, v[i].text, bytes);
		memset(text + bytes, v[i].fill, v[i].fill_bytes);
		t.at = text;
		t.bytes = bytes + v[i].fill_bytes;
		memset(pad[0], 0x36, 64);
		memset(pad[1], 0x5c, 64);
		for (unsigned k = 0; k < v[i].key_bytes; k++) {
			pad[0][k] ^= v[i].key;
			pad[1][k] ^= v[i].key;
		}
		IMB_SHA1_ONE_BLOCK(mgr, pad[0], states[0][0]);
		IMB_SHA1_ONE_BLOCK(mgr, pad[1], states[0][1]);
		hmac_sha1(&work, &t, 1);
		assert_memory_equal(ours, v[i].digest, sizeof(ours));
	}
}

/* ---- the self-test at the start ----------------------------------------------------------- */

static unsigned wrong_at;

static void wrong_length(struct hmac_work *w, const struct hmac_text *t, unsigned n)
{
	hmac_sha1(w, t, n);
	for (unsigned i = 0; i < n; i++)
		if (t[i].bytes == wrong_at)
			t[i].to[HMAC_SHA1_BYTES - 1] ^= 1;
}

static void wrong_number(struct hmac_work *w, const struct hmac_text *t, unsigned n)
{
	hmac_sha1(w, t, n == wrong_at ? n - 1 : n);
}

/* One that is wrong at one length or number is not proved. */
static void proof(void **state)
{
	if (!hmac_sha1_runs())
		skip();
	assert_true(hmac_sha1_proved(hmac_sha1, mgr));
	for (wrong_at = 1; wrong_at <= HMAC_PROOF_BYTES; wrong_at += 21)
		assert_false(hmac_sha1_proved(wrong_length, mgr));
	wrong_at = HMAC_PROOF_BYTES + 1;
	assert_true(hmac_sha1_proved(wrong_length, mgr));
	for (wrong_at = 1; wrong_at <= HMAC_BURST; wrong_at += 9)
		assert_false(hmac_sha1_proved(wrong_number, mgr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published),
		cmocka_unit_test(every_length),
		cmocka_unit_test(companies),
		cmocka_unit_test(proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

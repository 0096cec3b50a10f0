#include "ike/crypto.h"

#include "tests/unit/ike/hex.h"

#include <errno.h>

#define HEAD_BYTES  32	/* IKE header and the SK payload's generic header */
#define PLAIN_MAX   300 /* room for the longest padding */
#define MESSAGE_MAX (HEAD_BYTES + 16 + PLAIN_MAX + 16 + 32)

static struct secret *secret_hex(const char *text)
{
	struct hex h = hex(text);
	struct secret *s = secret_from(h.b, h.n);

	assert_non_null(s);
	return s;
}

static struct ike_protection protection_hex(enum algo_cipher cipher, enum algo_auth integ,
					    const char *sk_e, const char *sk_a)
{
	return (struct ike_protection){ .cipher = cipher,
					.integ = integ,
					.sk_e = secret_hex(sk_e),
					.sk_a = sk_a ? secret_hex(sk_a) : NULL };
}

static void protection_clear(struct ike_protection *p)
{
	secret_free((struct secret *)p->sk_e);
	secret_free((struct secret *)p->sk_a);
}

/* RFC 7634 appendix B: a whole INFORMATIONAL request. */
static void chacha20_poly1305_gives_rfc_7634_message(void **state)
{
	struct ike_protection p = protection_hex(
		CIPHER_CHACHA20_POLY1305, AUTH_NONE,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3", NULL);
	struct hex want = hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045 29000029"
			      "1011121314151617 610394701f8d017f7c12924889"
			      "6b71bfe25236efd7cdc67066906315b2");
	struct hex plain = hex("0000000c000040010000000a"), msg = want;
	size_t at, n;

	memset(msg.b + HEAD_BYTES, 0, msg.n - HEAD_BYTES);
	memcpy(msg.b + HEAD_BYTES + 8, plain.b, plain.n);
	assert_int_equal(HEAD_BYTES + plain.n + ike_protect_overhead(&p, plain.n), want.n);
	assert_int_equal(
		ike_protect(&p, msg.b, HEAD_BYTES, plain.n, 0x1011121314151617, (uint8_t[16]){ 0 }),
		0);
	assert_memory_equal(msg.b, want.b, want.n);
	assert_int_equal(ike_unprotect(&p, msg.b, msg.n, HEAD_BYTES, &at, &n), 0);
	assert_int_equal(at, HEAD_BYTES + 8);
	assert_int_equal(n, plain.n);
	assert_memory_equal(msg.b + at, plain.b, plain.n);
	protection_clear(&p);
}

/* Test cases 4, 10 and 16 of McGrew and Viega's GCM specification. Their plaintext ends in 0x39,
 * which reads as 57 bytes of padding. */
static void gcm_gives_known_answers(void **state)
{
	static const char aad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
	static const char plain[] =
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
	static const struct {
		enum algo_cipher cipher;
		const char *key, *text, *tag;
	} cases[] = {
		{ CIPHER_AES128_GCM, "feffe9928665731c6d6a8f9467308308 cafebabe",
		  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
		  "5bc94fbc3221a5db94fae95ae7121a47" },
		{ CIPHER_AES192_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c cafebabe",
		  "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
		  "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
		  "2519498e80f1478f37ba55bd6d27618c" },
		{ CIPHER_AES256_GCM,
		  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308 cafebabe",
		  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
		  "76fc6ece0f4e1768cddf8853bb2d551b" },
	};
	struct hex a = hex(aad), in = hex(plain), iv = hex("facedbaddecaf888");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ike_protection p =
			protection_hex(cases[i].cipher, AUTH_NONE, cases[i].key, NULL);
		struct hex text = hex(cases[i].text), tag = hex(cases[i].tag);
		uint8_t msg[MESSAGE_MAX];
		size_t at, n, total = a.n + iv.n + text.n + tag.n;

		memcpy(msg, a.b, a.n);
		memcpy(msg + a.n, iv.b, iv.n);
		memcpy(msg + a.n + iv.n, text.b, text.n);
		memcpy(msg + a.n + iv.n + text.n, tag.b, tag.n);
		assert_int_equal(ike_unprotect(&p, msg, total, a.n, &at, &n), 0);
		assert_int_equal(at, a.n + iv.n);
		assert_int_equal(n, in.n - 1 - 0x39);
		assert_memory_equal(msg + at, in.b, in.n);

		/* Other way round, our own pad length byte follows, which moves only the tag. */
		assert_int_equal(
			ike_protect(&p, msg, a.n, in.n, 0xfacedbaddecaf888, (uint8_t[16]){ 0 }), 0);
		assert_memory_equal(msg + a.n, iv.b, iv.n);
		assert_memory_equal(msg + a.n + iv.n, text.b, text.n);
		protection_clear(&p);
	}
}

/* RFC 3602 §4 cases 1 to 4, SP 800-38A F.2.1, F.2.3, F.2.5; SP 800-67's 3DES example, whose first
 * block is the same in CBC with a zero IV. The next block of a message does not change these. */
static void cbc_gives_known_answers(void **state)
{
	static const char nist[] =
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
	static const struct {
		enum algo_cipher cipher;
		const char *key, *iv, *plain, *text;
	} cases[] = {
		{ CIPHER_AES128_CBC, "06a9214036b8a15b512e03d534120006",
		  "3dafba429d9eb430b422da802c9fac41", "53696e676c6520626c6f636b206d7367",
		  "e353779c1079aeb82708942dbe77181a" },
		{ CIPHER_AES128_CBC, "c286696d887c9aa0611bbb3e2025a45a",
		  "562e17996d093d28ddb3ba695a2e6f58",
		  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		  "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1" },
		{ CIPHER_AES128_CBC, "6c3ea0477630ce21a2ce334aa746c2cd",
		  "c782dc4c098c66cbd9cd27d825682c81",
		  "5468697320697320612034382d62797465206d6573736167652028657861637"
		  "46c7920332041455320626c6f636b7329",
		  "d0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5"
		  "021c19216bad525c8579695d83ba2684" },
		{ CIPHER_AES128_CBC, "56e47a38c5598974bc46903dba290349",
		  "8ce82eefbea0da3c44699ed7db51b7d9",
		  "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
		  "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
		  "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e"
		  "35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55" },
		{ CIPHER_AES128_CBC, "2b7e151628aed2a6abf7158809cf4f3c",
		  "000102030405060708090a0b0c0d0e0f", nist,
		  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
		  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
		{ CIPHER_AES192_CBC, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
		  "000102030405060708090a0b0c0d0e0f", nist,
		  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
		  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
		{ CIPHER_AES256_CBC,
		  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		  "000102030405060708090a0b0c0d0e0f", nist,
		  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
		  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
		{ CIPHER_3DES_CBC, "0123456789abcdef23456789abcdef01456789abcdef0123",
		  "0000000000000000", "5468652071756663", "a826fd8ce53b855f" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ike_protection p =
			protection_hex(cases[i].cipher, AUTH_SHA1, cases[i].key,
				       "00112233445566778899aabbccddeeff00112233");
		struct hex iv = hex(cases[i].iv), plain = hex(cases[i].plain);
		struct hex text = hex(cases[i].text);
		uint8_t msg[MESSAGE_MAX] = { 0 }, iv_random[16] = { 0 };
		size_t at, n;

		memcpy(iv_random, iv.b, iv.n);
		memcpy(msg + HEAD_BYTES + iv.n, plain.b, plain.n);
		assert_int_equal(ike_protect(&p, msg, HEAD_BYTES, plain.n, 0, iv_random), 0);
		assert_memory_equal(msg + HEAD_BYTES, iv.b, iv.n);
		assert_memory_equal(msg + HEAD_BYTES + iv.n, text.b, text.n);
		assert_int_equal(
			ike_unprotect(&p, msg,
				      HEAD_BYTES + plain.n + ike_protect_overhead(&p, plain.n),
				      HEAD_BYTES, &at, &n),
			0);
		assert_int_equal(n, plain.n);
		assert_memory_equal(msg + at, plain.b, plain.n);
		protection_clear(&p);
	}
}

/* Whole messages, put together by Python's hmac and another AES: header, SK header, IV 40 41 .. 4f,
 * one DELETE notify, three bytes of padding; SK_e is 80 81 .., SK_a is 20 21 ... */
static void cbc_and_hmac_give_known_messages(void **state)
{
	static const struct {
		enum algo_cipher cipher;
		enum algo_auth integ;
		const char *body; /* after the IV */
	} cases[] = {
		{ CIPHER_AES128_CBC, AUTH_SHA1,
		  "34c130cd65f4c696cbf249b635ed6ab5 e5949fc14e6b672424fbbd59" },
		{ CIPHER_AES128_CBC, AUTH_SHA256,
		  "34c130cd65f4c696cbf249b635ed6ab5 819aa81120864eaf1f2217a643a85ddc" },
		{ CIPHER_AES128_CBC, AUTH_SHA384,
		  "34c130cd65f4c696cbf249b635ed6ab5 bccb21b1f57988840ce8c3338c926cec"
		  "9f9dc77912fa6cdb" },
		{ CIPHER_AES128_CBC, AUTH_SHA512,
		  "34c130cd65f4c696cbf249b635ed6ab5 af6f89c3b86fee314aa40014fd77c46f"
		  "f9ba72ba44c17daf846282c998865d5d" },
		{ CIPHER_AES192_CBC, AUTH_SHA256,
		  "a58a38150c626bbf817e4f37b9b97be5 ea63d49042591d7dd84ddbb8cb142824" },
		{ CIPHER_AES256_CBC, AUTH_SHA256,
		  "863507e2ede5093ddb2ed7aaf37f65e1 73c8717eebe3d5c59ff5eb154d9c4505" },
		{ CIPHER_AES256_CBC, AUTH_SHA512,
		  "863507e2ede5093ddb2ed7aaf37f65e1 52d9ba77959e74910fae10641c205ed5"
		  "6d00bb1adde76691c0e162d3b1486a38" },
	};
	struct hex head = hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e20250000000009 00000000 29000000");
	struct hex plain = hex("0000000c000040010000000a");
	uint8_t series[256];

	for (unsigned i = 0; i < sizeof(series); i++)
		series[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hex body = hex(cases[i].body);
		struct ike_protection p = {
			.cipher = cases[i].cipher,
			.integ = cases[i].integ,
			.sk_e = secret_from(series + 0x80, algo_ciphers[cases[i].cipher].key_bytes),
			.sk_a = secret_from(series + 0x20, algo_auths[cases[i].integ].key_bytes),
		};
		uint8_t msg[MESSAGE_MAX] = { 0 };
		size_t total = HEAD_BYTES + plain.n + ike_protect_overhead(&p, plain.n);

		memcpy(msg, head.b, head.n);
		msg[27] = (uint8_t)total;
		msg[31] = (uint8_t)(total - 28);
		memcpy(msg + HEAD_BYTES + 16, plain.b, plain.n);
		assert_int_equal(total, HEAD_BYTES + 16 + body.n);
		assert_int_equal(ike_protect(&p, msg, HEAD_BYTES, plain.n, 7, series + 0x40), 0);
		assert_memory_equal(msg + HEAD_BYTES, series + 0x40, 16);
		assert_memory_equal(msg + HEAD_BYTES + 16, body.b, body.n);
		protection_clear(&p);
	}
}

static struct ike_protection protection_of(enum algo_cipher cipher, enum algo_auth integ)
{
	const struct algo_cipher_info *c = &algo_ciphers[cipher];
	struct ike_protection p = { .cipher = cipher,
				    .integ = c->aead ? AUTH_NONE : integ,
				    .sk_e = secret_new(c->key_bytes + c->salt_bytes) };

	if (!c->aead)
		p.sk_a = secret_new(algo_auths[integ].key_bytes);
	memset((uint8_t *)p.sk_e->data, 0x5a, p.sk_e->len);
	return p;
}

static void every_length_comes_back(void **state)
{
	uint8_t msg[MESSAGE_MAX], plain[PLAIN_MAX];

	memset(plain, 0x77, sizeof(plain));
	for (unsigned c = CIPHER_NONE + 1; c < CIPHER_COUNT; c++) {
		struct ike_protection p = protection_of((enum algo_cipher)c, AUTH_SHA256);
		size_t iv = algo_ciphers[c].iv_bytes, at, n;

		for (size_t len = 0; len <= 70; len++) {
			size_t total = HEAD_BYTES + len + ike_protect_overhead(&p, len);

			memset(msg, 0x11, sizeof(msg));
			memcpy(msg + HEAD_BYTES + iv, plain, len);
			assert_int_equal(ike_protect(&p, msg, HEAD_BYTES, len, len, plain), 0);
			assert_int_equal(msg[total], 0x11);
			assert_int_equal(ike_unprotect(&p, msg, total, HEAD_BYTES, &at, &n), 0);
			assert_int_equal(at, HEAD_BYTES + iv);
			assert_int_equal(n, len);
			assert_memory_equal(msg + at, plain, len);
		}
		protection_clear(&p);
	}
}

static void every_changed_bit_is_noticed(void **state)
{
	uint8_t good[MESSAGE_MAX] = { 0 }, msg[MESSAGE_MAX];
	const size_t len = 21;

	for (unsigned c = CIPHER_NONE + 1; c < CIPHER_COUNT; c++) {
		struct ike_protection p = protection_of((enum algo_cipher)c, AUTH_SHA384);
		size_t total = HEAD_BYTES + len + ike_protect_overhead(&p, len), at, n;

		assert_int_equal(ike_protect(&p, good, HEAD_BYTES, len, 1, (uint8_t[16]){ 0 }), 0);
		for (size_t bit = 0; bit < 8 * total; bit++) {
			memcpy(msg, good, total);
			msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(ike_unprotect(&p, msg, total, HEAD_BYTES, &at, &n),
					 -EBADMSG);
		}
		protection_clear(&p);
	}
}

static void every_cut_is_noticed(void **state)
{
	uint8_t good[MESSAGE_MAX] = { 0 }, msg[MESSAGE_MAX];
	const size_t len = 40;

	for (unsigned c = CIPHER_NONE + 1; c < CIPHER_COUNT; c++) {
		struct ike_protection p = protection_of((enum algo_cipher)c, AUTH_SHA1);
		size_t total = HEAD_BYTES + len + ike_protect_overhead(&p, len), at, n;

		assert_int_equal(ike_protect(&p, good, HEAD_BYTES, len, 1, (uint8_t[16]){ 0 }), 0);
		for (size_t cut = 0; cut < total; cut++) {
			memcpy(msg, good, total);
			assert_int_equal(ike_unprotect(&p, msg, cut, HEAD_BYTES, &at, &n),
					 -EBADMSG);
		}
		protection_clear(&p);
	}
}

/* A peer may pad with anything to any length (RFC 7296 §3.14); a pad length that says more than
 * there is makes a message malformed, although its ICV is good. */
static const struct padding {
	size_t body; /* plaintext, padding and pad length */
	uint8_t pad_length;
	int rc;
	size_t plain;
} paddings[] = {
	{ 16, 0, 0, 15 },	   { 16, 1, 0, 14 },	    { 16, 15, 0, 0 },
	{ 48, 37, 0, 10 },	   { 240, 239, 0, 0 },	    { 256, 255, 0, 0 },
	{ 272, 255, 0, 16 },	   { 16, 16, -EBADMSG, 0 }, { 16, 255, -EBADMSG, 0 },
	{ 240, 240, -EBADMSG, 0 },
};

static void check_padding(const struct ike_protection *p, const struct padding *x, uint8_t *msg)
{
	size_t iv = algo_ciphers[p->cipher].iv_bytes, at = 0, n = 0;
	size_t icv = p->sk_a ? algo_auths[p->integ].icv_bytes : algo_ciphers[p->cipher].icv_bytes;

	assert_int_equal(
		ike_unprotect(p, msg, HEAD_BYTES + iv + x->body + icv, HEAD_BYTES, &at, &n), x->rc);
	assert_int_equal(n, x->plain);
	if (x->rc == 0)
		assert_int_equal(at, HEAD_BYTES + iv);
}

static void aead_takes_any_padding_that_fits(void **state)
{
	struct ike_protection p = protection_of(CIPHER_CHACHA20_POLY1305, AUTH_NONE);

	for (size_t i = 0; i < ARRAY_LEN(paddings); i++) {
		const struct padding *x = &paddings[i];
		uint8_t msg[MESSAGE_MAX], nonce[12], *data = msg + HEAD_BYTES + 8;

		memset(msg, 0xa5, sizeof(msg));
		data[x->body - 1] = x->pad_length;
		memcpy(nonce, p.sk_e->data + 32, 4);
		memcpy(nonce + 4, msg + HEAD_BYTES, 8);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(data, data + x->body, NULL, data,
								   x->body, msg, HEAD_BYTES, NULL,
								   nonce, p.sk_e->data);
		check_padding(&p, x, msg);
	}
	protection_clear(&p);
}

/* In CBC a bit of the block before the last (or of the IV) turns the same bit of the last block, so
 * that any pad length can be made; who has SK_a can sign it. */
static void cbc_takes_any_padding_that_fits(void **state)
{
	struct ike_protection p = protection_of(CIPHER_AES128_CBC, AUTH_SHA256);

	for (size_t i = 0; i < ARRAY_LEN(paddings); i++) {
		const struct padding *x = &paddings[i];
		size_t signed_bytes = HEAD_BYTES + 16 + x->body;
		uint8_t msg[MESSAGE_MAX] = { 0 }, hash[IKE_HASH_MAX];
		const struct ike_chunk in = { msg, signed_bytes };

		assert_int_equal(
			ike_protect(&p, msg, HEAD_BYTES, x->body - 1, 0, (uint8_t[16]){ 0 }), 0);
		msg[signed_bytes - 17] ^= x->pad_length;
		assert_int_equal(ike_prf(p.integ, p.sk_a->data, p.sk_a->len, &in, 1, hash), 0);
		memcpy(msg + signed_bytes, hash, algo_auths[p.integ].icv_bytes);
		check_padding(&p, x, msg);
	}
	protection_clear(&p);
}

static void incomplete_protections_are_refused(void **state)
{
	static const struct {
		enum algo_cipher cipher;
		enum algo_auth integ;
		size_t sk_e;
		bool sk_a;
	} cases[] = {
		{ CIPHER_NONE, AUTH_SHA1, 16, true },
		{ CIPHER_COUNT, AUTH_SHA1, 16, true },
		{ CIPHER_AES128_CBC, AUTH_NONE, 16, true },
		{ CIPHER_AES128_CBC, AUTH_COUNT, 16, true },
		{ CIPHER_AES128_CBC, AUTH_SHA1, 16, false },
		{ CIPHER_AES128_CBC, AUTH_SHA1, 15, true },
		{ CIPHER_AES128_GCM, AUTH_SHA1, 20, false },
		{ CIPHER_AES128_GCM, AUTH_NONE, 16, false }, /* no salt */
	};
	uint8_t msg[MESSAGE_MAX] = { 0 };
	size_t at, n;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ike_protection p = { .cipher = cases[i].cipher,
					    .integ = cases[i].integ,
					    .sk_e = secret_new(cases[i].sk_e),
					    .sk_a = cases[i].sk_a ? secret_new(20) : NULL };

		assert_int_equal(ike_protect(&p, msg, HEAD_BYTES, 16, 0, msg), -EINVAL);
		assert_int_equal(ike_unprotect(&p, msg, sizeof(msg), HEAD_BYTES, &at, &n), -EINVAL);
		protection_clear(&p);
	}
}

static void nothing_leaks(void **state)
{
	assert_int_equal(secret_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chacha20_poly1305_gives_rfc_7634_message),
		cmocka_unit_test(gcm_gives_known_answers),
		cmocka_unit_test(cbc_gives_known_answers),
		cmocka_unit_test(cbc_and_hmac_give_known_messages),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(aead_takes_any_padding_that_fits),
		cmocka_unit_test(cbc_takes_any_padding_that_fits),
		cmocka_unit_test(incomplete_protections_are_refused),
		cmocka_unit_test(nothing_leaks),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests_name("ike/crypto: protection", tests, NULL, NULL);
}

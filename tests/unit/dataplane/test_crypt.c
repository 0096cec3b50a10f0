#include "dataplane/crypt.h"

#include "dataplane/sa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rte_byteorder.h>
#include <rte_eal.h>
#include <rte_memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 2048 /* bytes for one packet */

static struct crypt *engine;

static uint8_t random_byte(void)
{
	static uint32_t x = 12345;

	x = x * 1664525 + 1013904223;
	return (uint8_t)(x >> 24);
}

static void random_fill(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = random_byte();
}

static size_t unhex(uint8_t *to, const char *text)
{
	size_t n = 0;

	for (; text[0] && text[1]; text += 2) {
		unsigned byte;

		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		to[n++] = (uint8_t)byte;
	}
	return n;
}

/* ---- SAs -------------------------------------------------------------------------------- */

static const struct pair {
	enum algo_cipher cipher;
	enum algo_auth auth;
} pairs[] = {
	{ CIPHER_AES128_GCM, AUTH_NONE },   { CIPHER_AES192_GCM, AUTH_NONE },
	{ CIPHER_AES256_GCM, AUTH_NONE },   { CIPHER_CHACHA20_POLY1305, AUTH_NONE },
	{ CIPHER_AES128_CBC, AUTH_SHA1 },   { CIPHER_AES128_CBC, AUTH_SHA256 },
	{ CIPHER_AES128_CBC, AUTH_SHA384 }, { CIPHER_AES128_CBC, AUTH_SHA512 },
	{ CIPHER_AES192_CBC, AUTH_SHA1 },   { CIPHER_AES192_CBC, AUTH_SHA256 },
	{ CIPHER_AES192_CBC, AUTH_SHA384 }, { CIPHER_AES192_CBC, AUTH_SHA512 },
	{ CIPHER_AES256_CBC, AUTH_SHA1 },   { CIPHER_AES256_CBC, AUTH_SHA256 },
	{ CIPHER_AES256_CBC, AUTH_SHA384 }, { CIPHER_AES256_CBC, AUTH_SHA512 },
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

struct keys {
	uint8_t cipher[36], auth[64];
};

static struct dataplane_sa describe(struct pair p, const struct keys *k, bool inbound, bool esn)
{
	const struct algo_cipher_info *c = &algo_ciphers[p.cipher];

	return (struct dataplane_sa){
		.tunnel = 7,
		.inbound = inbound,
		.spi = 0x4321,
		.cipher = p.cipher,
		.auth = p.auth,
		.cipher_key = k->cipher,
		.cipher_key_len = c->key_bytes + c->salt_bytes,
		.auth_key = p.auth ? k->auth : NULL,
		.auth_key_len = algo_auths[p.auth].key_bytes,
		.esn = esn,
		.local = { .addr = addr_ipv4(0xc0000201) },
		.remote = { .addr = addr_ipv4(0xc6336401) },
		.replay_window = 1024,
	};
}

static struct sa *new_sa(struct pair p, const struct keys *k, bool inbound, bool esn)
{
	struct dataplane_sa from = describe(p, k, inbound, esn);
	struct sa *sa;

	assert_int_equal(sa_new(&sa, engine, &from, 3, SOCKET_ID_ANY), 0);
	return sa;
}

/* ---- the same packets by OpenSSL -------------------------------------------------------- */

static const EVP_CIPHER *reference_cipher(enum algo_cipher c)
{
	switch (c) {
	case CIPHER_AES128_CBC:
		return EVP_aes_128_cbc();
	case CIPHER_AES192_CBC:
		return EVP_aes_192_cbc();
	case CIPHER_AES256_CBC:
		return EVP_aes_256_cbc();
	case CIPHER_AES128_GCM:
		return EVP_aes_128_gcm();
	case CIPHER_AES192_GCM:
		return EVP_aes_192_gcm();
	case CIPHER_AES256_GCM:
		return EVP_aes_256_gcm();
	default:
		return EVP_chacha20_poly1305();
	}
}

static const EVP_MD *reference_hash(enum algo_auth a)
{
	switch (a) {
	case AUTH_SHA1:
		return EVP_sha1();
	case AUTH_SHA256:
		return EVP_sha256();
	case AUTH_SHA384:
		return EVP_sha384();
	default:
		return EVP_sha512();
	}
}

static void reference_hmac(enum algo_auth auth, const uint8_t *key, size_t key_bytes,
			   const uint8_t *esp, size_t len, bool esn, uint64_t seq, uint8_t *icv)
{
	uint8_t text[ROOM], full[64];
	uint32_t high = rte_cpu_to_be_32((uint32_t)(seq >> 32));

	memcpy(text, esp, len);
	memcpy(text + len, &high, 4);
	assert_non_null(HMAC(reference_hash(auth), key, (int)key_bytes, text, len + (esn ? 4 : 0),
			     full, NULL));
	memcpy(icv, full, algo_auths[auth].icv_bytes);
}

/* esp: header and IV in place, payload plain; encrypts and puts the ICV behind len. */
static void reference_seal(struct pair p, const struct keys *k, uint8_t *esp, size_t len, bool esn,
			   uint64_t seq)
{
	const struct algo_cipher_info *c = &algo_ciphers[p.cipher];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *text = esp + 8 + c->iv_bytes, nonce[12], aad[12];
	size_t bytes = len - 8 - c->iv_bytes;
	int n;

	memcpy(nonce, k->cipher + c->key_bytes, 4);
	memcpy(nonce + 4, esp + 8, 8);
	assert_int_equal(EVP_EncryptInit_ex(ctx, reference_cipher(p.cipher), NULL, k->cipher,
					    c->aead ? nonce : esp + 8),
			 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	if (c->aead) {
		memcpy(aad, esp, 4);
		for (unsigned i = 0; i < 8; i++)
			aad[4 + i] = (uint8_t)(seq >> (56 - 8 * i));
		assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, esn ? aad : esp, esn ? 12 : 8),
				 1);
	}
	assert_int_equal(EVP_EncryptUpdate(ctx, text, &n, text, (int)bytes), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, text + n, &n), 1);
	if (c->aead)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, esp + len), 1);
	else
		reference_hmac(p.auth, k->auth, algo_auths[p.auth].key_bytes, esp, len, esn, seq,
			       esp + len);
	EVP_CIPHER_CTX_free(ctx);
}

/* ---- published vectors ------------------------------------------------------------------ */

static void test_aead_vectors(void **state)
{
	static const struct {
		const char *source;
		enum algo_cipher cipher;
		const char *key, *salt, *spi, *sequence, *iv, *plain, *sealed;
		bool esn;
	} v[] = {
		{ "RFC 7634 appendix A", CIPHER_CHACHA20_POLY1305,
		  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "a0a1a2a3",
		  "01020304", "0000000000000005", "1011121314151617",
		  "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
		  "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
		  "2425262728292a2b2c2d2e2f303132333435363701020204",
		  "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
		  "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
		  "cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7"
		  "b11b369907e1ad43",
		  false },
		{ "draft-mcgrew-gcm-test, with ESN", CIPHER_AES128_GCM,
		  "4c80cdefbb5d10da906ac73c3613a634", "2e443b68", "00004321", "8765432100000000",
		  "4956ed7e3b244cfe",
		  "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
		  "00000000045f736970045f756470037369700963796265726369747902646b00"
		  "0021000101020201",
		  "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
		  "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
		  "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
		  true },
		{ "draft-mcgrew-gcm-test", CIPHER_AES128_GCM, "feffe9928665731c6d6a8f9467308308",
		  "cafebabe", "0000a5f8", "000000000000000a", "facedbaddecaf888",
		  "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100"
		  "0001000000000000037369700963796265726369747902646b00000100010001",
		  "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
		  "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
		  "83b70d3aa8bc6ee4c309e9d85a41ad4a",
		  false },
		{ "draft-mcgrew-gcm-test", CIPHER_AES256_GCM,
		  "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "11223344",
		  "4a2cbfe3", "0000000000000002", "0102030405060708",
		  "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
		  "7002400020bf0000020405b40101040201020201",
		  "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
		  "748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c49"
		  "15956c96",
		  false },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint8_t packet[ROOM], plain[ROOM], number[8];
		struct keys k = { 0 };
		struct sa *sa;
		size_t n;

		n = unhex(k.cipher, v[i].key);
		unhex(k.cipher + n, v[i].salt);
		unhex(number, v[i].sequence);
		unhex(packet, v[i].spi);
		memcpy(packet + 4, number + 4, 4);
		unhex(packet + 8, v[i].iv);
		n = 16 + unhex(packet + 16, v[i].sealed) - 16;
		assert_int_equal(unhex(plain, v[i].plain), n - 16);

		sa = new_sa((struct pair){ v[i].cipher, AUTH_NONE }, &k, true, v[i].esn);
		struct crypt_op op = { .sa = sa, .esp = packet, .len = (uint32_t)n };
		for (unsigned b = 0; b < 8; b++)
			op.seq = op.seq << 8 | number[b];
		crypt_open(engine, &op, 1);
		if (!op.ok)
			fail_msg("%s: ICV", v[i].source);
		assert_memory_equal(packet + 16, plain, n - 16);
		sa_free(sa);
	}
}

/* The cipher alone; the ICV is OpenSSL's. */
static void test_cbc_vectors(void **state)
{
#define SP800_38A_PLAIN                                                    \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	static const struct {
		const char *source;
		enum algo_cipher cipher;
		const char *key, *iv, *plain, *sealed;
	} v[] = {
		{ "RFC 3602 case 1", CIPHER_AES128_CBC, "06a9214036b8a15b512e03d534120006",
		  "3dafba429d9eb430b422da802c9fac41", "53696e676c6520626c6f636b206d7367",
		  "e353779c1079aeb82708942dbe77181a" },
		{ "RFC 3602 case 2", CIPHER_AES128_CBC, "c286696d887c9aa0611bbb3e2025a45a",
		  "562e17996d093d28ddb3ba695a2e6f58",
		  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		  "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1" },
		{ "RFC 3602 case 4", CIPHER_AES128_CBC, "56e47a38c5598974bc46903dba290349",
		  "8ce82eefbea0da3c44699ed7db51b7d9",
		  "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
		  "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
		  "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e"
		  "35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55" },
		{ "SP 800-38A F.2.3", CIPHER_AES192_CBC,
		  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
		  "000102030405060708090a0b0c0d0e0f", SP800_38A_PLAIN,
		  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
		  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
		{ "SP 800-38A F.2.5", CIPHER_AES256_CBC,
		  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		  "000102030405060708090a0b0c0d0e0f", SP800_38A_PLAIN,
		  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
		  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint8_t packet[ROOM] = { 0 }, plain[ROOM];
		struct keys k = { 0 };
		size_t n;

		unhex(k.cipher, v[i].key);
		unhex(packet + 8, v[i].iv);
		n = 24 + unhex(packet + 24, v[i].sealed);
		assert_int_equal(unhex(plain, v[i].plain), n - 24);
		reference_hmac(AUTH_SHA256, k.auth, 32, packet, n, false, 0, packet + n);

		struct sa *sa = new_sa((struct pair){ v[i].cipher, AUTH_SHA256 }, &k, true, false);
		struct crypt_op op = { .sa = sa, .esp = packet, .len = (uint32_t)n };
		crypt_open(engine, &op, 1);
		if (!op.ok || memcmp(packet + 24, plain, n - 24))
			fail_msg("%s", v[i].source);
		sa_free(sa);
	}
}

/* Messages of the RFCs that have the shape of a packet: test case 2 is header, IV and the four
 * bytes that ESN adds; test case 7 is header, IV and eight blocks. A key shorter than the hash's
 * block may be filled up with zeros; a longer one stands for its hash (RFC 2104 §2). */
static void test_hmac_vectors(void **state)
{
#define CASE_2 "7768617420646f2079612077616e7420666f72206e6f7468696e673f"
	static const char case_7[] =
		"This is a test using a larger than block-size key and a larger than block-size "
		"data. The key needs to be hashed before being used by the HMAC algorithm.";
	static const struct {
		const char *source;
		enum algo_auth auth;
		unsigned number;
		const char *icv;
	} v[] = {
		{ "RFC 2202 §3, 2", AUTH_SHA1, 2, "effcdf6ae5eb2fa2d27416d5" },
		{ "RFC 4231 §4.3", AUTH_SHA256, 2, "5bdcc146bf60754e6a042426089575c7" },
		{ "RFC 4231 §4.3", AUTH_SHA384, 2,
		  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47" },
		{ "RFC 4231 §4.3", AUTH_SHA512, 2,
		  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" },
		{ "RFC 4231 §4.8", AUTH_SHA256, 7, "9b09ffa71b942fcb27635fbcd5b0e944" },
		{ "RFC 4231 §4.8", AUTH_SHA384, 7,
		  "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9a" },
		{ "RFC 4231 §4.8", AUTH_SHA512, 7,
		  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		bool esn = v[i].number == 2;
		uint8_t packet[ROOM], long_key[131];
		struct keys k = { 0 };
		struct crypt_op op = { .esp = packet };

		if (v[i].number == 2) {
			memcpy(k.auth, "Jefe", 4);
			unhex(packet, CASE_2);
			op.len = 24;
			op.seq = (uint64_t)packet[24] << 56 | (uint64_t)packet[25] << 48 |
				 (uint64_t)packet[26] << 40 | (uint64_t)packet[27] << 32;
		} else {
			memset(long_key, 0xaa, sizeof(long_key));
			EVP_Digest(long_key, sizeof(long_key), k.auth, NULL,
				   reference_hash(v[i].auth), NULL);
			memcpy(packet, case_7, 152);
			op.len = 152;
		}
		unhex(packet + op.len, v[i].icv);
		op.sa = new_sa((struct pair){ CIPHER_AES128_CBC, v[i].auth }, &k, true, esn);
		crypt_open(engine, &op, 1);
		if (!op.ok)
			fail_msg("%s", v[i].source);
		sa_free(op.sa);
	}
}

/* ---- round trips ------------------------------------------------------------------------ */

struct flow {
	struct pair pair;
	bool esn;
	struct keys keys;
	struct sa *out, *in;
};

static struct flow flows[2 * PAIRS];

static void open_flows(void)
{
	for (size_t i = 0; i < 2 * PAIRS; i++) {
		struct flow *f = &flows[i];

		f->pair = pairs[i / 2];
		f->esn = i % 2;
		random_fill((uint8_t *)&f->keys, sizeof(f->keys));
		f->out = new_sa(f->pair, &f->keys, false, f->esn);
		f->in = new_sa(f->pair, &f->keys, true, f->esn);
	}
}

static void close_flows(void)
{
	for (size_t i = 0; i < 2 * PAIRS; i++) {
		sa_free(flows[i].out);
		sa_free(flows[i].in);
	}
}

struct packet {
	const struct flow *flow;
	uint8_t bytes[ROOM] __attribute__((aligned(64)));
	uint8_t plain[ROOM];
	size_t len, text_at, text_bytes;
	uint64_t seq;
};

static void fill_packet(struct packet *p, const struct flow *f, unsigned payload)
{
	p->flow = f;
	p->text_at = 8u + f->out->iv_bytes;
	p->text_bytes = sa_padded(f->out, payload);
	p->len = p->text_at + p->text_bytes;
	p->seq = f->esn ? UINT64_C(0x123456789abcdef0) + payload : 0x9abcdef0 + payload;
	memset(p->bytes, 0x5a, sizeof(p->bytes));
	random_fill(p->plain, p->text_bytes);
	memcpy(p->bytes + p->text_at, p->plain, p->text_bytes);
}

static struct crypt_op op_of(struct packet *p, struct sa *sa)
{
	return (struct crypt_op){
		.sa = sa, .esp = p->bytes, .seq = p->seq, .len = (uint32_t)p->len
	};
}

/* Sealed by us, byte for byte what OpenSSL makes with the same IV; nothing else touched. */
static void check_sealed(const struct packet *p)
{
	const struct flow *f = p->flow;
	unsigned icv = f->out->icv_bytes;
	uint8_t want[ROOM];
	uint64_t number = rte_cpu_to_be_64(p->seq);

	assert_memory_equal(p->bytes, "\x00\x00\x43\x21", 4);
	assert_memory_equal(p->bytes + 4, (uint8_t *)&number + 4, 4);
	if (algo_ciphers[f->pair.cipher].aead)
		assert_memory_equal(p->bytes + 8, &number, 8);
	memcpy(want, p->bytes, p->text_at);
	memcpy(want + p->text_at, p->plain, p->text_bytes);
	reference_seal(f->pair, &f->keys, want, p->len, f->esn, p->seq);
	assert_memory_equal(p->bytes, want, p->len + icv);
	for (size_t i = p->len + CRYPT_TAIL; i < ROOM; i++)
		assert_int_equal(p->bytes[i], 0x5a);
}

static struct packet packets[CRYPT_BURST];

static void seal_and_open(unsigned n)
{
	struct crypt_op op[CRYPT_BURST];
	unsigned i;

	for (i = 0; i < n; i++)
		op[i] = op_of(&packets[i], packets[i].flow->out);
	crypt_seal(engine, op, n);
	for (i = 0; i < n; i++) {
		assert_true(op[i].ok);
		check_sealed(&packets[i]);
		op[i] = op_of(&packets[i], packets[i].flow->in);
	}
	crypt_open(engine, op, n);
	for (i = 0; i < n; i++) {
		assert_true(op[i].ok);
		assert_memory_equal(packets[i].bytes + packets[i].text_at, packets[i].plain,
				    packets[i].text_bytes);
	}
}

static void test_every_size(void **state)
{
	for (size_t f = 0; f < 2 * PAIRS; f++)
		for (unsigned size = 0; size <= 1500;) {
			unsigned n;

			for (n = 0; n < CRYPT_BURST && size <= 1500; n++)
				fill_packet(&packets[n], &flows[f], size++);
			seal_and_open(n);
		}
}

/* HMAC-SHA-256 with 96 bits: the first twelve bytes of the usual ICV, and no more is looked at. */
static void test_short_icv(void **state)
{
	struct keys k;
	struct dataplane_sa from;
	struct flow f = { .pair = { CIPHER_AES128_CBC, AUTH_SHA256 } };

	random_fill((uint8_t *)&k, sizeof(k));
	for (unsigned esn = 0; esn < 2; esn++) {
		f.keys = k;
		f.esn = esn;
		from = describe(f.pair, &f.keys, false, esn);
		from.icv_bytes = 12;
		assert_int_equal(sa_new(&f.out, engine, &from, 3, SOCKET_ID_ANY), 0);
		from.inbound = true;
		assert_int_equal(sa_new(&f.in, engine, &from, 3, SOCKET_ID_ANY), 0);
		assert_int_equal(f.out->icv_bytes, 12);
		for (unsigned i = 0; i < CRYPT_BURST; i++)
			fill_packet(&packets[i], &f, 20 * i);
		seal_and_open(CRYPT_BURST);
		for (unsigned i = 0; i < 12; i++) {
			struct crypt_op op;

			fill_packet(&packets[0], &f, 100);
			op = op_of(&packets[0], f.out);
			crypt_seal(engine, &op, 1);
			packets[0].bytes[op.len + i] ^= 0x10;
			op.sa = f.in;
			crypt_open(engine, &op, 1);
			assert_false(op.ok);
		}
		sa_free(f.out);
		sa_free(f.in);
	}
}

static void test_mixed_bursts(void **state)
{
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + round % CRYPT_BURST;

		for (unsigned i = 0; i < n; i++)
			fill_packet(&packets[i], &flows[random_byte() % (2 * PAIRS)],
				    (unsigned)(random_byte() * 5 + random_byte()));
		seal_and_open(n);
	}
}

/* ---- what must not pass ------------------------------------------------------------------ */

/* Each byte of header, IV, text and ICV in turn, among packets that are right. */
static void test_tampering(void **state)
{
	for (size_t f = 0; f < 2 * PAIRS; f++) {
		unsigned icv = flows[f].out->icv_bytes;
		size_t bytes, at = 0;

		fill_packet(&packets[0], &flows[f], 40);
		bytes = packets[0].len + icv;
		while (at < bytes) {
			struct crypt_op op[CRYPT_BURST];
			size_t from = at;
			unsigned i, n;

			for (n = 0; n < CRYPT_BURST && at < bytes + 1; n++, at++) {
				fill_packet(&packets[n], &flows[f], 40);
				op[n] = op_of(&packets[n], flows[f].out);
			}
			crypt_seal(engine, op, n);
			for (i = 0; i < n; i++) {
				uint32_t low;

				if (from + i < bytes)
					packets[i].bytes[from + i] ^= (uint8_t)(1u << i % 8);
				op[i] = op_of(&packets[i], flows[f].in);
				/* As esp_in does: the lower half is what the packet says. */
				memcpy(&low, packets[i].bytes + 4, 4);
				op[i].seq = op[i].seq >> 32 << 32 | rte_be_to_cpu_32(low);
			}
			crypt_open(engine, op, n);
			for (i = 0; i < n; i++)
				if (op[i].ok != (from + i == bytes))
					fail_msg("flow %zu, byte %zu", f, from + i);
		}
	}
}

/* With ESN the upper half is authenticated although it is not sent. */
static void test_wrong_upper_half(void **state)
{
	for (size_t f = 1; f < 2 * PAIRS; f += 2) {
		struct crypt_op op;

		fill_packet(&packets[0], &flows[f], 100);
		op = op_of(&packets[0], flows[f].out);
		crypt_seal(engine, &op, 1);
		op = op_of(&packets[0], flows[f].in);
		op.seq += UINT64_C(1) << 32;
		crypt_open(engine, &op, 1);
		assert_false(op.ok);
	}
}

static int compare_iv(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void test_cbc_ivs_differ(void **state)
{
	enum { IVS = 64 * 64 }; /* across many refills */
	uint8_t(*iv)[16] = malloc(IVS * sizeof(*iv));
	struct flow *f = &flows[8];
	unsigned ones = 0;

	for (unsigned i = 0; i < IVS; i++) {
		struct crypt_op op;

		fill_packet(&packets[0], f, 20);
		op = op_of(&packets[0], f->out);
		crypt_seal(engine, &op, 1);
		memcpy(iv[i], packets[0].bytes + 8, 16);
		for (unsigned b = 0; b < 16; b++)
			ones += (unsigned)__builtin_popcount(iv[i][b]);
	}
	qsort(iv, IVS, sizeof(*iv), compare_iv);
	for (unsigned i = 1; i < IVS; i++)
		assert_memory_not_equal(iv[i - 1], iv[i], 16);
	/* Half of the bits, within ten standard deviations. */
	assert_in_range(ones, IVS * 64 - 3700, IVS * 64 + 3700);
	free(iv);
}

static void test_kinds(void **state)
{
	assert_int_equal(crypt_kind(CIPHER_AES128_GCM, AUTH_SHA1), CRYPT_KINDS);
	assert_int_equal(crypt_kind(CIPHER_AES128_CBC, AUTH_NONE), CRYPT_KINDS);
	assert_int_equal(crypt_kind(CIPHER_3DES_CBC, AUTH_SHA1), CRYPT_KINDS);
	assert_int_equal(crypt_kind(CIPHER_NONE, AUTH_NONE), CRYPT_KINDS);
	for (size_t i = 0; i < PAIRS; i++)
		assert_int_equal(crypt_kind(pairs[i].cipher, pairs[i].auth), i);
}

/* ---- the program ------------------------------------------------------------------------ */

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
	print_message("%s\n", crypt_engine_name(engine));
	open_flows();
	return 0;
}

static int close_engine(void **state)
{
	close_flows();
	crypt_free(engine);
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	       cmocka_unit_test(test_aead_vectors),
		cmocka_unit_test(test_cbc_vectors),    cmocka_unit_test(test_hmac_vectors),
		cmocka_unit_test(test_every_size),     cmocka_unit_test(test_mixed_bursts),
		cmocka_unit_test(test_tampering),      cmocka_unit_test(test_wrong_upper_half),
		cmocka_unit_test(test_cbc_ivs_differ), cmocka_unit_test(test_short_icv),
	};

	return cmocka_run_group_tests(tests, open_engine, close_engine);
}

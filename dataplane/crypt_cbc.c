#include "dataplane/crypt_cbc.h"

#include "dataplane/sa.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define ESP_HEADER 8
#define CBC_IV	   16
#define CBC_BLOCK  16
#define HMAC_BLOCK 128 /* SHA-384 and SHA-512; the others use half of it */

static_assert(CRYPT_TAIL >= CRYPT_ICV_MAX + 4, "ICV and the upper half of ESN");

struct hash {
	IMB_HASH_ALG alg;
	enum algo_auth auth;
	uint16_t icv_bytes;
	uint16_t block_bytes;
};

static const struct hash hashes[] = {
	{ IMB_AUTH_HMAC_SHA_1, AUTH_SHA1, 12, 64 },
	{ IMB_AUTH_HMAC_SHA_256, AUTH_SHA256, 16, 64 },
	{ IMB_AUTH_HMAC_SHA_384, AUTH_SHA384, 24, 128 },
	{ IMB_AUTH_HMAC_SHA_512, AUTH_SHA512, 32, 128 },
};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

static const struct hash *hash_of(enum crypt_kind kind)
{
	return &hashes[(kind - CRYPT_CBC128_SHA1) % HASHES];
}

/* 0 .. 2 for 128, 192, 256 bits. */
static unsigned key_size(enum crypt_kind kind)
{
	return (kind - CRYPT_CBC128_SHA1) / HASHES;
}

static IMB_KEY_SIZE_BYTES cbc_key_bytes(enum crypt_kind kind)
{
	return IMB_KEY_128_BYTES + 8 * key_size(kind);
}

void cbc_init(struct cbc *c, IMB_MGR *mgr, IMB_MGR *shani, const struct cbc_engine *wide,
	      hmac_fn sha1)
{
	uint8_t key[32];

	c->mgr = mgr;
	c->shani = shani;
	c->wide = wide;
	c->sha1 = sha1;
	randombytes_buf(key, sizeof(key));
	IMB_AES256_GCM_PRE(mgr, key, &c->iv_key);
	sodium_memzero(key, sizeof(key));
	c->iv_used = CBC_KEYSTREAM;
}

enum crypt_kind cbc_kind(enum algo_cipher cipher, enum algo_auth auth)
{
	if (cipher != CIPHER_AES128_CBC && cipher != CIPHER_AES192_CBC &&
	    cipher != CIPHER_AES256_CBC)
		return CRYPT_KINDS;
	for (unsigned h = 0; h < HASHES; h++)
		if (hashes[h].auth == auth)
			return CRYPT_CBC128_SHA1 + (unsigned)(cipher - CIPHER_AES128_CBC) * HASHES +
			       h;
	return CRYPT_KINDS;
}

/* ---- keys ------------------------------------------------------------------------------- */

/* The hash's state after one block of key ^ pad (RFC 2104 §4). */
static void hmac_state(IMB_MGR *mgr, const struct hash *h, const uint8_t *key, uint8_t pad,
		       uint8_t *state)
{
	size_t key_bytes = algo_auths[h->auth].key_bytes;
	uint8_t block[HMAC_BLOCK];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_bytes; i++)
		block[i] ^= key[i];
	switch (h->auth) {
	case AUTH_SHA1:
		IMB_SHA1_ONE_BLOCK(mgr, block, state);
		break;
	case AUTH_SHA256:
		IMB_SHA256_ONE_BLOCK(mgr, block, state);
		break;
	case AUTH_SHA384:
		IMB_SHA384_ONE_BLOCK(mgr, block, state);
		break;
	default:
		IMB_SHA512_ONE_BLOCK(mgr, block, state);
		break;
	}
	sodium_memzero(block, sizeof(block));
}

void cbc_expand(IMB_MGR *mgr, struct sa_cbc_keys *to, enum crypt_kind kind, bool inbound,
		const uint8_t *cipher_key, const uint8_t *auth_key)
{
	uint8_t other[sizeof(to->schedule)] __attribute__((aligned(16)));
	uint8_t *enc = inbound ? other : to->schedule, *dec = inbound ? to->schedule : other;

	switch (cbc_key_bytes(kind)) {
	case IMB_KEY_128_BYTES:
		IMB_AES_KEYEXP_128(mgr, cipher_key, enc, dec);
		break;
	case IMB_KEY_192_BYTES:
		IMB_AES_KEYEXP_192(mgr, cipher_key, enc, dec);
		break;
	case IMB_KEY_256_BYTES:
		IMB_AES_KEYEXP_256(mgr, cipher_key, enc, dec);
		break;
	}
	sodium_memzero(other, sizeof(other));
	hmac_state(mgr, hash_of(kind), auth_key, 0x36, to->ipad);
	hmac_state(mgr, hash_of(kind), auth_key, 0x5c, to->opad);
}

/* ---- pieces of a packet ----------------------------------------------------------------- */

static inline void put32(uint8_t *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, 4);
}

static inline void put64(uint8_t *p, uint64_t v)
{
	v = rte_cpu_to_be_64(v);
	memcpy(p, &v, 8);
}

static inline bool icv_equal(const uint8_t *a, const uint8_t *b, unsigned bytes)
{
	uint32_t diff = 0;

	for (unsigned i = 0; i < bytes; i += 4) {
		uint32_t x, y;

		memcpy(&x, a + i, 4);
		memcpy(&y, b + i, 4);
		diff |= x ^ y;
	}
	return diff == 0;
}

static inline void put_header(const struct crypt_op *op)
{
	memcpy(op->esp, &op->sa->spi, 4);
	put32(op->esp + 4, (uint32_t)op->seq);
}

/* ---- one kind at a time ----------------------------------------------------------------- */

static void refill_keystream(struct cbc *c)
{
	static const uint8_t zero[CBC_KEYSTREAM];
	uint8_t nonce[16] = { 0 }, tag[16];

	put64(nonce + 4, c->iv_round++);
	IMB_AES256_GCM_ENC(c->mgr, &c->iv_key, &c->iv_context, c->keystream, zero, CBC_KEYSTREAM,
			   nonce, zero, 0, tag, sizeof(tag));
	c->iv_used = 0;
}

static inline void put_iv(struct cbc *c, uint8_t *to)
{
	if (c->iv_used == CBC_KEYSTREAM)
		refill_keystream(c);
	memcpy(to, c->keystream + c->iv_used, CBC_IV);
	c->iv_used += CBC_IV;
}

/* One packet for both of IPsec-MB's calls. With ESN the upper half of the number is hashed behind
 * the packet, where the ICV goes later (RFC 4303 §2.2.1); the caller has put it there. The ICV is
 * the algorithm's, also if less of it goes on the wire. */
static inline void fill_job(IMB_JOB *j, const struct crypt_op *op, uint8_t *icv, unsigned icv_bytes)
{
	const uint32_t skip = ESP_HEADER + CBC_IV;
	const struct sa *sa = op->sa;

	j->src = op->esp;
	j->dst = op->esp + skip;
	j->enc_keys = sa->keys.cbc.schedule;
	j->dec_keys = sa->keys.cbc.schedule;
	j->cipher_start_src_offset_in_bytes = skip;
	j->msg_len_to_cipher_in_bytes = op->len - skip;
	j->iv = op->esp + ESP_HEADER;
	j->iv_len_in_bytes = CBC_IV;
	j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_hash_in_bytes = op->len + (sa->flags & SA_ESN ? 4 : 0);
	j->u.HMAC._hashed_auth_key_xor_ipad = sa->keys.cbc.ipad;
	j->u.HMAC._hashed_auth_key_xor_opad = sa->keys.cbc.opad;
	j->auth_tag_output = icv;
	j->auth_tag_output_len_in_bytes = icv_bytes;
}

static inline struct cbc_text text_of(const struct crypt_op *op)
{
	const uint32_t skip = ESP_HEADER + CBC_IV;

	return (struct cbc_text){
		.keys = op->sa->keys.cbc.schedule,
		.at = op->esp + skip,
		.blocks = (op->len - skip) / CBC_BLOCK,
	};
}

static inline struct hmac_text hmac_of(const struct crypt_op *op, uint8_t *icv)
{
	const struct sa *sa = op->sa;

	return (struct hmac_text){
		.inner = sa->keys.cbc.ipad,
		.outer = sa->keys.cbc.opad,
		.at = op->esp,
		.bytes = op->len + (sa->flags & SA_ESN ? 4 : 0),
		.to = icv,
	};
}

static inline hmac_fn own_hash(const struct cbc *c, enum crypt_kind kind)
{
	return hash_of(kind)->auth == AUTH_SHA1 ? c->sha1 : NULL;
}

/* For whoever works on it. */
static inline void describe(struct cbc *c, enum crypt_kind kind, const struct crypt_op *op,
			    unsigned i, uint8_t *icv)
{
	c->text[i] = text_of(op);
	c->hmac[i] = hmac_of(op, icv);
	if (!c->wide || !own_hash(c, kind))
		fill_job(&c->job[i], op, icv, hash_of(kind)->icv_bytes);
}

static void hash(struct cbc *c, enum crypt_kind kind, unsigned n)
{
	hmac_fn own = own_hash(c, kind);
	IMB_HASH_ALG alg = hash_of(kind)->alg;
	IMB_MGR *m = c->shani && alg == IMB_AUTH_HMAC_SHA_256 ? c->shani : c->mgr;

	if (own)
		own(&c->work, c->hmac, n);
	else
		IMB_SUBMIT_HASH_BURST_NOCHECK(m, c->job, n, alg);
}

static void seal_kind(struct cbc *c, enum crypt_kind kind, struct crypt_op **op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *icv = op[i]->esp + op[i]->len;

		put_header(op[i]);
		put_iv(c, op[i]->esp + ESP_HEADER);
		if (op[i]->sa->flags & SA_ESN) {
			put32(icv, (uint32_t)(op[i]->seq >> 32));
			icv = c->icv[i];
		}
		describe(c, kind, op[i], i, icv);
	}
	if (c->wide)
		c->wide->seal[key_size(kind)](&c->lanes, c->text, n);
	else
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(c->mgr, c->job, n, IMB_CIPHER_CBC, IMB_DIR_ENCRYPT,
						cbc_key_bytes(kind));
	hash(c, kind, n);
	for (unsigned i = 0; i < n; i++) {
		if (op[i]->sa->flags & SA_ESN)
			memcpy(op[i]->esp + op[i]->len, c->icv[i], op[i]->sa->icv_bytes);
		op[i]->ok = 1;
	}
}

static bool is_authentic(const struct cbc *c, const struct crypt_op *op, unsigned i)
{
	const uint8_t *received = op->sa->flags & SA_ESN ? c->received[i] : op->esp + op->len;

	return icv_equal(c->icv[i], received, op->sa->icv_bytes);
}

/* Those that are authentic, by IPsec-MB, whose jobs must have some text. */
static void decrypt(struct cbc *c, enum crypt_kind kind, struct crypt_op **op, unsigned n)
{
	unsigned jobs = 0;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(jobs != i))
			c->job[jobs] = c->job[i];
		jobs += op[i]->ok && op[i]->len > ESP_HEADER + CBC_IV;
	}
	IMB_SUBMIT_CIPHER_BURST_NOCHECK(c->mgr, c->job, jobs, IMB_CIPHER_CBC, IMB_DIR_DECRYPT,
					cbc_key_bytes(kind));
}

static void decrypt_wide(const struct cbc *c, enum crypt_kind kind, struct crypt_op **op,
			 unsigned n)
{
	void (*open)(const struct cbc_text *) = c->wide->open[key_size(kind)];

	for (unsigned i = 0; i < n; i++)
		if (likely(op[i]->ok))
			open(&c->text[i]);
}

static void open_kind(struct cbc *c, enum crypt_kind kind, struct crypt_op **op, unsigned n)
{
	unsigned icv_bytes = hash_of(kind)->icv_bytes;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *icv = op[i]->esp + op[i]->len;

		if (op[i]->sa->flags & SA_ESN) {
			memcpy(c->received[i], icv, icv_bytes);
			put32(icv, (uint32_t)(op[i]->seq >> 32));
		}
		describe(c, kind, op[i], i, c->icv[i]);
	}
	hash(c, kind, n);
	for (unsigned i = 0; i < n; i++)
		op[i]->ok = is_authentic(c, op[i], i);
	if (c->wide)
		decrypt_wide(c, kind, op, n);
	else
		decrypt(c, kind, op, n);
}

#define RANKS 32

/* By blocks of the hash, the longest first. */
static unsigned rank(const struct crypt_op *op)
{
	return RANKS - 1 - RTE_MIN(op->len / 64, RANKS - 1u);
}

/* So that none works on alone in the end. */
static void longest_first(struct crypt_op **op, unsigned n)
{
	struct crypt_op *sorted[CRYPT_BURST];
	unsigned at[RANKS + 1] = { 0 };

	for (unsigned i = 0; i < n; i++)
		at[rank(op[i]) + 1]++;
	for (unsigned r = 1; r <= RANKS; r++)
		at[r] += at[r - 1];
	for (unsigned i = 0; i < n; i++)
		sorted[at[rank(op[i])]++] = op[i];
	memcpy(op, sorted, n * sizeof(*op));
}

/* Takes the waiting packets algorithm by algorithm: the lanes fill across SAs. */
static void groups(struct cbc *c, struct crypt_op **op, unsigned n,
		   void (*run)(struct cbc *, enum crypt_kind, struct crypt_op **, unsigned))
{
	struct crypt_op *group[CRYPT_BURST];

	while (n) {
		enum crypt_kind kind = op[0]->sa->kind;
		unsigned members = 0, rest = 0;

		for (unsigned i = 0; i < n; i++) {
			if (op[i]->sa->kind == kind)
				group[members++] = op[i];
			else
				op[rest++] = op[i];
		}
		longest_first(group, members);
		run(c, kind, group, members);
		n = rest;
	}
}

void cbc_seal(struct cbc *c, struct crypt_op **op, unsigned n)
{
	groups(c, op, n, seal_kind);
}

void cbc_open(struct cbc *c, struct crypt_op **op, unsigned n)
{
	groups(c, op, n, open_kind);
}

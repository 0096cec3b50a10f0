#include "ike/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>

#include <errno.h>
#include <string.h>

#define HASH_BLOCK_MAX 128 /* SHA-384 and SHA-512 */
#define NONCE_BYTES    12  /* salt and explicit IV of every AEAD here */

/* Fetching an algorithm searches libcrypto's providers, which costs more than a short HMAC. */
static struct {
	EVP_MD *hash[AUTH_COUNT];
	EVP_CIPHER *cipher[CIPHER_COUNT];
} fetched;
static pthread_once_t fetched_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	static const char *const hash[AUTH_COUNT] = {
		[AUTH_SHA1] = "SHA1",
		[AUTH_SHA256] = "SHA2-256",
		[AUTH_SHA384] = "SHA2-384",
		[AUTH_SHA512] = "SHA2-512",
	};
	static const char *const cipher[CIPHER_COUNT] = {
		[CIPHER_AES128_CBC] = "AES-128-CBC", [CIPHER_AES192_CBC] = "AES-192-CBC",
		[CIPHER_AES256_CBC] = "AES-256-CBC", [CIPHER_AES128_GCM] = "AES-128-GCM",
		[CIPHER_AES192_GCM] = "AES-192-GCM", [CIPHER_AES256_GCM] = "AES-256-GCM",
		[CIPHER_3DES_CBC] = "DES-EDE3-CBC",
	};

	for (unsigned i = 0; i < AUTH_COUNT; i++)
		if (hash[i])
			fetched.hash[i] = EVP_MD_fetch(NULL, hash[i], NULL);
	for (unsigned i = 0; i < CIPHER_COUNT; i++)
		if (cipher[i])
			fetched.cipher[i] = EVP_CIPHER_fetch(NULL, cipher[i], NULL);
	ERR_clear_error();
}

static const EVP_MD *hash_of(enum algo_auth auth)
{
	pthread_once(&fetched_once, fetch);
	return auth < AUTH_COUNT ? fetched.hash[auth] : NULL;
}

static const EVP_CIPHER *cipher_of(enum algo_cipher cipher)
{
	pthread_once(&fetched_once, fetch);
	return cipher < CIPHER_COUNT ? fetched.cipher[cipher] : NULL;
}

/* ---- hash and PRF ------------------------------------------------------------------------ */

static bool hash_chunks(EVP_MD_CTX *ctx, const struct ike_chunk *in, unsigned n_in)
{
	for (unsigned i = 0; i < n_in; i++)
		if (in[i].n > 0 && !EVP_DigestUpdate(ctx, in[i].p, in[i].n))
			return false;
	return true;
}

int ike_digest(enum algo_auth hash, const struct ike_chunk *in, unsigned n_in, uint8_t *out)
{
	const EVP_MD *md = hash_of(hash);
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
	bool ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) && hash_chunks(ctx, in, n_in) &&
		  EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int ike_sha1(const struct ike_chunk *in, unsigned n_in, uint8_t out[IKE_SHA1_BYTES])
{
	return ike_digest(AUTH_SHA1, in, n_in, out);
}

/* HMAC (RFC 2104) of one key, ready to be run over many messages: the hash states after the inner
 * and the outer key block. */
struct hmac {
	EVP_MD_CTX *inner, *outer, *run;
};

static void hmac_close(struct hmac *h)
{
	EVP_MD_CTX_free(h->inner);
	EVP_MD_CTX_free(h->outer);
	EVP_MD_CTX_free(h->run);
}

static int hmac_open(struct hmac *h, enum algo_auth auth, const void *key, size_t key_len)
{
	const EVP_MD *md = hash_of(auth);
	uint8_t block[HASH_BLOCK_MAX] = { 0 };
	size_t block_len;
	int rc = -ENOMEM;

	*h = (struct hmac){ 0 };
	if (!md)
		return -EINVAL;
	block_len = (size_t)EVP_MD_get_block_size(md);
	h->inner = EVP_MD_CTX_new();
	h->outer = EVP_MD_CTX_new();
	h->run = EVP_MD_CTX_new();
	if (!h->inner || !h->outer || !h->run)
		goto out;
	if (key_len > block_len) {
		if (!EVP_DigestInit_ex2(h->run, md, NULL) ||
		    !EVP_DigestUpdate(h->run, key, key_len) ||
		    !EVP_DigestFinal_ex(h->run, block, NULL))
			goto out;
	} else if (key_len > 0) {
		memcpy(block, key, key_len);
	}
	for (size_t i = 0; i < block_len; i++)
		block[i] ^= 0x36;
	if (!EVP_DigestInit_ex2(h->inner, md, NULL) ||
	    !EVP_DigestUpdate(h->inner, block, block_len))
		goto out;
	for (size_t i = 0; i < block_len; i++)
		block[i] ^= 0x36 ^ 0x5c;
	if (!EVP_DigestInit_ex2(h->outer, md, NULL) ||
	    !EVP_DigestUpdate(h->outer, block, block_len))
		goto out;
	rc = 0;
out:
	sodium_memzero(block, sizeof(block));
	if (rc)
		hmac_close(h);
	return rc;
}

/* out gets the whole hash. May run again and again. */
static int hmac_run(struct hmac *h, const struct ike_chunk *in, unsigned n_in, uint8_t *out)
{
	unsigned n;

	if (!EVP_MD_CTX_copy_ex(h->run, h->inner) || !hash_chunks(h->run, in, n_in) ||
	    !EVP_DigestFinal_ex(h->run, out, &n) || !EVP_MD_CTX_copy_ex(h->run, h->outer) ||
	    !EVP_DigestUpdate(h->run, out, n) || !EVP_DigestFinal_ex(h->run, out, NULL))
		return -ENOMEM;
	return 0;
}

int ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
	    unsigned n_in, uint8_t *out)
{
	struct hmac h;
	int rc = hmac_open(&h, prf, key, key_len);

	if (rc)
		return rc;
	rc = hmac_run(&h, in, n_in, out);
	hmac_close(&h);
	return rc;
}

int ike_prf_plus(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *seed,
		 unsigned n_seed, uint8_t *out, size_t out_len)
{
	struct ike_chunk in[2 + IKE_PRF_PLUS_SEEDS];
	uint8_t t[IKE_HASH_MAX], counter = 0;
	size_t hash = prf < AUTH_COUNT ? algo_auths[prf].out_bytes : 0;
	struct hmac h;
	int rc;

	if (n_seed > IKE_PRF_PLUS_SEEDS || out_len > 255 * hash)
		return -EINVAL;
	rc = hmac_open(&h, prf, key, key_len);
	if (rc)
		return rc;
	/* T1 = prf(K, S | 1), Tn = prf(K, Tn-1 | S | n) */
	in[0] = (struct ike_chunk){ t, 0 };
	for (unsigned i = 0; i < n_seed; i++)
		in[1 + i] = seed[i];
	in[1 + n_seed] = (struct ike_chunk){ &counter, 1 };
	for (size_t done = 0; done < out_len;) {
		size_t n = out_len - done < hash ? out_len - done : hash;

		counter++;
		rc = hmac_run(&h, in, 2 + n_seed, t);
		if (rc)
			break;
		memcpy(out + done, t, n);
		done += n;
		in[0].n = hash;
	}
	sodium_memzero(t, sizeof(t));
	hmac_close(&h);
	return rc;
}

/* ---- protection of the encrypted payload ------------------------------------------------- */

static bool protection_sane(const struct ike_protection *p)
{
	const struct algo_cipher_info *c;

	if (p->cipher <= CIPHER_NONE || p->cipher >= CIPHER_COUNT || !p->sk_e)
		return false;
	c = &algo_ciphers[p->cipher];
	if (p->sk_e->len != c->key_bytes + c->salt_bytes)
		return false;
	if (c->aead)
		return p->integ == AUTH_NONE;
	return p->integ > AUTH_NONE && p->integ < AUTH_COUNT && p->sk_a;
}

static size_t icv_bytes(const struct ike_protection *p)
{
	const struct algo_cipher_info *c = &algo_ciphers[p->cipher];

	return c->aead ? c->icv_bytes : algo_auths[p->integ].icv_bytes;
}

/* Padding before the pad length byte, which is itself encrypted (RFC 7296 §3.14). */
static size_t pad_bytes(const struct ike_protection *p, size_t plain_len)
{
	size_t block = algo_ciphers[p->cipher].block_bytes;

	return block - 1 - plain_len % block;
}

size_t ike_protect_overhead(const struct ike_protection *p, size_t plain_len)
{
	return algo_ciphers[p->cipher].iv_bytes + pad_bytes(p, plain_len) + 1 + icv_bytes(p);
}

static int integrity(const struct ike_protection *p, const uint8_t *msg, size_t len, uint8_t *hash)
{
	const struct ike_chunk in = { msg, len };

	return ike_prf(p->integ, p->sk_a->data, p->sk_a->len, &in, 1, hash);
}

int ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt, const uint8_t *iv,
	    uint8_t *data, size_t len)
{
	const EVP_CIPHER *c = cipher_of(cipher);
	EVP_CIPHER_CTX *ctx = c ? EVP_CIPHER_CTX_new() : NULL;
	int n = 0, last = 0;
	bool ok = ctx && EVP_CipherInit_ex2(ctx, c, key->data, iv, encrypt, NULL) &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) &&
		  EVP_CipherUpdate(ctx, data, &n, data, (int)len) &&
		  EVP_CipherFinal_ex(ctx, data + n, &last) && (size_t)(n + last) == len;

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : c ? -ENOMEM : -EINVAL;
}

/* RFC 5282 §4: the nonce is the salt, which ends SK_e, and the explicit IV. */
static void nonce_make(const struct ike_protection *p, const uint8_t *iv,
		       uint8_t nonce[NONCE_BYTES])
{
	const struct algo_cipher_info *c = &algo_ciphers[p->cipher];

	memcpy(nonce, p->sk_e->data + c->key_bytes, c->salt_bytes);
	memcpy(nonce + c->salt_bytes, iv, c->iv_bytes);
}

static int gcm(const struct ike_protection *p, bool encrypt, const uint8_t *nonce,
	       const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *icv)
{
	const EVP_CIPHER *cipher = cipher_of(p->cipher);
	EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
	int n = 0, rc = -ENOMEM;

	if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, p->sk_e->data, nonce, encrypt, NULL) ||
	    !EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) ||
	    !EVP_CipherUpdate(ctx, data, &n, data, (int)len))
		goto out;
	if (!encrypt &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)icv_bytes(p), icv) <= 0)
		goto out;
	if (EVP_CipherFinal_ex(ctx, data + n, &n) <= 0) {
		rc = encrypt ? -ENOMEM : -EBADMSG;
		goto out;
	}
	if (encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)icv_bytes(p), icv) <= 0)
		goto out;
	rc = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

static int aead(const struct ike_protection *p, bool encrypt, uint8_t *msg, size_t aad_len,
		size_t plain_len)
{
	uint8_t *iv = msg + aad_len, *data = iv + algo_ciphers[p->cipher].iv_bytes;
	uint8_t nonce[NONCE_BYTES], *icv = data + plain_len;
	const uint8_t *key = p->sk_e->data;

	nonce_make(p, iv, nonce);
	if (p->cipher != CIPHER_CHACHA20_POLY1305)
		return gcm(p, encrypt, nonce, msg, aad_len, data, plain_len, icv);
	if (encrypt)
		return crypto_aead_chacha20poly1305_ietf_encrypt_detached(
			data, icv, NULL, data, plain_len, msg, aad_len, NULL, nonce, key);
	if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(data, NULL, data, plain_len, icv,
							       msg, aad_len, nonce, key) != 0)
		return -EBADMSG;
	return 0;
}

int ike_protect(const struct ike_protection *p, uint8_t *msg, size_t len, size_t plain_len,
		uint64_t iv_counter, const uint8_t iv_random[16])
{
	const struct algo_cipher_info *c;
	uint8_t hash[IKE_HASH_MAX], *iv = msg + len, *data;
	size_t pad, padded;
	int rc;

	if (!protection_sane(p))
		return -EINVAL;
	c = &algo_ciphers[p->cipher];
	data = iv + c->iv_bytes;
	pad = pad_bytes(p, plain_len);
	padded = plain_len + pad + 1;
	memset(data + plain_len, 0, pad);
	data[padded - 1] = (uint8_t)pad;
	if (c->aead) {
		for (unsigned i = 0; i < c->iv_bytes; i++)
			iv[i] = (uint8_t)(iv_counter >> 8 * (c->iv_bytes - 1 - i));
		return aead(p, true, msg, len, padded);
	}
	memcpy(iv, iv_random, c->iv_bytes);
	rc = ike_cbc(p->cipher, p->sk_e, true, iv, data, padded);
	if (rc == 0)
		rc = integrity(p, msg, len + c->iv_bytes + padded, hash);
	if (rc == 0)
		memcpy(data + padded, hash, icv_bytes(p));
	return rc;
}

int ike_unprotect(const struct ike_protection *p, uint8_t *msg, size_t total, size_t body_off,
		  size_t *plain_off, size_t *plain_len)
{
	const struct algo_cipher_info *c;
	uint8_t hash[IKE_HASH_MAX];
	size_t icv, start, len, pad;
	int rc;

	if (!protection_sane(p))
		return -EINVAL;
	c = &algo_ciphers[p->cipher];
	icv = icv_bytes(p);
	if (body_off > total || total - body_off < (size_t)c->iv_bytes + icv + 1)
		return -EBADMSG;
	start = body_off + c->iv_bytes;
	len = total - start - icv;
	if (len % c->block_bytes != 0)
		return -EBADMSG;
	if (c->aead) {
		rc = aead(p, false, msg, body_off, len);
	} else {
		rc = integrity(p, msg, total - icv, hash);
		if (rc == 0 && sodium_memcmp(hash, msg + total - icv, icv) != 0)
			rc = -EBADMSG;
		if (rc == 0)
			rc = ike_cbc(p->cipher, p->sk_e, false, msg + body_off, msg + start, len);
	}
	if (rc)
		return rc;
	/* A peer may pad with any bytes, to any length that fits (RFC 7296 §3.14). */
	pad = msg[start + len - 1];
	if (pad + 1 > len)
		return -EBADMSG;
	*plain_off = start;
	*plain_len = len - pad - 1;
	return 0;
}

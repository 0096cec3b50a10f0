#include "ike/v1/keys.h"

#include "ike/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

struct secret *ike_v1_skeyid(enum algo_auth prf, const struct secret *psk, struct ike_chunk nonce_i,
			     struct ike_chunk nonce_r)
{
	struct ike_chunk in[] = { nonce_i, nonce_r };
	struct secret *s = secret_new(algo_auths[prf].out_bytes);

	if (s && ike_prf(prf, psk->data, psk->len, in, 2, s->data) < 0) {
		secret_free(s);
		s = NULL;
	}
	return s;
}

/* prf(SKEYID, before | g^xy | CKY-I | CKY-R | number): SKEYID_d, _a and _e follow one another. */
static struct secret *next_of(enum algo_auth prf, const struct secret *skeyid,
			      const struct secret *before, const struct secret *shared,
			      uint64_t cky_i, uint64_t cky_r, uint8_t number)
{
	uint8_t cookies[16];
	struct ike_chunk in[] = { { before ? before->data : NULL, before ? before->len : 0 },
				  { shared->data, shared->len },
				  { cookies, sizeof(cookies) },
				  { &number, 1 } };
	struct secret *s = secret_new(algo_auths[prf].out_bytes);
	struct writer w;

	writer_init(&w, cookies, sizeof(cookies));
	writer_u64(&w, cky_i);
	writer_u64(&w, cky_r);
	if (s && ike_prf(prf, skeyid->data, skeyid->len, in, 4, s->data) < 0) {
		secret_free(s);
		s = NULL;
	}
	return s;
}

/* Cuts SKEYID_e to the key, or stretches it: Ka = K1 | K2 | ..., K1 = prf(SKEYID_e, 0) and
 * Kn = prf(SKEYID_e, Kn-1). */
static int cipher_key(enum algo_auth prf, const struct secret *e, struct secret *key)
{
	size_t size = algo_auths[prf].out_bytes, done = 0;
	uint8_t k[IKE_HASH_MAX], zero = 0;
	struct ike_chunk in = { &zero, 1 };
	int rc = 0;

	if (key->len <= e->len) {
		memcpy(key->data, e->data, key->len);
		return 0;
	}
	while (done < key->len && rc == 0) {
		size_t n = key->len - done < size ? key->len - done : size;

		rc = ike_prf(prf, e->data, e->len, &in, 1, k);
		memcpy(key->data + done, k, n);
		done += n;
		in = (struct ike_chunk){ k, size };
	}
	sodium_memzero(k, sizeof(k));
	return rc;
}

int ike_v1_derive(struct ike_v1_keys *out, enum algo_auth prf, enum algo_cipher cipher,
		  const struct secret *skeyid, const struct secret *shared, uint64_t cky_i,
		  uint64_t cky_r)
{
	struct secret *e = NULL;
	int rc = -ENOMEM;

	*out = (struct ike_v1_keys){ 0 };
	out->cipher = secret_new(algo_ciphers[cipher].key_bytes);
	out->d = next_of(prf, skeyid, NULL, shared, cky_i, cky_r, 0);
	if (out->d)
		out->a = next_of(prf, skeyid, out->d, shared, cky_i, cky_r, 1);
	if (out->a)
		e = next_of(prf, skeyid, out->a, shared, cky_i, cky_r, 2);
	if (e && out->cipher)
		rc = cipher_key(prf, e, out->cipher);
	secret_free(e);
	if (rc < 0) {
		secret_free(out->d);
		secret_free(out->a);
		secret_free(out->cipher);
		*out = (struct ike_v1_keys){ 0 };
	}
	return rc;
}

int ike_v1_auth_hash(enum algo_auth prf, const struct secret *skeyid, const struct ike_v1_auth *in,
		     uint8_t *out)
{
	uint8_t cookies[16];
	struct ike_chunk chunks[] = {
		in->ke, in->ke_other, { cookies, sizeof(cookies) }, in->sa_body, in->id_body,
	};
	struct writer w;

	writer_init(&w, cookies, sizeof(cookies));
	writer_u64(&w, in->cky);
	writer_u64(&w, in->cky_other);
	return ike_prf(prf, skeyid->data, skeyid->len, chunks, 5, out);
}

int ike_v1_keymat(enum algo_auth prf, const struct secret *skeyid_d, const struct ike_v1_keymat *in,
		  uint8_t *out, size_t len)
{
	size_t size = algo_auths[prf].out_bytes, done = 0;
	uint8_t k[IKE_HASH_MAX], head[5];
	struct ike_chunk chunks[] = {
		{ k, 0 },
		{ in->shared ? in->shared->data : NULL, in->shared ? in->shared->len : 0 },
		{ head, sizeof(head) },
		in->nonce_i,
		in->nonce_r,
	};
	struct writer w;
	int rc = 0;

	writer_init(&w, head, sizeof(head));
	writer_u8(&w, in->protocol);
	writer_u32(&w, in->spi);
	while (done < len && rc == 0) {
		size_t n = len - done < size ? len - done : size;

		rc = ike_prf(prf, skeyid_d->data, skeyid_d->len, chunks, 5, k);
		memcpy(out + done, k, n);
		done += n;
		chunks[0].n = size;
	}
	sodium_memzero(k, sizeof(k));
	return rc;
}

int ike_v1_iv_phase1(enum algo_auth hash, struct ike_chunk ke_i, struct ike_chunk ke_r,
		     uint8_t iv[IKE_V1_IV_BYTES])
{
	struct ike_chunk in[] = { ke_i, ke_r };
	uint8_t h[IKE_HASH_MAX];
	int rc = ike_digest(hash, in, 2, h);

	memcpy(iv, h, IKE_V1_IV_BYTES);
	return rc;
}

int ike_v1_iv_exchange(enum algo_auth hash, enum algo_cipher cipher,
		       const uint8_t last[IKE_V1_IV_BYTES], uint32_t id,
		       uint8_t iv[IKE_V1_IV_BYTES])
{
	uint8_t m_id[4] = { (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
			    (uint8_t)id };
	struct ike_chunk in[] = { { last, algo_ciphers[cipher].block_bytes },
				  { m_id, sizeof(m_id) } };
	uint8_t h[IKE_HASH_MAX];
	int rc = ike_digest(hash, in, 2, h);

	memcpy(iv, h, IKE_V1_IV_BYTES);
	return rc;
}

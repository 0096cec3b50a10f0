/* IKEv1's keys, hashes and IVs (RFC 2409 §5, §5.5, appendix B).
 *
 * The PRF is HMAC of the negotiated hash. Stateless, any thread; functions return 0 or a negative
 * errno. Cookies are host order. */
#ifndef IKE_V1_KEYS_H
#define IKE_V1_KEYS_H

#include "ike/crypto.h"

#define IKE_V1_IV_BYTES 16 /* at most; the cipher's block counts */

struct ike_v1_keys {
	struct secret *d, *a;  /* SKEYID_d, SKEYID_a */
	struct secret *cipher; /* what encrypts, from SKEYID_e */
};

/* SKEYID with a pre-shared key. NULL: no memory. */
struct secret *ike_v1_skeyid(enum algo_auth prf, const struct secret *psk, struct ike_chunk nonce_i,
			     struct ike_chunk nonce_r);
int ike_v1_derive(struct ike_v1_keys *out, enum algo_auth prf, enum algo_cipher cipher,
		  const struct secret *skeyid, const struct secret *shared, uint64_t cky_i,
		  uint64_t cky_r);

/* HASH_I (of the initiator) and HASH_R: ke and cky are public values and cookies, of the side whose
 * hash it is first; sa_body is SAi_b, id_body its identity's. */
struct ike_v1_auth {
	struct ike_chunk ke, ke_other;
	uint64_t cky, cky_other;
	struct ike_chunk sa_body, id_body;
};
int ike_v1_auth_hash(enum algo_auth prf, const struct secret *skeyid, const struct ike_v1_auth *in,
		     uint8_t *out);

/* KEYMAT of one direction: spi is its receiver's. shared: of Quick Mode's own key exchange, or
 * NULL. */
struct ike_v1_keymat {
	const struct secret *shared;
	uint8_t protocol;
	uint32_t spi;
	struct ike_chunk nonce_i, nonce_r;
};
int ike_v1_keymat(enum algo_auth prf, const struct secret *skeyid_d, const struct ike_v1_keymat *in,
		  uint8_t *out, size_t len);

/* The first IV of phase 1, from both public values, and that of a later exchange, from the last
 * block of phase 1 and the message id. */
int ike_v1_iv_phase1(enum algo_auth hash, struct ike_chunk ke_i, struct ike_chunk ke_r,
		     uint8_t iv[IKE_V1_IV_BYTES]);
int ike_v1_iv_exchange(enum algo_auth hash, enum algo_cipher cipher,
		       const uint8_t last[IKE_V1_IV_BYTES], uint32_t id,
		       uint8_t iv[IKE_V1_IV_BYTES]);

#endif

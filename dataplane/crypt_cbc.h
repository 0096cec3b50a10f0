/* AES-CBC with HMAC in bursts: IPsec-MB's multi-buffer calls, cbc_wide.h's for the cipher where
 * they are faster, and the IVs. crypt.c's alone. */
#ifndef DATAPLANE_CRYPT_CBC_H
#define DATAPLANE_CRYPT_CBC_H

#include "dataplane/cbc_wide.h"
#include "dataplane/crypt.h"
#include "dataplane/hmac_sha1.h"

#include <intel-ipsec-mb.h>

#define CBC_KEYSTREAM 4096 /* bytes of random IVs made at once */

struct sa_cbc_keys;

struct cbc {
	IMB_MGR *mgr;	/* the engine's */
	IMB_MGR *shani; /* for SHA-256, where the engine's is slower; NULL: nowhere */
	const struct cbc_engine *wide; /* the cipher; NULL: IPsec-MB's */
	hmac_fn sha1;		       /* NULL: IPsec-MB's */

	/* IVs: keystream of AES-256 under a random key, never used twice. */
	struct gcm_key_data iv_key __attribute__((aligned(64)));
	struct gcm_context_data iv_context;
	uint64_t iv_round; /* nonce */
	uint32_t iv_used;  /* bytes of keystream */
	uint8_t keystream[CBC_KEYSTREAM];

	IMB_JOB job[CRYPT_BURST];
	struct cbc_text text[CRYPT_BURST];
	struct cbc_lanes lanes;
	struct hmac_text hmac[CRYPT_BURST];
	struct hmac_work work;
	uint8_t icv[CRYPT_BURST][CRYPT_ICV_MAX];      /* computed */
	uint8_t received[CRYPT_BURST][CRYPT_ICV_MAX]; /* with ESN: what the packet carried */
};

/* Draws the IVs' key. shani: NULL, or a manager whose hashes use SHA-NI; both stay the caller's.
 * wide, sha1: NULL, or proved. */
void cbc_init(struct cbc *c, IMB_MGR *mgr, IMB_MGR *shani, const struct cbc_engine *wide,
	      hmac_fn sha1);
/* The CRYPT_CBC..., or CRYPT_KINDS. */
enum crypt_kind cbc_kind(enum algo_cipher cipher, enum algo_auth auth);
void cbc_expand(IMB_MGR *mgr, struct sa_cbc_keys *to, enum crypt_kind kind, bool inbound,
		const uint8_t *cipher_key, const uint8_t *auth_key);
/* n packets of any CBC kinds, as crypt_seal() and crypt_open() say; the array is used up. */
void cbc_seal(struct cbc *c, struct crypt_op **op, unsigned n);
void cbc_open(struct cbc *c, struct crypt_op **op, unsigned n);

#endif

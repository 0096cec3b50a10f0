/* IKE's symmetric cryptography: PRF, prf+, and the protection of encrypted payloads.
 *
 * RFC 7296 §2.13–2.14 and §3.14, RFC 5282 (AEAD), RFC 4868 (HMAC-SHA2). libcrypto for AES and HMAC,
 * libsodium for ChaCha20-Poly1305 (RFC 7634), constant-time compare and wiping. Stateless, any
 * thread. Keys come and go as guarded secrets (conf/secret.h). Functions return 0 or a negative
 * errno. */
#ifndef IKE_CRYPTO_H
#define IKE_CRYPTO_H

#include "conf/algo.h"
#include "conf/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ike_chunk {
	const void *p;
	size_t n;
};

#define IKE_HASH_MAX   64 /* bytes: SHA-512 */
#define IKE_SHA1_BYTES 20

/* out gets algo_auths[prf].out_bytes bytes; the chunks are concatenated. */
int ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
	    unsigned n_in, uint8_t *out);
#define IKE_PRF_PLUS_SEEDS 6
/* prf+ (RFC 7296 §2.13): fills out_len ≤ 255 × hash bytes; at most IKE_PRF_PLUS_SEEDS chunks. */
int ike_prf_plus(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *seed,
		 unsigned n_seed, uint8_t *out, size_t out_len);

/* The plain hash: NAT detection and the IVs of IKEv1. */
int ike_digest(enum algo_auth hash, const struct ike_chunk *in, unsigned n_in, uint8_t *out);
/* SHA-1, for NAT detection (RFC 7296 §2.23). */
int ike_sha1(const struct ike_chunk *in, unsigned n_in, uint8_t out[IKE_SHA1_BYTES]);

/* En- or decrypts whole blocks in place. 0, -EINVAL: no such cipher, or -ENOMEM. */
int ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt, const uint8_t *iv,
	    uint8_t *data, size_t len);

/* One direction of an IKE SA's protection: SK_e (AEAD: key then salt) and SK_a. */
struct ike_protection {
	enum algo_cipher cipher;
	enum algo_auth integ;	   /* AUTH_NONE with an AEAD */
	const struct secret *sk_e; /* borrowed */
	const struct secret *sk_a; /* NULL with an AEAD */
};

/* Bytes that protecting plain_len bytes of inner payloads adds after the SK payload's header: IV,
 * padding, pad length, ICV. */
size_t ike_protect_overhead(const struct ike_protection *p, size_t plain_len);

/* Encrypts in place. msg..msg+len is the whole message up to and including the SK (or SKF)
 * payload's header, followed by room for IV, then plain_len bytes of inner payloads at msg + len +
 * iv_bytes, then room for padding and ICV. All length fields are final already. iv_seed: 64-bit
 * counter unique per key (AEAD IV); CBC draws a random IV from iv_random[16]. */
int ike_protect(const struct ike_protection *p, uint8_t *msg, size_t len, size_t plain_len,
		uint64_t iv_counter, const uint8_t iv_random[16]);

/* Verifies first, then decrypts in place. msg..msg+total is the whole message; body_off is where
 * the IV starts (right after the SK or SKF payload header). *plain_off and *plain_len get the inner
 * payloads without padding. -EBADMSG: bad ICV or malformed; the body's bytes are then undefined. */
int ike_unprotect(const struct ike_protection *p, uint8_t *msg, size_t total, size_t body_off,
		  size_t *plain_off, size_t *plain_len);

#endif

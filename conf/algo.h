/* The algorithms, once: configuration names, IANA numbers and sizes. Read-only, any thread.
 *
 * IANA "Internet Key Exchange Version 2 (IKEv2) Parameters", transform types 1 to 4. An AEAD
 * has no integrity algorithm of its own; its salt follows its key in the key material
 * (RFC 4106 §8.1, RFC 5282 §7.1, RFC 7634 §2). */
#ifndef CONF_ALGO_H
#define CONF_ALGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum algo_cipher {
	CIPHER_NONE,
	CIPHER_AES128_CBC,
	CIPHER_AES192_CBC,
	CIPHER_AES256_CBC,
	CIPHER_AES128_GCM,
	CIPHER_AES192_GCM,
	CIPHER_AES256_GCM,
	CIPHER_CHACHA20_POLY1305,
	CIPHER_3DES_CBC,
	CIPHER_COUNT
};

/* One name stands for the integrity algorithm and the PRF on the same hash, as operators write it.
 */
enum algo_auth {
	AUTH_NONE, /* with an AEAD */
	AUTH_SHA1,
	AUTH_SHA256,
	AUTH_SHA384,
	AUTH_SHA512,
	AUTH_COUNT
};

enum algo_dh {
	DH_NONE,
	DH_MODP1024,
	DH_MODP1536,
	DH_MODP2048,
	DH_MODP3072,
	DH_MODP4096,
	DH_ECP256,
	DH_ECP384,
	DH_ECP521,
	DH_X25519,
	DH_COUNT
};

struct algo_cipher_info {
	const char *name;    /* as configured: "aes128gcm" */
	uint16_t id;	     /* IKEv2 transform ID, type 1 (ENCR), 16-byte ICV variant for AEADs */
	uint16_t key_bits;   /* Key Length attribute; 0: the transform takes none */
	uint8_t key_bytes;   /* without salt */
	uint8_t salt_bytes;  /* AEAD only */
	uint8_t iv_bytes;    /* explicit IV on the wire */
	uint8_t block_bytes; /* padding granularity of the cipher itself: 1 for counter modes */
	uint8_t icv_bytes;   /* AEAD only */
	bool aead;
	bool weak;
};

struct algo_auth_info {
	const char *name;
	uint16_t integ_id; /* type 3 (INTEG) */
	uint16_t prf_id;   /* type 2 (PRF) */
	uint8_t key_bytes; /* integrity key and PRF key */
	uint8_t icv_bytes; /* truncated: 12, 16, 24, 32 */
	uint8_t out_bytes; /* full hash */
	bool weak;
};

struct algo_dh_info {
	const char *name;
	uint16_t id;	       /* type 4 (KE) */
	uint16_t public_bytes; /* Key Exchange Data on the wire */
	uint16_t secret_bytes; /* shared secret */
	bool weak;
};

extern const struct algo_cipher_info algo_ciphers[CIPHER_COUNT];
extern const struct algo_auth_info algo_auths[AUTH_COUNT];
extern const struct algo_dh_info algo_dhs[DH_COUNT];

/* By configured name; ..._NONE when unknown. */
enum algo_cipher algo_cipher_by_name(const char *name);
enum algo_auth algo_auth_by_name(const char *name);
enum algo_dh algo_dh_by_name(const char *name);

/* By what a peer sent; ..._NONE when it is not ours. */
enum algo_cipher algo_cipher_by_id(uint16_t id, uint16_t key_bits);
enum algo_auth algo_auth_by_integ(uint16_t integ_id);
enum algo_auth algo_auth_by_prf(uint16_t prf_id);
enum algo_dh algo_dh_by_id(uint16_t id);

/* A preference-ordered set of one kind of algorithm. */
#define ALGO_LIST_MAX 8
struct algo_list {
	uint8_t n;
	uint8_t id[ALGO_LIST_MAX]; /* enum algo_cipher, algo_auth or algo_dh */
};

bool algo_list_has(const struct algo_list *l, unsigned id);
bool algo_list_add(struct algo_list *l, unsigned id); /* false: full or already there */

#endif

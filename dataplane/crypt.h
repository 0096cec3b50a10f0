/* ESP's cryptography on gcm.h and Intel IPsec-MB: one engine per worker, bursts of packets in
 * place.
 *
 * AEADs are worked on packet after packet, with the payload of the packet after next and the keys
 * of the fourth being fetched meanwhile; CBC + HMAC packets of a burst are gathered by algorithm
 * (not by SA) so that the multi-buffer lanes are full. Nothing here allocates or fails on good
 * input.
 *
 * A packet as these calls see it, `esp` being its first byte:
 *
 *     SPI 4 | sequence 4 | IV sa->iv_bytes | payload, padding, pad length, next header | ICV
 *     |<-------------------------- len ----------------------------------------------->|
 *
 * Nonces (RFC 4106 §4, RFC 7634 §2): salt from the SA, explicit IV = the 64-bit sequence number.
 * CBC's IV must be unpredictable (RFC 3602 §3): it is AES-CTR keystream under a key that the
 * engine drew at random when it was made, a few KiB at a time. */
#ifndef DATAPLANE_CRYPT_H
#define DATAPLANE_CRYPT_H

#include "conf/algo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sa;
struct crypt;

/* How the SA's keys are laid out and which calls serve it: sa->kind. */
enum crypt_kind {
	CRYPT_GCM128,
	CRYPT_GCM192,
	CRYPT_GCM256,
	CRYPT_CHACHA,
	CRYPT_CBC128_SHA1, /* CBC: key size major, hash minor */
	CRYPT_CBC128_SHA256,
	CRYPT_CBC128_SHA384,
	CRYPT_CBC128_SHA512,
	CRYPT_CBC192_SHA1,
	CRYPT_CBC192_SHA256,
	CRYPT_CBC192_SHA384,
	CRYPT_CBC192_SHA512,
	CRYPT_CBC256_SHA1,
	CRYPT_CBC256_SHA256,
	CRYPT_CBC256_SHA384,
	CRYPT_CBC256_SHA512,
	CRYPT_KINDS
};

/* CRYPT_KINDS: the dataplane does not do this pair. */
enum crypt_kind crypt_kind(enum algo_cipher cipher, enum algo_auth auth);

#define CRYPT_BURST   64 /* packets in one call, at most */
#define CRYPT_TAIL    36 /* bytes behind `len` that must be writable: the longest ICV, and ESN's 4 */
#define CRYPT_IV_MAX  16
#define CRYPT_ICV_MAX 32

struct crypt_op {
	struct sa *sa;
	uint8_t *esp; /* ESP header */
	uint64_t seq; /* 64 bits also without ESN (upper half 0) */
	uint32_t len; /* from esp up to the ICV; >= 8 + iv_bytes, CBC: whole blocks after
			 the IV, to be sealed one at least */
	uint32_t ok;  /* out: crypt_open(): the ICV verified. crypt_seal() sets it always */
};

/* One engine on the memory of a NUMA socket (a worker's; the negotiator has its own for keys).
 * NULL: *error says why. */
struct crypt *crypt_new(int socket, const char **error);
void crypt_free(struct crypt *c); /* wipes. NULL is fine */

/* What was chosen on this machine: "IPsec-MB 1.3.0 AVX2 (VAES, VPCLMULQDQ, SHA-NI), own AES-GCM
 * with VAES on 256 bits, own AES-CBC with VAES on 256 bits, own SHA-1 with SHA-NI". */
const char *crypt_engine_name(const struct crypt *c);
/* False: this CPU could do better than what was chosen, and something is wrong: IPsec-MB took code
 * for a lesser one, or code of our own failed its self-test and is not used. */
bool crypt_engine_fast(const struct crypt *c);

/* Encrypts n <= CRYPT_BURST packets in place. The caller wrote payload and ESP trailer; this
 * writes SPI, sequence number, IV and ICV. */
void crypt_seal(struct crypt *c, struct crypt_op *op, unsigned n);

/* Verifies and decrypts in place; op->ok tells. The payload of a packet that failed is garbage and
 * must be dropped. Length and replay were checked before by the caller. */
void crypt_open(struct crypt *c, struct crypt_op *op, unsigned n);

/* Key expansion, for sa_build(): stateless, any thread with any engine. The bytes that a kind's
 * keys take, and how they are laid out, is the same for all engines of a machine. */
union sa_keys;
size_t crypt_key_bytes(const struct crypt *c, enum crypt_kind kind);
uint8_t crypt_key_powers(const struct crypt *c, enum crypt_kind kind); /* sa->key_powers */
void crypt_expand(const struct crypt *c, union sa_keys *to, enum crypt_kind kind, bool inbound,
		  const uint8_t *cipher_key, const uint8_t *auth_key);

#endif

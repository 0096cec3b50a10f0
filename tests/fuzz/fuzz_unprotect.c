/* Protected messages under a known key. The first byte picks the cipher, the second how the rest is
 * used: as a message that came in, as plaintext to be protected and unprotected, or as a CBC body
 * that a peer signed, whatever its padding says. */
#include "tests/fuzz/fuzz.h"

#include "ike/crypto.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES  32
#define MESSAGE_MAX 4096

static struct secret *sk_e[CIPHER_COUNT], *sk_a;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (secret_init() != 0)
		abort();
	for (unsigned i = CIPHER_NONE + 1; i < CIPHER_COUNT; i++)
		sk_e[i] = secret_new(algo_ciphers[i].key_bytes + algo_ciphers[i].salt_bytes);
	sk_a = secret_new(algo_auths[AUTH_SHA256].key_bytes);
	return 0;
}

static void incoming(const struct ike_protection *p, uint8_t *msg, size_t total)
{
	size_t at = 0, n = 0;
	int rc = ike_unprotect(p, msg, total, HEAD_BYTES < total ? HEAD_BYTES : total, &at, &n);

	PROMISE(rc == 0 || rc == -EBADMSG);
	if (rc == 0)
		PROMISE(at >= HEAD_BYTES && at <= total && n <= total - at);
}

static void there_and_back(const struct ike_protection *p, const uint8_t *data, size_t size)
{
	size_t iv = algo_ciphers[p->cipher].iv_bytes, at, n;
	uint8_t msg[MESSAGE_MAX + 256] = { 0 };

	memcpy(msg + HEAD_BYTES + iv, data, size);
	PROMISE(ike_protect(p, msg, HEAD_BYTES, size, size, (uint8_t[16]){ 1 }) == 0);
	PROMISE(ike_unprotect(p, msg, HEAD_BYTES + size + ike_protect_overhead(p, size), HEAD_BYTES,
			      &at, &n) == 0);
	PROMISE(n == size && memcmp(msg + at, data, size) == 0);
}

static void signed_by_peer(const struct ike_protection *p, uint8_t *msg, size_t total)
{
	const struct ike_chunk in = { msg, total };
	uint8_t hash[IKE_HASH_MAX];

	PROMISE(ike_prf(p->integ, sk_a->data, sk_a->len, &in, 1, hash) == 0);
	memcpy(msg + total, hash, algo_auths[p->integ].icv_bytes);
	incoming(p, msg, total + algo_auths[p->integ].icv_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned cipher = CIPHER_NONE + 1 + fuzz_byte(&data, &size) % (CIPHER_COUNT - 1);
	unsigned how = fuzz_byte(&data, &size) % 3;
	bool aead = algo_ciphers[cipher].aead;
	struct ike_protection p = { .cipher = (enum algo_cipher)cipher,
				    .integ = aead ? AUTH_NONE : AUTH_SHA256,
				    .sk_e = sk_e[cipher],
				    .sk_a = aead ? NULL : sk_a };
	uint8_t msg[MESSAGE_MAX + IKE_HASH_MAX];

	if (size > MESSAGE_MAX)
		return 0;
	memcpy(msg, size ? data : (const uint8_t *)"", size);
	if (how == 1)
		there_and_back(&p, msg, size);
	else if (how == 2 && !aead)
		signed_by_peer(&p, msg, size);
	else
		incoming(&p, msg, size);
	return 0;
}

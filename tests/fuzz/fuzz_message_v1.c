/* Whole messages of IKEv1: the script of fuzz_message.c between two tunnels that speak it.
 *
 * Ciphers encrypt nothing, and a PRF depends on its key alone, so that a changed message still has
 * the right hash, but a wrong pre-shared key has not. */
#define FUZZ_V1
#include "tests/fuzz/fuzz_message.c"

int __wrap_ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt,
		   const uint8_t *iv, uint8_t *data, size_t len);
int __wrap_ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
		   unsigned n_in, uint8_t *out);

int __wrap_ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt,
		   const uint8_t *iv, uint8_t *data, size_t len)
{
	return 0;
}

int __wrap_ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
		   unsigned n_in, uint8_t *out)
{
	uint8_t fold = (uint8_t)key_len;

	for (size_t i = 0; i < key_len; i++)
		fold ^= ((const uint8_t *)key)[i];
	memset(out, fold, algo_auths[prf].out_bytes);
	return 0;
}

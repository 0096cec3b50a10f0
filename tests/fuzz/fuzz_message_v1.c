/* Whole messages of IKEv1: the script of fuzz_message.c between two tunnels that speak it.
 *
 * Its ciphers encrypt nothing, either. */
#define FUZZ_V1
#include "tests/fuzz/fuzz_message.c"

int __wrap_ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt,
		   const uint8_t *iv, uint8_t *data, size_t len);

int __wrap_ike_cbc(enum algo_cipher cipher, const struct secret *key, bool encrypt,
		   const uint8_t *iv, uint8_t *data, size_t len)
{
	return 0;
}

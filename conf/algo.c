#include "conf/algo.h"

#include <string.h>

const struct algo_cipher_info algo_ciphers[CIPHER_COUNT] = {
	/* RFC 3602, 4106, 7634, 2451; IANA: 3DES 3, AES-CBC 12, AES-GCM-16 20, ChaCha20 28 */
	[CIPHER_NONE] = { .name = "none" },
	[CIPHER_AES128_CBC] = { .name = "aes128",
				.id = 12,
				.key_bits = 128,
				.key_bytes = 16,
				.iv_bytes = 16,
				.block_bytes = 16 },
	[CIPHER_AES192_CBC] = { .name = "aes192",
				.id = 12,
				.key_bits = 192,
				.key_bytes = 24,
				.iv_bytes = 16,
				.block_bytes = 16 },
	[CIPHER_AES256_CBC] = { .name = "aes256",
				.id = 12,
				.key_bits = 256,
				.key_bytes = 32,
				.iv_bytes = 16,
				.block_bytes = 16 },
	[CIPHER_AES128_GCM] = { .name = "aes128gcm",
				.id = 20,
				.key_bits = 128,
				.key_bytes = 16,
				.salt_bytes = 4,
				.iv_bytes = 8,
				.block_bytes = 1,
				.icv_bytes = 16,
				.aead = true },
	[CIPHER_AES192_GCM] = { .name = "aes192gcm",
				.id = 20,
				.key_bits = 192,
				.key_bytes = 24,
				.salt_bytes = 4,
				.iv_bytes = 8,
				.block_bytes = 1,
				.icv_bytes = 16,
				.aead = true },
	[CIPHER_AES256_GCM] = { .name = "aes256gcm",
				.id = 20,
				.key_bits = 256,
				.key_bytes = 32,
				.salt_bytes = 4,
				.iv_bytes = 8,
				.block_bytes = 1,
				.icv_bytes = 16,
				.aead = true },
	[CIPHER_CHACHA20_POLY1305] = { .name = "chacha20poly1305",
				       .id = 28,
				       .key_bytes = 32,
				       .salt_bytes = 4,
				       .iv_bytes = 8,
				       .block_bytes = 1,
				       .icv_bytes = 16,
				       .aead = true },
	[CIPHER_3DES_CBC] = { .name = "3des",
			      .id = 3,
			      .key_bytes = 24,
			      .iv_bytes = 8,
			      .block_bytes = 8,
			      .weak = true },
};

/* RFC 2404, 4868. */
const struct algo_auth_info algo_auths[AUTH_COUNT] = {
	[AUTH_NONE] = { .name = "none" },
	[AUTH_SHA1] = { .name = "sha1",
			.integ_id = 2,
			.prf_id = 2,
			.key_bytes = 20,
			.icv_bytes = 12,
			.out_bytes = 20,
			.weak = true },
	[AUTH_SHA256] = { .name = "sha256",
			  .integ_id = 12,
			  .prf_id = 5,
			  .key_bytes = 32,
			  .icv_bytes = 16,
			  .out_bytes = 32 },
	[AUTH_SHA384] = { .name = "sha384",
			  .integ_id = 13,
			  .prf_id = 6,
			  .key_bytes = 48,
			  .icv_bytes = 24,
			  .out_bytes = 48 },
	[AUTH_SHA512] = { .name = "sha512",
			  .integ_id = 14,
			  .prf_id = 7,
			  .key_bytes = 64,
			  .icv_bytes = 32,
			  .out_bytes = 64 },
};

/* RFC 7296 appendix B, 3526, 5903 (a public value is x and y, the secret is x alone), 8031. */
const struct algo_dh_info algo_dhs[DH_COUNT] = {
	[DH_NONE] = { "none", 0, 0, 0, false },
	[DH_MODP1024] = { "modp1024", 2, 128, 128, true },
	[DH_MODP1536] = { "modp1536", 5, 192, 192, true },
	[DH_MODP2048] = { "modp2048", 14, 256, 256, false },
	[DH_MODP3072] = { "modp3072", 15, 384, 384, false },
	[DH_MODP4096] = { "modp4096", 16, 512, 512, false },
	[DH_ECP256] = { "ecp256", 19, 64, 32, false },
	[DH_ECP384] = { "ecp384", 20, 96, 48, false },
	[DH_ECP521] = { "ecp521", 21, 132, 66, false },
	[DH_X25519] = { "x25519", 31, 32, 32, false },
};

enum algo_cipher algo_cipher_by_name(const char *name)
{
	for (unsigned i = CIPHER_NONE + 1; i < CIPHER_COUNT; i++)
		if (strcmp(algo_ciphers[i].name, name) == 0)
			return (enum algo_cipher)i;
	return CIPHER_NONE;
}

enum algo_auth algo_auth_by_name(const char *name)
{
	for (unsigned i = AUTH_NONE + 1; i < AUTH_COUNT; i++)
		if (strcmp(algo_auths[i].name, name) == 0)
			return (enum algo_auth)i;
	return AUTH_NONE;
}

enum algo_dh algo_dh_by_name(const char *name)
{
	for (unsigned i = DH_NONE + 1; i < DH_COUNT; i++)
		if (strcmp(algo_dhs[i].name, name) == 0)
			return (enum algo_dh)i;
	return DH_NONE;
}

enum algo_cipher algo_cipher_by_id(uint16_t id, uint16_t key_bits)
{
	for (unsigned i = CIPHER_NONE + 1; i < CIPHER_COUNT; i++)
		if (algo_ciphers[i].id == id && algo_ciphers[i].key_bits == key_bits)
			return (enum algo_cipher)i;
	return CIPHER_NONE;
}

enum algo_auth algo_auth_by_integ(uint16_t integ_id)
{
	for (unsigned i = AUTH_NONE + 1; i < AUTH_COUNT; i++)
		if (algo_auths[i].integ_id == integ_id)
			return (enum algo_auth)i;
	return AUTH_NONE;
}

enum algo_auth algo_auth_by_prf(uint16_t prf_id)
{
	for (unsigned i = AUTH_NONE + 1; i < AUTH_COUNT; i++)
		if (algo_auths[i].prf_id == prf_id)
			return (enum algo_auth)i;
	return AUTH_NONE;
}

enum algo_dh algo_dh_by_id(uint16_t id)
{
	for (unsigned i = DH_NONE + 1; i < DH_COUNT; i++)
		if (algo_dhs[i].id == id)
			return (enum algo_dh)i;
	return DH_NONE;
}

bool algo_list_has(const struct algo_list *l, unsigned id)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->id[i] == id)
			return true;
	return false;
}

bool algo_list_add(struct algo_list *l, unsigned id)
{
	if (l->n == ALGO_LIST_MAX || algo_list_has(l, id))
		return false;
	l->id[l->n++] = (uint8_t)id;
	return true;
}

#include "tests/golden/reseal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define ETHER 14
#define ESP   8
#define IV    16

static const EVP_CIPHER *cipher_of(enum algo_cipher c)
{
	switch (c) {
	case CIPHER_AES128_CBC:
		return EVP_aes_128_cbc();
	case CIPHER_AES192_CBC:
		return EVP_aes_192_cbc();
	default:
		return EVP_aes_256_cbc();
	}
}

static const EVP_MD *hash_of(enum algo_auth a)
{
	switch (a) {
	case AUTH_SHA1:
		return EVP_sha1();
	case AUTH_SHA256:
		return EVP_sha256();
	case AUTH_SHA384:
		return EVP_sha384();
	default:
		return EVP_sha512();
	}
}

static void cbc(const struct dataplane_sa *sa, int encrypt, uint8_t *text, size_t len,
		const uint8_t *iv)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[32];
	int n;

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(1 + i);
	EVP_CipherInit_ex(ctx, cipher_of(sa->cipher), NULL, key, iv, encrypt);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_CipherUpdate(ctx, text, &n, text, (int)len);
	EVP_CIPHER_CTX_free(ctx);
}

/* RFC 8200 §8.1. */
static void sum_udp(uint8_t *ip, size_t bytes)
{
	uint8_t *udp = ip + 40;
	uint32_t sum = (uint32_t)bytes + 17;

	udp[6] = udp[7] = 0;
	for (size_t i = 8; i < 40; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	for (size_t i = 0; i < bytes; i++)
		sum += i & 1 ? udp[i] : (uint32_t)udp[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (!sum)
		sum = 0xffff;
	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
}

void reseal(const struct dataplane_sa *sa, uint8_t *golden, size_t len, const uint8_t *ours)
{
	size_t at = ETHER + (golden[ETHER] >> 4 == 4 ? 20u : 40u) + (sa->udp ? 8u : 0u);
	size_t icv = algo_auths[sa->auth].icv_bytes, key_bytes = algo_auths[sa->auth].key_bytes;
	uint8_t *esp = golden + at, *text = esp + ESP + IV;
	uint8_t key[64], full[64];
	size_t bytes;

	if (len < at + ESP + IV + icv)
		return;
	bytes = len - at - ESP - IV - icv;
	if (bytes % 16)
		return;
	cbc(sa, 0, text, bytes, esp + ESP);
	memcpy(esp + ESP, ours + at + ESP, IV);
	cbc(sa, 1, text, bytes, esp + ESP);

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(128 + i);
	memset(text + bytes, 0, 4); /* in place of the ICV: the upper half of an ESN */
	HMAC(hash_of(sa->auth), key, (int)key_bytes, esp, ESP + IV + bytes + (sa->esn ? 4 : 0),
	     full, NULL);
	memcpy(text + bytes, full, icv);
	if (sa->udp && golden[ETHER] >> 4 == 6)
		sum_udp(golden + ETHER, len - ETHER - 40);
}

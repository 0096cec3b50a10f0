#include "tests/bench/bare.h"

#include <intel-ipsec-mb.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 2

struct bare {
	IMB_MGR *mgr, *shani;	  /* shani: SHA-256's, where it is the faster one; else mgr */
	struct gcm_key_data *key; /* by tunnel; NULL: no AES-GCM */
	struct gcm_context_data gcm;
	IMB_JOB job[BARE_BURST];
	uint8_t icv[BARE_BURST][64];
	uint8_t head[16]; /* stands for nonce, associated data and IV */
};

/* In huge pages, where SAs are. */
static void make_keys(struct bare *b, unsigned tunnels, const struct dataplane_sa *like)
{
	enum crypt_kind kind = crypt_kind(like->cipher, like->auth);

	if (kind > CRYPT_GCM256)
		return;
	b->key = rte_malloc("bare", (tunnels + 1) * sizeof(*b->key), 64);
	if (!b->key)
		errx(1, "no memory for keys");
	for (unsigned i = 0; i <= tunnels; i++) {
		if (kind == CRYPT_GCM128)
			IMB_AES128_GCM_PRE(b->mgr, like->cipher_key, &b->key[i]);
		else if (kind == CRYPT_GCM192)
			IMB_AES192_GCM_PRE(b->mgr, like->cipher_key, &b->key[i]);
		else
			IMB_AES256_GCM_PRE(b->mgr, like->cipher_key, &b->key[i]);
	}
}

struct bare *bare_new(unsigned tunnels, const struct dataplane_sa *like)
{
	struct bare *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);
	IMB_ARCH arch;

	if (!b)
		errx(1, "no memory");
	memset(b, 0, sizeof(*b));
	b->mgr = alloc_mb_mgr(0);
	if (!b->mgr)
		errx(1, "no memory for IPsec-MB");
	init_mb_mgr_auto(b->mgr, &arch);
	b->shani = b->mgr;
	if (arch == IMB_ARCH_AVX2 && b->mgr->features & IMB_FEATURE_SHANI) {
		b->shani = alloc_mb_mgr(0);
		if (!b->shani)
			errx(1, "no memory for IPsec-MB");
		init_mb_mgr_sse(b->shani);
	}
	make_keys(b, tunnels, like);
	return b;
}

void bare_free(struct bare *b)
{
	rte_free(b->key);
	if (b->shani != b->mgr)
		free_mb_mgr(b->shani);
	free_mb_mgr(b->mgr);
	free(b);
}

static void fetch(const struct bare_packet *p)
{
	for (uint32_t i = 0; i < p->bytes; i += 64)
		rte_prefetch0(p->text + i);
}

static aes_gcm_enc_dec_t gcm_of(const struct bare *b, unsigned kind, bool encrypt)
{
	const IMB_MGR *m = b->mgr;

	switch (kind) {
	case CRYPT_GCM128:
		return encrypt ? m->gcm128_enc : m->gcm128_dec;
	case CRYPT_GCM192:
		return encrypt ? m->gcm192_enc : m->gcm192_dec;
	default:
		return encrypt ? m->gcm256_enc : m->gcm256_dec;
	}
}

static void run_gcm(struct bare *b, const struct bare_packet *p, unsigned n, bool encrypt)
{
	aes_gcm_enc_dec_t call = gcm_of(b, p->sa->kind, encrypt);

	for (unsigned i = 0; i < n && i < AHEAD; i++)
		fetch(&p[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			fetch(&p[i + AHEAD]);
		call(&b->key[p[i].tunnel], &b->gcm, p[i].text, p[i].text, p[i].bytes, b->head,
		     b->head, 8, b->icv[i], 16);
	}
}

static void run_chacha(struct bare *b, const struct bare_packet *p, unsigned n, bool encrypt)
{
	for (unsigned i = 0; i < n; i++) {
		IMB_JOB *j = IMB_GET_NEXT_JOB(b->mgr);

		if (i + AHEAD < n)
			fetch(&p[i + AHEAD]);
		memset(j, 0, sizeof(*j));
		j->enc_keys = j->dec_keys = p[i].sa->keys.chacha;
		j->key_len_in_bytes = 32;
		j->src = j->dst = p[i].text;
		j->msg_len_to_cipher_in_bytes = j->msg_len_to_hash_in_bytes = p[i].bytes;
		j->iv = b->head;
		j->iv_len_in_bytes = 12;
		j->auth_tag_output = b->icv[i];
		j->auth_tag_output_len_in_bytes = 16;
		j->u.CHACHA20_POLY1305.aad = b->head;
		j->u.CHACHA20_POLY1305.aad_len_in_bytes = 8;
		j->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
		j->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
		j->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
		j->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
		IMB_SUBMIT_JOB_NOCHECK(b->mgr);
	}
}

static void run_cbc(struct bare *b, const struct bare_packet *p, unsigned n, bool encrypt)
{
	static const IMB_HASH_ALG hash[] = { IMB_AUTH_HMAC_SHA_1, IMB_AUTH_HMAC_SHA_256,
					     IMB_AUTH_HMAC_SHA_384, IMB_AUTH_HMAC_SHA_512 };
	unsigned kind = p->sa->kind - CRYPT_CBC128_SHA1;
	IMB_KEY_SIZE_BYTES key = IMB_KEY_128_BYTES + 8 * (kind / 4);

	for (unsigned i = 0; i < n; i++) {
		IMB_JOB *j = &b->job[i];

		j->enc_keys = j->dec_keys = p[i].sa->keys.cbc.schedule;
		j->src = j->dst = p[i].text;
		j->cipher_start_src_offset_in_bytes = 0;
		j->msg_len_to_cipher_in_bytes = p[i].bytes;
		j->hash_start_src_offset_in_bytes = 0;
		j->msg_len_to_hash_in_bytes = p[i].bytes;
		j->iv = b->head;
		j->iv_len_in_bytes = 16;
		j->u.HMAC._hashed_auth_key_xor_ipad = p[i].sa->keys.cbc.ipad;
		j->u.HMAC._hashed_auth_key_xor_opad = p[i].sa->keys.cbc.opad;
		j->auth_tag_output = b->icv[i];
		j->auth_tag_output_len_in_bytes = p[i].sa->icv_bytes;
	}
	if (encrypt)
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->mgr, b->job, n, IMB_CIPHER_CBC, IMB_DIR_ENCRYPT,
						key);
	IMB_SUBMIT_HASH_BURST_NOCHECK(kind % 4 == 1 ? b->shani : b->mgr, b->job, n, hash[kind % 4]);
	if (!encrypt)
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->mgr, b->job, n, IMB_CIPHER_CBC, IMB_DIR_DECRYPT,
						key);
}

uint64_t bare_run(struct bare *b, const struct bare_packet *p, unsigned n, bool encrypt)
{
	uint64_t began = rte_rdtsc();

	if (p->sa->kind <= CRYPT_GCM256)
		run_gcm(b, p, n, encrypt);
	else if (p->sa->kind == CRYPT_CHACHA)
		run_chacha(b, p, n, encrypt);
	else
		run_cbc(b, p, n, encrypt);
	return rte_rdtsc() - began;
}

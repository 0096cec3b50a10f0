#include "dataplane/hmac_proof.h"

#include <sodium.h>
#include <string.h>

struct proof {
	hmac_fn hmac;
	IMB_MGR *mgr;
	struct hmac_work work;
	struct hmac_text text[HMAC_BURST];
	uint8_t key[HMAC_BURST][2][64]; /* states */
	uint8_t at[HMAC_PROOF_BYTES];
	IMB_JOB job[HMAC_BURST];
	uint8_t theirs[HMAC_BURST][HMAC_SHA1_BYTES], ours[HMAC_BURST][HMAC_SHA1_BYTES];
};

/* Any states will do. */
static void take(struct proof *t, unsigned i, uint32_t bytes)
{
	t->job[i] = (IMB_JOB){
		.src = t->at,
		.msg_len_to_hash_in_bytes = bytes,
		.u.HMAC._hashed_auth_key_xor_ipad = t->key[i][0],
		.u.HMAC._hashed_auth_key_xor_opad = t->key[i][1],
		.auth_tag_output = t->theirs[i],
		.auth_tag_output_len_in_bytes = HMAC_SHA1_BYTES,
	};
	t->text[i] = (struct hmac_text){
		.inner = t->key[i][0],
		.outer = t->key[i][1],
		.at = t->at,
		.bytes = bytes,
		.to = t->ours[i],
	};
}

static bool alike(struct proof *t, unsigned n)
{
	memset(t->ours, 0, n * sizeof(t->ours[0]));
	IMB_SUBMIT_HASH_BURST(t->mgr, t->job, n, IMB_AUTH_HMAC_SHA_1);
	t->hmac(&t->work, t->text, n);
	return memcmp(t->ours, t->theirs, n * sizeof(t->ours[0])) == 0;
}

/* n texts, each so many bytes longer than the one before, until they are too long. */
static bool company(struct proof *t, unsigned n, uint32_t from, uint32_t step)
{
	for (unsigned i = 0; i < n; i++)
		take(t, i, 1 + (from + i * step) % HMAC_PROOF_BYTES);
	return alike(t, n);
}

bool hmac_sha1_proved(hmac_fn hmac, IMB_MGR *yardstick)
{
	struct proof t = { .hmac = hmac, .mgr = yardstick };

	randombytes_buf(t.at, sizeof(t.at));
	randombytes_buf(t.key, sizeof(t.key));
	for (uint32_t from = 0; from < HMAC_PROOF_BYTES; from++)
		if (!company(&t, HMAC_TURNS + 1, from, 67))
			return false;
	for (unsigned n = 1; n <= HMAC_BURST; n++)
		if (!company(&t, n, 0, 61) || !company(&t, n, 9, 331))
			return false;
	return true;
}

#include "dataplane/gcm_proof.h"

#include <string.h>

#define AROUND 64 /* bytes before and behind a text, which must stay; the tag is among them */
#define ROOM   (AROUND + GCM_PROOF_BYTES + AROUND)
#define ICV    16

/* One packet: as it was, as IPsec-MB seals it, and as ours does. */
struct sample {
	uint8_t plain[ROOM], theirs[ROOM], ours[ROOM];
	struct gcm_packet p; /* ours */
};

struct proof {
	const struct gcm_engine *e;
	IMB_MGR *mgr;
	unsigned size; /* of the key, 0 .. 2 */
	struct gcm_key_data their_key __attribute__((aligned(64)));
	struct gcm_key our_key;
	uint64_t numbers; /* what makes one text different from the other */
};

static uint64_t next_number(struct proof *t)
{
	t->numbers = t->numbers * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return t->numbers >> 16;
}

static void expand(struct proof *t)
{
	uint8_t key[32];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)next_number(t);
	if (t->size == 0)
		IMB_AES128_GCM_PRE(t->mgr, key, &t->their_key);
	else if (t->size == 1)
		IMB_AES192_GCM_PRE(t->mgr, key, &t->their_key);
	else
		IMB_AES256_GCM_PRE(t->mgr, key, &t->their_key);
	gcm_expand(&t->our_key, t->size, t->their_key.expanded_keys);
}

static void take(struct proof *t, struct sample *s, unsigned bytes, bool esn)
{
	aes_gcm_enc_dec_t seal[3] = { t->mgr->gcm128_enc, t->mgr->gcm192_enc, t->mgr->gcm256_enc };
	uint64_t salt = (uint32_t)next_number(t), iv = next_number(t), aad = next_number(t);
	uint64_t aad4 = esn ? (uint32_t)next_number(t) : 0;
	struct gcm_context_data context;
	uint8_t nonce[16] = { 0 }, head[16];

	for (unsigned i = 0; i < ROOM; i += 4) {
		uint32_t v = (uint32_t)next_number(t);

		memcpy(s->plain + i, &v, 4);
	}
	memcpy(s->theirs, s->plain, ROOM);
	memcpy(s->ours, s->plain, ROOM);
	memcpy(nonce, &salt, 4);
	memcpy(nonce + 4, &iv, 8);
	memcpy(head, &aad, 8);
	memcpy(head + 8, &aad4, 8);
	seal[t->size](&t->their_key, &context, s->theirs + AROUND, s->theirs + AROUND, bytes, nonce,
		      head, esn ? 12 : 8, s->theirs + AROUND + bytes, ICV);
	s->p = gcm_packet(&t->our_key, s->ours + AROUND, bytes, salt, iv, aad, aad4, esn ? 12 : 8,
			  s->ours + AROUND + bytes);
}

static bool sealed_alike(const struct sample *s)
{
	return memcmp(s->ours, s->theirs, ROOM) == 0;
}

/* What was sealed opens; a wrong bit in it, at this place of text and tag, does not. */
static bool opens(const struct proof *t, struct sample *s, unsigned wrong)
{
	bool (*open)(const struct gcm_packet *) = t->e->open[t->size];

	if (!open(&s->p) || memcmp(s->ours + AROUND, s->plain + AROUND, s->p.bytes) != 0 ||
	    memcmp(s->ours, s->plain, AROUND) != 0)
		return false;
	memcpy(s->ours, s->theirs, ROOM);
	s->ours[AROUND + wrong] ^= (uint8_t)(1u << wrong % 8);
	return !open(&s->p);
}

static bool one(struct proof *t, unsigned bytes, bool esn)
{
	struct sample s;

	take(t, &s, bytes, esn);
	t->e->seal[t->size](&s.p);
	return sealed_alike(&s) && opens(t, &s, (unsigned)(next_number(t) % (bytes + ICV)));
}

static bool pair(struct proof *t, unsigned a, unsigned b)
{
	struct sample s[2];
	struct gcm_packet p[2];

	if (!gcm_can_pair(t->e, a, b) || b > t->e->pair_bytes)
		return true;
	take(t, &s[0], a, false);
	take(t, &s[1], b, true);
	p[0] = s[0].p;
	p[1] = s[1].p;
	t->e->seal_pair[t->size](p);
	return sealed_alike(&s[0]) && sealed_alike(&s[1]);
}

bool gcm_proved(const struct gcm_engine *e, IMB_MGR *yardstick)
{
	struct proof t = { .e = e, .mgr = yardstick };

	for (t.size = 0; t.size < 3; t.size++) {
		expand(&t);
		for (unsigned bytes = 0; bytes <= GCM_PROOF_BYTES; bytes++)
			if (!one(&t, bytes, bytes % 2) || !pair(&t, bytes, bytes) ||
			    !pair(&t, bytes, bytes + 1) || !pair(&t, bytes + 1, bytes))
				return false;
	}
	return true;
}

#include "dataplane/cbc_proof.h"

#include <sodium.h>
#include <string.h>

#define BLOCK	16
#define AROUND	64 /* bytes before and behind a text, which must stay; the IV is among them */
#define ROOM	(AROUND + BLOCK * CBC_PROOF_BLOCKS + AROUND)
#define COMPANY (2 * CBC_LANES + 3) /* packets sealed together, at most */

/* One packet: as IPsec-MB does it, and as ours does. Keys of its own. */
struct sample {
	uint8_t enc[CBC_ROUND_KEYS * BLOCK] __attribute__((aligned(16)));
	uint8_t dec[CBC_ROUND_KEYS * BLOCK] __attribute__((aligned(16)));
	uint8_t theirs[ROOM], ours[ROOM];
	uint32_t blocks;
};

struct proof {
	const struct cbc_engine *e;
	IMB_MGR *mgr;
	unsigned size;		  /* of the keys, 0 .. 2 */
	uint8_t random[2 * ROOM]; /* texts and keys begin anywhere in it */
	unsigned taken;
	struct sample s[COMPANY];
	IMB_JOB job[COMPANY];
	struct cbc_text text[COMPANY];
	struct cbc_lanes lanes;
};

static void take(struct proof *t, struct sample *s, uint32_t blocks)
{
	const uint8_t *text = t->random + ++t->taken % ROOM, *key = text + BLOCK;

	if (t->size == 0)
		IMB_AES_KEYEXP_128(t->mgr, key, s->enc, s->dec);
	else if (t->size == 1)
		IMB_AES_KEYEXP_192(t->mgr, key, s->enc, s->dec);
	else
		IMB_AES_KEYEXP_256(t->mgr, key, s->enc, s->dec);
	memcpy(s->theirs, text, ROOM);
	memcpy(s->ours, text, ROOM);
	s->blocks = blocks;
}

/* The first n samples. */
static void theirs(struct proof *t, unsigned n, IMB_CIPHER_DIRECTION direction)
{
	for (unsigned i = 0; i < n; i++) {
		struct sample *s = &t->s[i];

		t->job[i] = (IMB_JOB){
			.enc_keys = s->enc,
			.dec_keys = s->dec,
			.src = s->theirs + AROUND,
			.dst = s->theirs + AROUND,
			.msg_len_to_cipher_in_bytes = (uint64_t)BLOCK * s->blocks,
			.iv = s->theirs + AROUND - BLOCK,
			.iv_len_in_bytes = BLOCK,
		};
	}
	IMB_SUBMIT_CIPHER_BURST(t->mgr, t->job, n, IMB_CIPHER_CBC, direction,
				IMB_KEY_128_BYTES + 8 * t->size);
}

static bool opens(struct proof *t, uint32_t blocks)
{
	struct sample *s = &t->s[0];
	struct cbc_text text = { .keys = s->dec, .at = s->ours + AROUND, .blocks = blocks };

	take(t, s, blocks);
	theirs(t, blocks ? 1 : 0, IMB_DIR_DECRYPT);
	t->e->open[t->size](&text);
	return memcmp(s->ours, s->theirs, ROOM) == 0;
}

/* n packets, each `step` blocks longer than the one before, until they are too long. */
static bool seals(struct proof *t, unsigned n, uint32_t step)
{
	for (unsigned i = 0; i < n; i++) {
		struct sample *s = &t->s[i];

		take(t, s, 1 + i * step % CBC_PROOF_BLOCKS);
		t->text[i] = (struct cbc_text){ s->enc, s->ours + AROUND, s->blocks };
	}
	theirs(t, n, IMB_DIR_ENCRYPT);
	t->e->seal[t->size](&t->lanes, t->text, n);
	for (unsigned i = 0; i < n; i++)
		if (memcmp(t->s[i].ours, t->s[i].theirs, ROOM) != 0)
			return false;
	return true;
}

bool cbc_proved(const struct cbc_engine *e, IMB_MGR *yardstick)
{
	struct proof t = { .e = e, .mgr = yardstick };

	randombytes_buf(t.random, sizeof(t.random));
	for (t.size = 0; t.size < 3; t.size++) {
		for (uint32_t blocks = 0; blocks <= CBC_PROOF_BLOCKS; blocks++)
			if (!opens(&t, blocks))
				return false;
		/* All alike, longer and longer, and the longest at any place. */
		for (unsigned n = 0; n <= COMPANY; n++)
			if (!seals(&t, n, 0) || !seals(&t, n, 1) || !seals(&t, n, 37))
				return false;
	}
	return true;
}

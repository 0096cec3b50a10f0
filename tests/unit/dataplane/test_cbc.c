/* The wide CBC against IPsec-MB's own, which the vectors of RFC 3602 in test_crypt.c and OpenSSL
 * vouch for. */
#include "tests/unit/unit.h"

#include "dataplane/cbc_proof.h"
#include "dataplane/cbc_wide.h"
#include "tests/unit/dataplane/ipsec_mb.h"

#include <intel-ipsec-mb.h>

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define GUARD	64
#define MOST	600 /* blocks of a jumbo frame */
#define PACKETS 64

struct packet {
	uint8_t enc[CBC_ROUND_KEYS * 16] __attribute__((aligned(16)));
	uint8_t dec[CBC_ROUND_KEYS * 16] __attribute__((aligned(16)));
	uint8_t plain[GUARD + 16 * MOST + GUARD + 16];
	uint8_t want[GUARD + 16 * MOST + GUARD + 16];
	uint8_t ours[GUARD + 16 * MOST + GUARD + 16];
	struct cbc_text text;
};

static struct packet packets[PACKETS];
static struct cbc_lanes lanes;

static void expand(unsigned size, struct packet *p)
{
	uint8_t key[32];

	randombytes_buf(key, sizeof(key));
	if (size == 0)
		IMB_AES_KEYEXP_128(mgr, key, p->enc, p->dec);
	else if (size == 1)
		IMB_AES_KEYEXP_192(mgr, key, p->enc, p->dec);
	else
		IMB_AES_KEYEXP_256(mgr, key, p->enc, p->dec);
}

/* Random text at an odd place, and what IPsec-MB makes of it. */
static void make(struct packet *p, unsigned size, unsigned blocks)
{
	size_t at = GUARD + randombytes_uniform(16), used = at + 16 * blocks + GUARD;
	IMB_JOB j;

	expand(size, p);
	randombytes_buf(p->plain, used);
	memcpy(p->want, p->plain, used);
	memcpy(p->ours, p->plain, used);
	p->text = (struct cbc_text){ p->enc, p->ours + at, blocks };
	j = (IMB_JOB){
		.enc_keys = p->enc,
		.dec_keys = p->dec,
		.src = p->want + at,
		.dst = p->want + at,
		.msg_len_to_cipher_in_bytes = 16 * blocks,
		.iv = p->want + at - 16,
		.iv_len_in_bytes = 16,
	};
	if (blocks)
		assert_int_equal(IMB_SUBMIT_CIPHER_BURST(mgr, &j, 1, IMB_CIPHER_CBC,
							 IMB_DIR_ENCRYPT, 16 + 8 * size),
				 1);
}

static void same(const struct packet *p, const uint8_t *as)
{
	size_t used = (size_t)(p->text.at - p->ours) + 16 * p->text.blocks + GUARD;

	assert_memory_equal(p->ours, as, used);
}

/* Sealed as IPsec-MB does, and opened again; nothing around changes. */
static void round_trip(unsigned size, unsigned n)
{
	struct cbc_text text[PACKETS];

	for (unsigned i = 0; i < n; i++)
		text[i] = packets[i].text;
	cbc_wide.seal[size](&lanes, text, n);
	for (unsigned i = 0; i < n; i++) {
		same(&packets[i], packets[i].want);
		text[i].keys = packets[i].dec;
		cbc_wide.open[size](&text[i]);
		same(&packets[i], packets[i].plain);
	}
}

static void every_size(void **state)
{
	if (!cbc_wide_runs())
		skip();
	for (unsigned size = 0; size < 3; size++)
		for (unsigned blocks = 1; blocks <= 150; blocks++) {
			make(&packets[0], size, blocks);
			round_trip(size, 1);
			for (unsigned i = 0; i < 2 * CBC_LANES; i++)
				make(&packets[i], size, blocks);
			round_trip(size, 2 * CBC_LANES);
		}
}

static void nothing(void **state)
{
	if (!cbc_wide_runs())
		skip();
	for (unsigned size = 0; size < 3; size++) {
		make(&packets[0], size, 0);
		packets[0].text.keys = packets[0].dec;
		cbc_wide.open[size](&packets[0].text);
		same(&packets[0], packets[0].plain);
		cbc_wide.seal[size](&lanes, NULL, 0);
	}
}

/* Any number of packets of any lengths, in any order. */
static void companies(void **state)
{
	if (!cbc_wide_runs())
		skip();
	for (unsigned round = 0; round < 600; round++) {
		unsigned size = round % 3, n = 1 + round % PACKETS;
		unsigned most = round % 5 ? 1 + randombytes_uniform(100) : MOST;

		for (unsigned i = 0; i < n; i++)
			make(&packets[i], size, 1 + randombytes_uniform(most));
		round_trip(size, n);
	}
}

/* ---- the self-test at the start ----------------------------------------------------------- */

static unsigned wrong_at;

static void wrong_open(const struct cbc_text *t)
{
	cbc_wide.open[1](t);
	if (t->blocks == wrong_at)
		t->at[16 * t->blocks - 1] ^= 0x80;
}

static void far_open(const struct cbc_text *t)
{
	cbc_wide.open[2](t);
	t->at[16 * t->blocks] ^= 1;
}

static void wrong_seal(struct cbc_lanes *l, const struct cbc_text *t, unsigned n)
{
	cbc_wide.seal[0](l, t, n);
	for (unsigned i = 0; i < n; i++)
		if (t[i].blocks == wrong_at)
			t[i].at[0] ^= 1;
}

/* The last one of some, as if a lane had no turn. */
static void lazy_seal(struct cbc_lanes *l, const struct cbc_text *t, unsigned n)
{
	cbc_wide.seal[2](l, t, n == wrong_at ? n - 1 : n);
}

static bool proved(unsigned size, void (*open)(const struct cbc_text *),
		   void (*seal)(struct cbc_lanes *, const struct cbc_text *, unsigned))
{
	struct cbc_engine e = cbc_wide;

	if (open)
		e.open[size] = open;
	if (seal)
		e.seal[size] = seal;
	return cbc_proved(&e, mgr);
}

/* The engine is proved on this CPU, and no more so if one of its functions is wrong at one length
 * or number. */
static void proof(void **state)
{
	if (!cbc_wide_runs())
		skip();
	assert_true(cbc_proved(&cbc_wide, mgr));
	for (wrong_at = 1; wrong_at <= CBC_PROOF_BLOCKS; wrong_at += 7)
		assert_false(proved(1, wrong_open, NULL));
	wrong_at = CBC_PROOF_BLOCKS + 1;
	assert_true(proved(1, wrong_open, NULL));
	assert_false(proved(2, far_open, NULL));
	for (wrong_at = 1; wrong_at <= 2 * CBC_LANES; wrong_at += 3) {
		assert_false(proved(0, NULL, wrong_seal));
		assert_false(proved(2, NULL, lazy_seal));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),
		cmocka_unit_test(nothing),
		cmocka_unit_test(companies),
		cmocka_unit_test(proof),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

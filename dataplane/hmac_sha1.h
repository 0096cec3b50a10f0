/* HMAC-SHA-1 (RFC 2104, FIPS 180-4) of ESP packets on CPUs with SHA-NI and without AVX-512: four
 * packets take turns in the CPU's one unit for it, which a packet alone uses a third of. IPsec-MB
 * has two in turn with SHA-NI, or eight in lanes of AVX2. Measured in turns, TSC cycles for each of
 * 64 packets:
 *
 *     bytes                        104   616  1448
 *     Zen 3    IPsec-MB, AVX2      220   605  1180
 *              IPsec-MB, SHA-NI    209   640  1330
 *              four in turn        203   525  1055
 *
 * Constant time in key and text; not in lengths. */
#ifndef DATAPLANE_HMAC_SHA1_H
#define DATAPLANE_HMAC_SHA1_H

#include <stdbool.h>
#include <stdint.h>

#define HMAC_BURST	64 /* texts in one call, at most */
#define HMAC_SHA1_BYTES 12 /* that ESP carries (RFC 2404) */

struct hmac_text {
	const uint8_t *inner, *outer; /* the hash's state behind key ^ ipad, ^ opad: five words */
	const uint8_t *at;
	uint32_t bytes;
	uint8_t *to; /* HMAC_SHA1_BYTES; may lie in the text's last block or behind it */
};

/* What a call needs; an engine's, nothing is kept but what must be wiped in the end. */
#define HMAC_TURNS 4
struct hmac_run {
	const uint8_t *body, *tail;
	uint32_t n_body, n_tail; /* blocks; the tail has one at least */
};
struct hmac_work {
	uint32_t word[2][HMAC_TURNS]
		     [80];	      /* the schedule of the block that is hashed, of the next */
	uint32_t turn[HMAC_TURNS][8]; /* state: a .. d in reverse, then 0, 0, 0, e */
	const uint8_t *next[HMAC_TURNS];
	struct hmac_run run[HMAC_BURST];
	uint32_t state[HMAC_BURST][8]; /* of each run; as turn */
	uint8_t tail[HMAC_BURST][128];
} __attribute__((aligned(64)));

typedef void (*hmac_fn)(struct hmac_work *w, const struct hmac_text *text, unsigned n);

/* n <= HMAC_BURST texts of any keys and lengths; fastest if the longest come first. */
void hmac_sha1(struct hmac_work *w, const struct hmac_text *text, unsigned n);

/* Does this CPU have what it needs? */
bool hmac_sha1_runs(void);

#endif

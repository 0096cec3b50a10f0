/* SHA-1 by the CPU's own instructions, four texts in turn.
 *
 * The instruction for four rounds takes six cycles until its result is there, and another one can
 * start each two: three texts are enough to keep it busy, four leave no gap. What else there is to
 * do, the schedule of words, is done in the meantime for the block that comes next, one text after
 * the other, which needs few registers.
 *
 * A text is a run of blocks where it lies, and one or two of its end that are written elsewhere.
 * All texts are hashed so, then all outer hashes. */
#include "dataplane/hmac_sha1.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

/* Not AVX: SHA's instructions have no such form, and the CPU that mixes both waits. */
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define UNROLLED _Pragma("GCC unroll 20")

#define BLOCK  64
#define GROUPS 20 /* of four rounds */

typedef __m128i vec;

/* ---- blocks ----------------------------------------------------------------------------- */

/* Words 16 * i .. 16 * i + 15 of a block's 80; m: the four vectors before. */
INLINE void schedule(vec *m, uint32_t *word, const uint8_t *block, int i)
{
	const vec order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	UNROLLED
	for (int k = 0; k < 4; k++) {
		if (i == 0)
			m[k] = _mm_shuffle_epi8(_mm_loadu_si128((const vec *)block + k), order);
		else
			m[k] = _mm_sha1msg2_epu32(
				_mm_xor_si128(_mm_sha1msg1_epu32(m[k], m[(k + 1) % 4]),
					      m[(k + 2) % 4]),
				m[(k + 3) % 4]);
		_mm_store_si128((vec *)word + 4 * i + k, m[k]);
	}
}

INLINE vec four_rounds(vec abcd, vec e, int group)
{
	switch (group / 5) {
	case 0:
		return _mm_sha1rnds4_epu32(abcd, e, 0);
	case 1:
		return _mm_sha1rnds4_epu32(abcd, e, 1);
	case 2:
		return _mm_sha1rnds4_epu32(abcd, e, 2);
	default:
		return _mm_sha1rnds4_epu32(abcd, e, 3);
	}
}

/* A block of each turn, whose words are in word[now]; those of each next block go to the other. */
TARGET __attribute__((noinline)) static void step(struct hmac_work *w, unsigned now)
{
	vec abcd[HMAC_TURNS], e[HMAC_TURNS], m[4], *state;
	const vec *word;

	UNROLLED
	for (int t = 0; t < HMAC_TURNS; t++) {
		state = (vec *)w->turn[t];
		abcd[t] = _mm_load_si128(&state[0]);
		e[t] = _mm_load_si128(&state[1]);
	}
	UNROLLED
	for (int g = 0; g < GROUPS; g++) {
		UNROLLED
		for (int t = 0; t < HMAC_TURNS; t++) {
			vec before = abcd[t], in;

			word = (const vec *)w->word[now][t];
			in = g == 0 ? _mm_add_epi32(e[t], _mm_load_si128(&word[g]))
				    : _mm_sha1nexte_epu32(e[t], _mm_load_si128(&word[g]));
			abcd[t] = four_rounds(before, in, g);
			e[t] = before;
		}
		schedule(m, w->word[now ^ 1][g / 5], w->next[g / 5], g % 5);
	}
	UNROLLED
	for (int t = 0; t < HMAC_TURNS; t++) {
		state = (vec *)w->turn[t];
		_mm_store_si128(&state[0], _mm_add_epi32(abcd[t], _mm_load_si128(&state[0])));
		_mm_store_si128(&state[1], _mm_sha1nexte_epu32(e[t], _mm_load_si128(&state[1])));
	}
}

TARGET static void schedule_all(struct hmac_work *w, unsigned now)
{
	vec m[4];

	for (int t = 0; t < HMAC_TURNS; t++) {
		UNROLLED
		for (int i = 0; i < 5; i++)
			schedule(m, w->word[now][t], w->next[t], i);
	}
}

/* ---- runs of blocks --------------------------------------------------------------------- */

#define NONE UINT32_MAX

struct turn {
	unsigned run, then; /* the next one, whose first block is being scheduled; NONE: idle */
	uint32_t left;	    /* blocks to be hashed */
	uint32_t body;	    /* of the body, to be scheduled */
	const uint8_t *at;  /* to be scheduled next */
};

static void begin(struct turn *t, const struct hmac_run *r)
{
	t->body = r->n_body;
	t->at = r->n_body ? r->body : r->tail;
}

static const uint8_t *next_block(struct turn *t, const struct hmac_run *r)
{
	const uint8_t *block = t->at;

	t->at += BLOCK;
	if (t->body && --t->body == 0)
		t->at = r->tail;
	return block;
}

/* The turn's run is `then` from now on. */
static void change(struct hmac_work *w, unsigned turn, struct turn *t)
{
	t->run = t->then;
	if (t->run == NONE)
		return;
	t->left = w->run[t->run].n_body + w->run[t->run].n_tail;
	memcpy(w->turn[turn], w->state[t->run], sizeof(w->turn[turn]));
}

static void hash(struct hmac_work *w, unsigned n)
{
	struct turn turn[HMAC_TURNS];
	unsigned next = 0, busy = 0, now = 0;

	for (unsigned i = 0; i < HMAC_TURNS; i++) {
		struct turn *t = &turn[i];

		w->next[i] = w->tail[0];
		t->then = next < n ? next++ : NONE;
		if (t->then != NONE) {
			begin(t, &w->run[t->then]);
			w->next[i] = next_block(t, &w->run[t->then]);
			busy++;
		}
		change(w, i, t);
	}
	schedule_all(w, now);
	for (; busy; now ^= 1) {
		for (unsigned i = 0; i < HMAC_TURNS; i++) {
			struct turn *t = &turn[i];

			if (t->run == NONE)
				continue;
			t->then = t->run;
			if (t->left == 1) {
				t->then = next < n ? next++ : NONE;
				if (t->then == NONE)
					continue;
				begin(t, &w->run[t->then]);
			}
			w->next[i] = next_block(t, &w->run[t->then]);
		}
		step(w, now);
		for (unsigned i = 0; i < HMAC_TURNS; i++) {
			struct turn *t = &turn[i];

			if (t->run == NONE || --t->left)
				continue;
			memcpy(w->state[t->run], w->turn[i], sizeof(w->turn[i]));
			change(w, i, t);
			busy -= t->run == NONE;
		}
	}
}

/* ---- HMAC ------------------------------------------------------------------------------- */

static void put_state(uint32_t *to, const uint8_t *from)
{
	uint32_t h[5];

	memcpy(h, from, sizeof(h));
	memcpy(to, (uint32_t[8]){ h[3], h[2], h[1], h[0], 0, 0, 0, h[4] }, 8 * sizeof(*to));
}

static void put_digest(uint8_t *to, const uint32_t *state)
{
	const uint32_t h[5] = { __builtin_bswap32(state[3]), __builtin_bswap32(state[2]),
				__builtin_bswap32(state[1]), __builtin_bswap32(state[0]),
				__builtin_bswap32(state[7]) };

	memcpy(to, h, sizeof(h));
}

/* The rest of a text, less than a block, and what follows it: one bit, and the number of all bits,
 * a block of key before them. Returns how many blocks it makes. */
static unsigned put_end(uint8_t *tail, const uint8_t *rest, unsigned n, uint64_t bytes)
{
	unsigned blocks = n + 1 + sizeof(bytes) > BLOCK ? 2 : 1;
	uint64_t bits = __builtin_bswap64(8 * (BLOCK + bytes));

	memset(tail, 0, 2 * BLOCK);
	memcpy(tail, rest, n);
	tail[n] = 0x80;
	memcpy(tail + BLOCK * blocks - sizeof(bits), &bits, sizeof(bits));
	return blocks;
}

#define DIGEST 20

void hmac_sha1(struct hmac_work *w, const struct hmac_text *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct hmac_text *t = &text[i];
		unsigned rest = t->bytes % BLOCK;

		w->run[i] = (struct hmac_run){
			.body = t->at,
			.n_body = t->bytes / BLOCK,
			.tail = w->tail[i],
			.n_tail = put_end(w->tail[i], t->at + t->bytes - rest, rest, t->bytes),
		};
		put_state(w->state[i], t->inner);
	}
	hash(w, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t digest[DIGEST];

		put_digest(digest, w->state[i]);
		w->run[i] = (struct hmac_run){
			.tail = w->tail[i],
			.n_tail = put_end(w->tail[i], digest, DIGEST, DIGEST),
		};
		put_state(w->state[i], text[i].outer);
	}
	hash(w, n);
	for (unsigned i = 0; i < n; i++) {
		put_digest(w->tail[i], w->state[i]);
		memcpy(text[i].to, w->tail[i], HMAC_SHA1_BYTES);
	}
}

/* Not every compiler knows it by name. */
bool hmac_sha1_runs(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) &&
	       __builtin_cpu_supports("sse4.1");
}

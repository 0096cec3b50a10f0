/* AES-CBC over vectors of two blocks: AVX2 with VAES.
 *
 * Opening, all blocks of a packet are independent. It goes from the last to the first: what a block
 * is combined with is then still in its place.
 *
 * Sealing, each block waits for the one before it, so sixteen packets take turns, two in a vector.
 * Their round keys are copied to where a vector of two is loaded at once. Lanes run until the
 * shortest is done, which then takes the next packet; when there is none, it does what the longest
 * lane does: all loads of a step come before its stores, so both write the same. */
#include "dataplane/cbc_wide.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,vaes,aes")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define UNROLLED _Pragma("GCC unroll 16")

#define BLOCK  16
#define VECTOR (2 * BLOCK)
#define WIDE   8	  /* vectors worked on together */
#define IDLE   UINT16_MAX /* blocks of a lane that repeats another */

typedef __m256i vec;

INLINE __m128i load_block(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE vec load(const uint8_t *p)
{
	return _mm256_loadu_si256((const vec *)p);
}

INLINE vec load_two(const uint8_t *a, const uint8_t *b)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(load_block(a)), load_block(b), 1);
}

INLINE void store_block(uint8_t *p, __m128i x)
{
	_mm_storeu_si128((__m128i *)p, x);
}

/* ---- opening ---------------------------------------------------------------------------- */

INLINE vec round_key(const uint8_t *keys, int round)
{
	return _mm256_broadcastsi128_si256(load_block(keys + BLOCK * round));
}

/* The n vectors from here on; of the last one, if `odd`, the first block only. */
INLINE void open_some(const uint8_t *keys, uint8_t *at, int rounds, int n, bool odd)
{
	uint8_t *last = at + VECTOR * (n - 1);
	vec x[WIDE], key = round_key(keys, 0);

	UNROLLED
	for (int i = 0; i < n - 1; i++)
		x[i] = _mm256_xor_si256(load(at + VECTOR * i), key);
	x[n - 1] = odd ? _mm256_zextsi128_si256(load_block(last)) : load(last);
	x[n - 1] = _mm256_xor_si256(x[n - 1], key);
	UNROLLED
	for (int r = 1; r < rounds; r++) {
		key = round_key(keys, r);
		UNROLLED
		for (int i = 0; i < n; i++)
			x[i] = _mm256_aesdec_epi128(x[i], key);
	}
	key = round_key(keys, rounds);
	UNROLLED
	for (int i = 0; i < n; i++)
		x[i] = _mm256_aesdeclast_epi128(x[i], key);
	if (odd)
		store_block(last, _mm_xor_si128(_mm256_castsi256_si128(x[n - 1]),
						load_block(last - BLOCK)));
	UNROLLED
	for (int i = n - 1; i >= 0; i--)
		if (i < n - 1 || !odd)
			_mm256_storeu_si256((vec *)(at + VECTOR * i),
					    _mm256_xor_si256(x[i], load(at + VECTOR * i - BLOCK)));
}

INLINE void open_text(const struct cbc_text *t, int rounds)
{
	uint32_t blocks = t->blocks;
	bool odd;

	for (; blocks >= 2 * WIDE; blocks -= 2 * WIDE)
		open_some(t->keys, t->at + (size_t)BLOCK * (blocks - 2 * WIDE), rounds, WIDE,
			  false);
	odd = blocks % 2;
	switch ((blocks + 1) / 2) {
	case 0:
		break;
	case 1:
		open_some(t->keys, t->at, rounds, 1, odd);
		break;
	case 2:
		open_some(t->keys, t->at, rounds, 2, odd);
		break;
	case 3:
		open_some(t->keys, t->at, rounds, 3, odd);
		break;
	case 4:
		open_some(t->keys, t->at, rounds, 4, odd);
		break;
	case 5:
		open_some(t->keys, t->at, rounds, 5, odd);
		break;
	case 6:
		open_some(t->keys, t->at, rounds, 6, odd);
		break;
	case 7:
		open_some(t->keys, t->at, rounds, 7, odd);
		break;
	default:
		open_some(t->keys, t->at, rounds, WIDE, odd);
		break;
	}
}

/* ---- sealing ---------------------------------------------------------------------------- */

INLINE vec lane_keys(const struct cbc_lanes *l, int round, int i)
{
	return load(l->key[round][2 * i]);
}

/* All lanes, so many blocks. */
INLINE void run(struct cbc_lanes *l, unsigned lanes, unsigned blocks, int rounds)
{
	const int n = (int)lanes / 2;
	vec x[CBC_LANES / 2];

	UNROLLED
	for (int i = 0; i < n; i++)
		x[i] = load(l->chain[2 * i]);
	for (size_t at = 0; at < (size_t)BLOCK * blocks; at += BLOCK) {
		UNROLLED
		for (int i = 0; i < n; i++) {
			vec text = load_two(l->at[2 * i] + at, l->at[2 * i + 1] + at);

			x[i] = _mm256_xor_si256(x[i], _mm256_xor_si256(text, lane_keys(l, 0, i)));
		}
		UNROLLED
		for (int r = 1; r < rounds; r++) {
			UNROLLED
			for (int i = 0; i < n; i++)
				x[i] = _mm256_aesenc_epi128(x[i], lane_keys(l, r, i));
		}
		UNROLLED
		for (int i = 0; i < n; i++) {
			x[i] = _mm256_aesenclast_epi128(x[i], lane_keys(l, rounds, i));
			store_block(l->at[2 * i] + at, _mm256_castsi256_si128(x[i]));
			store_block(l->at[2 * i + 1] + at, _mm256_extracti128_si256(x[i], 1));
		}
	}
	UNROLLED
	for (int i = 0; i < n; i++)
		_mm256_store_si256((vec *)l->chain[2 * i], x[i]);
}

INLINE void take(struct cbc_lanes *l, unsigned lane, const struct cbc_text *t, int rounds)
{
	UNROLLED
	for (int r = 0; r <= rounds; r++)
		memcpy(l->key[r][lane], t->keys + BLOCK * r, BLOCK);
	memcpy(l->chain[lane], t->at - BLOCK, BLOCK);
	l->at[lane] = t->at;
	l->left[lane] = (uint16_t)t->blocks;
}

INLINE void repeat(struct cbc_lanes *l, unsigned lane, unsigned other, int rounds)
{
	UNROLLED
	for (int r = 0; r <= rounds; r++)
		memcpy(l->key[r][lane], l->key[r][other], BLOCK);
	memcpy(l->chain[lane], l->chain[other], BLOCK);
	l->at[lane] = l->at[other];
	l->left[lane] = IDLE;
}

INLINE unsigned shortest(const struct cbc_lanes *l, unsigned lanes)
{
	__m128i left = load_block((const uint8_t *)l->left);

	if (lanes > 8)
		left = _mm_min_epu16(left, load_block((const uint8_t *)(l->left + 8)));
	return (unsigned)_mm_extract_epi16(_mm_minpos_epu16(left), 0);
}

/* IDLE counts as none. */
INLINE unsigned longest(const struct cbc_lanes *l, unsigned lanes)
{
	unsigned lane = 0;

	for (unsigned i = 1; i < lanes; i++)
		if ((uint16_t)(l->left[i] + 1) > (uint16_t)(l->left[lane] + 1))
			lane = i;
	return lane;
}

/* Lanes that are done and find no other packet. False: that is all of them. */
INLINE bool repeat_longest(struct cbc_lanes *l, unsigned lanes, int rounds)
{
	unsigned lane = longest(l, lanes);

	if (l->left[lane] == 0 || l->left[lane] == IDLE)
		return false;
	for (unsigned i = 0; i < lanes; i++)
		if (l->left[i] == 0)
			repeat(l, i, lane, rounds);
	return true;
}

INLINE void seal_in(struct cbc_lanes *l, unsigned lanes, const struct cbc_text *text, unsigned n,
		    int rounds)
{
	unsigned next = 0;

	for (unsigned i = 0; i < lanes; i++)
		l->left[i] = 0;
	for (;;) {
		unsigned blocks, done = 0;

		for (unsigned i = 0; i < lanes; i++) {
			if (l->left[i] == 0 && next < n)
				take(l, i, &text[next++], rounds);
			done += l->left[i] == 0;
		}
		if (done && !repeat_longest(l, lanes, rounds))
			break;
		blocks = shortest(l, lanes);
		run(l, lanes, blocks, rounds);
		for (unsigned i = 0; i < lanes; i++) {
			l->at[i] += (size_t)BLOCK * blocks;
			l->left[i] -= l->left[i] == IDLE ? 0 : (uint16_t)blocks;
		}
	}
}

/* Half of the lanes take little more than half of the time, but no less however few they are. */
INLINE void seal_texts(struct cbc_lanes *l, const struct cbc_text *text, unsigned n, int rounds)
{
	if (n <= CBC_LANES / 2)
		seal_in(l, CBC_LANES / 2, text, n, rounds);
	else
		seal_in(l, CBC_LANES, text, n, rounds);
}

/* ---- by key size ------------------------------------------------------------------------ */

#define KEY_SIZE(size, rounds)                                                          \
	TARGET static void seal##size(struct cbc_lanes *l, const struct cbc_text *text, \
				      unsigned n)                                       \
	{                                                                               \
		seal_texts(l, text, n, rounds);                                         \
	}                                                                               \
	TARGET static void open##size(const struct cbc_text *text)                      \
	{                                                                               \
		open_text(text, rounds);                                                \
	}
KEY_SIZE(128, 10)
KEY_SIZE(192, 12)
KEY_SIZE(256, 14)

const struct cbc_engine cbc_wide = {
	.name = "VAES on 256 bits",
	.seal = { seal128, seal192, seal256 },
	.open = { open128, open192, open256 },
};

/* Not every compiler knows it by name. */
bool cbc_wide_runs(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_VAES) &&
	       __builtin_cpu_supports("avx2");
}

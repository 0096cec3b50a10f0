/* A vector of two blocks: AVX2, with VAES and VPCLMULQDQ. gcm_wide.c's alone. */
#ifndef DATAPLANE_GCM_256_H
#define DATAPLANE_GCM_256_H

#include <immintrin.h>

#include <stdint.h>

#define TARGET __attribute__((target("avx2,vaes,vpclmulqdq,aes,pclmul")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define ENGINE gcm_256
#define NAME   "VAES on 256 bits"
#define LANES  2 /* blocks in a vector */
#define WIDE   6 /* vectors worked on together */
#define PAIR   5 /* vectors that each packet of a pair has at most */

typedef __m256i vec;
typedef __m256i part; /* of a vector's bytes: all ones */

INLINE vec v_xor(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

INLINE vec v_xor3(vec a, vec b, vec c)
{
	return v_xor(v_xor(a, b), c);
}

INLINE __m128i xor3(__m128i a, __m128i b, __m128i c)
{
	return _mm_xor_si128(_mm_xor_si128(a, b), c);
}

/* In each lane the product of one half of a and one of b, without carries. */
#define v_multiply(a, b, halves) _mm256_clmulepi64_epi128(a, b, halves)

INLINE vec v_swap(vec x) /* each lane's halves */
{
	return _mm256_shuffle_epi32(x, 0x4e);
}

/* The sum of the products of halves that are not alike, by Karatsuba: one multiplication, which
 * takes Zen 3 two cycles, instead of two. It lacks what v_middle_whole() adds in the end. */
INLINE vec v_middle(vec a, vec b)
{
	return v_multiply(v_xor(a, v_swap(a)), v_xor(b, v_swap(b)), 0x00);
}

INLINE vec v_middle_add(vec sum, vec a, vec b)
{
	return v_xor(sum, v_middle(a, b));
}

INLINE vec v_middle_whole(vec middle, vec low, vec high)
{
	return v_xor3(middle, low, high);
}

INLINE vec v_aes(vec text, vec key)
{
	return _mm256_aesenc_epi128(text, key);
}

INLINE vec v_aes_last(vec text, vec key)
{
	return _mm256_aesenclast_epi128(text, key);
}

INLINE vec v_all(__m128i x)
{
	return _mm256_broadcastsi128_si256(x);
}

/* 1, 2, .. by lane. */
INLINE vec v_count(void)
{
	return _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 1);
}

INLINE vec v_add(vec a, vec b) /* of 32 bits */
{
	return _mm256_add_epi32(a, b);
}

INLINE vec v_shuffle(vec x, vec from)
{
	return _mm256_shuffle_epi8(x, from);
}

INLINE vec v_load(const void *p)
{
	return _mm256_loadu_si256(p);
}

INLINE void v_store(void *p, vec x)
{
	_mm256_storeu_si256(p, x);
}

INLINE __m128i v_first(vec x)
{
	return _mm256_castsi256_si128(x);
}

INLINE vec v_from(__m128i x) /* the other lanes are zero */
{
	return _mm256_zextsi128_si256(x);
}

INLINE vec v_insert(vec x, __m128i first)
{
	return _mm256_blend_epi32(x, _mm256_castsi128_si256(first), 0x0f);
}

/* Into a lane that is not the first; if there is no such lane, nowhere. */
INLINE vec v_put(vec x, unsigned lane, __m128i y)
{
	return lane == 1 ? _mm256_inserti128_si256(x, y, 1) : x;
}

INLINE __m128i v_sum(vec x) /* of the lanes */
{
	return _mm_xor_si128(v_first(x), _mm256_extracti128_si256(x, 1));
}

/* Two lanes at least. */
INLINE vec v_load_lanes(const void *p, unsigned lanes)
{
	(void)lanes;
	return v_load(p);
}

INLINE part part_whole(void)
{
	return _mm256_set1_epi8(-1);
}

/* The first 1 .. 32 bytes. */
INLINE part part_until(unsigned bytes)
{
	const __m256i at =
		_mm256_set_epi8(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,
				14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

	return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)bytes), at);
}

INLINE part part_without_first(part p) /* lane */
{
	return _mm256_blend_epi32(p, _mm256_setzero_si256(), 0x0f);
}

INLINE vec v_keep(vec x, part p)
{
	return _mm256_and_si256(x, p);
}

INLINE vec v_load_part(const void *at, part p) /* zeros elsewhere */
{
	return v_keep(v_load(at), p);
}

/* Other bytes are written as they are. */
INLINE void v_store_part(void *at, part p, vec x)
{
	v_store(at, _mm256_blendv_epi8(v_load(at), x, p));
}

#endif

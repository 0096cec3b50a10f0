/* A vector of four blocks: AVX-512. gcm_wide.c's alone; what each function does is said in
 * gcm_256.h. */
#ifndef DATAPLANE_GCM_512_H
#define DATAPLANE_GCM_512_H

#include <immintrin.h>

#include <stdint.h>

#define TARGET          \
	__attribute__(( \
		target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul,bmi2")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define ENGINE gcm_512
#define NAME   "VAES on 512 bits"
#define LANES  4
#define WIDE   6
#define PAIR   3

typedef __m512i vec;
typedef __mmask64 part;

INLINE vec v_xor(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

INLINE vec v_xor3(vec a, vec b, vec c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

INLINE __m128i xor3(__m128i a, __m128i b, __m128i c)
{
	return _mm_ternarylogic_epi64(a, b, c, 0x96);
}

#define v_multiply(a, b, halves) _mm512_clmulepi64_epi128(a, b, halves)

INLINE vec v_swap(vec x)
{
	return _mm512_shuffle_epi32(x, 0x4e);
}

INLINE vec v_middle(vec a, vec b)
{
	return v_xor(v_multiply(a, b, 0x01), v_multiply(a, b, 0x10));
}

INLINE vec v_middle_add(vec sum, vec a, vec b)
{
	return v_xor3(sum, v_multiply(a, b, 0x01), v_multiply(a, b, 0x10));
}

INLINE vec v_middle_whole(vec middle, vec low, vec high)
{
	(void)low;
	(void)high;
	return middle;
}

INLINE vec v_aes(vec text, vec key)
{
	return _mm512_aesenc_epi128(text, key);
}

INLINE vec v_aes_last(vec text, vec key)
{
	return _mm512_aesenclast_epi128(text, key);
}

INLINE vec v_all(__m128i x)
{
	return _mm512_broadcast_i32x4(x);
}

INLINE vec v_count(void)
{
	return _mm512_set_epi32(0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1);
}

INLINE vec v_add(vec a, vec b)
{
	return _mm512_add_epi32(a, b);
}

INLINE vec v_shuffle(vec x, vec from)
{
	return _mm512_shuffle_epi8(x, from);
}

INLINE vec v_load(const void *p)
{
	return _mm512_loadu_si512(p);
}

INLINE void v_store(void *p, vec x)
{
	_mm512_storeu_si512(p, x);
}

INLINE __m128i v_first(vec x)
{
	return _mm512_castsi512_si128(x);
}

INLINE vec v_from(__m128i x)
{
	return _mm512_zextsi128_si512(x);
}

INLINE vec v_insert(vec x, __m128i first)
{
	return _mm512_inserti32x4(x, first, 0);
}

INLINE vec v_put(vec x, unsigned lane, __m128i y)
{
	return _mm512_mask_broadcast_i64x2(x, (__mmask8)(3u << 2 * lane), y);
}

INLINE __m128i v_sum(vec x)
{
	__m256i y = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));

	return _mm_xor_si128(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
}

INLINE vec v_load_lanes(const void *p, unsigned lanes)
{
	return _mm512_maskz_loadu_epi64((__mmask8)((1u << 2 * lanes) - 1), p);
}

INLINE part part_whole(void)
{
	return ~UINT64_C(0);
}

INLINE part part_until(unsigned bytes)
{
	return _bzhi_u64(~UINT64_C(0), bytes);
}

INLINE part part_without_first(part p)
{
	return p & ~UINT64_C(0xffff);
}

INLINE vec v_keep(vec x, part p)
{
	return _mm512_maskz_mov_epi8(p, x);
}

INLINE vec v_load_part(const void *at, part p)
{
	return _mm512_maskz_loadu_epi8(p, at);
}

INLINE void v_store_part(void *at, part p, vec x)
{
	_mm512_mask_storeu_epi8(at, p, x);
}

#endif

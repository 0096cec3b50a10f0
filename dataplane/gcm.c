/* Which engine, and its keys. */
#include "dataplane/gcm.h"

#include <cpuid.h>
#include <sodium.h>
#include <string.h>

#define TARGET __attribute__((target("aes,pclmul,ssse3")))

/* Not every compiler knows these by name. */
static bool has_wide_aes(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_VAES) && (c & bit_VPCLMULQDQ);
}

bool gcm_runs(const struct gcm_engine *e)
{
	bool runs = has_wide_aes() && __builtin_cpu_supports("avx2");

	if (e == &gcm_512)
		runs = runs && __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2");
	return runs;
}

const struct gcm_engine *gcm_choose(const struct gcm_engine *behind)
{
	static const struct gcm_engine *const all[] = { &gcm_512, &gcm_256 };
	bool later = !behind;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (later && gcm_runs(all[i]))
			return all[i];
		later |= all[i] == behind;
	}
	return NULL;
}

/* The hash's key: a block of zeros, enciphered (SP 800-38D §6.4); byte-reversed. */
TARGET static __m128i hash_key(const struct gcm_key *k, unsigned rounds)
{
	const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m128i *key = (const __m128i *)k->round;
	__m128i h = _mm_loadu_si128(key);

	for (unsigned r = 1; r < rounds; r++)
		h = _mm_aesenc_si128(h, _mm_loadu_si128(&key[r]));
	return _mm_shuffle_epi8(_mm_aesenclast_si128(h, _mm_loadu_si128(&key[rounds])), reverse);
}

/* Times x, modulo the reflected polynomial; no branch on the key. */
TARGET static __m128i times_x(__m128i h)
{
	uint64_t low = (uint64_t)_mm_cvtsi128_si64(h);
	uint64_t high = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(h, h));
	uint64_t carry = 0 - (high >> 63);

	return _mm_set_epi64x(
		(long long)((high << 1 | low >> 63) ^ (carry & UINT64_C(0xc200000000000000))),
		(long long)(low << 1 ^ (carry & 1)));
}

/* Two blocks that have the additional x; the product has it once. As gcm_wide.c does it. */
TARGET static __m128i times(__m128i a, __m128i b)
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i low = _mm_clmulepi64_si128(a, b, 0x00), high = _mm_clmulepi64_si128(a, b, 0x11);
	__m128i middle =
		_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));

	middle = _mm_xor_si128(middle, _mm_xor_si128(_mm_clmulepi64_si128(poly, low, 0x01),
						     _mm_shuffle_epi32(low, 0x4e)));
	return _mm_xor_si128(high, _mm_xor_si128(_mm_clmulepi64_si128(poly, middle, 0x01),
						 _mm_shuffle_epi32(middle, 0x4e)));
}

TARGET void gcm_expand(struct gcm_key *to, unsigned size, const uint8_t *round_keys)
{
	unsigned rounds = 10 + 2 * size;
	__m128i h, power;

	memcpy(to->round, round_keys, (rounds + 1) * sizeof(to->round[0]));
	h = power = times_x(hash_key(to, rounds));
	for (unsigned i = GCM_POWERS; i-- > 0; power = times(power, h))
		_mm_storeu_si128((__m128i *)to->power[i], power);
	/* Nothing of the key stays in registers' save areas of this frame. */
	sodium_stackzero(256);
}

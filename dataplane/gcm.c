/* How the blocks lie. A packet is a row of slots of 16 bytes: slot 0 is the counter 1, whose
 * keystream masks the tag, and for the hash the associated data; slots 1.. are the text, at counter
 * 2..; behind the last one the hash has its length block. So the text's registers are loaded from
 * 16 bytes before it, under a mask, and keystream and hash see the same four slots.
 *
 * The hash is Horner's rule over WIDE registers: each of the four lanes sums every fourth block,
 * and the powers H^4, H^8, .. H^4*WIDE advance all lanes at once; the last WIDE registers meet the
 * consecutive powers, which closes the lanes. Blocks are byte-reversed and H is multiplied by x, so
 * that a product needs no shift (Gueron and Kounavis, "Intel carry-less multiplication", 2014). */
#include "dataplane/gcm.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define TARGET          \
	__attribute__(( \
		target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul,bmi2")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define WIDE   6	      /* registers worked on together: 384 bytes */
#define SLOTS  (4 * WIDE)     /* in them */
#define ALL    (~UINT64_C(0)) /* bytes of a register */
#define SLOT_0 UINT64_C(0xffff)

_Static_assert(SLOTS + 1 == 25, "gcm_power_bytes() knows the highest power");

struct state {
	const struct gcm_key_data *key;
	int rounds;
	__m512i reverse; /* bytes of each block */
	__m512i counter; /* of the next four slots, reversed */
	__m128i hash;	 /* of all slots before; reversed */
	__m128i mask;	 /* slot 0's keystream */
};

/* A product of polynomials that is not yet reduced. */
struct product {
	__m512i low, middle, high;
};

INLINE __m512i xor3(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

INLINE __m512i round_key(const struct state *s, int round)
{
	const uint8_t *keys = (const uint8_t *)s->key->expanded_keys;

	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(keys + 16 * round)));
}

/* H^n, and behind it H^(n-1) .. */
INLINE const void *powers(const struct state *s, unsigned n)
{
	const uint8_t *h = s->key->ghash_keys.vaes_avx512.shifted_hkey;

	return h + sizeof(s->key->ghash_keys.vaes_avx512.shifted_hkey) - (size_t)16 * n;
}

INLINE __m512i power_of_all(const struct state *s, unsigned n)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128(powers(s, n)));
}

INLINE struct product multiply(__m512i a, __m512i b)
{
	return (struct product){ _mm512_clmulepi64_epi128(a, b, 0x00),
				 _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01),
						  _mm512_clmulepi64_epi128(a, b, 0x10)),
				 _mm512_clmulepi64_epi128(a, b, 0x11) };
}

INLINE void multiply_add(struct product *p, __m512i a, __m512i b)
{
	p->low = _mm512_xor_si512(p->low, _mm512_clmulepi64_epi128(a, b, 0x00));
	p->middle = xor3(p->middle, _mm512_clmulepi64_epi128(a, b, 0x01),
			 _mm512_clmulepi64_epi128(a, b, 0x10));
	p->high = _mm512_xor_si512(p->high, _mm512_clmulepi64_epi128(a, b, 0x11));
}

/* Modulo x^128 + x^127 + x^126 + x^121 + 1, the reflected polynomial: low folds into middle, middle
 * into high. */
INLINE __m512i reduce(struct product p)
{
	const __m512i poly =
		_mm512_broadcast_i32x4(_mm_set_epi64x((long long)0xc200000000000000, 1));

	p.middle = xor3(p.middle, _mm512_clmulepi64_epi128(poly, p.low, 0x01),
			_mm512_shuffle_epi32(p.low, 0x4e));
	return xor3(p.high, _mm512_clmulepi64_epi128(poly, p.middle, 0x01),
		    _mm512_shuffle_epi32(p.middle, 0x4e));
}

INLINE __m128i sum_of_lanes(__m512i x)
{
	__m256i y = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));

	return _mm_xor_si128(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
}

INLINE __m128i reduce_lanes(struct product p)
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i low = sum_of_lanes(p.low), middle = sum_of_lanes(p.middle);

	middle = _mm_ternarylogic_epi64(middle, _mm_clmulepi64_si128(poly, low, 0x01),
					_mm_shuffle_epi32(low, 0x4e), 0x96);
	return _mm_ternarylogic_epi64(sum_of_lanes(p.high),
				      _mm_clmulepi64_si128(poly, middle, 0x01),
				      _mm_shuffle_epi32(middle, 0x4e), 0x96);
}

INLINE __m512i each_lane(int v)
{
	return _mm512_set_epi32(0, 0, 0, v, 0, 0, 0, v, 0, 0, 0, v, 0, 0, 0, v);
}

INLINE __m512i count(__m512i counter, int slots)
{
	return _mm512_add_epi32(counter, each_lane(slots));
}

INLINE void first_round(const struct state *s, __m512i *stream, int n)
{
	__m512i key = round_key(s, 0);

	for (int i = 0; i < n; i++)
		stream[i] = _mm512_xor_si512(
			_mm512_shuffle_epi8(count(s->counter, 4 * i), s->reverse), key);
}

INLINE void middle_round(const struct state *s, __m512i *stream, int n, int round)
{
	__m512i key = round_key(s, round);

	for (int i = 0; i < n; i++)
		stream[i] = _mm512_aesenc_epi128(stream[i], key);
}

INLINE void last_round(const struct state *s, __m512i *stream, int n)
{
	__m512i key = round_key(s, s->rounds);

	for (int i = 0; i < n; i++)
		stream[i] = _mm512_aesenclast_epi128(stream[i], key);
}

/* One whole register of text; what the hash sees of it. */
INLINE __m512i cipher(const struct state *s, bool seal, uint8_t *at, __m512i stream)
{
	__m512i in = _mm512_loadu_si512(at), out = _mm512_xor_si512(in, stream);

	_mm512_storeu_si512(at, out);
	return _mm512_shuffle_epi8(seal ? out : in, s->reverse);
}

/* These bytes of one; the others are zero to the hash. */
INLINE __m512i cipher_some(const struct state *s, bool seal, uint8_t *at, __mmask64 bytes,
			   __m512i stream)
{
	__m512i in = _mm512_maskz_loadu_epi8(bytes, at), out = _mm512_xor_si512(in, stream);

	_mm512_mask_storeu_epi8(at, bytes, out);
	return _mm512_shuffle_epi8(seal ? _mm512_maskz_mov_epi8(bytes, out) : in, s->reverse);
}

/* All but the last SLOTS slots of a long packet, and slot 0 with them. Returns the slots done. */
INLINE unsigned body(struct state *s, bool seal, uint8_t *at, unsigned slots, __m128i aad)
{
	__m512i stream[WIDE], block[WIDE];
	struct product p;
	unsigned done;

	first_round(s, stream, WIDE);
	for (int r = 1; r < s->rounds; r++)
		middle_round(s, stream, WIDE, r);
	last_round(s, stream, WIDE);
	s->mask = _mm512_castsi512_si128(stream[0]);
	block[0] = _mm512_inserti32x4(cipher_some(s, seal, at, ALL ^ SLOT_0, stream[0]), aad, 0);
	for (int i = 1; i < WIDE; i++)
		block[i] = cipher(s, seal, at + 64 * i, stream[i]);
	s->counter = count(s->counter, SLOTS);
	for (done = SLOTS; slots - done > SLOTS; done += SLOTS) {
		/* Cipher and hash wait for different things: a round of each in turn. */
		first_round(s, stream, WIDE);
		for (int r = 1; r < s->rounds; r++) {
			middle_round(s, stream, WIDE, r);
			if (r == 1)
				p = multiply(block[0], power_of_all(s, SLOTS));
			else if (r <= WIDE)
				multiply_add(&p, block[r - 1],
					     power_of_all(s, (unsigned)(SLOTS - 4 * (r - 1))));
		}
		last_round(s, stream, WIDE);
		at += 64 * WIDE;
		for (int i = 0; i < WIDE; i++)
			block[i] = cipher(s, seal, at + 64 * i, stream[i]);
		block[0] = _mm512_xor_si512(block[0], reduce(p));
		s->counter = count(s->counter, SLOTS);
	}
	p = multiply(block[0], _mm512_loadu_si512(powers(s, SLOTS)));
	for (int i = 1; i < WIDE; i++)
		multiply_add(&p, block[i],
			     _mm512_loadu_si512(powers(s, (unsigned)(SLOTS - 4 * i))));
	s->hash = reduce_lanes(p);
	return done;
}

/* The last slots, 1 to SLOTS in n registers, and the length block. `start`: slot 0 is among them.
 */
INLINE void tail(struct state *s, bool seal, uint8_t *at, unsigned bytes, unsigned slots,
		 bool start, __m128i aad, __m128i length, int n)
{
	unsigned last = slots - 4 * (unsigned)(n - 1); /* slots in the last register */
	__mmask64 mask = _bzhi_u64(ALL, bytes - 64 * (unsigned)(n - 1));
	const uint8_t *h = powers(s, slots + 1);
	__m512i stream[WIDE], block[WIDE], power;
	struct product p;

	first_round(s, stream, n);
	for (int r = 1; r < s->rounds; r++)
		middle_round(s, stream, n, r);
	last_round(s, stream, n);
	if (start) {
		s->mask = _mm512_castsi512_si128(stream[0]);
		block[0] = cipher_some(s, seal, at, (n == 1 ? mask : ALL) & ~SLOT_0, stream[0]);
		block[0] = _mm512_inserti32x4(block[0], aad, 0);
	} else {
		block[0] = n == 1 ? cipher_some(s, seal, at, mask, stream[0])
				  : cipher(s, seal, at, stream[0]);
		block[0] = _mm512_xor_si512(block[0], _mm512_zextsi128_si512(s->hash));
	}
	for (int i = 1; i < n - 1; i++)
		block[i] = cipher(s, seal, at + 64 * i, stream[i]);
	if (n > 1)
		block[n - 1] = cipher_some(s, seal, at + 64 * (n - 1), mask, stream[n - 1]);
	/* Behind the length block lanes are zero, and must not read behind H^1. With four slots in
	 * the last register there is no lane for it: the mask is empty. */
	block[n - 1] =
		_mm512_mask_broadcast_i64x2(block[n - 1], (__mmask8)(3u << 2 * last), length);
	power = _mm512_maskz_loadu_epi64((__mmask8)((4u << 2 * last) - 1), h + 64 * (n - 1));
	if (n == 1) {
		p = multiply(block[0], power);
	} else {
		p = multiply(block[0], _mm512_loadu_si512(h));
		for (int i = 1; i < n - 1; i++)
			multiply_add(&p, block[i], _mm512_loadu_si512(h + 64 * i));
		multiply_add(&p, block[n - 1], power);
	}
	if (last == 4)
		multiply_add(&p, _mm512_zextsi128_si512(length),
			     _mm512_zextsi128_si512(_mm_loadu_si128(powers(s, 1))));
	s->hash = reduce_lanes(p);
}

INLINE void tail_of(struct state *s, bool seal, uint8_t *at, unsigned bytes, unsigned slots,
		    bool start, __m128i aad, __m128i length)
{
	switch ((slots + 3) / 4) {
	case 1:
		tail(s, seal, at, bytes, slots, start, aad, length, 1);
		break;
	case 2:
		tail(s, seal, at, bytes, slots, start, aad, length, 2);
		break;
	case 3:
		tail(s, seal, at, bytes, slots, start, aad, length, 3);
		break;
	case 4:
		tail(s, seal, at, bytes, slots, start, aad, length, 4);
		break;
	case 5:
		tail(s, seal, at, bytes, slots, start, aad, length, 5);
		break;
	default:
		tail(s, seal, at, bytes, slots, start, aad, length, WIDE);
		break;
	}
}

INLINE void gcm(const struct gcm_key_data *key, int rounds, bool seal, uint8_t *text,
		uint64_t bytes, uint64_t salt, uint64_t iv, uint64_t aad, uint64_t aad4,
		uint64_t aad_bytes, uint8_t *tag)
{
	const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m128i nonce = _mm_set_epi64x((long long)(iv >> 32), (long long)(salt | iv << 32));
	__m128i length = _mm_set_epi64x((long long)aad_bytes * 8, (long long)bytes * 8);
	__m128i extra = _mm_set_epi64x((long long)aad4, (long long)aad);
	unsigned slots = 1 + ((unsigned)bytes + 15) / 16, left = (unsigned)bytes + 16, done;
	struct state s = { .key = key, .rounds = rounds };
	uint8_t *at = text - 16;

	extra = _mm_shuffle_epi8(extra, reverse);
	s.reverse = _mm512_broadcast_i32x4(reverse);
	s.counter =
		_mm512_add_epi32(_mm512_broadcast_i32x4(_mm_shuffle_epi8(nonce, reverse)),
				 _mm512_set_epi32(0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1));
	if (slots <= SLOTS) {
		tail_of(&s, seal, at, left, slots, true, extra, length);
	} else {
		done = body(&s, seal, at, slots, extra);
		tail_of(&s, seal, at + 16 * done, left - 16 * done, slots - done, false, extra,
			length);
	}
	_mm_storeu_si128((__m128i *)tag, _mm_xor_si128(_mm_shuffle_epi8(s.hash, reverse), s.mask));
}

#define ONE_SIZE(name, rounds, seal)                                                           \
	TARGET static void name(const struct gcm_key_data *key, uint8_t *text, uint64_t bytes, \
				uint64_t salt, uint64_t iv, uint64_t aad, uint64_t aad4,       \
				uint64_t aad_bytes, uint8_t *tag)                              \
	{                                                                                      \
		gcm(key, rounds, seal, text, bytes, salt, iv, aad, aad4, aad_bytes, tag);      \
	}
ONE_SIZE(seal128, 10, true)
ONE_SIZE(seal192, 12, true)
ONE_SIZE(seal256, 14, true)
ONE_SIZE(open128, 10, false)
ONE_SIZE(open192, 12, false)
ONE_SIZE(open256, 14, false)

gcm_fn *const gcm_seal[3] = { seal128, seal192, seal256 };
gcm_fn *const gcm_open[3] = { open128, open192, open256 };

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

_Static_assert(GCM_PAIR_BYTES == 3 * 64 - 16, "a pair's packets have up to three registers");
_Static_assert(SLOTS + 1 == 25, "gcm_power_bytes() knows the highest power");

struct state {
	const struct gcm_key_data *key;
	int rounds;
	uint8_t *at;	/* slot 0, then the first slot that is left */
	unsigned bytes; /* from there on */
	unsigned slots;
	__m512i reverse;     /* bytes of each block */
	__m512i counter;     /* of the next four slots, reversed */
	__m128i aad, length; /* blocks of the hash; reversed */
	__m128i hash;	     /* of all slots before; reversed */
	__m128i mask;	     /* slot 0's keystream */
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

/* Behind WIDE registers. */
INLINE void advance(struct state *s)
{
	s->at += 64 * WIDE;
	s->bytes -= 64 * WIDE;
	s->slots -= SLOTS;
	s->counter = count(s->counter, SLOTS);
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

/* All but the last SLOTS slots of a long packet, and slot 0 with them. */
INLINE void body(struct state *s, bool seal)
{
	__m512i stream[WIDE], block[WIDE];
	struct product p;

	first_round(s, stream, WIDE);
	for (int r = 1; r < s->rounds; r++)
		middle_round(s, stream, WIDE, r);
	last_round(s, stream, WIDE);
	s->mask = _mm512_castsi512_si128(stream[0]);
	block[0] = cipher_some(s, seal, s->at, ALL ^ SLOT_0, stream[0]);
	block[0] = _mm512_inserti32x4(block[0], s->aad, 0);
	for (int i = 1; i < WIDE; i++)
		block[i] = cipher(s, seal, s->at + 64 * i, stream[i]);
	advance(s);
	for (; s->slots > SLOTS; advance(s)) {
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
		for (int i = 0; i < WIDE; i++)
			block[i] = cipher(s, seal, s->at + 64 * i, stream[i]);
		block[0] = _mm512_xor_si512(block[0], reduce(p));
	}
	p = multiply(block[0], _mm512_loadu_si512(powers(s, SLOTS)));
	for (int i = 1; i < WIDE; i++)
		multiply_add(&p, block[i],
			     _mm512_loadu_si512(powers(s, (unsigned)(SLOTS - 4 * i))));
	s->hash = reduce_lanes(p);
}

/* The last slots, 1 to SLOTS in n registers, and the length block, under their keystream. `start`:
 * slot 0 is among them. */
INLINE void tail(struct state *s, bool seal, bool start, const __m512i *stream, int n)
{
	unsigned last = s->slots - 4 * (unsigned)(n - 1); /* slots in the last register */
	__mmask64 mask = _bzhi_u64(ALL, s->bytes - 64 * (unsigned)(n - 1));
	const uint8_t *h = powers(s, s->slots + 1);
	__m512i block[WIDE], power;
	struct product p;

	if (start) {
		s->mask = _mm512_castsi512_si128(stream[0]);
		block[0] = cipher_some(s, seal, s->at, (n == 1 ? mask : ALL) & ~SLOT_0, stream[0]);
		block[0] = _mm512_inserti32x4(block[0], s->aad, 0);
	} else {
		block[0] = n == 1 ? cipher_some(s, seal, s->at, mask, stream[0])
				  : cipher(s, seal, s->at, stream[0]);
		block[0] = _mm512_xor_si512(block[0], _mm512_zextsi128_si512(s->hash));
	}
	for (int i = 1; i < n - 1; i++)
		block[i] = cipher(s, seal, s->at + 64 * i, stream[i]);
	if (n > 1)
		block[n - 1] = cipher_some(s, seal, s->at + 64 * (n - 1), mask, stream[n - 1]);
	/* Behind the length block lanes are zero, and must not read behind H^1. With four slots in
	 * the last register there is no lane for it: the mask is empty. */
	block[n - 1] =
		_mm512_mask_broadcast_i64x2(block[n - 1], (__mmask8)(3u << 2 * last), s->length);
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
		multiply_add(&p, _mm512_zextsi128_si512(s->length),
			     _mm512_zextsi128_si512(_mm_loadu_si128(powers(s, 1))));
	s->hash = reduce_lanes(p);
}

INLINE void one_tail(struct state *s, bool seal, bool start, int n)
{
	__m512i stream[WIDE];

	first_round(s, stream, n);
	for (int r = 1; r < s->rounds; r++)
		middle_round(s, stream, n, r);
	last_round(s, stream, n);
	tail(s, seal, start, stream, n);
}

/* Two packets' keystreams in turn: one alone waits four cycles for each of its rounds. */
INLINE void seal_two(struct state *s, struct state *t, int n)
{
	__m512i stream[WIDE], other[WIDE];

	first_round(s, stream, n);
	first_round(t, other, n);
	for (int r = 1; r < s->rounds; r++) {
		middle_round(s, stream, n, r);
		middle_round(t, other, n, r);
	}
	last_round(s, stream, n);
	last_round(t, other, n);
	tail(s, true, true, stream, n);
	tail(t, true, true, other, n);
}

INLINE void tail_of(struct state *s, bool seal, bool start)
{
	switch ((s->slots + 3) / 4) {
	case 1:
		one_tail(s, seal, start, 1);
		break;
	case 2:
		one_tail(s, seal, start, 2);
		break;
	case 3:
		one_tail(s, seal, start, 3);
		break;
	case 4:
		one_tail(s, seal, start, 4);
		break;
	case 5:
		one_tail(s, seal, start, 5);
		break;
	default:
		one_tail(s, seal, start, WIDE);
		break;
	}
}

INLINE void begin(struct state *s, const struct gcm_packet *p, int rounds)
{
	const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	s->key = p->key;
	s->rounds = rounds;
	s->at = p->text - 16;
	s->bytes = (unsigned)p->bytes + 16;
	s->slots = 1 + ((unsigned)p->bytes + 15) / 16;
	s->aad = _mm_shuffle_epi8(p->aad, reverse);
	s->length = p->length;
	s->reverse = _mm512_broadcast_i32x4(reverse);
	s->counter =
		_mm512_add_epi32(_mm512_broadcast_i32x4(_mm_shuffle_epi8(p->nonce, reverse)),
				 _mm512_set_epi32(0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1));
}

INLINE __m128i tag_of(const struct state *s)
{
	return _mm_xor_si128(_mm_shuffle_epi8(s->hash, _mm512_castsi512_si128(s->reverse)),
			     s->mask);
}

INLINE bool finish(const struct state *s, const struct gcm_packet *p, bool seal)
{
	__m128i *at = (__m128i *)p->tag, wrong;

	if (seal) {
		_mm_storeu_si128(at, tag_of(s));
		return true;
	}
	wrong = _mm_xor_si128(tag_of(s), _mm_loadu_si128(at));
	return _mm_testz_si128(wrong, wrong);
}

INLINE bool gcm(const struct gcm_packet *p, int rounds, bool seal)
{
	struct state s;

	begin(&s, p, rounds);
	if (s.slots <= SLOTS) {
		tail_of(&s, seal, true);
	} else {
		body(&s, seal);
		tail_of(&s, seal, false);
	}
	return finish(&s, p, seal);
}

INLINE void seal_pair(const struct gcm_packet p[2], int rounds)
{
	struct state s, t;

	begin(&s, &p[0], rounds);
	begin(&t, &p[1], rounds);
	if (s.slots <= 4)
		seal_two(&s, &t, 1);
	else if (s.slots <= 8)
		seal_two(&s, &t, 2);
	else
		seal_two(&s, &t, 3);
	finish(&s, &p[0], true);
	finish(&t, &p[1], true);
}

#define KEY_SIZE(size, rounds)                                           \
	TARGET static void seal##size(const struct gcm_packet *p)        \
	{                                                                \
		gcm(p, rounds, true);                                    \
	}                                                                \
	TARGET static bool open##size(const struct gcm_packet *p)        \
	{                                                                \
		return gcm(p, rounds, false);                            \
	}                                                                \
	TARGET static void seal_pair##size(const struct gcm_packet p[2]) \
	{                                                                \
		seal_pair(p, rounds);                                    \
	}
KEY_SIZE(128, 10)
KEY_SIZE(192, 12)
KEY_SIZE(256, 14)

void (*const gcm_seal[3])(const struct gcm_packet *) = { seal128, seal192, seal256 };
bool (*const gcm_open[3])(const struct gcm_packet *) = { open128, open192, open256 };
void (*const gcm_seal_pair[3])(const struct gcm_packet *) = { seal_pair128, seal_pair192,
							      seal_pair256 };

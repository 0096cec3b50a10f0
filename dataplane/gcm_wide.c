/* AES-GCM over vectors of several blocks; compiled once for each width of them.
 *
 * How the blocks lie. A packet is a row of slots of 16 bytes: slot 0 is the counter 1, whose
 * keystream masks the tag, and for the hash the associated data; slots 1.. are the text, at counter
 * 2..; behind the last one the hash has its length block. So the text's vectors are loaded from
 * 16 bytes before it, and keystream and hash see the same slots.
 *
 * A group is WIDE vectors. Blocks are byte-reversed and H is multiplied by x, so that a product
 * needs no shift (Gueron and Kounavis, "Intel carry-less multiplication", 2014). */
#include "dataplane/gcm.h"

#if GCM_BITS == 512
#include "dataplane/gcm_512.h"
#else
#include "dataplane/gcm_256.h"
#endif

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define BYTES (16 * LANES)   /* of a vector */
#define SLOTS (LANES * WIDE) /* in a group */
#define GROUP (BYTES * WIDE)

#define UNROLLED _Pragma("GCC unroll 16")

static_assert(SLOTS + 1 <= GCM_POWERS, "a power for each slot of a group, and for the length");

struct state {
	const struct gcm_key *key;
	int rounds;
	uint8_t *at;	/* slot 0, then the first slot that is left */
	unsigned bytes; /* from there on */
	unsigned slots;
	vec counter;	     /* of the next slots, reversed */
	__m128i aad, length; /* blocks of the hash; reversed */
	__m128i hash;	     /* of all slots before; reversed */
	__m128i mask;	     /* slot 0's keystream */
};

/* ---- the hash --------------------------------------------------------------------------- */

/* A product of polynomials that is not yet reduced. */
struct product {
	vec low, middle, high;
};

INLINE __m128i reverse(__m128i x)
{
	return _mm_shuffle_epi8(x,
				_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

INLINE vec v_reverse(vec x)
{
	return v_shuffle(x,
			 v_all(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* H^n, and behind it H^(n-1) .. */
INLINE const uint8_t *powers(const struct gcm_key *key, unsigned n)
{
	return (const uint8_t *)key->power + (size_t)16 * (GCM_POWERS - n);
}

INLINE __m128i power(const struct gcm_key *key, unsigned n)
{
	return _mm_loadu_si128((const __m128i *)powers(key, n));
}

INLINE struct product multiply(vec a, vec b)
{
	return (struct product){ v_multiply(a, b, 0x00), v_middle(a, b), v_multiply(a, b, 0x11) };
}

INLINE void multiply_add(struct product *p, vec a, vec b)
{
	p->low = v_xor(p->low, v_multiply(a, b, 0x00));
	p->middle = v_middle_add(p->middle, a, b);
	p->high = v_xor(p->high, v_multiply(a, b, 0x11));
}

/* Modulo x^128 + x^127 + x^126 + x^121 + 1, the reflected polynomial: low folds into middle, middle
 * into high. */
INLINE vec reduce(struct product p)
{
	const vec poly = v_all(_mm_set_epi64x((long long)0xc200000000000000, 1));
	vec middle = v_xor3(v_middle_whole(p.middle, p.low, p.high), v_multiply(poly, p.low, 0x01),
			    v_swap(p.low));

	return v_xor3(p.high, v_multiply(poly, middle, 0x01), v_swap(middle));
}

INLINE __m128i reduce_lanes(struct product p)
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i low = v_sum(p.low), middle = v_sum(v_middle_whole(p.middle, p.low, p.high));

	middle = xor3(middle, _mm_clmulepi64_si128(poly, low, 0x01), _mm_shuffle_epi32(low, 0x4e));
	return xor3(v_sum(p.high), _mm_clmulepi64_si128(poly, middle, 0x01),
		    _mm_shuffle_epi32(middle, 0x4e));
}

/* ---- the cipher ------------------------------------------------------------------------- */

INLINE vec round_key(const struct state *s, int round)
{
	return v_all(_mm_loadu_si128((const __m128i *)s->key->round[round]));
}

INLINE vec count(vec counter, int slots)
{
	return v_add(counter, v_all(_mm_set_epi32(0, 0, 0, slots)));
}

INLINE void first_round(const struct state *s, vec *stream, int n)
{
	vec key = round_key(s, 0);

	UNROLLED
	for (int i = 0; i < n; i++)
		stream[i] = v_xor(v_reverse(count(s->counter, LANES * i)), key);
}

INLINE void middle_round(const struct state *s, vec *stream, int n, int round)
{
	vec key = round_key(s, round);

	UNROLLED
	for (int i = 0; i < n; i++)
		stream[i] = v_aes(stream[i], key);
}

INLINE void last_round(const struct state *s, vec *stream, int n)
{
	vec key = round_key(s, s->rounds);

	UNROLLED
	for (int i = 0; i < n; i++)
		stream[i] = v_aes_last(stream[i], key);
}

INLINE void make_stream(const struct state *s, vec *stream, int n)
{
	first_round(s, stream, n);
	UNROLLED
	for (int r = 1; r < s->rounds; r++)
		middle_round(s, stream, n, r);
	last_round(s, stream, n);
}

/* One whole vector of text; what the hash sees of it. */
INLINE vec cipher(bool seal, uint8_t *at, vec stream)
{
	vec in = v_load(at), out = v_xor(in, stream);

	v_store(at, out);
	return v_reverse(seal ? out : in);
}

/* These bytes of one; the others are zero to the hash. */
INLINE vec cipher_some(bool seal, uint8_t *at, part bytes, vec stream)
{
	vec in = v_load_part(at, bytes), out = v_xor(in, stream);

	v_store_part(at, bytes, out);
	return v_reverse(seal ? v_keep(out, bytes) : in);
}

/* Behind a group. */
INLINE void advance(struct state *s)
{
	s->at += GROUP;
	s->bytes -= GROUP;
	s->slots -= SLOTS;
	s->counter = count(s->counter, SLOTS);
}

/* ---- all but the last SLOTS slots of a long packet, and slot 0 with them ------------------ */

INLINE vec power_of_all(const struct state *s, unsigned n)
{
	return v_all(power(s->key, n));
}

/* A group is hashed while the next one's keystream is made: Horner's rule over groups. Each lane
 * sums its blocks, and the powers H^SLOTS, H^(SLOTS-LANES), .. advance all lanes at once; the last
 * group meets the consecutive powers, which closes the lanes. */
INLINE void body(struct state *s, bool seal)
{
	vec stream[WIDE], block[WIDE];
	struct product p;

	make_stream(s, stream, WIDE);
	s->mask = v_first(stream[0]);
	block[0] = cipher_some(seal, s->at, part_without_first(part_whole()), stream[0]);
	block[0] = v_insert(block[0], s->aad);
	UNROLLED
	for (int i = 1; i < WIDE; i++)
		block[i] = cipher(seal, s->at + BYTES * i, stream[i]);
	advance(s);
	for (; s->slots > SLOTS; advance(s)) {
		/* Cipher and hash wait for different things: a round of each in turn. */
		first_round(s, stream, WIDE);
		UNROLLED
		for (int r = 1; r < s->rounds; r++) {
			middle_round(s, stream, WIDE, r);
			if (r == 1)
				p = multiply(block[0], power_of_all(s, SLOTS));
			else if (r <= WIDE)
				multiply_add(&p, block[r - 1],
					     power_of_all(s, (unsigned)(SLOTS - LANES * (r - 1))));
		}
		last_round(s, stream, WIDE);
		UNROLLED
		for (int i = 0; i < WIDE; i++)
			block[i] = cipher(seal, s->at + BYTES * i, stream[i]);
		block[0] = v_xor(block[0], reduce(p));
	}
	p = multiply(block[0], v_load(powers(s->key, SLOTS)));
	UNROLLED
	for (int i = 1; i < WIDE; i++)
		multiply_add(&p, block[i], v_load(powers(s->key, (unsigned)(SLOTS - LANES * i))));
	s->hash = reduce_lanes(p);
}
/* ---- the last slots, 1 to SLOTS of them in n vectors, and the length block ---------------- */

/* `start`: slot 0 is among them. */
INLINE void tail(struct state *s, bool seal, bool start, const vec *stream, int n)
{
	unsigned last = s->slots - LANES * (unsigned)(n - 1); /* slots in the last vector */
	part end = part_until(s->bytes - BYTES * (unsigned)(n - 1)), whole = part_whole();
	const uint8_t *h = powers(s->key, s->slots + 1);
	vec block[WIDE], lanes;
	struct product p;

	if (start) {
		s->mask = v_first(stream[0]);
		block[0] = cipher_some(seal, s->at, part_without_first(n == 1 ? end : whole),
				       stream[0]);
		block[0] = v_insert(block[0], s->aad);
	} else {
		block[0] = n == 1 ? cipher_some(seal, s->at, end, stream[0])
				  : cipher(seal, s->at, stream[0]);
		block[0] = v_xor(block[0], v_from(s->hash));
	}
	UNROLLED
	for (int i = 1; i < n - 1; i++)
		block[i] = cipher(seal, s->at + BYTES * i, stream[i]);
	if (n > 1)
		block[n - 1] = cipher_some(seal, s->at + BYTES * (n - 1), end, stream[n - 1]);
	/* Behind the length block lanes are zero, and must not read behind H^1. A vector that is
	 * full of slots has no lane for it. */
	block[n - 1] = v_put(block[n - 1], last, s->length);
	lanes = v_load_lanes(h + BYTES * (n - 1), last + 1);
	if (n == 1) {
		p = multiply(block[0], lanes);
	} else {
		p = multiply(block[0], v_load(h));
		UNROLLED
		for (int i = 1; i < n - 1; i++)
			multiply_add(&p, block[i], v_load(h + BYTES * i));
		multiply_add(&p, block[n - 1], lanes);
	}
	if (last == LANES)
		multiply_add(&p, v_from(s->length), v_from(power(s->key, 1)));
	s->hash = reduce_lanes(p);
}

INLINE void one_tail(struct state *s, bool seal, bool start, int n)
{
	vec stream[WIDE];

	make_stream(s, stream, n);
	tail(s, seal, start, stream, n);
}

/* Two packets' keystreams in turn: one alone waits four cycles for each of its rounds. */
INLINE void seal_two(struct state *s, struct state *t, int n)
{
	vec stream[PAIR], other[PAIR];

	first_round(s, stream, n);
	first_round(t, other, n);
	UNROLLED
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
	switch ((s->slots + LANES - 1) / LANES) {
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

/* ---- whole packets ---------------------------------------------------------------------- */

INLINE void begin(struct state *s, const struct gcm_packet *p, int rounds)
{
	s->key = p->key;
	s->rounds = rounds;
	s->at = p->text - GCM_BEFORE;
	s->bytes = (unsigned)p->bytes + GCM_BEFORE;
	s->slots = 1 + ((unsigned)p->bytes + 15) / 16;
	s->aad = reverse(p->aad);
	s->length = p->length;
	s->counter = v_add(v_all(reverse(p->nonce)), v_count());
}

INLINE bool finish(const struct state *s, const struct gcm_packet *p, bool seal)
{
	__m128i tag = _mm_xor_si128(reverse(s->hash), s->mask), wrong;

	if (seal) {
		_mm_storeu_si128((__m128i *)p->tag, tag);
		return true;
	}
	wrong = _mm_xor_si128(tag, _mm_loadu_si128((const __m128i *)p->tag));
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
	switch ((s.slots + LANES - 1) / LANES) {
	case 1:
		seal_two(&s, &t, 1);
		break;
	case 2:
		seal_two(&s, &t, 2);
		break;
	case 3:
		seal_two(&s, &t, 3);
		break;
#if PAIR > 3
	case 4:
		seal_two(&s, &t, 4);
		break;
#endif
	default:
		seal_two(&s, &t, PAIR);
		break;
	}
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

const struct gcm_engine ENGINE = {
	.name = NAME,
	.seal = { seal128, seal192, seal256 },
	.open = { open128, open192, open256 },
	.seal_pair = { seal_pair128, seal_pair192, seal_pair256 },
	.pair_bytes = PAIR * BYTES - 16,
	.pair_shift = LANES == 4 ? 6 : 5,
	.most_powers = SLOTS + 1,
};

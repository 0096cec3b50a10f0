#include "ike/comb.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The exponent's bits are laid in TEETH rows, one below the other: a step takes one bit of each
 * row, and finds in the table what they stand for together. */
#define TEETH	5
#define ENTRIES (1U << TEETH)

struct comb {
	BN_MONT_CTX *mont;
	BIGNUM *undo; /* takes the blind out of a power, and the power out of Montgomery's form */
	unsigned columns;
	size_t words;	  /* of the modulus */
	uint64_t table[]; /* ENTRIES x words, little-endian, in Montgomery's form */
};

static uint64_t *entry(const struct comb *c, unsigned i)
{
	return (uint64_t *)c->table + i * c->words;
}

static int octets(const struct comb *c)
{
	return (int)(c->words * sizeof(uint64_t));
}

/* All entries carry the same factor, the blind. Without it the first would be 1, which in
 * Montgomery's form of these primes is shorter than the others, and libcrypto would take longer for
 * it. */
static bool fill(struct comb *c, const BIGNUM *base, const BIGNUM *modulus, BN_CTX *ctx)
{
	BIGNUM *tooth = BN_CTX_get(ctx), *y = BN_CTX_get(ctx), *blind = BN_CTX_get(ctx);
	BIGNUM *teeth[TEETH];
	bool ok = blind && BN_to_montgomery(tooth, base, c->mont, ctx);

	for (unsigned i = 0; i < TEETH && ok; i++) {
		teeth[i] = BN_CTX_get(ctx);
		ok = teeth[i] && BN_copy(teeth[i], tooth);
		for (unsigned j = 0; j < c->columns && ok; j++)
			ok = BN_mod_mul_montgomery(tooth, tooth, tooth, c->mont, ctx);
	}
	ok = ok && BN_copy(blind, tooth);
	for (unsigned i = 0; i < ENTRIES && ok; i++) {
		ok = BN_copy(y, blind) != NULL;
		for (unsigned j = 0; j < TEETH && ok; j++) {
			if (i >> j & 1)
				ok = BN_mod_mul_montgomery(y, y, teeth[j], c->mont, ctx);
		}
		ok = ok && BN_num_bits(y) > 64 * ((int)c->words - 1) &&
		     BN_bn2lebinpad(y, (unsigned char *)entry(c, i), octets(c)) > 0;
	}
	/* A power has the blind in it as often as 1 + 2 + 4 ... to the number of columns say. */
	ok = ok && BN_one(y) && BN_lshift(y, y, (int)c->columns) && BN_sub_word(y, 1) &&
	     BN_from_montgomery(blind, blind, c->mont, ctx) &&
	     BN_mod_exp_mont(y, blind, y, modulus, ctx, c->mont) &&
	     BN_mod_inverse(c->undo, y, modulus, ctx);
	return ok;
}

struct comb *comb_new(const BIGNUM *base, const BIGNUM *modulus, unsigned bits, BN_MONT_CTX *mont)
{
	size_t words = ((size_t)BN_num_bits(modulus) + 63) / 64;
	struct comb *c = calloc(1, sizeof(*c) + ENTRIES * words * sizeof(uint64_t));
	BN_CTX *ctx = BN_CTX_new();
	bool ok = false;

	if (c && ctx) {
		c->mont = mont;
		c->undo = BN_new();
		c->columns = ((bits + 7) / 8 * 8 + TEETH - 1) / TEETH;
		c->words = words;
		BN_CTX_start(ctx);
		ok = c->undo && fill(c, base, modulus, ctx);
		BN_CTX_end(ctx);
	}
	BN_CTX_free(ctx);
	if (ok)
		return c;
	comb_free(c);
	return NULL;
}

void comb_free(struct comb *c)
{
	if (!c)
		return;
	BN_free(c->undo);
	free(c);
}

/* A column of the exponent, from its first row up. */
static unsigned column(const struct comb *c, const uint8_t *x, size_t len, unsigned at)
{
	unsigned v = 0;

	for (unsigned i = 0; i < TEETH; i++) {
		unsigned bit = i * c->columns + at;

		if (bit / 8 < len)
			v |= (x[len - 1 - bit / 8] >> bit % 8 & 1U) << i;
	}
	return v;
}

static bool look_up(const struct comb *c, unsigned v, uint64_t *restrict line, BIGNUM *out)
{
	memset(line, 0, c->words * sizeof(line[0]));
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t mask = -(uint64_t)(((i ^ v) - 1U) >> 31);
		const uint64_t *e = entry(c, i);

		for (size_t j = 0; j < c->words; j++)
			line[j] |= e[j] & mask;
	}
	return BN_lebin2bn((const unsigned char *)line, octets(c), out) != NULL;
}

int comb_power(const struct comb *c, const uint8_t *x, size_t len, uint8_t *out)
{
	uint64_t *line = OPENSSL_malloc((size_t)octets(c));
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *y = BN_secure_new(), *factor = BN_secure_new();
	bool ok = line && ctx && y && factor;

	ok = ok && look_up(c, column(c, x, len, c->columns - 1), line, y);
	for (unsigned i = c->columns - 1; i-- > 0 && ok;)
		ok = BN_mod_mul_montgomery(y, y, y, c->mont, ctx) &&
		     look_up(c, column(c, x, len, i), line, factor) &&
		     BN_mod_mul_montgomery(y, y, factor, c->mont, ctx);
	ok = ok && BN_mod_mul_montgomery(y, y, c->undo, c->mont, ctx) &&
	     BN_bn2binpad(y, out, octets(c)) > 0;
	BN_clear_free(y);
	BN_clear_free(factor);
	BN_CTX_free(ctx);
	OPENSSL_clear_free(line, (size_t)octets(c));
	return ok ? 0 : -ENOMEM;
}

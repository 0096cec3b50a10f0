#include "ike/comb.h"

#include "tests/unit/ike/hex.h"

#include <openssl/rand.h>

#define BITS   225
#define OCTETS ((BITS + 7) / 8)
#define LONG   256 /* octets of the modulus */

struct field {
	BIGNUM *p, *base;
	BN_CTX *ctx;
	BN_MONT_CTX *mont;
	struct comb *comb;
};

static int begin(void **state)
{
	struct field *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ctx = BN_CTX_new();
	f->mont = BN_MONT_CTX_new();
	f->p = BN_get_rfc3526_prime_2048(NULL);
	f->base = BN_new();
	assert_true(BN_set_word(f->base, 2) && BN_MONT_CTX_set(f->mont, f->p, f->ctx));
	f->comb = comb_new(f->base, f->p, BITS, f->mont);
	assert_non_null(f->comb);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct field *f = *state;

	comb_free(f->comb);
	BN_MONT_CTX_free(f->mont);
	BN_CTX_free(f->ctx);
	BN_free(f->base);
	BN_free(f->p);
	free(f);
	return 0;
}

static void check(const struct field *f, const uint8_t *x, size_t len)
{
	BIGNUM *e = BN_bin2bn(x, (int)len, NULL), *y = BN_new();
	uint8_t ours[LONG], theirs[LONG];

	assert_true(e && y && BN_mod_exp(y, f->base, e, f->p, f->ctx));
	assert_int_equal(BN_bn2binpad(y, theirs, LONG), LONG);
	assert_int_equal(comb_power(f->comb, x, len, ours), 0);
	assert_memory_equal(ours, theirs, LONG);
	BN_free(y);
	BN_free(e);
}

static void each_bit_counts(void **state)
{
	for (unsigned bit = 0; bit < OCTETS * 8; bit++) {
		uint8_t x[OCTETS] = { 0 };

		x[OCTETS - 1 - bit / 8] = (uint8_t)(1 << bit % 8);
		check(*state, x, sizeof(x));
	}
}

static void none_and_all(void **state)
{
	uint8_t x[OCTETS] = { 0 };

	check(*state, x, sizeof(x));
	memset(x, 0xff, sizeof(x));
	check(*state, x, sizeof(x));
}

static void any_of_any_length(void **state)
{
	uint8_t x[OCTETS];

	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(RAND_bytes(x, sizeof(x)), 1);
		check(*state, x, i % (OCTETS + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_counts),
		cmocka_unit_test(none_and_all),
		cmocka_unit_test(any_of_any_length),
	};

	return cmocka_run_group_tests_name("ike/comb", tests, begin, end);
}

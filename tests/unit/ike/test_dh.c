#include "ike/dh.h"

#include "tests/unit/ike/dh_vectors.h"
#include "tests/unit/ike/hex.h"

#include <errno.h>

static const struct dh_vector *vector_of(enum algo_dh group)
{
	for (size_t i = 0; i < ARRAY_LEN(dh_vectors); i++)
		if (dh_vectors[i].group == group)
			return &dh_vectors[i];
	fail_msg("no vector of group %d", group);
	return NULL;
}

static struct ike_dh *from_hex(enum algo_dh group, const char *private)
{
	struct hex x = hex(private);
	struct ike_dh *d = ike_dh_from_private(group, x.b, x.n);

	assert_non_null(d);
	assert_int_equal(ike_dh_group(d), group);
	return d;
}

static void check_side(enum algo_dh group, const char *private, const char *public,
		       const char *peer, const char *secret)
{
	struct ike_dh *d = from_hex(group, private);
	struct hex y = hex(public), other = hex(peer), z = hex(secret);
	struct secret *s = NULL;
	const uint8_t *own;
	size_t n;

	own = ike_dh_public(d, &n);
	assert_int_equal(n, algo_dhs[group].public_bytes);
	assert_int_equal(n, y.n);
	assert_memory_equal(own, y.b, n);
	assert_int_equal(ike_dh_derive(d, other.b, other.n, &s), 0);
	assert_int_equal(s->len, algo_dhs[group].secret_bytes);
	assert_int_equal(s->len, z.n);
	assert_memory_equal(s->data, z.b, z.n);
	secret_free(s);
	ike_dh_free(d);
}

static void groups_give_known_answers(void **state)
{
	assert_int_equal(ARRAY_LEN(dh_vectors), DH_COUNT - 1);
	for (size_t i = 0; i < ARRAY_LEN(dh_vectors); i++) {
		const struct dh_vector *v = &dh_vectors[i];

		check_side(v->group, v->private_i, v->public_i, v->public_r, v->secret);
		check_side(v->group, v->private_r, v->public_r, v->public_i, v->secret);
	}
}

static void fresh_pairs_agree(void **state)
{
	for (unsigned g = DH_NONE + 1; g < DH_COUNT; g++) {
		struct ike_dh *a = ike_dh_new((enum algo_dh)g), *b = ike_dh_new((enum algo_dh)g);
		struct secret *at_a, *at_b;
		const uint8_t *ya, *yb;
		size_t na, nb;

		assert_non_null(a);
		assert_non_null(b);
		ya = ike_dh_public(a, &na);
		yb = ike_dh_public(b, &nb);
		assert_int_equal(na, algo_dhs[g].public_bytes);
		assert_int_equal(na, nb);
		assert_memory_not_equal(ya, yb, na);
		assert_int_equal(ike_dh_derive(a, yb, nb, &at_a), 0);
		assert_int_equal(ike_dh_derive(b, ya, na, &at_b), 0);
		assert_int_equal(at_a->len, algo_dhs[g].secret_bytes);
		assert_memory_equal(at_a->data, at_b->data, at_a->len);
		secret_free(at_a);
		secret_free(at_b);
		ike_dh_free(a);
		ike_dh_free(b);
	}
}

static void secrets_keep_their_leading_zeros(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(dh_leading_zero); i++) {
		enum algo_dh group = dh_leading_zero[i].group;
		uint8_t x[2] = { (uint8_t)(dh_leading_zero[i].private_r >> 8),
				 (uint8_t)dh_leading_zero[i].private_r };
		struct hex peer = hex(vector_of(group)->public_i);
		struct hex start = hex(dh_leading_zero[i].secret_start);
		struct ike_dh *d = ike_dh_from_private(group, x, sizeof(x));
		struct secret *s;

		assert_non_null(d);
		assert_int_equal(ike_dh_derive(d, peer.b, peer.n, &s), 0);
		assert_int_equal(s->len, algo_dhs[group].secret_bytes);
		assert_int_equal(s->data[0], 0);
		assert_memory_equal(s->data, start.b, start.n);
		secret_free(s);
		ike_dh_free(d);
	}
}

static void refuse(struct ike_dh *d, const uint8_t *y, size_t n)
{
	struct secret *s = (void *)d;

	assert_int_equal(ike_dh_derive(d, y, n, &s), -EINVAL);
	assert_null(s);
}

/* The primes of RFC 2409 and RFC 3526 all start and end with 64 one bits; what lies between is
 * proved by the known answers. Here only the border matters: p - 1 = g^((p-1)/2) has order two. */
static void modp_range_is_checked(void **state)
{
	for (unsigned g = DH_MODP1024; g <= DH_MODP4096; g++) {
		struct ike_dh *d = from_hex((enum algo_dh)g, vector_of((enum algo_dh)g)->private_i);
		size_t n = algo_dhs[g].public_bytes;
		uint8_t y[512] = { 0 };
		struct secret *s;

		refuse(d, y, n); /* 0 */
		y[n - 1] = 1;
		refuse(d, y, n);
		y[n - 1] = 2;
		assert_int_equal(ike_dh_derive(d, y, n, &s), 0);
		secret_free(s);
		memset(y, 0xff, n); /* above p */
		refuse(d, y, n);
		ike_dh_free(d);
	}
}

/* modp1024's prime, RFC 2409 §6.2: the values on both sides of its border. */
static void modp_border_is_exact(void **state)
{
	static const char below[] =
		"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
		"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
		"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";
	static const struct {
		uint8_t last;
		int rc;
	} border[] = { { 0xfd, 0 }, { 0xfe, -EINVAL }, { 0xff, -EINVAL } };
	struct ike_dh *d = from_hex(DH_MODP1024, vector_of(DH_MODP1024)->private_i);
	struct hex y = hex(below);

	for (size_t i = 0; i < ARRAY_LEN(border); i++) {
		struct secret *s = NULL;

		y.b[y.n - 1] = border[i].last;
		assert_int_equal(ike_dh_derive(d, y.b, y.n, &s), border[i].rc);
		secret_free(s);
	}
	ike_dh_free(d);
}

static void points_off_the_curve_are_refused(void **state)
{
	for (unsigned g = DH_ECP256; g <= DH_ECP521; g++) {
		const struct dh_vector *v = vector_of((enum algo_dh)g);
		struct ike_dh *d = from_hex((enum algo_dh)g, v->private_i);
		struct hex y = hex(v->public_r);

		y.b[y.n - 1] ^= 1;
		refuse(d, y.b, y.n);
		y.b[y.n - 1] ^= 1;
		y.b[y.n / 2 - 1] ^= 1;
		refuse(d, y.b, y.n);
		memset(y.b, 0, y.n);
		refuse(d, y.b, y.n);
		memset(y.b, 0xff, y.n); /* coordinates above the field's prime */
		refuse(d, y.b, y.n);
		ike_dh_free(d);
	}
}

/* The points of order 1, 2, 4 and 8, and their non-canonical encodings. */
static void x25519_small_orders_are_refused(void **state)
{
	static const char *const small[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct ike_dh *d = from_hex(DH_X25519, vector_of(DH_X25519)->private_i);

	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		struct hex y = hex(small[i]);

		refuse(d, y.b, y.n);
	}
	ike_dh_free(d);
}

static void lengths_are_exact(void **state)
{
	static const uint8_t zero[513];

	for (unsigned g = DH_NONE + 1; g < DH_COUNT; g++) {
		const struct dh_vector *v = vector_of((enum algo_dh)g);
		struct ike_dh *d = from_hex((enum algo_dh)g, v->private_i);
		struct hex y = hex(v->public_r);

		refuse(d, y.b, y.n - 1);
		refuse(d, y.b, y.n + 1);
		refuse(d, y.b, 0);
		ike_dh_free(d);
	}
	assert_null(ike_dh_from_private(DH_X25519, zero, 31));
	assert_null(ike_dh_from_private(DH_MODP2048, zero, 0));
	assert_null(ike_dh_from_private(DH_MODP2048, zero, sizeof(zero)));
}

static void unknown_groups_have_no_keys(void **state)
{
	assert_null(ike_dh_new(DH_NONE));
	assert_null(ike_dh_new(DH_COUNT));
	assert_null(ike_dh_from_private(DH_NONE, "x", 1));
	ike_dh_free(NULL);
}

static void nothing_leaks(void **state)
{
	assert_int_equal(secret_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_give_known_answers),
		cmocka_unit_test(fresh_pairs_agree),
		cmocka_unit_test(secrets_keep_their_leading_zeros),
		cmocka_unit_test(modp_range_is_checked),
		cmocka_unit_test(modp_border_is_exact),
		cmocka_unit_test(points_off_the_curve_are_refused),
		cmocka_unit_test(x25519_small_orders_are_refused),
		cmocka_unit_test(lengths_are_exact),
		cmocka_unit_test(unknown_groups_have_no_keys),
		cmocka_unit_test(nothing_leaks),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests_name("ike/dh", tests, NULL, NULL);
}

#include "ike/dh.h"

#include "ike/comb.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <sodium.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC_MAX 512 /* modp4096 */
#define POINT_MAX  (1 + 132)

/* An uncompressed point in SEC 1's encoding starts with this octet; on IKE's wire it does not. */
#define POINT_UNCOMPRESSED 0x04

struct ike_dh {
	enum algo_dh group;
	size_t public_len;
	uint8_t public[PUBLIC_MAX];
	EVP_PKEY *key;		/* ECP */
	struct secret *private; /* X25519, and MODP: big-endian */
};

/* What all keys of a group share, made once and then only read. A MODP group is used without
 * libcrypto's key objects: they find their Montgomery form anew for every key. */
static struct {
	EVP_PKEY *curve; /* ECP: parameters, from which a new key or a peer's value starts */
	BIGNUM *p;	 /* MODP */
	BN_MONT_CTX *mont;
	struct comb *g;		 /* the powers of the generator */
	uint8_t top[PUBLIC_MAX]; /* p - 1: the first value too big for a peer */
} groups[DH_COUNT];
static pthread_once_t groups_once = PTHREAD_ONCE_INIT;

/* A private exponent of a safe prime's group need not be longer than twice the group's strength
 * (NIST SP 800-56A §5.6.1.1, RFC 7919 §5.2). */
static const struct {
	BIGNUM *(*prime)(BIGNUM *);
	unsigned private_bits;
} modps[DH_COUNT] = {
	[DH_MODP1024] = { BN_get_rfc2409_prime_1024, 160 },
	[DH_MODP1536] = { BN_get_rfc3526_prime_1536, 200 },
	[DH_MODP2048] = { BN_get_rfc3526_prime_2048, 225 },
	[DH_MODP3072] = { BN_get_rfc3526_prime_3072, 275 },
	[DH_MODP4096] = { BN_get_rfc3526_prime_4096, 325 },
};

static bool is_modp(enum algo_dh group)
{
	return modps[group].prime != NULL;
}

static bool is_ecp(enum algo_dh group)
{
	return group >= DH_ECP256 && group <= DH_ECP521;
}

/* The parameters of a curve, and with priv and pub a key pair on it. */
static EVP_PKEY *curve_key(enum algo_dh group, const BIGNUM *priv, const void *pub, size_t pub_len)
{
	static const char *const name[DH_COUNT] = {
		[DH_ECP256] = "P-256",
		[DH_ECP384] = "P-384",
		[DH_ECP521] = "P-521",
	};
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool ok =
		build && ctx &&
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, name[group], 0);

	if (ok && priv)
		ok = OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, priv) &&
		     OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pub, pub_len);
	if (ok)
		params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_KEY_PARAMETERS,
			      params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The group stays without a Montgomery form if there is no memory: it is then unknown. */
static void modp_make(enum algo_dh group)
{
	BN_CTX *ctx = BN_CTX_new();
	BN_MONT_CTX *mont = BN_MONT_CTX_new();
	BIGNUM *p = modps[group].prime(NULL), *g = BN_new();
	struct comb *comb = NULL;

	if (ctx && mont && p && g && BN_set_word(g, 2) && BN_MONT_CTX_set(mont, p, ctx) &&
	    BN_bn2binpad(p, groups[group].top, algo_dhs[group].public_bytes) > 0)
		comb = comb_new(g, p, modps[group].private_bits, mont);
	BN_CTX_free(ctx);
	BN_free(g);
	if (!comb) {
		BN_MONT_CTX_free(mont);
		BN_free(p);
		return;
	}
	groups[group].top[algo_dhs[group].public_bytes - 1]--; /* p is odd */
	groups[group].p = p;
	groups[group].g = comb;
	groups[group].mont = mont;
}

static void groups_make(void)
{
	for (unsigned i = DH_NONE + 1; i < DH_COUNT; i++) {
		if (is_modp((enum algo_dh)i))
			modp_make((enum algo_dh)i);
		else if (is_ecp((enum algo_dh)i))
			groups[i].curve = curve_key((enum algo_dh)i, NULL, NULL, 0);
	}
	ERR_clear_error();
}

static struct ike_dh *dh_alloc(enum algo_dh group)
{
	struct ike_dh *d;

	if (group <= DH_NONE || group >= DH_COUNT)
		return NULL;
	pthread_once(&groups_once, groups_make);
	d = calloc(1, sizeof(*d));
	if (d) {
		d->group = group;
		d->public_len = algo_dhs[group].public_bytes;
	}
	return d;
}

/* ---- X25519 (RFC 7748, RFC 8031) --------------------------------------------------------- */

static int x25519_make(struct ike_dh *d, const void *priv)
{
	d->private = secret_new(crypto_scalarmult_curve25519_SCALARBYTES);
	if (!d->private)
		return -ENOMEM;
	if (priv)
		memcpy(d->private->data, priv, d->private->len);
	else
		randombytes_buf(d->private->data, d->private->len);
	return crypto_scalarmult_curve25519_base(d->public, d->private->data) == 0 ? 0 : -EINVAL;
}

static int x25519_derive(const struct ike_dh *d, const uint8_t *peer, struct secret *out)
{
	/* Fails for the points of small order, whose result is zero (RFC 7748 §6.1). */
	return crypto_scalarmult_curve25519(out->data, d->private->data, peer) == 0 ? 0 : -EINVAL;
}

/* ---- MODP (RFC 2409, RFC 3526) ----------------------------------------------------------- */

/* out = base to the power of our private exponent, as long as the prime, in a time that tells
 * nothing about the exponent. */
static int modp_power(const struct ike_dh *d, const BIGNUM *base, uint8_t *out)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *x = BN_secure_new(), *y = BN_secure_new();
	int rc = -ENOMEM;

	if (ctx && x && y && BN_bin2bn(d->private->data, d->private->len, x)) {
		BN_set_flags(x, BN_FLG_CONSTTIME);
		if (BN_mod_exp_mont_consttime(y, base, x, groups[d->group].p, ctx,
					      groups[d->group].mont) &&
		    BN_bn2binpad(y, out, (int)d->public_len) > 0)
			rc = 0;
	}
	BN_clear_free(x);
	BN_clear_free(y);
	BN_CTX_free(ctx);
	return rc;
}

static int modp_make_key(struct ike_dh *d, const void *priv, size_t len)
{
	unsigned bits = modps[d->group].private_bits;
	BIGNUM *two;
	int rc;

	if (!groups[d->group].mont)
		return -ENOMEM;
	d->private = priv ? secret_from(priv, len) : secret_new((bits + 7) / 8);
	if (!d->private)
		return -ENOMEM;
	if (!priv) {
		uint8_t *x = d->private->data, highest = (uint8_t)(1 << (bits - 1) % 8);

		randombytes_buf(x, d->private->len);
		x[0] = (uint8_t)((x[0] & (highest - 1)) | highest);
	}
	if (d->private->len <= (bits + 7) / 8)
		return comb_power(groups[d->group].g, d->private->data, d->private->len, d->public);
	two = BN_new(); /* a test vector's private value, which is as long as it likes */
	rc = two && BN_set_word(two, 2) ? modp_power(d, two, d->public) : -ENOMEM;
	BN_free(two);
	return rc;
}

static bool modp_acceptable(enum algo_dh group, const uint8_t *y, size_t n)
{
	bool above_one = y[n - 1] > 1;

	for (size_t i = 0; i + 1 < n && !above_one; i++)
		above_one = y[i] != 0;
	return above_one && memcmp(y, groups[group].top, n) < 0;
}

static int modp_derive(const struct ike_dh *d, const uint8_t *peer, size_t len, struct secret *out)
{
	BIGNUM *y;
	int rc;

	if (!modp_acceptable(d->group, peer, len))
		return -EINVAL;
	y = BN_bin2bn(peer, (int)len, NULL);
	rc = y ? modp_power(d, y, out->data) : -ENOMEM;
	BN_free(y);
	return rc;
}

/* ---- ECP (RFC 5903) ---------------------------------------------------------------------- */

static int public_read(struct ike_dh *d)
{
	unsigned char *encoded = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(d->key, &encoded);
	int rc = -ENOMEM;

	if (n == 1 + d->public_len) {
		memcpy(d->public, encoded + 1, d->public_len);
		rc = 0;
	}
	OPENSSL_free(encoded);
	return rc;
}

static int ecp_generate(struct ike_dh *d)
{
	EVP_PKEY *curve = groups[d->group].curve;
	EVP_PKEY_CTX *ctx = curve ? EVP_PKEY_CTX_new_from_pkey(NULL, curve, NULL) : NULL;
	int rc = -ENOMEM;

	if (ctx && EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_generate(ctx, &d->key) > 0)
		rc = public_read(d);
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

static int ecp_public(const struct ike_dh *d, const BIGNUM *priv, uint8_t *pub)
{
	static const int nid[DH_COUNT] = { [DH_ECP256] = NID_X9_62_prime256v1,
					   [DH_ECP384] = NID_secp384r1,
					   [DH_ECP521] = NID_secp521r1 };
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(nid[d->group]);
	EC_POINT *point = curve ? EC_POINT_new(curve) : NULL;
	int rc = -ENOMEM;

	if (point && EC_POINT_mul(curve, point, priv, NULL, NULL, NULL) &&
	    EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, pub, 1 + d->public_len,
			       NULL) == 1 + d->public_len)
		rc = 0;
	EC_POINT_free(point);
	EC_GROUP_free(curve);
	return rc;
}

static int ecp_from_private(struct ike_dh *d, const void *priv, size_t len)
{
	BIGNUM *x = BN_secure_new();
	uint8_t pub[POINT_MAX];
	int rc = -ENOMEM;

	if (!x || !groups[d->group].curve || !BN_bin2bn(priv, (int)len, x))
		goto out;
	BN_set_flags(x, BN_FLG_CONSTTIME);
	rc = ecp_public(d, x, pub);
	if (rc)
		goto out;
	rc = -EINVAL;
	d->key = curve_key(d->group, x, pub, 1 + d->public_len);
	if (d->key)
		rc = public_read(d);
out:
	BN_clear_free(x);
	return rc;
}

/* The import refuses a point that is not on the curve. */
static EVP_PKEY *ecp_peer(enum algo_dh group, const uint8_t *peer, size_t len)
{
	EVP_PKEY *key = EVP_PKEY_new();
	uint8_t point[POINT_MAX];

	point[0] = POINT_UNCOMPRESSED;
	memcpy(point + 1, peer, len);
	if (key && EVP_PKEY_copy_parameters(key, groups[group].curve) > 0 &&
	    EVP_PKEY_set1_encoded_public_key(key, point, 1 + len) > 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static int ecp_derive(const struct ike_dh *d, const uint8_t *peer, size_t len, struct secret *out)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *other = ecp_peer(d->group, peer, len);
	size_t n = out->len;
	int rc = -EINVAL;

	if (!other)
		goto out;
	rc = -ENOMEM;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, d->key, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0)
		goto out;
	if (EVP_PKEY_derive_set_peer_ex(ctx, other, 0) <= 0) {
		rc = -EINVAL;
		goto out;
	}
	rc = EVP_PKEY_derive(ctx, out->data, &n) > 0 && n == out->len ? 0 : -EINVAL;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	ERR_clear_error();
	return rc;
}

/* ---- face -------------------------------------------------------------------------------- */

/* priv NULL: a fresh one. */
static int key_make(struct ike_dh *d, const void *priv, size_t len)
{
	if (d->group == DH_X25519)
		return x25519_make(d, priv);
	if (is_modp(d->group))
		return modp_make_key(d, priv, len);
	return priv ? ecp_from_private(d, priv, len) : ecp_generate(d);
}

static struct ike_dh *dh_make(enum algo_dh group, const void *priv, size_t len)
{
	struct ike_dh *d = dh_alloc(group);

	if (d && key_make(d, priv, len) != 0) {
		ike_dh_free(d);
		d = NULL;
	}
	ERR_clear_error();
	return d;
}

struct ike_dh *ike_dh_new(enum algo_dh group)
{
	return dh_make(group, NULL, 0);
}

struct ike_dh *ike_dh_from_private(enum algo_dh group, const void *priv, size_t len)
{
	if (len == 0 || len > PUBLIC_MAX)
		return NULL;
	if (group == DH_X25519 && len != crypto_scalarmult_curve25519_SCALARBYTES)
		return NULL;
	return dh_make(group, priv, len);
}

void ike_dh_free(struct ike_dh *d)
{
	if (!d)
		return;
	EVP_PKEY_free(d->key);
	secret_free(d->private);
	free(d);
}

enum algo_dh ike_dh_group(const struct ike_dh *d)
{
	return d->group;
}

const uint8_t *ike_dh_public(const struct ike_dh *d, size_t *len)
{
	*len = d->public_len;
	return d->public;
}

int ike_dh_derive(struct ike_dh *d, const uint8_t *peer, size_t peer_len, struct secret **out)
{
	struct secret *s;
	int rc;

	*out = NULL;
	if (peer_len != d->public_len)
		return -EINVAL;
	s = secret_new(algo_dhs[d->group].secret_bytes);
	if (!s)
		return -ENOMEM;
	if (d->group == DH_X25519)
		rc = x25519_derive(d, peer, s);
	else if (is_modp(d->group))
		rc = modp_derive(d, peer, peer_len, s);
	else
		rc = ecp_derive(d, peer, peer_len, s);
	if (rc)
		secret_free(s);
	else
		*out = s;
	return rc;
}

#include "ike/dh.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
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

/* A private exponent need not be longer than twice the strength of its group. libcrypto does that
 * for the groups it has names for; this is for modp1024, which it has none for. */
#define MODP1024_PRIVATE_BITS 160

struct ike_dh {
	enum algo_dh group;
	size_t public_len;
	uint8_t public[PUBLIC_MAX];
	EVP_PKEY *key;	       /* MODP and ECP */
	struct secret *x25519; /* X25519 */
};

/* Domain parameters, made once and then only read: a new key or a peer's value starts from them. */
static struct {
	EVP_PKEY *params;
	uint8_t top[PUBLIC_MAX]; /* MODP: p - 1, the first value too big for a peer */
} groups[DH_COUNT];
static pthread_once_t groups_once = PTHREAD_ONCE_INIT;

static bool is_modp(enum algo_dh group)
{
	return group >= DH_MODP1024 && group <= DH_MODP4096;
}

static bool is_ecp(enum algo_dh group)
{
	return group >= DH_ECP256 && group <= DH_ECP521;
}

static const char *group_name(enum algo_dh group)
{
	static const char *const name[DH_COUNT] = {
		[DH_MODP1536] = "modp_1536", [DH_MODP2048] = "modp_2048",
		[DH_MODP3072] = "modp_3072", [DH_MODP4096] = "modp_4096",
		[DH_ECP256] = "P-256",	     [DH_ECP384] = "P-384",
		[DH_ECP521] = "P-521",
	};

	return name[group];
}

/* The parameters of a group, and with priv and pub a key pair on it. */
static EVP_PKEY *key_from_data(enum algo_dh group, const BIGNUM *priv, const void *pub,
			       size_t pub_len)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, is_ecp(group) ? "EC" : "DH", NULL);
	BIGNUM *p = BN_get_rfc2409_prime_1024(NULL), *g = BN_new(), *y = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool ok = build && ctx && p && g && BN_set_word(g, 2);

	if (group == DH_MODP1024)
		ok = ok && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, p) &&
		     OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_G, g);
	else
		ok = ok && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
							   group_name(group), 0);
	if (ok && priv && is_ecp(group)) {
		ok = OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, priv) &&
		     OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pub, pub_len);
	} else if (ok && priv) {
		y = BN_bin2bn(pub, (int)pub_len, NULL);
		ok = y && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, priv) &&
		     OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PUB_KEY, y);
	}
	if (ok)
		params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_KEY_PARAMETERS,
			      params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(p);
	BN_free(g);
	BN_free(y);
	return key;
}

static void groups_make(void)
{
	for (unsigned i = DH_MODP1024; i <= DH_ECP521; i++) {
		EVP_PKEY *params = key_from_data((enum algo_dh)i, NULL, NULL, 0);
		BIGNUM *p = NULL;
		bool ok = params != NULL;

		if (ok && is_modp((enum algo_dh)i))
			ok = EVP_PKEY_get_bn_param(params, OSSL_PKEY_PARAM_FFC_P, &p) &&
			     BN_sub_word(p, 1) &&
			     BN_bn2binpad(p, groups[i].top, algo_dhs[i].public_bytes) > 0;
		BN_free(p);
		if (ok)
			groups[i].params = params;
		else
			EVP_PKEY_free(params);
	}
	ERR_clear_error();
}

static EVP_PKEY *group_params(enum algo_dh group)
{
	pthread_once(&groups_once, groups_make);
	return groups[group].params;
}

static struct ike_dh *dh_alloc(enum algo_dh group)
{
	struct ike_dh *d;

	if (group <= DH_NONE || group >= DH_COUNT)
		return NULL;
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
	d->x25519 = secret_new(crypto_scalarmult_curve25519_SCALARBYTES);
	if (!d->x25519)
		return -ENOMEM;
	if (priv)
		memcpy(d->x25519->data, priv, d->x25519->len);
	else
		randombytes_buf(d->x25519->data, d->x25519->len);
	return crypto_scalarmult_curve25519_base(d->public, d->x25519->data) == 0 ? 0 : -EINVAL;
}

static int x25519_derive(const struct ike_dh *d, const uint8_t *peer, struct secret *out)
{
	/* Fails for the points of small order, whose result is zero (RFC 7748 §6.1). */
	return crypto_scalarmult_curve25519(out->data, d->x25519->data, peer) == 0 ? 0 : -EINVAL;
}

/* ---- MODP (RFC 2409, RFC 3526) and ECP (RFC 5903) ---------------------------------------- */

static int public_read(struct ike_dh *d)
{
	unsigned char *encoded = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(d->key, &encoded);
	size_t skip = is_ecp(d->group) ? 1 : 0;
	int rc = -ENOMEM;

	if (n == d->public_len + skip) {
		memcpy(d->public, encoded + skip, d->public_len);
		rc = 0;
	}
	OPENSSL_free(encoded);
	return rc;
}

static int key_generate(struct ike_dh *d)
{
	EVP_PKEY *params = group_params(d->group);
	EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL) : NULL;
	int private_bits = MODP1024_PRIVATE_BITS;
	const OSSL_PARAM shorter[] = {
		OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &private_bits),
		OSSL_PARAM_construct_end(),
	};
	int rc = -ENOMEM;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0)
		goto out;
	if (d->group == DH_MODP1024 && EVP_PKEY_CTX_set_params(ctx, shorter) <= 0)
		goto out;
	if (EVP_PKEY_generate(ctx, &d->key) > 0)
		rc = public_read(d);
out:
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

static int modp_public(const struct ike_dh *d, const BIGNUM *priv, uint8_t *pub)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = NULL, *g = BN_new(), *y = BN_new();
	int rc = -ENOMEM;

	if (ctx && g && y && BN_set_word(g, 2) &&
	    EVP_PKEY_get_bn_param(group_params(d->group), OSSL_PKEY_PARAM_FFC_P, &p) &&
	    BN_mod_exp_mont_consttime(y, g, priv, p, ctx, NULL) &&
	    BN_bn2binpad(y, pub, (int)d->public_len) > 0)
		rc = 0;
	BN_free(p);
	BN_free(g);
	BN_free(y);
	BN_CTX_free(ctx);
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

static int key_from_private(struct ike_dh *d, const void *priv, size_t len)
{
	BIGNUM *x = BN_secure_new();
	uint8_t pub[PUBLIC_MAX];
	size_t pub_len = d->public_len + (is_ecp(d->group) ? 1 : 0);
	int rc = -ENOMEM;

	if (!x || !group_params(d->group) || !BN_bin2bn(priv, (int)len, x))
		goto out;
	BN_set_flags(x, BN_FLG_CONSTTIME);
	rc = is_ecp(d->group) ? ecp_public(d, x, pub) : modp_public(d, x, pub);
	if (rc)
		goto out;
	rc = -EINVAL;
	d->key = key_from_data(d->group, x, pub, pub_len);
	if (d->key)
		rc = public_read(d);
out:
	BN_clear_free(x);
	return rc;
}

static bool modp_acceptable(enum algo_dh group, const uint8_t *y, size_t n)
{
	bool above_one = y[n - 1] > 1;

	for (size_t i = 0; i + 1 < n && !above_one; i++)
		above_one = y[i] != 0;
	return above_one && memcmp(y, groups[group].top, n) < 0;
}

/* The import refuses a point that is not on the curve. */
static EVP_PKEY *peer_key(enum algo_dh group, const uint8_t *peer, size_t len)
{
	uint8_t point[POINT_MAX];
	EVP_PKEY *key = EVP_PKEY_new();

	if (is_ecp(group)) {
		point[0] = POINT_UNCOMPRESSED;
		memcpy(point + 1, peer, len);
		peer = point;
		len++;
	}
	if (key && EVP_PKEY_copy_parameters(key, groups[group].params) > 0 &&
	    EVP_PKEY_set1_encoded_public_key(key, peer, len) > 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static int key_derive(const struct ike_dh *d, const uint8_t *peer, size_t len, struct secret *out)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *other = NULL;
	size_t n = out->len;
	int rc = -EINVAL;

	if (is_modp(d->group) && !modp_acceptable(d->group, peer, len))
		goto out;
	other = peer_key(d->group, peer, len);
	if (!other)
		goto out;
	rc = -ENOMEM;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, d->key, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0)
		goto out;
	if (is_modp(d->group) && EVP_PKEY_CTX_set_dh_pad(ctx, 1) <= 0)
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

struct ike_dh *ike_dh_new(enum algo_dh group)
{
	struct ike_dh *d = dh_alloc(group);

	if (d && (group == DH_X25519 ? x25519_make(d, NULL) : key_generate(d)) != 0) {
		ike_dh_free(d);
		d = NULL;
	}
	return d;
}

struct ike_dh *ike_dh_from_private(enum algo_dh group, const void *priv, size_t len)
{
	struct ike_dh *d;
	int rc;

	if (len == 0 || len > PUBLIC_MAX)
		return NULL;
	if (group == DH_X25519 && len != crypto_scalarmult_curve25519_SCALARBYTES)
		return NULL;
	d = dh_alloc(group);
	if (!d)
		return NULL;
	rc = group == DH_X25519 ? x25519_make(d, priv) : key_from_private(d, priv, len);
	if (rc) {
		ike_dh_free(d);
		d = NULL;
	}
	ERR_clear_error();
	return d;
}

void ike_dh_free(struct ike_dh *d)
{
	if (!d)
		return;
	EVP_PKEY_free(d->key);
	secret_free(d->x25519);
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
	rc = d->group == DH_X25519 ? x25519_derive(d, peer, s) : key_derive(d, peer, peer_len, s);
	if (rc)
		secret_free(s);
	else
		*out = s;
	return rc;
}

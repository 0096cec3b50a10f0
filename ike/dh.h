/* Diffie-Hellman groups of IKE (RFC 7296 §2.12, RFC 3526, RFC 5903, RFC 8031).
 *
 * X25519 by libsodium; MODP and ECP by libcrypto. The peer's public value is checked as RFC 6989
 * §2 asks (1 < y < p-1; point on the curve; an all-zero X25519 result is refused), no more: full
 * validation of a safe-prime group would cost a second exponentiation. One thread per object. */
#ifndef IKE_DH_H
#define IKE_DH_H

#include "conf/algo.h"
#include "conf/secret.h"

#include <stddef.h>
#include <stdint.h>

struct ike_dh;

struct ike_dh *ike_dh_new(
	enum algo_dh group); /* fresh key pair; NULL: no memory or group unknown */
/* A given private value, big-endian (X25519: as in RFC 7748): for test vectors. */
struct ike_dh *ike_dh_from_private(enum algo_dh group, const void *priv, size_t len);
void ike_dh_free(struct ike_dh *d); /* wipes; NULL is fine */
enum algo_dh ike_dh_group(const struct ike_dh *d);
const uint8_t *ike_dh_public(const struct ike_dh *d,
			     size_t *len); /* wire format; lives as long as d */
/* Shared secret of exactly algo_dhs[group].secret_bytes. -EINVAL: the peer's value is not
 * acceptable. */
int ike_dh_derive(struct ike_dh *d, const uint8_t *peer, size_t peer_len, struct secret **out);

#endif

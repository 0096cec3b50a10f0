/* Powers of one base by the comb method (Lim and Lee, Crypto '94): what a base's powers share is
 * worked out once, and each power then takes a fifth of the multiplications. For the generator of a
 * MODP group, of which every key pair is a power.
 *
 * The time of a power tells nothing about its exponent: as many multiplications for each, and a
 * look into the table reads all of it. */
#ifndef IKE_COMB_H
#define IKE_COMB_H

#include <openssl/bn.h>

#include <stddef.h>
#include <stdint.h>

struct comb;

/* For exponents of as many octets as `bits` need; mont is the odd modulus's and must outlive it.
 * NULL: no memory. Once made it is only read: any thread. */
struct comb *comb_new(const BIGNUM *base, const BIGNUM *modulus, unsigned bits, BN_MONT_CTX *mont);
void comb_free(struct comb *c); /* NULL is fine */
/* out, big-endian and as long as the modulus = the base to the power of x (big-endian). x is no
 * longer than that. -ENOMEM. */
int comb_power(const struct comb *c, const uint8_t *x, size_t len, uint8_t *out);

#endif

/* Who may cost us what, before anything about him is proved (RFC 7296 §2.6).
 *
 * What a request without an SA of ours passes, in this order, the cheap before the dear; each stop
 * has its counter:
 *
 *   length, version, flags            malformed, bad-version
 *   the source has a tunnel           no-tunnel: silence, and no bucket is touched, so that
 *                                     strangers cannot empty one for those who are known
 *   a repeat of what was answered     answered-again
 *   token buckets, half-open SAs      cookie-demanded, rate-limited, too-many
 *   proposals                         no-proposal
 *   Diffie-Hellman
 *
 * A cookie is a MAC over nonce, source address and SPI under a secret that changes by the minute:
 * nothing is kept for it, and verifying one allocates nothing. Who returned one owns his address:
 * the lower half of each bucket is his alone, so that forged sources cannot keep him out. Belongs
 * to an engine; one thread. */
#ifndef IKE_GATE_H
#define IKE_GATE_H

#include "ike/engine.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct ike_tunnel;

#define IKE_COOKIE_HALF_OPEN_ALL  30 /* half-open SAs from which on cookies are demanded */
#define IKE_COOKIE_HALF_OPEN_EACH 3  /* of one tunnel */
#define IKE_HALF_OPEN_ALL	  20000
#define IKE_HALF_OPEN_EACH	  6 /* of one tunnel; the oldest makes room */
#define IKE_COOKIE_BYTES	  17
#define IKE_COOKIE_LIFE		  (60 * IKE_SECOND) /* of a secret; the one before it still counts */

/* Tokens that come back at a steady rate. All zero is full. */
struct ike_bucket {
	ike_time full_at;
};
/* Takes one token of `each` µs, unless more than `depth` of them would be out. */
bool ike_bucket_take(struct ike_bucket *b, ike_time now, ike_time each, unsigned depth);

struct ike_gate {
	uint8_t secret[2][32]; /* by the lowest bit of their version */
	uint8_t version;
	ike_time renewed; /* 0: there is no secret yet */
	struct ike_bucket all, challenges;
};

enum ike_verdict { IKE_PASS, IKE_CHALLENGE, IKE_TURN_AWAY };

/* What the source of a request proves and claims. */
struct ike_claim {
	const struct ike_path *path;
	uint64_t spi_i;
	struct view nonce;
	struct view cookie; /* n 0: none */
};

/* May this request for a new SA of the tunnel go on? On IKE_PASS there is room for one more
 * half-open SA; on IKE_CHALLENGE, cookie holds what to demand. Otherwise it is counted already. */
enum ike_verdict ike_gate_admit(struct ike_tunnel *t, const struct ike_claim *claim,
				uint8_t cookie[IKE_COOKIE_BYTES]);
/* The same in IKEv1, where only the second message of Main Mode returns a cookie; proven: it did.
 * On IKE_CHALLENGE the caller asks for it by his answer (ike/v1/callers.h). Aggressive Mode has no
 * such thing: whoever comes first within its rate. */
enum ike_verdict ike_gate_admit_v1(struct ike_tunnel *t, bool main_mode, bool proven);

/* The peer, which has authenticated, asks for a Diffie-Hellman exchange more: it rekeys the IKE SA,
 * or makes or rekeys a child with PFS. One a second on the whole, beside what its children need by
 * their lifetime, and all of them twice at once. false: too often, which is counted. */
bool ike_gate_admit_exchange(struct ike_tunnel *t);

#endif

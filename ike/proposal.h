/* Security association proposals (RFC 7296 §3.3): what a peer offers, what we offer, what both
 * take.
 *
 * An offer is one plain value whichever side it comes from, so that own and foreign offers are
 * matched, answered and printed by the same code. Nothing here owns memory; any thread. */
#ifndef IKE_PROPOSAL_H
#define IKE_PROPOSAL_H

#include "conf/algo.h"
#include "ike/settings.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ike_protocol { IKE_PROTOCOL_NONE = 0, IKE_PROTOCOL_IKE = 1, IKE_PROTOCOL_ESP = 3 };

enum ike_transform_type {
	IKE_TRANSFORM_ENCR = 1,
	IKE_TRANSFORM_PRF = 2,
	IKE_TRANSFORM_INTEG = 3,
	IKE_TRANSFORM_KE = 4,
	IKE_TRANSFORM_ESN = 5,
};

struct ike_transform {
	uint8_t type;	   /* enum ike_transform_type */
	uint16_t id;	   /* IANA's number, also when it is not one of ours */
	uint16_t key_bits; /* Key Length attribute; 0: absent */
	bool usable;	   /* false: carries an attribute that we do not know */
};

struct ike_proposal {
	uint8_t number;
	uint8_t protocol; /* enum ike_protocol, or another number from a peer */
	bool acceptable;  /* false: other protocol, wrong SPI, or a transform type unknown to us */
	uint64_t spi;	  /* the sender's, host order; 0: none */
	uint16_t first, n;
};

#define IKE_PROPOSALS_MAX  64
#define IKE_TRANSFORMS_MAX 512 /* of one offer, all proposals together */

/* Proposals in order of preference. One that does not fit whole is left out, never cut. */
struct ike_offer {
	unsigned n, n_transforms;
	bool cut; /* a peer sent more than we keep */
	struct ike_proposal proposal[IKE_PROPOSALS_MAX];
	struct ike_transform transform[IKE_TRANSFORMS_MAX];
};

/* What was agreed: one algorithm of each kind. */
struct ike_suite {
	enum algo_cipher cipher;
	enum algo_auth auth; /* integrity; AUTH_NONE with an AEAD */
	enum algo_auth prf;  /* IKE only; AUTH_NONE for ESP */
	enum algo_dh dh;     /* DH_NONE: ESP without a key exchange of its own */
	bool esn;	     /* ESP only */
};

struct ike_choice {
	struct ike_suite suite;
	uint8_t number; /* of the proposal: goes into the answer */
	uint64_t spi;	/* the peer's, host order; 0 in IKE_SA_INIT */
};

/* Reads the body of an SA payload (after its generic header). protocol and spi_bytes say what the
 * exchange is about: IKE with 0 (IKE_SA_INIT) or 8 (rekey), ESP with 4. Foreign protocols and
 * algorithms are kept for printing, but not acceptable. -EBADMSG: lengths do not add up. */
int ike_offer_parse(struct ike_offer *o, enum ike_protocol protocol, unsigned spi_bytes,
		    struct view body);

/* Our own offers, as configured. One proposal for each run of ciphers that do (or do not) need an
 * integrity algorithm, so that the operator's order survives. with_pfs: false in IKE_AUTH, whose
 * child has no key exchange (RFC 7296 §1.2). With ike_settings.esn, ESN comes first and plain
 * sequence numbers second; without, only plain. */
void ike_offer_ike(struct ike_offer *o, const struct ike_settings *t);
void ike_offer_esp(struct ike_offer *o, const struct ike_settings *t, bool with_pfs);
/* One proposal of exactly this suite: a responder's answer, or a rekey that keeps the suite. */
void ike_offer_suite(struct ike_offer *o, enum ike_protocol protocol, uint8_t number,
		     const struct ike_suite *s);

/* Body of an SA payload; every proposal carries spi in spi_bytes (0, 4 or 8). */
void ike_offer_emit(struct writer *w, const struct ike_offer *o, uint64_t spi, unsigned spi_bytes);

/* Responder: the best by our order of ciphers, then integrity, PRF, group and ESN, of what one of
 * the peer's proposals allows. -ENOENT: nothing in common. With ignore_ke the peer's groups do not
 * count and dh becomes DH_NONE (IKE_AUTH). Whether the peer sent a KE payload of choice->suite.dh
 * is for the caller to see: if not, answer INVALID_KE_PAYLOAD with that group. */
int ike_offer_select(const struct ike_offer *own, const struct ike_offer *peer, bool ignore_ke,
		     struct ike_choice *choice);

/* Initiator: the answer must be one proposal with one transform of each type, all of them in our
 * proposal of that number. -EINVAL: it is not. */
int ike_offer_verify(const struct ike_offer *own, const struct ike_offer *answer,
		     struct ike_choice *choice);

/* The group to send in the first KE payload; DH_NONE: the offer has none. */
enum algo_dh ike_offer_first_dh(const struct ike_offer *own);
/* Whether an INVALID_KE_PAYLOAD that names this group may be followed. */
bool ike_offer_has_dh(const struct ike_offer *own, enum algo_dh dh);

/* "aes128/aes256-sha256-ecp256, aes256gcm-sha384-x25519": encryption, integrity, PRF where it
 * differs, group, and "esn" or "esn/noesn". Algorithms that are not ours appear by number, as
 * "encr#20". Cut with "..." if size is too small. Returns buf. */
const char *ike_offer_format(const struct ike_offer *o, char *buf, size_t size);
const char *ike_suite_format(const struct ike_suite *s, char *buf, size_t size);

#endif

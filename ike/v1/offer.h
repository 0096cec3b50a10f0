/* IKEv1's SA payloads: proposals whose transforms are whole suites (RFC 2407 §4.4–4.5, RFC 2409
 * appendix A).
 *
 * Read into the same offer that IKEv2's become, one proposal for each transform, so that matching
 * and printing are the same code; what only v1 says stands beside it. */
#ifndef IKE_V1_OFFER_H
#define IKE_V1_OFFER_H

#include "ike/proposal.h"

/* Encapsulation modes (RFC 2407 §4.5, RFC 3947 §5.1, its drafts). */
enum ike_v1_mode {
	IKE_V1_TUNNEL = 1,
	IKE_V1_TRANSPORT = 2,
	IKE_V1_UDP_TUNNEL = 3,
	IKE_V1_UDP_TUNNEL_DRAFT = 61443,
};

/* What one transform says beside its algorithms. */
struct ike_v1_terms {
	uint8_t proposal, transform, id;
	uint16_t mode;		     /* 0: not said */
	uint32_t seconds, kilobytes; /* lifetime; 0: not said */
	struct view attributes;	     /* as sent: an answer repeats them */
};

struct ike_v1_offer {
	struct ike_offer offer; /* number: index in of[], plus 1 */
	struct ike_v1_terms of[IKE_PROPOSALS_MAX];
};

/* Reads the body of an SA payload. ESP: transforms of another mode than tunnel (udp: in UDP) are
 * not acceptable. -EBADMSG: lengths do not add up, or another DOI or situation. */
int ike_v1_offer_parse(struct ike_v1_offer *o, enum ike_protocol protocol, bool udp,
		       struct view body);
/* The best by our order that both have. -ENOENT: nothing. */
int ike_v1_offer_select(const struct ike_offer *own, const struct ike_v1_offer *peer,
			struct ike_choice *choice, const struct ike_v1_terms **terms);

/* Bodies of our offers. seconds: lifetime. group: the only one to offer; DH_NONE: all that are
 * configured (IKE), or none (ESP). */
void ike_v1_offer_emit_ike(struct writer *w, const struct ike_settings *t, enum algo_dh group,
			   uint32_t seconds);
struct ike_v1_esp_offer {
	const struct ike_settings *conf;
	const struct ike_suite *suite; /* the only one; NULL: all that are configured */
	enum algo_dh group;
	enum ike_v1_mode mode;
	uint32_t seconds, kilobytes; /* kilobytes 0: not said */
	uint32_t spi;
};
void ike_v1_offer_emit_esp(struct writer *w, const struct ike_v1_esp_offer *o);
/* The answer: one transform, as it came. spi: ours, ESP only. */
void ike_v1_offer_emit_choice(struct writer *w, enum ike_protocol protocol,
			      const struct ike_v1_terms *terms, uint32_t spi);

/* The data of RESPONDER-LIFETIME: attributes of the protocol's. -EBADMSG: no seconds in it. */
int ike_v1_offer_lifetime(enum ike_protocol protocol, struct view data, uint32_t *seconds);
void ike_v1_offer_emit_lifetime(struct writer *w, enum ike_protocol protocol, uint32_t seconds);

#endif

/* What main and aggressive mode have in common: offers, keys, NAT detection, authentication by a
 * pre-shared key (RFC 2409 §5, RFC 3947). */
#ifndef IKE_V1_PHASE1_H
#define IKE_V1_PHASE1_H

#include "ike/v1/exchange.h"

/* Vendor ids that we speak; as responder, those that the initiator speaks too. */
unsigned ike_v1_vendors_common(unsigned theirs);
#define IKE_V1_VENDORS_OURS \
	(IKE_V1_VENDOR_NATT_RFC | IKE_V1_VENDOR_NATT_03 | IKE_V1_VENDOR_NATT_02 | IKE_V1_VENDOR_DPD)

/* Payloads. */
int ike_v1_build_offer(struct ike_v1_exchange *x, struct ike_builder *b, enum algo_dh group);
int ike_v1_build_key(struct ike_v1_exchange *x, struct ike_builder *b);
int ike_v1_build_nat(struct ike_v1_exchange *x, struct ike_builder *b);
void ike_v1_build_id(struct ike_v1_exchange *x, struct ike_builder *b, struct view *body);
/* HASH over the identity whose body this is. */
int ike_v1_build_hash(struct ike_v1_exchange *x, struct ike_builder *b, struct view id);
bool ike_v1_is_first(const struct ike_sa *sa); /* we know nothing else of the peer */
void ike_v1_build_contact(struct ike_v1_exchange *x, struct ike_builder *b);
/* RESPONDER-LIFETIME, if ours is shorter than what the peer proposed. */
void ike_v1_build_lifetime(struct ike_v1_exchange *x, struct ike_builder *b);

/* Initiator: the responder's choice. false: the reason is noted. */
bool ike_v1_take_choice(struct ike_v1_exchange *x, struct ike_v1_message *m);
void ike_v1_detect_nat(struct ike_v1_exchange *x, const struct ike_v1_message *m);
/* To port 4500, if there is a NAT and we are not there yet. */
void ike_v1_float(struct ike_sa *sa);
/* All keys from our value and the peer's. 0, -EINVAL: its value is not acceptable, or -errno. */
int ike_v1_agree(struct ike_v1_exchange *x, const struct ike_v1_message *m);
/* Whether the peer is who it should be; the reason that it is not is noted for a person, and the
 * peer is told once. 0; -EBADMSG: it does not have our key, or somebody else sent this; -EACCES: it
 * has, but is not who we want. */
int ike_v1_verify(struct ike_v1_exchange *x, struct view id, struct view hash);
/* Phase 1 is over, and the SA is up; id: the peer's. */
void ike_v1_established(struct ike_v1_exchange *x, struct view id, bool initial_contact);

/* The peer has our key and believes that all is well, but is somebody else. */
void ike_v1_reject(struct ike_v1_exchange *x);
/* Notes that the peer's public value is not acceptable. */
void ike_v1_bad_key(struct ike_v1_exchange *x);
/* Our own attempt ends, for want of memory; to be tried again. */
void ike_v1_fail(struct ike_v1_exchange *x, int rc);
/* An error in clear to the initiator, nothing kept. */
void ike_v1_refuse(struct ike_engine *e, const struct ike_path *path, uint64_t cky_i,
		   uint64_t cky_r, uint16_t error);

/* The rest of the answer to a first message, for an SA that has offers settled (main.c,
 * aggressive.c). 0 or -errno. */
int ike_v1_main_answer(struct ike_v1_exchange *x, const struct ike_v1_terms *terms);
/* What that holds: our choice, and what we speak of what the peer does. */
void ike_v1_main_offer(struct ike_builder *b, const struct ike_v1_terms *terms, unsigned vendors);
int ike_v1_aggressive_answer(struct ike_v1_exchange *x, struct ike_v1_message *m,
			     const struct ike_v1_terms *terms);
/* The first message of a call. */
int ike_v1_main_call(struct ike_v1_exchange *x);
int ike_v1_aggressive_call(struct ike_v1_exchange *x);

#endif

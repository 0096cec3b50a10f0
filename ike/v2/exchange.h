/* The exchanges of an IKE SA: one request of ours and one of the peer's at a time (RFC 7296 §2.1).
 *
 * What an SA wants is written in its flags and its children's; ike_exchange_next() turns the most
 * urgent wish into a request when the window is free. A request is repeated until answered; the
 * answer to the peer's last request is kept, to be repeated as well. */
#ifndef IKE_V2_EXCHANGE_H
#define IKE_V2_EXCHANGE_H

#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v2/message.h"

/* Starts the next request, if the window is free and something is wanted. */
void ike_exchange_next(struct ike_sa *sa);
void ike_exchange_start(struct ike_sa *sa, enum ike_errand errand);
/* A message whose SPIs name this SA; data may be overwritten. */
void ike_exchange_input(struct ike_sa *sa, const struct ike_path *path, struct ike_message *m,
			uint8_t *data, size_t n);
ike_timer_fn ike_exchange_on_timer; /* of a request */

/* IKE_SA_INIT (init.c). Requests without an SA of ours come to ike_init_answer(). */
void ike_init_call(struct ike_tunnel *t);
void ike_init_answer(struct ike_tunnel *t, const struct ike_path *path, struct ike_message *m,
		     const uint8_t *data, size_t n);
/* INVALID_MAJOR_VERSION: we speak this one at most. */
void ike_init_refuse_version(struct ike_engine *e, const struct ike_path *path,
			     const struct ike_message *m, unsigned version);
int ike_init_build(struct ike_sa *sa, struct ike_builder *b);
void ike_init_answered(struct ike_sa *sa, struct ike_message *m, const uint8_t *data, size_t n);

/* IKE_AUTH (auth.c) */
int ike_auth_build(struct ike_sa *sa, struct ike_builder *b);
void ike_auth_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
void ike_auth_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b);
int ike_reject_build(struct ike_sa *sa, struct ike_builder *b);

/* Child SAs (child.c): payloads shared by IKE_AUTH and CREATE_CHILD_SA, and the new child. */
int ike_child_offer(struct ike_sa *sa, const struct ike_offer *offer,
		    const struct ike_selectors *local, const struct ike_selectors *remote,
		    struct ike_builder *b);
int ike_child_build(struct ike_sa *sa, struct ike_builder *b);
void ike_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
/* Answers with a pair, or with an error notify. lane: of the pair that it replaces, or 0. NULL: the
 * latter. */
struct ike_child *ike_child_answer(struct ike_sa *sa, struct ike_message *m, bool in_auth,
				   uint32_t lane, struct ike_builder *b);
/* Reads the answer and installs the inbound SA. NULL: *error says which notify told so, or 0 when
 * the answer makes no sense or nothing could be installed. */
struct ike_child *ike_child_conclude(struct ike_sa *sa, struct ike_request *r,
				     struct ike_message *m, const struct ike_offer *own,
				     const struct ike_selectors *local,
				     const struct ike_selectors *remote, bool in_auth);
/* After a collision: true if our pair is the redundant one, and will be deleted; else the peer's
 * is, and the peer will. */
bool ike_child_lost(struct ike_sa *sa, struct ike_request *r, const struct ike_message *m,
		    struct ike_child *c);
void ike_child_explain(struct ike_sa *sa, const struct ike_notify *error);

/* Rekeys (rekey_child.c, rekey_ike.c) and their collisions. */
int ike_rekey_child_build(struct ike_sa *sa, struct ike_builder *b);
void ike_rekey_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
void ike_rekey_child_answer(struct ike_sa *sa, struct ike_message *m,
			    const struct ike_notify *rekey, struct ike_builder *b);
int ike_rekey_ike_build(struct ike_sa *sa, struct ike_builder *b);
void ike_rekey_ike_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
void ike_rekey_ike_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b);
/* The answer came while the SA is closing: what the peer has made of our request closes, too. */
void ike_rekey_ike_abandoned(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
/* The SA is going, perhaps while our rekey of it is under way: its children then follow the peer's,
 * if there is one. */
void ike_rekey_ike_orphaned(struct ike_sa *sa);

/* INFORMATIONAL (info.c) */
int ike_delete_child_build(struct ike_sa *sa, struct ike_builder *b);
void ike_delete_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
int ike_delete_ike_build(struct ike_sa *sa, struct ike_builder *b);
void ike_delete_ike_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
int ike_probe_build(struct ike_sa *sa, struct ike_builder *b);
void ike_probe_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
void ike_info_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b);

/* Keys of an SA whose suite, SPIs and nonces are set, from our value and the peer's KE payload.
 * 0, -EINVAL: the peer's value is not acceptable, or -errno. */
int ike_agree(struct ike_sa *sa, struct ike_dh *dh, const struct ike_message *m,
	      const struct ike_sa *parent);
/* A key exchange payload of our value. 0 or -ENOMEM. */
int ike_build_ke(struct ike_builder *b, const struct ike_dh *dh);
void ike_build_nonce(struct ike_builder *b, const void *nonce, size_t len);
/* Remembers the lower nonce of a peer's exchange that crosses ours. */
void ike_request_crossed(struct ike_request *r, uint64_t spi, const uint8_t *a, size_t a_len,
			 const uint8_t *b, size_t b_len);
/* After our answer came: true if our exchange holds the lowest of the four nonces. */
bool ike_request_lost(const struct ike_request *r, const uint8_t *peer, size_t peer_len);
/* TEMPORARY_FAILURE came: notes it, and gives the IKE SA up when that has lasted for minutes. */
void ike_exchange_refused(struct ike_sa *sa);

#endif

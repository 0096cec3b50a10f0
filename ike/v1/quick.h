/* What both roles of a Quick Mode have in common (quick.c, quick_answer.c, pairs.c). */
#ifndef IKE_V1_QUICK_H
#define IKE_V1_QUICK_H

#include "ike/v1/exchange.h"

/* The exchange of this tunnel that is to make such a pair; ours, or anybody's. NULL: none. */
struct ike_v1_exchange *ike_v1_pair_in_the_making(const struct ike_tunnel *t,
						  const struct ike_traffic *traffic,
						  bool ours_only);

/* A nonce of ours, kept in *keep as well; a public value, if the exchange has one. 0 or -ENOMEM. */
int ike_v1_quick_nonce(struct ike_v1_exchange *x, struct ike_builder *b, struct ike_v1_blob **keep);
int ike_v1_quick_key(struct ike_v1_exchange *x, struct ike_builder *b);
/* The secret of the exchange's own key exchange, if it has one. */
int ike_v1_quick_agree(struct ike_v1_exchange *x, const struct ike_v1_message *m,
		       struct secret **shared);
/* What a pair is made of, once both nonces are there; all but its inbound SPI. said: the peer's
 * transform, whose lifetimes count if they are the shorter ones. */
struct ike_child_terms ike_v1_quick_terms(const struct ike_v1_exchange *x,
					  const struct ike_choice *choice,
					  const struct ike_v1_terms *said,
					  const struct secret *shared);
/* This pair has come to stay: those for the same traffic before it go after a while, unless sooner.
 */
void ike_v1_retire_others(const struct ike_child *c, ike_time after);
/* ike_child_new(); the pair is governed by the SA that is to stay, if this one is not. */
int ike_v1_quick_pair(struct ike_sa *sa, const struct ike_child_terms *terms, struct ike_child **c);

#endif

/* Main mode (RFC 2409 §5.4): offers, public values, identities; six messages. */
#include "ike/v1/phase1.h"

#include <errno.h>

int ike_v1_main_call(struct ike_v1_exchange *x)
{
	struct ike_builder b;
	int rc;

	ike_v1_build(x, &b);
	rc = ike_v1_build_offer(x, &b, DH_NONE);
	ike_v1_build_vendors(&b, IKE_V1_VENDORS_OURS);
	return rc < 0 ? rc : ike_v1_send(x, &b, false);
}

void ike_v1_main_offer(struct ike_builder *b, const struct ike_v1_terms *terms, unsigned vendors)
{
	ike_v1_offer_emit_choice(ike_v1_build_payload(b, IKE_V1_SA), IKE_PROTOCOL_IKE, terms, 0);
	ike_build_end(b);
	ike_v1_build_vendors(b, vendors | IKE_V1_VENDOR_DPD);
}

int ike_v1_main_answer(struct ike_v1_exchange *x, const struct ike_v1_terms *terms)
{
	struct ike_builder b;

	ike_v1_accept(x);
	ike_v1_build(x, &b);
	ike_v1_main_offer(&b, terms, x->sa->v1->vendors);
	return ike_v1_send(x, &b, false);
}

/* Public value, nonce and where we believe both to be. */
static int send_key(struct ike_v1_exchange *x)
{
	struct ike_builder b;
	int rc;

	ike_v1_build(x, &b);
	rc = ike_v1_build_key(x, &b);
	if (rc == 0)
		rc = ike_v1_build_nat(x, &b);
	return rc < 0 ? rc : ike_v1_send(x, &b, false);
}

void ike_v1_main_offered(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	struct ike_sa *other = ike_tunnel_current(sa->tunnel);
	int rc;

	/* The peer called meanwhile and is in already: nothing is left to do for this attempt. */
	if (other && other->established >= sa->created) {
		ike_sa_kill(sa, false);
		return;
	}
	if (!ike_v1_take_choice(x, m))
		return;
	ike_v1_accept(x);
	x->dh = ike_dh_new(sa->suite.dh);
	rc = x->dh ? send_key(x) : -ENOMEM;
	if (rc < 0)
		ike_v1_fail(x, rc);
	else
		ike_v1_waits(x);
}

void ike_v1_main_key(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	int rc = -ENOMEM;

	x->dh = ike_dh_new(sa->suite.dh);
	if (x->dh)
		rc = ike_v1_agree(x, m);
	if (rc == 0) {
		ike_v1_detect_nat(x, m);
		ike_v1_accept(x);
		rc = send_key(x);
	}
	if (rc < 0) {
		ike_count(sa->engine, rc == -EINVAL ? IKE_COUNT_MALFORMED : IKE_COUNT_TOO_MANY);
		ike_sa_kill(sa, false);
	}
}

/* Identity and proof, encrypted. */
static int send_proof(struct ike_v1_exchange *x)
{
	struct ike_builder b;
	struct view id;
	int rc;

	ike_v1_build(x, &b);
	ike_v1_build_id(x, &b, &id);
	rc = ike_v1_build_hash(x, &b, id);
	ike_v1_build_contact(x, &b);
	ike_v1_build_lifetime(x, &b);
	return rc < 0 ? rc : ike_v1_send(x, &b, true);
}

void ike_v1_main_keyed(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	int rc = ike_v1_agree(x, m);

	if (rc == -EINVAL) {
		ike_v1_bad_key(x);
		ike_sa_doubt(sa); /* the true answer may come yet */
		return;
	}
	if (rc == 0) {
		ike_v1_accept(x);
		ike_v1_detect_nat(x, m);
		ike_v1_float(sa);
		ike_sa_set_state(sa, IKE_STATE_AUTHENTICATING);
		rc = send_proof(x);
	}
	if (rc < 0)
		ike_v1_fail(x, rc);
	else
		ike_v1_waits(x);
}

void ike_v1_main_authenticate(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;

	if (ike_v1_verify(x, m->body[IKE_V1_ID], m->body[IKE_V1_HASH]) < 0)
		return;
	ike_v1_accept(x);
	sa->path = *x->from;
	if (send_proof(x) < 0) {
		ike_sa_kill(sa, false);
		return;
	}
	ike_v1_established(x, m->body[IKE_V1_ID],
			   ike_v1_message_notify(m, V1_INITIAL_CONTACT) != NULL);
}

void ike_v1_main_answered(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	const struct ike_notify *life = ike_v1_message_notify(m, V1_RESPONDER_LIFETIME);
	uint32_t seconds;
	int rc = ike_v1_verify(x, m->body[IKE_V1_ID], m->body[IKE_V1_HASH]);

	if (rc == -EACCES) {
		ike_v1_accept(x);
		ike_v1_reject(x);
		return;
	}
	if (rc < 0) {
		ike_sa_doubt(x->sa);
		return;
	}
	ike_v1_accept(x);
	if (life && ike_v1_offer_lifetime(IKE_PROTOCOL_IKE, life->data, &seconds) == 0)
		ike_sa_shorten(x->sa, seconds);
	ike_v1_established(x, m->body[IKE_V1_ID],
			   ike_v1_message_notify(m, V1_INITIAL_CONTACT) != NULL);
}

/* Aggressive mode (RFC 2409 §5.4): all but the last proof in two messages, in clear. */
#include "ike/v1/phase1.h"

#include "ike/identity.h"

#include <errno.h>

int ike_v1_aggressive_call(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	enum algo_dh group = sa->tunnel->conf.ike_dh.id[0];
	struct ike_builder b;
	struct view id;
	int rc;

	x->dh = ike_dh_new(group);
	ike_v1_build(x, &b);
	rc = ike_v1_build_offer(x, &b, group);
	if (rc == 0)
		rc = ike_v1_build_key(x, &b);
	ike_v1_build_id(x, &b, &id);
	ike_v1_build_vendors(&b, IKE_V1_VENDORS_OURS);
	return rc < 0 ? rc : ike_v1_send(x, &b, false);
}

int ike_v1_aggressive_answer(struct ike_v1_exchange *x, struct ike_v1_message *m,
			     const struct ike_v1_terms *terms)
{
	struct ike_sa *sa = x->sa;
	struct ike_builder b;
	struct view id;
	int rc;

	x->dh = ike_dh_new(sa->suite.dh);
	x->peer_id = ike_v1_blob(m->body[IKE_V1_ID]);
	if (!x->dh || !x->peer_id)
		return -ENOMEM;
	rc = ike_v1_agree(x, m);
	if (rc < 0)
		return rc;
	ike_v1_accept(x);
	ike_v1_build(x, &b);
	ike_v1_offer_emit_choice(ike_v1_build_payload(&b, IKE_V1_SA), IKE_PROTOCOL_IKE, terms, 0);
	ike_build_end(&b);
	rc = ike_v1_build_key(x, &b);
	ike_v1_build_id(x, &b, &id);
	if (rc == 0)
		rc = ike_v1_build_hash(x, &b, id);
	if (rc == 0)
		rc = ike_v1_build_nat(x, &b);
	ike_v1_build_vendors(&b, sa->v1->vendors | IKE_V1_VENDOR_DPD);
	return rc < 0 ? rc : ike_v1_send(x, &b, false);
}

/* Proof alone: our identity went in the first message. */
static int send_proof(struct ike_v1_exchange *x)
{
	uint8_t id[4 + CONF_ID_BYTES];
	struct ike_builder b;
	struct writer w;
	int rc;

	writer_init(&w, id, sizeof(id));
	ike_identity_emit(&w, &x->sa->tunnel->conf.local_id);
	ike_v1_build(x, &b);
	rc = ike_v1_build_hash(x, &b, (struct view){ id, w.n });
	if (rc == 0)
		rc = ike_v1_build_nat(x, &b);
	ike_v1_build_contact(x, &b);
	return rc < 0 ? rc : ike_v1_send(x, &b, true);
}

void ike_v1_aggressive_answered(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	int rc;

	if (!ike_v1_take_choice(x, m))
		return;
	rc = ike_v1_agree(x, m);
	if (rc < 0 && rc != -EINVAL) {
		ike_v1_fail(x, rc);
		return;
	}
	if (rc == -EINVAL)
		ike_v1_bad_key(x);
	else
		rc = ike_v1_verify(x, m->body[IKE_V1_ID], m->body[IKE_V1_HASH]);
	if (rc < 0) {
		/* The true answer may come yet, under a cookie of its own. */
		sa->spi_r = 0;
		sa->lifetime = sa->tunnel->conf.ike_lifetime;
		ike_sa_doubt(sa);
		return;
	}
	ike_v1_accept(x);
	ike_v1_detect_nat(x, m);
	ike_v1_float(sa);
	rc = send_proof(x);
	if (rc < 0)
		ike_v1_fail(x, rc);
	else
		ike_v1_established(x, m->body[IKE_V1_ID], false);
	/* Our proof may get lost, and nobody would repeat it: an SA that takes over from another
	 * asks at once whether the peer has it. */
	if (rc == 0 && sa->state == IKE_STATE_ESTABLISHED && sa->tunnel->out) {
		sa->want_probe = true;
		ike_sa_attend(sa);
	}
}

/* No message of the exchange itself is left to say it in. */
static void tell_contact(struct ike_sa *sa)
{
	uint8_t spi[IKE_V1_COOKIES];

	ike_v1_cookies(sa, spi);
	ike_v1_notify(sa, IKE_PROTOCOL_IKE, spi, sizeof(spi), V1_INITIAL_CONTACT, NULL, 0);
}

static void tell_lifetime(struct ike_sa *sa)
{
	uint8_t spi[IKE_V1_COOKIES], data[12];
	struct writer w;

	ike_v1_cookies(sa, spi);
	writer_init(&w, data, sizeof(data));
	ike_v1_offer_emit_lifetime(&w, IKE_PROTOCOL_IKE, sa->lifetime);
	ike_v1_notify(sa, IKE_PROTOCOL_IKE, spi, sizeof(spi), V1_RESPONDER_LIFETIME, data, w.n);
}

void ike_v1_aggressive_authenticate(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	bool shorter = x->shorter;
	int rc = ike_v1_verify(x, ike_v1_view(x->peer_id), m->body[IKE_V1_HASH]);

	if (rc == -EBADMSG)
		return;
	ike_v1_accept(x);
	if (rc < 0) {
		ike_v1_reject(x);
		return;
	}
	ike_v1_detect_nat(x, m);
	sa->path = *x->from;
	ike_v1_established(x, ike_v1_view(x->peer_id),
			   ike_v1_message_notify(m, V1_INITIAL_CONTACT) != NULL);
	if (shorter)
		tell_lifetime(sa);
	if (ike_v1_is_first(sa))
		tell_contact(sa);
}

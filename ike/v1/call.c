/* Calling in phase 1 and being called: how attempts begin, fail and are explained. */
#include "ike/v1/phase1.h"

#include "ike/natt.h"
#include "ike/v1/callers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HALF_OPEN_TIMEOUT (30 * IKE_SECOND)
#define RETRY_LOW	  (3 * IKE_SECOND)
#define RETRY_HIGH	  (6 * IKE_SECOND)

void ike_v1_call(struct ike_tunnel *t)
{
	const struct ike_sa *current = ike_tunnel_current(t);
	struct ike_path path = { .local = { t->conf.cloud_ip, IKE_PORT },
				 .remote = { t->conf.customer_ip, IKE_PORT } };
	bool aggressive = t->conf.ike_mode == CONF_IKE_AGGRESSIVE;
	char ours[192], peer[ADDR_STR_MAX];
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_v1_exchange *x;
	struct ike_offer offer;
	struct ike_sa *sa;
	int rc = -ENOMEM;

	ike_offer_ike(&offer, &t->conf);
	ike_tunnel_note(t, true, "calling %s in %s mode: %s", ike_tunnel_peer(t, peer),
			aggressive ? "aggressive" : "main",
			ike_offer_format(&offer, ours, sizeof(ours)));
	sa = ike_sa_new(t, true, current ? &current->path : &path);
	if (!sa || ike_v1_begin(sa) < 0)
		goto out;
	ike_random(sa->engine, nonce, sizeof(nonce));
	ike_sa_set_nonce(sa, true, nonce, sizeof(nonce));
	x = ike_v1_open(sa, aggressive ? IKE_V1_AGGRESSIVE : IKE_V1_MAIN, true, 0);
	if (!x)
		goto out;
	rc = aggressive ? ike_v1_aggressive_call(x) : ike_v1_main_call(x);
	if (rc == 0)
		ike_v1_waits(x);
out:
	if (rc == 0)
		return;
	ike_tunnel_because(t, IKE_REASON_NO_RESOURCES, "no memory for an IKE SA");
	if (sa)
		ike_sa_kill(sa, false);
	ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
}

void ike_v1_bad_key(struct ike_v1_exchange *x)
{
	struct ike_tunnel *t = x->sa->tunnel;
	char peer[ADDR_STR_MAX];

	ike_count(t->engine, IKE_COUNT_MALFORMED);
	ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR,
			   "%s sent a public value that is not acceptable",
			   ike_tunnel_peer(t, peer));
}

void ike_v1_fail(struct ike_v1_exchange *x, int rc)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	ike_tunnel_because(t, IKE_REASON_NO_RESOURCES, "the key exchange with %s failed: %s",
			   ike_tunnel_peer(t, peer), strerror(-rc));
	ike_sa_kill(sa, false);
	ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
}

void ike_v1_reject(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;

	memcpy(sa->v1->iv, x->iv, sizeof(sa->v1->iv));
	ike_v1_notify(sa, IKE_PROTOCOL_IKE, NULL, 0, V1_AUTHENTICATION_FAILED, NULL, 0);
	ike_v1_farewell(sa);
	ike_sa_kill(sa, false);
	ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
}

/* The SA to be replaced goes on asking. */
static void rekey_again(struct ike_tunnel *t)
{
	struct ike_sa *current = ike_tunnel_current(t);
	struct ike_engine *e = t->engine;

	if (!current)
		return;
	current->rekey_at = e->now + ike_retry_after(e, current->lifetime * IKE_SECOND);
	ike_timer_set(&e->timers, &current->rekey, current->rekey_at);
}

void ike_v1_phase1_gave_up(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	ike_tunnel_peer(t, peer);
	if (sa->hinted)
		; /* the hint says more */
	else if (sa->state == IKE_STATE_AUTHENTICATING)
		ike_tunnel_because(t, IKE_REASON_AUTH_FAILED,
				   "%s does not answer what is encrypted: its pre-shared key is "
				   "likely to be another",
				   peer);
	else
		ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
				   "no answer from %s to our public value after %u tries", peer,
				   x->sends);
	ike_sa_kill(sa, false);
	rekey_again(t);
	ike_tunnel_call_within(t, IKE_SECOND, 3 * IKE_SECOND);
}

static void explain_no_proposal(struct ike_tunnel *t)
{
	char ours[192], peer[ADDR_STR_MAX];
	struct ike_offer offer;

	ike_offer_ike(&offer, &t->conf);
	ike_tunnel_suspect(t, IKE_REASON_NO_PROPOSAL,
			   "%s accepts none of our IKE proposals\nours: %s\npeer's: %s",
			   ike_tunnel_peer(t, peer), ike_offer_format(&offer, ours, sizeof(ours)),
			   t->peer_offer ? t->peer_offer
					 : "not told; it may lack a connection for us, or IKEv1");
}

void ike_v1_phase1_refused(struct ike_tunnel *t, bool proven)
{
	ike_tunnel_refused(t, proven);
}

void ike_v1_phase1_hint(struct ike_sa *sa, uint16_t error)
{
	struct ike_tunnel *t = sa->tunnel;
	const char *name = ike_v1_notify_name(error);
	char peer[ADDR_STR_MAX];

	if (sa->state == IKE_STATE_ESTABLISHED || t->out) {
		ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		return;
	}
	ike_tunnel_peer(t, peer);
	if (error == V1_NO_PROPOSAL_CHOSEN)
		explain_no_proposal(t);
	else if (error == V1_AUTHENTICATION_FAILED || sa->state == IKE_STATE_AUTHENTICATING)
		ike_v1_phase1_refused(t, false);
	else
		ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR, "%s answered phase 1 with %s (%u)",
				   peer, name ? name : "an error", error);
	if (sa->initiator)
		ike_sa_doubt(sa);
}

void ike_v1_phase1_garbled(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	ike_count(sa->engine, IKE_COUNT_AUTH_FAILED);
	ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED, "%s does not have our pre-shared key",
			   ike_tunnel_peer(t, peer));
	if (sa->initiator) {
		ike_sa_doubt(sa);
	} else if (!x->told) {
		x->told = true;
		ike_v1_refuse(sa->engine, x->from, sa->spi_i, sa->spi_r, V1_AUTHENTICATION_FAILED);
	}
}

/* ---- being called ------------------------------------------------------------------------ */

/* The SA that a request with this cookie has begun already. */
static struct ike_sa *begun_before(const struct ike_tunnel *t, uint64_t cky_i)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (sa->v1 && !sa->initiator && sa->spi_i == cky_i)
			return sa;
	}
	return NULL;
}

static void answer_again(struct ike_sa *sa, uint8_t type, const struct ike_path *path,
			 const uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x = ike_v1_find(sa, type, 0);
	struct ike_engine *e = sa->engine;
	struct ike_chunk all = { data, n };
	uint8_t digest[IKE_SHA1_BYTES];

	if (!x || x->state != 1 || ike_sha1(&all, 1, digest) < 0 ||
	    memcmp(digest, x->seen, sizeof(digest)) != 0) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		return;
	}
	ike_count(e, IKE_COUNT_ANSWERED_AGAIN);
	ike_send(e, path, x->packet);
}

/* What both want; an answer to the peer and a reason for a person if there is nothing. */
static bool choose(struct ike_tunnel *t, const struct ike_path *path, struct ike_v1_message *m,
		   struct ike_choice *choice, struct ike_v1_offer *peer,
		   const struct ike_v1_terms **terms)
{
	struct ike_engine *e = t->engine;
	char ours[192], theirs[192], from[ADDR_STR_MAX];
	struct ike_offer own;

	if (ike_v1_offer_parse(peer, IKE_PROTOCOL_IKE, false, m->body[IKE_V1_SA]) < 0) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return false;
	}
	if (m->exchange == IKE_V1_AGGRESSIVE && t->conf.ike_mode != CONF_IKE_AGGRESSIVE) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		if (!t->out)
			ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR,
					   "%s calls in aggressive mode, but ike_mode is main",
					   ike_tunnel_peer(t, from));
		ike_v1_refuse(e, path, m->cky_i, 0, V1_INVALID_EXCHANGE_TYPE);
		return false;
	}
	ike_offer_ike(&own, &t->conf);
	free(t->peer_offer);
	t->peer_offer = NULL;
	if (ike_v1_offer_select(&own, peer, choice, terms) == 0) {
		ike_tunnel_note(t, false, "%s calls in %s mode: %s", ike_tunnel_peer(t, from),
				m->exchange == IKE_V1_AGGRESSIVE ? "aggressive" : "main",
				ike_suite_format(&choice->suite, ours, sizeof(ours)));
		return true;
	}
	ike_count(e, IKE_COUNT_NO_PROPOSAL);
	ike_offer_format(&peer->offer, theirs, sizeof(theirs));
	t->peer_offer = strdup(theirs);
	ike_tunnel_suspect(
		t, IKE_REASON_NO_PROPOSAL, "no common IKE proposal with %s\nours: %s\npeer's: %s",
		ike_tunnel_peer(t, from), ike_offer_format(&own, ours, sizeof(ours)), theirs);
	ike_v1_refuse(e, path, m->cky_i, 0, V1_NO_PROPOSAL_CHOSEN);
	return false;
}

/* The SA that answers a call, with offers settled; cky_r 0: its cookie is drawn. NULL: no memory.
 */
static struct ike_v1_exchange *take_call(struct ike_tunnel *t, const struct ike_path *path,
					 const struct ike_v1_message *m, uint64_t cky_r,
					 const struct ike_suite *suite,
					 const struct ike_v1_terms *terms)
{
	struct ike_engine *e = t->engine;
	struct ike_sa *sa = ike_sa_new(t, false, path);
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_v1_exchange *x;

	if (!sa)
		return NULL;
	sa->spi_i = m->cky_i;
	sa->suite = *suite;
	if (ike_v1_begin(sa) < 0 || (cky_r && !ike_sa_take_spi(sa, cky_r)))
		goto fail;
	sa->v1->vendors = ike_v1_vendors_common(m->vendors);
	ike_sa_shorten(sa, terms->seconds);
	ike_random(e, nonce, sizeof(nonce));
	ike_sa_set_nonce(sa, false, nonce, sizeof(nonce));
	x = ike_v1_open(sa, m->exchange, false, 0);
	if (!x)
		goto fail;
	x->from = path;
	x->shorter = terms->seconds > t->conf.ike_lifetime;
	x->sa_body = ike_v1_blob(m->body[IKE_V1_SA]);
	if (!x->sa_body)
		goto fail;
	ike_sa_set_state(sa, IKE_STATE_HALF_OPEN);
	ike_timer_set(&e->timers, &sa->guard, e->now + HALF_OPEN_TIMEOUT);
	return x;
fail:
	ike_sa_kill(sa, false);
	return NULL;
}

/* Answers a call in Main Mode without an SA: the caller has to show that he got it. */
static void challenge(struct ike_tunnel *t, const struct ike_path *path,
		      const struct ike_v1_message *m)
{
	union {
		struct ike_packet packet;
		uint8_t room[sizeof(struct ike_packet) + IKE_MARKER_BYTES + 1024];
	} u = { .packet = { 0 } };
	struct ike_engine *e = t->engine;
	const struct ike_v1_terms *terms;
	struct ike_choice choice;
	struct ike_v1_offer peer;
	struct ike_builder b;
	struct ike_offer own;
	uint64_t cky_r;
	int len;

	/* What cannot be is explained when fewer call. */
	ike_offer_ike(&own, &t->conf);
	if (ike_v1_offer_parse(&peer, IKE_PROTOCOL_IKE, false, m->body[IKE_V1_SA]) < 0 ||
	    ike_v1_offer_select(&own, &peer, &choice, &terms) < 0) {
		ike_count(e, IKE_COUNT_NO_PROPOSAL);
		return;
	}
	cky_r = ike_v1_caller_keep(e, t->index, m->cky_i, m->vendors, m->body[IKE_V1_SA]);
	if (!cky_r) {
		ike_count(e, IKE_COUNT_TOO_MANY);
		return;
	}
	ike_v1_build_begin(&b, u.packet.bytes + IKE_MARKER_BYTES, 1024, m->cky_i, cky_r,
			   IKE_V1_MAIN, 0);
	ike_v1_main_offer(&b, terms, ike_v1_vendors_common(m->vendors));
	len = ike_v1_build_finish(&b, CIPHER_NONE, NULL, NULL);
	u.packet.n = len > 0 ? (size_t)len : 0;
	if (len > 0)
		ike_send(e, path, &u.packet);
}

struct ike_sa *ike_v1_phase1_return(struct ike_tunnel *t, const struct ike_path *path,
				    uint64_t cky_i, uint64_t cky_r)
{
	const struct ike_v1_caller *c = ike_v1_caller_take(t->engine, t->index, cky_i, cky_r);
	struct ike_v1_message m = { .cky_i = cky_i, .exchange = IKE_V1_MAIN };
	const struct ike_v1_terms *terms;
	struct ike_v1_exchange *x;
	struct ike_choice choice;
	struct ike_v1_offer peer;

	if (!c || ike_gate_admit_v1(t, true, true) != IKE_PASS)
		return NULL;
	m.vendors = c->vendors;
	m.body[IKE_V1_SA] = (struct view){ c->body, c->n };
	/* The tunnel may have been changed meanwhile. */
	if (!choose(t, path, &m, &choice, &peer, &terms))
		return NULL;
	x = take_call(t, path, &m, cky_r, &choice.suite, terms);
	if (!x)
		return NULL;
	x->state = 1;
	return x->sa;
}

void ike_v1_phase1_answer(struct ike_tunnel *t, const struct ike_path *path,
			  struct ike_v1_message *m, const uint8_t *data, size_t n)
{
	struct ike_sa *sa = begun_before(t, m->cky_i);
	bool main_mode = m->exchange == IKE_V1_MAIN;
	struct ike_engine *e = t->engine;
	const struct ike_v1_terms *terms;
	struct ike_chunk all = { data, n };
	struct ike_v1_exchange *x;
	enum ike_verdict verdict;
	struct ike_choice choice;
	struct ike_v1_offer peer;
	int rc;

	if (sa) {
		answer_again(sa, m->exchange, path, data, n);
		return;
	}
	if (ike_v1_message_walk(m, (struct view){ data, n }, false) < 0 ||
	    !ike_v1_admit(m, m->exchange, false, 0)) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return;
	}
	verdict = ike_gate_admit_v1(t, main_mode, false);
	if (verdict == IKE_CHALLENGE)
		challenge(t, path, m);
	if (verdict != IKE_PASS || !choose(t, path, m, &choice, &peer, &terms))
		return;
	x = take_call(t, path, m, 0, &choice.suite, terms);
	if (!x)
		return;
	rc = ike_sha1(&all, 1, x->digest);
	if (rc == 0)
		rc = main_mode ? ike_v1_main_answer(x, terms)
			       : ike_v1_aggressive_answer(x, m, terms);
	if (rc < 0) {
		ike_count(e, rc == -EINVAL ? IKE_COUNT_MALFORMED : IKE_COUNT_TOO_MANY);
		ike_sa_kill(x->sa, false);
	}
}

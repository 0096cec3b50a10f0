/* IKE_AUTH with a pre-shared key, and the first child (RFC 7296 §1.2, §2.15, §2.17). */
#include "ike/v2/exchange.h"

#include "ike/child.h"
#include "ike/identity.h"
#include "ike/natt.h"
#include "ike/ppk.h"
#include "ike/selector.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_SHARED_KEY 2
#define REFUSED_FOR	  (10 * IKE_SECOND) /* repeats are answered so long */
#define RETRY_LOW	  (3 * IKE_SECOND)
#define RETRY_HIGH	  (6 * IKE_SECOND)

/* AUTH of the side that is the initiator, or not: over its first message, the other's nonce and its
 * identity. mixed: keys to use in place of the SA's. out gets the PRF's size. */
static int auth_value(const struct ike_sa *sa, const struct ike_ppk *mixed, bool of_initiator,
		      struct view id, uint8_t *out)
{
	static const char pad[] = "Key Pad for IKEv2";
	const struct ike_packet *first =
		sa->initiator == of_initiator ? sa->init_local : sa->init_remote;
	const struct secret *psk = sa->tunnel->conf.psk;
	const struct secret *pi = mixed ? mixed->pi : sa->keys.pi;
	const struct secret *pr = mixed ? mixed->pr : sa->keys.pr;
	const struct secret *sk_p = of_initiator ? pi : pr;
	enum algo_auth prf = sa->suite.prf;
	uint8_t key[IKE_HASH_MAX], mac[IKE_HASH_MAX];
	size_t size = algo_auths[prf].out_bytes;
	struct ike_chunk pad_in = { pad, sizeof(pad) - 1 }, id_in = { id.p, id.n };
	struct ike_chunk in[] = {
		{ first->bytes + IKE_MARKER_BYTES, first->n },
		{ of_initiator ? sa->nonce_r : sa->nonce_i,
		  of_initiator ? sa->nonce_r_len : sa->nonce_i_len },
		{ mac, size },
	};
	int rc = -EINVAL;

	if (psk)
		rc = ike_prf(prf, psk->data, psk->len, &pad_in, 1, key);
	if (rc == 0)
		rc = ike_prf(prf, sk_p->data, sk_p->len, &id_in, 1, mac);
	if (rc == 0)
		rc = ike_prf(prf, key, size, in, 3, out);
	sodium_memzero(key, sizeof(key));
	return rc;
}

/* The name of our PPK; and AUTH without it, should the peer not have it and that be allowed. */
static void offer_ppk(const struct ike_sa *sa, struct ike_builder *b, const uint8_t *plain)
{
	const struct ike_settings *conf = &sa->tunnel->conf;
	uint8_t id[1 + CONF_ID_BYTES];
	struct writer w;

	writer_init(&w, id, sizeof(id));
	ike_ppk_id_emit(&w, conf->ppk_id);
	ike_build_notify(b, 0, 0, N_PPK_IDENTITY, id, w.n);
	if (!conf->ppk_required)
		ike_build_notify(b, 0, 0, N_NO_PPK_AUTH, plain,
				 algo_auths[sa->suite.prf].out_bytes);
}

/* Our identity, and AUTH over it. */
static int build_auth(struct ike_sa *sa, struct ike_builder *b, enum ike_payload id_type,
		      const struct conf_id *id)
{
	struct writer *w = ike_build_payload(b, id_type);
	uint8_t mac[IKE_HASH_MAX], plain[IKE_HASH_MAX];
	size_t at = w->n;
	struct view body;
	int rc;

	ike_identity_emit(w, id);
	if (w->failed)
		return -ENOBUFS;
	body = (struct view){ w->p + at, w->n - at };
	ike_build_end(b);
	rc = auth_value(sa, sa->mixed, sa->initiator, body, mac);
	if (rc == 0 && sa->mixed)
		rc = auth_value(sa, NULL, sa->initiator, body, plain);
	if (rc < 0)
		return rc;
	if (id_type == IKE_IDI) {
		ike_identity_emit(ike_build_payload(b, IKE_IDR), &sa->tunnel->conf.remote_id);
		ike_build_end(b);
	}
	w = ike_build_payload(b, IKE_AUTHENTICATION);
	writer_u8(w, METHOD_SHARED_KEY);
	writer_room(w, 3);
	writer_bytes(w, mac, algo_auths[sa->suite.prf].out_bytes);
	ike_build_end(b);
	if (sa->mixed)
		offer_ppk(sa, b, plain);
	return 0;
}

/* What is half open does not count: anybody can begin it. */
static bool alone(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	LIST_FOREACH(other, &sa->tunnel->sas, siblings)
	{
		if (other != sa && other->state != IKE_STATE_HALF_OPEN)
			return false;
	}
	return true;
}

static void child_wishes(const struct ike_tunnel *t, struct ike_offer *offer,
			 struct ike_selectors *local, struct ike_selectors *remote)
{
	ike_offer_esp(offer, &t->conf, false);
	ike_child_wish(t, 0, local, remote);
}

int ike_auth_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_selectors local, remote;
	struct ike_offer offer;
	int rc = 0;

	if (sa->use_ppk) {
		sa->mixed = calloc(1, sizeof(*sa->mixed));
		rc = sa->mixed ? ike_ppk_mix(sa->mixed, sa, sa->tunnel->conf.ppk) : -ENOMEM;
	}
	if (rc == 0)
		rc = build_auth(sa, b, IKE_IDI, &sa->tunnel->conf.local_id);
	if (rc < 0)
		return rc;
	if (alone(sa))
		ike_build_notify(b, 0, 0, N_INITIAL_CONTACT, NULL, 0);
	child_wishes(sa->tunnel, &offer, &local, &remote);
	ike_build_notify(b, IKE_PROTOCOL_ESP, 0, N_ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	return ike_child_offer(sa, &offer, &local, &remote, b);
}

/* Whether the peer is who it should be. The reason it is not is noted for a person. instead: data
 * to be verified in place of the AUTH payload's, or NULL. */
static bool verify(struct ike_sa *sa, const struct ike_message *m, enum ike_payload id_type,
		   const struct view *instead)
{
	struct ike_tunnel *t = sa->tunnel;
	struct view auth = m->body[IKE_AUTHENTICATION], id_body = m->body[id_type];
	uint8_t method = 0, mac[IKE_HASH_MAX];
	char peer[ADDR_STR_MAX], theirs[160], wanted[160];
	size_t size = algo_auths[sa->suite.prf].out_bytes;
	struct ike_identity id;

	if (ike_identity_parse(&id, id_body) < 0) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED, "%s sent a malformed identity",
				   ike_tunnel_peer(t, peer));
		return false;
	}
	ike_identity_format(&id, theirs, sizeof(theirs));
	conf_id_format(&t->conf.remote_id, wanted, sizeof(wanted));
	if (!ike_message_has(m, IKE_AUTHENTICATION)) {
		ike_tunnel_suspect(
			t, IKE_REASON_AUTH_FAILED,
			"%s (%s) wants EAP, which is not supported: use a pre-shared key",
			ike_tunnel_peer(t, peer), theirs);
		return false;
	}
	if (!view_u8(&auth, &method) || !view_skip(&auth, 3) || method != METHOD_SHARED_KEY) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED,
				   "%s (%s) authenticates by method %u, not by a pre-shared key",
				   ike_tunnel_peer(t, peer), theirs, method);
		return false;
	}
	if (instead)
		auth = *instead;
	if (auth_value(sa, NULL, id_type == IKE_IDI, id_body, mac) < 0 || auth.n != size ||
	    sodium_memcmp(auth.p, mac, size)) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED,
				   "%s (%s) does not have our pre-shared key",
				   ike_tunnel_peer(t, peer), theirs);
		return false;
	}
	if (!ike_identity_matches(&id, &t->conf.remote_id)) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED,
				   "%s says it is %s, but remote_id is %s",
				   ike_tunnel_peer(t, peer), theirs, wanted);
		return false;
	}
	return true;
}

static void authenticated(struct ike_sa *sa, const struct ike_message *m, enum ike_payload id_type)
{
	char suite[128], theirs[160];
	struct ike_identity id;

	ike_identity_parse(&id, m->body[id_type]);
	ike_sa_establish(sa);
	ike_tunnel_note(sa->tunnel, true, "IKE SA %016llx %s: the peer is %s; %s%s%s%s",
			(unsigned long long)ike_sa_own_spi(sa),
			sa->initiator ? "set up" : "set up by the peer",
			ike_identity_format(&id, theirs, sizeof(theirs)),
			ike_suite_format(&sa->suite, suite, sizeof(suite)),
			sa->ppk ? ", with a PPK" : "", sa->nat_local ? ", we are behind NAT" : "",
			sa->nat_remote ? ", the peer is behind NAT" : "");
}

/* Whether the responder that the initiator asks for is us. */
static bool is_for_us(struct ike_sa *sa, const struct ike_message *m)
{
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX], theirs[160], ours[160];
	struct ike_identity id;

	if (!ike_message_has(m, IKE_IDR))
		return true;
	if (ike_identity_parse(&id, m->body[IKE_IDR]) == 0 &&
	    ike_identity_matches(&id, &t->conf.local_id))
		return true;
	ike_identity_format(&id, theirs, sizeof(theirs));
	ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED, "%s calls for %s, but local_id is %s",
			   ike_tunnel_peer(t, peer), theirs,
			   conf_id_format(&t->conf.local_id, ours, sizeof(ours)));
	return false;
}

static void refused_by_peer(struct ike_sa *sa, const struct ike_notify *error)
{
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];
	const char *name = error ? ike_notify_name(error->type) : NULL;

	ike_tunnel_peer(t, peer);
	if (error && error->type == N_AUTHENTICATION_FAILED)
		ike_tunnel_refused(t, true);
	else if (error)
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s answered IKE_AUTH with %s (%u)",
				   peer, name ? name : "an error", error->type);
	else
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s answered IKE_AUTH with nonsense",
				   peer);
	ike_sa_kill(sa, false);
	ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
}

/* Initiator: the peer says whether it uses the PPK. false: it does not, but has to. */
static bool conclude_ppk(struct ike_sa *sa, const struct ike_message *m)
{
	char peer[ADDR_STR_MAX];

	if (sa->mixed && ike_message_notify(m, N_PPK_IDENTITY)) {
		ike_ppk_adopt(sa->mixed, sa);
	} else if (sa->tunnel->conf.ppk_required) {
		ike_tunnel_suspect(
			sa->tunnel, IKE_REASON_AUTH_FAILED,
			"%s does not use post-quantum key '%s', but ppk_required is true",
			ike_tunnel_peer(sa->tunnel, peer), sa->tunnel->conf.ppk_id);
		return false;
	}
	return true;
}

/* Responder: mixes our PPK in if the peer names it. false: it does not, but has to. *plain: the
 * AUTH to be verified is the one that the peer made without. */
static bool accept_ppk(struct ike_sa *sa, const struct ike_message *m, const struct view **plain)
{
	const struct ike_settings *conf = &sa->tunnel->conf;
	const struct ike_notify *id = ike_message_notify(m, N_PPK_IDENTITY);
	const struct ike_notify *without = ike_message_notify(m, N_NO_PPK_AUTH);
	char peer[ADDR_STR_MAX], theirs[160] = "none";
	struct ike_ppk mixed;

	*plain = NULL;
	if (sa->use_ppk && id && ike_ppk_id_matches(id->data, conf->ppk_id)) {
		if (ike_ppk_mix(&mixed, sa, conf->ppk) < 0)
			return false;
		ike_ppk_adopt(&mixed, sa);
		return true;
	}
	if (conf->ppk_required) {
		if (id)
			ike_ppk_id_format(id->data, theirs, sizeof(theirs));
		ike_tunnel_suspect(sa->tunnel, IKE_REASON_AUTH_FAILED,
				   "%s uses post-quantum key '%s', not '%s', which is required",
				   ike_tunnel_peer(sa->tunnel, peer), theirs, conf->ppk_id);
		return false;
	}
	if (sa->use_ppk && without)
		*plain = &without->data;
	return true;
}

void ike_auth_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_selectors local, remote;
	struct ike_offer offer;
	struct ike_child *c;

	if (!ike_message_has(m, IKE_AUTHENTICATION) || !ike_message_has(m, IKE_IDR)) {
		refused_by_peer(sa, ike_message_error(m));
		return;
	}
	if (!conclude_ppk(sa, m) || !verify(sa, m, IKE_IDR, NULL)) {
		ike_count(sa->engine, IKE_COUNT_AUTH_FAILED);
		ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
		/* The responder believes that all is well: tell it (RFC 7296 §2.21.2). */
		ike_sa_set_state(sa, IKE_STATE_REFUSED);
		ike_exchange_start(sa, IKE_ERRAND_REJECT);
		return;
	}
	authenticated(sa, m, IKE_IDR);
	child_wishes(t, &offer, &local, &remote);
	c = ike_child_conclude(sa, r, m, &offer, &local, &remote, true);
	ike_tunnel_adopt(t, sa, false);
	if (!c) {
		const struct ike_notify *error = ike_message_error(m);

		if (error && error->type == N_SINGLE_PAIR_REQUIRED)
			t->single_pairs = true;
		ike_child_explain(sa, error);
		ike_sa_close(sa, false);
		ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
	} else if (!sa->redundant) {
		ike_child_switch(c);
		if (t->conf.verify_pfs && t->conf.esp_pfs.n)
			ike_child_verify_pfs(c);
	}
}

int ike_reject_build(struct ike_sa *sa, struct ike_builder *b)
{
	ike_build_notify(b, 0, 0, N_AUTHENTICATION_FAILED, NULL, 0);
	return 0;
}

static void refuse(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_protection p = ike_sa_protection(sa, IKE_OUT);

	ike_count(sa->engine, IKE_COUNT_AUTH_FAILED);
	ike_build_rewind(b, &p);
	ike_build_notify(b, 0, 0, N_AUTHENTICATION_FAILED, NULL, 0);
	ike_sa_set_state(sa, IKE_STATE_REFUSED);
	ike_timer_set(&sa->engine->timers, &sa->guard, sa->engine->now + REFUSED_FOR);
}

void ike_auth_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b)
{
	struct ike_tunnel *t = sa->tunnel;
	const struct view *plain;
	bool childless;

	if (ike_message_admit(m, IKE_FORM_AUTH_REQUEST) < 0) {
		ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
		ike_sa_set_state(sa, IKE_STATE_REFUSED);
		return;
	}
	if (!accept_ppk(sa, m, &plain) || !verify(sa, m, IKE_IDI, plain) || !is_for_us(sa, m)) {
		refuse(sa, b);
		return;
	}
	if (build_auth(sa, b, IKE_IDR, &t->conf.local_id) < 0) {
		refuse(sa, b);
		return;
	}
	if (sa->ppk)
		ike_build_notify(b, 0, 0, N_PPK_IDENTITY, NULL, 0);
	authenticated(sa, m, IKE_IDI);
	childless = !ike_message_has(m, IKE_SA) || !ike_message_has(m, IKE_TSI) ||
		    !ike_message_has(m, IKE_TSR);
	if (!childless)
		ike_child_answer(sa, m, true, 0, b);
	ike_tunnel_adopt(t, sa, ike_message_notify(m, N_INITIAL_CONTACT) != NULL);
}

/* Child SAs: what is offered, answered and concluded, in IKE_AUTH and in CREATE_CHILD_SA
 * (RFC 7296 §1.2, §1.3.1, §2.9, §2.17). */
#include "ike/child.h"

#include "ike/selector.h"
#include "ike/v2/exchange.h"

#include <errno.h>
#include <string.h>

#define REDUNDANT_PATIENCE (20 * IKE_SECOND)
#define PAIR_RETRY	   (60 * IKE_SECOND)

int ike_child_offer(struct ike_sa *sa, const struct ike_offer *offer,
		    const struct ike_selectors *local, const struct ike_selectors *remote,
		    struct ike_builder *b)
{
	struct ike_engine *e = sa->engine;

	sa->request.spi_in = e->ops->spi_alloc(e->ctx, sa->tunnel->index);
	if (!sa->request.spi_in)
		return -ENOSPC;
	ike_offer_emit(ike_build_payload(b, IKE_SA), offer, sa->request.spi_in, 4);
	ike_build_end(b);
	if (sa->request.errand != IKE_ERRAND_AUTH) {
		ike_random(e, sa->request.nonce, sizeof(sa->request.nonce));
		ike_build_nonce(b, sa->request.nonce, sizeof(sa->request.nonce));
		sa->request.group = ike_offer_first_dh(offer);
		if (sa->request.group != DH_NONE) {
			sa->request.dh = ike_dh_new(sa->request.group);
			if (!sa->request.dh || ike_build_ke(b, sa->request.dh) < 0)
				return -ENOMEM;
		}
	}
	ike_selectors_emit(ike_build_payload(b, IKE_TSI), local);
	ike_build_end(b);
	ike_selectors_emit(ike_build_payload(b, IKE_TSR), remote);
	ike_build_end(b);
	return 0;
}

/* A shared secret, if the exchange has one of its own. */
static int agree(struct ike_dh *dh, const struct ike_message *m, struct secret **shared)
{
	if (!dh)
		return 0;
	if (!ike_message_has(m, IKE_KE) || m->ke_group != algo_dhs[ike_dh_group(dh)].id)
		return -EINVAL;
	return ike_dh_derive(dh, m->body[IKE_KE].p, m->body[IKE_KE].n, shared);
}

static void set_nonces(struct ike_child_terms *terms, const struct ike_sa *sa,
		       const struct ike_message *m, const uint8_t *ours, bool in_auth)
{
	struct view theirs = m->body[IKE_NONCE];

	if (in_auth) {
		terms->nonce_i = sa->nonce_i;
		terms->nonce_i_len = sa->nonce_i_len;
		terms->nonce_r = sa->nonce_r;
		terms->nonce_r_len = sa->nonce_r_len;
	} else if (terms->ours) {
		terms->nonce_i = ours;
		terms->nonce_i_len = IKE_NONCE_BYTES;
		terms->nonce_r = theirs.p;
		terms->nonce_r_len = theirs.n;
	} else {
		terms->nonce_i = theirs.p;
		terms->nonce_i_len = theirs.n;
		terms->nonce_r = ours;
		terms->nonce_r_len = IKE_NONCE_BYTES;
	}
}

static bool is_gone(const struct ike_request *r, uint64_t spi)
{
	for (unsigned i = 0; i < r->n_gone && i < IKE_GONE_MAX; i++) {
		if (r->gone[i] == spi)
			return true;
	}
	return false;
}

/* The peer has made a pair that we cannot use, and would send on it one day. */
static void give_back(struct ike_sa *sa, uint32_t spi_in)
{
	if (!sa->owed)
		sa->owed = spi_in;
}

struct ike_child *ike_child_conclude(struct ike_sa *sa, struct ike_request *r,
				     struct ike_message *m, const struct ike_offer *own,
				     const struct ike_selectors *local,
				     const struct ike_selectors *remote, bool in_auth)
{
	struct ike_child_terms terms = { .ours = true, .spi_in = r->spi_in, .lane = r->lane };
	struct secret *shared = NULL;
	struct ike_child *c = NULL;
	struct ike_choice choice;
	struct ike_offer answer;
	int rc;

	if (!ike_message_has(m, IKE_SA) || !ike_message_has(m, IKE_TSI) ||
	    !ike_message_has(m, IKE_TSR) || (!in_auth && !ike_message_has(m, IKE_NONCE)))
		return NULL;
	if (ike_offer_parse(&answer, IKE_PROTOCOL_ESP, 4, m->body[IKE_SA]) < 0 ||
	    ike_offer_verify(own, &answer, &choice) < 0 || !choice.spi ||
	    ike_selectors_parse(&terms.local, m->body[IKE_TSI]) < 0 ||
	    ike_selectors_parse(&terms.remote, m->body[IKE_TSR]) < 0 ||
	    !ike_selectors_within(&terms.local, local) ||
	    !ike_selectors_within(&terms.remote, remote)) {
		ike_log(sa->engine, sa->tunnel_index,
			"the peer answered for a child SA with what we did not propose");
		give_back(sa, r->spi_in);
		return NULL;
	}
	if (is_gone(r, choice.spi)) {
		ike_log(sa->engine, sa->tunnel_index,
			"the peer has deleted the child SA before it answered for it");
		return NULL;
	}
	terms.suite = choice.suite;
	terms.spi_out = (uint32_t)choice.spi;
	rc = agree(r->dh, m, &shared);
	if (rc == 0) {
		terms.shared = shared;
		set_nonces(&terms, sa, m, r->nonce, in_auth);
		r->spi_in = 0;
		rc = ike_child_new(sa, &terms, &c);
	}
	secret_free(shared);
	if (rc < 0) {
		ike_log(sa->engine, sa->tunnel_index, "inbound SA %08x was not installed: %s",
			terms.spi_in, strerror(-rc));
		give_back(sa, terms.spi_in);
		return NULL;
	}
	return c;
}

static void refuse(struct ike_sa *sa, struct ike_builder *b, uint16_t notify)
{
	ike_build_notify(b, 0, 0, notify, NULL, 0);
}

static void explain_no_proposal(struct ike_tunnel *t, const struct ike_offer *own,
				const struct ike_offer *theirs)
{
	char ours[192], peers[192], peer[ADDR_STR_MAX];

	ike_tunnel_because(t, IKE_REASON_NO_PROPOSAL,
			   "no common ESP proposal with %s\nours: %s\npeer's: %s",
			   ike_tunnel_peer(t, peer), ike_offer_format(own, ours, sizeof(ours)),
			   ike_offer_format(theirs, peers, sizeof(peers)));
	ike_log(t->engine, t->index, "no common ESP proposal; ours: %s; peer's: %s", ours, peers);
}

static void explain_selectors(struct ike_tunnel *t, struct ike_message *m,
			      const struct ike_selectors *local, const struct ike_selectors *remote)
{
	char l[80], r[80], tl[80], tr[80], peer[ADDR_STR_MAX];
	struct ike_selectors theirs_local = { 0 }, theirs_remote = { 0 };

	if (ike_selectors_parse(&theirs_remote, m->body[IKE_TSI]) < 0 ||
	    ike_selectors_parse(&theirs_local, m->body[IKE_TSR]) < 0)
		return;
	ike_tunnel_because(
		t, IKE_REASON_TS_UNACCEPTABLE,
		"no common traffic selectors with %s\nours: %s === %s\npeer's: %s === %s",
		ike_tunnel_peer(t, peer), ike_selectors_format(local, l, sizeof(l)),
		ike_selectors_format(remote, r, sizeof(r)),
		ike_selectors_format(&theirs_local, tl, sizeof(tl)),
		ike_selectors_format(&theirs_remote, tr, sizeof(tr)));
}

/* Selectors and suite that both want. 0, or the notify that refuses. */
static uint16_t choose(struct ike_sa *sa, struct ike_message *m, bool in_auth,
		       struct ike_choice *choice, struct ike_child_terms *terms)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_selectors local, remote, theirs_i, theirs_r;
	struct ike_offer own, offer;

	if (ike_offer_parse(&offer, IKE_PROTOCOL_ESP, 4, m->body[IKE_SA]) < 0 ||
	    ike_selectors_parse(&theirs_i, m->body[IKE_TSI]) < 0 ||
	    ike_selectors_parse(&theirs_r, m->body[IKE_TSR]) < 0)
		return N_INVALID_SYNTAX;
	ike_offer_esp(&own, &t->conf, !in_auth);
	if (ike_offer_select(&own, &offer, in_auth, choice) < 0 || !choice->spi) {
		ike_count(sa->engine, IKE_COUNT_NO_PROPOSAL);
		explain_no_proposal(t, &own, &offer);
		return N_NO_PROPOSAL_CHOSEN;
	}
	ike_selectors_from_prefixes(&local, t->conf.ts_local, t->conf.n_ts_local);
	ike_selectors_from_prefixes(&remote, t->conf.ts_remote, t->conf.n_ts_remote);
	if (!ike_selectors_narrow(&terms->remote, &theirs_i, &remote) ||
	    !ike_selectors_narrow(&terms->local, &theirs_r, &local)) {
		explain_selectors(t, m, &local, &remote);
		return N_TS_UNACCEPTABLE;
	}
	if (choice->suite.dh != DH_NONE && m->ke_group != algo_dhs[choice->suite.dh].id)
		return N_INVALID_KE_PAYLOAD;
	return 0;
}

static void emit_answer(struct ike_sa *sa, struct ike_builder *b, const struct ike_choice *choice,
			const struct ike_child *c, const struct ike_dh *dh, const uint8_t *nonce)
{
	struct ike_offer offer;

	ike_offer_suite(&offer, IKE_PROTOCOL_ESP, choice->number, &choice->suite);
	ike_offer_emit(ike_build_payload(b, IKE_SA), &offer, c->spi_in, 4);
	ike_build_end(b);
	if (nonce)
		ike_build_nonce(b, nonce, IKE_NONCE_BYTES);
	if (dh)
		ike_build_ke(b, dh);
	ike_selectors_emit(ike_build_payload(b, IKE_TSI), &c->traffic->remote);
	ike_build_end(b);
	ike_selectors_emit(ike_build_payload(b, IKE_TSR), &c->traffic->local);
	ike_build_end(b);
}

/* Whether the peer asks for what our outstanding request asks for. */
static bool same_wish(const struct ike_sa *sa, const struct ike_message *m,
		      const struct ike_child *c)
{
	const struct ike_notify *rekey = ike_message_notify(m, N_REKEY_SA);
	const struct ike_child *old;
	struct view spi;
	uint32_t named;

	if (!rekey)
		return sa->request.errand == IKE_ERRAND_CREATE_CHILD &&
		       ike_child_pair(sa->tunnel, &c->traffic->local, &c->traffic->remote) ==
			       sa->request.pair;
	old = ike_child_by_in(sa->tunnel, sa->request.old);
	spi = rekey->spi;
	return sa->request.errand == IKE_ERRAND_REKEY_CHILD && old && view_u32(&spi, &named) &&
	       named == old->spi_out;
}

bool ike_child_lost(struct ike_sa *sa, struct ike_request *r, const struct ike_message *m,
		    struct ike_child *c)
{
	struct ike_child *crossed =
		r->crossed ? ike_child_by_in(sa->tunnel, (uint32_t)r->crossed_spi) : NULL;

	if (!crossed)
		return false;
	if (ike_request_lost(r, m->body[IKE_NONCE].p, m->body[IKE_NONCE].n)) {
		ike_child_lose(c);
		c->want_delete = true;
		return true;
	}
	ike_child_lose(crossed);
	ike_timer_set(&sa->engine->timers, &crossed->turn, sa->engine->now + REDUNDANT_PATIENCE);
	return false;
}

struct ike_child *ike_child_answer(struct ike_sa *sa, struct ike_message *m, bool in_auth,
				   uint32_t lane, struct ike_builder *b)
{
	struct ike_engine *e = sa->engine;
	struct ike_child_terms terms = { .ours = false, .lane = lane };
	uint8_t nonce[IKE_NONCE_BYTES];
	struct secret *shared = NULL;
	struct ike_child *c = NULL;
	struct ike_dh *dh = NULL;
	struct ike_choice choice;
	uint16_t refusal = choose(sa, m, in_auth, &choice, &terms);
	int rc = 0;

	if (refusal == N_INVALID_KE_PAYLOAD) {
		uint16_t id = algo_dhs[choice.suite.dh].id;
		uint8_t group[2] = { (uint8_t)(id >> 8), (uint8_t)id };

		ike_build_notify(b, 0, 0, refusal, group, sizeof(group));
		return NULL;
	}
	if (refusal) {
		refuse(sa, b, refusal);
		return NULL;
	}
	if (choice.suite.dh != DH_NONE && !ike_gate_admit_exchange(sa->tunnel)) {
		refuse(sa, b, N_TEMPORARY_FAILURE); /* RFC 7296 §2.25 */
		return NULL;
	}
	if (choice.suite.dh != DH_NONE) {
		dh = ike_dh_new(choice.suite.dh);
		rc = dh ? agree(dh, m, &shared) : -ENOMEM;
	}
	if (rc == 0) {
		ike_random(e, nonce, sizeof(nonce));
		terms.suite = choice.suite;
		terms.shared = shared;
		terms.spi_out = (uint32_t)choice.spi;
		set_nonces(&terms, sa, m, nonce, in_auth);
		terms.spi_in = e->ops->spi_alloc(e->ctx, sa->tunnel->index);
		rc = terms.spi_in ? ike_child_new(sa, &terms, &c) : -ENOSPC;
	}
	if (rc == 0) {
		emit_answer(sa, b, &choice, c, dh, in_auth ? NULL : nonce);
		ike_child_await_turn(c);
	} else {
		ike_log(e, sa->tunnel_index, "a child SA could not be installed: %s",
			strerror(-rc));
		ike_tunnel_because(sa->tunnel, IKE_REASON_NO_RESOURCES,
				   "a child SA could not be installed: %s", strerror(-rc));
		refuse(sa, b, rc == -EINVAL ? N_INVALID_SYNTAX : N_TEMPORARY_FAILURE);
	}
	if (c && !in_auth && same_wish(sa, m, c))
		ike_request_crossed(&sa->request, c->spi_in, m->body[IKE_NONCE].p,
				    m->body[IKE_NONCE].n, nonce, sizeof(nonce));
	secret_free(shared);
	ike_dh_free(dh);
	return c;
}

int ike_child_build(struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_settings *conf = &sa->tunnel->conf;
	struct ike_selectors local, remote;
	struct ike_offer offer;

	int pair = ike_child_missing(sa->tunnel);

	sa->request.pair = (uint8_t)(pair < 0 ? 0 : pair);
	ike_offer_esp(&offer, conf, true);
	ike_child_wish(sa->tunnel, sa->request.pair, &local, &remote);
	return ike_child_offer(sa, &offer, &local, &remote, b);
}

void ike_child_explain(struct ike_sa *sa, const struct ike_notify *error)
{
	struct ike_tunnel *t = sa->tunnel;
	char ours[192], remote_text[128], peer[ADDR_STR_MAX];
	const char *name = error ? ike_notify_name(error->type) : NULL;
	struct ike_selectors local, remote;
	struct ike_offer offer;

	ike_tunnel_peer(t, peer);
	ike_offer_esp(&offer, &t->conf, sa->v1 != NULL);
	if (error && error->type == N_NO_PROPOSAL_CHOSEN) {
		ike_tunnel_because(
			t, IKE_REASON_NO_PROPOSAL,
			"%s accepts none of our ESP proposals\nours: %s\npeer's: not told", peer,
			ike_offer_format(&offer, ours, sizeof(ours)));
	} else if (error && error->type == N_TS_UNACCEPTABLE) {
		ike_selectors_from_prefixes(&local, t->conf.ts_local, t->conf.n_ts_local);
		ike_selectors_from_prefixes(&remote, t->conf.ts_remote, t->conf.n_ts_remote);
		ike_tunnel_because(t, IKE_REASON_TS_UNACCEPTABLE,
				   "%s accepts none of our traffic selectors\nours: %s === %s\n"
				   "peer's: not told",
				   peer, ike_selectors_format(&local, ours, sizeof(ours)),
				   ike_selectors_format(&remote, remote_text, sizeof(remote_text)));
	} else if (error) {
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s refuses the child SA with %s (%u)",
				   peer, name ? name : "an error", error->type);
	} else {
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR,
				   "%s answered for the child SA with what we cannot use", peer);
	}
}

void ike_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	const struct ike_notify *error = ike_message_error(m);
	struct ike_tunnel *t = sa->tunnel;
	const struct ike_settings *conf = &t->conf;
	struct ike_selectors local, remote;
	struct ike_offer offer;
	struct ike_child *c;

	ike_offer_esp(&offer, conf, true);
	ike_child_wish(t, r->pair, &local, &remote);
	c = error ? NULL : ike_child_conclude(sa, r, m, &offer, &local, &remote, false);
	if (c) {
		sa->refused_since = 0;
		if (!ike_child_lost(sa, r, m, c) && ike_child_switch(c) < 0)
			c->want_delete = true;
		return;
	}
	if (error && error->type == N_TEMPORARY_FAILURE) {
		ike_exchange_refused(sa);
		ike_tunnel_call_within(t, IKE_SECOND / 2, 2 * IKE_SECOND);
		return;
	}
	if (!error && r->n_gone) {
		sa->want_child = true;
		return;
	}
	if (error && error->type == N_SINGLE_PAIR_REQUIRED && !t->single_pairs) {
		t->single_pairs = true;
		sa->want_child = true;
		return;
	}
	ike_child_explain(sa, error);
	if (t->out) {
		t->refused_pairs |= UINT64_C(1) << r->pair;
		ike_tunnel_call_within(t, PAIR_RETRY, 2 * PAIR_RETRY);
		return;
	}
	/* Nothing lives on this IKE SA: start afresh, by IKE_AUTH and its first child. */
	sa->why = "nothing lives on it";
	ike_sa_close(sa, false);
	ike_tunnel_call_within(t, 3 * IKE_SECOND, 6 * IKE_SECOND);
}

/* Rekey of the IKE SA, and what happens when both sides want it (RFC 7296 §1.3.2, §2.18, §2.25.2).
 *
 *  we are                              | the peer sends      | answer
 *  creating, rekeying, deleting a child | rekey IKE           | TEMPORARY_FAILURE
 *  rekeying IKE                        | rekey IKE           | normally; the lowest nonce loses,
 *                                      |                     | children move to the winner
 *  rekeying IKE                        | new or rekey child  | TEMPORARY_FAILURE
 *  rekeying IKE                        | delete child        | normally
 *  rekeying or deleting IKE            | delete IKE          | normally, all closes
 *  deleting IKE                        | rekey, new child    | TEMPORARY_FAILURE */
#include "ike/child.h"
#include "ike/v2/exchange.h"

#include <errno.h>

#define REDUNDANT_PATIENCE (20 * IKE_SECOND)

static struct ike_suite wanted_suite(const struct ike_sa *sa)
{
	struct ike_suite s = sa->suite;

	if (sa->rekey_group != DH_NONE)
		s.dh = sa->rekey_group;
	return s;
}

static struct ike_sa *offspring(struct ike_sa *sa, bool initiator)
{
	struct ike_sa *o = ike_sa_new(sa->tunnel, initiator, &sa->path);

	if (!o)
		return NULL;
	ike_sa_set_state(o, IKE_STATE_OFFSPRING);
	o->nat_local = sa->nat_local;
	o->nat_remote = sa->nat_remote;
	o->udp = sa->udp;
	o->fragments = sa->fragments;
	o->ppk = sa->ppk;
	return o;
}

int ike_rekey_ike_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_request *r = &sa->request;
	struct ike_suite suite = wanted_suite(sa);
	struct ike_sa *o = offspring(sa, true);
	struct ike_offer offer;

	if (!o)
		return -ENOMEM;
	r->offspring = o;
	r->dh = ike_dh_new(suite.dh);
	if (!r->dh)
		return -ENOMEM;
	ike_random(sa->engine, r->nonce, sizeof(r->nonce));
	ike_sa_set_nonce(o, true, r->nonce, sizeof(r->nonce));
	ike_offer_suite(&offer, IKE_PROTOCOL_IKE, 1, &suite);
	ike_offer_emit(ike_build_payload(b, IKE_SA), &offer, o->spi_i, 8);
	ike_build_end(b);
	ike_build_nonce(b, r->nonce, sizeof(r->nonce));
	return ike_build_ke(b, r->dh);
}

/* Everything that lives on one SA goes on under the other. */
static void inherit(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_child *c;
	struct ike_sa *sa;

	TAILQ_FOREACH(c, &from->tunnel->children, link)
	{
		if (c->sa == from)
			c->sa = to;
	}
	/* Of one that still waits for an answer, it was the successor. */
	LIST_FOREACH(sa, &from->tunnel->sas, siblings)
	{
		if (sa->request.errand == IKE_ERRAND_REKEY_IKE && sa->request.crossed &&
		    sa->request.crossed_spi == ike_sa_own_spi(from))
			sa->request.crossed_spi = ike_sa_own_spi(to);
	}
	to->want_child |= from->want_child;
	to->owed = to->owed ? to->owed : from->owed;
	from->owed = 0;
	ike_sa_attend(to);
	ike_tunnel_stir(to->tunnel);
}

static struct ike_sa *crossed_sa(const struct ike_sa *sa, const struct ike_request *r)
{
	struct ike_sa *other = r->crossed ? ike_sa_find(sa->engine, r->crossed_spi) : NULL;

	return other && other->tunnel == sa->tunnel && ike_sa_usable(other) ? other : NULL;
}

void ike_rekey_ike_orphaned(struct ike_sa *sa)
{
	struct ike_sa *other =
		sa->request.errand == IKE_ERRAND_REKEY_IKE ? crossed_sa(sa, &sa->request) : NULL;

	if (other)
		inherit(sa, other);
}

static void follow(struct ike_sa *sa, struct ike_sa *winner)
{
	ike_tunnel_note(sa->tunnel, true, "IKE SA %016llx is replaced by %016llx of the peer's",
			(unsigned long long)ike_sa_own_spi(sa),
			(unsigned long long)ike_sa_own_spi(winner));
	ike_rekeyed(sa->engine, sa->tunnel_index);
	inherit(sa, winner);
	ike_sa_replace(sa);
}

static void retry(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;

	sa->rekey_at = e->now + ike_retry_after(e, sa->tunnel->conf.ike_lifetime * IKE_SECOND);
	ike_timer_set(&e->timers, &sa->rekey, sa->rekey_at);
}

/* The peer wants another group. false: it is none of ours, or it was asked for before. */
static bool follow_group(struct ike_sa *sa, const struct ike_notify *error)
{
	struct view v = error->data;
	enum algo_dh group;
	uint16_t id;

	if (error->type != N_INVALID_KE_PAYLOAD || !view_u16(&v, &id))
		return false;
	group = algo_dh_by_id(id);
	if (group == DH_NONE || group == sa->rekey_group ||
	    !algo_list_has(&sa->tunnel->conf.ike_dh, group))
		return false;
	sa->rekey_group = group;
	sa->want_rekey = true;
	return true;
}

static void refused(struct ike_sa *sa, const struct ike_request *r, const struct ike_notify *error)
{
	struct ike_sa *other = crossed_sa(sa, r);
	const char *name = ike_notify_name(error->type);

	if (other) {
		follow(sa, other);
		return;
	}
	if (follow_group(sa, error))
		return;
	if (error->type == N_TEMPORARY_FAILURE)
		ike_exchange_refused(sa);
	else
		ike_log(sa->engine, sa->tunnel_index,
			"the peer refuses to rekey the IKE SA: %s (%u)", name ? name : "error",
			error->type);
	retry(sa);
}

/* Makes our offspring an SA of both. 0 or -errno. */
static int conclude(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	struct ike_sa *o = r->offspring;
	struct ike_suite suite = wanted_suite(sa);
	struct ike_offer own, answer;
	struct ike_choice choice;

	if (!ike_message_has(m, IKE_SA) || !ike_message_has(m, IKE_KE) ||
	    !ike_message_has(m, IKE_NONCE))
		return -EBADMSG;
	suite.dh = ike_dh_group(r->dh);
	ike_offer_suite(&own, IKE_PROTOCOL_IKE, 1, &suite);
	if (ike_offer_parse(&answer, IKE_PROTOCOL_IKE, 8, m->body[IKE_SA]) < 0 ||
	    ike_offer_verify(&own, &answer, &choice) < 0 || !choice.spi ||
	    m->ke_group != algo_dhs[suite.dh].id)
		return -EBADMSG;
	o->suite = choice.suite;
	o->spi_r = choice.spi;
	ike_sa_set_nonce(o, false, m->body[IKE_NONCE].p, m->body[IKE_NONCE].n);
	return ike_agree(o, r->dh, m, sa);
}

/* Of a redundant SA the offspring is no less so. */
static void stay_redundant(const struct ike_sa *from, struct ike_sa *to)
{
	struct ike_timers *timers = &to->engine->timers;

	if (!from->redundant)
		return;
	to->redundant = true;
	ike_timer_cancel(timers, &to->rekey);
	ike_timer_set(timers, &to->guard, from->guard.at);
}

void ike_rekey_ike_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	const struct ike_notify *error = ike_message_error(m);
	struct ike_sa *o, *other;

	if (error) {
		refused(sa, r, error);
		return;
	}
	other = crossed_sa(sa, r);
	if (conclude(sa, r, m) < 0) {
		ike_log(sa->engine, sa->tunnel_index,
			"the peer answered a rekey of the IKE SA with what we cannot use");
		if (other)
			follow(sa, other);
		else
			retry(sa);
		return;
	}
	o = r->offspring;
	r->offspring = NULL;
	o->path = sa->path; /* the peer may have moved since we asked */
	ike_sa_establish(o);
	if (other && ike_request_lost(r, m->body[IKE_NONCE].p, m->body[IKE_NONCE].n)) {
		o->why = "the peer's of the same time stays";
		ike_sa_close(o, false);
		follow(sa, other);
		return;
	}
	stay_redundant(sa, o);
	if (other) {
		other->redundant = true;
		ike_timer_set(&sa->engine->timers, &other->guard,
			      sa->engine->now + REDUNDANT_PATIENCE);
	}
	ike_tunnel_note(sa->tunnel, true, "IKE SA %016llx is replaced by %016llx",
			(unsigned long long)ike_sa_own_spi(sa),
			(unsigned long long)ike_sa_own_spi(o));
	ike_rekeyed(sa->engine, sa->tunnel_index);
	inherit(sa, o);
	sa->why = "it is replaced";
	ike_sa_close(sa, false);
}

static void refuse_group(struct ike_builder *b, enum algo_dh group)
{
	uint16_t id = algo_dhs[group].id;
	uint8_t data[2] = { (uint8_t)(id >> 8), (uint8_t)id };

	ike_build_notify(b, 0, 0, N_INVALID_KE_PAYLOAD, data, sizeof(data));
}

static bool choose(struct ike_sa *sa, const struct ike_message *m, struct ike_choice *choice,
		   struct ike_builder *b)
{
	struct ike_offer own, theirs;

	if (ike_offer_parse(&theirs, IKE_PROTOCOL_IKE, 8, m->body[IKE_SA]) < 0) {
		ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
		return false;
	}
	ike_offer_ike(&own, &sa->tunnel->conf);
	if (ike_offer_select(&own, &theirs, false, choice) < 0 || !choice->spi) {
		ike_count(sa->engine, IKE_COUNT_NO_PROPOSAL);
		ike_build_notify(b, 0, 0, N_NO_PROPOSAL_CHOSEN, NULL, 0);
		return false;
	}
	if (m->ke_group != algo_dhs[choice->suite.dh].id) {
		refuse_group(b, choice->suite.dh);
		return false;
	}
	return true;
}

void ike_rekey_ike_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b)
{
	struct ike_request *r = &sa->request;
	struct view theirs = m->body[IKE_NONCE];
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_choice choice;
	struct ike_offer answer;
	struct ike_dh *dh;
	struct ike_sa *o;

	if (r->errand == IKE_ERRAND_CREATE_CHILD || r->errand == IKE_ERRAND_REKEY_CHILD ||
	    r->errand == IKE_ERRAND_DELETE_CHILD || r->crossed ||
	    !ike_gate_admit_exchange(sa->tunnel)) {
		ike_build_notify(b, 0, 0, N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	if (!choose(sa, m, &choice, b))
		return;
	o = offspring(sa, false);
	if (!o) {
		ike_build_notify(b, 0, 0, N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	o->spi_i = choice.spi;
	o->suite = choice.suite;
	ike_random(sa->engine, nonce, sizeof(nonce));
	ike_sa_set_nonce(o, true, theirs.p, theirs.n);
	ike_sa_set_nonce(o, false, nonce, sizeof(nonce));
	dh = ike_dh_new(choice.suite.dh);
	if (ike_agree(o, dh, m, sa) < 0) {
		ike_dh_free(dh);
		ike_sa_kill(o, false);
		ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	ike_offer_suite(&answer, IKE_PROTOCOL_IKE, choice.number, &choice.suite);
	ike_offer_emit(ike_build_payload(b, IKE_SA), &answer, o->spi_r, 8);
	ike_build_end(b);
	ike_build_nonce(b, nonce, sizeof(nonce));
	ike_build_ke(b, dh);
	ike_dh_free(dh);
	ike_sa_establish(o);
	stay_redundant(sa, o);
	if (r->errand == IKE_ERRAND_REKEY_IKE)
		ike_request_crossed(r, o->spi_r, theirs.p, theirs.n, nonce, sizeof(nonce));
	else
		follow(sa, o);
}

void ike_rekey_ike_abandoned(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	struct ike_sa *o = r->offspring;

	if (ike_message_error(m) || conclude(sa, r, m) < 0)
		return;
	r->offspring = NULL;
	ike_sa_set_state(o, IKE_STATE_CLOSING);
	ike_sa_attend(o);
	if (sa->swift)
		ike_sa_close_swiftly(o);
}

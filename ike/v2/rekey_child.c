/* Rekey of a child SA, make-before-break, and what happens when both sides want it
 * (RFC 7296 §1.3.3, §2.8, §2.25.1).
 *
 *  we are      | the peer sends | answer
 *  rekeying X  | rekey X        | normally; the exchange with the lowest nonce is redundant: its
 *              |                | creator deletes its pair, the other creator deletes X
 *  rekeying X  | delete X       | normally; on CHILD_SA_NOT_FOUND, a fresh child if none is left
 *  deleting X  | rekey X        | TEMPORARY_FAILURE
 *  any         | rekey of a child that we lack: CHILD_SA_NOT_FOUND */
#include "ike/child.h"
#include "ike/v2/exchange.h"

#include <errno.h>

static void add_group(struct ike_offer *o, unsigned group)
{
	struct ike_transform *t = &o->transform[o->n_transforms++];

	*t = (struct ike_transform){ IKE_TRANSFORM_KE, algo_dhs[group].id, 0, true };
	o->proposal[0].n++;
}

/* The suite in use, no other; but any group that is configured, the first one first. */
static void rekey_offer(struct ike_offer *o, const struct ike_tunnel *t,
			const struct ike_suite *suite)
{
	ike_offer_suite(o, IKE_PROTOCOL_ESP, 1, suite);
	for (unsigned i = 0; suite->dh != DH_NONE && i < t->conf.esp_pfs.n; i++) {
		if (t->conf.esp_pfs.id[i] != suite->dh)
			add_group(o, t->conf.esp_pfs.id[i]);
	}
}

int ike_rekey_child_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_request *r = &sa->request;
	const struct ike_child *old = ike_child_by_in(t, r->old);
	struct ike_offer offer;

	if (!old)
		return -ENOENT;
	r->suite = old->suite;
	if (old->group != DH_NONE)
		r->suite.dh = old->group;
	else if (r->suite.dh == DH_NONE && t->conf.esp_pfs.n)
		r->suite.dh = t->conf.esp_pfs.id[0];
	r->traffic = ike_traffic_share(old->traffic);
	r->lane = old->lane;
	ike_build_notify(b, IKE_PROTOCOL_ESP, old->spi_in, N_REKEY_SA, NULL, 0);
	rekey_offer(&offer, t, &r->suite);
	return ike_child_offer(sa, &offer, &r->traffic->local, &r->traffic->remote, b);
}

static void retry(struct ike_child *old)
{
	struct ike_engine *e = old->tunnel->engine;

	if (!old->replaced)
		ike_child_retry_rekey(
			old, ike_retry_after(e, old->tunnel->conf.esp_lifetime * IKE_SECOND));
}

/* The peer wants another group. false: it is none of ours, or it was asked for before. */
static bool follow_group(struct ike_child *old, const struct ike_notify *error)
{
	struct view v = error->data;
	enum algo_dh group;
	uint16_t id;

	if (error->type != N_INVALID_KE_PAYLOAD || !view_u16(&v, &id))
		return false;
	group = algo_dh_by_id(id);
	if (group == DH_NONE || group == old->group ||
	    !algo_list_has(&old->tunnel->conf.esp_pfs, group))
		return false;
	old->group = group;
	old->want_rekey = true;
	return true;
}

static void refused(struct ike_sa *sa, const struct ike_request *r, struct ike_child *old,
		    const struct ike_notify *error)
{
	struct ike_tunnel *t = sa->tunnel;
	const char *name = ike_notify_name(error->type);
	struct ike_offer offer;
	char ours[192];

	rekey_offer(&offer, t, &r->suite);

	switch (error->type) {
	case N_TEMPORARY_FAILURE:
		ike_exchange_refused(sa);
		break;
	case N_CHILD_SA_NOT_FOUND:
		if (old) {
			ike_tunnel_because(t, IKE_REASON_PEER_DELETED,
					   "the peer has lost the child SA");
			ike_child_gone(old, true);
		}
		if (!t->out)
			sa->want_child = true;
		return;
	default:
		ike_log(sa->engine, t->index,
			"the peer refuses to rekey the child SA: %s (%u); ours: %s, esp_pfs is %s",
			name ? name : "error", error->type,
			ike_offer_format(&offer, ours, sizeof(ours)),
			t->conf.esp_pfs.n ? "configured" : "none");
		if (error->type == N_NO_ADDITIONAL_SAS && !sa->retiring) {
			sa->retiring = true;
			ike_init_call(t);
		}
	}
	if (old && old->verifying && error->type != N_TEMPORARY_FAILURE) {
		old->verifying = false;
		ike_log(sa->engine, t->index, "verify_pfs: child SAs cannot be rekeyed");
		ike_child_retry_rekey(
			old, ike_rekey_after(sa->engine, t->conf.esp_lifetime * IKE_SECOND));
	} else if (old) {
		retry(old);
	}
}

void ike_rekey_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_child *old = ike_child_by_in(t, r->old);
	struct ike_child *c;
	const struct ike_notify *error = ike_message_error(m);
	struct ike_offer offer;

	if (error) {
		if (!old || !follow_group(old, error))
			refused(sa, r, old, error);
		return;
	}
	rekey_offer(&offer, t, &r->suite);
	c = ike_child_conclude(sa, r, m, &offer, &r->traffic->local, &r->traffic->remote, false);
	if (!c) {
		if (old)
			retry(old);
		return;
	}
	sa->refused_since = 0;
	if (ike_child_lost(sa, r, m, c))
		return;
	if (ike_child_switch(c) < 0) {
		c->want_delete = true;
		if (old)
			retry(old);
	} else if (old) {
		ike_child_replace(old);
		old->want_delete = true;
	}
}

void ike_rekey_child_answer(struct ike_sa *sa, struct ike_message *m,
			    const struct ike_notify *rekey, struct ike_builder *b)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_request *r = &sa->request;
	struct view v = rekey->spi;
	struct ike_child *old = NULL, *c;
	uint32_t spi = 0;

	if (rekey->protocol == IKE_PROTOCOL_ESP && view_u32(&v, &spi))
		old = ike_child_by_out(t, spi);
	/* It may be the one that an answer on its way to us has made: the peer shall ask again. */
	if (!old && sa->request.errand != IKE_ERRAND_CREATE_CHILD &&
	    sa->request.errand != IKE_ERRAND_REKEY_CHILD) {
		ike_build_notify(b, IKE_PROTOCOL_ESP, spi, N_CHILD_SA_NOT_FOUND, NULL, 0);
		return;
	}
	if (!old || old->want_delete || ike_child_count(t) >= 2 * IKE_CHILDREN_MAX) {
		ike_build_notify(b, 0, 0, N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	c = ike_child_answer(sa, m, false, old->lane, b);
	if (!c)
		return;
	/* What crossed a request of ours that still waits goes on as this one. */
	if (r->crossed && r->crossed_spi == old->spi_in)
		r->crossed_spi = c->spi_in;
	ike_child_replace(old);
}

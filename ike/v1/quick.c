/* Quick Mode: pairs of ESP SAs, any number of exchanges side by side (RFC 2409 §5.5).
 *
 * The responder accepts inbound before it answers, the initiator before it confirms; each sends on
 * the new pair when it knows that the other accepts, or soon after it should. The initiator deletes
 * the pair before it once the peer is seen on the new one. If both ask for the same at once, the
 * exchange whose initiator's nonce is the lower one is redundant, and its initiator deletes what it
 * made. */
#include "ike/v1/quick.h"

#include "ike/selector.h"
#include "ike/v1/proxy.h"
#include "ike/v2/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_LOW  (3 * IKE_SECOND)
#define RETRY_HIGH (6 * IKE_SECOND)

/* Many a responder accepts on its pair only when our confirmation has come and been worked on.
 * Until it is seen on the new pair we stay on the old one so long. */
#define SWITCH_AFTER (3 * IKE_SECOND / 10)

/* ---- reasons ----------------------------------------------------------------------------- */

/* An exchange of ours came to nothing. */
static void failed(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	struct ike_engine *e = sa->engine;
	struct ike_child *old = ike_child_by_in(t, x->old);

	ike_v1_close(x);
	if (old && !old->replaced)
		ike_child_retry_rekey(old, ike_retry_after(e, old->lifetime * IKE_SECOND));
	/* Nothing lives on this SA: start afresh. */
	if (!t->out && !ike_v1_creating(sa)) {
		sa->why = "nothing lives on it";
		ike_sa_close(sa, false);
		ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
	}
}

void ike_v1_quick_gave_up(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	struct ike_child *c;
	char peer[ADDR_STR_MAX];

	if (!x->initiator) {
		c = ike_child_by_in(t, x->spi_in);
		ike_v1_finish(x); /* remembered: else anybody could begin it again */
		if (c)
			ike_child_gone(c, false);
		return;
	}
	ike_tunnel_peer(t, peer);
	if (!t->out)
		ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
				   "%s does not answer Quick Mode after %u tries: do its phase 2 "
				   "proposals and networks agree with ours?",
				   peer, x->sends);
	ike_log(sa->engine, t->index, "%s does not answer Quick Mode", peer);
	failed(x);
}

void ike_v1_quick_refused(struct ike_sa *sa, const struct ike_notify *error)
{
	struct ike_v1_exchange *x, *only = NULL;
	struct ike_tunnel *t = sa->tunnel;
	const char *name = ike_v1_notify_name(error->type);
	char peer[ADDR_STR_MAX];
	struct view spi;
	unsigned open = 0;
	uint32_t named;

	LIST_FOREACH(x, &sa->v1->exchanges, link)
	{
		spi = error->spi;
		if (x->type != IKE_V1_QUICK || !x->initiator)
			continue;
		if (error->spi.n == 4 && view_u32(&spi, &named) && named == x->spi_in)
			break;
		only = open++ ? NULL : x;
	}
	x = x ? x : only;
	ike_log(sa->engine, t->index, "the peer refuses %s: %s (%u)",
		x ? "a Quick Mode" : "something", name ? name : "error", error->type);
	if (!x)
		return;
	if (error->type == V1_NO_PROPOSAL_CHOSEN)
		ike_child_explain(sa, &(struct ike_notify){ .type = N_NO_PROPOSAL_CHOSEN });
	else if (error->type == V1_INVALID_ID_INFORMATION)
		ike_child_explain(sa, &(struct ike_notify){ .type = N_TS_UNACCEPTABLE });
	else
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s refuses Quick Mode with %s (%u)",
				   ike_tunnel_peer(t, peer), name ? name : "an error", error->type);
	failed(x);
}

/* ---- payloads ---------------------------------------------------------------------------- */

int ike_v1_quick_nonce(struct ike_v1_exchange *x, struct ike_builder *b, struct ike_v1_blob **keep)
{
	uint8_t nonce[IKE_NONCE_BYTES];

	ike_random(x->sa->engine, nonce, sizeof(nonce));
	*keep = ike_v1_blob((struct view){ nonce, sizeof(nonce) });
	ike_v1_build_bytes(b, IKE_V1_NONCE, nonce, sizeof(nonce));
	return *keep ? 0 : -ENOMEM;
}

int ike_v1_quick_key(struct ike_v1_exchange *x, struct ike_builder *b)
{
	const uint8_t *value;
	size_t len;

	if (!x->dh)
		return 0;
	value = ike_dh_public(x->dh, &len);
	ike_v1_build_bytes(b, IKE_V1_KE, value, len);
	return value ? 0 : -ENOMEM;
}

int ike_v1_quick_agree(struct ike_v1_exchange *x, const struct ike_v1_message *m,
		       struct secret **shared)
{
	struct view ke = m->body[IKE_V1_KE];

	if (!x->dh)
		return 0;
	if (!ike_v1_message_has(m, IKE_V1_KE))
		return -EINVAL;
	return ike_dh_derive(x->dh, ke.p, ke.n, shared);
}

struct ike_child_terms ike_v1_quick_terms(const struct ike_v1_exchange *x,
					  const struct ike_choice *choice,
					  const struct ike_v1_terms *said,
					  const struct secret *shared)
{
	return (struct ike_child_terms){
		.suite = choice->suite,
		.spi_out = (uint32_t)choice->spi,
		.local = x->traffic->local,
		.remote = x->traffic->remote,
		.nonce_i = x->nonce_i->b,
		.nonce_i_len = x->nonce_i->n,
		.nonce_r = x->nonce_r->b,
		.nonce_r_len = x->nonce_r->n,
		.shared = shared,
		.ours = x->initiator,
		.lifetime = said->seconds,
		.bytes = (uint64_t)said->kilobytes * 1024,
	};
}

static void add_proxy(struct ike_builder *b, const struct ike_selectors *s)
{
	ike_v1_proxy_emit(ike_v1_build_payload(b, IKE_V1_ID), s);
	ike_build_end(b);
}

int ike_v1_quick_pair(struct ike_sa *sa, const struct ike_child_terms *terms, struct ike_child **c)
{
	struct ike_sa *heir = ike_sa_usable(sa) ? NULL : ike_tunnel_current(sa->tunnel);
	int rc = ike_child_new(sa, terms, c);

	if (rc == 0 && heir)
		ike_child_follow(*c, heir);
	return rc;
}

/* ---- initiator --------------------------------------------------------------------------- */

static int build_request(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_settings *conf = &sa->tunnel->conf;
	struct ike_v1_esp_offer offer = {
		.conf = conf,
		.suite = x->has_suite ? &x->suite : NULL,
		.group = x->group,
		.mode = ike_v1_mode(sa),
		.seconds = conf->esp_lifetime,
		.kilobytes = (uint32_t)((conf->esp_lifetime_bytes + 1023) / 1024),
	};
	struct ike_builder b;
	int rc;

	x->spi_in = sa->engine->ops->spi_alloc(sa->engine->ctx, sa->tunnel_index);
	if (!x->spi_in)
		return -ENOSPC;
	if (x->group != DH_NONE && !(x->dh = ike_dh_new(x->group)))
		return -ENOMEM;
	offer.spi = x->spi_in;
	ike_v1_build(x, &b);
	ike_v1_hash_room(x, &b);
	ike_v1_offer_emit_esp(ike_v1_build_payload(&b, IKE_V1_SA), &offer);
	ike_build_end(&b);
	rc = ike_v1_quick_nonce(x, &b, &x->nonce_i);
	if (rc == 0)
		rc = ike_v1_quick_key(x, &b);
	add_proxy(&b, &x->traffic->local);
	add_proxy(&b, &x->traffic->remote);
	if (rc == 0)
		rc = ike_v1_hash_fill(x, &b, NULL, 0);
	return rc < 0 ? rc : ike_v1_send(x, &b, true);
}

void ike_v1_quick_start(struct ike_sa *sa, const struct ike_traffic *traffic, struct ike_child *old)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_v1_exchange *x = ike_v1_open(sa, IKE_V1_QUICK, true, ike_v1_fresh_id(sa));
	int rc = -ENOMEM;

	if (x) {
		x->traffic = ike_traffic_share(traffic);
		x->group = t->conf.esp_pfs.n ? t->conf.esp_pfs.id[0] : DH_NONE;
		if (old) {
			x->old = old->spi_in;
			x->has_suite = true;
			x->suite = old->suite;
			x->group = old->suite.dh != DH_NONE ? old->suite.dh : x->group;
		}
		rc = build_request(x);
	}
	if (rc == 0) {
		ike_v1_waits(x);
		return;
	}
	ike_log(sa->engine, t->index, "a Quick Mode could not be started: %s", strerror(-rc));
	ike_tunnel_because(t, IKE_REASON_NO_RESOURCES, "%s",
			   rc == -ENOSPC ? "no SPI is left" : strerror(-rc));
	if (x)
		ike_v1_close(x);
	if (old)
		ike_child_retry_rekey(old, 2 * IKE_SECOND);
	ike_tunnel_call_within(t, 2 * IKE_SECOND, 5 * IKE_SECOND);
}

/* Reads what the responder chose. 0 or -EBADMSG. */
static int read_choice(struct ike_v1_exchange *x, struct ike_v1_message *m,
		       struct ike_choice *choice, struct ike_v1_terms *said)
{
	struct ike_sa *sa = x->sa;
	const struct ike_settings *conf = &sa->tunnel->conf;
	const struct ike_v1_terms *terms;
	struct ike_selectors local, remote;
	struct ike_v1_offer answer;
	struct ike_offer own;

	if (x->has_suite) {
		struct ike_suite suite = x->suite;

		suite.dh = x->group;
		ike_offer_suite(&own, IKE_PROTOCOL_ESP, 1, &suite);
	} else {
		ike_offer_esp(&own, conf, true);
	}
	if (ike_v1_offer_parse(&answer, IKE_PROTOCOL_ESP, sa->udp, m->body[IKE_V1_SA]) < 0 ||
	    answer.offer.n != 1 || ike_v1_offer_select(&own, &answer, choice, &terms) < 0 ||
	    choice->suite.dh != x->group)
		return -EBADMSG;
	if (m->n_id == 2 && (ike_v1_proxy_parse(&local, m->id_body[0]) < 0 ||
			     ike_v1_proxy_parse(&remote, m->id_body[1]) < 0 ||
			     !ike_selectors_equal(&local, &x->traffic->local) ||
			     !ike_selectors_equal(&remote, &x->traffic->remote)))
		return -EBADMSG;
	*said = *terms;
	said->attributes = (struct view){ NULL, 0 };
	return 0;
}

static int confirm(struct ike_v1_exchange *x)
{
	struct ike_chunk nonces[] = { ike_v1_chunk(x->nonce_i), ike_v1_chunk(x->nonce_r) };
	uint8_t hash[IKE_HASH_MAX];
	struct ike_builder b;
	int rc = ike_v1_hash(x->sa, x->id, nonces, 2, (struct view){ NULL, 0 }, hash);

	ike_v1_build(x, &b);
	ike_v1_build_bytes(&b, IKE_V1_HASH, hash, algo_auths[x->sa->suite.prf].out_bytes);
	return rc < 0 ? rc : ike_v1_send(x, &b, true);
}

/* Another network's pair is in another lane. */
static void take_over(struct ike_child *c)
{
	if (ike_child_turn_soon(c, SWITCH_AFTER) < 0) {
		c->want_delete = true;
		ike_sa_attend(c->sa);
		return;
	}
	ike_v1_retire_others(c, IKE_TURN + IKE_SECOND);
}

void ike_v1_quick_answered(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	struct ike_chunk nonce_i = ike_v1_chunk(x->nonce_i);
	const struct ike_notify *life = ike_v1_message_notify(m, V1_RESPONDER_LIFETIME);
	struct secret *shared = NULL;
	struct ike_child_terms terms;
	struct ike_choice choice;
	struct ike_child *c;
	struct ike_v1_terms said;
	uint32_t seconds;
	int rc;

	if (!ike_v1_hash_holds(sa, m, &nonce_i, 1)) {
		ike_count(sa->engine, IKE_COUNT_BAD_ICV);
		return;
	}
	ike_v1_heard(x);
	ike_v1_accept(x);
	/* Without our confirmation the peer never uses its pair, should the delete get lost. */
	if (x->lost_to && ike_child_by_in(sa->tunnel, x->lost_to)) {
		ike_v1_delete_child(sa, x->spi_in, 0);
		sa->engine->ops->spi_free(sa->engine->ctx, sa->tunnel_index, x->spi_in);
		x->spi_in = 0;
		free(x->packet);
		x->packet = NULL;
		ike_v1_finish(x);
		return;
	}
	rc = read_choice(x, m, &choice, &said);
	if (rc < 0) {
		ike_log(sa->engine, sa->tunnel_index,
			"the peer answered Quick Mode with what we did not propose");
		ike_child_explain(sa, NULL);
		failed(x);
		return;
	}
	if (life && life->protocol == IKE_PROTOCOL_ESP &&
	    ike_v1_offer_lifetime(IKE_PROTOCOL_ESP, life->data, &seconds) == 0 &&
	    (!said.seconds || seconds < said.seconds))
		said.seconds = seconds;
	x->nonce_r = ike_v1_blob(m->body[IKE_V1_NONCE]);
	rc = x->nonce_r ? ike_v1_quick_agree(x, m, &shared) : -ENOMEM;
	if (rc == 0) {
		terms = ike_v1_quick_terms(x, &choice, &said, shared);
		terms.spi_in = x->spi_in;
		x->spi_in = 0;
		rc = ike_v1_quick_pair(sa, &terms, &c);
	}
	secret_free(shared);
	if (rc == 0 && (rc = confirm(x)) < 0)
		ike_child_gone(c, false);
	if (rc < 0) {
		ike_log(sa->engine, sa->tunnel_index, "a pair was not installed: %s",
			strerror(-rc));
		ike_tunnel_because(sa->tunnel, IKE_REASON_NO_RESOURCES,
				   "a pair was not installed: %s", strerror(-rc));
		failed(x);
		return;
	}
	take_over(c);
	ike_v1_finish(x);
}

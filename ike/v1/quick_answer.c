/* Quick Mode as its responder, and the first packets on a pair (RFC 2409 §5.5). */
#include "ike/v1/quick.h"

#include "ike/selector.h"
#include "ike/v1/proxy.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHILDREN_MAX	   40 /* of a tunnel */
#define REDUNDANT_PATIENCE (10 * IKE_SECOND)
#define OTHERS_PATIENCE	   (3 * IKE_TURN)

static void explain_no_proposal(struct ike_tunnel *t, const struct ike_offer *own,
				const struct ike_offer *theirs)
{
	char ours[192], peers[192], peer[ADDR_STR_MAX];

	ike_offer_format(own, ours, sizeof(ours));
	ike_offer_format(theirs, peers, sizeof(peers));
	ike_tunnel_because(t, IKE_REASON_NO_PROPOSAL,
			   "no common ESP proposal with %s\nours: %s\npeer's: %s",
			   ike_tunnel_peer(t, peer), ours, peers);
	ike_log(t->engine, t->index, "no common ESP proposal; ours: %s; peer's: %s", ours, peers);
}

static void explain_selectors(struct ike_tunnel *t, const struct ike_selectors *local,
			      const struct ike_selectors *remote)
{
	char l[80], r[80], tl[80], tr[80], peer[ADDR_STR_MAX];
	struct ike_selectors our_local, our_remote;

	ike_selectors_from_prefixes(&our_local, t->conf.ts_local, t->conf.n_ts_local);
	ike_selectors_from_prefixes(&our_remote, t->conf.ts_remote, t->conf.n_ts_remote);
	ike_tunnel_because(t, IKE_REASON_TS_UNACCEPTABLE,
			   "the proxy identities of %s are not ours\nours: %s === %s\n"
			   "peer's: %s === %s",
			   ike_tunnel_peer(t, peer), ike_selectors_format(&our_local, l, sizeof(l)),
			   ike_selectors_format(&our_remote, r, sizeof(r)),
			   ike_selectors_format(local, tl, sizeof(tl)),
			   ike_selectors_format(remote, tr, sizeof(tr)));
}

/* Over, and remembered: else anybody could have it refused again, and pass for the peer. */
static void refuse(struct ike_v1_exchange *x, const struct ike_choice *choice, uint16_t error)
{
	ike_v1_heard(x);
	ike_v1_accept(x);
	x->refused = true;
	ike_v1_answer_notify(x, (uint32_t)choice->spi, error);
}

/* The networks that the peer names; without, it means the two of us. */
static int read_proxies(struct ike_v1_exchange *x, const struct ike_v1_message *m,
			struct ike_selectors *local, struct ike_selectors *remote)
{
	if (m->n_id == 2)
		return ike_v1_proxy_parse(remote, m->id_body[0]) < 0 ||
				       ike_v1_proxy_parse(local, m->id_body[1]) < 0
			       ? -EBADMSG
			       : 0;
	ike_v1_proxy_host(local, &x->sa->path.local.addr);
	ike_v1_proxy_host(remote, &x->sa->path.remote.addr);
	return 0;
}

/* Proposals and networks that both want: sets the exchange's. 0, or what refuses. There is no
 * narrowing: what the peer names has to lie inside of what we want. */
static uint16_t choose(struct ike_v1_exchange *x, struct ike_v1_message *m,
		       struct ike_v1_offer *peer, struct ike_choice *choice,
		       const struct ike_v1_terms **terms)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	struct ike_selectors local, remote, our_local, our_remote;
	struct ike_offer own;

	*choice = (struct ike_choice){ 0 };
	if (ike_v1_offer_parse(peer, IKE_PROTOCOL_ESP, sa->udp, m->body[IKE_V1_SA]) < 0)
		return V1_BAD_PROPOSAL_SYNTAX;
	if (peer->offer.n)
		choice->spi = peer->offer.proposal[0].spi;
	if (read_proxies(x, m, &local, &remote) < 0)
		return V1_INVALID_ID_INFORMATION;
	ike_offer_esp(&own, &t->conf, true);
	if (ike_v1_offer_select(&own, peer, choice, terms) < 0) {
		choice->spi = peer->offer.n ? peer->offer.proposal[0].spi : 0;
		ike_count(sa->engine, IKE_COUNT_NO_PROPOSAL);
		explain_no_proposal(t, &own, &peer->offer);
		return V1_NO_PROPOSAL_CHOSEN;
	}
	ike_selectors_from_prefixes(&our_local, t->conf.ts_local, t->conf.n_ts_local);
	ike_selectors_from_prefixes(&our_remote, t->conf.ts_remote, t->conf.n_ts_remote);
	if (!ike_selectors_within(&local, &our_local) ||
	    !ike_selectors_within(&remote, &our_remote)) {
		explain_selectors(t, &local, &remote);
		return V1_INVALID_ID_INFORMATION;
	}
	if (ike_v1_message_has(m, IKE_V1_KE) != (choice->suite.dh != DH_NONE))
		return V1_INVALID_KEY_INFORMATION;
	x->group = choice->suite.dh;
	x->traffic = ike_traffic_get(&sa->engine->traffic, &local, &remote);
	return 0;
}

/* RESPONDER-LIFETIME (RFC 2407 §4.6.3.1): ours ends before what the peer proposed. */
static void add_lifetime(struct ike_builder *b, uint32_t spi, uint32_t seconds)
{
	uint8_t bytes[4], data[12];
	struct writer w;

	writer_init(&w, bytes, sizeof(bytes));
	writer_u32(&w, spi);
	writer_init(&w, data, sizeof(data));
	ike_v1_offer_emit_lifetime(&w, IKE_PROTOCOL_ESP, seconds);
	ike_v1_build_notify(b, IKE_PROTOCOL_ESP, bytes, sizeof(bytes), V1_RESPONDER_LIFETIME, data,
			    w.n);
}

static int build_answer(struct ike_v1_exchange *x, const struct ike_v1_message *m,
			const struct ike_v1_terms *terms)
{
	uint32_t ours = x->sa->tunnel->conf.esp_lifetime;
	struct ike_chunk nonce_i = ike_v1_chunk(x->nonce_i);
	struct ike_builder b;
	int rc;

	ike_v1_build(x, &b);
	ike_v1_hash_room(x, &b);
	ike_v1_offer_emit_choice(ike_v1_build_payload(&b, IKE_V1_SA), IKE_PROTOCOL_ESP, terms,
				 x->spi_in);
	ike_build_end(&b);
	ike_v1_build_bytes(&b, IKE_V1_NONCE, x->nonce_r->b, x->nonce_r->n);
	rc = ike_v1_quick_key(x, &b);
	for (unsigned i = 0; i < m->n_id; i++)
		ike_v1_build_bytes(&b, IKE_V1_ID, m->id_body[i].p, m->id_body[i].n);
	if (terms->seconds > ours)
		add_lifetime(&b, x->spi_in, ours);
	if (rc == 0)
		rc = ike_v1_hash_fill(x, &b, &nonce_i, 1);
	return rc < 0 ? rc : ike_v1_send(x, &b, true);
}

/* Both asked for the same at once. */
static void settle_crossing(struct ike_v1_exchange *x, struct ike_child *c)
{
	struct ike_v1_exchange *mine = ike_v1_pair_in_the_making(c->tunnel, x->traffic, true);
	struct ike_engine *e = c->tunnel->engine;

	if (!mine)
		return;
	if (ike_nonce_compare(mine->nonce_i->b, mine->nonce_i->n, x->nonce_i->b, x->nonce_i->n) <
	    0) {
		mine->lost_to = c->spi_in;
	} else {
		c->redundant = true;
		ike_timer_set(&e->timers, &c->turn, e->now + REDUNDANT_PATIENCE);
	}
}

/* Makes the pair and answers. 0 or -errno, and nothing is left but what closing x takes back. */
static int answer(struct ike_v1_exchange *x, struct ike_v1_message *m,
		  const struct ike_choice *choice, const struct ike_v1_terms *terms)
{
	struct ike_sa *sa = x->sa;
	struct ike_engine *e = sa->engine;
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_child_terms child;
	struct secret *shared = NULL;
	struct ike_child *c = NULL;
	int rc;

	if (x->group != DH_NONE && !(x->dh = ike_dh_new(x->group)))
		return -ENOMEM;
	ike_random(e, nonce, sizeof(nonce));
	x->nonce_i = ike_v1_blob(m->body[IKE_V1_NONCE]);
	x->nonce_r = ike_v1_blob((struct view){ nonce, sizeof(nonce) });
	if (!x->nonce_i || !x->nonce_r || !x->traffic)
		return -ENOMEM;
	rc = ike_v1_quick_agree(x, m, &shared);
	if (rc == 0) {
		child = ike_v1_quick_terms(x, choice, terms, shared);
		child.spi_in = e->ops->spi_alloc(e->ctx, sa->tunnel_index);
		x->spi_in = child.spi_in;
		rc = child.spi_in ? ike_v1_quick_pair(sa, &child, &c) : -ENOSPC;
	}
	secret_free(shared);
	if (rc < 0)
		return rc;
	ike_v1_heard(x);
	ike_v1_accept(x);
	settle_crossing(x, c);
	rc = build_answer(x, m, terms);
	if (rc < 0) {
		x->accepted = false;
		ike_child_gone(c, false);
	}
	return rc;
}

void ike_v1_quick_answer(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	const struct ike_v1_terms *terms;
	struct ike_v1_offer peer;
	struct ike_choice choice;
	uint16_t refusal;
	int rc;

	if (!ike_v1_hash_holds(sa, m, NULL, 0)) {
		ike_count(sa->engine, IKE_COUNT_BAD_ICV);
		return;
	}
	if (ike_child_count(sa->tunnel) >= CHILDREN_MAX) {
		ike_count(sa->engine, IKE_COUNT_TOO_MANY);
		return;
	}
	refusal = choose(x, m, &peer, &choice, &terms);
	if (refusal) {
		refuse(x, &choice, refusal);
		return;
	}
	/* Without an answer, for there is no notify for it: the peer asks again. */
	if (x->group != DH_NONE && !ike_gate_admit_exchange(sa->tunnel))
		return;
	rc = answer(x, m, &choice, terms);
	if (rc == 0) {
		ike_v1_waits(x);
		return;
	}
	ike_log(sa->engine, sa->tunnel_index, "a pair could not be installed: %s", strerror(-rc));
	ike_tunnel_because(sa->tunnel, IKE_REASON_NO_RESOURCES, "a pair could not be installed: %s",
			   strerror(-rc));
	if (rc == -EINVAL)
		refuse(x, &choice, V1_INVALID_KEY_INFORMATION);
}

/* The initiator has the pair as well: what was before it is replaced. */
static void complete(struct ike_v1_exchange *x)
{
	struct ike_tunnel *t = x->sa->tunnel;
	struct ike_child *c = ike_child_by_in(t, x->spi_in);

	ike_v1_finish(x);
	if (!c || c->redundant)
		return;
	/* The initiator deletes them; but it may not know of all, or its deletes get lost. */
	ike_v1_retire_others(c, OTHERS_PATIENCE);
	ike_child_await_turn(c);
}

void ike_v1_quick_confirmed(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_chunk nonces[] = { ike_v1_chunk(x->nonce_i), ike_v1_chunk(x->nonce_r) };
	struct view theirs = m->body[IKE_V1_HASH];
	struct ike_sa *sa = x->sa;
	uint8_t hash[IKE_HASH_MAX];

	if (theirs.n != algo_auths[sa->suite.prf].out_bytes ||
	    ike_v1_hash(sa, x->id, nonces, 2, (struct view){ NULL, 0 }, hash) < 0 ||
	    sodium_memcmp(theirs.p, hash, theirs.n) != 0) {
		ike_count(sa->engine, IKE_COUNT_BAD_ICV);
		return;
	}
	ike_v1_heard(x);
	ike_v1_accept(x);
	complete(x);
}

/* The exchange that is to make it, on whichever SA: the pair may have moved to a newer one. */
static struct ike_v1_exchange *maker_of(const struct ike_child *c)
{
	struct ike_v1_exchange *x;
	struct ike_sa *sa;

	LIST_FOREACH(sa, &c->tunnel->sas, siblings)
	{
		LIST_FOREACH(x, &sa->v1->exchanges, link)
		{
			if (x->type == IKE_V1_QUICK && !x->initiator && x->spi_in == c->spi_in)
				return x;
		}
	}
	return NULL;
}

void ike_v1_child_ends(const struct ike_child *c)
{
	struct ike_v1_exchange *x = c->ours ? NULL : maker_of(c);

	if (x)
		ike_v1_finish(x);
}

void ike_v1_child_used(struct ike_child *c)
{
	struct ike_v1_exchange *x = c->ours ? NULL : maker_of(c);
	struct ike_child *old;

	/* Who sends on it has made it: as good as the confirmation that was lost. */
	if (x)
		complete(x);
	if (!c->ours)
		return;
	TAILQ_FOREACH(old, &c->tunnel->children, link)
	{
		if (old->traffic == c->traffic && old->redundant &&
		    old->outbound == IKE_OUTBOUND_PAST) {
			old->want_delete = true;
			ike_sa_attend(old->sa);
		}
	}
}

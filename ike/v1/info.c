/* Informational exchanges: deletes, notifies, dead peer detection (RFC 2409 §5.7, RFC 3706).
 *
 * One message each, never answered as such, and never believed without its hash. What came once is
 * not believed again. */
#include "ike/v1/exchange.h"

#include <errno.h>

#define DOI_IPSEC	1
#define CONTACT_WHILE	(10 * IKE_SECOND) /* how long after phase 1 INITIAL-CONTACT may come */
#define PROBES_MAX	5
#define DELETES_AT_ONCE 64 /* pairs */

/* ---- sending ----------------------------------------------------------------------------- */

static struct ike_v1_exchange *begin(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_v1_exchange *x =
		ike_v1_open(sa, IKE_V1_INFORMATIONAL, true, ike_v1_fresh_id(sa));

	if (!x)
		return NULL;
	ike_v1_build(x, b);
	ike_v1_hash_room(x, b);
	return x;
}

static void end(struct ike_v1_exchange *x, struct ike_builder *b, bool repeated)
{
	int rc = ike_v1_hash_fill(x, b, NULL, 0);

	if (rc == 0)
		rc = ike_v1_send(x, b, true);
	if (rc == 0 && repeated)
		ike_v1_waits(x);
	else
		ike_v1_close(x);
}

void ike_v1_notify(struct ike_sa *sa, uint8_t protocol, const void *spi, size_t n_spi,
		   uint16_t type, const void *data, size_t n)
{
	struct ike_builder b;
	struct ike_v1_exchange *x = begin(sa, &b);

	if (!x)
		return;
	ike_v1_build_notify(&b, protocol, spi, n_spi, type, data, n);
	end(x, &b, type == V1_INITIAL_CONTACT);
}

void ike_v1_cookies(const struct ike_sa *sa, uint8_t out[IKE_V1_COOKIES])
{
	struct writer w;

	writer_init(&w, out, IKE_V1_COOKIES);
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
}

static void build_delete(struct ike_builder *b, uint8_t protocol, uint8_t spi_bytes,
			 const uint8_t *spis, size_t bytes)
{
	struct writer *w = ike_v1_build_payload(b, IKE_V1_DELETE);

	writer_u32(w, DOI_IPSEC);
	writer_u8(w, protocol);
	writer_u8(w, spi_bytes);
	writer_u16(w, (uint16_t)(bytes / spi_bytes));
	writer_bytes(w, spis, bytes);
	ike_build_end(b);
}

static void send_delete(struct ike_sa *sa, uint8_t protocol, uint8_t spi_bytes, const uint8_t *spis,
			size_t bytes)
{
	struct ike_builder b;
	struct ike_v1_exchange *x = begin(sa, &b);

	if (!x)
		return;
	build_delete(&b, protocol, spi_bytes, spis, bytes);
	end(x, &b, false);
}

void ike_v1_delete_child(struct ike_sa *sa, uint32_t spi_in, uint32_t spi_out)
{
	struct ike_builder b;
	struct ike_v1_exchange *x = begin(sa, &b);
	uint8_t spi[4];
	struct writer w;

	if (!x)
		return;
	x->old = spi_out;
	writer_init(&w, spi, sizeof(spi));
	writer_u32(&w, spi_in);
	build_delete(&b, IKE_PROTOCOL_ESP, sizeof(spi), spi, sizeof(spi));
	/* A peer that missed it might send on the pair to its end. */
	end(x, &b, true);
}

/* The peer's delete of a pair that we do not have: it answers our own. */
static void delete_answered(const struct ike_tunnel *t, uint32_t spi_out)
{
	struct ike_v1_exchange *x, *next;
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		for (x = LIST_FIRST(&sa->v1->exchanges); x; x = next) {
			next = LIST_NEXT(x, link);
			if (x->type == IKE_V1_INFORMATIONAL && x->initiator && x->old == spi_out)
				ike_v1_close(x);
		}
	}
}

/* Answers x; again whenever that comes again. */
static void end_as_answer(struct ike_v1_exchange *answer, struct ike_builder *b,
			  struct ike_v1_exchange *x)
{
	if (ike_v1_hash_fill(answer, b, NULL, 0) == 0 && ike_v1_send(answer, b, true) == 0) {
		ike_packet_free(x->packet);
		x->packet = answer->packet;
		answer->packet = NULL;
	}
	ike_v1_close(answer);
}

/* Which of our pairs went along with the peer's delete x. */
static void answer_delete(struct ike_v1_exchange *x, const uint8_t *spis, size_t bytes)
{
	struct ike_builder b;
	struct ike_v1_exchange *answer = begin(x->sa, &b);

	if (!answer)
		return;
	build_delete(&b, IKE_PROTOCOL_ESP, 4, spis, bytes);
	end_as_answer(answer, &b, x);
}

void ike_v1_answer_notify(struct ike_v1_exchange *x, uint32_t spi, uint16_t type)
{
	struct ike_builder b;
	struct ike_v1_exchange *answer = begin(x->sa, &b);
	uint8_t bytes[4];
	struct writer w;

	if (!answer)
		return;
	writer_init(&w, bytes, sizeof(bytes));
	writer_u32(&w, spi);
	ike_v1_build_notify(&b, IKE_PROTOCOL_ESP, bytes, sizeof(bytes), type, NULL, 0);
	end_as_answer(answer, &b, x);
}

void ike_v1_farewell(struct ike_sa *sa)
{
	uint8_t spis[4 * DELETES_AT_ONCE], own[IKE_V1_COOKIES];
	struct ike_child *c;
	struct writer w;

	if (sa->v1->orphaned)
		return;
	writer_init(&w, spis, sizeof(spis));
	TAILQ_FOREACH(c, &sa->tunnel->children, link)
	{
		if (c->sa == sa && w.n < sizeof(spis))
			writer_u32(&w, c->spi_in);
	}
	if (w.n)
		send_delete(sa, IKE_PROTOCOL_ESP, 4, spis, w.n);
	ike_v1_cookies(sa, own);
	send_delete(sa, IKE_PROTOCOL_IKE, sizeof(own), own, sizeof(own));
}

/* ---- dead peer detection ----------------------------------------------------------------- */

static void send_probe(struct ike_sa *sa)
{
	static const uint8_t gaps[] = { 1, 2, 2, 3, 3 };
	struct ike_v1 *v1 = sa->v1;
	struct ike_engine *e = sa->engine;
	uint8_t own[IKE_V1_COOKIES], number[4];
	struct writer w;

	ike_v1_cookies(sa, own);
	writer_init(&w, number, sizeof(number));
	writer_u32(&w, v1->probe_number);
	ike_v1_notify(sa, IKE_PROTOCOL_IKE, own, sizeof(own), V1_R_U_THERE, number, sizeof(number));
	ike_timer_set(&e->timers, &v1->probe, e->now + gaps[v1->probes++] * IKE_SECOND);
}

void ike_v1_probe(struct ike_sa *sa)
{
	struct ike_v1 *v1 = sa->v1;

	if (!(v1->vendors & IKE_V1_VENDOR_DPD) || v1->probes)
		return;
	v1->probe_number++;
	v1->probes_since = sa->engine->now;
	send_probe(sa);
}

void ike_v1_on_probe(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_v1 *v1 = (struct ike_v1 *)((char *)timer - offsetof(struct ike_v1, probe));
	struct ike_sa *sa = v1->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	if (e->ops->inbound_packets && sa == ike_tunnel_current(t)) {
		uint64_t packets = e->ops->inbound_packets(e->ctx, t->index);

		if (packets != sa->inbound_seen) {
			sa->inbound_seen = packets;
			ike_sa_heard(sa);
		}
	}
	if (sa->heard > v1->probes_since) {
		v1->probes = 0;
		return;
	}
	if (v1->probes < PROBES_MAX) {
		ike_count(e, IKE_COUNT_RETRANSMITTED);
		send_probe(sa);
		return;
	}
	ike_tunnel_because(t, IKE_REASON_DPD_TIMEOUT,
			   "%s answers no more: %u probes were sent in %u s",
			   ike_tunnel_peer(t, peer), v1->probes,
			   (unsigned)((e->now - v1->probes_since) / IKE_SECOND));
	ike_log(e, t->index, "%s", ike_tunnel_text(t));
	ike_tunnel_call_within(t, 0, IKE_SECOND);
	sa->why = "the peer answers no more";
	ike_sa_kill(sa, false);
}

static void probed(struct ike_sa *sa, const struct ike_notify *n)
{
	struct ike_v1 *v1 = sa->v1;
	struct view v = n->data;
	uint32_t number;

	if (!view_u32(&v, &number))
		return;
	if (v1->peer_number_known && (int32_t)(number - v1->peer_number) < 0) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	v1->peer_number = number;
	v1->peer_number_known = true;
	ike_v1_notify(sa, IKE_PROTOCOL_IKE, n->spi.p, n->spi.n, V1_R_U_THERE_ACK, n->data.p, 4);
}

static void probe_answered(struct ike_sa *sa, const struct ike_notify *n)
{
	struct ike_v1 *v1 = sa->v1;
	struct view v = n->data;
	uint32_t number;

	if (!v1->probes || !view_u32(&v, &number) || number != v1->probe_number)
		return;
	v1->probes = 0;
	ike_timer_cancel(&sa->engine->timers, &v1->probe);
}

/* ---- receiving --------------------------------------------------------------------------- */

/* Ends the pairs that the peer names by its inbound SPIs, and tells it which of ours went along. */
static void deletes_children(struct ike_v1_exchange *x, struct view spis)
{
	uint8_t gone[4 * DELETES_AT_ONCE];
	struct ike_tunnel *t = x->sa->tunnel;
	char peer[ADDR_STR_MAX];
	struct writer w;
	uint32_t spi;

	writer_init(&w, gone, sizeof(gone));
	while (view_u32(&spis, &spi)) {
		struct ike_child *c = ike_child_by_out(t, spi);

		if (spi)
			delete_answered(t, spi);
		if (!c)
			continue;
		if (c == t->out)
			ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s deleted the child SA",
					   ike_tunnel_peer(t, peer));
		if (w.n < sizeof(gone))
			writer_u32(&w, c->spi_in);
		ike_v1_child_ends(c);
		ike_child_gone(c, true);
	}
	if (w.n)
		answer_delete(x, gone, w.n);
}

/* The peer has no phase 1 any more; pairs live without one until there is another, if they do. */
static void deletes_sa(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_engine *e = sa->engine;
	struct ike_sa *heir = NULL;
	char peer[ADDR_STR_MAX];
	struct ike_child *c;
	bool childless = true;

	sa->v1->orphaned = true;
	ike_sa_replace(sa);
	ike_v1_forget(sa);
	heir = ike_tunnel_current(t);
	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->sa != sa)
			continue;
		childless = heir != NULL;
		if (heir)
			ike_child_follow(c, heir);
	}
	if (childless) {
		/* Why it never had a pair says more. */
		if (!t->out && (t->reason == IKE_REASON_NEGOTIATING ||
				t->reason == IKE_REASON_WAITING || t->reason == IKE_REASON_NONE))
			ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s deleted the IKE SA",
					   ike_tunnel_peer(t, peer));
		sa->why = "the peer deleted it";
		ike_sa_kill(sa, false);
	} else if (e->ops->inbound_packets) {
		sa->inbound_seen = e->ops->inbound_packets(e->ctx, t->index);
	}
	ike_tunnel_stir(t);
}

/* true: the SA that the message came under is gone. */
static bool deleted(struct ike_v1_exchange *x, const struct ike_delete *d)
{
	struct ike_sa *sa = x->sa;
	struct view v = d->spis;
	uint64_t cky_i, cky_r;
	bool own = false;

	if (d->protocol == IKE_PROTOCOL_ESP)
		deletes_children(x, d->spis);
	if (d->protocol != IKE_PROTOCOL_IKE)
		return false;
	while (view_u64(&v, &cky_i) && view_u64(&v, &cky_r)) {
		struct ike_sa *named, *next;

		for (named = LIST_FIRST(&sa->tunnel->sas); named; named = next) {
			next = LIST_NEXT(named, siblings);
			if (!named->v1 || named->spi_i != cky_i || named->spi_r != cky_r)
				continue;
			if (named == sa)
				own = true;
			else if (named->state == IKE_STATE_ESTABLISHED)
				deletes_sa(named);
		}
	}
	if (own)
		deletes_sa(sa);
	return own;
}

/* The peer has nothing from before this SA. */
static void contacted(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_sa *other, *next;
	struct ike_child *c;
	char peer[ADDR_STR_MAX];

	if (sa->engine->now - sa->established > CONTACT_WHILE)
		return;
	for (other = LIST_FIRST(&t->sas); other; other = next) {
		next = LIST_NEXT(other, siblings);
		if (other != sa && other->state == IKE_STATE_ESTABLISHED &&
		    other->established < sa->created) {
			other->why = "the peer has started afresh";
			ike_sa_kill(other, false);
		}
	}
	c = TAILQ_FIRST(&t->children);
	while (c) {
		if (c->established >= sa->created) {
			c = TAILQ_NEXT(c, link);
			continue;
		}
		if (c == t->out)
			ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s has started afresh",
					   ike_tunnel_peer(t, peer));
		ike_child_gone(c, false);
		c = TAILQ_FIRST(&t->children); /* another may have taken over */
	}
}

static void rejected(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;

	ike_v1_phase1_refused(t, true);
	sa->why = "the peer refuses us";
	ike_sa_kill(sa, false);
}

static void shortened(struct ike_sa *sa, const struct ike_notify *n)
{
	struct ike_child *c;
	struct view spi = n->spi;
	uint32_t seconds, named;

	if (ike_v1_offer_lifetime((enum ike_protocol)n->protocol, n->data, &seconds) < 0)
		return;
	if (n->protocol == IKE_PROTOCOL_IKE) {
		ike_sa_shorten(sa, seconds);
	} else if (spi.n == 4 && view_u32(&spi, &named)) {
		c = ike_child_by_out(sa->tunnel, named);
		if (c)
			ike_child_shorten(c, seconds);
	}
}

/* A probe's number has to be new: its message id is not remembered, so it may be a replay. */
static bool is_fresh(const struct ike_v1 *v1, const struct ike_notify *n)
{
	struct view v = n->data;
	uint32_t number;

	if (!view_u32(&v, &number))
		return false;
	if (n->type == V1_R_U_THERE_ACK)
		return v1->probes && number == v1->probe_number;
	return !v1->peer_number_known || (int32_t)(number - v1->peer_number) > 0;
}

void ike_v1_info(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	bool probes = m->n_notify == 1 && !m->n_delete &&
		      (m->notify[0].type == V1_R_U_THERE || m->notify[0].type == V1_R_U_THERE_ACK);

	if (!ike_v1_hash_holds(sa, m, NULL, 0)) {
		ike_count(sa->engine, IKE_COUNT_BAD_ICV);
		return;
	}
	/* Probes have numbers of their own, and would push out what has to be remembered. */
	if (!probes)
		ike_v1_remember(sa, m->id);
	if (!probes || is_fresh(sa->v1, &m->notify[0]))
		ike_v1_heard(x);
	ike_v1_accept(x);
	for (unsigned i = 0; i < m->n_notify; i++) {
		const struct ike_notify *n = &m->notify[i];

		if (n->type == V1_R_U_THERE)
			probed(sa, n);
		else if (n->type == V1_R_U_THERE_ACK)
			probe_answered(sa, n);
		else if (n->type == V1_INITIAL_CONTACT)
			contacted(sa);
		else if (n->type == V1_RESPONDER_LIFETIME)
			shortened(sa, n);
		else if (n->type == V1_AUTHENTICATION_FAILED)
			rejected(sa);
		else if (n->type < V1_STATUS)
			ike_v1_quick_refused(sa, n);
		if (sa->state == IKE_STATE_DEAD)
			return;
	}
	for (unsigned i = 0; i < m->n_delete; i++) {
		if (deleted(x, &m->deletes[i]))
			return;
	}
}

#include "ike/v2/exchange.h"

#include "ike/child.h"
#include "ike/natt.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_COUNT	 (30 * IKE_SECOND)
#define REFUSED_PATIENCE (120 * IKE_SECOND)
#define INIT_RENEWED	 24 /* sends of one IKE_SA_INIT request before a fresh one */
#define BUILD_AGAIN	 (2 * IKE_SECOND)
#define SENDS_ALIVE	 9 /* of a request, while packets prove that the peer lives */

struct errand {
	const char *name; /* for a person: no answer to NAME */
	uint8_t exchange;
	enum ike_form form; /* of the answer */
	int (*build)(struct ike_sa *sa, struct ike_builder *b);
	void (*answered)(struct ike_sa *sa, struct ike_request *r, struct ike_message *m);
};

static const struct errand errands[IKE_ERRAND_COUNT] = {
	[IKE_ERRAND_INIT] = { "IKE_SA_INIT", IKE_SA_INIT, IKE_FORM_INIT, ike_init_build, NULL },
	[IKE_ERRAND_AUTH] = { "IKE_AUTH", IKE_AUTH, IKE_FORM_AUTH_RESPONSE, ike_auth_build,
			      ike_auth_answered },
	[IKE_ERRAND_CREATE_CHILD] = { "the request for a child SA", CREATE_CHILD_SA, IKE_FORM_CHILD,
				      ike_child_build, ike_child_answered },
	[IKE_ERRAND_REKEY_CHILD] = { "the rekey of the child SA", CREATE_CHILD_SA, IKE_FORM_CHILD,
				     ike_rekey_child_build, ike_rekey_child_answered },
	[IKE_ERRAND_DELETE_CHILD] = { "the delete of the child SA", INFORMATIONAL,
				      IKE_FORM_INFORMATIONAL, ike_delete_child_build,
				      ike_delete_child_answered },
	[IKE_ERRAND_REKEY_IKE] = { "the rekey of the IKE SA", CREATE_CHILD_SA, IKE_FORM_REKEY_IKE,
				   ike_rekey_ike_build, ike_rekey_ike_answered },
	[IKE_ERRAND_DELETE_IKE] = { "the delete of the IKE SA", INFORMATIONAL,
				    IKE_FORM_INFORMATIONAL, ike_delete_ike_build,
				    ike_delete_ike_answered },
	[IKE_ERRAND_PROBE] = { "the probe", INFORMATIONAL, IKE_FORM_INFORMATIONAL, ike_probe_build,
			       ike_probe_answered },
	[IKE_ERRAND_REJECT] = { "the refusal of its AUTH", INFORMATIONAL, IKE_FORM_INFORMATIONAL,
				ike_reject_build, ike_delete_ike_answered },
};

/* What to wait after each send of a request, the last one included. A peer that is sent IKE_AUTH
 * has answered a moment ago: what is missing now was lost on the way. */
static const struct schedule {
	unsigned sends;
	uint8_t wait[8];
} usual = { 5, { 1, 2, 4, 8, 8 } }, probe = { 4, { 1, 2, 2, 3 } },
  auth = { 7, { 1, 2, 3, 3, 3, 3, 3 } };

static const struct schedule *schedule(const struct ike_sa *sa)
{
	switch (sa->request.errand) {
	case IKE_ERRAND_PROBE:
		return &probe;
	case IKE_ERRAND_AUTH:
		return &auth;
	default:
		return &usual;
	}
}

static ike_time next_gap(const struct ike_sa *sa)
{
	const struct schedule *plan = schedule(sa);
	const struct ike_request *r = &sa->request;
	struct ike_engine *e = sa->engine;
	unsigned i = r->sends - 1;

	if (sa->swift)
		return IKE_SECOND / 2;
	if (r->errand == IKE_ERRAND_INIT) {
		if (i < 3)
			return plan->wait[i] * IKE_SECOND +
			       ike_random_between(e, 0, IKE_SECOND / 4);
		return ike_random_between(e, 5 * IKE_SECOND, 7 * IKE_SECOND);
	}
	if (i >= plan->sends)
		return 4 * IKE_SECOND;
	return plan->wait[i] * IKE_SECOND + ike_random_between(e, 0, IKE_SECOND / 10);
}

/* Data on the tunnel proves that the peer lives, whatever becomes of IKE's messages. */
static bool proved_alive(const struct ike_sa *sa)
{
	const struct ike_engine *e = sa->engine;

	return sa->tunnel && sa->state == IKE_STATE_ESTABLISHED && e->ops->inbound_packets &&
	       e->ops->inbound_packets(e->ctx, sa->tunnel->index) != sa->request.inbound_seen;
}

static bool may_repeat(const struct ike_sa *sa)
{
	const struct ike_request *r = &sa->request;

	if (sa->swift || r->errand == IKE_ERRAND_INIT || r->sends < schedule(sa)->sends)
		return true;
	return r->sends < SENDS_ALIVE && proved_alive(sa) &&
	       (r->errand != IKE_ERRAND_PROBE || sa == ike_tunnel_current(sa->tunnel));
}

static void give_up(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	if (!t) {
		ike_sa_kill(sa, false);
		return;
	}
	if (sa->state == IKE_STATE_AUTHENTICATING) {
		ike_tunnel_note(t, true, "no answer to IKE_AUTH: giving up");
		ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
				   "no answer from %s to IKE_AUTH after %u tries",
				   ike_tunnel_peer(t, peer), sa->request.sends);
		ike_tunnel_call_within(t, IKE_SECOND, 3 * IKE_SECOND);
	} else if (sa->state == IKE_STATE_ESTABLISHED && ike_sa_usable(sa)) {
		ike_tunnel_because(
			t, IKE_REASON_DPD_TIMEOUT,
			"%s answers no more: a request was sent %u times in %u s",
			ike_tunnel_peer(t, peer), sa->request.sends,
			(unsigned)((sa->engine->now - sa->request.first_sent) / IKE_SECOND));
		sa->engine->ops->event(sa->engine->ctx, t->index, ike_tunnel_text(t));
		ike_tunnel_call_within(t, 0, IKE_SECOND);
		sa->why = "the peer answers no more";
	}
	ike_sa_kill(sa, false);
}

static void send_request(struct ike_sa *sa)
{
	struct ike_request *r = &sa->request;
	struct ike_engine *e = sa->engine;

	r->sends++;
	r->path = sa->path;
	ike_send(e, &r->path, r->packet);
	if (r->errand == IKE_ERRAND_INIT)
		sa->tunnel->tries++;
	ike_timer_set(&e->timers, &r->timer, e->now + next_gap(sa));
}

void ike_exchange_on_timer(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_sa *sa =
		(struct ike_sa *)((char *)timer - offsetof(struct ike_sa, request.timer));
	struct ike_request *r = &sa->request;
	char peer[ADDR_STR_MAX];

	if (!may_repeat(sa)) {
		give_up(sa);
		return;
	}
	if (r->errand == IKE_ERRAND_PROBE && proved_alive(sa) && r->sends < SENDS_ALIVE &&
	    sa == ike_tunnel_current(sa->tunnel))
		ike_sa_heard(sa);
	if (r->errand == IKE_ERRAND_INIT) {
		struct ike_tunnel *t = sa->tunnel;

		if (r->sends >= 2 && !sa->hinted)
			ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
					   "no answer from %s after %u tries",
					   ike_tunnel_peer(t, peer), t->tries);
		if (t->conf.start == CONF_START_ON_DEMAND && !ike_tunnel_may_call(t) && !t->out) {
			ike_tunnel_because(t, IKE_REASON_WAITING,
					   "no answer from %s, and no more traffic",
					   ike_tunnel_peer(t, peer));
			ike_sa_kill(sa, false);
			return;
		}
		if (r->sends >= INIT_RENEWED) {
			ike_sa_kill(sa, false);
			ike_tunnel_call_within(t, 0, IKE_SECOND);
			return;
		}
	}
	if (sa->tunnel)
		ike_tunnel_note(sa->tunnel, true, "no answer to %s yet: sending it again",
				errands[r->errand].name);
	ike_count(e, IKE_COUNT_RETRANSMITTED);
	send_request(sa);
}

/* Bytes of an IKE message in IP datagrams of the configured size; SIZE_MAX: any. */
static size_t message_room(const struct ike_sa *sa)
{
	size_t size = sa->fragments && sa->tunnel ? sa->tunnel->conf.ike_fragment : 0;
	size_t headers = (sa->path.remote.addr.family == ADDR_IPV4 ? 20 : 40) + 8 +
			 (sa->path.local.port == IKE_PORT_NATT ? IKE_MARKER_BYTES : 0);

	return size > headers ? size - headers : SIZE_MAX;
}

/* NULL: *rc says why. */
static struct ike_packet *cut(struct ike_sa *sa, struct ike_builder *b, size_t room, int *rc)
{
	struct ike_protection p = ike_sa_protection(sa, IKE_OUT);
	size_t plain = b->w.n - b->plain_at, block = algo_ciphers[p.cipher].block_bytes;
	size_t fixed = IKE_HEADER_BYTES + 8 + ike_protect_overhead(&p, block - 1) - 1;
	size_t each = ike_fragment_payload(room, fixed, block);
	size_t total = each ? (plain + each - 1) / each : SIZE_MAX;
	struct ike_packet *all = NULL, **last = &all;
	struct ike_piece piece = { .total = (uint16_t)total, .first = b->w.p[b->sk_at] };
	uint8_t iv[16], out[9216];

	*rc = total > IKE_FRAGMENTS_MAX ? -EMSGSIZE : 0;
	while (*rc >= 0 && piece.number < total) {
		piece.number++;
		ike_random(sa->engine, iv, sizeof(iv));
		*rc = ike_build_fragment(b, &p, &piece, each, sa->iv_counter++, iv, out,
					 sizeof(out));
		if (*rc < 0)
			break;
		*last = ike_packet_new(out, (size_t)*rc);
		if (!*last)
			*rc = -ENOMEM;
		else
			last = &(*last)->next;
	}
	if (*rc < 0) {
		ike_packet_free(all);
		all = NULL;
	}
	return all;
}

/* Encrypts, in fragments if need be. NULL: *rc says why. */
static struct ike_packet *finish(struct ike_sa *sa, struct ike_builder *b, int *rc)
{
	struct ike_protection p = ike_sa_protection(sa, IKE_OUT);
	struct ike_packet *packet;
	uint8_t iv[16];
	size_t room = message_room(sa);

	*rc = b->w.failed ? -ENOBUFS : 0;
	if (*rc < 0)
		return NULL;
	if (b->sk_at && ike_build_length(b, &p) > room)
		return cut(sa, b, room, rc);
	ike_random(sa->engine, iv, sizeof(iv));
	*rc = ike_build_finish(b, &p, sa->iv_counter++, iv);
	packet = *rc > 0 ? ike_packet_new(sa->engine->tx, (size_t)*rc) : NULL;
	if (*rc > 0 && !packet)
		*rc = -ENOMEM;
	return packet;
}

static void begin(struct ike_sa *sa, struct ike_builder *b, uint8_t exchange, bool response,
		  uint32_t id)
{
	struct ike_message header = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = exchange,
		.response = response,
		.from_initiator = sa->initiator,
		.id = id,
	};

	ike_build_begin(b, sa->engine->tx, sizeof(sa->engine->tx), &header);
}

/* What could not be asked for now is wanted all the same. A child that is missing is asked for by
 * the tunnel, and what is to be deleted stays marked. */
static void want_later(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	struct ike_child *c;

	switch (sa->request.errand) {
	case IKE_ERRAND_REKEY_CHILD:
		c = ike_child_by_in(sa->tunnel, sa->request.old);
		if (c)
			ike_child_retry_rekey(c, BUILD_AGAIN);
		break;
	case IKE_ERRAND_REKEY_IKE:
		sa->rekey_at = e->now + BUILD_AGAIN;
		ike_timer_set(&e->timers, &sa->rekey, sa->rekey_at);
		break;
	default:
		break;
	}
}

void ike_exchange_start(struct ike_sa *sa, enum ike_errand errand)
{
	struct ike_engine *e = sa->engine;
	struct ike_request *r = &sa->request;
	struct ike_builder b;
	int rc;

	r->errand = errand;
	r->id = sa->next_id;
	begin(sa, &b, errands[errand].exchange, false, r->id);
	if (errand != IKE_ERRAND_INIT) {
		struct ike_protection p = ike_sa_protection(sa, IKE_OUT);

		ike_build_encrypted(&b, &p);
	}
	rc = errands[errand].build(sa, &b);
	if (rc == 0)
		r->packet = finish(sa, &b, &rc);
	if (rc < 0) {
		ike_log(e, sa->tunnel_index, "a request could not be built: %s", strerror(-rc));
		if (sa->tunnel) {
			ike_tunnel_because(sa->tunnel, IKE_REASON_NO_RESOURCES, "%s",
					   rc == -ENOSPC ? "no SPI is left" : strerror(-rc));
			ike_tunnel_call_within(sa->tunnel, 2 * IKE_SECOND, 5 * IKE_SECOND);
		}
		if (sa->state == IKE_STATE_ESTABLISHED) {
			want_later(sa);
			ike_request_clear(sa);
		} else {
			ike_sa_kill(sa, false);
		}
		return;
	}
	sa->next_id++;
	r->first_sent = e->now;
	if (sa->tunnel && e->ops->inbound_packets)
		r->inbound_seen = e->ops->inbound_packets(e->ctx, sa->tunnel_index);
	if (errand == IKE_ERRAND_INIT && !sa->init_local)
		sa->init_local = ike_packet_new(e->tx, r->packet->n);
	send_request(sa);
}

void ike_exchange_next(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_child *c;

	if (sa->request.errand != IKE_ERRAND_NONE)
		return;
	if (sa->state == IKE_STATE_CLOSING) {
		ike_exchange_start(sa, IKE_ERRAND_DELETE_IKE);
		return;
	}
	if (sa->state != IKE_STATE_ESTABLISHED || sa->replaced)
		return;
	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->sa == sa && c->want_delete) {
			sa->request.old = c->spi_in;
			ike_exchange_start(sa, IKE_ERRAND_DELETE_CHILD);
			return;
		}
	}
	if (sa->owed) {
		sa->request.old = sa->owed;
		sa->owed = 0;
		ike_exchange_start(sa, IKE_ERRAND_DELETE_CHILD);
		return;
	}
	if (sa->want_rekey && !sa->redundant) {
		sa->want_rekey = false;
		ike_exchange_start(sa, IKE_ERRAND_REKEY_IKE);
		return;
	}
	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->sa == sa && c->want_rekey && !sa->redundant) {
			c->want_rekey = false;
			sa->request.old = c->spi_in;
			ike_exchange_start(sa, IKE_ERRAND_REKEY_CHILD);
			return;
		}
	}
	if (sa->want_child && ike_child_missing(t) < 0)
		sa->want_child = false; /* the peer has made one meanwhile */
	if (sa->want_child) {
		sa->want_child = false;
		ike_exchange_start(sa, IKE_ERRAND_CREATE_CHILD);
	} else if (sa->want_probe) {
		sa->want_probe = false;
		ike_exchange_start(sa, IKE_ERRAND_PROBE);
	}
}

/* Decrypts and walks what is inside; fragments are collected. -EBADMSG: not authentic, or not
 * wanted. -EAGAIN: an authentic fragment; more are missing. -EPROTO: authentic, but nonsense. */
static int open_message(struct ike_sa *sa, struct ike_message *m, uint8_t *data, size_t n)
{
	struct ike_engine *e = sa->engine;
	struct ike_protection p = ike_sa_protection(sa, IKE_IN);
	struct ike_fragments **kept = m->response ? &sa->answer_fragments : &sa->request_fragments;
	struct ike_piece piece = { .id = m->id };
	size_t off, len;
	int rc;

	if (ike_message_outer(m, (struct view){ data, n }) < 0 || !m->sk_body) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return -EBADMSG;
	}
	piece.number = m->fragment;
	piece.total = m->fragments;
	piece.first = m->sk_first;
	if (m->fragments && (!sa->fragments || !ike_fragments_want(*kept, &piece))) {
		ike_count(e, IKE_COUNT_BAD_FRAGMENT);
		return -EBADMSG;
	}
	if (!p.sk_e || ike_unprotect(&p, data, n, m->sk_body, &off, &len) < 0) {
		ike_count(e, IKE_COUNT_BAD_ICV);
		return -EBADMSG;
	}
	if (m->fragments) {
		ike_count(e, IKE_COUNT_FRAGMENTS);
		if (!m->response && m->id != sa->expected_id)
			return -EAGAIN; /* of a request that was answered */
		rc = ike_fragments_add(e, kept, &piece, (struct view){ data + off, len });
		if (rc < 0)
			return rc == -EAGAIN ? rc : -EBADMSG;
		off = 0;
		len = ike_fragments_join(e, kept, data, &m->sk_first);
	}
	return ike_message_inner(m, (struct view){ data + off, len }) < 0 ? -EPROTO : 0;
}

static void input_response(struct ike_sa *sa, struct ike_message *m, uint8_t *data, size_t n)
{
	struct ike_request *r = &sa->request, done;
	const struct errand *errand = &errands[r->errand];
	int rc;

	if (r->errand == IKE_ERRAND_NONE || m->id != r->id || m->exchange != errand->exchange) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	if (r->errand == IKE_ERRAND_INIT) {
		if (ike_message_outer(m, (struct view){ data, n }) < 0 || m->sk_body ||
		    m->critical || ike_message_admit(m, IKE_FORM_INIT) < 0) {
			ike_count(sa->engine, IKE_COUNT_MALFORMED);
			return;
		}
		ike_init_answered(sa, m, data, n);
		return;
	}
	rc = open_message(sa, m, data, n);
	if (rc == -EBADMSG || rc == -EAGAIN)
		return;
	ike_sa_heard(sa);
	ike_sa_attend(sa);
	ike_request_take(sa, &done);
	if (rc < 0 || m->critical || ike_message_admit(m, errand->form) < 0) {
		ike_count(sa->engine, IKE_COUNT_MALFORMED);
		m->have = 0;
		m->n_notify = m->n_delete = 0;
	}
	if (sa->state != IKE_STATE_CLOSING || errand->answered == ike_delete_ike_answered)
		errand->answered(sa, &done, m);
	else if (done.offspring)
		ike_rekey_ike_abandoned(sa, &done, m);
	ike_request_release(sa, &done);
}

static void answer_create_child(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b)
{
	const struct ike_notify *rekey = ike_message_notify(m, N_REKEY_SA);
	bool child = ike_message_has(m, IKE_TSI) || ike_message_has(m, IKE_TSR) || rekey;

	if (ike_message_admit(m, child ? IKE_FORM_CHILD : IKE_FORM_REKEY_IKE) < 0) {
		ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	if (sa->state != IKE_STATE_ESTABLISHED || sa->replaced ||
	    (child && sa->request.errand == IKE_ERRAND_REKEY_IKE)) {
		ike_build_notify(b, 0, 0, N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	if (!child)
		ike_rekey_ike_answer(sa, m, b);
	else if (rekey)
		ike_rekey_child_answer(sa, m, rekey, b);
	else if (ike_child_count(sa->tunnel) >= IKE_CHILDREN_MAX)
		ike_build_notify(b, 0, 0, N_NO_ADDITIONAL_SAS, NULL, 0);
	else
		ike_child_answer(sa, m, false, 0, b);
}

/* Which exchanges the peer may start in which state. */
static bool exchange_allowed(const struct ike_sa *sa, uint8_t exchange)
{
	switch (sa->state) {
	case IKE_STATE_HALF_OPEN:
		return exchange == IKE_AUTH;
	case IKE_STATE_ESTABLISHED:
	case IKE_STATE_CLOSING:
		return exchange == CREATE_CHILD_SA || exchange == INFORMATIONAL;
	default:
		return false;
	}
}

static void answer(struct ike_sa *sa, struct ike_message *m, bool nonsense, struct ike_builder *b)
{
	if (nonsense || m->critical) {
		if (nonsense)
			ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
		else
			ike_build_notify(b, 0, 0, N_UNSUPPORTED_CRITICAL_PAYLOAD, &m->critical, 1);
		ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		if (sa->state == IKE_STATE_HALF_OPEN)
			ike_sa_set_state(sa, IKE_STATE_REFUSED);
	} else if (m->exchange == IKE_AUTH) {
		ike_auth_answer(sa, m, b);
	} else if (m->exchange == CREATE_CHILD_SA) {
		answer_create_child(sa, m, b);
	} else if (ike_message_admit(m, IKE_FORM_INFORMATIONAL) < 0) {
		ike_build_notify(b, 0, 0, N_INVALID_SYNTAX, NULL, 0);
	} else {
		ike_info_answer(sa, m, b);
	}
}

static void input_request(struct ike_sa *sa, const struct ike_path *path, struct ike_message *m,
			  uint8_t *data, size_t n)
{
	struct ike_engine *e = sa->engine;
	struct ike_builder b;
	struct ike_protection p;
	uint32_t id = m->id;
	uint8_t exchange = m->exchange;
	bool again = sa->answer && id == sa->expected_id - 1;
	int rc;

	if (!again && id != sa->expected_id) {
		ike_count(e, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	if (!again && !exchange_allowed(sa, exchange)) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		return;
	}
	rc = open_message(sa, m, data, n);
	if (rc == -EBADMSG)
		return;
	/* Repeats prove nothing for longer than a peer repeats itself: anybody can keep them, and
	 * pieces of what never came whole as well. */
	if (!again && rc != -EAGAIN)
		sa->asked = e->now;
	if (sa->state == IKE_STATE_ESTABLISHED && e->now - sa->asked < REPEATS_COUNT)
		ike_sa_heard(sa);
	if (again) {
		/* Of fragments, the first one alone asks for the answer (RFC 7383 §2.6.1). */
		if (m->fragment > 1)
			return;
		ike_count(e, IKE_COUNT_ANSWERED_AGAIN);
		ike_send(e, path, sa->answer);
		return;
	}
	if (rc == -EAGAIN)
		return;
	if (sa->state == IKE_STATE_HALF_OPEN || sa->nat_remote)
		ike_sa_move(sa, path);
	ike_sa_attend(sa);
	p = ike_sa_protection(sa, IKE_OUT);
	begin(sa, &b, exchange, true, id);
	ike_build_encrypted(&b, &p);
	answer(sa, m, rc < 0, &b);
	sa->expected_id++;
	ike_packet_free(sa->answer);
	sa->answer = finish(sa, &b, &rc);
	if (sa->answer)
		ike_send(e, path, sa->answer);
}

void ike_exchange_input(struct ike_sa *sa, const struct ike_path *path, struct ike_message *m,
			uint8_t *data, size_t n)
{
	if (m->response)
		input_response(sa, m, data, n);
	else
		input_request(sa, path, m, data, n);
}

static void give_keys(const struct ike_sa *sa)
{
	const struct ike_sa_keys *k = &sa->keys;
	struct ike_keys keys = { .version = 2,
				 .spi_i = sa->spi_i,
				 .spi_r = sa->spi_r,
				 .cipher = sa->suite.cipher,
				 .auth = sa->suite.auth,
				 .ei = k->ei->data,
				 .er = k->er->data,
				 .e_len = k->ei->len };

	if (k->ai) {
		keys.ai = k->ai->data;
		keys.ar = k->ar->data;
		keys.a_len = k->ai->len;
	}
	sa->engine->ops->keys(sa->engine->ctx, &keys);
}

int ike_agree(struct ike_sa *sa, struct ike_dh *dh, const struct ike_message *m,
	      const struct ike_sa *parent)
{
	struct view value = m->body[IKE_KE];
	struct secret *shared = NULL;
	int rc = dh ? ike_dh_derive(dh, value.p, value.n, &shared) : -ENOMEM;

	if (rc == 0)
		rc = ike_sa_derive(sa, shared, parent);
	if (rc == 0 && sa->engine->ops->keys)
		give_keys(sa);
	secret_free(shared);
	return rc;
}

int ike_build_ke(struct ike_builder *b, const struct ike_dh *dh)
{
	struct writer *w = ike_build_payload(b, IKE_KE);
	size_t len;
	const uint8_t *value = ike_dh_public(dh, &len);

	writer_u16(w, algo_dhs[ike_dh_group(dh)].id);
	writer_u16(w, 0);
	writer_bytes(w, value, len);
	ike_build_end(b);
	return value ? 0 : -ENOMEM;
}

void ike_build_nonce(struct ike_builder *b, const void *nonce, size_t len)
{
	writer_bytes(ike_build_payload(b, IKE_NONCE), nonce, len);
	ike_build_end(b);
}

void ike_request_crossed(struct ike_request *r, uint64_t spi, const uint8_t *a, size_t a_len,
			 const uint8_t *b, size_t b_len)
{
	bool b_lower = ike_nonce_compare(b, b_len, a, a_len) < 0;

	r->crossed = true;
	r->crossed_spi = spi;
	a_len = b_lower ? b_len : a_len;
	r->crossed_len = (uint8_t)(a_len < IKE_NONCE_BYTES ? a_len : IKE_NONCE_BYTES);
	memcpy(r->crossed_nonce, b_lower ? b : a, r->crossed_len);
}

bool ike_request_lost(const struct ike_request *r, const uint8_t *peer, size_t peer_len)
{
	const uint8_t *low = r->nonce;
	size_t len = sizeof(r->nonce);

	if (!r->crossed)
		return false;
	if (ike_nonce_compare(peer, peer_len, low, len) < 0) {
		low = peer;
		len = peer_len;
	}
	return ike_nonce_compare(low, len, r->crossed_nonce, r->crossed_len) < 0;
}

void ike_exchange_refused(struct ike_sa *sa)
{
	ike_time now = sa->engine->now;

	ike_tunnel_note(sa->tunnel, true, "the peer is busy: TEMPORARY_FAILURE");
	if (!sa->refused_since) {
		sa->refused_since = now;
	} else if (now - sa->refused_since > REFUSED_PATIENCE && !ike_tunnel_calling(sa->tunnel)) {
		ike_log(sa->engine, sa->tunnel_index,
			"the peer has refused for minutes: setting up a new IKE SA");
		sa->retiring = true;
		ike_init_call(sa->tunnel);
	}
}

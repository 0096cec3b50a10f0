/* IKE_SA_INIT: proposals, Diffie-Hellman, nonces, and who is behind NAT (RFC 7296 §1.2, §2.23).
 *
 * Nothing in it is authentic: an error is a hint about what is wrong, while the request goes on
 * waiting for a better answer, and no state but a half-open SA comes of a request. */
#include "ike/v2/exchange.h"

#include "ike/natt.h"
#include "ike/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX	  5 /* cookies and other groups, before starting afresh */
#define HALF_OPEN_TIMEOUT (30 * IKE_SECOND)
#define RETRY_LOW	  (3 * IKE_SECOND)
#define RETRY_HIGH	  (6 * IKE_SECOND)

static int build_natd(struct ike_builder *b, const struct ike_sa *sa, bool pretend)
{
	uint8_t hash[IKE_NATT_HASH_BYTES];

	if (ike_natt_hash(sa->spi_i, sa->spi_r, &sa->path.local, hash) < 0)
		return -ENOMEM;
	if (pretend)
		hash[0] ^= 0xff;
	ike_build_notify(b, 0, 0, N_NAT_DETECTION_SOURCE_IP, hash, sizeof(hash));
	if (ike_natt_hash(sa->spi_i, sa->spi_r, &sa->path.remote, hash) < 0)
		return -ENOMEM;
	ike_build_notify(b, 0, 0, N_NAT_DETECTION_DESTINATION_IP, hash, sizeof(hash));
	return 0;
}

/* What the peer can do, and what lies between us. It may name several sources, one of which is
 * true. One that names none is not behind NAT, as far as anybody can tell. */
static void learn_peer(struct ike_sa *sa, const struct ike_message *m)
{
	bool source_seen = false, source_true = false;

	for (unsigned i = 0; i < m->n_notify; i++) {
		const struct ike_notify *n = &m->notify[i];

		if (n->type == N_NAT_DETECTION_SOURCE_IP) {
			source_seen = true;
			source_true |= ike_natt_hash_matches(m->spi_i, m->spi_r, &sa->path.remote,
							     n->data);
		} else if (n->type == N_NAT_DETECTION_DESTINATION_IP) {
			sa->nat_local = !ike_natt_hash_matches(m->spi_i, m->spi_r, &sa->path.local,
							       n->data);
		}
	}
	sa->use_ppk = sa->tunnel->conf.ppk && ike_message_notify(m, N_USE_PPK);
	sa->fragments =
		sa->tunnel->conf.ike_fragment && ike_message_notify(m, N_FRAGMENTATION_SUPPORTED);
	sa->nat_remote = source_seen && !source_true;
	sa->udp = sa->nat_local || sa->nat_remote || sa->force_udp;
}

void ike_init_call(struct ike_tunnel *t)
{
	struct ike_path path = { .local = { t->conf.cloud_ip, IKE_PORT },
				 .remote = { t->conf.customer_ip, IKE_PORT } };
	struct ike_engine *e = t->engine;
	struct ike_sa *sa = ike_sa_new(t, true, &path);
	uint8_t nonce[IKE_NONCE_BYTES];
	char ours[192], peer[ADDR_STR_MAX];
	struct ike_offer offer;

	if (!sa) {
		ike_tunnel_because(t, IKE_REASON_NO_RESOURCES, "no memory for an IKE SA");
		return;
	}
	ike_offer_ike(&offer, &t->conf);
	ike_tunnel_note(t, true, "calling %s: %s", ike_tunnel_peer(t, peer),
			ike_offer_format(&offer, ours, sizeof(ours)));
	ike_random(e, nonce, sizeof(nonce));
	ike_sa_set_nonce(sa, true, nonce, sizeof(nonce));
	sa->request.group = ike_offer_first_dh(&offer);
	sa->request.dh = ike_dh_new(sa->request.group);
	ike_exchange_start(sa, IKE_ERRAND_INIT);
}

int ike_init_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_offer offer;

	if (!sa->request.dh || !sa->nonce_i)
		return -ENOMEM;
	if (sa->cookie_len)
		ike_build_notify(b, 0, 0, N_COOKIE, sa->cookie, sa->cookie_len);
	ike_offer_ike(&offer, &sa->tunnel->conf);
	ike_offer_emit(ike_build_payload(b, IKE_SA), &offer, 0, 0);
	ike_build_end(b);
	if (ike_build_ke(b, sa->request.dh) < 0)
		return -ENOMEM;
	ike_build_nonce(b, sa->nonce_i, sa->nonce_i_len);
	if (sa->tunnel->conf.ppk)
		ike_build_notify(b, 0, 0, N_USE_PPK, NULL, 0);
	if (sa->tunnel->conf.ike_fragment)
		ike_build_notify(b, 0, 0, N_FRAGMENTATION_SUPPORTED, NULL, 0);
	return build_natd(b, sa, sa->force_udp);
}

/* The same request again, with what the peer asked for. */
static void again(struct ike_sa *sa, enum algo_dh group)
{
	struct ike_request r;

	ike_request_take(sa, &r);
	if (group == r.group) {
		sa->request.dh = r.dh;
		r.dh = NULL;
	} else {
		sa->request.dh = ike_dh_new(group);
	}
	sa->request.group = group;
	sa->request.rounds = r.rounds + 1;
	ike_request_release(sa, &r);
	sa->next_id = 0;
	free(sa->init_local);
	sa->init_local = NULL;
	ike_exchange_start(sa, IKE_ERRAND_INIT);
}

static void fail(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;

	ike_sa_kill(sa, false);
	ike_tunnel_call_within(t, RETRY_LOW, RETRY_HIGH);
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
					 : "not told; it may lack a connection for us, or IKEv2");
}

/* An error, a cookie or another group. true: that was all the answer had to say. */
static bool answered_otherwise(struct ike_sa *sa, struct ike_message *m)
{
	struct ike_request *r = &sa->request;
	const struct ike_notify *cookie = ike_message_notify(m, N_COOKIE);
	const struct ike_notify *error = ike_message_error(m);
	struct ike_tunnel *t = sa->tunnel;
	struct ike_offer offer;
	char peer[ADDR_STR_MAX];
	enum algo_dh group;

	if (cookie && !ike_message_has(m, IKE_SA) && cookie->data.n >= 1 &&
	    cookie->data.n <= sizeof(sa->cookie) && r->rounds < ROUNDS_MAX) {
		memcpy(sa->cookie, cookie->data.p, cookie->data.n);
		sa->cookie_len = (uint8_t)cookie->data.n;
		ike_tunnel_note(t, false, "%s demands a cookie", ike_tunnel_peer(t, peer));
		again(sa, r->group);
		return true;
	}
	if (!error)
		return false;
	if (error->type == N_INVALID_KE_PAYLOAD && error->data.n == 2 && r->rounds < ROUNDS_MAX) {
		struct view v = error->data;
		uint16_t id;

		view_u16(&v, &id);
		ike_offer_ike(&offer, &t->conf);
		group = algo_dh_by_id(id);
		if (group != DH_NONE && ike_offer_has_dh(&offer, group)) {
			ike_tunnel_note(t, false, "%s wants group %s, not %s",
					ike_tunnel_peer(t, peer), algo_dhs[group].name,
					algo_dhs[r->group].name);
			again(sa, group);
			return true;
		}
	}
	if (error->type == N_NO_PROPOSAL_CHOSEN || error->type == N_INVALID_KE_PAYLOAD) {
		explain_no_proposal(t);
	} else {
		const char *name = ike_notify_name(error->type);

		ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR, "%s answered IKE_SA_INIT with %s (%u)",
				   ike_tunnel_peer(t, peer), name ? name : "an error", error->type);
	}
	ike_sa_doubt(sa);
	return true;
}

void ike_init_answered(struct ike_sa *sa, struct ike_message *m, const uint8_t *data, size_t n)
{
	struct ike_request *r = &sa->request;
	struct ike_tunnel *t = sa->tunnel;
	struct ike_offer own, answer;
	struct ike_choice choice;
	struct view nonce = m->body[IKE_NONCE];
	char peer[ADDR_STR_MAX];
	struct ike_sa *other;
	int rc;

	if (answered_otherwise(sa, m))
		return;
	/* The peer called meanwhile and is in already: nothing is left to do for this attempt. */
	other = ike_tunnel_current(t);
	if (other && !other->retiring) {
		ike_sa_kill(sa, false);
		return;
	}
	ike_offer_ike(&own, &t->conf);
	if (!m->spi_r || ike_offer_parse(&answer, IKE_PROTOCOL_IKE, 0, m->body[IKE_SA]) < 0 ||
	    ike_offer_verify(&own, &answer, &choice) < 0 || choice.suite.dh != r->group ||
	    m->ke_group != algo_dhs[r->group].id) {
		ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR,
				   "%s answered IKE_SA_INIT with what we did not propose",
				   ike_tunnel_peer(t, peer));
		ike_sa_doubt(sa);
		return;
	}
	if (t->conf.ppk_required && !ike_message_notify(m, N_USE_PPK)) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED,
				   "%s has no post-quantum key, but ppk_required is true",
				   ike_tunnel_peer(t, peer));
		ike_sa_doubt(sa);
		return;
	}
	sa->suite = choice.suite;
	sa->spi_r = m->spi_r;
	ike_sa_set_nonce(sa, false, nonce.p, nonce.n);
	learn_peer(sa, m);
	rc = ike_agree(sa, r->dh, m, NULL);
	if (rc == -EINVAL) {
		ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR,
				   "%s sent a public value that is not acceptable",
				   ike_tunnel_peer(t, peer));
		ike_sa_doubt(sa);
		return;
	}
	sa->init_remote = ike_packet_new(data, n);
	if (rc < 0 || !sa->init_remote || !sa->init_local) {
		ike_tunnel_because(t, IKE_REASON_NO_RESOURCES,
				   "the key exchange with %s failed: no memory",
				   ike_tunnel_peer(t, peer));
		fail(sa);
		return;
	}
	ike_timer_cancel(&sa->engine->timers, &sa->guard);
	ike_request_clear(sa);
	if (sa->udp) {
		sa->path.local.port = IKE_PORT_NATT;
		sa->path.remote.port = IKE_PORT_NATT;
	}
	ike_sa_set_state(sa, IKE_STATE_AUTHENTICATING);
	ike_exchange_start(sa, IKE_ERRAND_AUTH);
}

/* Answers without keeping anything. */
static void refuse_as(struct ike_engine *e, const struct ike_path *path,
		      const struct ike_message *header, uint16_t notify, const void *data, size_t n)
{
	union {
		struct ike_packet packet;
		uint8_t room[sizeof(struct ike_packet) + IKE_MARKER_BYTES + 96];
	} u = { .room = { 0 } };
	struct ike_builder b;
	int len;

	ike_build_begin(&b, u.packet.bytes + IKE_MARKER_BYTES, 96, header);
	ike_build_notify(&b, 0, 0, notify, data, n);
	len = ike_build_finish(&b, NULL, 0, NULL);
	u.packet.n = len > 0 ? (size_t)len : 0;
	if (len > 0)
		ike_send(e, path, &u.packet);
}

static void refuse(struct ike_engine *e, const struct ike_path *path, const struct ike_message *m,
		   uint16_t notify, const void *data, size_t n)
{
	struct ike_message header = { .spi_i = m->spi_i,
				      .exchange = IKE_SA_INIT,
				      .response = true };

	refuse_as(e, path, &header, notify, data, n);
}

void ike_init_refuse_version(struct ike_engine *e, const struct ike_path *path,
			     const struct ike_message *m, unsigned version)
{
	struct ike_message header = { .spi_i = m->spi_i,
				      .spi_r = m->spi_r,
				      .exchange = m->exchange,
				      .major = (uint8_t)version,
				      .response = true,
				      .from_initiator = !m->from_initiator,
				      .id = m->id };

	refuse_as(e, path, &header, N_INVALID_MAJOR_VERSION, NULL, 0);
}

/* The half-open SA that an equal request has made already. */
static struct ike_sa *answered_before(const struct ike_tunnel *t, uint64_t spi_i)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (!sa->initiator && sa->spi_i == spi_i && sa->state == IKE_STATE_HALF_OPEN)
			return sa;
	}
	return NULL;
}

static bool admit(struct ike_tunnel *t, const struct ike_path *path, const struct ike_message *m)
{
	const struct ike_notify *notify = ike_message_notify(m, N_COOKIE);
	struct ike_claim claim = { .path = path, .spi_i = m->spi_i, .nonce = m->body[IKE_NONCE] };
	uint8_t cookie[IKE_COOKIE_BYTES];
	enum ike_verdict verdict;

	if (notify)
		claim.cookie = notify->data;
	verdict = ike_gate_admit(t, &claim, cookie);
	if (verdict == IKE_CHALLENGE)
		refuse(t->engine, path, m, N_COOKIE, cookie, sizeof(cookie));
	return verdict == IKE_PASS;
}

/* What both want, or an answer to the peer and a reason for a person. */
static bool choose(struct ike_tunnel *t, const struct ike_path *path, const struct ike_message *m,
		   struct ike_choice *choice)
{
	struct ike_engine *e = t->engine;
	struct ike_offer own, peer;
	char ours[192], theirs[192], from[ADDR_STR_MAX];
	uint8_t group[2];

	if (ike_offer_parse(&peer, IKE_PROTOCOL_IKE, 0, m->body[IKE_SA]) < 0) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return false;
	}
	ike_offer_ike(&own, &t->conf);
	if (ike_offer_select(&own, &peer, false, choice) < 0) {
		ike_count(e, IKE_COUNT_NO_PROPOSAL);
		ike_offer_format(&peer, theirs, sizeof(theirs));
		free(t->peer_offer);
		t->peer_offer = strdup(theirs);
		ike_tunnel_suspect(t, IKE_REASON_NO_PROPOSAL,
				   "no common IKE proposal with %s\nours: %s\npeer's: %s",
				   ike_tunnel_peer(t, from),
				   ike_offer_format(&own, ours, sizeof(ours)), theirs);
		refuse(e, path, m, N_NO_PROPOSAL_CHOSEN, NULL, 0);
		return false;
	}
	free(t->peer_offer);
	t->peer_offer = NULL;
	ike_suite_format(&choice->suite, ours, sizeof(ours));
	if (m->ke_group != algo_dhs[choice->suite.dh].id) {
		ike_tunnel_note(t, false, "%s calls with another group than that of %s",
				ike_tunnel_peer(t, from), ours);
		group[0] = (uint8_t)(algo_dhs[choice->suite.dh].id >> 8);
		group[1] = (uint8_t)algo_dhs[choice->suite.dh].id;
		refuse(e, path, m, N_INVALID_KE_PAYLOAD, group, sizeof(group));
		return false;
	}
	ike_tunnel_note(t, false, "%s calls: %s", ike_tunnel_peer(t, from), ours);
	return true;
}

static int build_answer(struct ike_sa *sa, const struct ike_choice *choice, const struct ike_dh *dh)
{
	struct ike_message header = {
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = IKE_SA_INIT, .response = true
	};
	struct ike_engine *e = sa->engine;
	struct ike_offer offer;
	struct ike_builder b;

	ike_build_begin(&b, e->tx, sizeof(e->tx), &header);
	ike_offer_suite(&offer, IKE_PROTOCOL_IKE, choice->number, &choice->suite);
	ike_offer_emit(ike_build_payload(&b, IKE_SA), &offer, 0, 0);
	ike_build_end(&b);
	if (ike_build_ke(&b, dh) < 0)
		return -ENOMEM;
	ike_build_nonce(&b, sa->nonce_r, sa->nonce_r_len);
	if (sa->use_ppk)
		ike_build_notify(&b, 0, 0, N_USE_PPK, NULL, 0);
	if (sa->fragments)
		ike_build_notify(&b, 0, 0, N_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (build_natd(&b, sa, sa->force_udp) < 0)
		return -ENOMEM;
	return ike_build_finish(&b, NULL, 0, NULL);
}

void ike_init_answer(struct ike_tunnel *t, const struct ike_path *path, struct ike_message *m,
		     const uint8_t *data, size_t n)
{
	struct ike_engine *e = t->engine;
	struct ike_sa *sa = answered_before(t, m->spi_i);
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_choice choice;
	struct ike_dh *dh = NULL;
	int rc;

	if (sa) {
		if (sa->init_remote->n != n ||
		    memcmp(sa->init_remote->bytes + IKE_MARKER_BYTES, data, n)) {
			ike_count(e, IKE_COUNT_UNEXPECTED);
			return;
		}
		ike_count(e, IKE_COUNT_ANSWERED_AGAIN);
		ike_send(e, path, sa->answer);
		return;
	}
	if (ike_message_outer(m, (struct view){ data, n }) < 0 || m->sk_body ||
	    ike_message_admit(m, IKE_FORM_INIT) < 0) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return;
	}
	if (!admit(t, path, m))
		return;
	if (m->critical) {
		refuse(e, path, m, N_UNSUPPORTED_CRITICAL_PAYLOAD, &m->critical, 1);
		return;
	}
	if (!choose(t, path, m, &choice))
		return;
	sa = ike_sa_new(t, false, path);
	if (!sa)
		return;
	sa->spi_i = m->spi_i;
	sa->suite = choice.suite;
	sa->expected_id = 1;
	ike_sa_set_nonce(sa, true, m->body[IKE_NONCE].p, m->body[IKE_NONCE].n);
	ike_random(e, nonce, sizeof(nonce));
	ike_sa_set_nonce(sa, false, nonce, sizeof(nonce));
	dh = ike_dh_new(sa->suite.dh);
	rc = ike_agree(sa, dh, m, NULL);
	if (rc == 0) {
		/* The request came under zero for the SPI that we have chosen only now. */
		learn_peer(sa, m);
		rc = build_answer(sa, &choice, dh);
	}
	ike_dh_free(dh);
	if (rc > 0) {
		sa->init_local = ike_packet_new(e->tx, (size_t)rc);
		sa->answer = ike_packet_new(e->tx, (size_t)rc);
		sa->init_remote = ike_packet_new(data, n);
	}
	if (!sa->init_local || !sa->answer || !sa->init_remote) {
		ike_count(e, rc == -EINVAL ? IKE_COUNT_MALFORMED : IKE_COUNT_TOO_MANY);
		ike_sa_kill(sa, false);
		return;
	}
	ike_sa_set_state(sa, IKE_STATE_HALF_OPEN);
	ike_timer_set(&e->timers, &sa->guard, e->now + HALF_OPEN_TIMEOUT);
	ike_send(e, path, sa->answer);
}

#include "ike/v1/phase1.h"

#include "ike/identity.h"
#include "ike/natt.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HALF_OPEN_TIMEOUT (30 * IKE_SECOND)
#define RETRY_LOW	  (3 * IKE_SECOND)
#define RETRY_HIGH	  (6 * IKE_SECOND)

unsigned ike_v1_vendors_common(unsigned theirs)
{
	unsigned common = theirs & IKE_V1_VENDOR_DPD;

	if (theirs & IKE_V1_VENDOR_NATT_RFC)
		common |= IKE_V1_VENDOR_NATT_RFC;
	else if (theirs & IKE_V1_VENDOR_NATT_03)
		common |= IKE_V1_VENDOR_NATT_03;
	else
		common |= theirs & IKE_V1_VENDOR_NATT_02;
	return common;
}

static bool natt(const struct ike_sa *sa)
{
	return sa->v1->vendors &
	       (IKE_V1_VENDOR_NATT_RFC | IKE_V1_VENDOR_NATT_03 | IKE_V1_VENDOR_NATT_02);
}

/* ---- payloads ---------------------------------------------------------------------------- */

int ike_v1_build_offer(struct ike_v1_exchange *x, struct ike_builder *b, enum algo_dh group)
{
	struct writer *w = ike_v1_build_payload(b, IKE_V1_SA);
	size_t at = w->n;

	ike_v1_offer_emit_ike(w, &x->sa->tunnel->conf, group, x->sa->lifetime);
	if (w->failed)
		return -ENOBUFS;
	x->sa_body = ike_v1_blob((struct view){ w->p + at, w->n - at });
	ike_build_end(b);
	return x->sa_body ? 0 : -ENOMEM;
}

int ike_v1_build_key(struct ike_v1_exchange *x, struct ike_builder *b)
{
	struct ike_sa *sa = x->sa;
	size_t len;
	const uint8_t *value = x->dh ? ike_dh_public(x->dh, &len) : NULL;
	const uint8_t *nonce = sa->initiator ? sa->nonce_i : sa->nonce_r;

	if (!value || !nonce)
		return -ENOMEM;
	ike_v1_build_bytes(b, IKE_V1_KE, value, len);
	ike_v1_build_bytes(b, IKE_V1_NONCE, nonce, IKE_NONCE_BYTES);
	return 0;
}

/* The receiver's address first, then ours; a wrong one of ours pretends a NAT (RFC 3947 §3.2). */
int ike_v1_build_nat(struct ike_v1_exchange *x, struct ike_builder *b)
{
	struct ike_sa *sa = x->sa;
	enum ike_v1_payload type =
		sa->v1->vendors & IKE_V1_VENDOR_NATT_RFC ? IKE_V1_NAT_D : IKE_V1_NAT_D_DRAFT;
	size_t size = algo_auths[sa->suite.prf].out_bytes;
	uint8_t hash[IKE_HASH_MAX];

	if (!natt(sa))
		return 0;
	if (ike_natt_digest(sa->suite.prf, sa->spi_i, sa->spi_r, &sa->path.remote, hash) < 0)
		return -ENOMEM;
	ike_v1_build_bytes(b, type, hash, size);
	if (ike_natt_digest(sa->suite.prf, sa->spi_i, sa->spi_r, &sa->path.local, hash) < 0)
		return -ENOMEM;
	if (sa->force_udp)
		hash[0] ^= 0xff;
	ike_v1_build_bytes(b, type, hash, size);
	return 0;
}

void ike_v1_build_id(struct ike_v1_exchange *x, struct ike_builder *b, struct view *body)
{
	struct writer *w = ike_v1_build_payload(b, IKE_V1_ID);
	size_t at = w->n;

	ike_identity_emit(w, &x->sa->tunnel->conf.local_id);
	*body = (struct view){ w->p + at, w->n - at };
	ike_build_end(b);
}

/* HASH_I or HASH_R of the side that is the initiator, or not. */
static int auth_hash(const struct ike_v1_exchange *x, bool of_initiator, struct view id,
		     uint8_t *out)
{
	const struct ike_sa *sa = x->sa;
	bool ours = sa->initiator == of_initiator;
	struct ike_v1_auth in = {
		.cky = of_initiator ? sa->spi_i : sa->spi_r,
		.cky_other = of_initiator ? sa->spi_r : sa->spi_i,
		.sa_body = ike_v1_chunk(x->sa_body),
		.id_body = { id.p, id.n },
	};
	struct ike_chunk mine = { 0 };

	if (!x->dh || !sa->keys.pi)
		return -EINVAL;
	mine.p = ike_dh_public(x->dh, &mine.n);
	in.ke = ours ? mine : ike_v1_chunk(x->peer_ke);
	in.ke_other = ours ? ike_v1_chunk(x->peer_ke) : mine;
	return ike_v1_auth_hash(sa->suite.prf, sa->keys.pi, &in, out);
}

int ike_v1_build_hash(struct ike_v1_exchange *x, struct ike_builder *b, struct view id)
{
	uint8_t hash[IKE_HASH_MAX];
	int rc = b->w.failed ? -ENOBUFS : auth_hash(x, x->sa->initiator, id, hash);

	if (rc == 0)
		ike_v1_build_bytes(b, IKE_V1_HASH, hash, algo_auths[x->sa->suite.prf].out_bytes);
	return rc;
}

/* Says that we know nothing of any other SA with this peer (RFC 2407 §4.6.3.3). */
void ike_v1_build_contact(struct ike_v1_exchange *x, struct ike_builder *b)
{
	struct ike_sa *sa = x->sa;
	uint8_t spi[16];
	struct writer w;

	if (LIST_FIRST(&sa->tunnel->sas) != sa || LIST_NEXT(sa, siblings) ||
	    !TAILQ_EMPTY(&sa->tunnel->children))
		return;
	writer_init(&w, spi, sizeof(spi));
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
	ike_v1_build_notify(b, IKE_PROTOCOL_IKE, spi, sizeof(spi), V1_INITIAL_CONTACT, NULL, 0);
}

void ike_v1_refuse(struct ike_engine *e, const struct ike_path *path, uint64_t cky_i,
		   uint64_t cky_r, uint16_t error)
{
	union {
		struct ike_packet packet;
		uint8_t room[sizeof(struct ike_packet) + IKE_MARKER_BYTES + 64];
	} u = { .room = { 0 } };
	struct ike_builder b;
	int len;

	ike_v1_build_begin(&b, u.packet.bytes + IKE_MARKER_BYTES, 64, cky_i, cky_r,
			   IKE_V1_INFORMATIONAL, (uint32_t)ike_random_u64(e) | 1);
	ike_v1_build_notify(&b, IKE_PROTOCOL_IKE, NULL, 0, error, NULL, 0);
	len = ike_v1_build_finish(&b, CIPHER_NONE, NULL, NULL);
	u.packet.n = len > 0 ? (size_t)len : 0;
	if (len > 0)
		ike_send(e, path, &u.packet);
}

/* ---- agreeing ---------------------------------------------------------------------------- */

bool ike_v1_take_choice(struct ike_v1_exchange *x, struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	const struct ike_v1_terms *terms;
	struct ike_v1_offer answer;
	struct ike_choice choice;
	struct ike_offer own;
	char peer[ADDR_STR_MAX];

	ike_offer_ike(&own, &t->conf);
	if (!m->cky_r ||
	    ike_v1_offer_parse(&answer, IKE_PROTOCOL_IKE, false, m->body[IKE_V1_SA]) < 0 ||
	    answer.offer.n != 1 || ike_v1_offer_select(&own, &answer, &choice, &terms) < 0 ||
	    (x->dh && ike_dh_group(x->dh) != choice.suite.dh)) {
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR,
				   "%s answered our IKE proposal with what we did not propose",
				   ike_tunnel_peer(t, peer));
		ike_sa_doubt(sa);
		return false;
	}
	sa->suite = choice.suite;
	sa->spi_r = m->cky_r;
	sa->v1->vendors = ike_v1_vendors_common(m->vendors);
	ike_sa_shorten(sa, terms->seconds);
	return true;
}

void ike_v1_detect_nat(struct ike_v1_exchange *x, const struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	size_t size = algo_auths[sa->suite.prf].out_bytes;
	uint8_t hash[IKE_HASH_MAX];
	bool source_true = false;

	if (!natt(sa) || m->n_nat_d < 2)
		return;
	if (ike_natt_digest(sa->suite.prf, sa->spi_i, sa->spi_r, &x->from->local, hash) < 0)
		return;
	sa->nat_local = m->nat_d[0].n != size || memcmp(m->nat_d[0].p, hash, size) != 0;
	if (ike_natt_digest(sa->suite.prf, sa->spi_i, sa->spi_r, &x->from->remote, hash) < 0)
		return;
	for (unsigned i = 1; i < m->n_nat_d; i++)
		source_true |= m->nat_d[i].n == size && memcmp(m->nat_d[i].p, hash, size) == 0;
	sa->nat_remote = !source_true;
	sa->udp = sa->nat_local || sa->nat_remote || sa->force_udp;
}

void ike_v1_float(struct ike_sa *sa)
{
	if (!sa->udp || sa->path.local.port == IKE_PORT_NATT)
		return;
	sa->path.local.port = IKE_PORT_NATT;
	sa->path.remote.port = IKE_PORT_NATT;
}

int ike_v1_agree(struct ike_v1_exchange *x, const struct ike_v1_message *m)
{
	struct ike_sa *sa = x->sa;
	struct view ke = m->body[IKE_V1_KE], nonce = m->body[IKE_V1_NONCE];
	struct ike_v1_keys keys = { 0 };
	struct secret *shared = NULL;
	struct ike_chunk own = { 0 };
	int rc;

	if (!x->dh)
		return -ENOMEM;
	own.p = ike_dh_public(x->dh, &own.n);
	ike_sa_set_nonce(sa, !sa->initiator, nonce.p, nonce.n);
	free(x->peer_ke);
	x->peer_ke = ike_v1_blob(ke);
	if (!x->peer_ke || !sa->nonce_i || !sa->nonce_r)
		return -ENOMEM;
	rc = ike_dh_derive(x->dh, ke.p, ke.n, &shared);
	if (rc < 0)
		return rc;
	secret_free(sa->keys.pi);
	sa->keys.pi = ike_v1_skeyid(sa->suite.prf, sa->tunnel->conf.psk,
				    (struct ike_chunk){ sa->nonce_i, sa->nonce_i_len },
				    (struct ike_chunk){ sa->nonce_r, sa->nonce_r_len });
	rc = sa->keys.pi ? ike_v1_derive(&keys, sa->suite.prf, sa->suite.cipher, sa->keys.pi,
					 shared, sa->spi_i, sa->spi_r)
			 : -ENOMEM;
	secret_free(shared);
	secret_free(sa->keys.d);
	secret_free(sa->keys.ai);
	secret_free(sa->keys.ei);
	sa->keys.d = keys.d;
	sa->keys.ai = keys.a;
	sa->keys.ei = keys.cipher;
	if (rc < 0)
		return rc;
	return ike_v1_iv_phase1(sa->suite.prf, sa->initiator ? own : ike_v1_chunk(x->peer_ke),
				sa->initiator ? ike_v1_chunk(x->peer_ke) : own, x->iv_next);
}

static int verify(struct ike_v1_exchange *x, struct view id_body, struct view theirs)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX], name[160], wanted[160];
	size_t size = algo_auths[sa->suite.prf].out_bytes;
	uint8_t hash[IKE_HASH_MAX];
	struct ike_identity id;

	if (ike_identity_parse(&id, id_body) < 0) {
		ike_tunnel_because(t, IKE_REASON_AUTH_FAILED, "%s sent a malformed identity",
				   ike_tunnel_peer(t, peer));
		return -EBADMSG;
	}
	ike_identity_format(&id, name, sizeof(name));
	if (auth_hash(x, !sa->initiator, id_body, hash) < 0 || theirs.n != size ||
	    sodium_memcmp(theirs.p, hash, size)) {
		ike_tunnel_because(t, IKE_REASON_AUTH_FAILED,
				   "%s (%s) does not have our pre-shared key",
				   ike_tunnel_peer(t, peer), name);
		return -EBADMSG;
	}
	if (!ike_identity_matches(&id, &t->conf.remote_id)) {
		ike_tunnel_because(t, IKE_REASON_AUTH_FAILED,
				   "%s says it is %s, but remote_id is %s",
				   ike_tunnel_peer(t, peer), name,
				   conf_id_format(&t->conf.remote_id, wanted, sizeof(wanted)));
		return -EACCES;
	}
	return 0;
}

int ike_v1_verify(struct ike_v1_exchange *x, struct view id, struct view hash)
{
	struct ike_sa *sa = x->sa;
	int rc = verify(x, id, hash);

	if (rc == 0)
		return 0;
	ike_count(sa->engine, IKE_COUNT_AUTH_FAILED);
	if (!x->told)
		ike_v1_refuse(sa->engine, x->from, sa->spi_i, sa->spi_r, V1_AUTHENTICATION_FAILED);
	x->told = true;
	return rc;
}

void ike_v1_established(struct ike_v1_exchange *x, bool initial_contact)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	memcpy(sa->v1->iv, x->iv, sizeof(sa->v1->iv));
	ike_v1_finish(x);
	ike_sa_establish(sa);
	if (initial_contact && t->out)
		ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s has started afresh",
				   ike_tunnel_peer(t, peer));
	ike_tunnel_adopt(t, sa, initial_contact);
	if (sa->initiator && ike_sa_usable(sa))
		sa->want_child = true;
}

/* ---- calling ----------------------------------------------------------------------------- */

void ike_v1_call(struct ike_tunnel *t)
{
	const struct ike_sa *current = ike_tunnel_current(t);
	struct ike_path path = { .local = { t->conf.cloud_ip, IKE_PORT },
				 .remote = { t->conf.customer_ip, IKE_PORT } };
	bool aggressive = t->conf.ike_mode == CONF_IKE_AGGRESSIVE;
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_v1_exchange *x;
	struct ike_sa *sa;
	int rc = -ENOMEM;

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

void ike_v1_fail(struct ike_v1_exchange *x, int rc)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	if (rc == -EINVAL) {
		ike_count(sa->engine, IKE_COUNT_MALFORMED);
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR,
				   "%s sent a public value that is not acceptable",
				   ike_tunnel_peer(t, peer));
	} else {
		ike_tunnel_because(t, IKE_REASON_NO_RESOURCES,
				   "the key exchange with %s failed: %s", ike_tunnel_peer(t, peer),
				   strerror(-rc));
	}
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
	ike_tunnel_because(t, IKE_REASON_NO_PROPOSAL,
			   "%s accepts none of our IKE proposals\nours: %s\npeer's: %s",
			   ike_tunnel_peer(t, peer), ike_offer_format(&offer, ours, sizeof(ours)),
			   t->peer_offer ? t->peer_offer : "not told");
}

void ike_v1_phase1_refused(struct ike_tunnel *t)
{
	char peer[ADDR_STR_MAX], ours[160];

	ike_tunnel_because(t, IKE_REASON_AUTH_FAILED,
			   "%s refuses us: pre-shared key or identity (ours is %s) differ",
			   ike_tunnel_peer(t, peer),
			   conf_id_format(&t->conf.local_id, ours, sizeof(ours)));
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
		ike_v1_phase1_refused(t);
	else
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s answered phase 1 with %s (%u)",
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
	ike_tunnel_because(t, IKE_REASON_AUTH_FAILED, "%s does not have our pre-shared key",
			   ike_tunnel_peer(t, peer));
	if (sa->initiator) {
		ike_sa_doubt(sa);
	} else if (!x->told) {
		x->told = true;
		ike_v1_refuse(sa->engine, x->from, sa->spi_i, sa->spi_r, V1_AUTHENTICATION_FAILED);
	}
}

/* ---- being called ------------------------------------------------------------------------ */

/* The exchange that an equal request has begun already. */
static struct ike_v1_exchange *begun_before(const struct ike_tunnel *t, uint64_t cky_i,
					    uint8_t type)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (sa->v1 && !sa->initiator && sa->spi_i == cky_i)
			return ike_v1_find(sa, type, 0);
	}
	return NULL;
}

static void answer_again(struct ike_v1_exchange *x, const struct ike_path *path,
			 const uint8_t *data, size_t n)
{
	struct ike_engine *e = x->sa->engine;
	struct ike_chunk all = { data, n };
	uint8_t digest[IKE_SHA1_BYTES];

	if (x->state != 1 || x->done || ike_sha1(&all, 1, digest) < 0 ||
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
			ike_tunnel_because(t, IKE_REASON_PEER_ERROR,
					   "%s calls in aggressive mode, but ike_mode is main",
					   ike_tunnel_peer(t, from));
		ike_v1_refuse(e, path, m->cky_i, 0, V1_INVALID_EXCHANGE_TYPE);
		return false;
	}
	ike_offer_ike(&own, &t->conf);
	free(t->peer_offer);
	t->peer_offer = NULL;
	if (ike_v1_offer_select(&own, peer, choice, terms) == 0)
		return true;
	ike_count(e, IKE_COUNT_NO_PROPOSAL);
	ike_offer_format(&peer->offer, theirs, sizeof(theirs));
	t->peer_offer = strdup(theirs);
	ike_tunnel_because(
		t, IKE_REASON_NO_PROPOSAL, "no common IKE proposal with %s\nours: %s\npeer's: %s",
		ike_tunnel_peer(t, from), ike_offer_format(&own, ours, sizeof(ours)), theirs);
	ike_v1_refuse(e, path, m->cky_i, 0, V1_NO_PROPOSAL_CHOSEN);
	return false;
}

void ike_v1_phase1_answer(struct ike_tunnel *t, const struct ike_path *path,
			  struct ike_v1_message *m, const uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x = begun_before(t, m->cky_i, m->exchange);
	struct ike_engine *e = t->engine;
	const struct ike_v1_terms *terms;
	struct ike_chunk all = { data, n };
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_choice choice;
	struct ike_v1_offer peer;
	struct ike_sa *sa;
	int rc = -ENOMEM;

	if (x) {
		answer_again(x, path, data, n);
		return;
	}
	if (ike_v1_message_walk(m, (struct view){ data, n }, false) < 0 ||
	    !ike_v1_admit(m, m->exchange, false, 0)) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return;
	}
	if (!ike_gate_admit_plain(t) || !choose(t, path, m, &choice, &peer, &terms))
		return;
	sa = ike_sa_new(t, false, path);
	if (!sa)
		return;
	sa->spi_i = m->cky_i;
	sa->suite = choice.suite;
	if (ike_v1_begin(sa) < 0)
		goto out;
	sa->v1->vendors = ike_v1_vendors_common(m->vendors);
	ike_sa_shorten(sa, terms->seconds);
	ike_random(e, nonce, sizeof(nonce));
	ike_sa_set_nonce(sa, false, nonce, sizeof(nonce));
	x = ike_v1_open(sa, m->exchange, false, 0);
	if (!x)
		goto out;
	x->from = path;
	x->sa_body = ike_v1_blob(m->body[IKE_V1_SA]);
	if (!x->sa_body || ike_sha1(&all, 1, x->digest) < 0)
		goto out;
	ike_sa_set_state(sa, IKE_STATE_HALF_OPEN);
	ike_timer_set(&e->timers, &sa->guard, e->now + HALF_OPEN_TIMEOUT);
	rc = m->exchange == IKE_V1_AGGRESSIVE ? ike_v1_aggressive_answer(x, m, terms)
					      : ike_v1_main_answer(x, m, terms);
out:
	if (rc < 0) {
		ike_count(e, rc == -EINVAL ? IKE_COUNT_MALFORMED : IKE_COUNT_TOO_MANY);
		ike_sa_kill(sa, false);
	}
}

#include "ike/v1/phase1.h"

#include "ike/identity.h"
#include "ike/natt.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

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

/* Attempts are not known to anybody yet. */
bool ike_v1_is_first(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	LIST_FOREACH(other, &sa->tunnel->sas, siblings)
	{
		if (other != sa && other->state == IKE_STATE_ESTABLISHED)
			return false;
	}
	return TAILQ_EMPTY(&sa->tunnel->children);
}

/* Says that we know nothing of any other SA with this peer (RFC 2407 §4.6.3.3). */
void ike_v1_build_contact(struct ike_v1_exchange *x, struct ike_builder *b)
{
	struct ike_sa *sa = x->sa;
	uint8_t spi[IKE_V1_COOKIES];

	if (!ike_v1_is_first(sa))
		return;
	ike_v1_cookies(sa, spi);
	ike_v1_build_notify(b, IKE_PROTOCOL_IKE, spi, sizeof(spi), V1_INITIAL_CONTACT, NULL, 0);
}

void ike_v1_build_lifetime(struct ike_v1_exchange *x, struct ike_builder *b)
{
	uint8_t spi[IKE_V1_COOKIES], data[12];
	struct writer w;

	if (!x->shorter)
		return;
	ike_v1_cookies(x->sa, spi);
	writer_init(&w, data, sizeof(data));
	ike_v1_offer_emit_lifetime(&w, IKE_PROTOCOL_IKE, x->sa->lifetime);
	ike_v1_build_notify(b, IKE_PROTOCOL_IKE, spi, sizeof(spi), V1_RESPONDER_LIFETIME, data,
			    w.n);
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
		ike_tunnel_suspect(t, IKE_REASON_PEER_ERROR,
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

static void give_key(const struct ike_sa *sa)
{
	struct ike_keys keys = { .version = 1,
				 .spi_i = sa->spi_i,
				 .spi_r = sa->spi_r,
				 .cipher = sa->suite.cipher,
				 .ei = sa->keys.ei->data,
				 .e_len = sa->keys.ei->len };

	sa->engine->ops->keys(sa->engine->ctx, &keys);
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
	if (sa->engine->ops->keys)
		give_key(sa);
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
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED, "%s sent a malformed identity",
				   ike_tunnel_peer(t, peer));
		return -EBADMSG;
	}
	ike_identity_format(&id, name, sizeof(name));
	if (auth_hash(x, !sa->initiator, id_body, hash) < 0 || theirs.n != size ||
	    sodium_memcmp(theirs.p, hash, size)) {
		ike_tunnel_suspect(t, IKE_REASON_AUTH_FAILED,
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

void ike_v1_established(struct ike_v1_exchange *x, struct view id_body, bool initial_contact)
{
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	struct ike_sa *before = ike_tunnel_current(t);
	char peer[ADDR_STR_MAX], name[160], suite[128];
	struct ike_identity id;

	ike_identity_parse(&id, id_body);
	ike_identity_format(&id, name, sizeof(name));
	memcpy(sa->v1->iv, x->iv, sizeof(sa->v1->iv));
	ike_v1_finish(x);
	ike_sa_establish(sa);
	ike_tunnel_note(t, true, "IKE SA %016llx %s: the peer is %s; %s%s%s",
			(unsigned long long)ike_sa_own_spi(sa),
			sa->initiator ? "set up" : "set up by the peer", name,
			ike_suite_format(&sa->suite, suite, sizeof(suite)),
			sa->nat_local ? ", we are behind NAT" : "",
			sa->nat_remote ? ", the peer is behind NAT" : "");
	if (initial_contact && t->out)
		ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s has started afresh",
				   ike_tunnel_peer(t, peer));
	ike_tunnel_adopt(t, sa, initial_contact);
	if (before && ike_tunnel_current(t) == sa) {
		ike_tunnel_note(t, true, "IKE SA %016llx is replaced by %016llx",
				(unsigned long long)ike_sa_own_spi(before),
				(unsigned long long)ike_sa_own_spi(sa));
		ike_rekeyed(t->engine, t->index);
	}
	if (sa->initiator && ike_sa_usable(sa))
		sa->want_child = true;
}

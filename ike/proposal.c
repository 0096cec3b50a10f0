#include "ike/proposal.h"

#include <errno.h>
#include <string.h>

/* Substructures of an SA payload (RFC 7296 §3.3.1, §3.3.2, §3.3.5). */
#define MORE_PROPOSALS	     2
#define MORE_TRANSFORMS	     3
#define PROPOSAL_HEAD	     8
#define TRANSFORM_HEAD	     8
#define ATTRIBUTE_TV	     0x8000
#define ATTRIBUTE_KEY_LENGTH 14

#define ESP_SPI_RESERVED 255 /* RFC 4303 §2.1: 0 to 255 name no SA */

/* ---- building ---------------------------------------------------------------------------- */

static struct ike_proposal *proposal_open(struct ike_offer *o, uint8_t number, uint8_t protocol)
{
	struct ike_proposal *p;

	if (o->n == IKE_PROPOSALS_MAX) {
		o->cut = true;
		return NULL;
	}
	p = &o->proposal[o->n];
	*p = (struct ike_proposal){ .number = number,
				    .protocol = protocol,
				    .acceptable = true,
				    .first = (uint16_t)o->n_transforms };
	return p;
}

/* False: no room; the proposal must be dropped whole, lest it say something else. */
static bool transform_add(struct ike_offer *o, struct ike_proposal *p, struct ike_transform t)
{
	if (p->first + p->n == IKE_TRANSFORMS_MAX)
		return false;
	o->transform[p->first + p->n++] = t;
	return true;
}

static void proposal_close(struct ike_offer *o, const struct ike_proposal *p)
{
	o->n++;
	o->n_transforms = (unsigned)p->first + p->n;
}

static bool add(struct ike_offer *o, struct ike_proposal *p, enum ike_transform_type type,
		uint16_t id, uint16_t key_bits)
{
	return transform_add(o, p, (struct ike_transform){ (uint8_t)type, id, key_bits, true });
}

static bool add_cipher(struct ike_offer *o, struct ike_proposal *p, unsigned cipher)
{
	const struct algo_cipher_info *c = &algo_ciphers[cipher];

	return add(o, p, IKE_TRANSFORM_ENCR, c->id, c->key_bits);
}

struct wish {
	enum ike_protocol protocol;
	const struct algo_list *cipher, *auth, *dh;
	bool esn;
};

static bool wish_run(struct ike_offer *o, struct ike_proposal *p, const struct wish *w,
		     unsigned from, unsigned to)
{
	bool ok = true;

	for (unsigned i = from; i < to; i++)
		ok = ok && add_cipher(o, p, w->cipher->id[i]);
	for (unsigned i = 0; i < w->auth->n && w->protocol == IKE_PROTOCOL_IKE; i++)
		ok = ok && add(o, p, IKE_TRANSFORM_PRF, algo_auths[w->auth->id[i]].prf_id, 0);
	for (unsigned i = 0; i < w->auth->n && !algo_ciphers[w->cipher->id[from]].aead; i++)
		ok = ok && add(o, p, IKE_TRANSFORM_INTEG, algo_auths[w->auth->id[i]].integ_id, 0);
	for (unsigned i = 0; w->dh && i < w->dh->n; i++)
		ok = ok && add(o, p, IKE_TRANSFORM_KE, algo_dhs[w->dh->id[i]].id, 0);
	if (w->protocol == IKE_PROTOCOL_ESP) {
		if (w->esn)
			ok = ok && add(o, p, IKE_TRANSFORM_ESN, 1, 0);
		ok = ok && add(o, p, IKE_TRANSFORM_ESN, 0, 0);
	}
	return ok;
}

static void wish_to_offer(struct ike_offer *o, const struct wish *w)
{
	unsigned from = 0;

	o->n = o->n_transforms = 0;
	o->cut = false;
	while (from < w->cipher->n) {
		bool aead = algo_ciphers[w->cipher->id[from]].aead;
		struct ike_proposal *p;
		unsigned to = from;

		while (to < w->cipher->n && algo_ciphers[w->cipher->id[to]].aead == aead)
			to++;
		p = proposal_open(o, (uint8_t)(o->n + 1), (uint8_t)w->protocol);
		if (p && wish_run(o, p, w, from, to))
			proposal_close(o, p);
		from = to;
	}
}

void ike_offer_ike(struct ike_offer *o, const struct ike_settings *t)
{
	wish_to_offer(o, &(struct wish){ .protocol = IKE_PROTOCOL_IKE,
					 .cipher = &t->ike_cipher,
					 .auth = &t->ike_auth,
					 .dh = &t->ike_dh });
}

void ike_offer_esp(struct ike_offer *o, const struct ike_settings *t, bool with_pfs)
{
	wish_to_offer(o, &(struct wish){ .protocol = IKE_PROTOCOL_ESP,
					 .cipher = &t->esp_cipher,
					 .auth = &t->esp_auth,
					 .dh = with_pfs ? &t->esp_pfs : NULL,
					 .esn = t->esn });
}

void ike_offer_suite(struct ike_offer *o, enum ike_protocol protocol, uint8_t number,
		     const struct ike_suite *s)
{
	struct ike_proposal *p;

	o->n = o->n_transforms = 0;
	o->cut = false;
	p = proposal_open(o, number, (uint8_t)protocol);
	add_cipher(o, p, s->cipher);
	if (protocol == IKE_PROTOCOL_IKE)
		add(o, p, IKE_TRANSFORM_PRF, algo_auths[s->prf].prf_id, 0);
	if (s->auth != AUTH_NONE)
		add(o, p, IKE_TRANSFORM_INTEG, algo_auths[s->auth].integ_id, 0);
	if (s->dh != DH_NONE)
		add(o, p, IKE_TRANSFORM_KE, algo_dhs[s->dh].id, 0);
	if (protocol == IKE_PROTOCOL_ESP)
		add(o, p, IKE_TRANSFORM_ESN, s->esn, 0);
	proposal_close(o, p);
}

/* ---- on the wire ------------------------------------------------------------------------- */

static void transform_emit(struct writer *w, const struct ike_transform *t, bool last)
{
	writer_u8(w, last ? 0 : MORE_TRANSFORMS);
	writer_u8(w, 0);
	writer_u16(w, t->key_bits ? TRANSFORM_HEAD + 4 : TRANSFORM_HEAD);
	writer_u8(w, t->type);
	writer_u8(w, 0);
	writer_u16(w, t->id);
	if (t->key_bits) {
		writer_u16(w, ATTRIBUTE_TV | ATTRIBUTE_KEY_LENGTH);
		writer_u16(w, t->key_bits);
	}
}

void ike_offer_emit(struct writer *w, const struct ike_offer *o, uint64_t spi, unsigned spi_bytes)
{
	for (unsigned i = 0; i < o->n; i++) {
		const struct ike_proposal *p = &o->proposal[i];
		size_t start = w->n;

		writer_u8(w, i + 1 < o->n ? MORE_PROPOSALS : 0);
		writer_u8(w, 0);
		writer_u16(w, 0);
		writer_u8(w, p->number);
		writer_u8(w, p->protocol);
		writer_u8(w, (uint8_t)spi_bytes);
		writer_u8(w, (uint8_t)p->n);
		if (spi_bytes == 8)
			writer_u64(w, spi);
		else if (spi_bytes == 4)
			writer_u32(w, (uint32_t)spi);
		for (unsigned j = 0; j < p->n; j++)
			transform_emit(w, &o->transform[p->first + j], j + 1u == p->n);
		if (!w->failed)
			writer_patch_u16(w, start + 2, (uint16_t)(w->n - start));
	}
}

/* A transform with an attribute that we do not know is refused alone (RFC 7296 §3.3.6). */
static int attributes_parse(struct ike_transform *t, struct view v)
{
	uint16_t type, value;

	while (v.n > 0) {
		if (!view_u16(&v, &type) || !view_u16(&v, &value))
			return -EBADMSG;
		if (type == (ATTRIBUTE_TV | ATTRIBUTE_KEY_LENGTH) && t->key_bits == 0) {
			t->key_bits = value;
			continue;
		}
		t->usable = false;
		if (!(type & ATTRIBUTE_TV) && !view_skip(&v, value))
			return -EBADMSG;
	}
	return 0;
}

static int transform_parse(struct ike_transform *t, struct view *v)
{
	struct view body;
	uint8_t more, reserved, reserved2;
	uint16_t len;

	*t = (struct ike_transform){ .usable = true };
	if (!view_u8(v, &more) || !view_u8(v, &reserved) || !view_u16(v, &len) ||
	    len < TRANSFORM_HEAD || !view_take(v, len - 4u, &body))
		return -EBADMSG;
	view_u8(&body, &t->type);
	view_u8(&body, &reserved2);
	view_u16(&body, &t->id);
	return attributes_parse(t, body);
}

static bool type_known(uint8_t type)
{
	return type >= IKE_TRANSFORM_ENCR && type <= IKE_TRANSFORM_ESN;
}

static bool spi_parse(struct ike_proposal *p, struct view spi, enum ike_protocol protocol,
		      unsigned expected)
{
	uint32_t esp;

	/* Some peers send their IKE SPI in the first exchange too, where it says nothing new. */
	if (protocol == IKE_PROTOCOL_IKE && expected == 0)
		return spi.n == 0 || spi.n == 8;
	if (spi.n != expected)
		return false;
	if (expected == 8)
		return view_u64(&spi, &p->spi) && p->spi != 0;
	if (!view_u32(&spi, &esp) || esp <= ESP_SPI_RESERVED)
		return false;
	p->spi = esp;
	return true;
}

static int proposal_parse(struct ike_offer *o, enum ike_protocol protocol, unsigned spi_bytes,
			  struct view *v)
{
	struct ike_proposal *p, over;
	struct ike_transform t;
	uint8_t more, reserved, number, proto, spi_len, count;
	struct view body, spi;
	bool room = true;
	uint16_t len;

	if (!view_u8(v, &more) || !view_u8(v, &reserved) || !view_u16(v, &len) ||
	    len < PROPOSAL_HEAD || !view_take(v, len - 4u, &body))
		return -EBADMSG;
	if ((more == MORE_PROPOSALS) != (v->n > 0))
		return -EBADMSG;
	view_u8(&body, &number);
	view_u8(&body, &proto);
	view_u8(&body, &spi_len);
	view_u8(&body, &count);
	if (!view_take(&body, spi_len, &spi))
		return -EBADMSG;
	p = proposal_open(o, number, proto);
	if (!p) {
		over = (struct ike_proposal){ .first = IKE_TRANSFORMS_MAX };
		p = &over;
	}
	p->acceptable = proto == protocol && spi_parse(p, spi, protocol, spi_bytes);
	while (body.n > 0) {
		if (count-- == 0 || transform_parse(&t, &body) != 0)
			return -EBADMSG;
		if (!type_known(t.type))
			p->acceptable = false;
		room = room && transform_add(o, p, t);
	}
	if (count != 0)
		return -EBADMSG;
	if (p == &over)
		return 0;
	if (room)
		proposal_close(o, p);
	else
		o->cut = true;
	return 0;
}

int ike_offer_parse(struct ike_offer *o, enum ike_protocol protocol, unsigned spi_bytes,
		    struct view body)
{
	int rc = body.n > 0 ? 0 : -EBADMSG;

	o->n = o->n_transforms = 0;
	o->cut = false;
	while (body.n > 0 && rc == 0)
		rc = proposal_parse(o, protocol, spi_bytes, &body);
	return rc;
}

/* ---- agreeing ---------------------------------------------------------------------------- */

static const struct ike_transform *first_of(const struct ike_offer *o, const struct ike_proposal *p,
					    uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (o->transform[p->first + i].type == type)
			return &o->transform[p->first + i];
	return NULL;
}

static bool has(const struct ike_offer *o, const struct ike_proposal *p,
		const struct ike_transform *t)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct ike_transform *u = &o->transform[p->first + i];

		if (u->usable && u->type == t->type && u->id == t->id && u->key_bits == t->key_bits)
			return true;
	}
	return false;
}

/* Leaving a type out and offering number 0 of it say the same: no integrity beside an AEAD, no key
 * exchange, no extended sequence numbers (RFC 7296 §3.3.2). */
static bool allows_none(const struct ike_offer *o, const struct ike_proposal *p, uint8_t type)
{
	const struct ike_transform none = { type, 0, 0, true };

	return !first_of(o, p, type) || has(o, p, &none);
}

/* The first transform of this type in ours that the peer's proposal has too; NULL in *out: none is
 * needed on either side. */
static bool agree(const struct ike_offer *own, const struct ike_proposal *mine,
		  const struct ike_offer *peer, const struct ike_proposal *theirs, uint8_t type,
		  const struct ike_transform **out)
{
	*out = NULL;
	for (unsigned i = 0; i < mine->n; i++) {
		const struct ike_transform *t = &own->transform[mine->first + i];

		if (t->type == type && has(peer, theirs, t)) {
			*out = t;
			return true;
		}
	}
	return allows_none(own, mine, type) && allows_none(peer, theirs, type);
}

static void suite_set(struct ike_suite *s, const struct ike_transform *t)
{
	switch (t->type) {
	case IKE_TRANSFORM_ENCR:
		s->cipher = algo_cipher_by_id(t->id, t->key_bits);
		break;
	case IKE_TRANSFORM_PRF:
		s->prf = algo_auth_by_prf(t->id);
		break;
	case IKE_TRANSFORM_INTEG:
		s->auth = algo_auth_by_integ(t->id);
		break;
	case IKE_TRANSFORM_KE:
		s->dh = algo_dh_by_id(t->id);
		break;
	case IKE_TRANSFORM_ESN:
		s->esn = t->id == 1;
		break;
	}
}

/* With this cipher of ours, the rest by our order. */
static bool match(const struct ike_offer *own, const struct ike_proposal *mine,
		  const struct ike_transform *cipher, const struct ike_offer *peer,
		  const struct ike_proposal *theirs, bool ignore_ke, struct ike_choice *choice)
{
	static const uint8_t rest[] = { IKE_TRANSFORM_PRF, IKE_TRANSFORM_INTEG, IKE_TRANSFORM_KE,
					IKE_TRANSFORM_ESN };
	const struct ike_transform *t;

	if (!theirs->acceptable || mine->protocol != theirs->protocol || !has(peer, theirs, cipher))
		return false;
	*choice = (struct ike_choice){ .number = theirs->number, .spi = theirs->spi };
	suite_set(&choice->suite, cipher);
	for (unsigned i = 0; i < sizeof(rest); i++) {
		if (rest[i] == IKE_TRANSFORM_KE && ignore_ke)
			continue;
		if (!agree(own, mine, peer, theirs, rest[i], &t))
			return false;
		if (t)
			suite_set(&choice->suite, t);
	}
	return true;
}

int ike_offer_select(const struct ike_offer *own, const struct ike_offer *peer, bool ignore_ke,
		     struct ike_choice *choice)
{
	for (unsigned i = 0; i < own->n; i++) {
		const struct ike_proposal *mine = &own->proposal[i];

		for (unsigned j = 0; j < mine->n; j++) {
			const struct ike_transform *t = &own->transform[mine->first + j];

			if (t->type != IKE_TRANSFORM_ENCR)
				continue;
			for (unsigned k = 0; k < peer->n; k++)
				if (match(own, mine, t, peer, &peer->proposal[k], ignore_ke,
					  choice))
					return 0;
		}
	}
	*choice = (struct ike_choice){ 0 };
	return -ENOENT;
}

static const struct ike_proposal *by_number(const struct ike_offer *o, uint8_t number)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->proposal[i].number == number)
			return &o->proposal[i];
	return NULL;
}

int ike_offer_verify(const struct ike_offer *own, const struct ike_offer *answer,
		     struct ike_choice *choice)
{
	const struct ike_proposal *mine, *theirs = &answer->proposal[0];
	const struct ike_transform *t;

	*choice = (struct ike_choice){ 0 };
	if (answer->n != 1 || answer->cut || !theirs->acceptable)
		return -EINVAL;
	for (unsigned i = 0; i < theirs->n; i++)
		if (first_of(answer, theirs, answer->transform[i].type) != &answer->transform[i])
			return -EINVAL;
	mine = by_number(own, theirs->number);
	t = first_of(answer, theirs, IKE_TRANSFORM_ENCR);
	if (!mine || !t || !has(own, mine, t) ||
	    !match(own, mine, t, answer, theirs, false, choice)) {
		*choice = (struct ike_choice){ 0 };
		return -EINVAL;
	}
	return 0;
}

enum algo_dh ike_offer_first_dh(const struct ike_offer *own)
{
	for (unsigned i = 0; i < own->n_transforms; i++)
		if (own->transform[i].type == IKE_TRANSFORM_KE)
			return algo_dh_by_id(own->transform[i].id);
	return DH_NONE;
}

bool ike_offer_has_dh(const struct ike_offer *own, enum algo_dh dh)
{
	const struct ike_transform t = { IKE_TRANSFORM_KE, algo_dhs[dh].id, 0, true };

	for (unsigned i = 0; i < own->n && dh != DH_NONE; i++)
		if (has(own, &own->proposal[i], &t))
			return true;
	return false;
}

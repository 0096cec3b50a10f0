#include "ike/v1/offer.h"

#include <errno.h>
#include <string.h>

#define DOI_IPSEC	  1
#define SIT_IDENTITY_ONLY 1
#define MORE_PROPOSALS	  2
#define MORE_TRANSFORMS	  3
#define KEY_IKE		  1
#define METHOD_PSK	  1
#define ATTRIBUTE_TV	  0x8000
#define LIFE_SECONDS	  1
#define LIFE_KILOBYTES	  2
#define SPI_LEAST	  256

/* Attributes of phase 1 (RFC 2409 appendix A) and of phase 2 (RFC 2407 §4.5, RFC 4304). */
enum { P1_CIPHER = 1, P1_HASH, P1_METHOD, P1_GROUP, P1_LIFE = 11, P1_DURATION, P1_KEY_BITS = 14 };
enum { P2_LIFE = 1, P2_DURATION, P2_GROUP, P2_MODE, P2_AUTH, P2_KEY_BITS, P2_ESN = 11 };

/* Numbers of ours, as IKEv1 has them. */
static const struct {
	uint8_t v1;
	uint16_t v2;
} ciphers[] = { { 1, 2 }, { 2, 5 }, { 3, 7 }, { 4, 4 }, { 5, 3 }, { 6, 6 }, { 7, 12 }, { 8, 23 } };
static const struct {
	uint8_t hash, auth; /* phase 1, phase 2 */
	uint16_t prf, integ;
} hashes[] = { { 1, 1, 1, 1 },	{ 2, 2, 2, 2 },	 { 4, 5, 5, 12 },
	       { 5, 6, 6, 13 }, { 6, 7, 7, 14 }, { 3, 0, 3, 0 } };
#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- reading ----------------------------------------------------------------------------- */

struct attributes {
	bool strange; /* something that we do not know */
	uint16_t cipher, hash, method, group, auth, mode, key_bits, esn;
	uint32_t seconds, kilobytes;
};

static bool read_duration(struct view v, uint32_t *out)
{
	uint64_t n = 0;
	uint8_t b;

	if (v.n > 8)
		return false;
	while (view_u8(&v, &b))
		n = n << 8 | b;
	*out = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	return true;
}

static void set_attribute(struct attributes *a, bool ike, uint16_t type, struct view v,
			  uint16_t *life)
{
	uint16_t value = v.n == 2 ? (uint16_t)(v.p[0] << 8 | v.p[1]) : 0;
	uint32_t duration;

	if (type == (ike ? P1_LIFE : P2_LIFE))
		*life = value;
	else if (type == (ike ? P1_DURATION : P2_DURATION) && read_duration(v, &duration))
		*(*life == LIFE_KILOBYTES ? &a->kilobytes : &a->seconds) = duration;
	else if (v.n != 2)
		a->strange = true;
	else if (type == (ike ? P1_GROUP : P2_GROUP))
		a->group = value;
	else if (type == (ike ? P1_KEY_BITS : P2_KEY_BITS))
		a->key_bits = value;
	else if (ike && type == P1_CIPHER)
		a->cipher = value;
	else if (ike && type == P1_HASH)
		a->hash = value;
	else if (ike && type == P1_METHOD)
		a->method = value;
	else if (!ike && type == P2_MODE)
		a->mode = value;
	else if (!ike && type == P2_AUTH)
		a->auth = value;
	else if (!ike && type == P2_ESN)
		a->esn = value;
	else
		a->strange = true;
}

static int read_attributes(struct attributes *a, bool ike, struct view v)
{
	uint16_t type, n, life = LIFE_SECONDS;
	struct view value;

	while (v.n) {
		if (!view_u16(&v, &type))
			return -EBADMSG;
		if (type & ATTRIBUTE_TV) {
			if (!view_take(&v, 2, &value))
				return -EBADMSG;
		} else if (!view_u16(&v, &n) || !view_take(&v, n, &value)) {
			return -EBADMSG;
		}
		set_attribute(a, ike, type & ~ATTRIBUTE_TV, value, &life);
	}
	return 0;
}

static void add(struct ike_offer *o, enum ike_transform_type type, uint16_t id, uint16_t key_bits)
{
	struct ike_proposal *p = &o->proposal[o->n];

	if (o->n_transforms == IKE_TRANSFORMS_MAX) {
		p->acceptable = false;
		return;
	}
	o->transform[o->n_transforms++] =
		(struct ike_transform){ (uint8_t)type, id, key_bits, true };
	p->n++;
}

static void add_ike(struct ike_offer *o, const struct attributes *a)
{
	struct ike_proposal *p = &o->proposal[o->n];
	uint16_t cipher = 1024 + a->cipher, prf = 1024 + a->hash, integ = 1024 + a->hash;

	for (size_t i = 0; i < N(ciphers); i++)
		if (ciphers[i].v1 == a->cipher)
			cipher = ciphers[i].v2;
	for (size_t i = 0; i < N(hashes); i++) {
		if (hashes[i].hash == a->hash) {
			prf = hashes[i].prf;
			integ = hashes[i].integ;
		}
	}
	add(o, IKE_TRANSFORM_ENCR, cipher, a->key_bits);
	add(o, IKE_TRANSFORM_INTEG, integ, 0);
	add(o, IKE_TRANSFORM_PRF, prf, 0);
	add(o, IKE_TRANSFORM_KE, a->group, 0);
	p->acceptable &= a->method == METHOD_PSK && !a->strange;
}

static void add_esp(struct ike_offer *o, const struct attributes *a, uint8_t id, bool udp)
{
	struct ike_proposal *p = &o->proposal[o->n];
	uint16_t integ = 1024 + a->auth;

	for (size_t i = 0; i < N(hashes); i++)
		if (hashes[i].auth == a->auth)
			integ = hashes[i].integ;
	add(o, IKE_TRANSFORM_ENCR, id, a->key_bits);
	if (a->auth)
		add(o, IKE_TRANSFORM_INTEG, integ, 0);
	if (a->group)
		add(o, IKE_TRANSFORM_KE, a->group, 0);
	if (a->esn)
		add(o, IKE_TRANSFORM_ESN, a->esn, 0);
	if (udp)
		p->acceptable &= a->mode == IKE_V1_UDP_TUNNEL || a->mode == IKE_V1_UDP_TUNNEL_DRAFT;
	else
		p->acceptable &= a->mode == IKE_V1_TUNNEL || a->mode == 0;
	p->acceptable &= !a->strange;
}

/* One transform becomes one proposal of the offer. */
static int transform_parse(struct ike_v1_offer *o, const struct ike_proposal *like, bool ike,
			   bool udp, struct view *v)
{
	struct attributes a = { 0 };
	struct ike_v1_terms terms = { .proposal = like->number };
	struct ike_offer *offer = &o->offer;
	uint8_t more, reserved;
	uint16_t len, reserved2;
	struct view body;

	if (!view_u8(v, &more) || !view_u8(v, &reserved) || !view_u16(v, &len) || len < 8 ||
	    !view_take(v, len - 4u, &body))
		return -EBADMSG;
	view_u8(&body, &terms.transform);
	view_u8(&body, &terms.id);
	view_u16(&body, &reserved2);
	terms.attributes = body;
	if (read_attributes(&a, ike, body) < 0)
		return -EBADMSG;
	terms.mode = a.mode;
	terms.seconds = a.seconds;
	terms.kilobytes = a.kilobytes;
	if (offer->n == IKE_PROPOSALS_MAX) {
		offer->cut = true;
		return 0;
	}
	offer->proposal[offer->n] = *like;
	offer->proposal[offer->n].number = (uint8_t)(offer->n + 1);
	offer->proposal[offer->n].first = (uint16_t)offer->n_transforms;
	if (ike) {
		add_ike(offer, &a);
		offer->proposal[offer->n].acceptable &= terms.id == KEY_IKE;
	} else {
		add_esp(offer, &a, terms.id, udp);
	}
	o->of[offer->n++] = terms;
	return 0;
}

static int proposal_parse(struct ike_v1_offer *o, enum ike_protocol protocol, bool udp,
			  struct view *v)
{
	struct ike_proposal like = { 0 };
	uint8_t more, reserved, spi_len, count;
	struct view body, spi;
	uint32_t esp;
	uint16_t len;
	int rc = 0;

	if (!view_u8(v, &more) || !view_u8(v, &reserved) || !view_u16(v, &len) || len < 8 ||
	    !view_take(v, len - 4u, &body) || (more == MORE_PROPOSALS) != (v->n > 0))
		return -EBADMSG;
	view_u8(&body, &like.number);
	view_u8(&body, &like.protocol);
	view_u8(&body, &spi_len);
	view_u8(&body, &count);
	if (!view_take(&body, spi_len, &spi))
		return -EBADMSG;
	like.acceptable = like.protocol == protocol;
	if (protocol == IKE_PROTOCOL_ESP && spi.n == 4 && view_u32(&spi, &esp) && esp >= SPI_LEAST)
		like.spi = esp;
	else if (protocol == IKE_PROTOCOL_ESP)
		like.acceptable = false;
	/* Proposals of one number belong together: ESP and AH, or IPComp. */
	for (unsigned i = 0; i < o->offer.n; i++) {
		if (o->of[i].proposal == like.number)
			like.acceptable = o->offer.proposal[i].acceptable = false;
	}
	for (; count && rc == 0; count--)
		rc = transform_parse(o, &like, protocol == IKE_PROTOCOL_IKE, udp, &body);
	return rc < 0 || body.n ? -EBADMSG : 0;
}

int ike_v1_offer_parse(struct ike_v1_offer *o, enum ike_protocol protocol, bool udp,
		       struct view body)
{
	uint32_t doi, situation;
	int rc = 0;

	o->offer.n = o->offer.n_transforms = 0;
	o->offer.cut = false;
	if (!view_u32(&body, &doi) || !view_u32(&body, &situation) || doi != DOI_IPSEC ||
	    situation != SIT_IDENTITY_ONLY || !body.n)
		return -EBADMSG;
	while (body.n && rc == 0)
		rc = proposal_parse(o, protocol, udp, &body);
	return rc;
}

int ike_v1_offer_select(const struct ike_offer *own, const struct ike_v1_offer *peer,
			struct ike_choice *choice, const struct ike_v1_terms **terms)
{
	int rc = ike_offer_select(own, &peer->offer, false, choice);

	*terms = rc == 0 ? &peer->of[choice->number - 1] : NULL;
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void emit_tv(struct writer *w, uint16_t type, uint16_t value)
{
	writer_u16(w, ATTRIBUTE_TV | type);
	writer_u16(w, value);
}

/* As TV where it fits: some peers read nothing else of that size. */
static void emit_life(struct writer *w, uint16_t type, uint16_t unit, uint32_t value)
{
	emit_tv(w, type, unit);
	if (value <= UINT16_MAX) {
		emit_tv(w, type + 1, (uint16_t)value);
	} else {
		writer_u16(w, type + 1);
		writer_u16(w, 4);
		writer_u32(w, value);
	}
}

/* Where counts and lengths go that are known only later. */
struct emission {
	struct writer *w;
	size_t proposal, last; /* where they start */
	unsigned n;
};

static void begin(struct emission *e, struct writer *w, uint8_t number, enum ike_protocol protocol,
		  uint32_t spi)
{
	writer_u32(w, DOI_IPSEC);
	writer_u32(w, SIT_IDENTITY_ONLY);
	*e = (struct emission){ .w = w, .proposal = w->n };
	writer_u32(w, 0);
	writer_u8(w, number);
	writer_u8(w, (uint8_t)protocol);
	writer_u8(w, protocol == IKE_PROTOCOL_ESP ? 4 : 0);
	writer_u8(w, 0);
	if (protocol == IKE_PROTOCOL_ESP)
		writer_u32(w, spi);
}

static void begin_transform(struct emission *e, uint8_t number, uint8_t id)
{
	e->last = e->w->n;
	e->n++;
	writer_u8(e->w, MORE_TRANSFORMS);
	writer_u8(e->w, 0);
	writer_u16(e->w, 0);
	writer_u8(e->w, number);
	writer_u8(e->w, id);
	writer_u16(e->w, 0);
}

static void end_transform(struct emission *e)
{
	if (!e->w->failed)
		writer_patch_u16(e->w, e->last + 2, (uint16_t)(e->w->n - e->last));
}

static void end(struct emission *e)
{
	if (e->w->failed || !e->n)
		return;
	e->w->p[e->last] = 0;
	e->w->p[e->proposal + 7] = (uint8_t)e->n;
	writer_patch_u16(e->w, e->proposal + 2, (uint16_t)(e->w->n - e->proposal));
}

static void emit_ike(struct emission *e, enum algo_cipher cipher, enum algo_auth auth,
		     enum algo_dh group, uint32_t seconds)
{
	const struct algo_cipher_info *c = &algo_ciphers[cipher];
	uint8_t cipher_id = 0, hash = 0;

	for (size_t i = 0; i < N(ciphers); i++)
		if (ciphers[i].v2 == c->id)
			cipher_id = ciphers[i].v1;
	for (size_t i = 0; i < N(hashes); i++)
		if (hashes[i].prf == algo_auths[auth].prf_id)
			hash = hashes[i].hash;
	if (c->aead || !cipher_id || e->n == CONF_V1_TRANSFORMS)
		return;
	begin_transform(e, (uint8_t)(e->n + 1), KEY_IKE);
	emit_tv(e->w, P1_CIPHER, cipher_id);
	if (c->key_bits)
		emit_tv(e->w, P1_KEY_BITS, c->key_bits);
	emit_tv(e->w, P1_HASH, hash);
	emit_tv(e->w, P1_GROUP, algo_dhs[group].id);
	emit_tv(e->w, P1_METHOD, METHOD_PSK);
	emit_life(e->w, P1_LIFE, LIFE_SECONDS, seconds);
	end_transform(e);
}

void ike_v1_offer_emit_ike(struct writer *w, const struct ike_settings *t, enum algo_dh group,
			   uint32_t seconds)
{
	struct emission e;

	begin(&e, w, 1, IKE_PROTOCOL_IKE, 0);
	for (unsigned i = 0; i < t->ike_cipher.n; i++)
		for (unsigned j = 0; j < t->ike_auth.n; j++)
			for (unsigned k = 0; k < t->ike_dh.n; k++)
				if (group == DH_NONE || t->ike_dh.id[k] == group)
					emit_ike(&e, t->ike_cipher.id[i], t->ike_auth.id[j],
						 t->ike_dh.id[k], seconds);
	end(&e);
}

static void emit_esp(struct emission *e, const struct ike_v1_esp_offer *o,
		     const struct ike_suite *s)
{
	const struct algo_cipher_info *c = &algo_ciphers[s->cipher];
	uint8_t auth = 0;

	for (size_t i = 0; i < N(hashes) && s->auth != AUTH_NONE; i++)
		if (hashes[i].integ == algo_auths[s->auth].integ_id)
			auth = hashes[i].auth;
	if (e->n == CONF_V1_TRANSFORMS)
		return;
	begin_transform(e, (uint8_t)(e->n + 1), (uint8_t)c->id);
	if (c->key_bits)
		emit_tv(e->w, P2_KEY_BITS, c->key_bits);
	if (auth)
		emit_tv(e->w, P2_AUTH, auth);
	emit_tv(e->w, P2_MODE, o->mode);
	if (o->group != DH_NONE)
		emit_tv(e->w, P2_GROUP, algo_dhs[o->group].id);
	emit_life(e->w, P2_LIFE, LIFE_SECONDS, o->seconds);
	if (o->kilobytes)
		emit_life(e->w, P2_LIFE, LIFE_KILOBYTES, o->kilobytes);
	if (s->esn)
		emit_tv(e->w, P2_ESN, 1);
	end_transform(e);
}

static void emit_configured(struct emission *e, const struct ike_v1_esp_offer *o, bool esn)
{
	const struct ike_settings *t = o->conf;

	for (unsigned i = 0; i < t->esp_cipher.n; i++) {
		struct ike_suite s = { .cipher = t->esp_cipher.id[i], .esn = esn };

		if (algo_ciphers[s.cipher].aead) {
			emit_esp(e, o, &s);
			continue;
		}
		for (unsigned j = 0; j < t->esp_auth.n; j++) {
			s.auth = t->esp_auth.id[j];
			emit_esp(e, o, &s);
		}
	}
}

void ike_v1_offer_emit_esp(struct writer *w, const struct ike_v1_esp_offer *o)
{
	struct emission e;

	begin(&e, w, 1, IKE_PROTOCOL_ESP, o->spi);
	if (o->suite) {
		emit_esp(&e, o, o->suite);
	} else {
		if (o->conf->esn)
			emit_configured(&e, o, true);
		emit_configured(&e, o, false);
	}
	end(&e);
}

void ike_v1_offer_emit_choice(struct writer *w, enum ike_protocol protocol,
			      const struct ike_v1_terms *terms, uint32_t spi)
{
	struct emission e;

	begin(&e, w, terms->proposal, protocol, spi);
	begin_transform(&e, terms->transform, terms->id);
	writer_bytes(w, terms->attributes.p, terms->attributes.n);
	end_transform(&e);
	end(&e);
}

int ike_v1_offer_lifetime(enum ike_protocol protocol, struct view data, uint32_t *seconds)
{
	struct attributes a = { 0 };

	if (read_attributes(&a, protocol == IKE_PROTOCOL_IKE, data) < 0 || !a.seconds)
		return -EBADMSG;
	*seconds = a.seconds;
	return 0;
}

void ike_v1_offer_emit_lifetime(struct writer *w, enum ike_protocol protocol, uint32_t seconds)
{
	emit_life(w, protocol == IKE_PROTOCOL_IKE ? P1_LIFE : P2_LIFE, LIFE_SECONDS, seconds);
}

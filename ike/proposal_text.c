/* Offers as people write them: "aes128/aes256-sha256-ecp256, aes256gcm-sha384-x25519". */
#include "ike/proposal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 32

struct text {
	char *buf;
	size_t n, size;
	bool cut;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	static const char dots[] = "...";
	va_list args;
	int n;

	if (t->cut)
		return;
	va_start(args, fmt);
	n = vsnprintf(t->buf + t->n, t->size - t->n, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < t->size - t->n) {
		t->n += (size_t)n;
		return;
	}
	t->cut = true;
	if (t->size >= sizeof(dots))
		memcpy(t->buf + t->size - sizeof(dots), dots, sizeof(dots));
}

static const char *name_of(const struct ike_transform *t, char buf[NAME_MAX_BYTES])
{
	static const char *const kind[] = {
		[IKE_TRANSFORM_ENCR] = "encr",	 [IKE_TRANSFORM_PRF] = "prf",
		[IKE_TRANSFORM_INTEG] = "integ", [IKE_TRANSFORM_KE] = "dh",
		[IKE_TRANSFORM_ESN] = "esn",
	};
	const char *name = NULL;

	switch (t->type) {
	case IKE_TRANSFORM_ENCR:
		if (algo_cipher_by_id(t->id, t->key_bits) != CIPHER_NONE)
			name = algo_ciphers[algo_cipher_by_id(t->id, t->key_bits)].name;
		break;
	case IKE_TRANSFORM_PRF:
		if (algo_auth_by_prf(t->id) != AUTH_NONE)
			name = algo_auths[algo_auth_by_prf(t->id)].name;
		break;
	case IKE_TRANSFORM_INTEG:
		if (algo_auth_by_integ(t->id) != AUTH_NONE)
			name = algo_auths[algo_auth_by_integ(t->id)].name;
		break;
	case IKE_TRANSFORM_KE:
		if (algo_dh_by_id(t->id) != DH_NONE)
			name = algo_dhs[algo_dh_by_id(t->id)].name;
		break;
	case IKE_TRANSFORM_ESN:
		if (t->id <= 1)
			name = t->id ? "esn" : "noesn";
		break;
	}
	if (!name && t->id == 0 && t->type <= IKE_TRANSFORM_KE)
		name = "none";
	if (name)
		snprintf(buf, NAME_MAX_BYTES, "%s", name);
	else if (t->type >= IKE_TRANSFORM_ENCR && t->type <= IKE_TRANSFORM_ESN)
		snprintf(buf, NAME_MAX_BYTES, "%s#%u", kind[t->type], t->id);
	else
		snprintf(buf, NAME_MAX_BYTES, "type%u#%u", t->type, t->id);
	if (!name && t->key_bits)
		snprintf(buf + strlen(buf), NAME_MAX_BYTES - strlen(buf), ":%u", t->key_bits);
	if (!t->usable)
		snprintf(buf + strlen(buf), NAME_MAX_BYTES - strlen(buf), "?");
	return buf;
}

/* The nth transform of a type; NULL: no more. */
static const struct ike_transform *nth(const struct ike_offer *o, const struct ike_proposal *p,
				       uint8_t type, unsigned n)
{
	for (unsigned i = 0; i < p->n; i++)
		if (o->transform[p->first + i].type == type && n-- == 0)
			return &o->transform[p->first + i];
	return NULL;
}

/* "none" alone says nothing that leaving it out does not. */
static bool absent(const struct ike_offer *o, const struct ike_proposal *p, uint8_t type)
{
	const struct ike_transform *t = nth(o, p, type, 0);

	return !t || (t->id == 0 && t->type != IKE_TRANSFORM_ENCR && !nth(o, p, type, 1));
}

/* As configured, one name stands for the integrity algorithm and the PRF on the same hash. */
static bool prf_goes_without_saying(const struct ike_offer *o, const struct ike_proposal *p)
{
	const struct ike_transform *prf, *integ;
	unsigned i = 0;

	do {
		prf = nth(o, p, IKE_TRANSFORM_PRF, i);
		integ = nth(o, p, IKE_TRANSFORM_INTEG, i++);
		if (!prf && !integ)
			return true;
	} while (prf && integ && algo_auth_by_prf(prf->id) != AUTH_NONE &&
		 algo_auth_by_prf(prf->id) == algo_auth_by_integ(integ->id));
	return false;
}

static void put_type(struct text *t, const struct ike_offer *o, const struct ike_proposal *p,
		     uint8_t type, const char *before, const char *prefix)
{
	const struct ike_transform *x;
	char name[NAME_MAX_BYTES];

	for (unsigned i = 0; !t->cut && (x = nth(o, p, type, i)) != NULL; i++) {
		name_of(x, name);
		put(t, "%s%s%s", i ? "/" : before, strchr(name, '#') ? "" : prefix, name);
	}
}

static void put_proposal(struct text *t, const struct ike_offer *o, const struct ike_proposal *p)
{
	const char *dash = "";

	if (p->protocol != IKE_PROTOCOL_IKE && p->protocol != IKE_PROTOCOL_ESP)
		put(t, "protocol#%u:", p->protocol);
	if (!absent(o, p, IKE_TRANSFORM_ENCR)) {
		put_type(t, o, p, IKE_TRANSFORM_ENCR, dash, "");
		dash = "-";
	}
	if (!absent(o, p, IKE_TRANSFORM_INTEG)) {
		put_type(t, o, p, IKE_TRANSFORM_INTEG, dash, "");
		dash = "-";
		if (!absent(o, p, IKE_TRANSFORM_PRF) && !prf_goes_without_saying(o, p))
			put_type(t, o, p, IKE_TRANSFORM_PRF, dash, "prf");
	} else if (!absent(o, p, IKE_TRANSFORM_PRF)) {
		put_type(t, o, p, IKE_TRANSFORM_PRF, dash, "");
		dash = "-";
	}
	if (!absent(o, p, IKE_TRANSFORM_KE)) {
		put_type(t, o, p, IKE_TRANSFORM_KE, dash, "");
		dash = "-";
	}
	if (!absent(o, p, IKE_TRANSFORM_ESN)) {
		put_type(t, o, p, IKE_TRANSFORM_ESN, dash, "");
		dash = "-";
	}
	for (unsigned i = 0; i < p->n; i++) {
		const struct ike_transform *x = &o->transform[p->first + i];
		char name[NAME_MAX_BYTES];

		if (x->type >= IKE_TRANSFORM_ENCR && x->type <= IKE_TRANSFORM_ESN)
			continue;
		put(t, "%s%s", dash, name_of(x, name));
		dash = "-";
	}
}

const char *ike_offer_format(const struct ike_offer *o, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (o->n == 0)
		put(&t, "nothing");
	for (unsigned i = 0; i < o->n && !t.cut; i++) {
		put(&t, "%s", i ? ", " : "");
		put_proposal(&t, o, &o->proposal[i]);
	}
	if (o->cut)
		put(&t, ", ...");
	return buf;
}

const char *ike_suite_format(const struct ike_suite *s, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	if (size == 0)
		return buf;
	buf[0] = '\0';
	put(&t, "%s", algo_ciphers[s->cipher].name);
	if (s->auth != AUTH_NONE)
		put(&t, "-%s", algo_auths[s->auth].name);
	if (s->prf != AUTH_NONE && s->prf != s->auth)
		put(&t, "-%s%s", s->auth != AUTH_NONE ? "prf" : "", algo_auths[s->prf].name);
	if (s->dh != DH_NONE)
		put(&t, "-%s", algo_dhs[s->dh].name);
	if (s->esn)
		put(&t, "-esn");
	return buf;
}

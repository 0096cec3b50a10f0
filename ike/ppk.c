#include "ike/ppk.h"

#include "ike/identity.h"

#include <errno.h>
#include <string.h>

#define PPK_ID_FIXED 2

static int mix(struct secret **out, const struct ike_sa *sa, const struct secret *ppk,
	       const struct secret *key)
{
	struct ike_chunk seed = { key->data, key->len };

	*out = secret_new(key->len);
	return *out ? ike_prf_plus(sa->suite.prf, ppk->data, ppk->len, &seed, 1, (*out)->data,
				   key->len)
		    : -ENOMEM;
}

int ike_ppk_mix(struct ike_ppk *out, const struct ike_sa *sa, const struct secret *ppk)
{
	int rc;

	*out = (struct ike_ppk){ 0 };
	rc = mix(&out->d, sa, ppk, sa->keys.d);
	if (rc == 0)
		rc = mix(&out->pi, sa, ppk, sa->keys.pi);
	if (rc == 0)
		rc = mix(&out->pr, sa, ppk, sa->keys.pr);
	if (rc < 0)
		ike_ppk_clear(out);
	return rc;
}

void ike_ppk_adopt(struct ike_ppk *from, struct ike_sa *sa)
{
	secret_free(sa->keys.d);
	secret_free(sa->keys.pi);
	secret_free(sa->keys.pr);
	sa->keys.d = from->d;
	sa->keys.pi = from->pi;
	sa->keys.pr = from->pr;
	sa->ppk = true;
	*from = (struct ike_ppk){ 0 };
}

void ike_ppk_clear(struct ike_ppk *p)
{
	secret_free(p->d);
	secret_free(p->pi);
	secret_free(p->pr);
	*p = (struct ike_ppk){ 0 };
}

void ike_ppk_id_emit(struct writer *w, const char *id)
{
	writer_u8(w, PPK_ID_FIXED);
	writer_bytes(w, id, strlen(id));
}

bool ike_ppk_id_matches(struct view data, const char *id)
{
	uint8_t type;

	return view_u8(&data, &type) && type == PPK_ID_FIXED && data.n == strlen(id) &&
	       !memcmp(data.p, id, data.n);
}

const char *ike_ppk_id_format(struct view data, char *buf, size_t size)
{
	struct ike_identity name = { .type = IKE_ID_KEY_ID, .data = data };

	if (name.data.n)
		view_skip(&name.data, 1);
	return ike_identity_format(&name, buf, size);
}

/* Post-quantum pre-shared keys (RFC 8784): a second secret that goes into SK_d and SK_p, so that
 * what is recorded today stays secret even if the Diffie-Hellman exchange is broken one day.
 *
 * One thread. Keys come and go as guarded secrets. */
#ifndef IKE_PPK_H
#define IKE_PPK_H

#include "ike/sa.h"
#include "ike/wire.h"

#include <stdbool.h>

/* SK_d, SK_pi and SK_pr of an SA with a PPK mixed in. */
struct ike_ppk {
	struct secret *d, *pi, *pr;
};

int ike_ppk_mix(struct ike_ppk *out, const struct ike_sa *sa, const struct secret *ppk);
void ike_ppk_adopt(struct ike_ppk *from, struct ike_sa *sa); /* moves them into the SA */
void ike_ppk_clear(struct ike_ppk *p);

/* Data of a PPK_IDENTITY notify: a type and the name of the key. */
void ike_ppk_id_emit(struct writer *w, const char *id);
bool ike_ppk_id_matches(struct view data, const char *id);
/* What the peer calls its PPK, printable. Returns buf. */
const char *ike_ppk_id_format(struct view data, char *buf, size_t size);

#endif

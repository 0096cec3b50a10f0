/* Traffic selectors (RFC 7296 §2.9, §3.13): ranges of inner addresses, ports and protocols.
 *
 * Plain values (struct ike_selectors of ike/engine.h), any thread. A list stands for the union of
 * its ranges; one that lies inside another is never kept beside it. */
#ifndef IKE_SELECTOR_H
#define IKE_SELECTOR_H

#include "conf/addr.h"
#include "ike/engine.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>

/* Any protocol and port of these networks. n 0: all of IPv4 and all of IPv6. */
void ike_selectors_from_prefixes(struct ike_selectors *out, const struct prefix *p, unsigned n);

/* Body of a TSi or TSr payload (after its generic header). Selectors of types or with port ranges
 * that we do not serve (OPAQUE), and what exceeds IKE_TS_MAX, are left out: a responder may narrow.
 * So *out may be empty. -EBADMSG: lengths do not add up. */
int ike_selectors_parse(struct ike_selectors *out, struct view body);
void ike_selectors_emit(struct writer *w, const struct ike_selectors *s);

/* Responder: what the peer's offer and our policy share, in the peer's order. The most specific
 * first selector that some peers take from the triggering packet disappears in the wider ones.
 * false: nothing (TS_UNACCEPTABLE). out may be neither argument. */
bool ike_selectors_narrow(struct ike_selectors *out, const struct ike_selectors *offer,
			  const struct ike_selectors *policy);
/* Initiator: true if the answer is not empty and each of its selectors lies inside one of the
 * offer's. */
bool ike_selectors_within(const struct ike_selectors *answer, const struct ike_selectors *offer);
bool ike_selectors_equal(const struct ike_selectors *a, const struct ike_selectors *b);

/* The prefix that is exactly this range of addresses. false: none is. */
bool ike_selector_prefix(const struct ike_selector *s, struct prefix *p);

/* "10.0.0.0/16, 10.9.0.1-10.9.0.7 tcp 80-443"; cut with "..." if size is too small. Returns buf. */
const char *ike_selectors_format(const struct ike_selectors *s, char *buf, size_t size);

#endif

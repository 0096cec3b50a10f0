/* Traffic selectors: may this inner packet use this SA (RFC 4301 §4.4.1)?
 *
 * Only called for SAs with SA_SELECTORS. Ports are compared for protocols that have them; a
 * fragment without them matches only selectors of any port. */
#ifndef DATAPLANE_SELECT_H
#define DATAPLANE_SELECT_H

#include "dataplane/drop.h"
#include "dataplane/sa.h"

#include <stdbool.h>

/* ip: a whole inner packet of len bytes. */
bool select_packet(const struct sa *sa, const uint8_t *ip, unsigned len);

/* Why it is refused by SAs with these flags: a later fragment tells no ports, so it goes through no
 * SA whose selectors name some (RFC 4301 §7.4), and that is no mistake of anybody's routes. */
enum drop_reason select_refusal(unsigned flags, const uint8_t *ip, unsigned len);

#endif

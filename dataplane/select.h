/* Traffic selectors: may this inner packet use this SA (RFC 4301 §4.4.1)?
 *
 * Only called for SAs with SA_SELECTORS. Ports are compared for protocols that have them; a
 * fragment without them matches only selectors of any port. */
#ifndef DATAPLANE_SELECT_H
#define DATAPLANE_SELECT_H

#include "dataplane/sa.h"

#include <stdbool.h>

/* ip: a whole inner packet of len bytes. */
bool select_packet(const struct sa *sa, const uint8_t *ip, unsigned len);

#endif

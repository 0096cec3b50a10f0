/* What traces and captures ask of a packet, fast path or not: has it an address of a prefix? */
#ifndef DATAPLANE_MATCH_H
#define DATAPLANE_MATCH_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Source or destination of the IP packet lies in p. Anything that is no IP packet does not. */
bool match_prefix(const struct prefix *p, const uint8_t *ip, unsigned len);
/* Where a frame's IP header is, behind up to two VLAN tags; len: nowhere. */
unsigned match_ip_at(const uint8_t *eth, unsigned len);
/* The same for a frame, or for the one inside it if it is VXLAN. */
bool match_frame(const struct prefix *p, const uint8_t *eth, unsigned len);

#endif

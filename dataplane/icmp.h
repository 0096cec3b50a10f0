/* ICMP and ICMPv6 errors (RFC 792, RFC 1812 §4.3, RFC 4443 §2.4). Pure. */
#ifndef DATAPLANE_ICMP_H
#define DATAPLANE_ICMP_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum icmp_error { ICMP_TTL_EXPIRED, ICMP_TOO_BIG };

#define ICMP_ERROR_MAX 1280 /* bytes of one, with its IP header */

/* May this packet's sender be told? Not about errors, later fragments, or what was not sent to one
 * host by one host. ip: a whole packet of len bytes. */
bool icmp_may_tell(const uint8_t *ip, unsigned len);

/* Writes the error about ip, from an address of ours; from->family is the packet's. mtu:
 * ICMP_TOO_BIG's. Returns its length. */
unsigned icmp_write(uint8_t to[ICMP_ERROR_MAX], const struct addr *from, const uint8_t *ip,
		    unsigned len, enum icmp_error what, unsigned mtu);

#endif

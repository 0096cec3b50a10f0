/* Addresses that packets on their way between others never have (RFC 1812 §5.3.7, RFC 4291 §2.5 and
 * §2.7): of this host or network, loopback, of many hosts, and link-local ones of IPv6.
 * 169.254.0.0/16 is not among them: tunnels have their inner addresses there, and customers speak
 * from them. Pure. */
#ifndef DATAPLANE_MARTIAN_H
#define DATAPLANE_MARTIAN_H

#include "dataplane/packet.h"

/* An IPv4 address, by its first byte: 0, 127, 224 and above. */
static inline bool martian4(uint8_t first)
{
	return (uint8_t)(first - 1) >= 223 || first == 127;
}

/* ::/64 has the unspecified address, loopback and IPv4's mapped ones. */
static inline bool martian6(const uint8_t *a)
{
	return a[0] == 0xff || (get16(a) & RTE_BE16(0xffc0)) == RTE_BE16(0xfe80) || get64(a) == 0;
}

static inline bool martian_source(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? martian4(ip[12]) : martian6(ip + 8);
}

static inline bool martian_destination(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? martian4(ip[16]) : martian6(ip + 24);
}

#endif

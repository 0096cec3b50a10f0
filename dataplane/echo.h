/* ICMP and ICMPv6 echo: a request becomes its reply in place (RFC 792, RFC 4443 §4.2). Pure. */
#ifndef DATAPLANE_ECHO_H
#define DATAPLANE_ECHO_H

#include <stdbool.h>
#include <stdint.h>

/* ip: a whole packet of len bytes. False: no valid echo request, unchanged. */
bool echo_reply(uint8_t *ip, unsigned len);

#endif

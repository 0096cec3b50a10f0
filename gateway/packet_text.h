/* One line about a packet for a person, from its first bytes. */
#ifndef GATEWAY_PACKET_TEXT_H
#define GATEWAY_PACKET_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_TEXT_MAX 160

/* "10.0.0.9 > 192.168.1.5 tcp 33000 > 80, 84 bytes". p holds n bytes of a packet of len, at its
 * Ethernet header if it is a frame, else at its IP header. Returns buf. */
const char *packet_text(char buf[PACKET_TEXT_MAX], const uint8_t *p, size_t n, unsigned len,
			bool frame);

#endif

/* A VPC behind VLAN 77 of port 1, with host 10.1.0.5, and a tunnel over port 0 to 203.0.113.9,
 * behind which 172.16.0.0/12 is. */
#ifndef TESTS_UNIT_DATAPLANE_RIG_TUNNEL_H
#define TESTS_UNIT_DATAPLANE_RIG_TUNNEL_H

#include "rig.h"

#define RIG_TUNNEL	1
#define RIG_TUNNEL_PEER "203.0.113.9"
#define RIG_TUNNEL_HOST "10.1.0.5"
#define RIG_TUNNEL_FAR	"172.16.3.4"
#define RIG_TUNNEL_SPI	0x1001 /* outbound */

extern uint32_t rig_tunnel_spi_in;

/* The rig, with the test as its negotiator. */
int rig_tunnel_set_up(void **state);
int rig_tunnel_tear_down(void **state);

void rig_tunnel_open(void);
void rig_tunnel_discard(void); /* what left */

/* A UDP packet; its length. */
unsigned rig_tunnel_udp(uint8_t *ip, const char *src, const char *dst, unsigned bytes);
/* An inner packet as the host's frame, and as the peer's with this SPI and the next sequence
 * number. Nothing runs. */
void rig_tunnel_from_host(const uint8_t *ip, unsigned len);
void rig_tunnel_from_peer(uint32_t spi, const uint8_t *ip, unsigned len);
/* UDP packets, and all that follows from them. */
void rig_tunnel_host_sends(unsigned bytes);
void rig_tunnel_peer_sends(uint32_t spi, unsigned bytes);

#endif

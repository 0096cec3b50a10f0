/* The whole dataplane in one process between two ring ports, its workers stepped by hand.
 *
 * Port 0 is 198.51.100.1/24 and 2001:db8:1::1/64 with the next hop 198.51.100.254; port 1 is
 * 192.0.2.1/24 and 2001:db8:2::1/64. */
#ifndef TESTS_UNIT_DATAPLANE_RIG_H
#define TESTS_UNIT_DATAPLANE_RIG_H

#include "tests/unit/unit.h"

#include "dataplane/core.h"
#include "dataplane/dataplane.h"

#define RIG_FRAME 2048

extern struct dataplane *rig_dp;
extern struct rte_mempool *rig_frames; /* what is given comes from here */
extern uint64_t rig_now;
extern const uint8_t rig_port_mac[6], rig_peer_mac[6], rig_broadcast[6];

/* As dataplane_open(), into rig_dp. */
int rig_begin(unsigned workers, const char **error);
/* cmocka's fixtures: one worker, or three. */
int rig_set_up(void **state);
int rig_set_up_three(void **state);
int rig_tear_down(void **state);

struct addr rig_addr(const char *s);
struct prefix rig_prefix(const char *s);

void rig_give(unsigned port, const void *frame, unsigned len);
void rig_give_mbuf(unsigned port, struct rte_mbuf *m);
unsigned rig_take(unsigned port, uint8_t *frame); /* the next frame that left; 0: none */
void rig_run(void);				  /* until nobody has anything left to do */
/* Asks for port 0's next hop and hears it. */
void rig_resolve_next_hop(void);

uint64_t rig_dropped(enum drop_reason r);
uint64_t rig_handed_over(void);

/* A frame of ESP to the first port (AES-GCM-128, rig_key; seq is the sequence number), as the peer
 * `from` makes it of an inner packet. Returns its length. */
extern const uint8_t rig_key[20];
unsigned rig_esp(uint8_t *f, const char *from, uint32_t spi, uint32_t seq, const uint8_t *inner,
		 unsigned len);
/* The inner packet of a frame that left; 0: it is none, or not with that SPI and key. */
unsigned rig_open(uint8_t *inner, const uint8_t *f, unsigned len, uint32_t spi);
/* Both SAs of a tunnel, native ESP from 198.51.100.1, with rig_key. Returns the inbound SPI. */
uint32_t rig_add_sas(uint32_t tunnel, const char *peer, uint32_t spi_out);

/* Headers, complete; each returns its length. */
unsigned rig_ether(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint16_t type);
unsigned rig_ip4(uint8_t *ip, const char *src, const char *dst, uint8_t proto, unsigned payload);
unsigned rig_arp(uint8_t *f, uint16_t op, const uint8_t *src_mac, const char *src, const char *dst);

#endif

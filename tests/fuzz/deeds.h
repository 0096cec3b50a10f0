/* What an input of fuzz_worker does: frames of many kinds into the bed's ports, most of them of
 * bytes that the fuzzer chose, some sealed as a tunnel's peer does it. Nothing runs by itself. */
#ifndef TESTS_FUZZ_DEEDS_H
#define TESTS_FUZZ_DEEDS_H

#include <stdint.h>

#define MOST 2048 /* bytes of a deed */

enum deed {
	RAW_WAN,   /* a frame */
	RAW_LAN,   /* a frame */
	UNDERLAY,  /* an IP packet to the WAN port's MAC address */
	SEALED,	   /* an inner packet, padded and sealed as its tunnel's peer does it */
	TEXT,	   /* the same of anything that a peer could encrypt, trailer included */
	CUT,	   /* SEALED, and in two fragments */
	FROM_VLAN, /* a host's packet */
	FROM_VXLAN,
	IN_VNI,	 /* a frame inside VXLAN */
	TO_SPI,	 /* ESP to a tunnel's SPI, without the key */
	TO_IKE,	 /* a datagram to port 500 or 4500 */
	TOO_BIG, /* an ICMP error that quotes an outbound packet of a tunnel */
	TIME,	 /* passes */
	DEEDS
};

/* choice: which tunnel, and what else the deed leaves open; now: of control threads, may be moved.
 */
void act(enum deed deed, uint8_t choice, const uint8_t *p, unsigned n, uint64_t *now);

/* Of the ports, of our ends of the VPC's networks, and of everybody else. */
extern const uint8_t mac_wan[6], mac_lan[6], mac_vxlan[6], mac_vlan[6], mac_other[6];

unsigned frame_ether(uint8_t *f, const uint8_t *to, unsigned type); /* returns its bytes */
/* What is before a frame of len bytes in the VPC's VXLAN network. */
#define VXLAN_HEAD 50
void frame_vxlan(uint8_t *f, unsigned len);

#endif

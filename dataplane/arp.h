/* ARP over Ethernet for IPv4 (RFC 826): reading and writing messages. Pure. */
#ifndef DATAPLANE_ARP_H
#define DATAPLANE_ARP_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define ARP_BYTES 28

struct arp {
	bool request; /* else a reply */
	uint8_t sender_mac[6];
	struct addr sender; /* unspecified: a probe (RFC 5227) */
	struct addr target;
};

bool arp_read(struct arp *out, const uint8_t *p, unsigned len); /* false: not for IPv4, too short */
void arp_write(uint8_t to[ARP_BYTES], const struct arp *a, const uint8_t target_mac[6]);

#endif

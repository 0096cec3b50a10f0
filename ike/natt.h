/* NAT traversal: detection hashes (RFC 7296 §2.23) and the framing of port 4500 (RFC 3948).
 *
 * Stateless, any thread. */
#ifndef IKE_NATT_H
#define IKE_NATT_H

#include "conf/addr.h"
#include "conf/algo.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_PORT	    500
#define IKE_PORT_NATT	    4500
#define IKE_NATT_HASH_BYTES 20
#define IKE_MARKER_BYTES    4 /* zero; an ESP packet has its SPI there */

/* Data of NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP: SHA-1 over both SPIs (as in the
 * header of the same message, host order here), address and port. 0 or -ENOMEM. */
int ike_natt_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
		  uint8_t out[IKE_NATT_HASH_BYTES]);
/* The same by another hash: a NAT-D payload of IKEv1 (RFC 3947 §3.2). out: IKE_HASH_MAX. */
int ike_natt_digest(enum algo_auth hash, uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
		    uint8_t *out);
/* Whether notify data is the hash of this endpoint: false means that something on the way changed
 * it. */
bool ike_natt_hash_matches(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
			   struct view data);

/* Strips the non-ESP marker; false, and nothing changed: there is none. */
bool ike_marker_take(struct view *datagram);
void ike_marker_emit(struct writer *w);

/* One byte of 0xff (RFC 3948 §2.3): keeps a NAT's mapping, says nothing. */
bool ike_is_keepalive(struct view datagram);

#endif

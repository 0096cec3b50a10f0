/* Identities of the two ends (RFC 7296 §3.5): body of IDi and IDr payloads.
 *
 * A received identity borrows the message it came in. Any thread. */
#ifndef IKE_IDENTITY_H
#define IKE_IDENTITY_H

#include "conf/model.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ike_id_type {
	IKE_ID_IPV4_ADDR = 1,
	IKE_ID_FQDN = 2,
	IKE_ID_RFC822_ADDR = 3,
	IKE_ID_IPV6_ADDR = 5,
	IKE_ID_DER_ASN1_DN = 9,
	IKE_ID_KEY_ID = 11,
};

struct ike_identity {
	uint8_t type; /* enum ike_id_type, or another number from a peer */
	struct view data;
};

/* Body after the generic header: type, three reserved bytes, data. AUTH is computed over this whole
 * body (RFC 7296 §2.15). -EBADMSG: too short, or no address where the type says so; what could be
 * read may still be printed. */
int ike_identity_parse(struct ike_identity *out, struct view body);
void ike_identity_emit(struct writer *w, const struct conf_id *id);

/* Lenient on the type: an address may come as text in an FQDN or key id, and the other way round;
 * names compare without regard to case. An address never equals another address. */
bool ike_identity_matches(const struct ike_identity *received, const struct conf_id *configured);

/* "203.0.113.7", "gw.example.com"; bytes that are not printable ASCII as \x1b. Returns buf, always
 * terminated, cut to fit. */
const char *ike_identity_format(const struct ike_identity *id, char *buf, size_t size);

#endif

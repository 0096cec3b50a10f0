/* IKEv1 messages: taken apart, decrypted, and put together (RFC 2408 §3, RFC 2409, RFC 3947).
 *
 * A decoded message only borrows the bytes it was read from; lengths are proved before meaning is
 * read. What a message may hold is said by the table of steps (exchange.c), not here. */
#ifndef IKE_V1_MESSAGE_H
#define IKE_V1_MESSAGE_H

#include "ike/crypto.h"
#include "ike/v2/message.h"

enum ike_v1_exchange_type {
	IKE_V1_MAIN = 2,
	IKE_V1_AGGRESSIVE = 4,
	IKE_V1_INFORMATIONAL = 5,
	IKE_V1_QUICK = 32,
};

enum ike_v1_flag { IKE_V1_FLAG_ENCRYPTED = 0x01, IKE_V1_FLAG_COMMIT = 0x02 };

enum ike_v1_payload {
	IKE_V1_SA = 1,
	IKE_V1_KE = 4,
	IKE_V1_ID = 5,
	IKE_V1_HASH = 8,
	IKE_V1_NONCE = 10,
	IKE_V1_NOTIFY = 11,
	IKE_V1_DELETE = 12,
	IKE_V1_VENDOR = 13,
	IKE_V1_NAT_D = 20,
	IKE_V1_NAT_OA = 21,
	IKE_V1_NAT_D_DRAFT = 130, /* drafts 02 and 03; read as NAT_D */
	IKE_V1_NAT_OA_DRAFT = 131,
};

/* Notify message types (RFC 2408 §3.14.1, RFC 2407 §4.6.3, RFC 3706). X(NAME, number) */
#define IKE_V1_NOTIFIES(_)              \
	_(INVALID_PAYLOAD_TYPE, 1)      \
	_(DOI_NOT_SUPPORTED, 2)         \
	_(SITUATION_NOT_SUPPORTED, 3)   \
	_(INVALID_COOKIE, 4)            \
	_(INVALID_MAJOR_VERSION, 5)     \
	_(INVALID_EXCHANGE_TYPE, 7)     \
	_(INVALID_FLAGS, 8)             \
	_(INVALID_MESSAGE_ID, 9)        \
	_(INVALID_PROTOCOL_ID, 10)      \
	_(INVALID_SPI, 11)              \
	_(INVALID_TRANSFORM_ID, 12)     \
	_(ATTRIBUTES_NOT_SUPPORTED, 13) \
	_(NO_PROPOSAL_CHOSEN, 14)       \
	_(BAD_PROPOSAL_SYNTAX, 15)      \
	_(PAYLOAD_MALFORMED, 16)        \
	_(INVALID_KEY_INFORMATION, 17)  \
	_(INVALID_ID_INFORMATION, 18)   \
	_(INVALID_HASH_INFORMATION, 23) \
	_(AUTHENTICATION_FAILED, 24)    \
	_(ADDRESS_NOTIFICATION, 26)     \
	_(UNEQUAL_PAYLOAD_LENGTHS, 30)  \
	_(RESPONDER_LIFETIME, 24576)    \
	_(REPLAY_STATUS, 24577)         \
	_(INITIAL_CONTACT, 24578)       \
	_(R_U_THERE, 36136)             \
	_(R_U_THERE_ACK, 36137)

enum ike_v1_notify_type {
#define IKE_V1_NOTIFY_ENUM(name, number) V1_##name = number,
	IKE_V1_NOTIFIES(IKE_V1_NOTIFY_ENUM)
#undef IKE_V1_NOTIFY_ENUM
		V1_STATUS = 16384 /* the first that is no error */
};
const char *ike_v1_notify_name(uint16_t type); /* NULL: none of ours */

/* Who speaks what, by vendor id. */
enum ike_v1_vendor {
	IKE_V1_VENDOR_NATT_02 = 1 << 0, /* draft-ietf-ipsec-nat-t-ike-02, with or without newline */
	IKE_V1_VENDOR_NATT_03 = 1 << 1,
	IKE_V1_VENDOR_NATT_RFC = 1 << 2, /* RFC 3947 */
	IKE_V1_VENDOR_DPD = 1 << 3,	 /* RFC 3706 */
	IKE_V1_VENDOR_XAUTH = 1 << 4,	 /* noted, never done */
};

#define IKE_V1_NAT_D_MAX 8
#define IKE_V1_ID_MAX	 2

struct ike_v1_message {
	uint64_t cky_i, cky_r; /* host order */
	uint8_t first, exchange, flags;
	uint32_t id;

	uint64_t have, repeated;	     /* IKE_PAYLOAD_BIT of each */
	struct view body[IKE_V1_NAT_OA + 1]; /* after the generic header; of the first one */
	struct view after_hash; /* all payloads behind a HASH that comes first, without padding */
	bool hash_first;
	unsigned n_id, n_nat_d, n_notify, n_delete;
	struct view id_body[IKE_V1_ID_MAX];
	struct view nat_d[IKE_V1_NAT_D_MAX];
	struct ike_notify notify[IKE_NOTIFY_MAX];
	struct ike_delete deletes[IKE_DELETE_MAX];
	unsigned vendors; /* enum ike_v1_vendor */
};

/* From a header of version 1. */
void ike_v1_message_init(struct ike_v1_message *m, const struct ike_message *header);
/* Walks the payloads of a message in clear; or, after ike_v1_decrypt(), of one that was not, whose
 * padding may follow. -EBADMSG: lengths do not add up. */
int ike_v1_message_walk(struct ike_v1_message *m, struct view data, bool decrypted);
/* Decrypts in place all behind the header. last gets the block that is the next message's IV.
 * -EBADMSG: not whole blocks. */
int ike_v1_decrypt(enum algo_cipher cipher, const struct secret *key, const uint8_t *iv,
		   uint8_t *data, size_t n, uint8_t last[]);

bool ike_v1_message_has(const struct ike_v1_message *m, enum ike_v1_payload type);
const struct ike_notify *ike_v1_message_notify(const struct ike_v1_message *m, uint16_t type);
const struct ike_notify *ike_v1_message_error(const struct ike_v1_message *m);

/* Puts payloads behind a header of version 1; the builder is that of IKEv2. */
void ike_v1_build_begin(struct ike_builder *b, void *buf, size_t cap, uint64_t cky_i,
			uint64_t cky_r, uint8_t exchange, uint32_t id);
struct writer *ike_v1_build_payload(struct ike_builder *b, enum ike_v1_payload type);
void ike_v1_build_bytes(struct ike_builder *b, enum ike_v1_payload type, const void *p, size_t n);
/* spi: n_spi bytes. */
void ike_v1_build_notify(struct ike_builder *b, uint8_t protocol, const void *spi, size_t n_spi,
			 uint16_t type, const void *data, size_t n);
/* All vendor ids of the mask, one payload each. */
void ike_v1_build_vendors(struct ike_builder *b, unsigned vendors);
/* Fills in the length; with a key, pads and encrypts, and iv becomes the next message's. The
 * message's length or a negative errno. */
int ike_v1_build_finish(struct ike_builder *b, enum algo_cipher cipher, const struct secret *key,
			uint8_t iv[]);

#endif

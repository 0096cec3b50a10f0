/* IKEv2 messages: taken apart, admitted by a table, and put together (RFC 7296 §3).
 *
 * A decoded message only borrows the bytes it was read from. Lengths are proved before meaning
 * is read. Handlers see nothing that the table of their exchange does not name. */
#ifndef IKE_V2_MESSAGE_H
#define IKE_V2_MESSAGE_H

#include "ike/crypto.h"
#include "ike/fragment.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_HEADER_BYTES 28

enum ike_exchange_type {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	CREATE_CHILD_SA = 36,
	INFORMATIONAL = 37,
};

enum ike_flag { IKE_FLAG_INITIATOR = 0x08, IKE_FLAG_VERSION = 0x10, IKE_FLAG_RESPONSE = 0x20 };

enum ike_payload {
	IKE_NO_PAYLOAD = 0,
	IKE_SA = 33,
	IKE_KE = 34,
	IKE_IDI = 35,
	IKE_IDR = 36,
	IKE_CERT = 37,
	IKE_CERTREQ = 38,
	IKE_AUTHENTICATION = 39,
	IKE_NONCE = 40,
	IKE_NOTIFY = 41,
	IKE_DELETE = 42,
	IKE_VENDOR = 43,
	IKE_TSI = 44,
	IKE_TSR = 45,
	IKE_SK = 46,
	IKE_CP = 47,
	IKE_EAP = 48,
	IKE_SKF = 53,
};
#define IKE_PAYLOAD_BIT(type) (UINT64_C(1) << (type)) /* types 33..53 fit */

/* Notify message types (RFC 7296 §3.10.1). X(NAME, number) */
#define IKE_NOTIFIES(_)                         \
	_(UNSUPPORTED_CRITICAL_PAYLOAD, 1)      \
	_(INVALID_IKE_SPI, 4)                   \
	_(INVALID_MAJOR_VERSION, 5)             \
	_(INVALID_SYNTAX, 7)                    \
	_(INVALID_MESSAGE_ID, 9)                \
	_(INVALID_SPI, 11)                      \
	_(NO_PROPOSAL_CHOSEN, 14)               \
	_(INVALID_KE_PAYLOAD, 17)               \
	_(AUTHENTICATION_FAILED, 24)            \
	_(SINGLE_PAIR_REQUIRED, 34)             \
	_(NO_ADDITIONAL_SAS, 35)                \
	_(INTERNAL_ADDRESS_FAILURE, 36)         \
	_(FAILED_CP_REQUIRED, 37)               \
	_(TS_UNACCEPTABLE, 38)                  \
	_(INVALID_SELECTORS, 39)                \
	_(TEMPORARY_FAILURE, 43)                \
	_(CHILD_SA_NOT_FOUND, 44)               \
	_(INITIAL_CONTACT, 16384)               \
	_(NAT_DETECTION_SOURCE_IP, 16388)       \
	_(NAT_DETECTION_DESTINATION_IP, 16389)  \
	_(COOKIE, 16390)                        \
	_(USE_TRANSPORT_MODE, 16391)            \
	_(REKEY_SA, 16393)                      \
	_(ESP_TFC_PADDING_NOT_SUPPORTED, 16394) \
	_(FRAGMENTATION_SUPPORTED, 16430)       \
	_(USE_PPK, 16435)                       \
	_(PPK_IDENTITY, 16436)                  \
	_(NO_PPK_AUTH, 16437)

enum ike_notify_type {
#define IKE_NOTIFY_ENUM(name, number) N_##name = number,
	IKE_NOTIFIES(IKE_NOTIFY_ENUM)
#undef IKE_NOTIFY_ENUM
		N_STATUS = 16384 /* the first that is no error */
};
const char *ike_notify_name(uint16_t type); /* NULL: none of ours */

struct ike_notify {
	uint16_t type;
	uint8_t protocol;
	struct view spi, data;
};

struct ike_delete {
	uint8_t protocol; /* IKE: no SPIs; ESP: spis holds 4 bytes each */
	struct view spis;
};

#define IKE_NOTIFY_MAX 16 /* of one message; what exceeds it is not looked at */
#define IKE_DELETE_MAX 4

struct ike_message {
	uint64_t spi_i, spi_r;
	uint8_t first; /* type of the first payload */
	uint8_t exchange;
	uint8_t major;
	uint8_t flags; /* as on the wire: another version's mean something else */
	bool response;
	bool from_initiator; /* sent by the original initiator of the IKE SA */
	uint32_t id;
	size_t len; /* from the header */

	uint64_t have;		       /* IKE_PAYLOAD_BIT of each that is there and allowed */
	uint64_t repeated;	       /* came more than once */
	struct view body[IKE_SKF + 1]; /* after the generic header; by type, of the first one */
	uint8_t critical;	       /* an unknown payload marked critical; 0: none */
	uint16_t ke_group;	       /* of the KE payload; its body is the public value alone */
	unsigned n_notify, n_delete;
	struct ike_notify notify[IKE_NOTIFY_MAX];
	struct ike_delete deletes[IKE_DELETE_MAX];
	size_t sk_body; /* offset of the SK payload's IV in the message; 0: there is none */
	uint8_t sk_first;
	uint16_t fragment, fragments; /* of an SKF payload: number and how many; 0: it is an SK */
};

/* The header alone. -EBADMSG: shorter than it says. */
int ike_message_header(struct ike_message *m, struct view data);
/* Walks the payloads of a message in clear, up to an SK payload, which must be the last. */
int ike_message_outer(struct ike_message *m, struct view data);
/* Walks the decrypted payloads; forgets what stood outside. */
int ike_message_inner(struct ike_message *m, struct view plain);

bool ike_message_has(const struct ike_message *m, enum ike_payload type);
const struct ike_notify *ike_message_notify(const struct ike_message *m, uint16_t type);
/* The first notify that is an error; NULL: none. */
const struct ike_notify *ike_message_error(const struct ike_message *m);

/* What a message is about, as far as the table of payloads is concerned. */
enum ike_form {
	IKE_FORM_INIT,
	IKE_FORM_AUTH_REQUEST,
	IKE_FORM_AUTH_RESPONSE,
	IKE_FORM_CHILD, /* new or rekey: the REKEY_SA notify tells */
	IKE_FORM_REKEY_IKE,
	IKE_FORM_INFORMATIONAL,
	IKE_FORM_COUNT
};
/* Admits a message to its handler: every required payload is there (unless it is an answer that
 * brings an error or demands a cookie), none that must be single is repeated; what is not allowed
 * is no longer seen. -EBADMSG: not admitted. */
int ike_message_admit(struct ike_message *m, enum ike_form form);

/* Puts a message together in a buffer of the engine's. Once something does not fit, it fails. */
struct ike_builder {
	struct writer w;
	size_t next_at;	   /* where the type of the next payload goes */
	size_t payload_at; /* the open payload */
	size_t sk_at;	   /* the SK payload; 0: in clear */
	size_t plain_at;
};

void ike_build_begin(struct ike_builder *b, void *buf, size_t cap,
		     const struct ike_message *header);
void ike_build_encrypted(struct ike_builder *b, const struct ike_protection *p);
struct writer *ike_build_payload(struct ike_builder *b, enum ike_payload type);
void ike_build_end(struct ike_builder *b); /* of a payload */
void ike_build_notify(struct ike_builder *b, uint8_t protocol, uint32_t spi, uint16_t type,
		      const void *data, size_t len);
/* Forgets all payloads written so far, to answer with an error instead. */
void ike_build_rewind(struct ike_builder *b, const struct ike_protection *p);
/* How long the message will be when finished. */
size_t ike_build_length(const struct ike_builder *b, const struct ike_protection *p);
/* Writes fragment `number` of `total` (RFC 7383 §2.5), with `each` bytes of the payloads that this
 * builder holds (the last one with what is left), as a whole message into out. Its length or
 * -errno. */
int ike_build_fragment(const struct ike_builder *b, const struct ike_protection *p,
		       const struct ike_piece *piece, size_t each, uint64_t iv_counter,
		       const uint8_t iv_random[16], uint8_t *out, size_t cap);
/* Fills in lengths and encrypts. The message's length, or -ENOBUFS or what ike_protect() says. */
int ike_build_finish(struct ike_builder *b, const struct ike_protection *p, uint64_t iv_counter,
		     const uint8_t iv_random[16]);

#endif

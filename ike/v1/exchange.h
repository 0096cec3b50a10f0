/* The exchanges of an IKEv1 SA: phase 1, Quick Modes side by side, Informational (RFC 2408, 2409).
 *
 * A table says for each (exchange, role, state) how a message must be protected, what it must and
 * may hold, and who handles it (input.c); all that is checked before the handler runs. A handler
 * proves that the message is authentic, then calls ike_v1_accept(): only that moves the exchange on
 * (its IV, and what counts as a repeat). Repeats are answered with what answered them first.
 *
 * Who repeats by a timer: the initiator of an exchange until it is answered, the responder of a
 * Quick Mode, whose peer is known, and who deletes a pair, until the peer says that its half went
 * along, or five times. The responder of phase 1 never does. */
#ifndef IKE_V1_EXCHANGE_H
#define IKE_V1_EXCHANGE_H

#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v1/keys.h"
#include "ike/v1/message.h"
#include "ike/v1/offer.h"

#define IKE_V1_QUICK_MAX	32 /* of one SA at a time, both sides' together */
#define IKE_V1_REPEATS_ANSWERED 20 /* of one message */
#define IKE_V1_LASTS_MAX	128 /* last messages of exchanges that are over; the oldest makes room */
/* Message ids that are remembered, of which half make an SA old enough to be replaced. They do not
 * age: a message that is sent again after an hour is believed no more than after a second. */
#define IKE_V1_SEEN_MIN 8
#define IKE_V1_SEEN_MAX 2048

struct ike_v1_blob {
	size_t n;
	uint8_t b[];
};
struct ike_v1_blob *ike_v1_blob(struct view v); /* a copy; NULL: no memory */
struct view ike_v1_view(const struct ike_v1_blob *b);
struct ike_chunk ike_v1_chunk(const struct ike_v1_blob *b);

struct ike_v1_exchange {
	LIST_ENTRY(ike_v1_exchange) link;
	struct ike_sa *sa;
	uint8_t type; /* enum ike_v1_exchange_type */
	bool initiator;
	bool told;     /* the peer was told that it is not who it should be */
	bool refused;  /* Quick Mode: our answer was an error, and all is over */
	uint8_t state; /* messages that we have sent */
	uint32_t id;   /* message id */
	uint8_t iv[IKE_V1_IV_BYTES];

	/* The message at hand, until it is accepted; then the last one accepted. */
	uint8_t iv_next[IKE_V1_IV_BYTES], digest[IKE_SHA1_BYTES];
	uint8_t seen[IKE_SHA1_BYTES];
	bool accepted;
	const struct ike_path *from; /* of the message at hand */

	struct ike_packet *packet; /* our last message */
	unsigned sends, repeats;
	struct ike_timer timer;

	struct ike_dh *dh;
	struct ike_v1_blob *nonce_i, *nonce_r; /* Quick Mode */

	/* Phase 1: what the hashes are over; ours is the shorter lifetime. */
	bool shorter;
	struct ike_v1_blob *sa_body, *peer_ke, *peer_id;

	/* Quick Mode */
	const struct ike_traffic *traffic;
	uint32_t spi_in; /* of the pair to be, or of the pair */
	uint32_t old;	 /* inbound SPI of the pair to rekey; 0: none. Of a delete: outbound */
	bool has_suite;
	struct ike_suite suite; /* the only one to offer */
	enum algo_dh group;	/* of its own key exchange */
	uint32_t lost_to;	/* inbound SPI of the peer's pair for the same, which is to stay */
};

/* What is left of an exchange that is over: its last message, for a peer that has missed it. */
struct ike_v1_last {
	LIST_ENTRY(ike_v1_last) link;
	struct ike_sa *sa;
	struct ike_packet *packet; /* NULL: repeats are not answered */
	struct ike_timer timer;
	uint32_t id;
	uint8_t type, repeats;
	uint8_t seen[IKE_SHA1_BYTES]; /* of what it answers */
};

struct ike_v1 {
	struct ike_sa *sa;
	LIST_HEAD(, ike_v1_exchange) exchanges; /* under way */
	LIST_HEAD(, ike_v1_last) lasts;
	uint8_t iv[IKE_V1_IV_BYTES]; /* last block of phase 1 */
	unsigned vendors;	     /* what both speak; one kind of NAT traversal at most */
	bool orphaned;		     /* the peer deleted it and left the children alone */
	unsigned n_seen, seen_room;  /* ever; a power of two */
	uint32_t *seen; /* message ids of the peer's finished exchanges; NULL: none yet */

	/* Dead peer detection (RFC 3706): the number of our probe under way and the peer's last. */
	uint32_t probe_number, peer_number;
	bool peer_number_known;
	unsigned probes; /* sent without an answer; 0: none is under way */
	ike_time probes_since;
	struct ike_timer probe;
};

/* ---- what the engine calls --------------------------------------------------------------- */

/* Calls the peer: phase 1. */
void ike_v1_call(struct ike_tunnel *t);
/* A message of version 1 for a tunnel that speaks it; data is overwritten. t NULL: its source
 * belongs to none. */
void ike_v1_input(struct ike_engine *e, struct ike_tunnel *t, const struct ike_path *path,
		  const struct ike_message *header, uint8_t *data, size_t n);
void ike_v1_next(struct ike_sa *sa); /* starts what is wanted */
/* A pair that is wanted is there neither in life nor in the making; or no SA to make it on. */
bool ike_v1_lacks(const struct ike_tunnel *t);
bool ike_v1_creating(const struct ike_sa *sa);
void ike_v1_farewell(struct ike_sa *sa); /* deletes it and its pairs at the peer */
void ike_v1_forget(struct ike_sa *sa);	 /* ends all its exchanges, silently */
void ike_v1_free(struct ike_sa *sa);
/* The pair is about to end: nobody need confirm it any more. */
void ike_v1_child_ends(const struct ike_child *c);
/* First authenticated packet on a pair of this SA: what is proved by that. */
void ike_v1_child_used(struct ike_child *c);
/* Its guard fired: whether it lives on for a while, for what lives by it. */
bool ike_v1_keep(struct ike_sa *sa);

/* ---- among the files of v1 --------------------------------------------------------------- */

static inline bool ike_v1_is_phase1(const struct ike_v1_exchange *x)
{
	return x->type == IKE_V1_MAIN || x->type == IKE_V1_AGGRESSIVE;
}
int ike_v1_begin(struct ike_sa *sa); /* gives the SA its v1. 0 or -ENOMEM */
struct ike_v1_exchange *ike_v1_open(struct ike_sa *sa, uint8_t type, bool initiator, uint32_t id);
void ike_v1_close(struct ike_v1_exchange *x);
struct ike_v1_exchange *ike_v1_find(const struct ike_sa *sa, uint8_t type, uint32_t id);
/* Whether the table allows a message in this state; hides what it does not. */
bool ike_v1_admit(struct ike_v1_message *m, uint8_t type, bool initiator, uint8_t state);

void ike_v1_accept(struct ike_v1_exchange *x);
void ike_v1_heard(struct ike_v1_exchange *x); /* the peer lives, and is where it came from */
void ike_v1_build(struct ike_v1_exchange *x, struct ike_builder *b);
/* Sends and keeps it; encrypted once there are keys. 0 or -errno. */
int ike_v1_send(struct ike_v1_exchange *x, struct ike_builder *b, bool encrypted);
void ike_v1_waits(struct ike_v1_exchange *x); /* the message is repeated until answered */

/* HASH over the message id, `prefix` and what follows the HASH payload (Quick Mode, Informational).
 */
int ike_v1_hash(const struct ike_sa *sa, uint32_t id, const struct ike_chunk *prefix,
		unsigned n_prefix, struct view rest, uint8_t *out);
bool ike_v1_hash_holds(const struct ike_sa *sa, const struct ike_v1_message *m,
		       const struct ike_chunk *prefix, unsigned n_prefix);
/* A HASH payload to be filled in by ike_v1_hash_fill(), which is called after the last payload. */
void ike_v1_hash_room(struct ike_v1_exchange *x, struct ike_builder *b);
int ike_v1_hash_fill(struct ike_v1_exchange *x, struct ike_builder *b,
		     const struct ike_chunk *prefix, unsigned n_prefix);
/* A fresh message id of this SA. */
uint32_t ike_v1_fresh_id(struct ike_sa *sa);
enum ike_v1_mode ike_v1_mode(const struct ike_sa *sa);

/* Handlers of the table. */
typedef void ike_v1_handler(struct ike_v1_exchange *x, struct ike_v1_message *m);
ike_v1_handler ike_v1_main_offered, ike_v1_main_keyed, ike_v1_main_answered;
ike_v1_handler ike_v1_main_key, ike_v1_main_authenticate;
ike_v1_handler ike_v1_aggressive_answered, ike_v1_aggressive_authenticate;
ike_v1_handler ike_v1_quick_answer, ike_v1_quick_answered, ike_v1_quick_confirmed;
ike_v1_handler ike_v1_info;

/* What is over (past.c) */
/* Closes it; its last message stays for a while if the peer may need that again. */
void ike_v1_finish(struct ike_v1_exchange *x);
/* Whether the message repeats what such a one answers: then that is done. */
bool ike_v1_again(struct ike_sa *sa, uint8_t type, uint32_t id, const struct ike_path *path,
		  struct view message);
bool ike_v1_seen(const struct ike_sa *sa, uint32_t id);
void ike_v1_remember(struct ike_sa *sa, uint32_t id);
void ike_v1_forget_past(struct ike_sa *sa); /* the last messages */

/* Phase 1 (phase1.c) */
void ike_v1_phase1_answer(struct ike_tunnel *t, const struct ike_path *path,
			  struct ike_v1_message *m, const uint8_t *data, size_t n);
/* The second message of a call that was answered without an SA: makes it. NULL: there was none, or
 * it may not be. */
struct ike_sa *ike_v1_phase1_return(struct ike_tunnel *t, const struct ike_path *path,
				    uint64_t cky_i, uint64_t cky_r);
void ike_v1_phase1_garbled(struct ike_v1_exchange *x); /* what is encrypted makes no sense */
void ike_v1_phase1_gave_up(struct ike_v1_exchange *x);
void ike_v1_phase1_refused(struct ike_tunnel *t,
			   bool proven); /* notes that the peer does not accept us */
/* An error that anybody could have sent. */
void ike_v1_phase1_hint(struct ike_sa *sa, uint16_t error);

/* Quick Mode (quick.c) */
void ike_v1_quick_start(struct ike_sa *sa, const struct ike_traffic *traffic,
			struct ike_child *old);
void ike_v1_quick_missing(struct ike_sa *sa); /* starts one for each pair that is missing */
void ike_v1_quick_gave_up(struct ike_v1_exchange *x);
void ike_v1_quick_refused(struct ike_sa *sa, const struct ike_notify *error);

/* Informational (info.c) */
#define IKE_V1_COOKIES 16 /* bytes of both, which are the SPI of phase 1 */
void ike_v1_cookies(const struct ike_sa *sa, uint8_t out[IKE_V1_COOKIES]);
void ike_v1_notify(struct ike_sa *sa, uint8_t protocol, const void *spi, size_t n_spi,
		   uint16_t type, const void *data, size_t n);
/* An error instead of what x asks for; spi: the peer's. Sent again whenever x comes again. */
void ike_v1_answer_notify(struct ike_v1_exchange *x, uint32_t spi, uint16_t type);
/* Repeated until the peer says that its half, spi_out, went along; 0: it will not. */
void ike_v1_delete_child(struct ike_sa *sa, uint32_t spi_in, uint32_t spi_out);
void ike_v1_probe(struct ike_sa *sa);
ike_timer_fn ike_v1_on_probe;

#endif

/* One IKE SA: its keys, its window of one message each way, its life (RFC 7296 §2.1–2.4, §2.8).
 *
 * ike_sa_establish() is the only way to become ESTABLISHED: it is called after the peer's AUTH
 * payload verified, or for the offspring of an SA that is established. */
#ifndef IKE_SA_H
#define IKE_SA_H

#include "ike/core.h"
#include "ike/crypto.h"
#include "ike/dh.h"
#include "ike/fragment.h"
#include "ike/proposal.h"
#include "ike/traffic.h"

enum ike_sa_state {
	IKE_STATE_CONNECTING,	  /* initiator: IKE_SA_INIT sent */
	IKE_STATE_AUTHENTICATING, /* initiator: IKE_AUTH sent */
	IKE_STATE_HALF_OPEN,	  /* responder: IKE_SA_INIT answered */
	IKE_STATE_REFUSED, /* answers repeats only: the peer did not authenticate, or has deleted it
			    */
	IKE_STATE_OFFSPRING, /* our offer in a rekey of the IKE SA, not answered yet */
	IKE_STATE_ESTABLISHED,
	IKE_STATE_CLOSING, /* our delete is under way; has no tunnel any more */
	IKE_STATE_DEAD,	   /* freed when the event is over */
};

/* What our outstanding request wants. */
enum ike_errand {
	IKE_ERRAND_NONE,
	IKE_ERRAND_INIT,
	IKE_ERRAND_AUTH,
	IKE_ERRAND_CREATE_CHILD,
	IKE_ERRAND_REKEY_CHILD,
	IKE_ERRAND_DELETE_CHILD,
	IKE_ERRAND_REKEY_IKE,
	IKE_ERRAND_DELETE_IKE,
	IKE_ERRAND_PROBE,
	IKE_ERRAND_REJECT, /* tells the responder that its AUTH did not verify */
	IKE_ERRAND_COUNT
};

#define IKE_GONE_MAX 4

/* Children and SAs are named by SPI, because they may go while the request is under way. */
struct ike_request {
	enum ike_errand errand;
	uint32_t id;
	struct ike_packet *packet;
	struct ike_path path;
	unsigned sends;
	ike_time first_sent;
	uint64_t inbound_seen; /* ops->inbound_packets when first sent */
	struct ike_timer timer;

	uint32_t old;	 /* inbound SPI of the child to rekey or delete */
	uint32_t lane;	 /* of the child to rekey */
	uint8_t pair;	 /* of subnets, of the child to create */
	uint32_t spi_in; /* of the child to be; 0: none, or handed on */
	/* SPIs that we did not know when the peer deleted them, the last ones: of the child to be?
	 */
	uint32_t gone[IKE_GONE_MAX];
	unsigned n_gone;
	struct ike_dh *dh;
	enum algo_dh group; /* of dh, or asked for by INVALID_KE_PAYLOAD */
	unsigned rounds;    /* repeated with what the peer asked for */
	uint8_t nonce[IKE_NONCE_BYTES];
	struct ike_sa *offspring; /* IKE_ERRAND_REKEY_IKE: ours alone until answered */
	struct ike_suite suite; /* IKE_ERRAND_REKEY_CHILD: of the old child, with our first group */
	const struct ike_traffic *traffic; /* likewise, as narrowed */

	/* The peer asked for the same meanwhile, and we answered (collision): */
	bool crossed;
	uint8_t crossed_len;
	/* The lower nonce of their exchange; of a longer one than ours what a comparison reads. */
	uint8_t crossed_nonce[IKE_NONCE_BYTES];
	uint64_t crossed_spi; /* the pair's inbound SPI, or the IKE SA's own */
};

struct ike_ppk;

/* IKEv1: SKEYID_d, SKEYID_a in ai, what encrypts in ei, and SKEYID in pi. */
struct ike_sa_keys {
	struct secret *d, *ai, *ar, *ei, *er;
	struct secret *pi, *pr; /* until authenticated */
};

struct ike_sa {
	struct ike_engine *engine;
	struct ike_tunnel *tunnel; /* NULL: CLOSING or DEAD */
	uint32_t tunnel_index;	   /* for the log */
	LIST_ENTRY(ike_sa) all, siblings, attention;
	bool attended;
	struct ike_node by_spi;
	enum ike_sa_state state;
	bool initiator; /* we are the original initiator of this IKE SA */
	uint64_t spi_i, spi_r;
	struct ike_path path;
	bool nat_local, nat_remote; /* found by detection */
	bool force_udp;		    /* we pretend a NAT */
	bool udp;		    /* children are encapsulated */

	struct ike_suite suite;
	struct ike_sa_keys keys;
	uint64_t iv_counter;
	uint32_t lifetime; /* seconds: as configured, or less if the peer says so (IKEv1) */
	struct ike_v1 *v1; /* IKEv1's own state; NULL: IKEv2 */

	uint8_t *nonce_i, *nonce_r;
	uint16_t nonce_i_len, nonce_r_len;
	/* Until authenticated: both IKE_SA_INIT messages, and what retries need. */
	struct ike_packet *init_local, *init_remote;
	uint8_t cookie[64];
	uint8_t cookie_len;
	bool hinted; /* initiator: an error came that anybody could have sent; guard ends it */

	uint32_t next_id;     /* of our next request */
	uint32_t expected_id; /* of the peer's next request */
	struct ike_request request;
	struct ike_packet *answer; /* to the peer's request expected_id - 1 */
	ike_time asked;		   /* when that came first */
	bool use_ppk;		   /* both sides announced post-quantum keys (ppk.h) */
	bool ppk;		   /* and one was mixed in */
	struct ike_ppk *mixed;	   /* initiator: until the peer says whether it uses the same */
	bool fragments;		   /* both sides announced fragmentation */
	struct ike_fragments *request_fragments, *answer_fragments; /* received so far */

	ike_time created, established, heard; /* heard: last authentic message */
	uint64_t inbound_seen;		      /* ops->inbound_packets at that time */
	ike_time rekey_at, expires_at;
	struct ike_timer rekey, expire, probe, keepalive, guard;
	bool want_rekey, want_child, want_probe;
	uint32_t owed; /* inbound SPI of a pair that ended before its delete could be sent; 0: none
			*/
	enum algo_dh rekey_group; /* the peer asked for this one in the last rekey */
	bool replaced;		  /* the peer rekeyed it and will delete it */
	bool redundant;		  /* lost against another of the same tunnel; closed by guard */
	bool retiring;		  /* to be closed as soon as a fresh one is up */
	bool swift;		  /* closing for a person: gives up after two seconds */
	const char *why;	  /* it ends; NULL: not said yet */
	ike_time refused_since;	  /* TEMPORARY_FAILURE without success in between; 0: not */
};

/* A fresh SA of a tunnel, without keys; its own SPI is drawn. NULL: no memory. */
struct ike_sa *ike_sa_new(struct ike_tunnel *t, bool initiator, const struct ike_path *path);
/* Under this SPI of ours instead of the one drawn, if nobody has it. */
bool ike_sa_take_spi(struct ike_sa *sa, uint64_t spi);
void ike_sa_free(struct ike_sa *sa); /* wipes; only ike_settle() and the engine's end call it */

/* Leaves the tunnel and dies at the end of the event, silently. Its children are gone at once:
 * inbound SAs stop accepting, unless they linger for packets that are still under way. */
void ike_sa_kill(struct ike_sa *sa, bool linger);
/* The same when the peer has deleted it; but for a while the delete is answered again. */
void ike_sa_depart(struct ike_sa *sa, bool linger);
/* Tells the peer and leaves the tunnel; children go as above. */
void ike_sa_close(struct ike_sa *sa, bool linger);
/* The same for a person who waits: all over within two seconds. */
void ike_sa_close_swiftly(struct ike_sa *sa);
void ike_sa_set_state(struct ike_sa *sa, enum ike_sa_state state); /* not to ESTABLISHED */
/* The peer rekeyed it: starts nothing any more, waits for the peer's delete. */
void ike_sa_replace(struct ike_sa *sa);
void ike_sa_attend(struct ike_sa *sa); /* look at it before the event is over */

struct ike_sa *ike_sa_find(struct ike_engine *e, uint64_t own_spi);
uint64_t ike_sa_own_spi(const struct ike_sa *sa);
bool ike_sa_usable(const struct ike_sa *sa); /* established, and neither replaced nor lost */

/* SKEYSEED and all keys of the suite from the shared secret and the nonces in the SA; parent: of a
 * rekey, NULL in IKE_SA_INIT (RFC 7296 §2.14, §2.18). 0 or -errno. */
int ike_sa_derive(struct ike_sa *sa, const struct secret *shared, const struct ike_sa *parent);
struct ike_protection ike_sa_protection(const struct ike_sa *sa, enum ike_direction dir);
/* ESTABLISHED; starts its timers. */
void ike_sa_establish(struct ike_sa *sa);
void ike_sa_heard(struct ike_sa *sa); /* something authentic arrived */
/* An answer came that anybody could have sent: for a while the real one may still come, then the
 * attempt ends (RFC 7296 §2.21.1). */
void ike_sa_doubt(struct ike_sa *sa);
/* The authenticated peer is elsewhere now: messages and children follow. */
void ike_sa_move(struct ike_sa *sa, const struct ike_path *path);

/* Without memory the nonce stays empty, and no keys can be derived. */
void ike_sa_set_nonce(struct ike_sa *sa, bool of_initiator, const void *nonce, size_t len);
/* RFC 7296 §2.8: as strings over the shorter length; a prefix is the lower. */
int ike_nonce_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* Moves the outstanding request out of the SA, whose errand is NONE afterwards. What it holds has
 * to be released, or to be taken out of it. */
void ike_request_take(struct ike_sa *sa, struct ike_request *out);
void ike_request_release(struct ike_sa *sa, struct ike_request *r);
/* Both. */
void ike_request_clear(struct ike_sa *sa);

/* When to rekey something that lives this long, with a random part. */
ike_time ike_rekey_after(struct ike_engine *e, ike_time lifetime);
/* The same for who leaves it to the peer, which has half a margin for it. */
ike_time ike_rekey_after_peer(struct ike_engine *e, ike_time lifetime);
/* The one that is right for an SA and its pairs. */
ike_time ike_sa_rekey_after(const struct ike_sa *sa, ike_time lifetime);
/* The peer's lifetime is the shorter one: its timers follow. */
void ike_sa_shorten(struct ike_sa *sa, uint32_t seconds);
/* A random while to wait after a refusal, fit for this lifetime. */
ike_time ike_retry_after(struct ike_engine *e, ike_time lifetime);

#endif

/* The IKE engine: bytes and time in, bytes and events out (RFC 7296).
 *
 * Sans-I/O: no sockets, threads or clocks inside. One engine is used by one thread at a time (the
 * negotiator's, or a test's with thousands of engines in virtual time). Times are microseconds of
 * any monotonic clock, the same for all calls of one engine. Callbacks run inside ike_input(),
 * ike_tick() and the calls that change a tunnel; they must not call back into the engine, and what
 * they are given is only valid during the call. */
#ifndef IKE_ENGINE_H
#define IKE_ENGINE_H

#include "conf/addr.h"
#include "conf/algo.h"
#include "conf/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t ike_time; /* microseconds */
#define IKE_SECOND ((ike_time)1000000)
#define IKE_NEVER  UINT64_MAX

struct ike_engine;

/* The two ends of a datagram, as seen by us. */
struct ike_path {
	struct endpoint local, remote;
};

enum ike_direction { IKE_IN, IKE_OUT };

/* A range of addresses, protocols and ports (RFC 7296 §3.13.1); IPv4 or IPv6. */
struct ike_selector {
	struct addr first, last;
	uint16_t port_first, port_last; /* host order; 0..65535 is any */
	uint8_t protocol;		/* 0: any */
};

#define IKE_TS_MAX 8
struct ike_selectors {
	unsigned n;
	struct ike_selector v[IKE_TS_MAX];
};

/* One direction of an ESP SA, complete. Keys are borrowed guarded memory. */
struct ike_child_sa {
	uint32_t tunnel;
	enum ike_direction dir;
	uint32_t spi;	   /* host order; IKE_IN: chosen by ops->spi_alloc, IKE_OUT: by the peer */
	uint32_t peer_spi; /* of the other direction of the pair */
	uint32_t replaces; /* IKE_OUT: SPI of the SA that it takes over from; 0: sent on beside
			      those that are there, for packets that fit none of them */
	enum algo_cipher cipher;
	enum algo_auth auth; /* AUTH_NONE with an AEAD */
	const uint8_t *cipher_key;
	size_t cipher_key_len; /* AEAD: key, then salt */
	const uint8_t *auth_key;
	size_t auth_key_len;
	uint8_t icv_bytes; /* on the wire */
	bool esn;
	bool udp; /* encapsulated in UDP between the ports of path (RFC 3948) */
	struct ike_path path;
	uint32_t replay_window; /* packets */
	/* Inner packets and bytes after which a rekey is due, and after which the SA is over; 0: no
	 * limit. Both directions have their own (ike_sa_soft_limit, ike_sa_hard_limit). */
	uint64_t soft_packets, soft_bytes, hard_packets, hard_bytes;
	struct ike_selectors local, remote; /* inner addresses: ours and the peer's side */
};

enum ike_reason {
	IKE_REASON_NONE,	/* UP */
	IKE_REASON_NEGOTIATING, /* first attempt under way */
	IKE_REASON_DISABLED,
	IKE_REASON_WAITING,	/* start = respond, on_demand: nobody has called, or no traffic */
	IKE_REASON_NO_ANSWER,	/* with the number of tries */
	IKE_REASON_NO_PROPOSAL, /* with both sides' proposals */
	IKE_REASON_AUTH_FAILED,
	IKE_REASON_TS_UNACCEPTABLE,
	IKE_REASON_DPD_TIMEOUT,
	IKE_REASON_PEER_DELETED,
	IKE_REASON_PEER_ERROR,	 /* the peer answered with another error notify: named in text */
	IKE_REASON_VERSION,	 /* the peer speaks another version of IKE */
	IKE_REASON_LIFETIME,	 /* hard lifetime reached before a rekey succeeded */
	IKE_REASON_NO_RESOURCES, /* no SPI or memory left here */
	IKE_REASON_COUNT
};

const char *ike_reason_name(enum ike_reason r); /* "no-answer" */

/* What protects the messages of an IKE SA. Borrowed guarded memory. IKEv1 has one key, ei, for both
 * ways, and authenticates otherwise. */
struct ike_keys {
	unsigned version;
	uint64_t spi_i, spi_r;
	enum algo_cipher cipher;
	enum algo_auth auth; /* AUTH_NONE with an AEAD */
	const uint8_t *ei, *er, *ai, *ar;
	size_t e_len, a_len; /* AEAD: key, then salt; a_len 0 */
};

struct ike_ops {
	/* Sends one datagram; data starts with the non-ESP marker on port 4500. */
	void (*send)(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len);
	/* A fresh inbound SPI for this tunnel; 0: none left. Belongs to the engine until it is
	 * given to sa_install, or back to spi_free. */
	uint32_t (*spi_alloc)(void *ctx, uint32_t tunnel);
	void (*spi_free)(void *ctx, uint32_t tunnel, uint32_t spi);
	/* IKE_IN: start accepting, beside the inbound SAs that are there. IKE_OUT: switch the
	 * tunnel's sending to this SA; the one that it replaces is no longer used when the call's
	 * effect is ordered, and needs no sa_remove. 0, or a negative errno: nothing was installed.
	 */
	int (*sa_install)(void *ctx, const struct ike_child_sa *sa);
	/* IKE_IN: stop accepting; frees the SPI. IKE_OUT: stop sending if spi is in use. */
	void (*sa_remove)(void *ctx, uint32_t tunnel, enum ike_direction dir, uint32_t spi);
	/* The authenticated peer moved (NAT mapping changed): new outer header for outbound
	 * packets. */
	void (*sa_move)(void *ctx, uint32_t tunnel, uint32_t spi_out, const struct ike_path *path);
	/* Authenticated inbound ESP packets of this tunnel since it was added, for dead peer
	 * detection: a changed count proves that the peer lives. */
	uint64_t (*inbound_packets)(void *ctx, uint32_t tunnel);
	/* UP or DOWN changed, or the reason or its text did. text is one or more lines for a
	 * person, free of secrets. */
	void (*tunnel_state)(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			     const char *text);
	/* Something happened that an operator may want to read in the log. tunnel UINT32_MAX: none.
	 */
	void (*event)(void *ctx, uint32_t tunnel, const char *text);
	/* A new IKE SA took over from an older one (child SAs tell by sa_install's `replaces`).
	 * NULL: nobody wants to know. */
	void (*ike_rekeyed)(void *ctx, uint32_t tunnel);
	/* An IKE SA has its keys: for debugging, where the operator wants them. NULL: nobody does.
	 */
	void (*keys)(void *ctx, const struct ike_keys *keys);
	/* Random bytes; NULL: libsodium's. Simulations give a seeded one to be reproducible. */
	void (*random)(void *ctx, void *buf, size_t len);
};

struct ike_engine *ike_engine_new(const struct ike_ops *ops,
				  void *ctx); /* ops must outlive it; NULL: no memory */
void ike_engine_free(
	struct ike_engine *e); /* silent: no deletes are sent; wipes all keys. NULL is fine */

/* Adds a tunnel under the caller's index and starts it if enabled. Copies *t, PSK included.
 * 0, -EEXIST, -ENOMEM, -EINVAL. */
int ike_tunnel_add(struct ike_engine *e, ike_time now, uint32_t tunnel,
		   const struct conf_tunnel *t);
/* Tells the peer (deletes), removes all SAs, forgets the tunnel. 0 or -ENOENT. */
int ike_tunnel_remove(struct ike_engine *e, ike_time now, uint32_t tunnel);
/* Another configuration for the same tunnel: the peer is told that the old SAs end, and if t is
 * enabled it starts anew at once. Its history goes on. Copies *t. 0; -ENOENT, -EEXIST (address
 * pair), -EINVAL, -ENOMEM: nothing changed. */
int ike_tunnel_change(struct ike_engine *e, ike_time now, uint32_t tunnel,
		      const struct conf_tunnel *t);
int ike_tunnel_enable(struct ike_engine *e, ike_time now, uint32_t tunnel);
int ike_tunnel_disable(struct ike_engine *e, ike_time now, uint32_t tunnel);

/* One received UDP payload, non-ESP marker included on port 4500. Any bytes are legal input. */
void ike_input(struct ike_engine *e, ike_time now, const struct ike_path *path, const uint8_t *data,
	       size_t len);
/* Runs every timer that is due. Call when ike_next_deadline() has passed; earlier is harmless. */
void ike_tick(struct ike_engine *e, ike_time now);
ike_time ike_next_deadline(const struct ike_engine *e); /* IKE_NEVER: none */

/* First authenticated packet arrived on this inbound SA: the peer has switched (rekey rule 3). */
void ike_sa_used(struct ike_engine *e, ike_time now, uint32_t tunnel, uint32_t spi_in);

/* An SA has carried as much as its soft limit allows, or its sequence numbers run out soon; and: it
 * carries nothing any more. Of SAs that are gone meanwhile nothing comes. */
void ike_sa_soft_limit(struct ike_engine *e, ike_time now, uint32_t tunnel, enum ike_direction dir,
		       uint32_t spi);
void ike_sa_hard_limit(struct ike_engine *e, ike_time now, uint32_t tunnel, enum ike_direction dir,
		       uint32_t spi);
/* Traffic for a tunnel that is not UP: one that starts on demand calls now, and goes on trying
 * while this is said every IKE_DEMAND. */
#define IKE_DEMAND (30 * IKE_SECOND)
void ike_tunnel_wanted(struct ike_engine *e, ike_time now, uint32_t tunnel);

/* Starts a rekey now, as an operator or a test asks. 0, -ENOENT, -EAGAIN while not UP or busy. */
int ike_rekey_child(struct ike_engine *e, ike_time now, uint32_t tunnel);
int ike_rekey_ike(struct ike_engine *e, ike_time now, uint32_t tunnel);

/* Stops everything: deletes to all peers, no new negotiation. Idle when ike_stopped(): every delete
 * is answered or gave up (2 s). */
void ike_stop(struct ike_engine *e, ike_time now);
bool ike_stopped(const struct ike_engine *e);

/* What is there, for show: one entry per installed child SA pair, and the IKE SA. */
struct ike_child_view {
	uint32_t spi_in, spi_out;
	enum algo_cipher cipher;
	enum algo_auth auth;
	enum algo_dh pfs; /* DH_NONE: keys came from the IKE SA's own exchange */
	bool esn, udp;
	bool outbound; /* this pair is the one we send on */
	ike_time established, rekey_at, expires_at;
	struct ike_selectors local, remote;
};

#define IKE_VIEW_CHILDREN 8
struct ike_tunnel_view {
	bool up;
	enum ike_reason reason;
	char text[512];	  /* tunnel_state's text, cut to fit */
	unsigned tries;	  /* initiations since last UP */
	bool established; /* the IKE SA's fields below hold */
	bool initiator;
	uint64_t spi_i, spi_r;
	enum algo_cipher cipher;
	enum algo_auth auth, prf;
	enum algo_dh dh;
	struct ike_path path;
	bool nat_local, nat_remote; /* who is behind NAT */
	bool ppk;		    /* a post-quantum key was mixed in */
	ike_time since, rekey_at, expires_at;
	unsigned n_children;
	struct ike_child_view child[IKE_VIEW_CHILDREN];
};
int ike_tunnel_view(const struct ike_engine *e, uint32_t tunnel,
		    struct ike_tunnel_view *out); /* 0 or -ENOENT */

/* A copy of the tunnel's history (ike/history.h), to be cleared by the caller. 0, -ENOENT, -ENOMEM.
 */
struct ike_history;
int ike_tunnel_history(const struct ike_engine *e, uint32_t tunnel, struct ike_history *out);

/* Messages seen, by what became of them; engine-wide. X(name, text) */
#define IKE_COUNTERS(_)                                                                  \
	_(RX, "rx", "messages received")                                                 \
	_(TX, "tx", "messages sent")                                                     \
	_(RETRANSMITTED, "retransmitted", "requests sent again")                         \
	_(ANSWERED_AGAIN, "answered-again", "repeated requests answered from the cache") \
	_(MALFORMED, "malformed", "not a message that its version allows")               \
	_(BAD_VERSION, "bad-version", "another version than the tunnel's")               \
	_(NO_TUNNEL, "no-tunnel", "source address belongs to no tunnel")                 \
	_(NO_SA, "no-sa", "SPIs name no IKE SA")                                         \
	_(BAD_ICV, "bad-icv", "integrity check failed")                                  \
	_(BAD_MESSAGE_ID, "bad-message-id", "outside the window of one")                 \
	_(UNEXPECTED, "unexpected", "exchange or payloads not allowed in this state")    \
	_(AUTH_FAILED, "auth-failed", "peer's AUTH payload did not verify")              \
	_(NO_PROPOSAL, "no-proposal", "no common proposal")                              \
	_(COOKIE_DEMANDED, "cookie-demanded", "requests answered by demanding a cookie") \
	_(BAD_COOKIE, "bad-cookie", "cookies that are not ours, or too old")             \
	_(RATE_LIMITED, "rate-limited", "requests for new SAs beyond the allowed rate")  \
	_(TOO_MANY, "too-many", "half-open SAs, exchanges or child SAs beyond a limit")  \
	_(FRAGMENTS, "fragments", "fragments of messages received")                      \
	_(BAD_FRAGMENT, "bad-fragment", "fragments that fit nowhere, or are too many")   \
	_(HINT, "hint", "errors that anybody could have sent, kept as a hint")

enum ike_counter {
#define IKE_COUNTER_ENUM(name, key, text) IKE_COUNT_##name,
	IKE_COUNTERS(IKE_COUNTER_ENUM)
#undef IKE_COUNTER_ENUM
		IKE_COUNTER_COUNT
};
const char *ike_counter_name(enum ike_counter c);
uint64_t ike_counter(const struct ike_engine *e, enum ike_counter c);

#endif

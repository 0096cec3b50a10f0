/* Child SA pairs: installed make-before-break, switched, lingering (RFC 7296 §1.3, §2.8).
 *
 * The inbound SA of a pair is installed before the peer can know of the pair. A tunnel sends on
 * one pair at a time of each lane, and never returns to one that it has left: its sequence numbers
 * are spent. Most tunnels have one lane; policy-based peers want one for each pair of subnets.
 * An inbound SA outlives its pair by IKE_LINGER for packets that are still under way. */
#ifndef IKE_CHILD_H
#define IKE_CHILD_H

#include "ike/core.h"
#include "ike/proposal.h"
#include "ike/traffic.h"

#define IKE_LINGER	  (5 * IKE_SECOND)
#define IKE_LINGERING_MAX 64		   /* of a tunnel: the oldest makes room */
#define IKE_TURN	  (5 * IKE_SECOND) /* responder: send on the new pair at last */

enum ike_outbound { IKE_OUTBOUND_NEVER, IKE_OUTBOUND_ACTIVE, IKE_OUTBOUND_PAST };

struct ike_child {
	TAILQ_ENTRY(ike_child) link;
	struct ike_tunnel *tunnel;
	struct ike_sa *sa; /* the IKE SA that governs it */
	uint32_t spi_in, spi_out;
	struct ike_suite suite;		   /* dh: of its own key exchange */
	const struct ike_traffic *traffic; /* its selectors */
	struct secret *out_key;		   /* cipher key, then integrity key */
	enum ike_outbound outbound;
	bool udp;	/* encapsulated */
	bool ours;	/* we initiated the exchange that made it */
	bool replaced;	/* the peer rekeyed it and will delete it */
	bool redundant; /* lost a collision: not to be sent on */
	uint32_t lane;	/* pairs of one lane follow each other; lanes have different selectors */
	bool verifying; /* its first rekey is early, to see whether the peer agrees about PFS */
	bool want_rekey, want_delete;
	enum algo_dh group; /* the peer asked for this one in the last rekey */
	uint32_t lifetime;  /* seconds */
	uint64_t bytes;	    /* of an SA; 0: not limited */
	ike_time established, rekey_at, expires_at;
	struct ike_timer rekey, expire, turn;
};

/* An inbound SA whose pair is gone. */
struct ike_lingering {
	LIST_ENTRY(ike_lingering) link;
	struct ike_tunnel *tunnel;
	uint32_t spi_in;
	struct ike_timer timer;
};

/* What is agreed about a pair before it exists. */
struct ike_child_terms {
	struct ike_suite suite;
	uint32_t spi_in, spi_out;
	struct ike_selectors local, remote;
	const uint8_t *nonce_i, *nonce_r;
	size_t nonce_i_len, nonce_r_len;
	uint32_t lane;		     /* of the pair that it replaces; 0: by its selectors */
	const struct secret *shared; /* of the exchange's own key exchange; NULL: none */
	bool ours;
	uint32_t lifetime; /* seconds, as the peer limits it; 0: it did not say */
	uint64_t bytes;	   /* likewise */
};

/* Derives the keys, installs the inbound SA and lists the pair; takes over spi_in, whatever
 * happens. 0 or -errno: nothing is there. */
int ike_child_new(struct ike_sa *sa, const struct ike_child_terms *terms, struct ike_child **out);
/* Sends on this pair from now on. 0 or -errno: as before. */
int ike_child_switch(struct ike_child *c);
/* As responder: switches at once if the tunnel sends nowhere, else when the peer has switched. */
void ike_child_await_turn(struct ike_child *c);
/* As initiator: at once likewise, else when the peer is seen on it, or after this while. 0 or
 * -errno.
 */
int ike_child_turn_soon(struct ike_child *c, ike_time after);
/* The pair ends. If it was the one we send on, the best of the rest takes over. */
void ike_child_gone(struct ike_child *c, bool linger);
void ike_child_lose(struct ike_child *c);    /* it is the redundant one of a collision */
void ike_child_replace(struct ike_child *c); /* the peer rekeyed it: we do not any more */
/* IKEv1: the peer's lifetime is the shorter one. */
void ike_child_shorten(struct ike_child *c, uint32_t seconds);
/* Another SA governs it from now on. */
void ike_child_follow(struct ike_child *c, struct ike_sa *sa);
void ike_child_retry_rekey(struct ike_child *c, ike_time after);

/* Rekeys a first child, which has no key exchange of its own, soon after set-up: a peer with
 * another idea of PFS refuses now. */
void ike_child_verify_pfs(struct ike_child *c);
void ike_child_rekey_now(struct ike_child *c); /* unless the peer has rekeyed it already */
void ike_child_expire(struct ike_child *c, const char *why); /* a limit was reached: deletes it */

/* The first pair of subnets that has no child but should have one, and what to ask for; -1: none is
 * missing. */
int ike_child_missing(const struct ike_tunnel *t);
void ike_child_wish(const struct ike_tunnel *t, unsigned pair, struct ike_selectors *local,
		    struct ike_selectors *remote);
/* Which of these a child's selectors are for; -1: none. */
int ike_child_pair(const struct ike_tunnel *t, const struct ike_selectors *local,
		   const struct ike_selectors *remote);

struct ike_child *ike_child_by_in(const struct ike_tunnel *t, uint32_t spi_in);
struct ike_child *ike_child_by_out(const struct ike_tunnel *t, uint32_t spi_out);
unsigned ike_child_count(const struct ike_tunnel *t);
void ike_lingering_clear(struct ike_tunnel *t);

#endif

/* A configured tunnel: who serves it, what it tells, when it calls (RFC 7296 knows no such thing).
 *
 * UP means that there is a pair to send on. While DOWN it keeps the reason that a person can act
 * on: the outcome of the last attempt, not the attempt under way. */
#ifndef IKE_TUNNEL_H
#define IKE_TUNNEL_H

#include "ike/core.h"
#include "ike/history.h"
#include "ike/settings.h"

struct ike_tunnel {
	struct ike_engine *engine;
	uint32_t index;
	struct ike_settings conf;
	struct ike_node by_index, by_address;
	LIST_ENTRY(ike_tunnel) stirred;
	bool is_stirred;
	LIST_HEAD(, ike_sa) sas;
	TAILQ_HEAD(ike_children, ike_child) children; /* newest last */
	LIST_HEAD(, ike_lingering) lingering;
	struct ike_child *out;	/* the pair we send on; of several lanes the first */
	uint32_t lanes;		/* numbered so far */
	bool single_pairs;	/* the peer wants one child for each pair of subnets */
	uint64_t refused_pairs; /* that the peer did not want, until asked again */
	bool enabled;
	bool up;
	enum ike_reason reason;
	bool untold;	  /* reason or text has changed */
	char *text;	  /* why it is not UP; NULL: nothing to say */
	char *peer_offer; /* what the peer proposed when nothing was common */
	struct ike_history history;
	unsigned tries;
	unsigned half_open;
	ike_time wanted_until;	     /* start on demand: there was traffic; 0: none */
	struct ike_timer call;	     /* when to initiate, or to ask for a child */
	struct ike_bucket bucket;    /* of its peer's requests for new SAs */
	struct ike_bucket exchanges; /* of keys, that the peer asked for on SAs it has */
	bool yielded;		     /* our call has been put off for the peer's */
};

/* Copies conf; starts if it is enabled. 0, -EEXIST (index or address pair), -EINVAL, -ENOMEM. */
int ike_tunnel_new(struct ike_engine *e, uint32_t index, const struct conf_tunnel *conf);
/* Another conf, which is the tunnel's then; halted. May it? 0, -EEXIST, -EINVAL. */
int ike_tunnel_may_become(const struct ike_tunnel *t, const struct conf_tunnel *conf);
void ike_tunnel_become(struct ike_tunnel *t, struct ike_settings *conf);
void ike_tunnel_start(struct ike_tunnel *t);
void ike_tunnel_halt(struct ike_tunnel *t); /* deletes all, calls no more */
void ike_tunnel_free(struct ike_tunnel *t); /* has neither SAs nor pairs any more */
struct ike_tunnel *ike_tunnel_find(const struct ike_engine *e, uint32_t index);
struct ike_tunnel *ike_tunnel_by_path(const struct ike_engine *e, const struct ike_path *path);

/* Why it is not UP, if it is not; noted in its history in any case. */
void ike_tunnel_because(struct ike_tunnel *t, enum ike_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same as a message says that is not authentic: anybody could have sent it. */
void ike_tunnel_suspect(struct ike_tunnel *t, enum ike_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The peer does not accept who we are, or that we call it what we do; proven: it has said so. */
void ike_tunnel_refused(struct ike_tunnel *t, bool proven);
/* Something for the history; proven: nobody could have forged it. */
void ike_tunnel_note(struct ike_tunnel *t, bool proven, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *ike_tunnel_text(const struct ike_tunnel *t);
void ike_tunnel_stir(struct ike_tunnel *t); /* looked at before the event is over */
/* Tells what changed, and sees to it that somebody calls. */
void ike_tunnel_look(struct ike_tunnel *t);
/* Calls (or asks for a child) after a random while of these bounds, unless sooner anyway. */
void ike_tunnel_call_within(struct ike_tunnel *t, ike_time low, ike_time high);
void ike_tunnel_demand(struct ike_tunnel *t);	      /* there is traffic for it */
bool ike_tunnel_may_call(const struct ike_tunnel *t); /* by its start mode */
/* The SA on which new requests go; NULL: none. */
struct ike_sa *ike_tunnel_current(const struct ike_tunnel *t);
bool ike_tunnel_calling(const struct ike_tunnel *t); /* an attempt of ours is under way */
/* A new SA is up: which of several stays (simultaneous calls, INITIAL_CONTACT). */
void ike_tunnel_adopt(struct ike_tunnel *t, struct ike_sa *sa, bool initial_contact);
const char *ike_tunnel_peer(const struct ike_tunnel *t, char *buf); /* buf: ADDR_STR_MAX */

#endif

/* BGP of all tunnels: what BIRD learns goes into the route tables, what they hold valid is
 * announced, and tunnels that come and go take their sessions with them.
 *
 * A session is a tunnel's, a source's table a border gateway's, both by their numbers in the model.
 * Each routing shard that has sessions has its own BIRD (bird_host.h). Main thread. */
#ifndef GATEWAY_BGP_H
#define GATEWAY_BGP_H

#include "gateway/apply.h"
#include "gateway/bird_host.h"
#include "gateway/exception.h"
#include "gateway/tunnel.h"

#include <stdbool.h>
#include <stdint.h>

struct bgp;

struct bgp_setup { /* all borrowed */
	struct event_base *base;
	const struct conf *conf;
	struct dataplane *dp;
	struct applied *applied;
	struct tunnels *tunnels;
	struct exception *exception;
	const struct bird_user *user;
};

/* Starts BIRD for every shard that needs one. On failure error says what and why. */
int bgp_new(struct bgp **out, const struct bgp_setup *setup, char *error, size_t error_size);
/* Another model, after exception_update() and while struct tunnels has the old one. What sessions
 * that end have learnt is forgotten at once; those that stay are not touched, unless BIRD has to do
 * so for what changed of them. On failure some is done; with the model before it is as it was. */
int bgp_update(struct bgp *b, const struct conf *conf, char *error, size_t error_size);
void bgp_answer(struct bgp *b); /* whoever waits for a session's details, with what is known. NULL
				   is fine */
void bgp_free(struct bgp *b);	/* NULL is fine */
void bgp_stop(struct bgp *b);	/* peers are told; NULL is fine */

/* The tunnel's state changed: DOWN takes its session and all that it learnt away at once. */
void bgp_tunnel(struct bgp *b, uint32_t tunnel);
/* An operator's word on one session. 0; -ENOENT: the tunnel has no BGP; -EAGAIN: not now. */
int bgp_enable(struct bgp *b, uint32_t tunnel, bool enabled);
int bgp_restart(struct bgp *b, uint32_t tunnel);
/* Nothing new goes into the tunnel and nothing is announced through it any more; what it has still
 * works. Over when the tunnel goes DOWN or is enabled. */
void bgp_drain(struct bgp *b, uint32_t tunnel, bool drain);

/* ---- looking ----------------------------------------------------------------------------- */

struct bgp_session {
	bool configured; /* the connection has BGP */
	bool enabled;	 /* no operator disabled it */
	bool draining;
	size_t received; /* routes in the source's hands */
	struct source_session now;
};
bool bgp_session(const struct bgp *b, uint32_t tunnel, struct bgp_session *out);
/* fn is called once with fresh counters, or what is known after a second. 0; -EAGAIN: not called,
 * what is known is all there is. */
int bgp_ask(struct bgp *b, uint32_t tunnel, void (*fn)(void *ctx), void *ctx);

struct bgp_gateway {
	enum source_standing standing;
	size_t offered; /* by the source */
};
/* False: the border gateway has no session. */
bool bgp_gateway(const struct bgp *b, uint32_t gateway, struct bgp_gateway *out);

unsigned bgp_shards(const struct bgp *b);
struct bird_host *bgp_host(const struct bgp *b, unsigned shard); /* NULL: it has no BGP */

#endif

/* The inside of BGP: shared by bgp.c (sessions), bgp_routes.c and bgp_update.c. Main thread. */
#ifndef GATEWAY_BGP_CORE_H
#define GATEWAY_BGP_CORE_H

#include "gateway/bgp.h"
#include "gateway/pace.h"

#include <event2/event.h>

struct waiter {
	struct waiter *next;
	uint32_t tunnel;
	uint64_t until;
	void (*fn)(void *ctx);
	void *ctx;
};

struct session {
	bool configured;
	uint32_t gateway, connection, shard; /* where it is configured */
	bool off;			     /* an operator's word */
	bool draining;
	bool wanted;	   /* as the source was told */
	const char *wrong; /* why BIRD does not get it; NULL: it does */
	struct source_session now;
};

struct gateway_state {
	unsigned sessions; /* the source has its table while there are some: */
	uint32_t shard;
	bool batch;  /* the source has one open */
	bool work;   /* batches wait to be taken */
	bool look;   /* is it time for a replay? */
	bool replay; /* it is: some routes were not listened to */
	bool tell;   /* BIRD does not know yet what is announced now; it is told at this pace: */
	struct pace pace;
	enum source_standing standing;
};

/* A BIRD without sessions, which tells its peers so. */
struct ending {
	struct ending *next;
	struct bird_host *host;
	uint64_t until;
};

struct bgp {
	struct bgp_setup setup;
	uint32_t router_id;
	unsigned n_shards;
	struct bird_host **host; /* by shard */
	bool *changed;		 /* by shard: its BIRD is to be configured again */
	uint32_t n_sessions;
	struct session *session; /* by tunnel */
	uint32_t n_gateways;
	struct gateway_state *gateway;
	struct ending *endings;
	struct event *later;
	uint64_t later_due;
	struct waiter *waiters;
	bool stopping;
};

/* The source's sink. */
void bgp_on_batch_begin(void *ctx, uint32_t gateway);
void bgp_on_learn(void *ctx, const struct source_route *r);
void bgp_on_forget(void *ctx, const struct source_route *r);
void bgp_on_batch_end(void *ctx, uint32_t gateway);
void bgp_on_session(void *ctx, uint32_t tunnel, const struct source_session *now);
void bgp_on_standing(void *ctx, uint32_t gateway, enum source_standing standing);
void bgp_on_source_log(void *ctx, const char *text);
/* The tables' listener. */
void bgp_on_announce(void *ctx, uint32_t gateway);
void bgp_on_taken(void *ctx, uint32_t gateway, int rc);
void bgp_on_later(evutil_socket_t fd, short what, void *ctx);

void bgp_end_batch(struct bgp *b, uint32_t gateway);
void bgp_work(struct bgp *b,
	      uint32_t gateway); /* what waits of its routes, as much as fits a turn */
bool bgp_is_refusing(const struct bgp *b, uint32_t gateway);
/* The event, if it was and is not any more. */
void bgp_tell_quota_over(const struct bgp *b, uint32_t gateway, bool was_refusing);
struct bird_host *bgp_host_of(const struct bgp *b, uint32_t gateway); /* NULL: none */
struct source *bgp_source_of(const struct bgp *b, uint32_t gateway);

void bgp_later(struct bgp *b, unsigned ms); /* bgp_on_later() then, if not sooner */
/* Whoever waits for the tunnel, or until now; all: UINT32_MAX, UINT64_MAX. */
void bgp_tell_waiters(struct bgp *b, uint32_t tunnel, uint64_t now);
void bgp_want(struct bgp *b, uint32_t tunnel); /* the source hears whether it is */
void bgp_free_endings(struct bgp *b, uint64_t now);

#endif

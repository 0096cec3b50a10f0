#include "gateway/bgp.h"

#include "gateway/bgp_describe.h"
#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS	 1000
#define RETRY_MS 20
#define CHANGES	 1024 /* of routes in one turn of the loop: some milliseconds */

struct waiter {
	struct waiter *next;
	uint32_t tunnel;
	uint64_t until;
	void (*fn)(void *ctx);
	void *ctx;
};

struct session {
	bool configured;
	bool off; /* an operator's word */
	bool draining;
	bool wanted; /* as the source was told */
	struct source_session now;
};

struct gateway_state {
	bool has_sessions;
	bool batch;  /* the source has one open */
	bool work;   /* batches wait to be taken */
	bool look;   /* is it time for a replay? */
	bool replay; /* it is: some routes were not listened to */
	enum source_standing standing;
};

struct bgp {
	struct bgp_setup setup;
	unsigned n_shards;
	struct bird_host **host; /* by shard */
	struct session *session; /* by tunnel */
	struct gateway_state *gateway;
	struct event *later;
	uint64_t later_due;
	struct waiter *waiters;
	bool stopping;
};

static const char *gateway_name(const struct bgp *b, uint32_t gateway)
{
	return b->setup.conf->border_gateway[gateway].name;
}

static uint32_t gateway_of(const struct bgp *b, uint32_t tunnel)
{
	return (uint32_t)(b->setup.tunnels->v[tunnel].connection->gateway -
			  b->setup.conf->border_gateway);
}

static struct bird_host *host_of_gateway(const struct bgp *b, uint32_t gateway)
{
	uint32_t shard = exception_shard_of(b->setup.exception, gateway);

	return shard < b->n_shards ? b->host[shard] : NULL;
}

static struct source *source_of(const struct bgp *b, uint32_t gateway)
{
	struct bird_host *h = host_of_gateway(b, gateway);

	return h != NULL ? bird_host_source(h) : NULL;
}

static void arm_later(struct bgp *b, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	uint64_t due = clock_now() + ms * UINT64_C(1000);

	if (evtimer_pending(b->later, NULL) && b->later_due <= due)
		return;
	b->later_due = due;
	evtimer_add(b->later, &tv);
}

/* ---- routes ------------------------------------------------------------------------------ */

static void on_batch_begin(void *ctx, uint32_t gateway)
{
	struct bgp *b = ctx;

	b->gateway[gateway].batch = true;
	tables_batch_begin(apply_tables(b->setup.applied), gateway);
}

static void on_learn(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (r->session < b->setup.tunnels->n && !b->session[r->session].draining)
		tables_learn(apply_tables(b->setup.applied), r->table, &r->prefix,
			     b->setup.tunnels->v[r->session].connection_index, r->session,
			     r->metric);
}

static void on_forget(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (r->session < b->setup.tunnels->n)
		tables_forget(apply_tables(b->setup.applied), r->table, &r->prefix,
			      b->setup.tunnels->v[r->session].connection_index, r->session);
}

/* Is it time to hear all routes again? Asked when the source or the tables have changed. */
static void look_for_room(struct bgp *b, uint32_t gateway)
{
	struct source *source = source_of(b, gateway);

	if (source == NULL || !tables_wants_replay(apply_tables(b->setup.applied), gateway,
						   source_routes(source, gateway)))
		return;
	b->gateway[gateway].look = true;
	arm_later(b, 0);
}

/* A batch is in the table, or refused. */
static void on_taken(void *ctx, uint32_t gateway, int rc)
{
	struct bgp *b = ctx;
	struct tables *tables = apply_tables(b->setup.applied);
	struct tables_quota q;

	if (rc == -ENOSPC && tables_quota(tables, gateway, &q))
		event_publish(
			EVENT_QUOTA, gateway_name(b, gateway), NULL,
			"more routes than dynamic_quota = %u allows: new ones are refused until "
			"there is room for all (%zu learnt, %zu propagated)",
			q.limit, q.learnt, q.propagated);
	else if (rc < 0 && rc != -ENOSPC)
		log_error("bgp", gateway_name(b, gateway), "routes are lost: %s", strerror(-rc));
	look_for_room(b, gateway);
}

static void end_batch(struct bgp *b, uint32_t gateway)
{
	b->gateway[gateway].batch = false;
	b->gateway[gateway].work = tables_batch_end(apply_tables(b->setup.applied), gateway);
	if (b->gateway[gateway].work)
		arm_later(b, 0);
	else
		look_for_room(b, gateway);
}

static void on_batch_end(void *ctx, uint32_t gateway)
{
	end_batch(ctx, gateway);
}

static void replay(struct bgp *b, uint32_t gateway)
{
	struct tables *tables = apply_tables(b->setup.applied);
	struct source *source = source_of(b, gateway);
	struct tables_quota q;
	bool was_refusing = tables_quota(tables, gateway, &q) && q.refusing;
	int rc;

	b->gateway[gateway].look = false;
	if (source == NULL ||
	    (!b->gateway[gateway].replay &&
	     !tables_wants_replay(tables, gateway, source_routes(source, gateway))))
		return;
	tables_replay(tables, gateway, true);
	rc = source_replay(source, gateway);
	if (rc < 0) {
		tables_replay(tables, gateway, false);
		b->gateway[gateway].look = true;
		arm_later(b, RETRY_MS);
		return;
	}
	b->gateway[gateway].replay = false;
	if (was_refusing && tables_quota(tables, gateway, &q) && !q.refusing)
		event_publish(EVENT_QUOTA_OVER, gateway_name(b, gateway), NULL,
			      "all routes fit again: %zu learnt", q.learnt);
}

static void on_announce(void *ctx, uint32_t gateway)
{
	struct bgp *b = ctx;
	struct bird_host *h = host_of_gateway(b, gateway);

	if (h != NULL && b->gateway[gateway].has_sessions)
		bird_host_change(h);
	b->gateway[gateway].look = true; /* a quota may have room now */
	arm_later(b, 0);
}

static void on_standing(void *ctx, uint32_t gateway, enum source_standing standing)
{
	struct bgp *b = ctx;

	if (standing == SOURCE_STALE)
		event_publish(EVENT_STALE, gateway_name(b, gateway), NULL,
			      "BIRD is not heard: its routes stay, and may be old");
	else if (b->gateway[gateway].standing == SOURCE_STALE)
		event_publish(EVENT_CURRENT, gateway_name(b, gateway), NULL,
			      "routes are current again");
	b->gateway[gateway].standing = standing;
}

static void on_source_log(void *ctx, const char *text)
{
	log_debug("bird", NULL, "%s", text);
}

/* ---- sessions ---------------------------------------------------------------------------- */

static void tell_session(const struct bgp *b, uint32_t tunnel, const struct source_session *was)
{
	const struct source_session *now = &b->session[tunnel].now;
	const char *name = tunnels_name(b->setup.tunnels, tunnel);

	if (now->state == SOURCE_SESSION_UP && was->state != SOURCE_SESSION_UP)
		event_publish(EVENT_BGP_UP, name, NULL, "the session is established with AS %u",
			      now->peer_asn);
	else if (now->state != SOURCE_SESSION_UP && was->state == SOURCE_SESSION_UP)
		event_publish(EVENT_BGP_DOWN, name, NULL, "the session is down%s%s",
			      now->error[0] ? ": " : "", now->error);
	else if (now->error[0] && strcmp(now->error, was->error) != 0)
		event_publish(EVENT_BGP_ERROR, name, NULL, "%s: %s", now->word, now->error);
}

static void answer(struct bgp *b, uint32_t tunnel, uint64_t now)
{
	struct waiter **link = &b->waiters, *w;

	while ((w = *link) != NULL) {
		if (w->tunnel != tunnel && w->until > now) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		w->fn(w->ctx);
		free(w);
		link = &b->waiters;
	}
}

static void on_session(void *ctx, uint32_t tunnel, const struct source_session *now)
{
	struct bgp *b = ctx;
	struct source_session was;

	if (tunnel >= b->setup.tunnels->n)
		return;
	was = b->session[tunnel].now;
	b->session[tunnel].now = *now;
	if (!b->stopping)
		tell_session(b, tunnel, &was);
	answer(b, tunnel, clock_now());
}

static void on_later(evutil_socket_t fd, short what, void *ctx)
{
	struct bgp *b = ctx;

	for (uint32_t i = 0; i < b->setup.conf->n_border_gateways; i++) {
		struct gateway_state *g = &b->gateway[i];

		if (g->work)
			g->work = tables_work(apply_tables(b->setup.applied), i, CHANGES);
		else if (g->look)
			replay(b, i);
		if (g->work || g->look)
			arm_later(b, g->work ? 0 : RETRY_MS);
	}
	answer(b, UINT32_MAX, clock_now());
	if (b->waiters != NULL)
		arm_later(b, ASK_MS / 4);
}

static void want(struct bgp *b, uint32_t tunnel)
{
	struct session *s = &b->session[tunnel];
	bool wanted = s->configured && !s->off && b->setup.tunnels->v[tunnel].up;
	struct source *source = source_of(b, gateway_of(b, tunnel));

	if (!s->configured || source == NULL || wanted == s->wanted)
		return;
	s->wanted = wanted;
	source_session_enable(source, tunnel, wanted);
}

void bgp_tunnel(struct bgp *b, uint32_t tunnel)
{
	if (b == NULL || tunnel >= b->setup.tunnels->n)
		return;
	if (!b->setup.tunnels->v[tunnel].up)
		bgp_drain(b, tunnel, false);
	want(b, tunnel);
}

static bool has_bgp(const struct bgp *b, uint32_t tunnel)
{
	return tunnel < b->setup.tunnels->n && b->session[tunnel].configured &&
	       source_of(b, gateway_of(b, tunnel)) != NULL;
}

int bgp_enable(struct bgp *b, uint32_t tunnel, bool enabled)
{
	if (!has_bgp(b, tunnel))
		return -ENOENT;
	b->session[tunnel].off = !enabled;
	want(b, tunnel);
	return 0;
}

int bgp_restart(struct bgp *b, uint32_t tunnel)
{
	if (!has_bgp(b, tunnel))
		return -ENOENT;
	return source_session_restart(source_of(b, gateway_of(b, tunnel)), tunnel);
}

/* ---- draining ---------------------------------------------------------------------------- */

static void forget_if_of(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (b->session[r->session].draining)
		on_forget(b, r);
}

void bgp_drain(struct bgp *b, uint32_t tunnel, bool drain)
{
	struct session *s = &b->session[tunnel];
	uint32_t gateway = gateway_of(b, tunnel);
	struct bird_host *h = host_of_gateway(b, gateway);

	if (s->draining == drain)
		return;
	s->draining = drain;
	dataplane_tunnel_state(b->setup.dp, tunnel, !drain && b->setup.tunnels->v[tunnel].up);
	if (!s->configured || h == NULL)
		return;
	if (drain) {
		bool within = b->gateway[gateway].batch;

		if (!within)
			on_batch_begin(b, gateway);
		bird_walk(bird_host_bird(h), gateway, forget_if_of, b);
		if (!within)
			end_batch(b, gateway);
	} else {
		b->gateway[gateway].replay = b->gateway[gateway].look = true;
		arm_later(b, 0);
	}
	bird_host_change(h);
}

/* ---- starting ---------------------------------------------------------------------------- */

static int describe(void *ctx, unsigned shard,
		    int (*use)(void *use_ctx, const struct bird_config *c), void *use_ctx)
{
	struct bgp *b = ctx;
	struct bgp_describe d = { .conf = b->setup.conf,
				  .tables = apply_tables(b->setup.applied),
				  .tunnels = b->setup.tunnels,
				  .exception = b->setup.exception };
	bool *draining = calloc(b->setup.tunnels->n + 1u, sizeof(*draining));
	int rc;

	if (draining == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->setup.tunnels->n; i++)
		draining[i] = b->session[i].draining;
	d.draining = draining;
	rc = bgp_describe(&d, shard, use, use_ctx);
	free(draining);
	return rc;
}

static int start_host(struct bgp *b, unsigned shard, char *error, size_t size)
{
	struct bird_host_setup setup = {
		.base = b->setup.base,
		.conf = &b->setup.conf->bird,
		.shard = shard,
		.netns = shard_netns(exception_shard(b->setup.exception, shard)),
		.sink = { .ctx = b,
			  .batch_begin = on_batch_begin,
			  .learn = on_learn,
			  .forget = on_forget,
			  .batch_end = on_batch_end,
			  .session = on_session,
			  .standing = on_standing,
			  .log = on_source_log },
		.describe = describe,
		.ctx = b,
	};

	return b->host[shard] != NULL ? 0 : bird_host_new(&b->host[shard], &setup, error, size);
}

static int start_session(struct bgp *b, uint32_t tunnel, char *error, size_t size)
{
	uint32_t gateway = gateway_of(b, tunnel);
	uint32_t shard = exception_shard_of(b->setup.exception, gateway);
	struct session *s = &b->session[tunnel];
	struct source *source;
	int rc;

	s->configured = b->setup.tunnels->v[tunnel].connection->bgp;
	if (!s->configured || shard >= b->n_shards)
		return 0;
	rc = start_host(b, shard, error, size);
	if (rc < 0)
		return rc;
	source = bird_host_source(b->host[shard]);
	if (!b->gateway[gateway].has_sessions)
		rc = source_table_add(source, gateway);
	b->gateway[gateway].has_sessions = true;
	if (rc == 0)
		rc = source_session_add(source, tunnel, gateway);
	if (rc < 0) {
		snprintf(error, size, "tunnel '%s': BGP: %s",
			 tunnels_name(b->setup.tunnels, tunnel), strerror(-rc));
		return rc;
	}
	s->wanted = true;
	want(b, tunnel);
	return 0;
}

int bgp_new(struct bgp **out, const struct bgp_setup *setup, char *error, size_t error_size)
{
	struct bgp *b = calloc(1, sizeof(*b));
	int rc = -ENOMEM;

	snprintf(error, error_size, "BGP: out of memory");
	if (b == NULL)
		return rc;
	b->setup = *setup;
	b->n_shards = exception_shards(setup->exception);
	b->host = calloc(b->n_shards + 1u, sizeof(*b->host));
	b->session = calloc(setup->tunnels->n + 1u, sizeof(*b->session));
	b->gateway = calloc(setup->conf->n_border_gateways + 1u, sizeof(*b->gateway));
	b->later = event_new(setup->base, -1, 0, on_later, b);
	if (b->host == NULL || b->session == NULL || b->gateway == NULL || b->later == NULL)
		goto out;
	rc = 0;
	for (uint32_t i = 0; rc == 0 && i < setup->tunnels->n; i++)
		rc = start_session(b, i, error, error_size);
	if (rc < 0)
		goto out;
	for (unsigned i = 0; i < b->n_shards; i++)
		if (b->host[i] != NULL)
			bird_host_change(b->host[i]);
	apply_listen(setup->applied, &(struct apply_listener){ b, on_announce, on_taken });
	*out = b;
	return 0;
out:
	bgp_free(b);
	return rc;
}

void bgp_stop(struct bgp *b)
{
	if (b == NULL)
		return;
	b->stopping = true;
	for (unsigned i = 0; i < b->n_shards; i++)
		if (b->host[i] != NULL)
			bird_host_stop(b->host[i]);
}

void bgp_answer(struct bgp *b)
{
	if (b != NULL)
		answer(b, UINT32_MAX, UINT64_MAX);
}

void bgp_free(struct bgp *b)
{
	if (b == NULL)
		return;
	b->stopping = true;
	apply_listen(b->setup.applied, NULL);
	for (unsigned i = 0; b->host != NULL && i < b->n_shards; i++)
		bird_host_free(b->host[i]);
	while (b->waiters != NULL) {
		struct waiter *w = b->waiters;

		b->waiters = w->next;
		w->fn(w->ctx);
		free(w);
	}
	if (b->later != NULL)
		event_free(b->later);
	free(b->host);
	free(b->session);
	free(b->gateway);
	free(b);
}

/* ---- looking ----------------------------------------------------------------------------- */

bool bgp_session(const struct bgp *b, uint32_t tunnel, struct bgp_session *out)
{
	const struct session *s;
	struct source *source;

	if (b == NULL || tunnel >= b->setup.tunnels->n)
		return false;
	s = &b->session[tunnel];
	source = source_of(b, gateway_of(b, tunnel));
	*out = (struct bgp_session){ .configured = s->configured,
				     .enabled = !s->off,
				     .draining = s->draining,
				     .now = s->now };
	if (source != NULL && s->configured)
		out->received = source_session_routes(source, tunnel);
	return s->configured;
}

int bgp_ask(struct bgp *b, uint32_t tunnel, void (*fn)(void *ctx), void *ctx)
{
	struct waiter *w;
	int rc;

	if (!has_bgp(b, tunnel))
		return -EAGAIN;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -EAGAIN;
	*w = (struct waiter){ .next = b->waiters,
			      .tunnel = tunnel,
			      .until = clock_now() + ASK_MS * UINT64_C(1000),
			      .fn = fn,
			      .ctx = ctx };
	rc = source_session_ask(source_of(b, gateway_of(b, tunnel)), tunnel);
	if (rc < 0) {
		free(w);
		return -EAGAIN;
	}
	b->waiters = w;
	arm_later(b, ASK_MS / 4);
	return 0;
}

bool bgp_gateway(const struct bgp *b, unsigned gateway, struct bgp_gateway *out)
{
	struct source *source = b != NULL ? source_of(b, gateway) : NULL;

	*out = (struct bgp_gateway){ 0 };
	if (source == NULL || !b->gateway[gateway].has_sessions)
		return false;
	out->standing = source_standing(source, gateway);
	out->offered = source_routes(source, gateway);
	return true;
}

unsigned bgp_shards(const struct bgp *b)
{
	return b != NULL ? b->n_shards : 0;
}

struct bird_host *bgp_host(const struct bgp *b, unsigned shard)
{
	return shard < bgp_shards(b) ? b->host[shard] : NULL;
}

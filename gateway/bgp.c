#include "gateway/bgp_core.h"

#include "conf/number.h"
#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 1000

static uint32_t gateway_of(const struct bgp *b, uint32_t tunnel)
{
	const struct tunnel *t = tunnels_get(b->setup.tunnels, tunnel);

	return t != NULL ? t->connection->gateway->id : UINT32_MAX;
}

struct bird_host *bgp_host_of(const struct bgp *b, uint32_t gateway)
{
	uint32_t shard = exception_shard_of(b->setup.exception, gateway);

	return shard < b->n_shards ? b->host[shard] : NULL;
}

struct source *bgp_source_of(const struct bgp *b, uint32_t gateway)
{
	struct bird_host *h = bgp_host_of(b, gateway);

	return h != NULL ? bird_host_source(h) : NULL;
}

void bgp_later(struct bgp *b, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	uint64_t due = clock_now() + ms * UINT64_C(1000);

	if (evtimer_pending(b->later, NULL) && b->later_due <= due)
		return;
	b->later_due = due;
	evtimer_add(b->later, &tv);
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

void bgp_tell_waiters(struct bgp *b, uint32_t tunnel, uint64_t now)
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

void bgp_on_session(void *ctx, uint32_t tunnel, const struct source_session *now)
{
	struct bgp *b = ctx;
	struct source_session was;

	if (tunnel >= b->n_sessions || !b->session[tunnel].configured)
		return;
	was = b->session[tunnel].now;
	b->session[tunnel].now = *now;
	if (!b->stopping)
		tell_session(b, tunnel, &was);
	bgp_tell_waiters(b, tunnel, clock_now());
}

void bgp_free_endings(struct bgp *b, uint64_t now)
{
	struct ending **link = &b->endings, *e;

	while ((e = *link) != NULL) {
		if (e->until > now) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		bird_host_free(e->host);
		free(e);
	}
}

void bgp_on_later(evutil_socket_t fd, short what, void *ctx)
{
	struct bgp *b = ctx;

	bgp_free_endings(b, clock_now());
	for (uint32_t i = 0; i < b->n_gateways; i++)
		bgp_work(b, i);
	bgp_tell_waiters(b, UINT32_MAX, clock_now());
	if (b->waiters != NULL || b->endings != NULL)
		bgp_later(b, ASK_MS / 4);
}

void bgp_want(struct bgp *b, uint32_t tunnel)
{
	struct session *s = &b->session[tunnel];
	const struct tunnel *t = tunnels_get(b->setup.tunnels, tunnel);
	bool wanted = s->configured && !s->off && t != NULL && t->up;
	struct source *source = s->configured ? bgp_source_of(b, s->gateway) : NULL;

	if (!s->configured || source == NULL || wanted == s->wanted)
		return;
	s->wanted = wanted;
	source_session_enable(source, tunnel, wanted);
}

void bgp_tunnel(struct bgp *b, uint32_t tunnel)
{
	if (b == NULL || tunnel >= b->n_sessions || tunnels_get(b->setup.tunnels, tunnel) == NULL)
		return;
	if (!b->setup.tunnels->v[tunnel].up)
		bgp_drain(b, tunnel, false);
	bgp_want(b, tunnel);
}

static bool has_bgp(const struct bgp *b, uint32_t tunnel)
{
	return tunnel < b->n_sessions && b->session[tunnel].configured &&
	       bgp_source_of(b, b->session[tunnel].gateway) != NULL;
}

int bgp_enable(struct bgp *b, uint32_t tunnel, bool enabled)
{
	if (!has_bgp(b, tunnel))
		return -ENOENT;
	if (b->session[tunnel].off == enabled) /* BIRD's next configuration says so, too */
		bird_host_change(b->host[b->session[tunnel].shard]);
	b->session[tunnel].off = !enabled;
	bgp_want(b, tunnel);
	return 0;
}

int bgp_restart(struct bgp *b, uint32_t tunnel)
{
	if (!has_bgp(b, tunnel))
		return -ENOENT;
	return source_session_restart(bgp_source_of(b, b->session[tunnel].gateway), tunnel);
}

/* ---- draining ---------------------------------------------------------------------------- */

static void forget_if_of(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (b->session[r->session].draining)
		bgp_on_forget(b, r);
}

void bgp_drain(struct bgp *b, uint32_t tunnel, bool drain)
{
	struct session *s = &b->session[tunnel];
	uint32_t gateway = gateway_of(b, tunnel);
	struct bird_host *h = bgp_host_of(b, gateway);

	if (tunnel >= b->n_sessions || gateway >= b->n_gateways || s->draining == drain)
		return;
	s->draining = drain;
	dataplane_tunnel_state(b->setup.dp, tunnel, !drain && b->setup.tunnels->v[tunnel].up);
	if (!s->configured || h == NULL)
		return;
	if (drain) {
		bool within = b->gateway[gateway].batch;

		if (!within)
			bgp_on_batch_begin(b, gateway);
		bird_walk(bird_host_bird(h), gateway, forget_if_of, b);
		if (!within)
			bgp_end_batch(b, gateway);
	} else {
		b->gateway[gateway].replay = b->gateway[gateway].look = true;
		bgp_later(b, 0);
	}
	bird_host_change(h);
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
		bgp_tell_waiters(b, UINT32_MAX, UINT64_MAX);
}

void bgp_free(struct bgp *b)
{
	if (b == NULL)
		return;
	b->stopping = true;
	apply_listen(b->setup.applied, NULL);
	for (unsigned i = 0; b->host != NULL && i < b->n_shards; i++)
		bird_host_free(b->host[i]);
	bgp_free_endings(b, UINT64_MAX);
	while (b->waiters != NULL) {
		struct waiter *w = b->waiters;

		b->waiters = w->next;
		w->fn(w->ctx);
		free(w);
	}
	if (b->later != NULL)
		event_free(b->later);
	free(b->host);
	free(b->changed);
	free(b->session);
	free(b->gateway);
	free(b);
}

/* ---- looking ----------------------------------------------------------------------------- */

bool bgp_session(const struct bgp *b, uint32_t tunnel, struct bgp_session *out)
{
	const struct session *s;
	struct source *source;

	if (b == NULL || tunnel >= b->n_sessions)
		return false;
	s = &b->session[tunnel];
	source = s->configured ? bgp_source_of(b, s->gateway) : NULL;
	*out = (struct bgp_session){ .configured = s->configured,
				     .enabled = !s->off,
				     .draining = s->draining,
				     .now = s->now };
	if (s->wrong != NULL)
		snprintf(out->now.error, sizeof(out->now.error), "left out: %s", s->wrong);
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
	rc = source_session_ask(bgp_source_of(b, b->session[tunnel].gateway), tunnel);
	if (rc < 0) {
		free(w);
		return -EAGAIN;
	}
	b->waiters = w;
	bgp_later(b, ASK_MS / 4);
	return 0;
}

bool bgp_gateway(const struct bgp *b, uint32_t gateway, struct bgp_gateway *out)
{
	struct source *source = b != NULL ? bgp_source_of(b, gateway) : NULL;

	*out = (struct bgp_gateway){ 0 };
	if (source == NULL || gateway >= b->n_gateways || b->gateway[gateway].sessions == 0)
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

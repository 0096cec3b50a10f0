#include "gateway/metrics_snapshot.h"

#include "gateway/bgp.h"
#include "gateway/clock.h"
#include "gateway/exposition.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void label(char to[METRICS_LABELS_MAX], const char *key, const char *value)
{
	to[0] = '\0';
	expo_label(to, METRICS_LABELS_MAX, key, value);
}

static void label_number(char to[METRICS_LABELS_MAX], const char *key, unsigned value)
{
	snprintf(to, METRICS_LABELS_MAX, "%s=\"%u\"", key, value);
}

/* ---- tunnels ----------------------------------------------------------------------------- */

static char *info_labels(const struct tunnel *t)
{
	char text[4 * METRICS_LABELS_MAX] = "", addr[ADDR_STR_MAX];

	expo_label(text, sizeof(text), "connection", t->connection->name);
	expo_label(text, sizeof(text), "border_gateway", t->connection->border_gateway_name);
	expo_label(text, sizeof(text), "cloud_ip", addr_format(&t->conf->cloud_ip, addr));
	expo_label(text, sizeof(text), "customer_ip", addr_format(&t->conf->customer_ip, addr));
	return strdup(text);
}

static void take_bgp(struct metrics_tunnel *m, const struct bgp *b, uint32_t index)
{
	struct bgp_session session;

	if (!b || !bgp_session(b, index, &session) || !session.configured)
		return;
	m->has_bgp = true;
	m->bgp_up = session.now.state == SOURCE_SESSION_UP;
	m->bgp_since = session.now.since > 0 ? (uint64_t)session.now.since : 0;
	m->received = session.received;
	m->filtered = session.now.filtered;
	m->advertised = session.now.exported;
}

static void take_tunnel(struct metrics_snapshot *s, struct gateway *g, uint32_t index,
			uint64_t now_unix, uint64_t now)
{
	const struct tunnel *t = &g->tunnels->v[index];
	struct metrics_tunnel *m = &s->tunnel[s->n_tunnels];
	uint64_t age = now > t->since ? now - t->since : 0;

	*m = (struct metrics_tunnel){
		.info = info_labels(t),
		.enabled = t->enabled,
		.up = t->up,
		.reason = t->reason,
		.since = now_unix - age,
		.ups = t->ups,
		.downs = t->downs,
		.child_rekeys = t->child_rekeys,
		.ike_rekeys = t->ike_rekeys,
		.probed = t->conf->probe > 0,
		.probe = t->probe,
	};
	if (!m->info)
		return;
	label(m->labels, "tunnel", t->conf->name);
	dataplane_tunnel_stats(g->dp, index, &m->stats);
	take_bgp(m, g->bgp, index);
	s->up += m->up;
	s->n_tunnels++;
}

bool metrics_take_tunnels(struct metrics_snapshot *s, struct gateway *g, uint32_t *next,
			  unsigned count)
{
	uint64_t now = clock_now(), now_unix = clock_unix();

	if (s->tunnels_room < s->n_tunnels + count) {
		uint32_t room =
			s->tunnels_room * 2 > g->tunnels->n ? s->tunnels_room * 2 : g->tunnels->n;
		struct metrics_tunnel *v;

		room = room > s->n_tunnels + count ? room : s->n_tunnels + count;
		v = reallocarray(s->tunnel, room, sizeof(*v));
		if (!v)
			return false;
		s->tunnel = v;
		s->tunnels_room = room;
	}
	for (*next = tunnels_next(g->tunnels, *next); count > 0 && *next < g->tunnels->n; count--) {
		take_tunnel(s, g, *next, now_unix, now);
		*next = tunnels_next(g->tunnels, *next + 1);
	}
	return *next < g->tunnels->n;
}

/* ---- all else ---------------------------------------------------------------------------- */

static int take_workers(struct metrics_snapshot *s, struct gateway *g)
{
	unsigned n = dataplane_workers(g->dp);
	struct dataplane_worker_stats control = { 0 };

	s->worker = calloc(n + 1, sizeof(*s->worker));
	s->worker_labels = calloc(n + 1, sizeof(*s->worker_labels));
	s->ring = calloc(n + 1, sizeof(*s->ring));
	s->n_rings = calloc(n + 1, sizeof(*s->n_rings));
	if (!s->worker || !s->worker_labels || !s->ring || !s->n_rings)
		return -ENOMEM;
	dataplane_buffers(g->dp, &s->buffers_free, &s->buffers);
	for (; s->n_workers < n; s->n_workers++) {
		dataplane_worker_stats(g->dp, s->n_workers, &s->worker[s->n_workers]);
		s->n_rings[s->n_workers] =
			dataplane_ring_stats(g->dp, s->n_workers, s->ring[s->n_workers]);
		label_number(s->worker_labels[s->n_workers], "worker", s->n_workers);
		for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
			s->drop[r] += s->worker[s->n_workers].drop[r];
	}
	/* One more: what main and the negotiator dropped. */
	if (dataplane_worker_stats(g->dp, n, &control) == 0)
		for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
			s->drop[r] += control.drop[r];
	return 0;
}

static int take_ports(struct metrics_snapshot *s, struct gateway *g)
{
	unsigned n = dataplane_ports(g->dp);

	n = n < g->conf->n_ports ? n : g->conf->n_ports;
	s->port = calloc(n + 1, sizeof(*s->port));
	if (!s->port)
		return -ENOMEM;
	for (; s->n_ports < n; s->n_ports++) {
		label(s->port[s->n_ports].labels, "port", g->conf->port[s->n_ports].name);
		dataplane_port_stats(g->dp, s->n_ports, &s->port[s->n_ports].stats);
	}
	return 0;
}

static int take_gateways(struct metrics_snapshot *s, struct gateway *g)
{
	unsigned n = g->conf->n_border_gateways;

	s->gateway = calloc(n + 1, sizeof(*s->gateway));
	if (!s->gateway)
		return -ENOMEM;
	for (; s->n_gateways < n; s->n_gateways++) {
		const struct conf_border_gateway *c = &g->conf->border_gateway[s->n_gateways];
		struct metrics_gateway *m = &s->gateway[s->n_gateways];
		struct bgp_gateway b;

		label(m->labels, "border_gateway", c->name);
		tables_quota(apply_tables(g->applied), c->id, &m->quota);
		m->has_bgp = g->bgp && bgp_gateway(g->bgp, c->id, &b);
		m->current = m->has_bgp && b.standing == SOURCE_CURRENT;
	}
	return 0;
}

static void take_bird(struct metrics_shard *m, struct bird_host *host)
{
	struct bird_host_stats h = { 0 };
	struct bird_stats b = { .version = "", .boot = "", .trouble = "" };

	bird_host_stats(host, &h);
	bird_stats(bird_host_bird(host), &b);
	m->has_bird = true;
	m->bird_up = b.up;
	m->bird_starts = h.starts;
	m->bird_refused = h.refused;
	m->bird_resyncs = b.resyncs;
	m->bird_lost = b.lost;
	m->bird_resync_seconds = (double)b.pass_us / 1e6;
}

static int take_shards(struct metrics_snapshot *s, struct gateway *g)
{
	unsigned n = g->exception ? exception_shards(g->exception) : 0;

	s->shard = calloc(n + 1, sizeof(*s->shard));
	if (!s->shard)
		return -ENOMEM;
	if (g->exception)
		exception_stats(g->exception, &s->exception);
	for (unsigned i = 0; i < n; i++) {
		struct metrics_shard *m = &s->shard[s->n_shards];
		struct shard *shard = exception_shard(g->exception, i);
		struct bird_host *host = g->bgp ? bgp_host(g->bgp, i) : NULL;

		if (!shard)
			continue;
		label_number(m->labels, "shard", i);
		m->tunnels = shard_pairs(shard);
		exception_shard_stats(g->exception, i, &m->stats);
		if (host)
			take_bird(m, host);
		s->n_shards++;
	}
	return 0;
}

int metrics_take(struct metrics_snapshot *s, struct gateway *g)
{
	int rc = take_workers(s, g);

	if (rc == 0)
		rc = take_ports(s, g);
	if (rc == 0)
		rc = take_gateways(s, g);
	if (rc == 0)
		rc = take_shards(s, g);
	process_look(&s->process);
	s->started = clock_unix() - (clock_now() - g->started);
	s->build_labels[0] = '\0';
	expo_label(s->build_labels, sizeof(s->build_labels), "version", ISTHMUS_VERSION);
	expo_label(s->build_labels, sizeof(s->build_labels), "dataplane", dataplane_summary(g->dp));
	return rc;
}

void metrics_forget(struct metrics_snapshot *s)
{
	for (unsigned i = 0; i < s->n_tunnels; i++)
		free(s->tunnel[i].info);
	free(s->tunnel);
	free(s->worker);
	free(s->worker_labels);
	free(s->ring);
	free(s->n_rings);
	free(s->port);
	free(s->gateway);
	free(s->shard);
	*s = (struct metrics_snapshot){ 0 };
}

unsigned metrics_items(const struct metrics_snapshot *s, enum metrics_of of)
{
	switch (of) {
	case OF_TUNNEL:
		return s->n_tunnels;
	case OF_WORKER:
		return s->n_workers;
	case OF_PORT:
		return s->n_ports;
	case OF_BORDER_GATEWAY:
		return s->n_gateways;
	case OF_SHARD:
		return s->n_shards;
	case OF_GATEWAY:
		break;
	}
	return 1;
}

/* From one model's sessions to another's. */
#include "gateway/bgp_core.h"

#include "conf/number.h"
#include "gateway/bgp_describe.h"
#include "gateway/clock.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_MS 2000

/* What BIRD gets of the shard's sessions, and, once, what it does not. */
static void note_wrong(struct bgp *b, unsigned shard, const char *const *wrong)
{
	for (uint32_t i = 0; i < b->n_sessions; i++) {
		struct session *s = &b->session[i];

		if (!s->configured || s->shard != shard || s->wrong == wrong[i])
			continue;
		s->wrong = wrong[i];
		if (s->wrong != NULL)
			log_error("bgp", tunnels_name(b->setup.tunnels, i),
				  "its session is left out: %s", s->wrong);
	}
}

static int describe(void *ctx, unsigned shard,
		    int (*use)(void *use_ctx, const struct bird_config *c), void *use_ctx)
{
	struct bgp *b = ctx;
	struct bgp_describe d = { .conf = b->setup.conf,
				  .tables = apply_tables(b->setup.applied),
				  .exception = b->setup.exception,
				  .router_id = b->router_id };
	bool *draining = calloc(b->n_sessions + 1u, sizeof(*draining));
	bool *off = calloc(b->n_sessions + 1u, sizeof(*off));
	const char **wrong = calloc(b->n_sessions + 1u, sizeof(*wrong));
	int rc = -ENOMEM;

	if (draining == NULL || off == NULL || wrong == NULL)
		goto out;
	for (uint32_t i = 0; i < b->n_sessions; i++) {
		draining[i] = b->session[i].draining;
		off[i] = b->session[i].off;
	}
	d.draining = draining;
	d.off = off;
	d.wrong = wrong;
	rc = bgp_describe(&d, shard, use, use_ctx);
	if (rc == 0)
		note_wrong(b, shard, wrong);
out:
	free(draining);
	free(off);
	free(wrong);
	return rc;
}

static int start_host(struct bgp *b, unsigned shard, char *error, size_t size)
{
	struct bird_host_setup setup = {
		.base = b->setup.base,
		.conf = b->setup.conf->bird,
		.shard = shard,
		.netns = shard_netns(exception_shard(b->setup.exception, shard)),
		.user = b->setup.user,
		.sink = { .ctx = b,
			  .batch_begin = bgp_on_batch_begin,
			  .learn = bgp_on_learn,
			  .forget = bgp_on_forget,
			  .batch_end = bgp_on_batch_end,
			  .session = bgp_on_session,
			  .standing = bgp_on_standing,
			  .log = bgp_on_source_log },
		.describe = describe,
		.ctx = b,
	};

	return b->host[shard] != NULL ? 0 : bird_host_new(&b->host[shard], &setup, error, size);
}

/* Sessions of an operator's own BIRD may be back any time; ours ends, and tells its peers. */
static void end_host(struct bgp *b, unsigned shard)
{
	struct ending *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		bird_host_free(b->host[shard]);
	} else {
		*e = (struct ending){ b->endings, b->host[shard],
				      clock_now() + END_MS * UINT64_C(1000) };
		b->endings = e;
		bird_host_stop(e->host);
		bgp_later(b, END_MS);
	}
	b->host[shard] = NULL;
}

static int start_session(struct bgp *b, const struct conf_vpn_connection *c, uint32_t tunnel,
			 char *error, size_t size)
{
	uint32_t gateway = c->gateway->id;
	uint32_t shard = exception_shard_of(b->setup.exception, gateway);
	struct gateway_state *g = &b->gateway[gateway];
	struct session *s = &b->session[tunnel];
	struct source *source;
	int rc = 0;

	if (s->configured)
		return 0;
	if (shard >= b->n_shards) {
		snprintf(error, size, "border_gateway '%s' has no place for a BIRD",
			 c->gateway->name);
		return -ENOENT;
	}
	rc = start_host(b, shard, error, size);
	if (rc < 0)
		return rc;
	source = bird_host_source(b->host[shard]);
	if (g->sessions == 0)
		rc = source_table_add(source, gateway);
	if (rc == 0) {
		rc = source_session_add(source, tunnel, gateway);
		if (rc < 0 && g->sessions == 0)
			source_table_remove(source, gateway);
	}
	if (rc < 0) {
		snprintf(error, size, "tunnel '%s': BGP: %s",
			 conf_tunnel_at(b->setup.conf, tunnel)->name, strerror(-rc));
		return rc;
	}
	g->sessions++;
	g->shard = shard;
	*s = (struct session){ .configured = true,
			       .gateway = gateway,
			       .connection = c->id,
			       .shard = shard,
			       .off = s->off,
			       .wanted = true };
	b->changed[shard] = true;
	bgp_want(b, tunnel);
	return 0;
}

/* Nobody offers anything any more: what was refused is not missing, and a quota has room. */
static void hear_nothing(struct bgp *b, uint32_t gateway)
{
	bool was_refusing = bgp_is_refusing(b, gateway);

	tables_replay(apply_tables(b->setup.applied), gateway, true);
	bgp_on_batch_begin(b, gateway);
	bgp_on_batch_end(b, gateway);
	bgp_tell_quota_over(b, gateway, was_refusing);
}

/* Its routes are forgotten now. */
static void end_session(struct bgp *b, uint32_t tunnel)
{
	struct session *s = &b->session[tunnel];
	struct gateway_state *g = &b->gateway[s->gateway];
	struct source *source = bird_host_source(b->host[s->shard]);

	source_session_remove(source, tunnel);
	if (--g->sessions == 0) {
		source_table_remove(source, s->gateway);
		if (g->batch)
			bgp_on_batch_end(b, s->gateway);
		hear_nothing(b, s->gateway);
		g->look = g->replay = false;
		g->standing = SOURCE_NEVER;
	}
	b->changed[s->shard] = true;
	bgp_tell_waiters(b, tunnel, clock_now());
	*s = (struct session){ 0 };
}

static int grow(void *array, size_t from, size_t to, size_t size)
{
	char *v = reallocarray(*(void **)array, to + 1, size);

	if (v == NULL)
		return -ENOMEM;
	memset(v + from * size, 0, (to + 1 - from) * size);
	*(void **)array = v;
	return 0;
}

static int make_room(struct bgp *b)
{
	unsigned shards = exception_shards(b->setup.exception);
	uint32_t tunnels = conf_numbers(b->setup.conf, CONF_TUNNEL);
	uint32_t gateways = conf_numbers(b->setup.conf, CONF_BORDER_GATEWAY);

	shards = shards > b->n_shards ? shards : b->n_shards;
	tunnels = tunnels > b->n_sessions ? tunnels : b->n_sessions;
	gateways = gateways > b->n_gateways ? gateways : b->n_gateways;
	if (grow(&b->host, b->n_shards, shards, sizeof(struct bird_host *)) < 0 ||
	    grow(&b->changed, b->n_shards, shards, sizeof(*b->changed)) < 0 ||
	    grow(&b->session, b->n_sessions, tunnels, sizeof(*b->session)) < 0 ||
	    grow(&b->gateway, b->n_gateways, gateways, sizeof(*b->gateway)) < 0)
		return -ENOMEM;
	b->n_shards = shards;
	b->n_sessions = tunnels;
	b->n_gateways = gateways;
	return 0;
}

/* The first public IPv4 address, for as long as it is one: another would restart every session. */
static void choose_router_id(struct bgp *b)
{
	const struct conf *c = b->setup.conf;
	uint32_t first = 1;

	for (unsigned i = c->n_cloud_addresses; i-- > 0;) {
		if (c->cloud_address[i].family != ADDR_IPV4)
			continue;
		first = addr_to_ipv4(&c->cloud_address[i]);
		if (first == b->router_id)
			return;
	}
	b->router_id = first;
}

static bool is_wanted(const struct bgp *b, uint32_t tunnel)
{
	const struct conf_vpn_connection *c = conf_tunnel_connection(b->setup.conf, tunnel);
	const struct session *s = &b->session[tunnel];

	return c != NULL && c->bgp && c->id == s->connection && c->gateway->id == s->gateway &&
	       exception_shard_of(b->setup.exception, s->gateway) == s->shard;
}

/* What stays as it is does not trouble its BIRD. */
static void note_changes(struct bgp *b, const struct conf *old)
{
	for (uint32_t i = 0; old != NULL && i < b->n_sessions; i++)
		if (b->session[i].configured && !b->changed[b->session[i].shard] &&
		    !bgp_describe_same(old, b->setup.conf, i))
			b->changed[b->session[i].shard] = true;
}

int bgp_update(struct bgp *b, const struct conf *conf, char *error, size_t error_size)
{
	const struct conf *old = b->setup.conf;
	uint32_t router_id = b->router_id;
	int rc;

	snprintf(error, error_size, "BGP: out of memory");
	b->setup.conf = conf;
	rc = make_room(b);
	if (rc < 0)
		return rc;
	choose_router_id(b);
	for (unsigned i = 0; i < b->n_shards; i++)
		b->changed[i] = b->host[i] != NULL && router_id != b->router_id;
	for (uint32_t i = 0; i < b->n_sessions; i++)
		if (b->session[i].configured && !is_wanted(b, i))
			end_session(b, i);
	for (unsigned i = 0; rc == 0 && i < conf->n_connections; i++) {
		const struct conf_vpn_connection *c = &conf->connection[i];

		for (unsigned k = 0; rc == 0 && c->bgp && k < c->n_tunnels; k++)
			rc = start_session(b, c, c->tunnel[k].id, error, error_size);
	}
	note_changes(b, old);
	for (uint32_t i = 0; i < b->n_shards; i++) {
		unsigned sessions = 0;

		for (uint32_t k = 0; b->host[i] != NULL && k < b->n_gateways; k++)
			sessions += b->gateway[k].shard == i ? b->gateway[k].sessions : 0;
		if (b->host[i] != NULL && sessions == 0 && !conf->bird.attach[0])
			end_host(b, i);
		else if (b->host[i] != NULL && b->changed[i])
			bird_host_change(b->host[i]);
	}
	return rc;
}

int bgp_new(struct bgp **out, const struct bgp_setup *setup, char *error, size_t error_size)
{
	struct bgp *b = calloc(1, sizeof(*b));
	int rc = -ENOMEM;

	snprintf(error, error_size, "BGP: out of memory");
	if (b == NULL)
		return rc;
	b->setup = *setup;
	b->setup.conf = NULL;
	b->later = event_new(setup->base, -1, 0, bgp_on_later, b);
	if (b->later == NULL)
		goto out;
	rc = bgp_update(b, setup->conf, error, error_size);
	if (rc < 0)
		goto out;
	apply_listen(setup->applied, &(struct apply_listener){ b, bgp_on_announce, bgp_on_taken });
	*out = b;
	return 0;
out:
	bgp_free(b);
	return rc;
}

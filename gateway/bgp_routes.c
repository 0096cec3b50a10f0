/* A border gateway's routes: what is learnt goes to the tables in batches, again when a quota has
 * room, and what the tables announce to BIRD. */
#include "gateway/bgp_core.h"

#include "conf/number.h"
#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/log.h"

#include <errno.h>
#include <string.h>

#define RETRY_MS 20
#define CHANGES	 1024 /* of routes in one turn of the loop: some milliseconds */

static const char *gateway_name(const struct bgp *b, uint32_t gateway)
{
	const struct conf_border_gateway *g = conf_gateway_at(b->setup.conf, gateway);

	return g != NULL ? g->name : "?";
}

void bgp_on_batch_begin(void *ctx, uint32_t gateway)
{
	struct bgp *b = ctx;

	b->gateway[gateway].batch = true;
	tables_batch_begin(apply_tables(b->setup.applied), gateway);
}

void bgp_on_learn(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (r->session < b->n_sessions && !b->session[r->session].draining)
		tables_learn(apply_tables(b->setup.applied), r->table, &r->prefix,
			     b->session[r->session].connection, r->session, r->metric);
}

void bgp_on_forget(void *ctx, const struct source_route *r)
{
	struct bgp *b = ctx;

	if (r->session < b->n_sessions)
		tables_forget(apply_tables(b->setup.applied), r->table, &r->prefix,
			      b->session[r->session].connection, r->session);
}

/* Is it time to hear all routes again? Asked when the source or the tables have changed. */
static void look_for_room(struct bgp *b, uint32_t gateway)
{
	struct source *source = bgp_source_of(b, gateway);

	if (gateway >= b->n_gateways || source == NULL ||
	    !tables_wants_replay(apply_tables(b->setup.applied), gateway,
				 source_routes(source, gateway)))
		return;
	b->gateway[gateway].look = true;
	bgp_later(b, 0);
}

/* A batch is in the table, or refused. */
void bgp_on_taken(void *ctx, uint32_t gateway, int rc)
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

void bgp_end_batch(struct bgp *b, uint32_t gateway)
{
	b->gateway[gateway].batch = false;
	b->gateway[gateway].work = tables_batch_end(apply_tables(b->setup.applied), gateway);
	if (b->gateway[gateway].work)
		bgp_later(b, 0);
	else
		look_for_room(b, gateway);
}

void bgp_on_batch_end(void *ctx, uint32_t gateway)
{
	bgp_end_batch(ctx, gateway);
}

bool bgp_is_refusing(const struct bgp *b, uint32_t gateway)
{
	struct tables_quota q;

	return tables_quota(apply_tables(b->setup.applied), gateway, &q) && q.refusing;
}

void bgp_tell_quota_over(const struct bgp *b, uint32_t gateway, bool was_refusing)
{
	struct tables_quota q;

	if (was_refusing && tables_quota(apply_tables(b->setup.applied), gateway, &q) &&
	    !q.refusing)
		event_publish(EVENT_QUOTA_OVER, gateway_name(b, gateway), NULL,
			      "all routes fit again: %zu learnt", q.learnt);
}

static void replay(struct bgp *b, uint32_t gateway)
{
	struct tables *tables = apply_tables(b->setup.applied);
	struct source *source = bgp_source_of(b, gateway);
	bool was_refusing = bgp_is_refusing(b, gateway);
	int rc;

	b->gateway[gateway].look = false;
	if (source == NULL || b->gateway[gateway].sessions == 0 ||
	    (!b->gateway[gateway].replay &&
	     !tables_wants_replay(tables, gateway, source_routes(source, gateway))))
		return;
	tables_replay(tables, gateway, true);
	rc = source_replay(source, gateway);
	if (rc < 0) {
		tables_replay(tables, gateway, false);
		b->gateway[gateway].look = true;
		bgp_later(b, RETRY_MS);
		return;
	}
	b->gateway[gateway].replay = false;
	bgp_tell_quota_over(b, gateway, was_refusing);
}

/* A peer whose routes come and go beside a VPC's, or a connection that does, must not keep BIRD
 * busy for the other tenants of its shard. */
static void tell_announced(struct bgp *b, uint32_t gateway)
{
	struct gateway_state *g = &b->gateway[gateway];
	struct bird_host *h = bgp_host_of(b, gateway);
	uint64_t now = clock_now(), due = pace_due(&g->pace, now);

	g->tell = h != NULL && g->sessions > 0 && due > now;
	if (g->tell) {
		bgp_later(b, (unsigned)((due - now) / 1000 + 1));
	} else if (h != NULL && g->sessions > 0) {
		pace_told(&g->pace, now);
		bird_host_change(h);
	}
}

void bgp_on_announce(void *ctx, uint32_t gateway)
{
	struct bgp *b = ctx;

	if (gateway >= b->n_gateways) /* it is new */
		return;
	if (!b->gateway[gateway].tell)
		tell_announced(b, gateway);
	b->gateway[gateway].look = true; /* a quota may have room now */
	bgp_later(b, 0);
}

void bgp_on_standing(void *ctx, uint32_t gateway, enum source_standing standing)
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

void bgp_on_source_log(void *ctx, const char *text)
{
	log_debug("bird", NULL, "%s", text);
}

void bgp_work(struct bgp *b, uint32_t gateway)
{
	struct gateway_state *g = &b->gateway[gateway];

	if (g->work)
		g->work = tables_work(apply_tables(b->setup.applied), gateway, CHANGES);
	else if (g->look)
		replay(b, gateway);
	if (g->work || g->look)
		bgp_later(b, g->work ? 0 : RETRY_MS);
	if (g->tell)
		tell_announced(b, gateway);
}

/* What BGP learns, in batches, under a quota. */
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>

static struct rib_route learnt_route(const struct batch_change *c)
{
	return (struct rib_route){ .prefix = c->prefix,
				   .via = RIB_VIA_CONNECTION,
				   .via_index = c->connection,
				   .origin = RIB_EBGP,
				   .metric = c->metric,
				   .source = c->tunnel };
}

void tables_batch_begin(struct tables *t, uint32_t gateway)
{
	struct gateway *g = tables_gateway(t, gateway);

	if (g != NULL) {
		batch_clear(&g->batch);
		g->batch_open = true;
	}
}

static void note(struct tables *t, uint32_t gateway, const struct batch_change *c)
{
	struct gateway *g = tables_gateway(t, gateway);

	if (g != NULL && g->batch_open)
		batch_add(&g->batch, c);
}

void tables_learn(struct tables *t, uint32_t gateway, const struct prefix *p, uint32_t connection,
		  uint32_t tunnel, uint32_t metric)
{
	note(t, gateway,
	     &(struct batch_change){ .prefix = *p,
				     .metric = metric < UINT16_MAX ? (uint16_t)metric : UINT16_MAX,
				     .learn = true,
				     .connection = connection,
				     .tunnel = tunnel });
}

void tables_forget(struct tables *t, uint32_t gateway, const struct prefix *p, uint32_t connection,
		   uint32_t tunnel)
{
	note(t, gateway,
	     &(struct batch_change){ .prefix = *p, .connection = connection, .tunnel = tunnel });
}

/* In a replay: what is in the table but has no word becomes a word of its own. */
struct sweep {
	const struct batch *named;
	struct batch gone;
};

static void on_sweep(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		     const char *why)
{
	struct sweep *s = ctx;

	if (r->origin == RIB_EBGP && !batch_has(s->named, &r->prefix, r->source))
		batch_add(&s->gone, &(struct batch_change){ .prefix = r->prefix,
							    .connection = r->via_index,
							    .tunnel = r->source });
}

static int sweep(struct tables *t, struct gateway *g)
{
	struct sweep s = { .named = &g->batch };
	int err = rib_walk(t->rib, g->table, NULL, on_sweep, &s);

	for (size_t i = 0; i < s.gone.n; i++)
		batch_add(&g->batch, &s.gone.v[i]);
	free(s.gone.v);
	batch_settle(&g->batch);
	return err;
}

static bool fits(const struct tables *t, const struct gateway *g, size_t *fresh)
{
	size_t gone = 0;

	*fresh = 0;
	for (size_t i = 0; i < g->batch.n; i++) {
		const struct batch_change *c = &g->batch.v[i];
		struct rib_route r = learnt_route(c);
		bool has = rib_has(t->rib, g->table, &r);

		*fresh += c->learn && !has;
		gone += !c->learn && has;
	}
	return *fresh == 0 ||
	       g->quota.learnt + g->quota.propagated + *fresh - gone <= g->quota.limit;
}

/* One change; true: what is withheld may be different now. */
static bool take(struct tables *t, struct gateway *g, const struct batch_change *c, bool refuse,
		 int *err)
{
	struct rib_route r = learnt_route(c);
	size_t before = rib_routes(t->rib, g->table);
	int by, rc = 0;

	if (!c->learn)
		rc = rib_remove(t->rib, g->table, &r);
	else if (!refuse || rib_has(t->rib, g->table, &r))
		rc = rib_add(t->rib, g->table, &r);
	rc = tables_settle(t, rc == -ENOENT ? 0 : rc);
	*err = *err < 0 ? *err : rc;
	by = (int)(rib_routes(t->rib, g->table) - before);
	g->quota.learnt += (size_t)by;
	return by != 0 && own_rival_count(&g->own, &c->prefix, c->connection, by);
}

/* Prefix by prefix, what comes before what goes, so that nothing is without a route in between. */
static bool take_all(struct tables *t, struct gateway *g, bool refuse, int *err)
{
	const struct batch *b = &g->batch;
	bool other = false;
	size_t end;

	for (size_t i = 0; i < b->n; i = end) {
		for (end = i; end < b->n && prefix_equal(&b->v[end].prefix, &b->v[i].prefix); end++)
			if (b->v[end].learn)
				other = take(t, g, &b->v[end], refuse, err) || other;
		for (size_t k = i; k < end; k++)
			if (!b->v[k].learn)
				other = take(t, g, &b->v[k], refuse, err) || other;
	}
	return other;
}

int tables_batch_end(struct tables *t, uint32_t gateway)
{
	struct gateway *g = tables_gateway(t, gateway);
	bool refuse, again, other;
	size_t fresh;
	int err = 0;

	if (g == NULL || !g->batch_open)
		return 0;
	g->batch_open = false;
	batch_settle(&g->batch);
	if (g->replay && !g->batch.lost)
		err = sweep(t, g);
	again = g->quota.refusing;
	refuse = !fits(t, g, &fresh) || (again && !g->replay && fresh > 0);
	g->quota.batches_refused += refuse;
	g->quota.routes_refused += refuse ? fresh : 0;
	other = take_all(t, g, refuse, &err);
	g->quota.refusing = refuse || (again && !g->replay);
	g->lost = g->batch.lost || err != 0 || (g->lost && !g->replay);
	g->replay = false;
	batch_clear(&g->batch);
	if (other)
		t->ops->announce(t->ctx, g->id);
	if (g->lost && err == 0)
		err = -ENOMEM;
	return err != 0 ? err : refuse && !again ? -ENOSPC : 0;
}

bool tables_wants_replay(const struct tables *t, uint32_t gateway, size_t offered)
{
	const struct gateway *g = tables_gateway(t, gateway);

	if (g == NULL || g->batch_open || g->replay)
		return false;
	return g->lost || (g->quota.refusing && offered + g->quota.propagated <= g->quota.limit);
}

void tables_replay(struct tables *t, uint32_t gateway, bool all)
{
	struct gateway *g = tables_gateway(t, gateway);

	if (g != NULL)
		g->replay = all;
}

bool tables_quota(const struct tables *t, uint32_t gateway, struct tables_quota *out)
{
	const struct gateway *g = tables_gateway(t, gateway);

	if (g != NULL)
		*out = g->quota;
	return g != NULL;
}

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

static int sweep(struct tables *t, struct gateway *g, struct batch *b)
{
	struct sweep s = { .named = b };
	int err = rib_walk(t->rib, g->table, NULL, on_sweep, &s);

	for (size_t i = 0; i < s.gone.n; i++)
		batch_add(b, &s.gone.v[i]);
	free(s.gone.v);
	batch_settle(b);
	return err;
}

/* Changes of one prefix end where the next one's begin. */
static size_t group_end(const struct batch *b, size_t i)
{
	size_t end = i;

	while (end < b->n && prefix_equal(&b->v[end].prefix, &b->v[i].prefix))
		end++;
	return end;
}

static bool is_in_table(const struct tables *t, const struct gateway *g,
			const struct batch_change *c)
{
	struct rib_route r = learnt_route(c);

	return rib_has(t->rib, g->table, &r);
}

/* Marks what grows, among the changes of one prefix: a connection's route that moves to another of
 * its tunnels takes no room. Returns how much there is that grows, and in *gone what goes without
 * anything in its place. */
static size_t mark(const struct tables *t, const struct gateway *g, struct batch *b, size_t from,
		   size_t end, size_t *gone)
{
	size_t grows = 0;

	for (size_t i = from; i < end; i++)
		b->v[i].grows = b->v[i].learn && !is_in_table(t, g, &b->v[i]);
	for (size_t i = from; i < end; i++) {
		size_t k = from;

		if (b->v[i].learn || !is_in_table(t, g, &b->v[i]))
			continue;
		while (k < end && (!b->v[k].grows || b->v[k].connection != b->v[i].connection))
			k++;
		if (k < end)
			b->v[k].grows = false;
		else
			++*gone;
	}
	for (size_t i = from; i < end; i++)
		grows += b->v[i].grows;
	return grows;
}

/* grows: by how many routes the batch would make the table larger, but for what goes. */
static bool fits(const struct tables *t, const struct gateway *g, struct batch *b, size_t *grows)
{
	size_t gone = 0, end;

	*grows = 0;
	if (!g->quota.refusing && g->quota.learnt + g->quota.propagated + b->n <= g->quota.limit)
		return true; /* whatever is in it */
	for (size_t i = 0; i < b->n; i = end) {
		end = group_end(b, i);
		*grows += mark(t, g, b, i, end, &gone);
	}
	return *grows == 0 ||
	       g->quota.learnt + g->quota.propagated + *grows - gone <= g->quota.limit;
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
	else if (!refuse || !c->grows)
		rc = rib_add(t->rib, g->table, &r);
	rc = tables_settle(t, rc == -ENOENT ? 0 : rc);
	*err = *err < 0 ? *err : rc;
	by = (int)(rib_routes(t->rib, g->table) - before);
	g->quota.learnt += (size_t)by;
	return by != 0 && own_rival_count(&g->own, &c->prefix, c->connection, by);
}

/* What is decided once, when its turn has come: earlier batches are in the table. */
static void begin(struct tables *t, struct gateway *g, struct job *j)
{
	size_t grows;

	j->begun = true;
	batch_settle(&j->batch);
	if (j->replay && !j->batch.lost)
		j->err = sweep(t, g, &j->batch);
	j->again = g->quota.refusing;
	j->refuse = !fits(t, g, &j->batch, &grows) || (j->again && !j->replay && grows > 0);
	g->quota.batches_refused += j->refuse;
	g->quota.routes_refused += j->refuse ? grows : 0;
}

static void finish(struct tables *t, struct gateway *g, struct job *j)
{
	int rc;

	g->quota.refusing = j->refuse || (j->again && !j->replay);
	g->lost = j->batch.lost || j->err != 0 || (g->lost && !j->replay);
	rc = j->err != 0 ? j->err : g->lost ? -ENOMEM : j->refuse && !j->again ? -ENOSPC : 0;
	if (j->other)
		t->ops->announce(t->ctx, g->id);
	t->ops->taken(t->ctx, g->id, rc);
}

/* Prefix by prefix, what comes before what goes, so that nothing is without a route in between; at
 * least one prefix. True: all is done. */
static bool take_some(struct tables *t, struct gateway *g, struct job *j, size_t *changes)
{
	const struct batch *b = &j->batch;
	size_t end, i;

	if (!j->begun)
		begin(t, g, j);
	for (i = j->at; i<b->n && * changes> 0; i = end) {
		end = group_end(b, i);
		for (size_t k = i; k < end; k++)
			if (b->v[k].learn)
				j->other = take(t, g, &b->v[k], j->refuse, &j->err) || j->other;
		for (size_t k = i; k < end; k++)
			if (!b->v[k].learn)
				j->other = take(t, g, &b->v[k], j->refuse, &j->err) || j->other;
		*changes -= *changes < end - i ? *changes : end - i;
	}
	j->at = i;
	if (i < b->n)
		return false;
	finish(t, g, j);
	return true;
}

bool tables_work(struct tables *t, uint32_t gateway, size_t changes)
{
	struct gateway *g = tables_gateway(t, gateway);

	while (g != NULL && g->job != NULL && changes > 0) {
		struct job *j = g->job;

		if (!take_some(t, g, j, &changes))
			break;
		g->job = j->next;
		free(j->batch.v);
		free(j);
	}
	return g != NULL && g->job != NULL;
}

static void put_last(struct gateway *g, struct job *j)
{
	struct job **link = &g->job;

	while (*link != NULL)
		link = &(*link)->next;
	*link = j;
}

bool tables_batch_end(struct tables *t, uint32_t gateway)
{
	struct gateway *g = tables_gateway(t, gateway);
	struct job now = { 0 }, *later;
	size_t changes = TABLES_AT_ONCE;

	if (g == NULL || !g->batch_open)
		return g != NULL && g->job != NULL;
	g->batch_open = false;
	now.replay = g->replay;
	now.batch = g->batch;
	g->replay = false;
	if (g->job == NULL && take_some(t, g, &now, &changes)) {
		g->batch = now.batch;
		batch_clear(&g->batch);
		return false;
	}
	later = malloc(sizeof(*later));
	g->batch = (struct batch){ 0 };
	if (later != NULL) {
		*later = now;
		put_last(g, later);
		return true;
	}
	/* Without memory all at once. */
	changes = SIZE_MAX;
	tables_work(t, gateway, changes);
	take_some(t, g, &now, &changes);
	free(now.batch.v);
	return false;
}

bool tables_busy(const struct tables *t, uint32_t gateway)
{
	const struct gateway *g = tables_gateway(t, gateway);

	return g != NULL && (g->job != NULL || g->batch_open);
}

bool tables_wants_replay(const struct tables *t, uint32_t gateway, size_t offered)
{
	const struct gateway *g = tables_gateway(t, gateway);

	if (g == NULL || g->batch_open || g->replay || g->job != NULL)
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

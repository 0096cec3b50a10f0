#include "routing/tables.h"
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tables_reserve(void *v, size_t *cap, size_t need, size_t size)
{
	size_t to = *cap > 0 ? *cap : 8;
	void *grown;

	if (need <= *cap)
		return 0;
	while (to < need)
		to *= 2;
	grown = reallocarray(*(void **)v, to, size);
	if (grown == NULL)
		return -ENOMEM;
	*(void **)v = grown;
	*cap = to;
	return 0;
}

/* Makes an array of pointers so long that id is a place in it. */
int tables_reserve_id(void *v, size_t *n, uint32_t id)
{
	void **grown;

	if (id < *n)
		return 0;
	grown = reallocarray(*(void **)v, id + (size_t)1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + *n, 0, (id + (size_t)1 - *n) * sizeof(*grown));
	*(void **)v = grown;
	*n = id + (size_t)1;
	return 0;
}

struct gateway *tables_gateway_of(const struct tables *t, uint32_t table)
{
	size_t low = 0, high = t->n_gateways;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->gateway[mid]->table == table)
			return t->gateway[mid];
		if (t->gateway[mid]->table < table)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct gateway *tables_gateway(const struct tables *t, uint32_t id)
{
	return id < t->n_gateway_ids ? t->gateway_by_id[id] : NULL;
}

struct vpc *tables_vpc(const struct tables *t, uint32_t id)
{
	for (size_t i = 0; i < t->n_vpcs; i++)
		if (t->vpc[i].id == id)
			return &t->vpc[i];
	return NULL;
}

/* ---- objects ----------------------------------------------------------------------------- */

int tables_new(struct tables **out, const struct tables_ops *ops, void *ctx)
{
	struct tables *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	t->rib = rib_new(tables_on_change, t);
	if (t->rib == NULL) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

static void gateway_free(struct gateway *g)
{
	while (g->job != NULL) {
		struct job *j = g->job;

		g->job = j->next;
		free(j->batch.v);
		free(j);
	}
	own_clear(&g->own);
	free(g->batch.v);
	free(g->attachment);
	free(g);
}

void tables_free(struct tables *t)
{
	if (t == NULL)
		return;
	rib_free(t->rib);
	for (size_t i = 0; i < t->n_gateways; i++)
		gateway_free(t->gateway[i]);
	for (size_t i = 0; i < t->n_attachment_ids; i++)
		tables_attachment_free(t->attachment_by_id[i]);
	free(t->gateway);
	free(t->vpc);
	free(t->gateway_by_id);
	free(t->attachment_by_id);
	free(t->pending);
	free(t);
}

const struct rib *tables_rib(const struct tables *t)
{
	return t->rib;
}

int tables_gateway_add(struct tables *t, uint32_t id, uint32_t table, uint32_t quota)
{
	struct gateway *g;
	size_t i = 0;
	int err;

	if (tables_gateway(t, id) != NULL)
		return -EEXIST;
	if (tables_reserve(&t->gateway, &t->cap_gateways, t->n_gateways + 1, sizeof(g)) != 0 ||
	    tables_reserve_id(&t->gateway_by_id, &t->n_gateway_ids, id) != 0)
		return -ENOMEM;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return -ENOMEM;
	err = rib_table_add(t->rib, table);
	if (err != 0) {
		free(g);
		return err;
	}
	g->id = id;
	g->table = table;
	g->quota.limit = quota;
	while (i < t->n_gateways && t->gateway[i]->table < table)
		i++;
	memmove(&t->gateway[i + 1], &t->gateway[i], (t->n_gateways - i) * sizeof(g));
	t->gateway[i] = t->gateway_by_id[id] = g;
	t->n_gateways++;
	return 0;
}

int tables_vpc_add(struct tables *t, uint32_t id, uint32_t table)
{
	int err;

	if (tables_vpc(t, id) != NULL)
		return -EEXIST;
	if (tables_reserve(&t->vpc, &t->cap_vpcs, t->n_vpcs + 1, sizeof(*t->vpc)) != 0)
		return -ENOMEM;
	err = rib_table_add(t->rib, table);
	if (err == 0)
		t->vpc[t->n_vpcs++] = (struct vpc){ id, table };
	return err;
}

/* ---- the end of a table ------------------------------------------------------------------- */

int tables_gateway_delete(struct tables *t, uint32_t id)
{
	struct gateway *g = tables_gateway(t, id);
	size_t at = 0;

	if (g == NULL)
		return -ENOENT;
	if (g->n_attachments > 0)
		return -EBUSY;
	rib_table_delete(t->rib, g->table);
	while (t->gateway[at] != g)
		at++;
	t->n_gateways--;
	memmove(&t->gateway[at], &t->gateway[at + 1], (t->n_gateways - at) * sizeof(g));
	t->gateway_by_id[id] = NULL;
	gateway_free(g);
	return 0;
}

int tables_vpc_delete(struct tables *t, uint32_t id)
{
	struct vpc *v = tables_vpc(t, id);

	if (v == NULL)
		return -ENOENT;
	for (size_t i = 0; i < t->n_attachment_ids; i++)
		if (t->attachment_by_id[i] != NULL && t->attachment_by_id[i]->vpc == id)
			return -EBUSY;
	rib_table_delete(t->rib, v->table);
	t->n_vpcs--;
	memmove(v, v + 1, (size_t)(t->vpc + t->n_vpcs - v) * sizeof(*v));
	return 0;
}

int tables_quota_set(struct tables *t, uint32_t gateway, uint32_t quota)
{
	struct gateway *g = tables_gateway(t, gateway);

	if (g == NULL)
		return -ENOENT;
	g->quota.limit = quota;
	return 0;
}

/* ---- routes that are not learnt ---------------------------------------------------------- */

struct rivals {
	struct own_prefix *own;
};

static void on_rival(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		     const char *why)
{
	struct rivals *v = ctx;

	if (r->origin == RIB_EBGP)
		own_rival_count_one(v->own, &r->prefix, r->via_index, 1);
}

static bool is_dynamic(const struct rib_route *r)
{
	return r->origin == RIB_PROPAGATED;
}

int tables_add(struct tables *t, uint32_t table, const struct rib_route *r)
{
	struct gateway *g = tables_gateway_of(t, table);
	struct rivals rivals;
	int err = 0;

	if (g == NULL || rib_has(t->rib, table, r)) {
		err = tables_settle(t, rib_add(t->rib, table, r));
		if (g != NULL)
			t->ops->announce(t->ctx, g->id);
		return err;
	}
	if (!prefix_is_network(&r->prefix))
		return -EINVAL;
	err = own_add(&g->own, r);
	if (err < 0)
		return err;
	if (err > 0) {
		rivals.own = own_find(&g->own, &r->prefix);
		err = rib_walk(t->rib, table, &r->prefix, on_rival, &rivals);
	}
	if (err == 0)
		err = tables_settle(t, rib_add(t->rib, table, r));
	if (!rib_has(t->rib, table, r)) {
		own_remove(&g->own, r);
		return err;
	}
	g->quota.propagated += is_dynamic(r);
	t->ops->announce(t->ctx, g->id);
	return err;
}

int tables_remove(struct tables *t, uint32_t table, const struct rib_route *r)
{
	struct gateway *g = tables_gateway_of(t, table);
	int err = rib_remove(t->rib, table, r);

	if (g == NULL || err != 0)
		return tables_settle(t, err);
	own_remove(&g->own, r);
	g->quota.propagated -= is_dynamic(r);
	err = tables_settle(t, 0);
	t->ops->announce(t->ctx, g->id);
	return err;
}

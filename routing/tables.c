#include "routing/tables.h"
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve(void *v, size_t *cap, size_t need, size_t size)
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
static int reserve_id(void *v, size_t *n, uint32_t id)
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

static struct gateway *gateway_of_table(const struct tables *t, uint32_t table)
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

static struct vpc *vpc_find(const struct tables *t, uint32_t id)
{
	for (size_t i = 0; i < t->n_vpcs; i++)
		if (t->vpc[i].id == id)
			return &t->vpc[i];
	return NULL;
}

/* ---- propagation ------------------------------------------------------------------------- */

static void propagate_later(struct tables *t, struct gateway *g, const struct prefix *prefix,
			    const struct rib_route *valid, unsigned n)
{
	struct pending p = { .gateway = g, .prefix = *prefix };

	if (g->n_attachments == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct attachment *a =
			valid[i].via == RIB_VIA_ATTACHMENT &&
					valid[i].via_index < t->n_attachment_ids
				? t->attachment_by_id[valid[i].via_index]
				: NULL;

		if (a == NULL || (p.to_others && p.vpc != a->vpc))
			p.to_all = true;
		if (a != NULL) {
			p.to_others = true;
			p.vpc = a->vpc;
		}
	}
	if (reserve(&t->pending, &t->cap_pending, t->n_pending + 1, sizeof(p)) != 0)
		t->error = -ENOMEM;
	else
		t->pending[t->n_pending++] = p;
}

static void on_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n)
{
	struct tables *t = ctx;
	struct gateway *g = gateway_of_table(t, table);

	t->ops->change(t->ctx, table, prefix, valid, n);
	t->told = true;
	t->told_table = table;
	if (g != NULL)
		propagate_later(t, g, prefix, valid, n);
}

static bool is_imported(const struct attachment *a, const struct prefix *p)
{
	if (a->import_all)
		return true;
	for (unsigned i = 0; i < a->n_import; i++)
		if (prefix_covers(&a->import[i], p))
			return true;
	return false;
}

/* The VPC's route may be the same as before, but lead elsewhere: through several border gateways
 * its FIB entry follows from theirs. */
static void tell_shared(struct tables *t, uint32_t table, const struct prefix *p)
{
	struct rib_route valid[SHARED_MAX];
	unsigned n = rib_valid(t->rib, table, p, valid, SHARED_MAX);

	if (n > 1)
		t->ops->change(t->ctx, table, p, valid, n < SHARED_MAX ? n : SHARED_MAX);
}

static int propagate_to(struct tables *t, const struct gateway *g, const struct attachment *a,
			const struct prefix *p, bool wanted)
{
	struct rib_route r = {
		.prefix = *p, .via = RIB_VIA_GATEWAY, .via_index = g->id, .origin = RIB_PROPAGATED
	};
	int err;

	if (!is_imported(a, p))
		return 0;
	t->told = false;
	err = wanted ? rib_add(t->rib, a->vpc_table, &r) : rib_remove(t->rib, a->vpc_table, &r);
	if (wanted && err == 0 && !(t->told && t->told_table == a->vpc_table))
		tell_shared(t, a->vpc_table, p);
	return err == -ENOENT ? 0 : err;
}

/* A change to the RIB is done when what follows from it is. */
int tables_settle(struct tables *t, int err)
{
	for (size_t i = 0; i < t->n_pending; i++) {
		struct pending p = t->pending[i];

		for (size_t k = 0; k < p.gateway->n_attachments; k++) {
			const struct attachment *a = p.gateway->attachment[k];
			bool wanted = p.to_all || (p.to_others && p.vpc != a->vpc);
			int rc = propagate_to(t, p.gateway, a, &p.prefix, wanted);

			err = err < 0 ? err : rc;
		}
	}
	t->n_pending = 0;
	if (err == 0)
		err = t->error;
	t->error = 0;
	return err;
}

/* ---- objects ----------------------------------------------------------------------------- */

int tables_new(struct tables **out, const struct tables_ops *ops, void *ctx)
{
	struct tables *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->ops = ops;
	t->ctx = ctx;
	t->rib = rib_new(on_change, t);
	if (t->rib == NULL) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

static void attachment_free(struct attachment *a)
{
	if (a != NULL)
		free(a->import);
	free(a);
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
		attachment_free(t->attachment_by_id[i]);
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
	if (reserve(&t->gateway, &t->cap_gateways, t->n_gateways + 1, sizeof(g)) != 0 ||
	    reserve_id(&t->gateway_by_id, &t->n_gateway_ids, id) != 0)
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

	if (vpc_find(t, id) != NULL)
		return -EEXIST;
	if (reserve(&t->vpc, &t->cap_vpcs, t->n_vpcs + 1, sizeof(*t->vpc)) != 0)
		return -ENOMEM;
	err = rib_table_add(t->rib, table);
	if (err == 0)
		t->vpc[t->n_vpcs++] = (struct vpc){ id, table };
	return err;
}

/* ---- attachments ------------------------------------------------------------------------- */

struct survey {
	struct tables *tables;
	struct gateway *gateway;
	struct prefix last;
};

static void on_valid(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		     const char *why)
{
	struct survey *s = ctx;
	struct rib_route valid[SHARED_MAX];
	unsigned n;

	if (verdict != RIB_VALID || prefix_equal(&r->prefix, &s->last))
		return;
	s->last = r->prefix;
	n = rib_valid(s->tables->rib, s->gateway->table, &r->prefix, valid, SHARED_MAX);
	propagate_later(s->tables, s->gateway, &r->prefix, valid, n < SHARED_MAX ? n : SHARED_MAX);
}

/* From a filter (NULL: nothing was let through) to another (NULL: nothing any more). */
static int refilter(struct tables *t, struct attachment *a, const struct attachment *from,
		    const struct attachment *to)
{
	struct survey s = { .tables = t, .gateway = a->gateway };
	int err = rib_walk(t->rib, a->gateway->table, NULL, on_valid, &s);

	for (size_t i = 0; i < t->n_pending; i++) {
		const struct pending *p = &t->pending[i];
		bool wanted = p->to_all || (p->to_others && p->vpc != a->vpc);
		bool was = from != NULL && is_imported(from, &p->prefix);
		bool is = to != NULL && is_imported(to, &p->prefix);
		int rc = was == is ? 0
				   : propagate_to(t, a->gateway, is ? to : from, &p->prefix,
						  is && wanted);

		err = err < 0 ? err : rc;
	}
	t->n_pending = 0;
	return tables_settle(t, err);
}

static struct attachment *attachment_new(uint32_t id, const struct vpc *v, struct gateway *g,
					 const struct prefix *import, unsigned n)
{
	struct attachment *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->id = id;
	a->gateway = g;
	a->vpc = v->id;
	a->vpc_table = v->table;
	a->import_all = import == NULL;
	a->n_import = a->import_all ? 0 : n;
	a->import = calloc(n > 0 ? n : 1, sizeof(*import));
	if (a->import == NULL) {
		free(a);
		return NULL;
	}
	if (a->n_import > 0)
		memcpy(a->import, import, n * sizeof(*import));
	return a;
}

static struct attachment *attachment_find(const struct tables *t, uint32_t id)
{
	return id < t->n_attachment_ids ? t->attachment_by_id[id] : NULL;
}

int tables_attach(struct tables *t, uint32_t id, uint32_t vpc, uint32_t gateway,
		  const struct prefix *import, unsigned n)
{
	struct gateway *g = tables_gateway(t, gateway);
	struct vpc *v = vpc_find(t, vpc);
	struct attachment *a;
	int err;

	if (g == NULL || v == NULL)
		return -ENOENT;
	if (attachment_find(t, id) != NULL)
		return -EEXIST;
	if (reserve_id(&t->attachment_by_id, &t->n_attachment_ids, id) != 0)
		return -ENOMEM;
	a = attachment_new(id, v, g, import, n);
	if (a == NULL ||
	    reserve(&g->attachment, &g->cap_attachments, g->n_attachments + 1, sizeof(a)) != 0) {
		attachment_free(a);
		return -ENOMEM;
	}
	t->attachment_by_id[id] = a;
	g->attachment[g->n_attachments++] = a;
	err = refilter(t, a, NULL, a);
	if (err < 0)
		tables_detach(t, id);
	return err;
}

int tables_import(struct tables *t, uint32_t id, const struct prefix *import, unsigned n)
{
	struct attachment *a = attachment_find(t, id), old;
	struct prefix *list;
	int err;

	if (a == NULL)
		return -ENOENT;
	list = calloc(n > 0 ? n : 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	old = *a;
	a->import_all = import == NULL;
	a->n_import = a->import_all ? 0 : n;
	a->import = list;
	if (a->n_import > 0)
		memcpy(list, import, n * sizeof(*list));
	err = refilter(t, a, &old, a);
	free(old.import);
	return err;
}

int tables_detach(struct tables *t, uint32_t id)
{
	struct attachment *a = attachment_find(t, id);
	struct gateway *g;
	size_t at = 0;
	int err;

	if (a == NULL)
		return -ENOENT;
	g = a->gateway;
	err = refilter(t, a, a, NULL);
	while (g->attachment[at] != a)
		at++;
	g->attachment[at] = g->attachment[--g->n_attachments];
	t->attachment_by_id[id] = NULL;
	attachment_free(a);
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
	struct vpc *v = vpc_find(t, id);

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
	struct gateway *g = gateway_of_table(t, table);
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
	struct gateway *g = gateway_of_table(t, table);
	int err = rib_remove(t->rib, table, r);

	if (g == NULL || err != 0)
		return tables_settle(t, err);
	own_remove(&g->own, r);
	g->quota.propagated -= is_dynamic(r);
	err = tables_settle(t, 0);
	t->ops->announce(t->ctx, g->id);
	return err;
}

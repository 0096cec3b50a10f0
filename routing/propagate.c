/* From a border gateway's table into those of the VPCs attached to it. */
#include "routing/tables_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	if (tables_reserve(&t->pending, &t->cap_pending, t->n_pending + 1, sizeof(p)) != 0)
		t->error = -ENOMEM;
	else
		t->pending[t->n_pending++] = p;
}

void tables_on_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n)
{
	struct tables *t = ctx;
	struct gateway *g = tables_gateway_of(t, table);

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

/* ---- attachments ------------------------------------------------------------------------- */

void tables_attachment_free(struct attachment *a)
{
	if (a != NULL)
		free(a->import);
	free(a);
}

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
	struct vpc *v = tables_vpc(t, vpc);
	struct attachment *a;
	int err;

	if (g == NULL || v == NULL)
		return -ENOENT;
	if (attachment_find(t, id) != NULL)
		return -EEXIST;
	if (tables_reserve_id(&t->attachment_by_id, &t->n_attachment_ids, id) != 0)
		return -ENOMEM;
	a = attachment_new(id, v, g, import, n);
	if (a == NULL || tables_reserve(&g->attachment, &g->cap_attachments, g->n_attachments + 1,
					sizeof(a)) != 0) {
		tables_attachment_free(a);
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
	tables_attachment_free(a);
	return err;
}

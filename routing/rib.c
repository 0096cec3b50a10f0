#include "routing/rib.h"
#include "routing/overlap.h"
#include "routing/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct table {
	uint32_t id;
	struct trie trie;
	size_t n_claims;
};

struct rib {
	rib_change_fn change;
	void *ctx;
	struct table **tables; /* by id */
	size_t n_tables, cap_tables;
	uint64_t arrivals;
	/* Scratch, grown when a route is added so that removing one needs no memory. */
	struct rib_route *valid;
	size_t cap_valid;
	struct claim *claims;
	size_t cap_claims;
};

/* Doubles *v until it holds need elements. */
static int reserve(void *v, size_t *cap, size_t need, size_t size)
{
	size_t to = *cap > 0 ? *cap : 16;
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

/* ---- preference --------------------------------------------------------------------------- */

/* Next-hop type, route type, metric: less than 0 if a is preferred, 0 if they share. */
static int prefer(const struct rib_route *a, const struct rib_route *b)
{
	if (a->via != b->via)
		return a->via < b->via ? -1 : 1;
	if (a->origin != b->origin)
		return a->origin < b->origin ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return 0;
}

static bool comes_before(const struct rib_route *a, const struct rib_route *b)
{
	int c = prefer(a, b);

	if (c != 0)
		return c < 0;
	return a->via_index != b->via_index ? a->via_index < b->via_index : a->source < b->source;
}

static bool same_identity(const struct rib_route *a, const struct rib_route *b)
{
	return a->via == b->via && a->via_index == b->via_index && a->origin == b->origin &&
	       a->source == b->source;
}

/* A table's own subnets come before everything else, longer prefixes inside them included. */
static bool lies_in_local(const struct node *n)
{
	for (n = n->parent; n != NULL; n = n->parent)
		if (n->n_local > 0)
			return true;
	return false;
}

static bool is_eligible(const struct candidate *c, bool in_local)
{
	return !c->overlaps && (!in_local || c->route.via == RIB_VIA_LOCAL);
}

static const struct candidate *best_of(const struct node *n, bool in_local)
{
	const struct candidate *c = n->candidates;

	while (c != NULL && !is_eligible(c, in_local))
		c = c->next;
	return c;
}

/* Chooses anew among the candidates of n. changed: one that was valid has just gone. */
static void choose(struct rib *r, const struct table *t, struct node *n, bool changed)
{
	bool in_local = lies_in_local(n);
	const struct candidate *best = best_of(n, in_local);
	unsigned count = 0;

	for (struct candidate *c = n->candidates; c != NULL; c = c->next) {
		bool valid = is_eligible(c, in_local) && prefer(&c->route, &best->route) == 0;

		changed = changed || valid != c->valid;
		c->valid = valid;
		if (valid)
			r->valid[count++] = c->route;
	}
	if (changed)
		r->change(r->ctx, t->id, &n->prefix, r->valid, count);
}

/* A subnet of the table's own came to n or went: everything inside it is judged anew. */
static void choose_inside(struct rib *r, const struct table *t, struct node *n)
{
	for (int i = 0; i < 2; i++) {
		if (n->child[i] == NULL)
			continue;
		choose(r, t, n->child[i], false);
		choose_inside(r, t, n->child[i]);
	}
}

static void choose_changed(struct rib *r, const struct table *t, struct node *n)
{
	if (n == NULL || n->claims == 0)
		return;
	if (n->changed)
		choose(r, t, n, false);
	n->changed = false;
	choose_changed(r, t, n->child[0]);
	choose_changed(r, t, n->child[1]);
}

/* After route came to n or went; changed: it was valid and went. */
static void settle(struct rib *r, const struct table *t, struct node *n,
		   const struct rib_route *route, bool changed)
{
	struct node *top = overlap_is_claim(route) ? overlap_settle(n, r->claims) : NULL;

	n->changed = false;
	choose(r, t, n, changed);
	choose_changed(r, t, top);
	if (route->via == RIB_VIA_LOCAL)
		choose_inside(r, t, n);
}

/* ---- candidates --------------------------------------------------------------------------- */

static struct candidate **link_of(struct node *n, const struct rib_route *route)
{
	struct candidate **link = &n->candidates;

	while (*link != NULL && !same_identity(&(*link)->route, route))
		link = &(*link)->next;
	return link;
}

static void put_in_order(struct node *n, struct candidate *c)
{
	struct candidate **link = &n->candidates;

	while (*link != NULL && comes_before(&(*link)->route, &c->route))
		link = &(*link)->next;
	c->next = *link;
	*link = c;
}

static bool is_network(const struct prefix *p)
{
	return addr_bits(&p->addr) > 0 && p->len <= addr_bits(&p->addr) && prefix_is_network(p);
}

static struct candidate *candidate_new(struct rib *r, struct table *t, struct node *n,
				       const struct rib_route *route)
{
	bool claim = overlap_is_claim(route);
	struct candidate *c;

	if (reserve(&r->valid, &r->cap_valid, n->n_candidates + 1u, sizeof(*r->valid)) != 0 ||
	    reserve(&r->claims, &r->cap_claims, t->n_claims + claim, sizeof(*r->claims)) != 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->route = *route;
	c->order = r->arrivals++;
	n->n_candidates++;
	n->n_local += route->via == RIB_VIA_LOCAL;
	if (claim) {
		t->n_claims++;
		overlap_count(n, 1);
	}
	return c;
}

/* ---- tables ------------------------------------------------------------------------------- */

/* Where table id is, or would be. */
static size_t table_place(const struct rib *r, uint32_t id)
{
	size_t low = 0, high = r->n_tables;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->tables[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct table *table_find(const struct rib *r, uint32_t id)
{
	size_t i = table_place(r, id);

	return i < r->n_tables && r->tables[i]->id == id ? r->tables[i] : NULL;
}

int rib_table_add(struct rib *r, uint32_t id)
{
	size_t i = table_place(r, id);
	struct table *t;

	if (table_find(r, id) != NULL)
		return -EEXIST;
	if (reserve(&r->tables, &r->cap_tables, r->n_tables + 1, sizeof(struct table *)) != 0)
		return -ENOMEM;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->id = id;
	memmove(&r->tables[i + 1], &r->tables[i], (r->n_tables - i) * sizeof(struct table *));
	r->tables[i] = t;
	r->n_tables++;
	return 0;
}

static void withdraw_all(struct rib *r, const struct table *t)
{
	for (struct node *n = trie_next(&t->trie, NULL); n != NULL; n = trie_next(&t->trie, n)) {
		bool any = false;

		for (const struct candidate *c = n->candidates; c != NULL; c = c->next)
			any = any || c->valid;
		if (any)
			r->change(r->ctx, t->id, &n->prefix, NULL, 0);
	}
}

static void node_free(struct node *n)
{
	if (n == NULL)
		return;
	node_free(n->child[0]);
	node_free(n->child[1]);
	for (struct candidate *c = n->candidates, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(n);
}

static void table_free(struct table *t)
{
	node_free(t->trie.root4);
	node_free(t->trie.root6);
	free(t);
}

int rib_table_delete(struct rib *r, uint32_t id)
{
	size_t i = table_place(r, id);
	struct table *t = table_find(r, id);

	if (t == NULL)
		return -ENOENT;
	withdraw_all(r, t);
	r->n_tables--;
	memmove(&r->tables[i], &r->tables[i + 1], (r->n_tables - i) * sizeof(struct table *));
	table_free(t);
	return 0;
}

/* ---- face --------------------------------------------------------------------------------- */

struct rib *rib_new(rib_change_fn change, void *ctx)
{
	struct rib *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->change = change;
		r->ctx = ctx;
	}
	return r;
}

void rib_free(struct rib *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_tables; i++)
		table_free(r->tables[i]);
	free(r->tables);
	free(r->valid);
	free(r->claims);
	free(r);
}

int rib_add(struct rib *r, uint32_t id, const struct rib_route *route)
{
	struct table *t = table_find(r, id);
	struct candidate *c, **link;
	struct node *n;

	if (t == NULL)
		return -ENOENT;
	if (!is_network(&route->prefix))
		return -EINVAL;
	n = trie_get(&t->trie, &route->prefix);
	if (n == NULL)
		return -ENOMEM;
	link = link_of(n, route);
	c = *link;
	if (c != NULL) {
		*link = c->next;
		c->route.metric = route->metric;
		put_in_order(n, c);
		choose(r, t, n, false);
		return 0;
	}
	c = candidate_new(r, t, n, route);
	if (c == NULL) {
		trie_prune(&t->trie, n);
		return -ENOMEM;
	}
	put_in_order(n, c);
	settle(r, t, n, &c->route, false);
	return 0;
}

int rib_remove(struct rib *r, uint32_t id, const struct rib_route *route)
{
	struct table *t = table_find(r, id);
	struct node *n = t != NULL ? trie_find(&t->trie, &route->prefix) : NULL;
	struct candidate **link = n != NULL ? link_of(n, route) : NULL, *c;
	bool was_valid;

	if (link == NULL || *link == NULL)
		return -ENOENT;
	c = *link;
	*link = c->next;
	was_valid = c->valid;
	free(c);
	n->n_candidates--;
	n->n_local -= route->via == RIB_VIA_LOCAL;
	if (overlap_is_claim(route)) {
		t->n_claims--;
		overlap_count(n, -1);
	}
	settle(r, t, n, route, was_valid);
	trie_prune(&t->trie, n);
	return 0;
}

static const char *why_worse(const struct rib_route *route, const struct rib_route *best)
{
	if (route->via != best->via) {
		switch (best->via) {
		case RIB_VIA_LOCAL:
			return "the table's own subnet is preferred";
		case RIB_VIA_ATTACHMENT:
			return "a VPC attachment is preferred";
		case RIB_VIA_CONNECTION:
			return "a VPN connection is preferred";
		case RIB_VIA_GATEWAY:
			return "a border gateway is preferred";
		}
	}
	if (route->origin != best->origin) {
		switch (best->origin) {
		case RIB_STATIC:
			return "a static route is preferred";
		case RIB_PROPAGATED:
			return "a propagated route is preferred";
		case RIB_EBGP:
			return "an EBGP route is preferred";
		case RIB_IBGP:
			return "an IBGP route is preferred";
		}
	}
	return "a shorter AS path is preferred";
}

void rib_walk(const struct rib *r, uint32_t id,
	      void (*fn)(void *ctx, const struct rib_route *route, enum rib_verdict verdict,
			 const char *why),
	      void *ctx)
{
	const struct table *t = table_find(r, id);

	if (t == NULL)
		return;
	for (struct node *n = trie_next(&t->trie, NULL); n != NULL; n = trie_next(&t->trie, n)) {
		bool in_local = lies_in_local(n);
		const struct candidate *best = best_of(n, in_local);

		for (const struct candidate *c = n->candidates; c != NULL; c = c->next) {
			if (c->valid)
				fn(ctx, &c->route, RIB_VALID, NULL);
			else if (c->overlaps)
				fn(ctx, &c->route, RIB_OVERLAPS,
				   "another VPC propagated an overlapping prefix first");
			else if (!is_eligible(c, in_local))
				fn(ctx, &c->route, RIB_WORSE,
				   "it lies in one of the table's own subnets");
			else
				fn(ctx, &c->route, RIB_WORSE, why_worse(&c->route, &best->route));
		}
	}
}

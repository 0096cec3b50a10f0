#include "routing/rib.h"
#include "routing/book.h"
#include "routing/overlap.h"
#include "routing/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A subnet of the table's own, as often as it was added. */
struct local {
	struct prefix prefix;
	uint32_t count;
};

struct table {
	uint32_t id;
	struct book v4, v6;
	struct trie claims;
	size_t n_claims, n_candidates;
	struct local *local;
	size_t n_local, cap_local;
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
	struct claim **claims;
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

/* ---- candidates and routes --------------------------------------------------------------- */

static const enum rib_via vias[] = { RIB_VIA_LOCAL, RIB_VIA_ATTACHMENT, RIB_VIA_CONNECTION,
				     RIB_VIA_GATEWAY };
static const enum rib_origin origins[] = { RIB_STATIC, RIB_PROPAGATED, RIB_EBGP, RIB_IBGP };

/* Next-hop type first, then route type: the lower is preferred. */
static uint8_t kind_of(const struct rib_route *r)
{
	unsigned via = 0, origin = 0;

	while (via < 3 && vias[via] != r->via)
		via++;
	while (origin < 3 && origins[origin] != r->origin)
		origin++;
	return (uint8_t)(via * 4 + origin);
}

static bool is_local(const struct candidate *c)
{
	return c->kind < 4;
}

static uint16_t metric_of(const struct rib_route *r)
{
	return r->metric < UINT16_MAX ? (uint16_t)r->metric : UINT16_MAX;
}

static struct rib_route route_of(const struct prefix *p, const struct candidate *c)
{
	return (struct rib_route){ .prefix = *p,
				   .via = vias[c->kind / 4],
				   .via_index = c->via_index,
				   .origin = origins[c->kind % 4],
				   .metric = c->metric,
				   .source = c->source,
				   .unusable = c->unusable };
}

static struct book *book_of(const struct table *t, const struct prefix *p)
{
	return (struct book *)(p->addr.family == ADDR_IPV6 ? &t->v6 : &t->v4);
}

static struct candidate *find(const struct book *b, struct entry *e, uint8_t kind,
			      uint32_t via_index, uint32_t source)
{
	struct candidate *c = e != NULL ? &e->first : NULL;

	while (c != NULL && (c->kind != kind || c->via_index != via_index || c->source != source))
		c = book_next(b, c);
	return c;
}

/* ---- preference -------------------------------------------------------------------------- */

/* A table's own subnets come before everything else, longer prefixes inside them included. */
static bool lies_in_local(const struct table *t, const struct prefix *p)
{
	for (size_t i = 0; i < t->n_local; i++)
		if (t->local[i].prefix.len < p->len && prefix_covers(&t->local[i].prefix, p))
			return true;
	return false;
}

static bool is_eligible(const struct candidate *c, bool in_local)
{
	return !c->overlaps && !c->unusable && (!in_local || is_local(c));
}

static const struct candidate *best_of(const struct book *b, const struct entry *e, bool in_local)
{
	const struct candidate *c = &e->first;

	while (c != NULL && !is_eligible(c, in_local))
		c = book_next(b, c);
	return c;
}

/* Chooses anew among the candidates of e. changed: one that was valid has just gone. */
static void choose(struct rib *r, const struct table *t, const struct book *b, struct entry *e,
		   bool changed)
{
	struct prefix p = book_prefix(b, e);
	bool in_local = lies_in_local(t, &p);
	const struct candidate *best = best_of(b, e, in_local);
	unsigned count = 0;

	for (struct candidate *c = &e->first; c != NULL; c = book_next(b, c)) {
		bool valid = is_eligible(c, in_local) && book_prefer(c, best) == 0;

		changed = changed || valid != c->valid;
		c->valid = valid;
		if (valid)
			r->valid[count++] = route_of(&p, c);
	}
	if (changed)
		r->change(r->ctx, t->id, &p, r->valid, count);
}

/* A subnet of the table's own came or went: everything inside it is judged anew. */
static void choose_inside(struct rib *r, const struct table *t, const struct prefix *local)
{
	struct book *b = book_of(t, local);
	uint32_t n, *list = book_list(b, local, &n);

	for (uint32_t i = 0; i < n; i++)
		if (book_entry(b, list[i])->len > local->len)
			choose(r, t, b, book_entry(b, list[i]), false);
	for (uint32_t i = list != NULL ? BOOK_NONE : book_scan(b, 0); i != BOOK_NONE;
	     i = book_scan(b, i + 1)) { /* without memory in no order */
		struct prefix p = book_prefix(b, book_entry(b, i));

		if (p.len > local->len && prefix_covers(local, &p))
			choose(r, t, b, book_entry(b, i), false);
	}
	free(list);
}

static void mark_overlaps(const struct book *b, struct entry *e, const struct node *n)
{
	for (const struct claim *claim = n->here; claim != NULL; claim = claim->next) {
		struct rib_route r = { .via = RIB_VIA_ATTACHMENT, .origin = RIB_PROPAGATED };
		struct candidate *c = find(b, e, kind_of(&r), claim->attachment, claim->source);

		if (c != NULL)
			c->overlaps = claim->overlaps;
	}
}

static void choose_changed(struct rib *r, const struct table *t, struct node *n)
{
	struct book *b;
	struct entry *e;

	if (n == NULL || n->claims == 0)
		return;
	if (n->changed) {
		n->changed = false;
		b = book_of(t, &n->prefix);
		e = book_find(b, &n->prefix);
		mark_overlaps(b, e, n);
		choose(r, t, b, e, false);
	}
	choose_changed(r, t, n->child[0]);
	choose_changed(r, t, n->child[1]);
}

/* After route came to e or went; e NULL: it was the last. claim: where, if it is one. changed: it
 * was valid and went. */
static void settle(struct rib *r, const struct table *t, const struct book *b, struct entry *e,
		   const struct rib_route *route, struct node *claim, bool changed)
{
	struct node *top = claim != NULL ? overlap_settle(claim, r->claims) : NULL;

	if (claim != NULL) {
		claim->changed = false;
		if (e != NULL)
			mark_overlaps(b, e, claim);
	}
	if (e != NULL)
		choose(r, t, b, e, changed);
	else if (changed)
		r->change(r->ctx, t->id, &route->prefix, NULL, 0);
	choose_changed(r, t, top);
	if (route->via == RIB_VIA_LOCAL)
		choose_inside(r, t, &route->prefix);
}

/* ---- tables ------------------------------------------------------------------------------ */

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
	book_init(&t->v4, ADDR_IPV4);
	book_init(&t->v6, ADDR_IPV6);
	memmove(&r->tables[i + 1], &r->tables[i], (r->n_tables - i) * sizeof(struct table *));
	r->tables[i] = t;
	r->n_tables++;
	return 0;
}

static void withdraw(struct rib *r, const struct table *t, const struct book *b, uint32_t i)
{
	const struct entry *e = book_entry(b, i);
	struct prefix p = book_prefix(b, e);

	for (const struct candidate *c = &e->first; c != NULL; c = book_next(b, c)) {
		if (c->valid) {
			r->change(r->ctx, t->id, &p, NULL, 0);
			return;
		}
	}
}

static void withdraw_all(struct rib *r, const struct table *t, const struct book *b)
{
	uint32_t n, *list = book_list(b, NULL, &n);

	for (uint32_t i = 0; i < n; i++)
		withdraw(r, t, b, list[i]);
	for (uint32_t i = list != NULL ? BOOK_NONE : book_scan(b, 0); i != BOOK_NONE;
	     i = book_scan(b, i + 1))
		withdraw(r, t, b, i);
	free(list);
}

static void table_free(struct table *t)
{
	book_clear(&t->v4);
	book_clear(&t->v6);
	trie_clear(&t->claims);
	free(t->local);
	free(t);
}

int rib_table_delete(struct rib *r, uint32_t id)
{
	size_t i = table_place(r, id);
	struct table *t = table_find(r, id);

	if (t == NULL)
		return -ENOENT;
	withdraw_all(r, t, &t->v4);
	withdraw_all(r, t, &t->v6);
	r->n_tables--;
	memmove(&r->tables[i], &r->tables[i + 1], (r->n_tables - i) * sizeof(struct table *));
	table_free(t);
	return 0;
}

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

/* ---- adding and removing ----------------------------------------------------------------- */

static bool is_network(const struct prefix *p)
{
	return addr_bits(&p->addr) > 0 && p->len <= addr_bits(&p->addr) && prefix_is_network(p);
}

static void local_count(struct table *t, const struct prefix *p, int by)
{
	size_t i = 0;

	while (i < t->n_local && !prefix_equal(&t->local[i].prefix, p))
		i++;
	if (i == t->n_local) /* there is room */
		t->local[t->n_local++] = (struct local){ *p, 0 };
	t->local[i].count += (uint32_t)by;
	if (t->local[i].count == 0)
		t->local[i] = t->local[--t->n_local];
}

static int reserve_all(struct rib *r, struct table *t, const struct book *b, struct entry *e,
		       const struct rib_route *route)
{
	size_t share = 1;
	int err;

	for (const struct candidate *c = e != NULL ? &e->first : NULL; c != NULL;
	     c = book_next(b, c))
		share++;
	err = reserve(&r->valid, &r->cap_valid, share, sizeof(*r->valid));
	if (err == 0 && overlap_is_claim(route))
		err = reserve(&r->claims, &r->cap_claims, t->n_claims + 1, sizeof(struct claim *));
	if (err == 0 && route->via == RIB_VIA_LOCAL)
		err = reserve(&t->local, &t->cap_local, t->n_local + 1, sizeof(*t->local));
	return err;
}

static int add_new(struct rib *r, struct table *t, struct book *b, struct entry *e,
		   const struct rib_route *route)
{
	struct candidate c = { .via_index = route->via_index,
			       .source = route->source,
			       .metric = metric_of(route),
			       .kind = kind_of(route),
			       .unusable = route->unusable };
	struct node *claim = NULL;
	int err = reserve_all(r, t, b, e, route);

	if (err == 0 && overlap_is_claim(route))
		err = overlap_claim(&t->claims, route, r->arrivals, &claim);
	if (err != 0)
		return err;
	e = book_add(b, &route->prefix, &c);
	if (e == NULL) {
		if (claim != NULL)
			trie_prune(&t->claims, overlap_unclaim(&t->claims, route));
		return -ENOMEM;
	}
	r->arrivals++;
	t->n_candidates++;
	t->n_claims += claim != NULL;
	if (route->via == RIB_VIA_LOCAL)
		local_count(t, &route->prefix, 1);
	settle(r, t, b, e, route, claim, false);
	return 0;
}

int rib_add(struct rib *r, uint32_t id, const struct rib_route *route)
{
	struct table *t = table_find(r, id);
	struct candidate *c;
	struct entry *e;
	struct book *b;

	if (t == NULL)
		return -ENOENT;
	if (!is_network(&route->prefix))
		return -EINVAL;
	b = book_of(t, &route->prefix);
	e = book_find(b, &route->prefix);
	c = find(b, e, kind_of(route), route->via_index, route->source);
	if (c == NULL)
		return add_new(r, t, b, e, route);
	if (c->metric == metric_of(route) && c->unusable == route->unusable)
		return 0;
	c->unusable = route->unusable;
	book_set_metric(b, e, c, metric_of(route)); /* c is another's place from here on */
	choose(r, t, b, e, false);
	return 0;
}

int rib_remove(struct rib *r, uint32_t id, const struct rib_route *route)
{
	struct table *t = table_find(r, id);
	struct book *b = t != NULL ? book_of(t, &route->prefix) : NULL;
	struct entry *e = b != NULL ? book_find(b, &route->prefix) : NULL;
	struct candidate *c = find(b, e, kind_of(route), route->via_index, route->source);
	struct node *claim = NULL;
	bool was_valid;

	if (c == NULL)
		return -ENOENT;
	was_valid = c->valid;
	if (book_remove(b, e, c))
		e = NULL;
	t->n_candidates--;
	if (overlap_is_claim(route)) {
		claim = overlap_unclaim(&t->claims, route);
		t->n_claims--;
	}
	if (route->via == RIB_VIA_LOCAL)
		local_count(t, &route->prefix, -1);
	settle(r, t, b, e, route, claim, was_valid);
	if (claim != NULL)
		trie_prune(&t->claims, claim);
	return 0;
}

/* ---- looking ----------------------------------------------------------------------------- */

bool rib_has(const struct rib *r, uint32_t id, const struct rib_route *route)
{
	const struct table *t = table_find(r, id);
	const struct book *b = t != NULL ? book_of(t, &route->prefix) : NULL;

	return b != NULL && find(b, book_find(b, &route->prefix), kind_of(route), route->via_index,
				 route->source) != NULL;
}

unsigned rib_valid(const struct rib *r, uint32_t id, const struct prefix *p, struct rib_route *out,
		   unsigned max)
{
	const struct table *t = table_find(r, id);
	const struct book *b = t != NULL ? book_of(t, p) : NULL;
	const struct entry *e = b != NULL ? book_find(b, p) : NULL;
	unsigned n = 0;

	for (const struct candidate *c = e != NULL ? &e->first : NULL; c != NULL;
	     c = book_next(b, c)) {
		if (c->valid && n < max)
			out[n] = route_of(p, c);
		n += c->valid;
	}
	return n;
}

size_t rib_routes(const struct rib *r, uint32_t id)
{
	const struct table *t = table_find(r, id);

	return t != NULL ? t->n_candidates : 0;
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

static void tell(const struct table *t, const struct book *b, uint32_t i, rib_walk_fn fn, void *ctx)
{
	const struct entry *e = book_entry(b, i);
	struct prefix p = book_prefix(b, e);
	bool in_local = lies_in_local(t, &p);
	const struct candidate *best = best_of(b, e, in_local);

	for (const struct candidate *c = &e->first; c != NULL; c = book_next(b, c)) {
		struct rib_route route = route_of(&p, c), first;

		if (c->valid) {
			fn(ctx, &route, RIB_VALID, NULL);
		} else if (c->overlaps) {
			fn(ctx, &route, RIB_OVERLAPS,
			   "another VPC propagated an overlapping prefix first");
		} else if (c->unusable) {
			fn(ctx, &route, RIB_UNUSABLE, "no tunnel up");
		} else if (!is_eligible(c, in_local)) {
			fn(ctx, &route, RIB_WORSE, "it lies in one of the table's own subnets");
		} else {
			first = route_of(&p, best);
			fn(ctx, &route, RIB_WORSE, why_worse(&route, &first));
		}
	}
}

static int walk(const struct table *t, const struct book *b, const struct prefix *within,
		rib_walk_fn fn, void *ctx)
{
	uint32_t n, *list;

	if (within != NULL && within->addr.family != b->family)
		return 0;
	list = book_list(b, within, &n);
	for (uint32_t i = 0; i < n; i++)
		tell(t, b, list[i], fn, ctx);
	free(list);
	return n == 0 && within == NULL && b->n > 0 ? -ENOMEM : 0;
}

int rib_walk(const struct rib *r, uint32_t id, const struct prefix *overlapping, rib_walk_fn fn,
	     void *ctx)
{
	const struct table *t = table_find(r, id);
	int err4, err6;

	if (t == NULL)
		return -ENOENT;
	err4 = walk(t, &t->v4, overlapping, fn, ctx);
	err6 = walk(t, &t->v6, overlapping, fn, ctx);
	return err4 != 0 ? err4 : err6;
}

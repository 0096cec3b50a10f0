#include "dataplane/fib.h"

#include "dataplane/fib_direct.h"
#include "dataplane/fib_heap.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SLOTS	   256
#define ROUTES_MAX 511 /* prefixes of 1 to 8 more bits, and the root's one of none */
#define DEPTH_MAX  16

const uint32_t fib_none = FIB_NONE;

/* ---- a node's arrays -------------------------------------------------------------------- */

static struct fib_node **children(const struct fib_node *n)
{
	return (struct fib_node **)(uintptr_t)(n + 1);
}

static uint32_t *values(const struct fib_node *n)
{
	return (uint32_t *)(children(n) + n->block.n_child);
}

static uint32_t *route_values(const struct fib_node *n)
{
	return values(n) + n->block.n_value;
}

/* A route's position in its node: a one, then its bits there. Sorted by number, a covering route
 * comes before what it covers. */
static uint16_t *route_positions(const struct fib_node *n)
{
	return (uint16_t *)(route_values(n) + n->block.n_route);
}

static struct fib_node **child_at(const struct fib_node *n, uint8_t slot)
{
	const struct fib_part *p = &n->part[slot / 64];
	uint64_t bit = UINT64_C(1) << (slot % 64);

	if (!(p->child & bit))
		return NULL;
	return (struct fib_node **)(uintptr_t)n + p->first_child +
	       __builtin_popcountll(p->child & (bit - 1));
}

/* Index of the first route at or behind this position. */
static unsigned route_find(const struct fib_node *n, uint16_t position)
{
	const uint16_t *at = route_positions(n);
	unsigned low = 0, high = n->block.n_route;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (at[mid] < position)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- drafts: an old node, one difference, a new node ------------------------------------ */

struct draft {
	unsigned n_child, n_route;
	uint64_t child_map[4];
	struct fib_node *child[SLOTS];
	uint32_t route_value[ROUTES_MAX];
	uint16_t route_position[ROUTES_MAX];
};

static void draft_from(struct draft *d, const struct fib_node *n)
{
	d->n_child = n ? n->block.n_child : 0;
	d->n_route = n ? n->block.n_route : 0;
	for (unsigned i = 0; i < 4; i++)
		d->child_map[i] = n ? n->part[i].child : 0;
	if (!n)
		return;
	memcpy(d->child, children(n), d->n_child * sizeof(d->child[0]));
	memcpy(d->route_value, route_values(n), d->n_route * sizeof(d->route_value[0]));
	memcpy(d->route_position, route_positions(n), d->n_route * sizeof(d->route_position[0]));
}

static unsigned draft_child_index(const struct draft *d, uint8_t slot)
{
	unsigned n = 0, i;

	for (i = 0; i < slot / 64u; i++)
		n += (unsigned)__builtin_popcountll(d->child_map[i]);
	return n +
	       (unsigned)__builtin_popcountll(d->child_map[i] & ((UINT64_C(1) << (slot % 64)) - 1));
}

static void draft_add_child(struct draft *d, uint8_t slot, struct fib_node *child)
{
	unsigned i = draft_child_index(d, slot);

	memmove(&d->child[i + 1], &d->child[i], (d->n_child - i) * sizeof(d->child[0]));
	d->child[i] = child;
	d->child_map[slot / 64] |= UINT64_C(1) << (slot % 64);
	d->n_child++;
}

static void draft_remove_child(struct draft *d, uint8_t slot)
{
	unsigned i = draft_child_index(d, slot);

	d->n_child--;
	memmove(&d->child[i], &d->child[i + 1], (d->n_child - i) * sizeof(d->child[0]));
	d->child_map[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* i: where route_find() says it is, or belongs. */
static void draft_set_route(struct draft *d, unsigned i, uint16_t position, uint32_t value)
{
	if (i == d->n_route || d->route_position[i] != position) {
		unsigned behind = d->n_route++ - i;

		memmove(&d->route_value[i + 1], &d->route_value[i],
			behind * sizeof(d->route_value[0]));
		memmove(&d->route_position[i + 1], &d->route_position[i],
			behind * sizeof(d->route_position[0]));
		d->route_position[i] = position;
	}
	d->route_value[i] = value;
}

static void draft_remove_route(struct draft *d, unsigned i)
{
	unsigned behind = --d->n_route - i;

	memmove(&d->route_value[i], &d->route_value[i + 1], behind * sizeof(d->route_value[0]));
	memmove(&d->route_position[i], &d->route_position[i + 1],
		behind * sizeof(d->route_position[0]));
}

/* What the routes make of the slots; longer routes paint over shorter ones. */
struct canvas {
	uint64_t covered[4], start[4];
	uint32_t slot[SLOTS];
	uint32_t run[SLOTS];
	unsigned n_run;
	uint16_t first_run[4];
};

static void paint(struct canvas *c, const struct draft *d)
{
	memset(c->covered, 0, sizeof(c->covered));
	memset(c->start, 0, sizeof(c->start));
	c->n_run = 0;
	for (unsigned i = 0; i < d->n_route; i++) {
		unsigned position = d->route_position[i];
		unsigned bits = 31u - (unsigned)__builtin_clz(position);
		unsigned first = position << (8 - bits) & (SLOTS - 1);

		for (unsigned s = first; s < first + (1u << (8 - bits)); s++) {
			c->slot[s] = d->route_value[i];
			c->covered[s / 64] |= UINT64_C(1) << (s % 64);
		}
	}
	for (unsigned p = 0; p < 4; p++) {
		uint64_t left = c->covered[p];
		unsigned before = SLOTS; /* no run to continue */

		c->first_run[p] = (uint16_t)c->n_run;
		while (left) {
			unsigned s = p * 64 + (unsigned)__builtin_ctzll(left);

			if (before + 1 != s || c->slot[before] != c->slot[s]) {
				c->start[p] |= UINT64_C(1) << (s % 64);
				c->run[c->n_run++] = c->slot[s];
			}
			before = s;
			left &= left - 1;
		}
	}
}

static struct fib_node *build(struct fib_heap *h, const struct draft *d)
{
	struct canvas c;
	struct fib_node *n;
	size_t bytes = sizeof(*n);
	unsigned child = 0;

	paint(&c, d);
	bytes += d->n_child * sizeof(d->child[0]) + c.n_run * sizeof(c.run[0]);
	bytes += d->n_route * (sizeof(d->route_value[0]) + sizeof(d->route_position[0]));
	n = fib_heap_alloc(h, bytes);
	if (!n)
		return NULL;
	n->block.n_child = (uint16_t)d->n_child;
	n->block.n_value = (uint16_t)c.n_run;
	n->block.n_route = (uint16_t)d->n_route;
	for (unsigned p = 0; p < 4; p++) {
		n->part[p].child = d->child_map[p];
		n->part[p].covered = c.covered[p];
		n->part[p].start = c.start[p];
		n->part[p].first_child = (uint16_t)(sizeof(*n) / 8 + child);
		n->part[p].first_value =
			(uint16_t)(sizeof(*n) / 4 + d->n_child * 2 + c.first_run[p]);
		n->part[p].unused = 0;
		child += (unsigned)__builtin_popcountll(d->child_map[p]);
	}
	memcpy(children(n), d->child, d->n_child * sizeof(d->child[0]));
	memcpy(values(n), c.run, c.n_run * sizeof(c.run[0]));
	memcpy(route_values(n), d->route_value, d->n_route * sizeof(d->route_value[0]));
	memcpy(route_positions(n), d->route_position, d->n_route * sizeof(d->route_position[0]));
	return n;
}

/* ---- the way to a prefix ---------------------------------------------------------------- */

struct way {
	uint8_t byte[DEPTH_MAX];	   /* of the network address */
	unsigned level;			   /* of the node that the route lives in */
	uint16_t position;		   /* of the route in that node */
	unsigned found;			   /* the deepest level that exists */
	struct fib_node **link[DEPTH_MAX]; /* what points to the node of each level up to there */
};

static int way_to(struct way *w, const struct fib *f, const struct prefix *p)
{
	unsigned bits = addr_bits(&p->addr), inside;

	if (!bits || p->len > bits)
		return -EINVAL;
	memcpy(w->byte, p->addr.b, sizeof(w->byte));
	w->level = p->len ? (p->len - 1u) / 8 : 0;
	inside = p->len - w->level * 8;
	w->position = (uint16_t)(1u << inside | w->byte[w->level] >> (8 - inside));

	w->link[0] = (struct fib_node **)(uintptr_t)(p->addr.family == ADDR_IPV4 ? &f->root4
										 : &f->root6);
	for (w->found = 0; w->found < w->level; w->found++) {
		struct fib_node **next = child_at(*w->link[w->found], w->byte[w->found]);

		if (!next)
			break;
		w->link[w->found + 1] = next;
	}
	return 0;
}

/* Readers see the whole new node or the whole old one. */
static void publish(struct fib *f, struct fib_node **link, struct fib_node *n)
{
	struct fib_node *old = *link;

	__atomic_store_n(link, n, __ATOMIC_RELEASE);
	fib_heap_retire(f->heap, &old->block);
}

/* The direct index follows the trie, comes when the table is large, and goes when it is small
 * again. Where memory or numbers do not suffice, the trie answers alone until it is twice as large.
 */
static void changed(struct fib *f, const struct prefix *p)
{
	struct fib_direct *old = f->direct;

	if (p->addr.family != ADDR_IPV4)
		return;
	if (old && f->routes4 >= FIB_DIRECT_FEW && fib_direct_repaint(old, f->root4, p))
		return;
	if (old) {
		__atomic_store_n(&f->direct, NULL, __ATOMIC_RELEASE);
		fib_heap_retire(f->heap, &old->region.block);
		f->direct_from = FIB_DIRECT_MANY;
	}
	if (f->routes4 < f->direct_from)
		return;
	__atomic_store_n(&f->direct, fib_direct_new(f->heap, f->root4), __ATOMIC_RELEASE);
	if (!f->direct)
		f->direct_from = 2 * f->routes4;
}

static bool way_has_route(const struct way *w, unsigned *i)
{
	const struct fib_node *n;

	if (w->found < w->level)
		return false;
	n = *w->link[w->level];
	*i = route_find(n, w->position);
	return *i < n->block.n_route && route_positions(n)[*i] == w->position;
}

int fib_set(struct fib *f, const struct prefix *p, uint32_t nh)
{
	struct fib_node *below = NULL, *n;
	struct draft d;
	struct way w;
	unsigned i = 0, level;
	bool known;

	if (nh == FIB_NONE || way_to(&w, f, p))
		return -EINVAL;
	known = way_has_route(&w, &i);

	/* From the route's own node up to the deepest one that exists, which is replaced. */
	for (level = w.level;; level--) {
		draft_from(&d, level == w.found ? *w.link[level] : NULL);
		if (level == w.level)
			draft_set_route(&d, i, w.position, nh);
		else
			draft_add_child(&d, w.byte[level], below);
		n = build(f->heap, &d);
		if (!n)
			goto out;
		if (level == w.found)
			break;
		below = n;
	}
	publish(f, w.link[level], n);
	f->routes += !known;
	f->routes4 += !known && p->addr.family == ADDR_IPV4;
	changed(f, p);
	return 0;
out:
	while (below) { /* nobody saw these */
		n = below->block.n_child ? children(below)[0] : NULL;
		fib_heap_release(f->heap, &below->block);
		below = n;
	}
	return -ENOMEM;
}

int fib_delete(struct fib *f, const struct prefix *p)
{
	struct fib_node *gone[DEPTH_MAX], *n;
	unsigned i, level, n_gone = 0;
	struct draft d;
	struct way w;

	if (way_to(&w, f, p))
		return -EINVAL;
	if (!way_has_route(&w, &i))
		return -ENOENT;
	level = w.level;
	draft_from(&d, *w.link[level]);
	draft_remove_route(&d, i);
	/* A node that is left empty goes too, and with it perhaps the one that led to it. */
	while (level && !d.n_route && !d.n_child) {
		gone[n_gone++] = *w.link[level--];
		draft_from(&d, *w.link[level]);
		draft_remove_child(&d, w.byte[level]);
	}
	n = build(f->heap, &d);
	if (!n)
		return -ENOMEM;
	publish(f, w.link[level], n);
	while (n_gone)
		fib_heap_retire(f->heap, &gone[--n_gone]->block);
	f->routes--;
	f->routes4 -= p->addr.family == ADDR_IPV4;
	changed(f, p);
	return 0;
}

uint32_t fib_get(const struct fib *f, const struct prefix *p)
{
	struct way w;
	unsigned i;

	if (way_to(&w, f, p) || !way_has_route(&w, &i))
		return FIB_NONE;
	return route_values(*w.link[w.level])[i];
}

size_t fib_routes(const struct fib *f)
{
	return f->routes;
}

uint32_t fib_lookup(const struct fib *f, const struct addr *a)
{
	switch (a->family) {
	case ADDR_IPV4:
		return fib_lookup4(f, addr_to_ipv4(a));
	case ADDR_IPV6:
		return fib_lookup6(f, a->b);
	default:
		return FIB_NONE;
	}
}

/* ---- a table's life --------------------------------------------------------------------- */

static_assert(offsetof(struct fib, block) == offsetof(struct fib_node, block),
	      "the heap finds both by their block");

struct fib *fib_new(struct fib_heap *h)
{
	static const struct draft empty;
	struct fib *f = fib_heap_alloc(h, sizeof(*f));

	if (!f)
		return NULL;
	f->heap = h;
	f->direct = NULL;
	f->routes = f->routes4 = 0;
	f->direct_from = FIB_DIRECT_MANY;
	f->root4 = build(h, &empty);
	f->root6 = build(h, &empty);
	if (!f->root4 || !f->root6)
		goto out;
	return f;
out:
	if (f->root4)
		fib_heap_release(h, &f->root4->block);
	if (f->root6)
		fib_heap_release(h, &f->root6->block);
	fib_heap_release(h, &f->block);
	return NULL;
}

static void retire_tree(struct fib_heap *h, struct fib_node *n)
{
	for (unsigned i = 0; i < n->block.n_child; i++)
		retire_tree(h, children(n)[i]);
	fib_heap_retire(h, &n->block);
}

void fib_free(struct fib *f)
{
	if (!f)
		return;
	if (f->direct)
		fib_heap_retire(f->heap, &f->direct->region.block);
	retire_tree(f->heap, f->root4);
	retire_tree(f->heap, f->root6);
	fib_heap_retire(f->heap, &f->block);
}

struct walk {
	void (*fn)(void *ctx, const struct prefix *p, uint32_t nh);
	void *ctx;
	struct prefix at;
};

static void walk_slot(struct walk *w, const struct fib_node *n, unsigned level, unsigned slot)
{
	for (unsigned bits = level ? 1 : 0; bits <= 8; bits++) {
		uint16_t position = (uint16_t)(1u << bits | slot >> (8 - bits));
		unsigned i;

		if (slot & (0xffu >> bits)) /* no route of so few bits starts here */
			continue;
		i = route_find(n, position);
		if (i == n->block.n_route || route_positions(n)[i] != position)
			continue;
		w->at.addr.b[level] = (uint8_t)slot;
		w->at.len = (uint8_t)(level * 8 + bits);
		w->fn(w->ctx, &w->at, route_values(n)[i]);
	}
}

static void walk_node(struct walk *w, const struct fib_node *n, unsigned level)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		struct fib_node **child = child_at(n, (uint8_t)slot);

		walk_slot(w, n, level, slot);
		if (!child)
			continue;
		w->at.addr.b[level] = (uint8_t)slot;
		walk_node(w, *child, level + 1);
	}
	w->at.addr.b[level] = 0;
}

void fib_walk(const struct fib *f, void (*fn)(void *ctx, const struct prefix *p, uint32_t nh),
	      void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };

	w.at.addr.family = ADDR_IPV4;
	walk_node(&w, f->root4, 0);
	w.at.addr.family = ADDR_IPV6;
	walk_node(&w, f->root6, 0);
}

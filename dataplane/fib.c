#include "dataplane/fib.h"

#include "dataplane/fib_direct.h"
#include "dataplane/fib_heap.h"
#include "dataplane/fib_node.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX  16
#define NODE_LINES 6  /* that most nodes lie in */
#define MANY	   64 /* lookups at once */

const uint32_t fib_none = FIB_NONE;

/* ---- the way to a prefix ---------------------------------------------------------------- */

/* A node of a large table is in no cache: all of it is asked for at once, not line by line as its
 * parts turn out to be needed. */
static void fetch(const struct fib_node *n)
{
	for (unsigned line = 0; line < NODE_LINES; line++)
		__builtin_prefetch((const uint8_t *)n + line * 64);
}

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
		struct fib_node **next = fib_child_at(*w->link[w->found], w->byte[w->found]);

		if (!next)
			break;
		w->link[w->found + 1] = next;
		fetch(*next);
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

static void set_direct(struct fib *f, struct fib_direct *d)
{
	struct fib_direct *old = f->direct;

	__atomic_store_n(&f->direct, d, __ATOMIC_RELEASE);
	if (old)
		fib_direct_retire(f->heap, old);
}

/* The direct index follows the trie, comes when the table is large, and goes when it is small
 * again. Where memory or numbers do not suffice, the trie answers alone until it is twice as large.
 */
static void changed(struct fib *f, const struct prefix *p)
{
	struct fib_direct *d = f->direct;

	if (p->addr.family != ADDR_IPV4)
		return;
	if (d && f->routes4 >= FIB_DIRECT_FEW && fib_direct_repaint(f->heap, d, f->root4, p)) {
		d = fib_direct_sparse(d) ? fib_direct_copy(f->heap, d) : NULL;
		if (d)
			set_direct(f, d);
		return;
	}
	if (d) {
		set_direct(f, NULL);
		f->direct_from = FIB_DIRECT_MANY;
	}
	if (f->routes4 < f->direct_from)
		return;
	set_direct(f, fib_direct_new(f->heap, f->root4));
	if (!f->direct)
		f->direct_from = 2 * f->routes4;
}

static bool way_has_route(const struct way *w, unsigned *i)
{
	return w->found == w->level && fib_route_find(*w->link[w->level], w->position, i);
}

int fib_set(struct fib *f, const struct prefix *p, uint32_t nh)
{
	struct fib_node *below = NULL, *n;
	struct fib_draft d;
	struct way w;
	unsigned i = 0, level;
	bool known;

	if (f->direct && p->addr.family == ADDR_IPV4)
		fib_direct_fetch(f->direct, addr_to_ipv4(&p->addr), nh);
	if (nh == FIB_NONE || way_to(&w, f, p))
		return -EINVAL;
	known = way_has_route(&w, &i);

	/* From the route's own node up to the deepest one that exists, which is replaced. */
	for (level = w.level;; level--) {
		fib_draft(&d, level == w.found ? *w.link[level] : NULL);
		if (level == w.level)
			fib_draft_set_route(&d, i, w.position, nh);
		else
			fib_draft_add_child(&d, w.byte[level], below);
		n = fib_draft_build(&d, f->heap);
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
		n = below->block.n_child ? fib_children(below)[0] : NULL;
		fib_heap_release(f->heap, &below->block);
		below = n;
	}
	return -ENOMEM;
}

int fib_delete(struct fib *f, const struct prefix *p)
{
	struct fib_node *gone[DEPTH_MAX], *n;
	unsigned i, level, n_gone = 0;
	struct fib_draft d;
	struct way w;

	if (f->direct && p->addr.family == ADDR_IPV4)
		fib_direct_fetch(f->direct, addr_to_ipv4(&p->addr), FIB_NONE);
	if (way_to(&w, f, p))
		return -EINVAL;
	if (!way_has_route(&w, &i))
		return -ENOENT;
	level = w.level;
	fib_draft(&d, *w.link[level]);
	fib_draft_remove_route(&d, i);
	/* A node that is left empty goes too, and with it perhaps the one that led to it. */
	while (level && !d.n_route && !d.n_child) {
		gone[n_gone++] = *w.link[level--];
		fib_draft(&d, *w.link[level]);
		fib_draft_remove_child(&d, w.byte[level]);
	}
	n = fib_draft_build(&d, f->heap);
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
	return fib_route_values(*w.link[w.level])[i];
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

/* All groups, then all chunks, then all next hops, and nothing else meanwhile: as many of them are
 * on their way as the CPU can have. */
static void look_up_direct(const struct fib *f, const struct fib_direct *d,
			   const uint32_t *host_order, uint32_t *nh, unsigned n)
{
	uint16_t number[MANY], longer = 0;
	uint32_t group[MANY];

	for (unsigned i = 0; i < n; i++) {
		group[i] = __atomic_load_n(&d->group[host_order[i] >> 14], __ATOMIC_ACQUIRE);
		__builtin_prefetch(fib_chunk(d, group[i])); /* or the next hop, by its number */
	}
	for (unsigned i = 0; i < n; i++) {
		number[i] = fib_number(d, group[i], host_order[i]);
		longer |= number[i];
	}
	for (unsigned i = 0; i < n; i++)
		nh[i] = d->value[number[i] & (FIB_DIRECT_LONGER - 1)];
	if (!(longer & FIB_DIRECT_LONGER))
		return;
	for (unsigned i = 0; i < n; i++)
		if (number[i] & FIB_DIRECT_LONGER)
			nh[i] = fib_walk4(f, host_order[i]);
}

void fib_lookup4_many(const struct fib *f, const uint32_t *host_order, uint32_t *nh, unsigned n)
{
	const struct fib_direct *d = __atomic_load_n(&f->direct, __ATOMIC_ACQUIRE);

	for (unsigned from = 0; d && from < n; from += MANY)
		look_up_direct(f, d, host_order + from, nh + from,
			       n - from < MANY ? n - from : MANY);
	for (unsigned i = 0; !d && i < n; i++)
		nh[i] = fib_walk4(f, host_order[i]);
}

/* All of them a level deeper, and again, until none leads on. */
static void walk_many(const struct fib_node *root, const uint8_t (*host)[16], uint32_t *nh,
		      unsigned n)
{
	const struct fib_node *at[MANY];
	const uint32_t *best[MANY];
	unsigned left = n;

	for (unsigned i = 0; i < n; i++) {
		at[i] = root;
		best[i] = &fib_none;
	}
	for (unsigned level = 0; left; level++) {
		left = 0;
		for (unsigned i = 0; i < n; i++) {
			if (!at[i])
				continue;
			at[i] = fib_step(at[i], host[i][level], &best[i]);
			if (!at[i])
				continue;
			__builtin_prefetch(&at[i]->part[host[i][level + 1] / 64]);
			left++;
		}
	}
	for (unsigned i = 0; i < n; i++)
		nh[i] = *best[i];
}

void fib_lookup6_many(const struct fib *f, const uint8_t (*host)[16], uint32_t *nh, unsigned n)
{
	const struct fib_node *root = __atomic_load_n(&f->root6, __ATOMIC_ACQUIRE);

	for (unsigned from = 0; from < n; from += MANY)
		walk_many(root, host + from, nh + from, n - from < MANY ? n - from : MANY);
}

/* ---- a table's life --------------------------------------------------------------------- */

static_assert(offsetof(struct fib, block) == offsetof(struct fib_node, block),
	      "the heap finds both by their block");

struct fib *fib_new(struct fib_heap *h)
{
	static const struct fib_draft empty;
	struct fib *f = fib_heap_alloc(h, sizeof(*f));

	if (!f)
		return NULL;
	f->heap = h;
	f->direct = NULL;
	f->routes = f->routes4 = 0;
	f->direct_from = FIB_DIRECT_MANY;
	f->root4 = fib_draft_build(&empty, h);
	f->root6 = fib_draft_build(&empty, h);
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
		retire_tree(h, fib_children(n)[i]);
	fib_heap_retire(h, &n->block);
}

void fib_free(struct fib *f)
{
	if (!f)
		return;
	if (f->direct)
		fib_direct_retire(f->heap, f->direct);
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
		if (!fib_route_find(n, position, &i))
			continue;
		w->at.addr.b[level] = (uint8_t)slot;
		w->at.len = (uint8_t)(level * 8 + bits);
		w->fn(w->ctx, &w->at, fib_route_values(n)[i]);
	}
}

static void walk_node(struct walk *w, const struct fib_node *n, unsigned level)
{
	for (unsigned slot = 0; slot < FIB_SLOTS; slot++) {
		struct fib_node **child = fib_child_at(n, (uint8_t)slot);

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

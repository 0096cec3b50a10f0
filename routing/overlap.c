#include "routing/overlap.h"

#include <errno.h>
#include <stdlib.h>

static void count(struct node *n, int by)
{
	for (; n != NULL; n = n->parent)
		n->claims += (uint32_t)by;
}

int overlap_claim(struct trie *t, const struct rib_route *route, uint64_t order, struct node **at)
{
	struct claim *c = calloc(1, sizeof(*c));
	struct node *n = c != NULL ? trie_get(t, &route->prefix) : NULL;

	if (n == NULL) {
		free(c);
		return -ENOMEM;
	}
	*c = (struct claim){ .next = n->here,
			     .node = n,
			     .attachment = route->via_index,
			     .source = route->source,
			     .order = order };
	n->here = c;
	count(n, 1);
	*at = n;
	return 0;
}

struct node *overlap_unclaim(struct trie *t, const struct rib_route *route)
{
	struct node *n = trie_find(t, &route->prefix);
	struct claim **link = n != NULL ? &n->here : NULL, *c;

	while (link != NULL && *link != NULL &&
	       ((*link)->attachment != route->via_index || (*link)->source != route->source))
		link = &(*link)->next;
	if (link == NULL || *link == NULL)
		return NULL;
	c = *link;
	*link = c->next;
	free(c);
	count(n, -1);
	return n;
}

/* Collects the claims at and below n, and forgets who owned what. */
static size_t collect(struct node *n, struct claim **out)
{
	size_t found = 0;

	if (n == NULL || n->claims == 0)
		return 0;
	n->owners = 0;
	n->owned_here = false;
	n->changed = false;
	for (struct claim *c = n->here; c != NULL; c = c->next)
		out[found++] = c;
	found += collect(n->child[0], out + found);
	found += collect(n->child[1], out + found);
	return found;
}

static int by_arrival(const void *va, const void *vb)
{
	const struct claim *const *a = va, *const *b = vb;

	return (*a)->order < (*b)->order ? -1 : 1;
}

static bool is_blocked(const struct node *n, uint32_t owner, const struct node *top)
{
	if (n->owners > 1 || (n->owners == 1 && n->owner != owner))
		return true; /* by one at or inside its prefix */
	while (n != top) {
		n = n->parent;
		if (n->owned_here && n->owner_here != owner)
			return true; /* by one around it */
	}
	return false;
}

static void take(struct node *n, uint32_t owner, const struct node *top)
{
	n->owned_here = true;
	n->owner_here = owner;
	for (;; n = n->parent) {
		if (n->owners == 0) {
			n->owners = 1;
			n->owner = owner;
		} else if (n->owner != owner) {
			n->owners = 2;
		}
		if (n == top)
			return;
	}
}

struct node *overlap_settle(struct node *n, struct claim **room)
{
	struct node *top = n;
	size_t found;

	for (struct node *up = n; up != NULL; up = up->parent)
		if (up->here != NULL)
			top = up;
	found = collect(top, room);
	if (found == 0)
		return NULL;
	qsort(room, found, sizeof(struct claim *), by_arrival);
	for (size_t i = 0; i < found; i++) {
		struct claim *c = room[i];
		bool blocked = is_blocked(c->node, c->attachment, top);

		if (!blocked)
			take(c->node, c->attachment, top);
		if (c->overlaps != blocked)
			c->node->changed = true;
		c->overlaps = blocked;
	}
	return top;
}

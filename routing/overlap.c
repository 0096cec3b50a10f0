#include "routing/overlap.h"

#include <stdlib.h>

void overlap_count(struct node *n, int by)
{
	n->claims_here += (uint32_t)by;
	for (; n != NULL; n = n->parent)
		n->claims += (uint32_t)by;
}

/* Collects the claims at and below n, and forgets who owned what. */
static size_t collect(struct node *n, struct claim *out)
{
	size_t count = 0;

	if (n == NULL || n->claims == 0)
		return 0;
	n->owners = 0;
	n->owned_here = false;
	n->changed = false;
	for (struct candidate *c = n->candidates; c != NULL; c = c->next)
		if (overlap_is_claim(&c->route))
			out[count++] = (struct claim){ c, n };
	count += collect(n->child[0], out + count);
	count += collect(n->child[1], out + count);
	return count;
}

static int by_arrival(const void *va, const void *vb)
{
	const struct claim *a = va, *b = vb;

	return a->candidate->order < b->candidate->order ? -1 : 1;
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

struct node *overlap_settle(struct node *n, struct claim *room)
{
	struct node *top = n;
	size_t count;

	for (struct node *up = n; up != NULL; up = up->parent)
		if (up->claims_here > 0)
			top = up;
	count = collect(top, room);
	if (count == 0)
		return NULL;
	qsort(room, count, sizeof(*room), by_arrival);
	for (size_t i = 0; i < count; i++) {
		struct candidate *c = room[i].candidate;
		bool blocked = is_blocked(room[i].node, c->route.via_index, top);

		if (!blocked)
			take(room[i].node, c->route.via_index, top);
		if (c->overlaps != blocked)
			room[i].node->changed = true;
		c->overlaps = blocked;
	}
	return top;
}

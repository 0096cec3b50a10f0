#include "ike/timer.h"

void ike_timer_init(struct ike_timer *t, ike_timer_fn *fire)
{
	*t = (struct ike_timer){ .at = IKE_NEVER, .fire = fire };
}

/* Both are roots without siblings; either may be NULL. */
static struct ike_timer *meld(struct ike_timer *a, struct ike_timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		struct ike_timer *swap = a;

		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* The two passes of a pairing heap, without recursion: pairs are melded from left to right onto a
 * stack that is linked through next, which is then melded from right to left. */
static struct ike_timer *meld_siblings(struct ike_timer *first)
{
	struct ike_timer *stack = NULL, *root = NULL;

	while (first) {
		struct ike_timer *a = first, *b = a->next;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = stack;
		stack = a;
	}
	while (stack) {
		struct ike_timer *a = stack;

		stack = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

void ike_timer_cancel(struct ike_timers *h, struct ike_timer *t)
{
	struct ike_timer *below;

	if (!t->armed)
		return;
	below = meld_siblings(t->child);
	if (t == h->root) {
		h->root = below;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		h->root = meld(h->root, below);
	}
	t->child = t->next = t->prev = NULL;
	t->armed = false;
	t->at = IKE_NEVER;
}

void ike_timer_set(struct ike_timers *h, struct ike_timer *t, ike_time at)
{
	ike_timer_cancel(h, t);
	if (at == IKE_NEVER)
		return;
	t->at = at;
	t->armed = true;
	h->root = meld(h->root, t);
}

ike_time ike_timers_next(const struct ike_timers *h)
{
	return h->root ? h->root->at : IKE_NEVER;
}

struct ike_timer *ike_timers_take(struct ike_timers *h, ike_time now)
{
	struct ike_timer *t = h->root;

	if (!t || t->at > now)
		return NULL;
	ike_timer_cancel(h, t);
	return t;
}

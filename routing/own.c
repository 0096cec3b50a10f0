#include "routing/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void own_clear(struct own *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		free(o->v[i].rival);
	free(o->v);
	*o = (struct own){ 0 };
}

static int compare(const struct prefix *a, const struct prefix *b)
{
	int c = addr_compare(&a->addr, &b->addr);

	return c != 0 ? c : (int)a->len - (int)b->len;
}

/* The first that is not before p. */
static uint32_t place(const struct own *o, const struct prefix *p)
{
	uint32_t low = 0, high = o->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(&o->v[mid].prefix, p) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct own_prefix *own_find(const struct own *o, const struct prefix *p)
{
	uint32_t i = place(o, p);

	return i < o->n && prefix_equal(&o->v[i].prefix, p) ? &o->v[i] : NULL;
}

/* The nearest around p of those before number i, where p is or would be. */
static uint32_t around(const struct own *o, uint32_t i, const struct prefix *p)
{
	if (i == 0)
		return OWN_NONE;
	for (i--; i != OWN_NONE && !prefix_covers(&o->v[i].prefix, p); i = o->v[i].cover)
		;
	return i;
}

static void find_covers(struct own *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		o->v[i].cover = around(o, i, &o->v[i].prefix);
}

int own_add(struct own *o, const struct rib_route *r)
{
	struct own_prefix *x = own_find(o, &r->prefix);
	uint32_t i = place(o, &r->prefix);
	bool fresh = x == NULL;

	if (fresh && o->n == o->cap) {
		uint32_t cap = o->cap > 0 ? 2 * o->cap : 8;
		struct own_prefix *v = reallocarray(o->v, cap, sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		o->v = v;
		o->cap = cap;
	}
	if (fresh) {
		x = &o->v[i];
		memmove(x + 1, x, (o->n - i) * sizeof(*x));
		*x = (struct own_prefix){ .prefix = r->prefix };
		o->n++;
		find_covers(o);
	}
	x->routes++;
	x->to_vpc += r->via == RIB_VIA_ATTACHMENT;
	return fresh;
}

void own_remove(struct own *o, const struct rib_route *r)
{
	struct own_prefix *x = own_find(o, &r->prefix);

	if (x == NULL)
		return;
	x->to_vpc -= r->via == RIB_VIA_ATTACHMENT;
	if (--x->routes > 0)
		return;
	free(x->rival);
	o->n--;
	memmove(x, x + 1, (size_t)(o->v + o->n - x) * sizeof(*x));
	find_covers(o);
}

static struct own_rival *rival_of(const struct own_prefix *x, uint32_t connection)
{
	for (uint32_t i = 0; i < x->n_rivals; i++)
		if (x->rival[i].connection == connection)
			return &x->rival[i];
	return NULL;
}

static struct own_rival *rival_new(struct own_prefix *x, uint32_t connection)
{
	if (x->n_rivals == x->cap_rivals) {
		uint32_t cap = x->cap_rivals > 0 ? 2 * x->cap_rivals : 2;
		struct own_rival *v = reallocarray(x->rival, cap, sizeof(*v));

		if (v == NULL)
			return NULL;
		x->rival = v;
		x->cap_rivals = cap;
	}
	x->rival[x->n_rivals] = (struct own_rival){ connection, 0 };
	return &x->rival[x->n_rivals++];
}

static bool count(struct own_prefix *x, uint32_t connection, int by)
{
	struct own_rival *r = rival_of(x, connection);

	if (r == NULL && by > 0)
		r = rival_new(x, connection);
	if (r == NULL)
		return false;
	r->routes += (uint32_t)by;
	if (r->routes == 0)
		*r = x->rival[--x->n_rivals];
	else if (r->routes != 1 || by < 0)
		return false;
	return x->to_vpc > 0;
}

bool own_rival_count_one(struct own_prefix *x, const struct prefix *p, uint32_t connection, int by)
{
	return p->len > 0 && prefix_overlaps(&x->prefix, p) && count(x, connection, by);
}

bool own_rival_count(struct own *o, const struct prefix *p, uint32_t connection, int by)
{
	uint32_t i = o->n > 0 && p->len > 0 ? place(o, p) : o->n;
	bool changed = false;

	if (p->len == 0)
		return false;
	for (uint32_t up = around(o, i, p); up != OWN_NONE; up = o->v[up].cover)
		changed = count(&o->v[up], connection, by) || changed;
	for (; i < o->n && prefix_covers(p, &o->v[i].prefix); i++)
		changed = count(&o->v[i], connection, by) || changed;
	return changed;
}

bool own_has_rival(const struct own_prefix *x, uint32_t connection)
{
	return rival_of(x, connection) != NULL;
}

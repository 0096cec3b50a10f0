#include "routing/batch.h"

#include <stdlib.h>

#define KEEP 4096 /* changes that stay allocated */

void batch_add(struct batch *b, const struct batch_change *c)
{
	if (b->n == b->cap) {
		size_t cap = b->cap > 0 ? b->cap + b->cap / 2 : 16;
		struct batch_change *v = reallocarray(b->v, cap, sizeof(*v));

		if (v == NULL) {
			b->lost = true;
			return;
		}
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n] = *c;
	b->v[b->n].order = (uint32_t)b->n;
	b->n++;
}

static int compare(const struct batch_change *a, const struct prefix *p, uint32_t tunnel)
{
	int c = addr_compare(&a->prefix.addr, &p->addr);

	if (c == 0)
		c = (int)a->prefix.len - (int)p->len;
	if (c == 0 && a->tunnel != tunnel)
		c = a->tunnel < tunnel ? -1 : 1;
	return c;
}

static int by_key(const void *va, const void *vb)
{
	const struct batch_change *a = va, *b = vb;
	int c = compare(a, &b->prefix, b->tunnel);

	return c != 0 ? c : a->order < b->order ? -1 : 1;
}

void batch_settle(struct batch *b)
{
	size_t kept = 0;

	if (b->n < 2)
		return;
	qsort(b->v, b->n, sizeof(*b->v), by_key);
	for (size_t i = 0; i < b->n; i++) {
		if (kept > 0 && compare(&b->v[kept - 1], &b->v[i].prefix, b->v[i].tunnel) == 0)
			kept--;
		b->v[kept++] = b->v[i];
	}
	b->n = kept;
}

bool batch_has(const struct batch *b, const struct prefix *p, uint32_t tunnel)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(&b->v[mid], p, tunnel);

		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

void batch_clear(struct batch *b)
{
	b->n = 0;
	b->lost = false;
	if (b->cap <= KEEP)
		return;
	free(b->v);
	*b = (struct batch){ 0 };
}

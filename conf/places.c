#include "conf/places.h"

#include <stdint.h>
#include <stdlib.h>

void places_add(struct places *p, const void *at, unsigned line)
{
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 256 : p->cap * 2;
		struct place *v = reallocarray(p->v, cap, sizeof(*v));

		if (v == NULL)
			return;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n] = (struct place){ at, line, p->n };
	p->n++;
}

static int compare(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	if (a->at != b->at)
		return (uintptr_t)a->at < (uintptr_t)b->at ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void places_sort(struct places *p)
{
	if (p->n > 0)
		qsort(p->v, p->n, sizeof(*p->v), compare);
}

unsigned places_find(const struct places *p, const void *at)
{
	size_t low = 0, high = p->n;

	/* A list and its first element share an address; the element was added first. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if ((uintptr_t)p->v[mid].at < (uintptr_t)at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->n && p->v[low].at == at ? p->v[low].line : 0;
}

void places_clear(struct places *p)
{
	free(p->v);
	*p = (struct places){ 0 };
}

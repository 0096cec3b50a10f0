#include "conf/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int index_add(struct index *x, const void *key, size_t len, const void *object)
{
	if (x->n == x->cap) {
		size_t cap = x->cap == 0 ? 64 : x->cap * 2;
		struct index_entry *v = reallocarray(x->v, cap, sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n] = (struct index_entry){ key, len, object, x->n };
	x->n++;
	return 0;
}

static int key_compare(const struct index_entry *a, const void *key, size_t len)
{
	if (a->len != len)
		return a->len < len ? -1 : 1;
	return memcmp(a->key, key, len);
}

static int compare(const void *va, const void *vb)
{
	const struct index_entry *a = va, *b = vb;
	int c = key_compare(a, b->key, b->len);

	return c != 0 ? c : a->order < b->order ? -1 : a->order > b->order;
}

void index_sort(struct index *x)
{
	if (x->n > 0)
		qsort(x->v, x->n, sizeof(*x->v), compare);
}

const struct index_entry *index_find(const struct index *x, const void *key, size_t len)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (key_compare(&x->v[mid], key, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && key_compare(&x->v[low], key, len) == 0 ? &x->v[low] : NULL;
}

const struct index_entry *index_twin(const struct index *x, size_t i)
{
	const struct index_entry *e = &x->v[i];

	return i > 0 && key_compare(&x->v[i - 1], e->key, e->len) == 0
		       ? index_find(x, e->key, e->len)
		       : NULL;
}

void index_clear(struct index *x)
{
	free(x->v);
	*x = (struct index){ 0 };
}

#include "routing/book.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEN_FREE 255 /* of an entry that is not in use */

static_assert(sizeof(struct candidate) == 16, "a million of them");
static_assert(offsetof(struct entry, key) + 4 <= 24 && offsetof(struct entry, key) + 16 <= 36,
	      "book_stride");

static size_t key_bytes(const struct book *b)
{
	return b->family == ADDR_IPV6 ? 16 : 4;
}

void book_init(struct book *b, uint8_t family)
{
	*b = (struct book){ .family = family, .free = BOOK_NONE, .more_free = BOOK_NONE };
}

void book_clear(struct book *b)
{
	free(b->entries);
	free(b->slot);
	free(b->more);
	book_init(b, b->family);
}

struct prefix book_prefix(const struct book *b, const struct entry *e)
{
	struct prefix p = { .addr.family = b->family, .len = e->len };

	memcpy(p.addr.b, e->key, key_bytes(b));
	return p;
}

/* ---- index ------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct book *b, const uint8_t *key, uint8_t len)
{
	uint64_t h = len, word;

	for (size_t i = 0; i < key_bytes(b); i += 4) {
		uint32_t part;

		memcpy(&part, key + i, sizeof(part));
		word = h ^ ((uint64_t)part << 8);
		h = word * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 16);
}

static bool is_key(const struct book *b, const struct entry *e, const uint8_t *key, uint8_t len)
{
	return e->len == len && memcmp(e->key, key, key_bytes(b)) == 0;
}

/* Where the entry's number is, or would be. */
static uint32_t slot_of(const struct book *b, const uint8_t *key, uint8_t len)
{
	uint32_t s = hash_of(b, key, len) & b->mask;

	while (b->slot[s] != BOOK_NONE && !is_key(b, book_entry(b, b->slot[s]), key, len))
		s = (s + 1) & b->mask;
	return s;
}

struct entry *book_find(const struct book *b, const struct prefix *p)
{
	uint32_t i;

	if (b->slot == NULL)
		return NULL;
	i = b->slot[slot_of(b, p->addr.b, p->len)];
	return i != BOOK_NONE ? book_entry(b, i) : NULL;
}

static int index_grow(struct book *b)
{
	uint32_t slots = b->slot != NULL ? 2 * (b->mask + 1) : 8;
	uint32_t *old = b->slot;

	b->slot = malloc(slots * sizeof(*b->slot));
	if (b->slot == NULL) {
		b->slot = old;
		return -ENOMEM;
	}
	free(old);
	memset(b->slot, 0xff, slots * sizeof(*b->slot));
	b->mask = slots - 1;
	for (uint32_t i = book_scan(b, 0); i != BOOK_NONE; i = book_scan(b, i + 1)) {
		const struct entry *e = book_entry(b, i);

		b->slot[slot_of(b, e->key, e->len)] = i;
	}
	return 0;
}

/* Closes the gap, so that no search ends before its entry. */
static void index_remove(struct book *b, const struct entry *e)
{
	uint32_t gap = slot_of(b, e->key, e->len);

	for (uint32_t s = (gap + 1) & b->mask; b->slot[s] != BOOK_NONE; s = (s + 1) & b->mask) {
		const struct entry *x = book_entry(b, b->slot[s]);
		uint32_t home = hash_of(b, x->key, x->len) & b->mask;

		if (((s - home) & b->mask) >= ((s - gap) & b->mask)) {
			b->slot[gap] = b->slot[s];
			gap = s;
		}
	}
	b->slot[gap] = BOOK_NONE;
}

/* ---- room -------------------------------------------------------------------------------- */

/* A large block grows by moving pages, not bytes, and what is not used is not there. */
static int grow(void *v, uint32_t *cap, size_t size)
{
	uint32_t to = *cap < 4 ? 4 : *cap + *cap / 2;
	void *grown = reallocarray(*(void **)v, to, size);

	if (grown == NULL)
		return -ENOMEM;
	*(void **)v = grown;
	*cap = to;
	return 0;
}

static int reserve_entry(struct book *b)
{
	if ((b->slot == NULL || b->n + 1 > (b->mask + 1) / 4 * 3) && index_grow(b) != 0)
		return -ENOMEM;
	if (b->free == BOOK_NONE && b->used == b->cap)
		return grow(&b->entries, &b->cap, book_stride(b));
	return 0;
}

static int reserve_more(struct book *b)
{
	if (b->more_free == BOOK_NONE && b->more_used == b->more_cap)
		return grow(&b->more, &b->more_cap, sizeof(*b->more));
	return 0;
}

static uint32_t more_take(struct book *b)
{
	uint32_t i = b->more_free;

	if (i == BOOK_NONE)
		return b->more_used++;
	b->more_free = b->more[i].next;
	return i;
}

static void more_give(struct book *b, uint32_t i)
{
	b->more[i].next = b->more_free;
	b->more_free = i;
}

static struct entry *entry_take(struct book *b, const struct prefix *p)
{
	uint32_t i = b->free;
	struct entry *e;

	if (i == BOOK_NONE)
		i = b->used++;
	else
		b->free = book_entry(b, i)->first.next;
	e = book_entry(b, i);
	e->len = p->len;
	memcpy(e->key, p->addr.b, key_bytes(b));
	b->slot[slot_of(b, e->key, e->len)] = i;
	b->n++;
	return e;
}

static void entry_give(struct book *b, struct entry *e)
{
	uint32_t i = (uint32_t)((size_t)((char *)e - b->entries) / book_stride(b));

	index_remove(b, e);
	e->len = LEN_FREE;
	e->first.next = b->free;
	b->free = i;
	if (--b->n == 0)
		book_clear(b);
}

/* ---- candidates -------------------------------------------------------------------------- */

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
	int c = book_prefer(a, b);

	if (c != 0)
		return c < 0;
	return a->via_index != b->via_index ? a->via_index < b->via_index : a->source < b->source;
}

/* There is room in b->more. */
static void insert(struct book *b, struct entry *e, const struct candidate *c)
{
	struct candidate *before = &e->first;
	uint32_t i = more_take(b);

	if (comes_before(c, &e->first)) {
		b->more[i] = e->first;
		e->first = *c;
	} else {
		while (before->next != BOOK_NONE && comes_before(&b->more[before->next], c))
			before = &b->more[before->next];
		b->more[i] = *c;
		b->more[i].next = before->next;
		before->next = i;
		return;
	}
	e->first.next = i;
}

struct entry *book_add(struct book *b, const struct prefix *p, const struct candidate *c)
{
	struct entry *e = book_find(b, p);

	if (e != NULL) {
		if (reserve_more(b) != 0)
			return NULL;
		insert(b, e, c);
		return e;
	}
	if (reserve_entry(b) != 0)
		return NULL;
	e = entry_take(b, p);
	e->first = *c;
	e->first.next = BOOK_NONE;
	return e;
}

/* Out of the list; not the only one. */
static void unlink_candidate(struct book *b, struct entry *e, const struct candidate *c)
{
	struct candidate *before = &e->first;
	uint32_t i = e->first.next;

	if (c == &e->first) {
		e->first = b->more[i];
		more_give(b, i);
		return;
	}
	for (; &b->more[i] != c; i = before->next)
		before = &b->more[i];
	before->next = c->next;
	more_give(b, i);
}

bool book_remove(struct book *b, struct entry *e, const struct candidate *c)
{
	if (c == &e->first && e->first.next == BOOK_NONE) {
		entry_give(b, e);
		return true;
	}
	unlink_candidate(b, e, c);
	return false;
}

void book_set_metric(struct book *b, struct entry *e, struct candidate *c, uint16_t metric)
{
	struct candidate moved = *c;

	moved.metric = metric;
	if (e->first.next == BOOK_NONE) {
		c->metric = metric;
		return;
	}
	unlink_candidate(b, e, c);
	insert(b, e, &moved);
}

/* ---- all of them ------------------------------------------------------------------------- */

uint32_t book_scan(const struct book *b, uint32_t i)
{
	while (i < b->used && book_entry(b, i)->len == LEN_FREE)
		i++;
	return i < b->used ? i : BOOK_NONE;
}

static int by_prefix(const void *va, const void *vb, void *ctx)
{
	const struct book *b = ctx;
	const struct entry *x = book_entry(b, *(const uint32_t *)va);
	const struct entry *y = book_entry(b, *(const uint32_t *)vb);
	int c = memcmp(x->key, y->key, key_bytes(b));

	return c != 0 ? c : (int)x->len - y->len;
}

uint32_t *book_list(const struct book *b, const struct prefix *p, uint32_t *n)
{
	uint32_t cap = 0, *list = NULL;

	*n = 0;
	for (uint32_t i = book_scan(b, 0); i != BOOK_NONE; i = book_scan(b, i + 1)) {
		struct prefix own = book_prefix(b, book_entry(b, i));

		if (p != NULL && !prefix_overlaps(&own, p))
			continue;
		if (*n == cap && grow(&list, &cap, sizeof(*list)) != 0) {
			free(list);
			*n = 0;
			return NULL;
		}
		list[(*n)++] = i;
	}
	if (*n > 1)
		qsort_r(list, *n, sizeof(*list), by_prefix, (void *)b);
	return list;
}

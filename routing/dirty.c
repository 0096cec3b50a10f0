#include "routing/dirty.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MIN 64

void dirty_init(struct dirty *d)
{
	*d = (struct dirty){ .free = DIRTY_NONE, .first = DIRTY_NONE, .last = DIRTY_NONE };
}

void dirty_clear(struct dirty *d)
{
	free(d->entry);
	free(d->bucket);
	dirty_init(d);
}

static uint32_t *bucket_of(const struct dirty *d, uint32_t table, const struct prefix *p)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ table ^ ((uint64_t)p->len << 32);

	for (size_t i = 0; i < addr_bytes(&p->addr); i++)
		h = (h ^ p->addr.b[i]) * UINT64_C(0x100000001b3);
	return &d->bucket[(h ^ h >> 32) & (d->n_entries - 1)];
}

uint32_t dirty_find(const struct dirty *d, uint32_t table, const struct prefix *p)
{
	uint32_t e;

	if (d->n == 0)
		return DIRTY_NONE;
	for (e = *bucket_of(d, table, p); e != DIRTY_NONE; e = d->entry[e].hash_next)
		if (d->entry[e].table == table && prefix_equal(&d->entry[e].prefix, p))
			break;
	return e;
}

static bool grow(struct dirty *d)
{
	uint32_t n = d->n_entries ? 2 * d->n_entries : ENTRIES_MIN;
	struct dirty_entry *entry;
	uint32_t *bucket = n ? malloc(n * sizeof(*bucket)) : NULL;

	if (!bucket)
		return false;
	entry = realloc(d->entry, n * sizeof(*entry));
	if (!entry) {
		free(bucket);
		return false;
	}
	free(d->bucket);
	d->entry = entry;
	d->bucket = bucket;
	memset(bucket, 0xff, n * sizeof(*bucket)); /* DIRTY_NONE */
	for (uint32_t e = d->n_entries; e < n; e++) {
		entry[e] = (struct dirty_entry){ .hash_next = d->free };
		d->free = e;
	}
	d->n_entries = n;
	for (uint32_t e = 0; e < n; e++) {
		uint32_t *at;

		if (entry[e].state == DIRTY_FREE)
			continue;
		at = bucket_of(d, entry[e].table, &entry[e].prefix);
		entry[e].hash_next = *at;
		*at = e;
	}
	return true;
}

static void enqueue(struct dirty *d, uint32_t e)
{
	d->pending += d->entry[e].state != DIRTY_ASKED;
	d->entry[e].state = DIRTY_WAITING;
	d->entry[e].again = false;
	d->entry[e].fifo_next = DIRTY_NONE;
	d->entry[e].fifo_prev = d->last;
	if (d->last != DIRTY_NONE)
		d->entry[d->last].fifo_next = e;
	else
		d->first = e;
	d->last = e;
}

static void dequeue(struct dirty *d, uint32_t e)
{
	uint32_t next = d->entry[e].fifo_next, prev = d->entry[e].fifo_prev;

	*(prev != DIRTY_NONE ? &d->entry[prev].fifo_next : &d->first) = next;
	*(next != DIRTY_NONE ? &d->entry[next].fifo_prev : &d->last) = prev;
}

static void release(struct dirty *d, uint32_t e)
{
	uint32_t *at = bucket_of(d, d->entry[e].table, &d->entry[e].prefix);

	if (d->entry[e].state == DIRTY_WAITING)
		dequeue(d, e);
	d->pending -= d->entry[e].state != DIRTY_SETTLED;
	while (*at != e)
		at = &d->entry[*at].hash_next;
	*at = d->entry[e].hash_next;
	d->entry[e].state = DIRTY_FREE;
	d->entry[e].hash_next = d->free;
	d->free = e;
	d->n--;
}

uint32_t dirty_touch(struct dirty *d, uint32_t table, const struct prefix *p, bool in_dump)
{
	uint32_t e = dirty_find(d, table, p), *at;

	if (e == DIRTY_NONE) {
		if (d->free == DIRTY_NONE && !grow(d))
			return DIRTY_NONE;
		e = d->free;
		d->free = d->entry[e].hash_next;
		d->n++;
		at = bucket_of(d, table, p);
		d->entry[e] =
			(struct dirty_entry){ .prefix = *p, .table = table, .hash_next = *at };
		*at = e;
		enqueue(d, e);
	} else if (d->entry[e].state == DIRTY_ASKED) {
		d->entry[e].again = true;
	} else if (d->entry[e].state == DIRTY_SETTLED) {
		enqueue(d, e);
	}
	d->entry[e].in_dump |= in_dump;
	return e;
}

uint32_t dirty_first(const struct dirty *d)
{
	return d->first;
}

void dirty_ask(struct dirty *d, uint32_t e)
{
	dequeue(d, e);
	d->entry[e].state = DIRTY_ASKED;
}

void dirty_answer(struct dirty *d, uint32_t e)
{
	if (d->entry[e].again) {
		enqueue(d, e);
	} else if (d->entry[e].in_dump) {
		d->entry[e].state = DIRTY_SETTLED;
		d->pending--;
	} else {
		release(d, e);
	}
}

static bool is_of(const struct dirty_entry *e, uint32_t table, uint8_t family)
{
	return e->state != DIRTY_FREE && e->table == table && e->prefix.addr.family == family;
}

void dirty_dump_begins(struct dirty *d, uint32_t table, uint8_t family)
{
	for (uint32_t e = 0; d->n > 0 && e < d->n_entries; e++) {
		if (!is_of(&d->entry[e], table, family))
			continue;
		if (d->entry[e].state != DIRTY_ASKED)
			release(d, e);
		else
			d->entry[e].in_dump = false;
	}
}

void dirty_dump_ends(struct dirty *d, uint32_t table, uint8_t family)
{
	for (uint32_t e = 0; d->n > 0 && e < d->n_entries; e++) {
		if (!is_of(&d->entry[e], table, family))
			continue;
		d->entry[e].in_dump = false;
		if (d->entry[e].state == DIRTY_SETTLED)
			release(d, e);
	}
}

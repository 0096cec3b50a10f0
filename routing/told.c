#include "routing/told.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EMPTY, OLD, SEEN };

/* 4 or 16 bytes of address follow. */
struct slot {
	uint32_t session;
	uint16_t metric;
	uint8_t len;
	uint8_t state;
	uint8_t addr[];
};

#define SLOTS_MIN 64

static size_t addr_size(const struct told *t)
{
	return t->family == ADDR_IPV4 ? 4 : 16;
}

static size_t slot_size(const struct told *t)
{
	return sizeof(struct slot) + addr_size(t);
}

static struct slot *slot_at(const struct told *t, size_t i)
{
	return (struct slot *)(t->slots + (i & (t->n_slots - 1)) * slot_size(t));
}

static size_t hash(const struct told *t, const uint8_t *addr, uint8_t len)
{
	uint64_t h = len, part;

	for (size_t i = 0; i < addr_size(t); i += 4) {
		uint32_t word;

		memcpy(&word, addr + i, 4);
		part = h ^ word;
		h = part * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (size_t)(h * UINT64_C(0xbf58476d1ce4e5b9) >> 20);
}

static bool is_prefix(const struct told *t, const struct slot *s, const struct prefix *p)
{
	return s->len == p->len && memcmp(s->addr, p->addr.b, addr_size(t)) == 0;
}

static void path_of(const struct told *t, const struct slot *s, struct told_path *out)
{
	*out = (struct told_path){ .session = s->session, .metric = s->metric };
	out->prefix.len = s->len;
	out->prefix.addr.family = t->family;
	memcpy(out->prefix.addr.b, s->addr, addr_size(t));
}

void told_init(struct told *t, uint8_t family)
{
	*t = (struct told){ .family = family };
}

void told_clear(struct told *t)
{
	free(t->slots);
	told_init(t, t->family);
}

static int resize(struct told *t, size_t n_slots)
{
	struct told old = *t;
	uint8_t *slots = calloc(n_slots, slot_size(t));

	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->n_slots = n_slots;
	for (size_t i = 0; i < old.n_slots; i++) {
		const struct slot *from = slot_at(&old, i);
		size_t to;

		if (from->state == EMPTY)
			continue;
		to = hash(t, from->addr, from->len);
		while (slot_at(t, to)->state != EMPTY)
			to++;
		memcpy(slot_at(t, to), from, slot_size(t));
	}
	free(old.slots);
	return 0;
}

/* Where the path is, or else the empty slot where it would be. There is room. */
static size_t find(const struct told *t, const struct prefix *prefix, uint32_t session)
{
	size_t i = hash(t, prefix->addr.b, prefix->len);

	for (;; i++) {
		const struct slot *s = slot_at(t, i);

		if (s->state == EMPTY || (s->session == session && is_prefix(t, s, prefix)))
			return i;
	}
}

int told_set(struct told *t, const struct told_path *path)
{
	uint16_t metric = path->metric < UINT16_MAX ? (uint16_t)path->metric : UINT16_MAX;
	struct slot *s;
	bool same;
	int rc;

	if (4 * (t->n + 1) > 3 * t->n_slots) {
		rc = resize(t, t->n_slots ? 2 * t->n_slots : SLOTS_MIN);
		if (rc != 0)
			return rc;
	}
	s = slot_at(t, find(t, &path->prefix, path->session));
	if (s->state != EMPTY) {
		same = s->metric == metric;
		s->metric = metric;
		s->state = SEEN;
		return same ? TOLD_SAME : TOLD_METRIC;
	}
	*s = (struct slot){ path->session, metric, path->prefix.len, SEEN };
	memcpy(s->addr, path->prefix.addr.b, addr_size(t));
	t->n++;
	return TOLD_NEW;
}

size_t told_paths(const struct told *t, const struct prefix *prefix, struct told_path *out,
		  size_t max)
{
	size_t n = 0;

	if (t->n == 0)
		return 0;
	for (size_t i = hash(t, prefix->addr.b, prefix->len);; i++) {
		const struct slot *s = slot_at(t, i);

		if (s->state == EMPTY)
			return n;
		if (!is_prefix(t, s, prefix))
			continue;
		if (n < max)
			path_of(t, s, &out[n]);
		n++;
	}
}

bool told_get(const struct told *t, struct told_path *path)
{
	const struct slot *s;

	if (t->n == 0)
		return false;
	s = slot_at(t, find(t, &path->prefix, path->session));
	path->metric = s->metric;
	return s->state != EMPTY;
}

/* Leaves no hole: what was pushed past i by a collision moves up. */
static void delete_at(struct told *t, size_t i)
{
	size_t hole = i;

	for (size_t next = i + 1;; next++) {
		const struct slot *s = slot_at(t, next);
		size_t home;

		if (s->state == EMPTY)
			break;
		home = hash(t, s->addr, s->len);
		if (((next - home) & (t->n_slots - 1)) < next - hole)
			continue; /* it is at or behind its place without the hole */
		memcpy(slot_at(t, hole), s, slot_size(t));
		hole = next;
	}
	slot_at(t, hole)->state = EMPTY;
	t->n--;
}

static void shrink(struct told *t)
{
	size_t n_slots = t->n_slots;

	while (n_slots > SLOTS_MIN && 8 * t->n < n_slots)
		n_slots /= 2;
	if (t->n == 0)
		told_clear(t);
	else if (n_slots != t->n_slots)
		resize(t, n_slots); /* without memory it stays as it is */
}

void told_delete(struct told *t, const struct prefix *prefix, uint32_t session)
{
	size_t i;

	if (t->n == 0)
		return;
	i = find(t, prefix, session);
	if (slot_at(t, i)->state == EMPTY)
		return;
	delete_at(t, i);
	shrink(t);
}

void told_mark(struct told *t)
{
	for (size_t i = 0; i < t->n_slots; i++) {
		struct slot *s = slot_at(t, i);

		if (s->state != EMPTY)
			s->state = OLD;
	}
}

void told_sweep(struct told *t, bool only_old, bool (*fn)(void *ctx, const struct told_path *path),
		void *ctx)
{
	/* A deletion moves a later one here, so the slot is looked at again. One that moves around
	 * the end was kept before: to begin behind an empty slot avoids that. */
	size_t start = 0, i;

	if (t->n == 0)
		return;
	while (slot_at(t, start)->state != EMPTY)
		start++;
	for (i = start; i < start + t->n_slots;) {
		const struct slot *s = slot_at(t, i);
		struct told_path path;

		if (s->state == EMPTY || (only_old && s->state != OLD)) {
			i++;
			continue;
		}
		path_of(t, s, &path);
		if (fn(ctx, &path))
			delete_at(t, i);
		else
			i++;
	}
	shrink(t);
}

void told_walk(const struct told *t, void (*fn)(void *ctx, const struct told_path *path), void *ctx)
{
	for (size_t i = 0; i < t->n_slots; i++) {
		const struct slot *s = slot_at(t, i);
		struct told_path path;

		if (s->state == EMPTY)
			continue;
		path_of(t, s, &path);
		fn(ctx, &path);
	}
}

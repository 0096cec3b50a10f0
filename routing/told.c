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

static size_t addr_size(const struct told *l)
{
	return l->family == ADDR_IPV4 ? 4 : 16;
}

static size_t slot_size(const struct told *l)
{
	return sizeof(struct slot) + addr_size(l);
}

static struct slot *slot_at(const struct told *l, size_t i)
{
	return (struct slot *)(l->slots + (i & (l->n_slots - 1)) * slot_size(l));
}

static size_t hash(const struct told *l, const uint8_t *addr, uint8_t len)
{
	uint64_t h = len, part;

	for (size_t i = 0; i < addr_size(l); i += 4) {
		uint32_t word;

		memcpy(&word, addr + i, 4);
		part = h ^ word;
		h = part * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (size_t)(h * UINT64_C(0xbf58476d1ce4e5b9) >> 20);
}

static bool is_prefix(const struct told *l, const struct slot *s, const struct prefix *p)
{
	return s->len == p->len && memcmp(s->addr, p->addr.b, addr_size(l)) == 0;
}

static void path_of(const struct told *l, const struct slot *s, struct told_path *out)
{
	*out = (struct told_path){ .session = s->session, .metric = s->metric };
	out->prefix.len = s->len;
	out->prefix.addr.family = l->family;
	memcpy(out->prefix.addr.b, s->addr, addr_size(l));
}

void told_init(struct told *l, uint8_t family)
{
	*l = (struct told){ .family = family };
}

void told_clear(struct told *l)
{
	free(l->slots);
	told_init(l, l->family);
}

static int resize(struct told *l, size_t n_slots)
{
	struct told old = *l;
	uint8_t *slots = calloc(n_slots, slot_size(l));

	if (!slots)
		return -ENOMEM;
	l->slots = slots;
	l->n_slots = n_slots;
	for (size_t i = 0; i < old.n_slots; i++) {
		const struct slot *from = slot_at(&old, i);
		size_t to;

		if (from->state == EMPTY)
			continue;
		to = hash(l, from->addr, from->len);
		while (slot_at(l, to)->state != EMPTY)
			to++;
		memcpy(slot_at(l, to), from, slot_size(l));
	}
	free(old.slots);
	return 0;
}

/* Where the path is, or else the empty slot where it would be. There is room. */
static size_t find(const struct told *l, const struct prefix *prefix, uint32_t session)
{
	size_t i = hash(l, prefix->addr.b, prefix->len);

	for (;; i++) {
		const struct slot *s = slot_at(l, i);

		if (s->state == EMPTY || (s->session == session && is_prefix(l, s, prefix)))
			return i;
	}
}

int told_set(struct told *l, const struct told_path *path)
{
	uint16_t metric = path->metric < UINT16_MAX ? (uint16_t)path->metric : UINT16_MAX;
	struct slot *s;
	bool same;
	int rc;

	if (4 * (l->n + 1) > 3 * l->n_slots) {
		rc = resize(l, l->n_slots ? 2 * l->n_slots : SLOTS_MIN);
		if (rc != 0)
			return rc;
	}
	s = slot_at(l, find(l, &path->prefix, path->session));
	if (s->state != EMPTY) {
		same = s->metric == metric;
		s->metric = metric;
		s->state = SEEN;
		return same ? TOLD_SAME : TOLD_METRIC;
	}
	*s = (struct slot){ path->session, metric, path->prefix.len, SEEN };
	memcpy(s->addr, path->prefix.addr.b, addr_size(l));
	l->n++;
	return TOLD_NEW;
}

size_t told_paths(const struct told *l, const struct prefix *prefix, struct told_path *out,
		  size_t max)
{
	size_t n = 0;

	if (l->n == 0)
		return 0;
	for (size_t i = hash(l, prefix->addr.b, prefix->len);; i++) {
		const struct slot *s = slot_at(l, i);

		if (s->state == EMPTY)
			return n;
		if (!is_prefix(l, s, prefix))
			continue;
		if (n < max)
			path_of(l, s, &out[n]);
		n++;
	}
}

/* Leaves no hole: what was pushed past i by a collision moves up. */
static void delete_at(struct told *l, size_t i)
{
	size_t hole = i;

	for (size_t next = i + 1;; next++) {
		const struct slot *s = slot_at(l, next);
		size_t home;

		if (s->state == EMPTY)
			break;
		home = hash(l, s->addr, s->len);
		if (((next - home) & (l->n_slots - 1)) < next - hole)
			continue; /* it is at or behind its place without the hole */
		memcpy(slot_at(l, hole), s, slot_size(l));
		hole = next;
	}
	slot_at(l, hole)->state = EMPTY;
	l->n--;
}

static void shrink(struct told *l)
{
	size_t n_slots = l->n_slots;

	while (n_slots > SLOTS_MIN && 8 * l->n < n_slots)
		n_slots /= 2;
	if (l->n == 0)
		told_clear(l);
	else if (n_slots != l->n_slots)
		resize(l, n_slots); /* without memory it stays as it is */
}

void told_delete(struct told *l, const struct prefix *prefix, uint32_t session)
{
	size_t i;

	if (l->n == 0)
		return;
	i = find(l, prefix, session);
	if (slot_at(l, i)->state == EMPTY)
		return;
	delete_at(l, i);
	shrink(l);
}

void told_mark(struct told *l)
{
	for (size_t i = 0; i < l->n_slots; i++) {
		struct slot *s = slot_at(l, i);

		if (s->state != EMPTY)
			s->state = OLD;
	}
}

void told_sweep(struct told *l, bool only_old, bool (*fn)(void *ctx, const struct told_path *path),
		void *ctx)
{
	/* A deletion moves a later one here, so the slot is looked at again. One that moves around
	 * the end was kept before: to begin behind an empty slot avoids that. */
	size_t start = 0, i;

	if (l->n == 0)
		return;
	while (slot_at(l, start)->state != EMPTY)
		start++;
	for (i = start; i < start + l->n_slots;) {
		const struct slot *s = slot_at(l, i);
		struct told_path path;

		if (s->state == EMPTY || (only_old && s->state != OLD)) {
			i++;
			continue;
		}
		path_of(l, s, &path);
		if (fn(ctx, &path))
			delete_at(l, i);
		else
			i++;
	}
	shrink(l);
}

void told_walk(const struct told *l, void (*fn)(void *ctx, const struct told_path *path), void *ctx)
{
	for (size_t i = 0; i < l->n_slots; i++) {
		const struct slot *s = slot_at(l, i);
		struct told_path path;

		if (s->state == EMPTY)
			continue;
		path_of(l, s, &path);
		fn(ctx, &path);
	}
}

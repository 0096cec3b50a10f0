#include "ike/map.h"

#include <errno.h>
#include <stdlib.h>

static void grow(struct ike_map *m)
{
	size_t cap = m->cap ? 2 * m->cap : 16;
	struct ike_node **slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return;
	for (size_t i = 0; i < m->cap; i++) {
		while (m->slot[i]) {
			struct ike_node *node = m->slot[i];

			m->slot[i] = node->next;
			node->next = slot[node->hash & (cap - 1)];
			slot[node->hash & (cap - 1)] = node;
		}
	}
	free(m->slot);
	m->slot = slot;
	m->cap = cap;
}

int ike_map_insert(struct ike_map *m, struct ike_node *node, uint64_t hash)
{
	if (m->n >= m->cap)
		grow(m);
	if (!m->cap)
		return -ENOMEM;
	node->hash = hash;
	node->next = m->slot[hash & (m->cap - 1)];
	m->slot[hash & (m->cap - 1)] = node;
	m->n++;
	return 0;
}

void ike_map_remove(struct ike_map *m, struct ike_node *node)
{
	struct ike_node **p;

	if (!m->cap)
		return;
	for (p = &m->slot[node->hash & (m->cap - 1)]; *p; p = &(*p)->next) {
		if (*p == node) {
			*p = node->next;
			node->next = NULL;
			m->n--;
			return;
		}
	}
}

static struct ike_node *same_hash(struct ike_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct ike_node *ike_map_first(const struct ike_map *m, uint64_t hash)
{
	return m->cap ? same_hash(m->slot[hash & (m->cap - 1)], hash) : NULL;
}

struct ike_node *ike_map_next(const struct ike_node *node)
{
	return same_hash(node->next, node->hash);
}

struct ike_node *ike_map_any(const struct ike_map *m)
{
	for (size_t i = 0; m->n && i < m->cap; i++) {
		if (m->slot[i])
			return m->slot[i];
	}
	return NULL;
}

void ike_map_clear(struct ike_map *m)
{
	free(m->slot);
	*m = (struct ike_map){ 0 };
}

uint64_t ike_hash(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325 ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h ^ (h >> 32);
}

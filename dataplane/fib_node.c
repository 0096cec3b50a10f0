#include "dataplane/fib_node.h"

#include "dataplane/fib_heap.h"

#include <string.h>

struct fib_node **fib_child_at(const struct fib_node *n, uint8_t slot)
{
	const struct fib_part *p = &n->part[slot / 64];
	uint64_t bit = UINT64_C(1) << (slot % 64);

	if (!(p->child & bit))
		return NULL;
	return (struct fib_node **)(uintptr_t)n + p->first_child +
	       __builtin_popcountll(p->child & (bit - 1));
}

bool fib_route_find(const struct fib_node *n, uint16_t position, unsigned *i)
{
	const uint16_t *at = fib_route_positions(n);
	unsigned low = 0, high = n->block.n_route;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (at[mid] < position)
			low = mid + 1;
		else
			high = mid;
	}
	*i = low;
	return low < n->block.n_route && at[low] == position;
}

/* ---- a bit for each slot ---------------------------------------------------------------- */

static bool map_has(const uint64_t map[4], unsigned slot)
{
	return map[slot / 64] >> (slot % 64) & 1;
}

/* How many there are in front of this slot. */
static unsigned map_rank(const uint64_t map[4], unsigned slot)
{
	unsigned n = 0, p;

	for (p = 0; p < slot / 64; p++)
		n += (unsigned)__builtin_popcountll(map[p]);
	if (slot % 64)
		n += (unsigned)__builtin_popcountll(map[p] & ((UINT64_C(1) << (slot % 64)) - 1));
	return n;
}

static void map_fill(uint64_t map[4], unsigned first, unsigned end, bool on)
{
	while (first < end) {
		unsigned part = first / 64, n = end - first;
		uint64_t mask = ~UINT64_C(0);

		if (n < 64 - first % 64)
			mask = (UINT64_C(1) << n) - 1;
		else
			n = 64 - first % 64;
		mask <<= first % 64;
		map[part] = on ? map[part] | mask : map[part] & ~mask;
		first += n;
	}
}

/* ---- drafts ----------------------------------------------------------------------------- */

void fib_draft(struct fib_draft *d, const struct fib_node *n)
{
	d->old = n;
	d->first = d->end = 0;
	d->n_child = n ? n->block.n_child : 0;
	d->n_route = n ? n->block.n_route : 0;
	for (unsigned i = 0; i < 4; i++)
		d->child_map[i] = n ? n->part[i].child : 0;
	if (!n)
		return;
	memcpy(d->child, fib_children(n), d->n_child * sizeof(d->child[0]));
	memcpy(d->route_value, fib_route_values(n), d->n_route * sizeof(d->route_value[0]));
	memcpy(d->route_position, fib_route_positions(n),
	       d->n_route * sizeof(d->route_position[0]));
}

void fib_draft_add_child(struct fib_draft *d, uint8_t slot, struct fib_node *child)
{
	unsigned i = map_rank(d->child_map, slot);

	memmove(&d->child[i + 1], &d->child[i], (d->n_child - i) * sizeof(d->child[0]));
	d->child[i] = child;
	map_fill(d->child_map, slot, slot + 1u, true);
	d->n_child++;
}

void fib_draft_remove_child(struct fib_draft *d, uint8_t slot)
{
	unsigned i = map_rank(d->child_map, slot);

	d->n_child--;
	memmove(&d->child[i], &d->child[i + 1], (d->n_child - i) * sizeof(d->child[0]));
	map_fill(d->child_map, slot, slot + 1u, false);
}

/* The slots under a route. */
static void slots_of(uint16_t position, unsigned *first, unsigned *end)
{
	unsigned bits = 31u - (unsigned)__builtin_clz(position);

	*first = (unsigned)position << (8 - bits) & (FIB_SLOTS - 1);
	*end = *first + (FIB_SLOTS >> bits);
}

void fib_draft_set_route(struct fib_draft *d, unsigned i, uint16_t position, uint32_t value)
{
	slots_of(position, &d->first, &d->end);
	if (i == d->n_route || d->route_position[i] != position) {
		unsigned behind = d->n_route++ - i;

		memmove(&d->route_value[i + 1], &d->route_value[i],
			behind * sizeof(d->route_value[0]));
		memmove(&d->route_position[i + 1], &d->route_position[i],
			behind * sizeof(d->route_position[0]));
		d->route_position[i] = position;
	}
	d->route_value[i] = value;
}

void fib_draft_remove_route(struct fib_draft *d, unsigned i)
{
	unsigned behind = --d->n_route - i;

	slots_of(d->route_position[i], &d->first, &d->end);
	memmove(&d->route_value[i], &d->route_value[i + 1], behind * sizeof(d->route_value[0]));
	memmove(&d->route_position[i], &d->route_position[i + 1],
		behind * sizeof(d->route_position[0]));
}

/* What the routes make of the slots. Painted is only where the draft differs: the runs in front of
 * that and behind it are the old node's. */
struct canvas {
	uint64_t covered[4], start[4];
	unsigned n_before, n_run, n_behind;
	uint32_t run[FIB_SLOTS];
	uint32_t slot[FIB_SLOTS]; /* from the one in front of the difference to the one behind it */
};

static void keep_old(struct canvas *c, const struct fib_draft *d)
{
	unsigned behind =
		d->end < FIB_SLOTS ? d->end + 1 : FIB_SLOTS; /* may no longer be a start */

	for (unsigned p = 0; p < 4; p++) {
		c->covered[p] = d->old ? d->old->part[p].covered : 0;
		c->start[p] = d->old ? d->old->part[p].start : 0;
	}
	c->n_before = map_rank(c->start, d->first);
	c->n_behind = map_rank(c->start, FIB_SLOTS) - map_rank(c->start, behind);
	if (d->first && map_has(c->covered, d->first - 1))
		c->slot[d->first - 1] = fib_values(d->old)[c->n_before - 1];
	if (d->end < FIB_SLOTS && map_has(c->covered, d->end))
		c->slot[d->end] = fib_values(d->old)[map_rank(c->start, behind) - 1];
	map_fill(c->covered, d->first, d->end, false);
	map_fill(c->start, d->first, behind, false);
}

/* Longer routes paint over shorter ones. A run begins only where a route does, or has ended. */
static void paint(struct canvas *c, const struct fib_draft *d)
{
	uint64_t edge[5] = { 0 }; /* the last one for those that end behind the last slot */

	keep_old(c, d);
	edge[d->end / 64] |= UINT64_C(1) << (d->end % 64);
	for (unsigned i = 0; i < d->n_route; i++) {
		unsigned first, end;

		slots_of(d->route_position[i], &first, &end);
		if (first >= d->end || end <= d->first)
			continue;
		first = first > d->first ? first : d->first;
		end = end < d->end ? end : d->end;
		edge[first / 64] |= UINT64_C(1) << (first % 64);
		edge[end / 64] |= UINT64_C(1) << (end % 64);
		map_fill(c->covered, first, end, true);
		for (unsigned s = first; s < end; s++)
			c->slot[s] = d->route_value[i];
	}
	c->n_run = 0;
	for (unsigned p = d->first / 64; p <= d->end / 64 && p < 4; p++)
		for (uint64_t left = edge[p] & c->covered[p]; left; left &= left - 1) {
			unsigned s = p * 64 + (unsigned)__builtin_ctzll(left);

			if (s && map_has(c->covered, s - 1) && c->slot[s - 1] == c->slot[s])
				continue;
			c->start[p] |= UINT64_C(1) << (s % 64);
			c->run[c->n_run++] = c->slot[s];
		}
}

static void put_values(struct fib_node *n, const struct canvas *c, const struct fib_node *old)
{
	uint32_t *to = fib_values(n);

	if (old)
		memcpy(to, fib_values(old), c->n_before * sizeof(*to));
	memcpy(to + c->n_before, c->run, c->n_run * sizeof(*to));
	if (old)
		memcpy(to + c->n_before + c->n_run,
		       fib_values(old) + old->block.n_value - c->n_behind,
		       c->n_behind * sizeof(*to));
}

struct fib_node *fib_draft_build(const struct fib_draft *d, struct fib_heap *h)
{
	struct canvas c;
	struct fib_node *n;
	size_t bytes = sizeof(*n);
	unsigned child = 0, run = 0, n_value;

	paint(&c, d);
	n_value = c.n_before + c.n_run + c.n_behind;
	bytes += d->n_child * sizeof(d->child[0]) + n_value * sizeof(c.run[0]);
	bytes += d->n_route * (sizeof(d->route_value[0]) + sizeof(d->route_position[0]));
	n = fib_heap_alloc(h, bytes);
	if (!n)
		return NULL;
	n->block.n_child = (uint16_t)d->n_child;
	n->block.n_value = (uint16_t)n_value;
	n->block.n_route = (uint16_t)d->n_route;
	for (unsigned p = 0; p < 4; p++) {
		n->part[p].child = d->child_map[p];
		n->part[p].covered = c.covered[p];
		n->part[p].start = c.start[p];
		n->part[p].first_child = (uint16_t)(sizeof(*n) / 8 + child);
		n->part[p].first_value = (uint16_t)(sizeof(*n) / 4 + d->n_child * 2 + run);
		n->part[p].unused = 0;
		child += (unsigned)__builtin_popcountll(d->child_map[p]);
		run += (unsigned)__builtin_popcountll(c.start[p]);
	}
	memcpy(fib_children(n), d->child, d->n_child * sizeof(d->child[0]));
	put_values(n, &c, d->old);
	memcpy(fib_route_values(n), d->route_value, d->n_route * sizeof(d->route_value[0]));
	memcpy(fib_route_positions(n), d->route_position,
	       d->n_route * sizeof(d->route_position[0]));
	return n;
}

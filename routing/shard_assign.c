#include "routing/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The networks of one shard, in order of their addresses. They overlap only if one tenant's do. */
struct room {
	unsigned n, space;
	struct prefix *network;
};

static int by_address(const void *va, const void *vb)
{
	const struct prefix *a = va, *b = vb;
	int c = addr_compare(&a->addr, &b->addr);

	return c != 0 ? c : (int)a->len - (int)b->len;
}

/* Of networks in order, the neighbours of where one belongs are the only ones that it can overlap,
 * as they do not overlap one another. */
static bool is_taken(const struct room *r, const struct prefix *p)
{
	unsigned low = 0, high = r->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (by_address(&r->network[mid], p) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low < r->n && prefix_overlaps(&r->network[low], p)) ||
	       (low > 0 && prefix_overlaps(&r->network[low - 1], p));
}

static bool fits(const struct room *r, const struct shard_tenant *t)
{
	if (r->n == 0)
		return true;
	if (r->n + t->n_networks > SHARD_SESSIONS)
		return false;
	for (unsigned i = 0; i < t->n_networks; i++)
		if (is_taken(r, &t->network[i]))
			return false;
	return true;
}

static int move_in(struct room *r, const struct shard_tenant *t)
{
	unsigned n = 0;

	if (r->n + t->n_networks > r->space) {
		unsigned space = 2 * (r->n + t->n_networks);
		struct prefix *p = reallocarray(r->network, space, sizeof(*p));

		if (!p)
			return -ENOMEM;
		r->network = p;
		r->space = space;
	}
	memcpy(&r->network[r->n], t->network, t->n_networks * sizeof(*t->network));
	r->n += t->n_networks;
	qsort(r->network, r->n, sizeof(*r->network), by_address);
	/* What lies in another network of the same tenant adds nothing. */
	for (unsigned i = 0; i < r->n; i++)
		if (n == 0 || !prefix_covers(&r->network[n - 1], &r->network[i]))
			r->network[n++] = r->network[i];
	r->n = n;
	return 0;
}

struct plan {
	unsigned n_rooms;
	struct room *room;
	uint32_t *shard; /* by tenant */
};

/* Tenants without tunnels live nowhere. There is an empty room for everybody. */
static int place(struct plan *p, const struct shard_tenant *tenant, unsigned n)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n; i++) {
		uint32_t old = tenant[i].shard;

		p->shard[i] = SHARD_NONE;
		if (tenant[i].n_networks == 0 || old == SHARD_NONE ||
		    !fits(&p->room[old], &tenant[i]))
			continue;
		p->shard[i] = old;
		rc = move_in(&p->room[old], &tenant[i]);
	}
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		uint32_t k = 0;

		if (tenant[i].n_networks == 0 || p->shard[i] != SHARD_NONE)
			continue;
		while (!fits(&p->room[k], &tenant[i]))
			k++;
		p->shard[i] = k;
		rc = move_in(&p->room[k], &tenant[i]);
	}
	return rc;
}

int shard_assign(struct shard_tenant *tenant, unsigned n, uint32_t *n_shards)
{
	struct plan p = { .n_rooms = n + 1 };
	uint32_t highest = 0;
	int rc;

	for (unsigned i = 0; i < n; i++)
		if (tenant[i].shard != SHARD_NONE && tenant[i].shard >= p.n_rooms)
			p.n_rooms = tenant[i].shard + 1;
	p.room = calloc(p.n_rooms, sizeof(*p.room));
	p.shard = calloc(n + 1, sizeof(*p.shard));
	rc = p.room && p.shard ? place(&p, tenant, n) : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		tenant[i].shard = p.shard[i];
		if (p.shard[i] != SHARD_NONE && p.shard[i] >= highest)
			highest = p.shard[i] + 1;
	}
	if (rc == 0)
		*n_shards = highest;
	for (unsigned i = 0; p.room && i < p.n_rooms; i++)
		free(p.room[i].network);
	free(p.room);
	free(p.shard);
	return rc;
}

/* Route tables: one FIB each. */
#include "dataplane/core.h"
#include "dataplane/policy.h"
#include "dataplane/set.h"

#include <errno.h>
#include <stdio.h>

static struct fib *table_get(struct dataplane *dp, uint32_t table)
{
	return table < TABLES_MAX ? dp->tables.fib[table] : NULL;
}

/* Workers forget what they remember of lookups; outbound SAs look their way up again. */
static void changed(struct dataplane *dp, uint32_t table)
{
	uint32_t epoch = dp->tables.underlay_epoch + 1;

	atomic_store_explicit(&dp->tables.routes_epoch, dp->tables.routes_epoch + 1,
			      memory_order_release);
	if (table == DATAPLANE_UNDERLAY)
		atomic_store_explicit(&dp->tables.underlay_epoch, epoch ? epoch : 1,
				      memory_order_release);
}

/* Marks stay: a false one costs a lookup, no more. */
void route_mark_own(struct dataplane *dp, const struct addr *a)
{
	uint32_t bit = own_hash(a->b, a->family == ADDR_IPV4);
	uint64_t *word = &dp->tables.own[bit / 64];

	__atomic_store_n(word, *word | UINT64_C(1) << (bit % 64), __ATOMIC_RELEASE);
}

int dataplane_table_add(struct dataplane *dp, uint32_t *table)
{
	for (uint32_t i = 0; i < TABLES_MAX; i++) {
		struct fib *fib;

		if (dp->tables.fib[i] || is_leaving(dp->table_leaving, i))
			continue;
		fib = fib_new(dp->heap);
		if (!fib)
			return -ENOMEM;
		atomic_store_explicit(&dp->tables.fib[i], fib, memory_order_release);
		changed(dp, i);
		*table = i;
		return 0;
	}
	return -ENOSPC;
}

int dataplane_table_delete(struct dataplane *dp, uint32_t table)
{
	struct fib *fib = table_get(dp, table);

	if (!fib || table == DATAPLANE_UNDERLAY)
		return -ENOENT;
	atomic_store_explicit(&dp->tables.fib[table], NULL, memory_order_release);
	changed(dp, table);
	leave_for_now(dp, dp->table_leaving, table);
	fib_free(fib);
	return 0;
}

int route_set(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh)
{
	struct fib *fib = table_get(dp, table);
	int rc;

	if (!fib)
		return -ENOENT;
	if (nexthop_kind(nh) == NEXTHOP_LOCAL)
		route_mark_own(dp, &p->addr);
	rc = fib_set(fib, p, nh);
	if (rc == 0)
		changed(dp, table);
	return rc;
}

int route_delete(struct dataplane *dp, uint32_t table, const struct prefix *p)
{
	struct fib *fib = table_get(dp, table);
	int rc;

	if (!fib)
		return -ENOENT;
	rc = fib_delete(fib, p);
	if (rc == 0)
		changed(dp, table);
	return rc;
}

void route_delete_if(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh)
{
	if (dataplane_route_get(dp, table, p) == nh)
		(void)route_delete(dp, table, p);
}

static void has_left(void *owner, void *thing, uint32_t number)
{
	uint8_t *leaving = thing;

	leaving[number / 8] &= (uint8_t) ~(1u << number % 8);
}

void leave_for_now(struct dataplane *dp, uint8_t *leaving, uint32_t number)
{
	leaving[number / 8] |= (uint8_t)(1u << number % 8);
	retire(&dp->retired, dp->tables.qsbr, has_left, dp, leaving, number);
}

/* What a next hop names must exist, so that workers need not ask. */
static int check(struct dataplane *dp, uint32_t nh)
{
	uint32_t i = nexthop_index(nh);

	switch (nexthop_kind(nh)) {
	case NEXTHOP_NONE:
		return -EINVAL;
	case NEXTHOP_DISCARD:
	case NEXTHOP_LOCAL:
		return 0;
	case NEXTHOP_TABLE:
		return table_get(dp, i) ? 0 : -ENOENT;
	case NEXTHOP_LINK:
		return interface_get(dp, i) ? 0 : -ENOENT;
	case NEXTHOP_NEIGHBOUR:
		return i < dp->neighbours_used ? 0 : -ENOENT;
	case NEXTHOP_CONNECTION:
		return i < CONNECTIONS_MAX || sets_exists(dp, i) ? 0 : -ENOENT;
	case NEXTHOP_TUNNEL:
		return i < TUNNELS_MAX && dp->tables.tunnel[i].used ? 0 : -ENOENT;
	}
	return -EINVAL;
}

int dataplane_route_set(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh)
{
	int rc = check(dp, nh);

	return rc ? rc : route_set(dp, table, p, nh);
}

int dataplane_route_delete(struct dataplane *dp, uint32_t table, const struct prefix *p)
{
	return route_delete(dp, table, p);
}

uint32_t dataplane_route_lookup(struct dataplane *dp, uint32_t table, const struct addr *a)
{
	struct fib *fib = table_get(dp, table);

	return fib ? fib_lookup(fib, a) : nexthop(NEXTHOP_NONE, 0);
}

uint32_t dataplane_route_get(struct dataplane *dp, uint32_t table, const struct prefix *p)
{
	struct fib *fib = table_get(dp, table);

	return fib ? fib_get(fib, p) : nexthop(NEXTHOP_NONE, 0);
}

int dataplane_route_walk(struct dataplane *dp, uint32_t table,
			 void (*fn)(void *ctx, const struct prefix *p, uint32_t nh), void *ctx)
{
	struct fib *fib = table_get(dp, table);

	if (!fib)
		return -ENOENT;
	fib_walk(fib, fn, ctx);
	return 0;
}

const char *dataplane_nexthop_format(struct dataplane *dp, uint32_t nh, char *buf, size_t size)
{
	uint32_t i = nexthop_index(nh);
	char on[INTERFACE_STR_MAX];

	switch (nexthop_kind(nh)) {
	case NEXTHOP_NONE:
		snprintf(buf, size, "none");
		break;
	case NEXTHOP_DISCARD:
		snprintf(buf, size, "discard");
		break;
	case NEXTHOP_LOCAL:
		if (i & NEXTHOP_LOCAL_TUNNEL)
			snprintf(buf, size, "local, tunnel %u", i & ~NEXTHOP_LOCAL_TUNNEL);
		else
			snprintf(buf, size, "local, %s", interface_format(dp, i, on));
		break;
	case NEXTHOP_TABLE:
		snprintf(buf, size, "table %u", i);
		break;
	case NEXTHOP_LINK:
		snprintf(buf, size, "on link, %s", interface_format(dp, i, on));
		break;
	case NEXTHOP_NEIGHBOUR:
		return host_neighbour_format(dp, i, buf, size);
	case NEXTHOP_CONNECTION:
		return sets_format(dp, i, buf, size);
	case NEXTHOP_TUNNEL:
		snprintf(buf, size, "tunnel %u", i);
		break;
	}
	return buf;
}

/* Where a packet would go, and why: the lookups of forward() with every step kept. */
#include "dataplane/core.h"
#include "dataplane/lookup.h"
#include "dataplane/martian.h"

#include <errno.h>

static struct addr destination(const uint8_t *ip)
{
	struct addr a = { .family = ip[0] >> 4 == 4 ? ADDR_IPV4 : ADDR_IPV6 };

	memcpy(a.b, a.family == ADDR_IPV4 ? ip + 16 : ip + 24, a.family == ADDR_IPV4 ? 4 : 16);
	return a;
}

/* The longest of the table's prefixes that covers a. */
static bool route_of(const struct fib *fib, const struct addr *a, struct prefix *out)
{
	struct prefix p = { .addr = *a };

	for (unsigned len = addr_bits(a) + 1; len-- > 0;) {
		p.len = (uint8_t)len;
		*out = prefix_network(&p);
		if (nexthop_kind(fib_get(fib, out)) != NEXTHOP_NONE)
			return true;
	}
	return false;
}

static void choose(const struct tunnel_set *s, const uint8_t *ip, size_t len,
		   struct dataplane_path *out)
{
	uint16_t tunnel = lookup_tunnel(s, ip, (unsigned)len);

	out->n_up = s->n;
	if (tunnel != NO_TUNNEL)
		out->tunnel = tunnel;
	if (s->n > 1)
		out->bucket = (int)lookup_bucket(ip, (unsigned)len);
	while (out->n_members < DATAPLANE_SET_TUNNELS && s->member[out->n_members]) {
		out->member[out->n_members] = s->member[out->n_members] - 1u;
		out->n_members++;
	}
}

int dataplane_explain(struct dataplane *dp, uint32_t table, const uint8_t *ip, size_t len,
		      struct dataplane_path *out)
{
	const struct tables *t = &dp->tables;
	struct addr to;

	*out = (struct dataplane_path){ .bucket = -1, .tunnel = UINT32_MAX };
	if (len < IP4_BYTES || (ip[0] >> 4 == 6 && len < IP6_BYTES) ||
	    (ip[0] >> 4 != 4 && ip[0] >> 4 != 6))
		return -EINVAL;
	to = destination(ip);
	while (out->n_steps < LOOKUP_TABLES) {
		struct dataplane_step *s = &out->step[out->n_steps++];
		const struct fib *fib = table < TABLES_MAX ? t->fib[table] : NULL;

		if (!fib)
			return -ENOENT;
		s->table = table;
		s->nh = out->nh = fib_lookup(fib, &to);
		s->found = route_of(fib, &to, &s->route);
		if (nexthop_kind(s->nh) != NEXTHOP_TABLE)
			break;
		table = nexthop_index(s->nh);
	}
	out->table_loop = nexthop_kind(out->nh) == NEXTHOP_TABLE;
	if (nexthop_kind(out->nh) >= NEXTHOP_LINK &&
	    (martian_source(ip) || martian_destination(ip)))
		out->nh = nexthop(NEXTHOP_DISCARD, NEXTHOP_MARTIAN);
	if (nexthop_kind(out->nh) == NEXTHOP_CONNECTION)
		choose(&t->set[nexthop_index(out->nh)], ip, len, out);
	else if (nexthop_kind(out->nh) == NEXTHOP_TUNNEL)
		out->tunnel = nexthop_index(out->nh);
	return 0;
}
_Static_assert(DATAPLANE_STEPS == LOOKUP_TABLES, "as many steps as workers take");

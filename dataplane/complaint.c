/* Tells senders that their packet came too far or was too big: who tells, and by which way. Main
 * thread; how often is the punt class's budget. */
#include "dataplane/core.h"
#include "dataplane/icmp.h"
#include "dataplane/lookup.h"
#include "dataplane/packet.h"

static struct addr source_of(const uint8_t *ip)
{
	struct addr a = { .family = ADDR_IPV6 };

	if (ip[0] >> 4 == 4)
		return addr_ipv4(get_be32(ip + 12));
	memcpy(a.b, ip + 8, 16);
	return a;
}

static const struct addr *inner_of(struct dataplane *dp, uint32_t tunnel, unsigned family)
{
	const struct tunnel *t = tunnel < TUNNELS_MAX ? &dp->tables.tunnel[tunnel] : NULL;

	return t && t->used && t->inner.family == family ? &t->inner : NULL;
}

static const struct addr *interface_addr(struct dataplane *dp, uint32_t index, const struct addr *a)
{
	const struct interface *i = interface_get(dp, index);

	return i ? host_own_for(i, a) : NULL;
}

/* The address of ours on the way from here to a: the tunnel's end or the interface's. NULL: none of
 * its family. */
static const struct addr *own_toward(struct dataplane *dp, uint32_t table, const struct addr *a)
{
	uint32_t nh = dataplane_route_lookup(dp, table, a);

	for (unsigned i = 1; i < LOOKUP_TABLES && nexthop_kind(nh) == NEXTHOP_TABLE; i++)
		nh = dataplane_route_lookup(dp, nexthop_index(nh), a);
	switch (nexthop_kind(nh)) {
	case NEXTHOP_TUNNEL:
		return inner_of(dp, nexthop_index(nh), a->family);
	case NEXTHOP_CONNECTION:
		return inner_of(dp, dp->tables.set[nexthop_index(nh)].bucket[0] - 1u, a->family);
	case NEXTHOP_LINK:
		return interface_addr(dp, nexthop_index(nh), a);
	case NEXTHOP_NEIGHBOUR:
		return interface_addr(dp, dp->tables.neighbour[nexthop_index(nh)].interface, a);
	default:
		return NULL;
	}
}

/* The table in which the packet's sender is found, and who of us tells it. */
static const struct addr *teller(struct dataplane *dp, const struct tag *tag, const struct addr *to,
				 uint32_t *table)
{
	const struct addr *from = NULL;
	const struct interface *i;
	uint32_t tunnel = tag->value & ~NEXTHOP_LOCAL_TUNNEL;

	if (tag->kind == TAG_PUNT_TTL) {
		*table = tag->value;
		return own_toward(dp, *table, to);
	}
	if (tag->value & NEXTHOP_LOCAL_TUNNEL) {
		if (!dp->tables.tunnel[tunnel].used)
			return NULL;
		*table = dp->tables.tunnel[tunnel].table;
		from = inner_of(dp, tunnel, to->family);
		return from ? from : own_toward(dp, *table, to);
	}
	i = interface_get(dp, tag->value);
	if (!i)
		return NULL;
	*table = i->table;
	from = own_toward(dp, *table, to);
	return from ? from : host_own_for(i, to);
}

void complaint_take(struct dataplane *dp, struct rte_mbuf *m, const struct tag *tag)
{
	const uint8_t *ip = packet(m);
	struct addr to = source_of(ip);
	struct rte_mbuf *reply = NULL;
	const struct addr *from;
	uint32_t table;
	unsigned len;

	if (!icmp_may_tell(ip, m->data_len))
		goto out;
	from = teller(dp, tag, &to, &table);
	reply = from ? rte_pktmbuf_alloc(dp->pool) : NULL;
	if (!reply)
		goto out;
	len = icmp_write(packet(reply), from, ip, m->data_len,
			 tag->kind == TAG_PUNT_TTL ? ICMP_TTL_EXPIRED : ICMP_TOO_BIG, tag->size);
	reply->data_len = (uint16_t)len;
	reply->pkt_len = len;
	tag_set(reply, TAG_ROUTE, 0, table);
	if (inject(dp, 0, INJECT_MAIN, reply) != 0)
		counter_add(&dp->main_drop[DROP_PUNT_FULL], 1);
out:
	rte_pktmbuf_free(m);
}

/* What the negotiator sends: UDP datagrams to peers, cut where they are too large. */
#include "dataplane/core.h"
#include "dataplane/cut.h"
#include "dataplane/lookup.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <rte_random.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>

#define TTL 64

static bool has_way(struct dataplane *dp, const struct addr *to)
{
	uint8_t ip[IP6_BYTES] = { 0 };
	enum nexthop_kind kind;

	ip[0] = to->family == ADDR_IPV4 ? 0x45 : 0x60;
	memcpy(ip + (to->family == ADDR_IPV4 ? 16 : 24), to->b, addr_bytes(to));
	if (dp->negotiator_reader)
		rte_rcu_qsbr_thread_online(dp->tables.qsbr, dp->n_workers);
	kind = nexthop_kind(lookup(&dp->tables, DATAPLANE_UNDERLAY, ip));
	if (dp->negotiator_reader)
		rte_rcu_qsbr_thread_offline(dp->tables.qsbr, dp->n_workers);
	return kind == NEXTHOP_LINK || kind == NEXTHOP_NEIGHBOUR;
}

static void write_udp(uint8_t *ip, const struct endpoint *local, const struct endpoint *remote,
		      unsigned udp_bytes)
{
	bool v4 = local->addr.family == ADDR_IPV4;
	uint8_t *udp = ip + (v4 ? IP4_BYTES : IP6_BYTES);

	if (v4) {
		memset(ip, 0, IP4_BYTES);
		ip[0] = 0x45;
		put_be16(ip + 2, (uint16_t)(IP4_BYTES + udp_bytes));
		ip[6] = 0x40;
		ip[8] = TTL;
		ip[9] = PROTO_UDP;
		memcpy(ip + 12, local->addr.b, 4);
		memcpy(ip + 16, remote->addr.b, 4);
		put16(ip + 10, ip4_sum(ip, IP4_BYTES));
	} else {
		memset(ip, 0, IP6_BYTES);
		ip[0] = 0x60;
		put_be16(ip + 4, (uint16_t)udp_bytes);
		ip[6] = PROTO_UDP;
		ip[7] = TTL;
		memcpy(ip + 8, local->addr.b, 16);
		memcpy(ip + 24, remote->addr.b, 16);
	}
	put_be16(udp, local->port);
	put_be16(udp + 2, remote->port);
	put_be16(udp + 4, (uint16_t)udp_bytes);
	put16(udp + 6, 0);
	put16(udp + 6, packet_udp_sum(ip, udp, udp_bytes));
}

/* What the ports' MTU is too small for. Whoever sends IPv6 cuts it, and never needs pieces of less
 * than 1280 bytes (RFC 8200 §5). */
static int send_fragments(struct dataplane *dp, uint8_t *ip, unsigned total, unsigned mtu)
{
	struct rte_mbuf *piece[REASSEMBLE_PIECES];
	uint32_t id = (uint32_t)rte_rand();
	struct cut c;

	if (ip[0] >> 4 == 4) {
		put16(ip + 4, (uint16_t)id);
		put16(ip + 6, 0);
	}
	if (!cut_begin(&c, ip, total, mtu, id) || c.pieces > RTE_DIM(piece))
		return -EMSGSIZE;
	if (rte_ring_free_count(dp->worker[0]->inject[INJECT_NEGOTIATOR]) < c.pieces ||
	    rte_pktmbuf_alloc_bulk(dp->pool, piece, c.pieces) != 0)
		return -EAGAIN;
	for (unsigned i = 0; i < c.pieces; i++) {
		cut_write(&c, piece[i], i);
		tag_set(piece[i], TAG_ROUTE, 0, DATAPLANE_UNDERLAY);
		(void)inject(dp, 0, INJECT_NEGOTIATOR, piece[i]);
	}
	return 0;
}

int dataplane_send_udp(struct dataplane *dp, const struct endpoint *local,
		       const struct endpoint *remote, const void *data, size_t len)
{
	bool v4 = local->addr.family == ADDR_IPV4, whole;
	unsigned head = (v4 ? IP4_BYTES : IP6_BYTES) + UDP_BYTES;
	unsigned mtu = v4 ? dp->mtu : RTE_MAX(dp->mtu, IP6_LEAST_MTU);
	struct rte_mbuf *m;
	uint8_t *ip;
	int rc;

	if (local->addr.family == ADDR_NONE || local->addr.family != remote->addr.family)
		return -EINVAL;
	if (UDP_BYTES + len > REASSEMBLE_BYTES)
		return -EMSGSIZE;
	if (!has_way(dp, &remote->addr))
		return -ENETUNREACH;
	whole = head + len <= mtu;
	m = rte_pktmbuf_alloc(whole ? dp->pool : dp->large);
	if (!m)
		return -EAGAIN;
	ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + len));
	if (!ip) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	if (len)
		memcpy(ip + head, data, len);
	write_udp(ip, local, remote, (unsigned)len + UDP_BYTES);
	if (whole) {
		tag_set(m, TAG_ROUTE, 0, DATAPLANE_UNDERLAY);
		return inject(dp, 0, INJECT_NEGOTIATOR, m);
	}
	rc = send_fragments(dp, ip, head + (unsigned)len, mtu);
	rte_pktmbuf_free(m);
	return rc;
}

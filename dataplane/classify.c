/* From frames to lanes: what each frame is, and whose. Nothing here is trusted: every length is
 * proved before the header behind it is read. */
#include "dataplane/lookup.h"
#include "dataplane/packet.h"
#include "dataplane/path_mtu.h"
#include "dataplane/peers.h"
#include "dataplane/reassemble.h"
#include "dataplane/vtep.h"
#include "dataplane/worker.h"

#include <rte_ether.h>
#include <rte_prefetch.h>

#define MAC_MASK UINT64_C(0xffffffffffff) /* of eight bytes as loaded from the wire */
#define AHEAD	 4			  /* packets whose first line is being fetched */

#define BE16(v) RTE_BE16(v)

static bool is_multicast(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* Neighbour solicitation or advertisement, from a host of this very link (RFC 4861 §7.1). */
static bool is_neighbour_discovery(const uint8_t *ip, unsigned len)
{
	return ip[6] == PROTO_ICMPV6 && ip[7] == 255 && len >= IP6_BYTES + 8 &&
	       (ip[IP6_BYTES] == 135 || ip[IP6_BYTES] == 136);
}

/* A frame inside a VPC's network, from VXLAN or VLAN: eth at the data's begin, `head` bytes before
 * the payload of that type (wire order). */
static void classify_vpc(struct worker *w, struct burst *b, struct rte_mbuf *m,
			 const struct interface *i, unsigned head, uint16_t type)
{
	const uint8_t *eth = packet(m);
	bool multicast = is_multicast(eth);

	if (!multicast && memcmp(eth, i->mac, sizeof(i->mac)) != 0) {
		worker_drop(w, m, DROP_NOT_FOR_US);
		return;
	}
	if (type == BE16(ETHERTYPE_ARP)) {
		tag_set(m, TAG_PUNT_NEIGH, (uint8_t)head, i->index);
		punt(w, m, PUNT_VPC);
		return;
	}
	if (type == BE16(ETHERTYPE_IPV6) && m->data_len >= head + IP6_BYTES &&
	    is_neighbour_discovery(eth + head, m->data_len - head)) {
		tag_set(m, TAG_PUNT_NEIGH, (uint8_t)head, i->index);
		punt(w, m, PUNT_VPC);
		return;
	}
	if (type != BE16(ETHERTYPE_IPV4) && type != BE16(ETHERTYPE_IPV6)) {
		worker_drop(w, m, DROP_NO_PROTOCOL);
		return;
	}
	if (multicast) {
		worker_drop(w, m, DROP_NOT_FOR_US);
		return;
	}
	packet_strip(m, head);
	if (!packet_fit_ip(m) || (packet(m)[0] >> 4 == 4) != (type == BE16(ETHERTYPE_IPV4)))
		worker_drop(w, m, DROP_MALFORMED);
	else
		burst_add_ip(b, m, i->table);
}

static const struct interface *interface_of_vni(const struct tables *t, uint32_t vni)
{
	const uint32_t *leaf = atomic_load_explicit(&t->vni[vni >> 12], memory_order_acquire);
	uint32_t index = leaf ? __atomic_load_n(&leaf[vni & 0xfff], __ATOMIC_ACQUIRE) : 0;

	return index ? atomic_load_explicit(&t->interface[index - 1], memory_order_acquire) : NULL;
}

/* RFC 7348 §5. Only the attachment's remote ends may speak for its network, and nothing but their
 * address says who they are: so it is heard only where they are reached. */
static void classify_vxlan(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t port,
			   const uint8_t *udp, unsigned len)
{
	const uint8_t *ip = packet(m), *vxlan = udp + UDP_BYTES;
	const struct interface *i;
	unsigned alen, src;

	if (len < UDP_BYTES + VXLAN_BYTES + ETH_BYTES || !(vxlan[0] & 0x08)) {
		worker_drop(w, m, DROP_MALFORMED);
		return;
	}
	i = interface_of_vni(w->tables, get_be32(vxlan + 4) >> 8);
	if (ip[0] >> 4 == 4) {
		alen = 4;
		src = 12;
	} else {
		alen = 16;
		src = 8;
	}
	if (!i || memcmp(ip + src + alen, i->local_vtep.b, alen) != 0 ||
	    (i->local_vtep.family == ADDR_IPV4) != (alen == 4) ||
	    (memcmp(ip + src, i->remote_vtep.b, alen) != 0 &&
	     !vtep_set_has(atomic_load_explicit(&i->others, memory_order_acquire), ip + src,
			   alen))) {
		worker_drop(w, m, DROP_NO_VNI);
		return;
	}
	if (port >= PORTS_MAX ||
	    !(atomic_load_explicit(&i->ports, memory_order_relaxed) >> port & 1)) {
		worker_drop(w, m, DROP_WRONG_PORT);
		return;
	}
	packet_strip(m, (unsigned)(vxlan + VXLAN_BYTES - ip));
	classify_vpc(w, b, m, i, ETH_BYTES, get16(packet(m) + 12));
}

/* Another worker's slot, so that whoever makes SPIs up cannot fill the way to it. It looks again
 * when it has the packet. */
static bool slot_holds(const struct worker *owner, uint32_t spi)
{
	return shared_get(&owner->slot[spi_slot(spi)].spi) == spi;
}

static void classify_esp(struct worker *w, struct burst *b, struct rte_mbuf *m, const uint8_t *esp,
			 unsigned len, bool udp)
{
	unsigned at = (unsigned)(esp - packet(m)), owner;
	uint32_t spi;

	if (len < ESP_BYTES || at >= BURST_UDP) {
		worker_drop(w, m, DROP_MALFORMED);
		return;
	}
	spi = get_be32(esp);
	owner = spi_owner(spi);
	if (likely(owner == w->index)) {
		rte_prefetch0(&w->slot[spi_slot(spi)]);
		burst_add_in(b, m, spi, (uint8_t)(at | (udp ? BURST_UDP : 0)));
	} else if (owner < w->n_workers && slot_holds(w->worker[owner], spi)) {
		tag_set(m, TAG_ESP_IN, (uint8_t)(at | (udp ? BURST_UDP : 0)), spi);
		worker_hand_over(w, owner, m);
	} else {
		worker_drop(w, m, DROP_NO_SA);
	}
}

/* Is this underlay packet to one of the ports' own addresses? ESP and VXLAN need not ask: their
 * SA or attachment knows its address. */
static bool is_own(const struct worker *w, const uint8_t *ip)
{
	return nexthop_kind(lookup(w->tables, DATAPLANE_UNDERLAY, ip)) == NEXTHOP_LOCAL;
}

static void punt_ike(struct worker *w, struct rte_mbuf *m, const uint8_t *udp)
{
	const uint8_t *ip = packet(m);
	bool v4 = ip[0] >> 4 == 4;
	uint32_t from = peers_hash(ip + (v4 ? 12 : 8), v4);

	if (!is_own(w, ip)) {
		worker_drop(w, m, DROP_NOT_FOR_US);
		return;
	}
	tag_set(m, TAG_PUNT_IKE, (uint8_t)(udp - ip), from);
	punt(w, m, peers_may_have(w->tables, from) ? PUNT_IKE : PUNT_STRANGER);
}

static void classify_udp(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t from,
			 const uint8_t *udp, unsigned len)
{
	uint16_t port;

	if (len < UDP_BYTES || get_be16(udp + 4) < UDP_BYTES || get_be16(udp + 4) > len) {
		worker_drop(w, m, DROP_MALFORMED);
		return;
	}
	len = get_be16(udp + 4);
	port = get_be16(udp + 2);
	if (port == UDP_IKE_NATT) {
		const uint8_t *p = udp + UDP_BYTES;

		len -= UDP_BYTES;
		if (len == 1 && *p == 0xff) /* NAT keepalive (RFC 3948 §2.3) */
			rte_pktmbuf_free(m);
		else if (len < 4)
			worker_drop(w, m, DROP_MALFORMED);
		else if (get32(p) == 0) /* non-ESP marker (RFC 3948 §2.2) */
			punt_ike(w, m, udp);
		else
			classify_esp(w, b, m, p, len, true);
	} else if (port == UDP_VXLAN) {
		classify_vxlan(w, b, m, from, udp, len);
	} else if (port == UDP_IKE) {
		punt_ike(w, m, udp);
	} else {
		worker_drop(w, m, DROP_NO_PROTOCOL);
	}
}

/* One header of IPv6 options. False: cut off, or one of them says that who does not know it
 * discards the packet (RFC 8200 §4.2); we know none but padding. */
static bool may_skip(const uint8_t *h, unsigned bytes)
{
	unsigned size;

	for (unsigned at = 2; at < bytes; at += size) {
		if (h[at] & 0xc0)
			return false;
		if (h[at] == 0) { /* Pad1 */
			size = 1;
			continue;
		}
		if (at + 2 > bytes)
			return false;
		size = 2u + h[at + 1];
		if (at + size > bytes)
			return false;
	}
	return true;
}

/* Behind hop-by-hop and destination options, which are somebody else's matter. False: none of that.
 */
static __rte_noinline bool skip_options(const uint8_t *ip, unsigned len, unsigned *head,
					unsigned *proto)
{
	while (*proto == PROTO_HOP_BY_HOP || *proto == PROTO_OPTIONS) {
		const uint8_t *h = ip + *head;
		unsigned bytes;

		if (*head + 8 > len)
			return false;
		bytes = 8 + h[1] * 8u;
		if (*head + bytes > len || !may_skip(h, bytes))
			return false;
		*proto = h[0];
		*head += bytes;
	}
	return *head < BURST_UDP - UDP_BYTES && *proto != PROTO_FRAGMENT;
}

/* An IP packet to one of the ports' own MAC addresses. Nothing is forwarded from the underlay: it
 * is for one of our protocols, or it is dropped. */
void classify_underlay(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t port)
{
	const uint8_t *ip = packet(m);
	unsigned head, len, proto;

	if (!packet_fit_ip(m)) {
		worker_drop(w, m, DROP_MALFORMED);
		return;
	}
	if (unlikely(is_fragment(ip))) {
		if (!is_own(w, ip)) {
			worker_drop(w, m, DROP_NOT_FOR_US);
			return;
		}
		m->port = port;
		m = reassemble(w, m);
		if (!m)
			return;
		port = m->port;
		ip = packet(m);
	}
	len = m->data_len;
	if (ip[0] >> 4 == 4) {
		head = (ip[0] & 15) * 4u;
		proto = ip[9];
	} else {
		head = IP6_BYTES;
		proto = ip[6];
		if (unlikely(proto == PROTO_HOP_BY_HOP || proto == PROTO_OPTIONS) &&
		    !skip_options(ip, len, &head, &proto)) {
			worker_drop(w, m, DROP_MALFORMED);
			return;
		}
	}
	if (proto == PROTO_ESP) {
		classify_esp(w, b, m, ip + head, len - head, false);
	} else if (proto == PROTO_UDP) {
		classify_udp(w, b, m, port, ip + head, len - head);
	} else if (!is_own(w, ip)) {
		worker_drop(w, m, DROP_NOT_FOR_US);
	} else if (path_mtu_is_error(ip, len)) {
		tag_set(m, TAG_PUNT_PATH_MTU, 0, 0);
		punt(w, m, PUNT_PATH_MTU);
	} else if (proto == PROTO_ICMP || proto == PROTO_ICMPV6) {
		tag_set(m, TAG_PUNT_LOCAL, 0, DATAPLANE_UNDERLAY);
		punt(w, m, PUNT_ICMP);
	} else {
		worker_drop(w, m, DROP_NO_PROTOCOL);
	}
}

static void classify_vlan(struct worker *w, struct burst *b, struct rte_mbuf *m,
			  const struct port_table *port, uint16_t vlan, unsigned head,
			  uint16_t type)
{
	const uint32_t *table = __atomic_load_n(&port->vlan, __ATOMIC_ACQUIRE);
	uint32_t index = table ? __atomic_load_n(&table[vlan & 0xfff], __ATOMIC_ACQUIRE) : 0;
	const struct interface *i;

	i = index ? atomic_load_explicit(&w->tables->interface[index - 1], memory_order_acquire)
		  : NULL;
	if (i)
		classify_vpc(w, b, m, i, head, type);
	else
		worker_drop(w, m, DROP_NO_VNI);
}

static bool is_tag(uint16_t type)
{
	return type == BE16(ETHERTYPE_VLAN) || type == BE16(ETHERTYPE_QINQ);
}

/* A frame with a tag. True: the tag had a priority and no VLAN (IEEE 802.1Q §9.6); it is gone, and
 * the frame is the port's own. */
static bool classify_tagged(struct worker *w, struct burst *b, struct rte_mbuf *m,
			    const struct port_table *port)
{
	uint8_t *eth = packet(m);
	uint16_t tag, type;

	if (m->data_len < ETH_BYTES + VLAN_BYTES) {
		worker_drop(w, m, DROP_MALFORMED);
		return false;
	}
	tag = get_be16(eth + ETH_BYTES);
	type = get16(eth + ETH_BYTES + 2);
	if (is_tag(type)) {
		worker_drop(w, m, DROP_QINQ);
		return false;
	}
	if (tag & 0xfff) {
		classify_vlan(w, b, m, port, tag, ETH_BYTES + VLAN_BYTES, type);
		return false;
	}
	memmove(eth + VLAN_BYTES, eth, 12);
	packet_strip(m, VLAN_BYTES);
	return true;
}

/* Everything behind wants a packet in one piece, in a buffer that may be kept. NULL: dropped. */
static __rte_noinline struct rte_mbuf *in_one_piece(struct worker *w, struct rte_mempool *pool,
						    struct rte_mbuf *m)
{
	struct rte_mbuf *to = rte_pktmbuf_alloc(pool);
	const void *data;
	char *p;

	if (!to) {
		worker_drop(w, m, DROP_NO_BUFFER);
		return NULL;
	}
	p = m->pkt_len <= UINT16_MAX ? rte_pktmbuf_append(to, (uint16_t)m->pkt_len) : NULL;
	if (!p) {
		rte_pktmbuf_free(to);
		worker_drop(w, m, DROP_TOO_BIG);
		return NULL;
	}
	data = rte_pktmbuf_read(m, 0, m->pkt_len, p);
	if (data != p)
		memcpy(p, data, m->pkt_len);
	to->ol_flags = m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;
	to->vlan_tci = m->vlan_tci;
	rte_pktmbuf_free(m);
	return to;
}

void classify_long_frames(struct worker *w, struct burst *b)
{
	unsigned room = rte_pktmbuf_data_room_size(w->pool) - RTE_PKTMBUF_HEADROOM, n = 0;

	for (unsigned i = 0; i < b->n_frame; i++) {
		struct rte_mbuf *m = b->frame[i];

		m = in_one_piece(w, m->pkt_len <= room ? w->pool : w->large, m);
		if (m)
			b->frame[n++] = m;
	}
	b->n_frame = n;
}

static void classify_frame(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t from,
			   const struct port_table *port)
{
	const uint8_t *eth;
	uint16_t type;

	if (unlikely(m->nb_segs != 1)) {
		m = in_one_piece(w, w->pool, m);
		if (!m)
			return;
	}
	if (unlikely(m->data_len < ETH_BYTES)) {
		worker_drop(w, m, DROP_MALFORMED);
		return;
	}
	eth = packet(m);
	type = get16(eth + 12);
	/* A tag that the port took off was the outer one. */
	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)) {
		if (is_tag(type)) {
			worker_drop(w, m, DROP_QINQ);
			return;
		}
		if (m->vlan_tci & 0xfff) {
			classify_vlan(w, b, m, port, m->vlan_tci, ETH_BYTES, type);
			return;
		}
	}
	if (unlikely(type == BE16(ETHERTYPE_VLAN))) {
		if (!classify_tagged(w, b, m, port))
			return;
		eth = packet(m);
		type = get16(eth + 12);
	}
	if (likely((get64(eth) & MAC_MASK) == port->mac &&
		   (type == BE16(ETHERTYPE_IPV4) || type == BE16(ETHERTYPE_IPV6)))) {
		if (unlikely(type == BE16(ETHERTYPE_IPV6) && m->data_len >= ETH_BYTES + IP6_BYTES &&
			     is_neighbour_discovery(eth + ETH_BYTES, m->data_len - ETH_BYTES))) {
			tag_set(m, TAG_PUNT_NEIGH, ETH_BYTES, port->interface);
			punt(w, m, PUNT_NEIGH);
			return;
		}
		packet_strip(m, ETH_BYTES);
		classify_underlay(w, b, m, from);
		return;
	}
	if ((get64(eth) & MAC_MASK) != port->mac && !is_multicast(eth)) {
		worker_drop(w, m, DROP_NOT_FOR_US);
		return;
	}
	if (type == BE16(ETHERTYPE_ARP) ||
	    (type == BE16(ETHERTYPE_IPV6) && m->data_len >= ETH_BYTES + IP6_BYTES &&
	     is_neighbour_discovery(eth + ETH_BYTES, m->data_len - ETH_BYTES))) {
		tag_set(m, TAG_PUNT_NEIGH, ETH_BYTES, port->interface);
		punt(w, m, PUNT_NEIGH);
		return;
	}
	if (is_tag(type))
		worker_drop(w, m, DROP_QINQ);
	else
		worker_drop(w, m, is_multicast(eth) ? DROP_NOT_FOR_US : DROP_NO_PROTOCOL);
}

void classify(struct worker *w, struct burst *b, uint16_t port)
{
	const struct port_table *table = &w->tables->port[port];
	unsigned i, n = b->n_frame;

	for (i = 0; i < AHEAD && i < n; i++)
		rte_prefetch0(packet(b->frame[i]));
	for (i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(packet(b->frame[i + AHEAD]));
		classify_frame(w, b, b->frame[i], port, table);
	}
	b->n_frame = 0;
}

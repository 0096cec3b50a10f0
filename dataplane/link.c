/* The last step: the neighbour's head before each packet, and into the port's queue. */
#include "dataplane/fit.h"
#include "dataplane/packet.h"
#include "dataplane/worker.h"

#include <rte_prefetch.h>

/* Outer source port of VXLAN: the flow's hash, within the dynamic range (RFC 7348 §5). */
static inline uint16_t entropy_port(const uint8_t *ip)
{
	uint64_t hash = ip[0] >> 4 == 4 ? get64(ip + 12) : get64(ip + 16) ^ get64(ip + 32);

	return (uint16_t)(0xc000 | mix32(hash) >> 18);
}

static void write_vxlan(const struct neighbour *n, uint8_t *head, const uint8_t *ip, unsigned len)
{
	uint8_t *outer = head + n->ip_at;
	unsigned after = len + n->len - n->ip_at; /* from the outer IP header on */
	uint8_t *udp;

	if (n->kind == NEIGHBOUR_VXLAN4) {
		uint16_t total = rte_cpu_to_be_16((uint16_t)after);

		udp = outer + IP4_BYTES;
		put16(outer + 2, total);
		put16(outer + 10, (uint16_t)~sum_fold((uint64_t)n->ip_sum + total));
		after -= IP4_BYTES;
	} else {
		udp = outer + IP6_BYTES;
		after -= IP6_BYTES;
		put_be16(outer + 4, (uint16_t)after);
	}
	put_be16(udp, entropy_port(ip));
	put_be16(udp + 4, (uint16_t)after);
}

/* The frame is ready: it leaves with the others of its port at the end of the loop. */
static inline void enqueue(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct tx_port *t = &w->tx[port];

	if (unlikely(t->n == TX_ROOM))
		worker_transmit(w, port);
	t->pkt[t->n++] = m;
}

void link_frame(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	enqueue(w, port, m);
}

void link_out(struct worker *w, struct burst *b)
{
	const struct neighbour *table = w->tables->neighbour;

	for (unsigned i = 0; i < b->n_link; i++) {
		struct rte_mbuf *m = b->link[i];
		uint32_t nh = b->link_nexthop[i];
		const struct neighbour *n = &table[nexthop_index(nh)];
		unsigned len = m->data_len;
		uint8_t *ip = packet(m), *head;

		if (unlikely(nexthop_kind(nh) != NEXTHOP_NEIGHBOUR)) {
			tag_set(m, TAG_PUNT_RESOLVE, 0, nexthop_index(nh));
			punt(w, m, PUNT_RESOLVE);
			continue;
		}
		if (unlikely(len > n->mtu)) {
			fit_link(w, m, nh, n->interface, n->mtu);
			continue;
		}
		if (unlikely(m->data_off < n->len)) {
			worker_drop(w, m, DROP_TOO_BIG);
			continue;
		}
		head = packet_prepend(m, n->len);
		switch (n->kind) {
		case NEIGHBOUR_ETHER:
			memcpy(head, n->head, ETH_BYTES);
			break;
		case NEIGHBOUR_VLAN:
			memcpy(head, n->head, ETH_BYTES + VLAN_BYTES);
			break;
		case NEIGHBOUR_VXLAN4:
			memcpy(head, n->head, 64);
			write_vxlan(n, head, ip, len);
			break;
		default:
			memcpy(head, n->head, n->len);
			write_vxlan(n, head, ip, len);
		}
		enqueue(w, n->port, m);
	}
	b->n_link = 0;
}

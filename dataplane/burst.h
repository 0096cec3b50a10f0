/* A burst: up to 64 packets on their way through a worker's phases.
 *
 * Each lane holds the packets that wait for one phase, with what the phase before found out about
 * them. A packet is in one lane at a time and moves only forward, so no lane can hold more packets
 * than entered the burst. Lives on the worker's stack; its arrays stay in the first-level cache. */
#ifndef DATAPLANE_BURST_H
#define DATAPLANE_BURST_H

#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#define BURST_MAX 64

struct burst {
	/* rx -> classify: frames of one port. */
	unsigned n_frame;
	struct rte_mbuf *frame[BURST_MAX];

	/* classify -> esp_in: data at the outer IP header, in_at bytes before the ESP header. The
	 * SPI's owner is this worker; nothing else about it is checked. */
	unsigned n_in;
	struct rte_mbuf *in[BURST_MAX];
	uint32_t in_spi[BURST_MAX];
	uint8_t in_at[BURST_MAX]; /* BURST_UDP set: in UDP */

	/* classify, esp_in -> forward: data at a valid IP header, data length equals the IP
	 * packet's. */
	unsigned n_ip;
	struct rte_mbuf *ip[BURST_MAX];
	uint32_t ip_table[BURST_MAX]; /* with BURST_OWN, BURST_TUNNEL and BURST_FROM */

	/* forward -> esp_out: data at the inner IP header. */
	unsigned n_out;
	struct rte_mbuf *out[BURST_MAX];
	uint32_t out_tunnel[BURST_MAX];

	/* forward, esp_out -> link: data at the IP header that the link will carry. */
	unsigned n_link;
	struct rte_mbuf *link[BURST_MAX];
	uint32_t link_nexthop[BURST_MAX]; /* NEXTHOP_NEIGHBOUR or NEXTHOP_LINK */
};

#define BURST_OWN    (1u << 31) /* our own packet: its TTL stays */
#define BURST_TUNNEL (1u << 30) /* out of a tunnel that does not lead into another one */
#define BURST_FROM   (1u << 29) /* out of the tunnel burst_from() */
#define BURST_TABLE  ((1u << 14) - 1)
#define BURST_UDP    0x80

static inline uint32_t burst_from_tunnel(uint32_t tunnel)
{
	return BURST_FROM | tunnel << 14;
}

static inline uint32_t burst_from(uint32_t table)
{
	return table >> 14 & 0x7fff;
}

static inline void burst_reset(struct burst *b)
{
	b->n_frame = b->n_in = b->n_ip = b->n_out = b->n_link = 0;
}

static inline void burst_add_in(struct burst *b, struct rte_mbuf *m, uint32_t spi, uint8_t at)
{
	b->in[b->n_in] = m;
	b->in_spi[b->n_in] = spi;
	b->in_at[b->n_in++] = at;
}

static inline void burst_add_ip(struct burst *b, struct rte_mbuf *m, uint32_t table)
{
	b->ip[b->n_ip] = m;
	b->ip_table[b->n_ip++] = table;
}

static inline void burst_add_out(struct burst *b, struct rte_mbuf *m, uint32_t tunnel)
{
	b->out[b->n_out] = m;
	b->out_tunnel[b->n_out++] = tunnel;
}

static inline void burst_add_link(struct burst *b, struct rte_mbuf *m, uint32_t nh)
{
	b->link[b->n_link] = m;
	b->link_nexthop[b->n_link++] = nh;
}

/* What a packet carries while it changes threads. Lies where a NIC leaves its hash, in the mbuf's
 * first cache line, which nobody reads after classify. */
enum tag_kind {
	TAG_ESP_IN,	   /* at: offset of the ESP header; value: SPI */
	TAG_ESP_OUT,	   /* value: tunnel */
	TAG_ROUTE,	   /* from a control thread; value: table, maybe BURST_TUNNEL */
	TAG_FRAGMENT,	   /* an outer fragment for its worker; data at the IP header */
	TAG_LINK,	   /* value: next hop of a neighbour */
	TAG_FRAME,	   /* a finished frame; value: port */
	TAG_PUNT_IKE,	   /* at: offset of the UDP header; data at the IP header; value: hash of
			      the source */
	TAG_PUNT_PATH_MTU, /* an ICMP error for the negotiator */
	TAG_PUNT_NEIGH,	   /* ARP, or IPv6 ND with data at the Ethernet header; value: interface */
	TAG_PUNT_LOCAL,	   /* an IP packet to an interface's address; value: table */
	TAG_PUNT_INNER,	   /* an IP packet to a tunnel's inner address; value: tunnel */
	TAG_PUNT_RESOLVE,  /* an IP packet for an on-link host; value: interface */
	TAG_PUNT_TTL,	   /* its time is over; value: table */
	TAG_PUNT_TOO_BIG,  /* size: what would fit; value: interface, or tunnel |
			      NEXTHOP_LOCAL_TUNNEL */
};

struct tag {
	uint8_t kind; /* enum tag_kind */
	uint8_t at;
	uint16_t size;
	uint32_t value;
};

static inline struct tag *tag_of(struct rte_mbuf *m)
{
	_Static_assert(sizeof(struct tag) <= sizeof(m->hash), "tag fits the mbuf's hash field");
	return (struct tag *)&m->hash;
}

static inline void tag_set(struct rte_mbuf *m, enum tag_kind kind, uint8_t at, uint32_t value)
{
	*tag_of(m) = (struct tag){ .kind = (uint8_t)kind, .at = at, .value = value };
}

#endif

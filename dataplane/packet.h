/* Headers as workers read and write them: unaligned loads and stores, lengths, checksums, flows.
 *
 * Bytes may lie at any address. Multi-byte values named _be are as on the wire. */
#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#define ETH_BYTES      14
#define VLAN_BYTES     4
#define IP4_BYTES      20
#define IP6_BYTES      40
#define UDP_BYTES      8
#define FRAGMENT_BYTES 8 /* IPv6's extension header */
#define VXLAN_BYTES    8
#define ESP_BYTES      8

#define IP6_LEAST_MTU 1280 /* every link of IPv6 takes such packets (RFC 8200 §5) */

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_HOP_BY_HOP 0 /* IPv6's extension headers */
#define PROTO_ROUTING	 43
#define PROTO_FRAGMENT	 44
#define PROTO_OPTIONS	 60

#define PROTO_ICMP   1
#define PROTO_IPV4   4
#define PROTO_TCP    6
#define PROTO_UDP    17
#define PROTO_IPV6   41
#define PROTO_ESP    50
#define PROTO_ICMPV6 58
#define PROTO_NONE   59

#define UDP_IKE	     500
#define UDP_IKE_NATT 4500
#define UDP_VXLAN    4789

#define TCP_SYN 0x02

#define TCP_BGP		 179
#define UDP_BFD		 3784 /* RFC 5881 §4 */
#define UDP_BFD_ECHO	 3785
#define UDP_BFD_MULTIHOP 4784 /* RFC 5883 §5 */

static inline uint16_t get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t get_be16(const void *p)
{
	return rte_be_to_cpu_16(get16(p));
}

static inline uint32_t get_be32(const void *p)
{
	return rte_be_to_cpu_32(get32(p));
}

static inline void put16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_be16(void *p, uint16_t v)
{
	put16(p, rte_cpu_to_be_16(v));
}

static inline void put_be32(void *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint8_t *packet(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* A one's complement sum of 16-bit words in wire order, folded (RFC 1071): added to itself with its
 * halves exchanged, the upper half has the carry of the lower. */
static inline uint16_t sum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

static inline uint64_t sum_bytes(const uint8_t *p, unsigned n)
{
	uint64_t sum = 0;

	for (; n >= 4; n -= 4, p += 4)
		sum += get32(p);
	if (n >= 2) {
		sum += get16(p);
		p += 2;
		n -= 2;
	}
	return n ? sum + *p : sum;
}

static inline bool ip4_sum_ok(const uint8_t *ip, unsigned bytes)
{
	return sum_fold(sum_bytes(ip, bytes)) == 0xffff;
}

static inline uint16_t ip4_sum(const uint8_t *ip, unsigned bytes) /* with the field itself 0 */
{
	return (uint16_t)~sum_fold(sum_bytes(ip, bytes));
}

/* After one 16-bit word of a summed header changed (RFC 1624, equation 3). */
static inline void sum_update(uint8_t *sum, uint16_t old, uint16_t new)
{
	put16(sum, (uint16_t)~sum_fold((uint64_t)(uint16_t)~get16(sum) + (uint16_t)~old + new));
}

/* UDP's checksum, with the field itself 0 (RFC 768, RFC 8200 §8.1). ip: the header before it; udp:
 * len bytes from UDP's header on. Never 0, which would say that there is none. */
uint16_t packet_udp_sum(const uint8_t *ip, const uint8_t *udp, unsigned len);

/* True: a whole IP packet, which may be followed by padding of a lower layer; *total is its
 * length. Header checksum included (RFC 1812 §5.2.2). */
static inline bool ip_whole(const uint8_t *ip, unsigned len, unsigned *total)
{
	if (len >= IP4_BYTES && ip[0] == 0x45) {
		*total = get_be16(ip + 2);
		return *total >= IP4_BYTES && *total <= len && ip4_sum_ok(ip, IP4_BYTES);
	}
	if (len >= IP6_BYTES && ip[0] >> 4 == 6) {
		*total = IP6_BYTES + get_be16(ip + 4);
		return *total <= len;
	}
	if (len >= IP4_BYTES && ip[0] >> 4 == 4 && ip[0] > 0x45) {
		unsigned head = (ip[0] & 15) * 4u;

		*total = get_be16(ip + 2);
		return *total >= head && *total <= len && ip4_sum_ok(ip, head);
	}
	return false;
}

/* Makes the data exactly the IP packet at its begin; false: there is none. */
static inline bool packet_fit_ip(struct rte_mbuf *m)
{
	unsigned total;

	if (!ip_whole(packet(m), m->data_len, &total))
		return false;
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	return true;
}

static inline void packet_strip(struct rte_mbuf *m, unsigned bytes)
{
	m->data_off = (uint16_t)(m->data_off + bytes);
	m->data_len = (uint16_t)(m->data_len - bytes);
	m->pkt_len = m->data_len;
}

/* The caller knows that there is room. */
static inline uint8_t *packet_prepend(struct rte_mbuf *m, unsigned bytes)
{
	m->data_off = (uint16_t)(m->data_off - bytes);
	m->data_len = (uint16_t)(m->data_len + bytes);
	m->pkt_len = m->data_len;
	return packet(m);
}

static inline uint32_t mix32(uint64_t v)
{
	v *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(v >> 32);
}

/* What an IP packet carries behind its options or extension headers (RFC 8200 §4). */
struct packet_upper {
	unsigned at;   /* offset of its header; may be len or more: there is none */
	uint8_t proto; /* PROTO_NONE as well for headers that are cut off */
	bool fragment; /* of something larger */
	bool first;    /* the header is here: no fragment, or the first one */
};
void packet_upper(struct packet_upper *u, const uint8_t *ip, unsigned len);

/* Packets of one flow have one value: addresses, protocol, and ports of TCP and UDP or the
 * identifier of an ICMP echo. A fragment has no ports, so all of them go without. */
uint32_t packet_flow(const uint8_t *ip, unsigned len);

#endif

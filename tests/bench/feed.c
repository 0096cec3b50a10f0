#include "tests/bench/feed.h"

#include "dataplane/sa.h"

#include <rte_byteorder.h>
#include <rte_ip.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define ETHER 14
#define VLAN  4
#define IP4   20

static const uint8_t vlan_head[ETHER + VLAN] = { 2, 0,	  0,	0,    4, 1, 2,	 0, 0,
						 4, 0x10, 0x10, 0x81, 0, 0, 100, 8, 0 };
static const uint8_t wan_head[ETHER] = { 2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 0xfe, 8, 0 };

struct addr feed_customer(uint32_t n)
{
	return addr_ipv4(0x64400000 + n); /* 100.64.0.0/10 */
}

struct prefix feed_prefix(uint32_t n)
{
	return (struct prefix){ addr_ipv4(0x0b000000 + (n << 8)), 24 }; /* 11.0.0.0/8 */
}

unsigned feed_bytes(const struct feed *f, unsigned i)
{
	static const uint16_t imix[12] = { 64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 64, 570 };

	return f->size == FEED_IMIX ? imix[i % 12] : f->size;
}

static void put_ip(uint8_t *to, uint32_t src, uint32_t dst, uint8_t protocol, unsigned bytes,
		   uint16_t id)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)to;

	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)bytes);
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = 64;
	ip->next_proto_id = protocol;
	ip->src_addr = rte_cpu_to_be_32(src);
	ip->dst_addr = rte_cpu_to_be_32(dst);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* UDP between a host of the VPC and one of the tunnel's customer; text differs by packet. */
static void put_inner(const struct feed *f, unsigned i, uint8_t *to)
{
	uint32_t host =
		addr_to_ipv4(&(struct addr){ .family = ADDR_IPV4, .b = { 172, 17, 0, 10 } });
	struct prefix p = feed_prefix(f->tunnel[i]);
	uint32_t customer =
		addr_to_ipv4(&p.addr) + 10 + (f->round.hosts ? i / f->round.n % f->round.hosts : 0);
	unsigned bytes = feed_bytes(f, i);
	bool enc = f->dir == FEED_ENC;
	uint16_t udp[4] = { rte_cpu_to_be_16((uint16_t)(1024 + i % 50000)), rte_cpu_to_be_16(53),
			    rte_cpu_to_be_16((uint16_t)(bytes - IP4)), 0 };

	put_ip(to, enc ? host : customer, enc ? customer : host, 17, bytes, (uint16_t)i);
	memcpy(to + IP4, udp, sizeof(udp));
	for (unsigned k = IP4 + sizeof(udp); k < bytes; k++)
		to[k] = (uint8_t)(i * 31 + k);
}

static void make_plain(struct feed *f, unsigned i)
{
	memcpy(f->frame[i], vlan_head, sizeof(vlan_head));
	put_inner(f, i, f->frame[i] + sizeof(vlan_head));
	f->len[i] = (uint16_t)(sizeof(vlan_head) + feed_bytes(f, i));
}

static void make_sealed(struct feed *f, unsigned i)
{
	struct feed_tunnel *peer = &f->peer[f->tunnel[i]];
	unsigned bytes = feed_bytes(f, i), padded = sa_padded(f->sa, bytes);
	uint8_t *esp = f->frame[i] + ETHER + IP4, *text = esp + 8 + f->sa->iv_bytes;
	unsigned len = 8 + f->sa->iv_bytes + padded, k;
	struct addr customer = feed_customer(f->tunnel[i]);
	struct crypt_op op = { .sa = f->sa, .esp = esp, .seq = ++peer->sequence, .len = len };

	put_inner(f, i, text);
	for (k = bytes; k + 2 < padded; k++)
		text[k] = (uint8_t)(k - bytes + 1);
	text[k] = (uint8_t)(k - bytes);
	text[k + 1] = 4;
	memcpy(f->frame[i], wan_head, sizeof(wan_head));
	put_ip(f->frame[i] + ETHER, addr_to_ipv4(&customer), 0xc0000201, 50,
	       IP4 + len + f->sa->icv_bytes, 0);
	f->sa->spi = rte_cpu_to_be_32(peer->spi_in);
	crypt_seal(f->crypt, &op, 1);
	f->len[i] = (uint16_t)(ETHER + IP4 + len + f->sa->icv_bytes);
}

void feed_make(struct feed *f)
{
	if (f->dir == FEED_DEC)
		for (unsigned i = 0; i < f->n; i++)
			make_sealed(f, i);
}

static void order_tunnels(struct feed *f)
{
	uint64_t x = 88172645463325252u;

	for (unsigned i = 0; i < f->n; i++)
		f->tunnel[i] = f->round.first + i % f->round.n * f->round.step;
	if (!f->round.random)
		return;
	for (unsigned i = f->n - 1; i > 0; i--) { /* every tunnel as often as before */
		unsigned k;
		uint32_t t = f->tunnel[i];

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = (unsigned)(x % (i + 1));
		f->tunnel[i] = f->tunnel[k];
		f->tunnel[k] = t;
	}
}

void feed_open(struct feed *f, enum feed_dir dir, unsigned size, struct feed_round round,
	       const struct dataplane_sa *like, struct feed_tunnel *peer)
{
	const char *error = "no memory for packets";

	*f = (struct feed){ .dir = dir, .size = size, .round = round, .peer = peer };
	f->n = round.n * (round.hosts ? round.hosts : 1);
	if (f->n < FEED_PACKETS)
		f->n = FEED_PACKETS;
	f->n *= 2;
	f->tunnel = calloc(f->n, sizeof(*f->tunnel));
	f->len = calloc(f->n, sizeof(*f->len));
	f->frame = aligned_alloc(64, f->n * sizeof(*f->frame));
	if (!f->tunnel || !f->len || !f->frame)
		errx(1, "%s", error);
	order_tunnels(f);
	if (dir == FEED_ENC) {
		for (unsigned i = 0; i < f->n; i++)
			make_plain(f, i);
		return;
	}
	f->crypt = crypt_new(SOCKET_ID_ANY, &error);
	if (!f->crypt)
		errx(1, "%s", error);
	if (sa_new(&f->sa, f->crypt, like, 0, SOCKET_ID_ANY))
		errx(1, "the customers' SA");
}

void feed_close(struct feed *f)
{
	sa_free(f->sa);
	crypt_free(f->crypt);
	free(f->tunnel);
	free(f->len);
	free(f->frame);
}

#include "rig.h"

#include "dataplane/crypt.h"
#include "dataplane/eal.h"
#include "dataplane/packet.h"
#include "dataplane/sa.h"

#include <rte_eth_ring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING 256

const uint8_t rig_peer_mac[6] = { 2, 0, 0, 0, 0, 9 };
const uint8_t rig_broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
const uint8_t rig_port_mac[6]; /* a ring port's */

static struct conf conf;
static struct rte_ring *wire_in[2], *wire_out[2];
struct dataplane *rig_dp;
struct rte_mempool *rig_frames;
uint64_t rig_now;

struct prefix rig_prefix(const char *s)
{
	struct prefix p;

	assert_true(prefix_parse(&p, s));
	return p;
}

struct addr rig_addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(&a, s));
	return a;
}

static void make_conf(void)
{
	const char *error;

	conf.workers.n = 1;
	conf.workers.lcore[0] = 0;
	conf.workers.memory_mb = 128;
	conf.n_ports = 2;
	conf.port = calloc(2, sizeof(*conf.port));
	for (unsigned i = 0; i < 2; i++) {
		struct conf_port *p = &conf.port[i];
		char name[32];

		snprintf(p->name, sizeof(p->name), "port%u", i);
		snprintf(p->device, sizeof(p->device), "net_ring_t%u", i);
		p->mtu = 1500;
		p->n_addresses = 2;
		p->address[0] = rig_prefix(i ? "192.0.2.1/24" : "198.51.100.1/24");
		p->address[1] = rig_prefix(i ? "2001:db8:2::1/64" : "2001:db8:1::1/64");
		if (i == 0)
			p->next_hop = rig_addr("198.51.100.254");
		if (i == 0 && eal_start(&conf, &error) != 0)
			fail_msg("%s", error);
		snprintf(name, sizeof(name), "in%u", i);
		wire_in[i] = rte_ring_create(name, RING, 0, 0);
		snprintf(name, sizeof(name), "out%u", i);
		wire_out[i] = rte_ring_create(name, RING, 0, 0);
		snprintf(name, sizeof(name), "t%u", i);
		assert_true(rte_eth_from_rings(name, &wire_in[i], 1, &wire_out[i], 1, 0) >= 0);
	}
}

int rig_begin(unsigned workers, const char **error)
{
	int rc;

	if (!conf.port) {
		make_conf();
		rig_frames = rte_pktmbuf_pool_create("frames", 1023, 0, 0, 2304, 0);
		assert_non_null(rig_frames);
	}
	conf.workers.n = workers;
	rc = dataplane_open(&rig_dp, &conf, error);
	rig_now = 1;
	return rc;
}

static int rig_set_up_workers(unsigned n)
{
	const char *error = "";

	if (rig_begin(n, &error) != 0)
		fail_msg("%s", error);
	return 0;
}

int rig_set_up(void **state)
{
	return rig_set_up_workers(1);
}

/* Each port has one queue, so that each of the first two workers polls one port, and only the first
 * one sends. */
int rig_set_up_three(void **state)
{
	return rig_set_up_workers(3);
}

int rig_tear_down(void **state)
{
	struct rte_mbuf *m;

	dataplane_close(rig_dp);
	rig_dp = NULL;
	for (unsigned i = 0; i < 2; i++) {
		while (rte_ring_dequeue(wire_out[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	}
	return 0;
}

void rig_give(unsigned port, const void *frame, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_frames);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	rig_give_mbuf(port, m);
}

void rig_give_mbuf(unsigned port, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(wire_in[port], m), 0);
}

/* The next frame that left; 0: none. */
unsigned rig_take(unsigned port, uint8_t *frame)
{
	struct rte_mbuf *m;
	unsigned len;

	if (rte_ring_dequeue(wire_out[port], (void **)&m) != 0)
		return 0;
	len = m->data_len;
	memcpy(frame, packet(m), len);
	rte_pktmbuf_free(m);
	return len;
}

/* Until nobody has anything left to do. */
void rig_run(void)
{
	for (;;) {
		unsigned busy;

		do {
			busy = 0;
			for (unsigned i = 0; i < rig_dp->n_workers; i++)
				busy += worker_run_once(rig_dp->worker[i]);
		} while (busy);
		if (dataplane_main_poll(rig_dp, rig_now) > rig_now &&
		    rte_ring_empty(rig_dp->worker[0]->inject[0]))
			return;
	}
}

uint64_t rig_dropped(enum drop_reason r)
{
	struct dataplane_worker_stats s;
	uint64_t sum = 0;

	for (unsigned i = 0; i <= rig_dp->n_workers; i++) {
		assert_int_equal(dataplane_worker_stats(rig_dp, i, &s), 0);
		sum += s.drop[r];
	}
	return sum;
}

uint64_t rig_handed_over(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < rig_dp->n_workers; i++)
		sum += rig_dp->worker[i]->stats.handed_over;
	return sum;
}

unsigned rig_ether(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	put_be16(f + 12, type);
	return 14;
}

unsigned rig_ip4(uint8_t *ip, const char *src, const char *dst, uint8_t proto, unsigned payload)
{
	struct addr s = rig_addr(src), d = rig_addr(dst);

	memset(ip, 0, 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(20 + payload));
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, s.b, 4);
	memcpy(ip + 16, d.b, 4);
	put16(ip + 10, ip4_sum(ip, 20));
	return 20;
}

unsigned rig_arp(uint8_t *f, uint16_t op, const uint8_t *src_mac, const char *src, const char *dst)
{
	struct addr s = rig_addr(src), d = rig_addr(dst);
	uint8_t *a =
		f + rig_ether(f, op == 1 ? rig_broadcast : rig_port_mac, src_mac, ETHERTYPE_ARP);

	memset(a, 0, 28);
	put_be16(a, 1);
	put_be16(a + 2, 0x0800);
	a[4] = 6;
	a[5] = 4;
	put_be16(a + 6, op);
	memcpy(a + 8, src_mac, 6);
	memcpy(a + 14, s.b, 4);
	memcpy(a + 24, d.b, 4);
	return 42;
}

const uint8_t rig_key[20] = { 1, 2, 3 };

static void cryptic(struct sa **sa, bool inbound, const char *peer, uint32_t spi)
{
	struct dataplane_sa from = { .inbound = inbound,
				     .spi = spi,
				     .cipher = CIPHER_AES128_GCM,
				     .cipher_key = rig_key,
				     .cipher_key_len = sizeof(rig_key),
				     .replay_window = 64,
				     .local = { rig_addr(peer), 0 },
				     .remote = { rig_addr("198.51.100.1"), 0 } };

	assert_int_equal(sa_new(sa, rig_dp->keys, &from, 0, 0), 0);
}

unsigned rig_esp(uint8_t *f, const char *from, uint32_t spi, uint32_t seq, const uint8_t *inner,
		 unsigned len)
{
	unsigned padded = (len + 2 + 3) & ~3u, esp = 8 + 8 + padded;
	uint8_t *p;
	struct crypt_op op;

	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	p = f + 14 + rig_ip4(f + 14, from, "198.51.100.1", PROTO_ESP, esp + 16);
	memcpy(p + 16, inner, len);
	for (unsigned i = len; i < padded - 2; i++)
		p[16 + i] = (uint8_t)(i - len + 1);
	p[16 + padded - 2] = (uint8_t)(padded - 2 - len);
	p[16 + padded - 1] = inner[0] >> 4 == 4 ? PROTO_IPV4 : PROTO_IPV6;
	cryptic(&op.sa, false, from, spi);
	op.esp = p;
	op.seq = seq;
	op.len = esp;
	crypt_seal(rig_dp->keys, &op, 1);
	sa_free(op.sa);
	return (unsigned)(p - f) + esp + 16;
}

unsigned rig_open(uint8_t *inner, const uint8_t *f, unsigned len, uint32_t spi)
{
	uint8_t copy[RIG_FRAME];
	struct crypt_op op;
	unsigned n;

	if (len < 14 + 20 + 16 + 4 + 16 || f[23] != PROTO_ESP || get_be32(f + 34) != spi)
		return 0;
	memcpy(copy, f + 34, len - 34);
	cryptic(&op.sa, true, "203.0.113.1", spi);
	op.esp = copy;
	op.seq = get_be32(copy + 4);
	op.len = len - 34 - 16;
	crypt_open(rig_dp->keys, &op, 1);
	sa_free(op.sa);
	if (!op.ok)
		return 0;
	n = op.len - 16 - 2 - copy[op.len - 2];
	memcpy(inner, copy + 16, n);
	return n;
}

uint32_t rig_add_sas(uint32_t tunnel, const char *peer, uint32_t spi_out)
{
	static const struct dataplane_negotiator_ops quiet;
	struct dataplane_sa sa = { .tunnel = tunnel,
				   .spi = spi_out,
				   .cipher = CIPHER_AES128_GCM,
				   .cipher_key = rig_key,
				   .cipher_key_len = sizeof(rig_key),
				   .replay_window = 64,
				   .local = { rig_addr("198.51.100.1"), 0 },
				   .remote = { rig_addr(peer), 0 } };

	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	sa.inbound = true;
	sa.spi = dataplane_spi_alloc(rig_dp, tunnel);
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &quiet, NULL))
		;
	return sa.spi;
}

void rig_resolve_next_hop(void)
{
	uint8_t f[2048];

	rig_run();
	assert_int_equal(rig_take(0, f), 42);
	assert_int_equal(get_be16(f + 20), 1);
	assert_memory_equal(f + 38, rig_addr("198.51.100.254").b, 4);
	rig_give(0, f, rig_arp(f, 2, rig_peer_mac, "198.51.100.254", "198.51.100.1"));
	rig_run();
}

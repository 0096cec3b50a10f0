/* The whole dataplane in one process between two ring ports, its worker stepped by hand: what the
 * neighbours see, and what counters say. */
#include "tests/unit/unit.h"

#include "dataplane/core.h"
#include "dataplane/dataplane.h"
#include "dataplane/eal.h"
#include "dataplane/packet.h"

#include <rte_eth_ring.h>

#include <stdio.h>
#include <string.h>

#define RING 256

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t port_mac[6]; /* a ring port's */

static struct conf conf;
static struct rte_ring *wire_in[2], *wire_out[2];
static struct dataplane *dp;
static struct rte_mempool *frames;
static uint64_t now;

static struct prefix prefix(const char *s)
{
	struct prefix p;

	assert_true(prefix_parse(&p, s));
	return p;
}

static struct addr addr(const char *s)
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
		p->address[0] = prefix(i ? "192.0.2.1/24" : "198.51.100.1/24");
		p->address[1] = prefix(i ? "2001:db8:2::1/64" : "2001:db8:1::1/64");
		if (i == 0)
			p->next_hop = addr("198.51.100.254");
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

static int set_up_workers(unsigned n)
{
	const char *error = "";

	if (!conf.port) {
		make_conf();
		frames = rte_pktmbuf_pool_create("frames", 1023, 0, 0, 2304, 0);
		assert_non_null(frames);
	}
	conf.workers.n = n;
	if (dataplane_open(&dp, &conf, &error) != 0)
		fail_msg("%s", error);
	now = 1;
	return 0;
}

static int set_up(void **state)
{
	return set_up_workers(1);
}

/* Each port has one queue, so that each of the first two workers polls one port, and only the first
 * one sends. */
static int set_up_three(void **state)
{
	return set_up_workers(3);
}

static int tear_down(void **state)
{
	struct rte_mbuf *m;

	dataplane_close(dp);
	dp = NULL;
	for (unsigned i = 0; i < 2; i++) {
		while (rte_ring_dequeue(wire_out[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	}
	return 0;
}

static void give(unsigned port, const void *frame, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(frames);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	assert_int_equal(rte_ring_enqueue(wire_in[port], m), 0);
}

/* The next frame that left; 0: none. */
static unsigned take(unsigned port, uint8_t *frame)
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
static void run(void)
{
	for (;;) {
		unsigned busy;

		do {
			busy = 0;
			for (unsigned i = 0; i < dp->n_workers; i++)
				busy += worker_run_once(dp->worker[i]);
		} while (busy);
		if (dataplane_main_poll(dp, now) > now && rte_ring_empty(dp->worker[0]->inject[0]))
			return;
	}
}

static uint64_t dropped(enum drop_reason r)
{
	struct dataplane_worker_stats s;
	uint64_t sum = 0;

	for (unsigned i = 0; i <= dp->n_workers; i++) {
		assert_int_equal(dataplane_worker_stats(dp, i, &s), 0);
		sum += s.drop[r];
	}
	return sum;
}

static uint64_t handed_over(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < dp->n_workers; i++)
		sum += dp->worker[i]->stats.handed_over;
	return sum;
}

static unsigned ether(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	put_be16(f + 12, type);
	return 14;
}

static unsigned ip4(uint8_t *ip, const char *src, const char *dst, uint8_t proto, unsigned payload)
{
	struct addr s = addr(src), d = addr(dst);

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

static unsigned arp(uint8_t *f, uint16_t op, const uint8_t *src_mac, const char *src,
		    const char *dst)
{
	struct addr s = addr(src), d = addr(dst);
	uint8_t *a = f + ether(f, op == 1 ? broadcast : port_mac, src_mac, ETHERTYPE_ARP);

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

/* Asks for the next hop and hears it. */
static void resolve_next_hop(void)
{
	uint8_t f[2048];

	run();
	assert_int_equal(take(0, f), 42);
	assert_int_equal(get_be16(f + 20), 1);
	assert_memory_equal(f + 38, addr("198.51.100.254").b, 4);
	give(0, f, arp(f, 2, peer_mac, "198.51.100.254", "198.51.100.1"));
	run();
}

static void arp_is_answered(void **state)
{
	uint8_t f[2048];

	give(1, f, arp(f, 1, peer_mac, "192.0.2.7", "192.0.2.1"));
	give(1, f, arp(f, 1, peer_mac, "192.0.2.7", "192.0.2.2"));
	run();
	assert_int_equal(take(1, f), 42);
	assert_memory_equal(f, peer_mac, 6);
	assert_int_equal(get_be16(f + 20), 2);
	assert_memory_equal(f + 28, addr("192.0.2.1").b, 4);
	assert_memory_equal(f + 38, addr("192.0.2.7").b, 4);
	assert_int_equal(take(1, f), 0);
	/* The asker is known now. */
	assert_int_equal(
		nexthop_kind(dataplane_route_lookup(dp, 0, &(struct addr){ 4, { 192, 0, 2, 7 } })),
		NEXTHOP_NEIGHBOUR);
}

static void echo_is_answered(void **state)
{
	uint8_t f[2048], *icmp;

	resolve_next_hop();
	ether(f, port_mac, peer_mac, ETHERTYPE_IPV4);
	icmp = f + 14 + ip4(f + 14, "203.0.113.5", "198.51.100.1", PROTO_ICMP, 24);
	memset(icmp, 7, 24);
	icmp[0] = 8;
	icmp[1] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 24)));
	give(0, f, 14 + 44);
	run();
	assert_int_equal(take(0, f), 58);
	assert_memory_equal(f, peer_mac, 6);
	assert_int_equal(f[14 + 20], 0);
	assert_true(ip4_sum_ok(f + 14, 20));
	assert_int_equal(sum_fold(sum_bytes(f + 34, 24)), 0xffff);
	assert_memory_equal(f + 30, addr("203.0.113.5").b, 4);
}

/* The first packet waits for its neighbour instead of being lost. */
static void first_datagram_waits(void **state)
{
	struct endpoint l = { addr("192.0.2.1"), 500 }, r = { addr("192.0.2.33"), 500 };
	uint8_t f[2048];

	assert_int_equal(dataplane_send_udp(dp, &l, &r, "hello", 5), 0);
	run();
	assert_int_equal(take(1, f), 42);
	assert_int_equal(get_be16(f + 20), 1);
	assert_int_equal(take(1, f), 0);
	give(1, f, arp(f, 2, peer_mac, "192.0.2.33", "192.0.2.1"));
	run();
	assert_int_equal(take(1, f), 14 + 28 + 5);
	assert_memory_equal(f + 42, "hello", 5);
	r.addr = addr("2001:db8:ffff::1");
	assert_int_equal(dataplane_send_udp(dp, &l, &r, "hello", 5), -EINVAL);
	l.addr = addr("2001:db8:2::1");
	assert_int_equal(dataplane_send_udp(dp, &l, &r, "hello", 5), -ENETUNREACH);
}

struct heard {
	unsigned packets, used;
	uint8_t data[64];
	size_t len;
};

static void on_packet(void *ctx, const struct endpoint *l, const struct endpoint *r,
		      const uint8_t *data, size_t len)
{
	struct heard *h = ctx;

	assert_int_equal(l->port, 500);
	assert_int_equal(r->port, 777);
	h->packets++;
	h->len = len;
	memcpy(h->data, data, len < 64 ? len : 64);
}

static void on_used(void *ctx, uint32_t tunnel, uint32_t spi)
{
	((struct heard *)ctx)->used++;
}

static void on_exhausted(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
}

static const struct dataplane_negotiator_ops ops = { on_packet, on_used, on_exhausted };

static void ike_reaches_the_negotiator(void **state)
{
	struct heard h = { 0 };
	uint8_t f[2048], *udp;

	assert_int_equal(dataplane_negotiator_register(dp), 0);
	ether(f, port_mac, peer_mac, ETHERTYPE_IPV4);
	udp = f + 14 + ip4(f + 14, "203.0.113.5", "198.51.100.1", PROTO_UDP, 8 + 4);
	put_be16(udp, 777);
	put_be16(udp + 2, 500);
	put_be16(udp + 4, 12);
	put_be16(udp + 6, 0xdead);
	memcpy(udp + 8, "IKE!", 4);
	give(0, f, 14 + 32);
	run();
	assert_false(dataplane_negotiator_poll(dp, &ops, &h));
	assert_int_equal(h.packets, 1);
	assert_int_equal(h.len, 4);
	assert_memory_equal(h.data, "IKE!", 4);
	dataplane_negotiator_unregister(dp);
}

/* From a VPC's host through one tunnel, and back in through another whose keys are the same. */
static void esp_both_ways(void **state)
{
	static const uint8_t key[20] = { 1, 2, 3 };
	struct dataplane_attachment at = {
		.encap = CONF_ENCAP_VXLAN,
		.port = 1,
		.vni = 77,
		.mac = { 2, 1, 1, 1, 1, 1 },
		.local_vtep = addr("192.0.2.1"),
		.remote_vtep = addr("192.0.2.2"),
		.n_addresses = 1,
		.address[0] = prefix("10.1.0.1/16"),
	};
	struct dataplane_tunnel t = { .cloud_ip = addr("198.51.100.1"),
				      .customer_ip = addr("203.0.113.9"),
				      .inner = prefix("169.254.1.2/30"),
				      .inner_peer = addr("169.254.1.1") };
	struct dataplane_sa sa = { .cipher = CIPHER_AES128_GCM,
				   .cipher_key = key,
				   .cipher_key_len = 20,
				   .replay_window = 64 };
	uint32_t vpc, gateway, interface, connection_tunnel = 1;
	struct dataplane_tunnel_stats stats;
	struct heard h = { 0 };
	struct prefix p;
	uint8_t f[2048], back[2048], *v, *inner;
	unsigned len, n;

	assert_int_equal(dataplane_negotiator_register(dp), 0);
	resolve_next_hop();
	assert_int_equal(dataplane_table_add(dp, &vpc), 0);
	assert_int_equal(dataplane_table_add(dp, &gateway), 0);
	at.table = vpc;
	assert_int_equal(dataplane_attachment_add(dp, &at, &interface), 0);
	t.table = gateway;
	assert_int_equal(dataplane_tunnel_add(dp, 1, &t), 0);
	t.inner = prefix("169.254.2.2/30");
	t.inner_peer = addr("169.254.2.1");
	assert_int_equal(dataplane_tunnel_add(dp, 2, &t), 0);
	p = prefix("0.0.0.0/0");
	assert_int_equal(dataplane_route_set(dp, vpc, &p, nexthop(NEXTHOP_TABLE, gateway)), 0);
	p = prefix("172.16.0.0/12");
	assert_int_equal(dataplane_route_set(dp, gateway, &p, nexthop(NEXTHOP_CONNECTION, 5)), 0);
	p = prefix("10.1.0.0/16");
	assert_int_equal(dataplane_route_set(dp, gateway, &p, nexthop(NEXTHOP_TABLE, vpc)), 0);

	/* The underlay neighbour that VXLAN needs. */
	run();
	assert_int_equal(take(1, f), 42);
	give(1, f, arp(f, 2, peer_mac, "192.0.2.2", "192.0.2.1"));
	run();

	/* A host's packet, before any tunnel is UP. */
	memset(f, 0, sizeof(f));
	ether(f, port_mac, peer_mac, ETHERTYPE_IPV4);
	v = f + 14 + ip4(f + 14, "192.0.2.2", "192.0.2.1", PROTO_UDP, 8 + 8 + 14 + 20 + 8 + 11);
	put_be16(v, 50000);
	put_be16(v + 2, 4789);
	put_be16(v + 4, 8 + 8 + 14 + 20 + 8 + 11);
	v[8] = 8;
	put_be32(v + 12, 77 << 8);
	ether(v + 16, at.mac, peer_mac, ETHERTYPE_IPV4);
	inner = v + 30;
	ip4(inner, "10.1.0.5", "172.16.3.4", PROTO_UDP, 8 + 11);
	memcpy(inner + 28, "hello world", 11);
	len = (unsigned)(inner + 39 - f);
	give(1, f, len);
	run();
	assert_int_equal(dropped(DROP_NO_TUNNEL_UP), 1);

	assert_int_equal(dataplane_connection_set(dp, 5, &connection_tunnel, 1), 0);
	sa.inbound = true;
	sa.tunnel = 2;
	sa.local = (struct endpoint){ addr("198.51.100.1"), 4500 };
	sa.remote = (struct endpoint){ addr("203.0.113.9"), 4500 };
	sa.spi = dataplane_spi_alloc(dp, 2);
	assert_true(sa.spi >= 256);
	assert_int_equal(dataplane_sa_install(dp, &sa), 0);
	sa.inbound = false;
	sa.tunnel = 1;
	sa.udp = true;
	assert_int_equal(dataplane_sa_install(dp, &sa), 0);
	give(1, f, len);
	run();
	n = take(0, back);
	assert_int_equal(n, 14 + 20 + 8 + 8 + 8 + 44 + 16);
	assert_memory_equal(back, peer_mac, 6);
	assert_true(ip4_sum_ok(back + 14, 20));
	assert_int_equal(get_be16(back + 14 + 20 + 4), n - 34);

	/* The same packet comes back to us, as if the customer had sent it: its inner destination
	 * is in the VPC now, so swap what we know of it by sending another one. */
	memcpy(back + 30, addr("198.51.100.1").b, 4);
	memcpy(back + 26, addr("203.0.113.9").b, 4);
	put16(back + 24, 0);
	put16(back + 24, ip4_sum(back + 14, 20));
	give(0, memcpy(back, port_mac, 6), n);
	run();
	assert_int_equal(dataplane_tunnel_stats(dp, 2, &stats), 0);
	assert_int_equal(stats.in_packets, 1);
	assert_int_equal(stats.in_bytes, 39);
	/* Towards 172.16/12 again: out through tunnel 1 once more. */
	assert_int_equal(dataplane_tunnel_stats(dp, 1, &stats), 0);
	assert_int_equal(stats.out_packets, 2);
	assert_int_equal(take(0, f), n);

	/* Again is a replay; changed is not authentic. */
	give(0, back, n);
	run();
	assert_int_equal(dropped(DROP_REPLAYED), 1);
	back[14 + 28 + 7]++;
	give(0, back, n);
	run();
	assert_int_equal(dropped(DROP_BAD_ICV), 1);
	back[14 + 28]++;
	give(0, back, n);
	run();
	assert_int_equal(dropped(DROP_NO_SA), 1);

	while (dataplane_negotiator_poll(dp, &ops, &h))
		;
	assert_int_equal(h.used, 1);
	assert_int_equal(dataplane_sa_remove(dp, 2, true, sa.spi), 0);
	run();
	while (dataplane_negotiator_poll(dp, &ops, &h))
		;
	back[14 + 28]--;
	give(0, back, n);
	run();
	assert_int_equal(dropped(DROP_NO_SA), 2);
	assert_int_equal(handed_over() > 0, dp->n_workers > 1);
	dataplane_negotiator_unregister(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arp_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(echo_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_datagram_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ike_reaches_the_negotiator, set_up, tear_down),
		cmocka_unit_test_setup_teardown(esp_both_ways, set_up, tear_down),
		{ "esp_both_ways, three workers", esp_both_ways, set_up_three, tear_down, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

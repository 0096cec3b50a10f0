/* Packets to and from tunnels' inner local addresses. */
#include "rig.h"

#include "dataplane/packet.h"
#include "dataplane/policy.h"
#include "dataplane/punt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct dataplane_negotiator_ops quiet;
static uint32_t table;

/* Tunnels 0..3 in one table, owned by different workers if there are several; their outbound SAs
 * have SPI 1000 + n. */
static void make_tunnels(void)
{
	static const uint8_t key[20] = { 1, 2, 3 };

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_resolve_next_hop();
	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
					      .customer_ip = addr_ipv4(0xcb007101 + i),
					      .table = table,
					      .inner = { addr_ipv4(0xa9fe0002 + i * 4), 30 },
					      .inner_peer = addr_ipv4(0xa9fe0001 + i * 4) };
		struct dataplane_sa sa = { .tunnel = i,
					   .spi = 1000 + i,
					   .cipher = CIPHER_AES128_GCM,
					   .cipher_key = key,
					   .cipher_key_len = 20,
					   .local = { t.cloud_ip, 0 },
					   .remote = { t.customer_ip, 0 } };

		assert_int_equal(dataplane_tunnel_add(rig_dp, i, &t), 0);
		assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	}
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &quiet, NULL))
		;
}

static void done(void)
{
	dataplane_negotiator_unregister(rig_dp);
}

/* As if it had been decrypted, or had come from a VPC through its table. */
static void route(const uint8_t *ip, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), ip, len);
	tag_set(m, TAG_ROUTE, 0, table);
	assert_int_equal(inject(rig_dp, 0, INJECT_MAIN, m), 0);
}

struct seen {
	unsigned n;
	uint32_t tunnel;
	size_t len;
	uint8_t ip[128];
	bool wanted;
};

static bool on_inner(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	struct seen *s = ctx;

	s->n++;
	s->tunnel = tunnel;
	s->len = len;
	memcpy(s->ip, ip, len < sizeof(s->ip) ? len : sizeof(s->ip));
	return s->wanted;
}

static const struct dataplane_main_ops ops = { on_inner };

static unsigned make_tcp(uint8_t *ip, const char *src, const char *dst, uint16_t port)
{
	uint8_t *tcp = ip + rig_ip4(ip, src, dst, PROTO_TCP, 20);

	memset(tcp, 0, 20);
	put_be16(tcp, 40000);
	put_be16(tcp + 2, port);
	ip[8] = 1; /* as BGP's */
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, 20));
	return 40;
}

static unsigned make_echo(uint8_t *ip, const char *src, const char *dst)
{
	uint8_t *icmp = ip + rig_ip4(ip, src, dst, PROTO_ICMP, 16);

	memset(icmp, 0, 16);
	icmp[0] = 8;
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 16)));
	return 36;
}

static void main_gets_what_is_for_it(void **state)
{
	struct seen s = { .wanted = true };
	uint8_t p[64], f[2048];
	unsigned len;

	make_tunnels();
	dataplane_main_register(rig_dp, &ops, &s);
	len = make_tcp(p, "169.254.0.5", "169.254.0.6", 179);
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 1);
	assert_int_equal(s.tunnel, 1);
	assert_int_equal(s.len, len);
	assert_memory_equal(s.ip, p, len);

	/* From elsewhere in the table, and an echo request that is wanted as well. */
	len = make_echo(p, "172.16.0.9", "169.254.0.14");
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 2);
	assert_int_equal(s.tunnel, 3);
	assert_int_equal(rig_take(0, f), 0);

	/* Nobody wants it: an echo request is answered into the peer's tunnel, the rest dropped. */
	s.wanted = false;
	len = make_echo(p, "169.254.0.9", "169.254.0.10");
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 3);
	assert_true(rig_take(0, f) > 14 + 20 + 8 + len);
	assert_int_equal(get_be32(f + 14 + 20), 1002);
	len = make_tcp(p, "169.254.0.9", "169.254.0.10", 22);
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 4);
	assert_int_equal(rig_dropped(DROP_NO_PROTOCOL), 1);
	done();
}

/* Who a peer is, its address says: nobody else may come with it. */
static void peers_are_not_spoofed(void **state)
{
	struct prefix inner = rig_prefix("169.254.0.6/32");
	const struct tables *t = &rig_dp->tables;
	struct seen s = { .wanted = true };
	uint32_t inner_table, vpc;
	uint8_t p[64];
	unsigned len;

	make_tunnels();
	dataplane_main_register(rig_dp, &ops, &s);
	len = make_tcp(p, "169.254.0.5", "169.254.0.6", 179);
	assert_true(policy_may_be_own(t, p));
	assert_true(policy_is_spoofed(t, table, 0, p)); /* another tunnel's */
	assert_false(policy_is_spoofed(t, table, 1, p));
	make_tcp(p, "169.254.0.6", "169.254.0.6", 179);
	assert_true(policy_is_spoofed(t, table, 1, p)); /* ours */
	make_tcp(p, "172.16.0.9", "169.254.0.6", 179);
	assert_false(policy_is_spoofed(t, table, 0, p));

	/* From a VPC, whose table leads to the border gateway's. */
	inner_table = table;
	assert_int_equal(dataplane_table_add(rig_dp, &vpc), 0);
	assert_int_equal(
		dataplane_route_set(rig_dp, vpc, &inner, nexthop(NEXTHOP_TABLE, inner_table)), 0);
	table = vpc;
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 1);
	make_tcp(p, "169.254.0.5", "169.254.0.6", 179);
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 1);
	assert_int_equal(rig_dropped(DROP_SPOOFED), 1);
	table = inner_table;
	route(p, len);
	rig_run();
	assert_int_equal(s.n, 2);
	done();
}

static void what_main_sends_takes_its_tunnel(void **state)
{
	struct prefix stolen = rig_prefix("169.254.0.13/32"), net = rig_prefix("172.16.0.0/12");
	uint32_t nh;
	uint8_t p[64], f[2048];
	const uint32_t third = 2;
	unsigned len;

	make_tunnels();
	/* The peer of tunnel 3 is announced by somebody behind tunnel 0. */
	assert_int_equal(dataplane_route_set(rig_dp, table, &stolen, nexthop(NEXTHOP_TUNNEL, 0)),
			 0);
	for (unsigned i = 0; i < 4; i++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "169.254.0.%u", 4 * i + 2);
		snprintf(to, sizeof(to), "169.254.0.%u", 4 * i + 1);
		len = make_tcp(p, from, to, 179);
		assert_int_equal(dataplane_send_inner(rig_dp, i, p, len), 0);
		rig_run();
		assert_true(rig_take(0, f) > 14 + 20 + 8 + len);
		assert_int_equal(get_be32(f + 14 + 20), 1000 + i);
	}
	/* Elsewhere: by the table's routes. */
	assert_int_equal(dataplane_bundle_hold(rig_dp, &third, 1, &nh), 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 2, true), 0);
	assert_int_equal(dataplane_route_set(rig_dp, table, &net, nh), 0);
	len = make_tcp(p, "169.254.0.2", "172.16.5.5", 179);
	assert_int_equal(dataplane_send_inner(rig_dp, 0, p, len), 0);
	rig_run();
	assert_true(rig_take(0, f) > 14 + 20 + 8 + len);
	assert_int_equal(get_be32(f + 14 + 20), 1002);

	assert_int_equal(dataplane_send_inner(rig_dp, 9, p, len), -EINVAL);
	assert_int_equal(dataplane_send_inner(rig_dp, TUNNELS_MAX, p, len), -EINVAL);
	assert_int_equal(dataplane_send_inner(rig_dp, 0, p, len - 1), -EINVAL);
	p[12]++;
	assert_int_equal(dataplane_send_inner(rig_dp, 0, p, len), -EINVAL);
	assert_int_equal(rig_handed_over() > 0, rig_dp->n_workers > 1);
	done();
}

static const struct {
	const char *what;
	uint8_t proto;
	uint16_t sport, dport;
	bool inner;
	enum punt_class class;
} classes[] = {
	{ "BGP from the peer", PROTO_TCP, 40000, 179, true, PUNT_ROUTING },
	{ "BGP answered", PROTO_TCP, 179, 40000, true, PUNT_ROUTING },
	{ "BGP to an interface", PROTO_TCP, 40000, 179, false, PUNT_OTHER },
	{ "BFD", PROTO_UDP, 50000, 3784, true, PUNT_ROUTING },
	{ "BFD, multihop", PROTO_UDP, 50000, 4784, true, PUNT_ROUTING },
	{ "a UDP port of no use", PROTO_UDP, 3784, 53, true, PUNT_OTHER },
	{ "ssh", PROTO_TCP, 40000, 22, true, PUNT_OTHER },
	{ "ping", PROTO_ICMP, 0x0800, 0, true, PUNT_ICMP },
	{ "ping to an interface", PROTO_ICMP, 0x0800, 0, false, PUNT_ICMP },
	{ "OSPF", 89, 0, 0, true, PUNT_OTHER },
};

static void each_class_is_told(void **state)
{
	uint8_t p[64];

	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		memset(p, 0, sizeof(p));
		rig_ip4(p, "169.254.0.1", "169.254.0.2", classes[i].proto, 8);
		put_be16(p + 20, classes[i].sport);
		put_be16(p + 22, classes[i].dport);
		print_message("%s\n", classes[i].what);
		assert_int_equal(punt_class(p, 28, classes[i].inner), classes[i].class);
		assert_int_equal(punt_class(p, 20, classes[i].inner),
				 classes[i].class == PUNT_ICMP ? PUNT_ICMP : PUNT_OTHER);
	}
}

/* Pings by the thousand: BGP comes through. */
static void a_flood_starves_no_other(void **state)
{
	struct seen s = { .wanted = true };
	unsigned pings, len;
	uint8_t p[64];

	make_tunnels();
	dataplane_main_register(rig_dp, &ops, &s);
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 64; k++)
			route(p, make_echo(p, "169.254.0.1", "169.254.0.2"));
		while (worker_run_once(rig_dp->worker[0]))
			;
	}
	assert_in_range(rig_dropped(DROP_PUNT_BUDGET), 1, 40 * 64 - 256);
	len = make_tcp(p, "169.254.0.5", "169.254.0.6", 179);
	route(p, len);
	rig_run();
	pings = s.n - 1;
	assert_in_range(pings, 256, 40 * 64 - 1);
	assert_int_equal(s.tunnel, 1);
	assert_memory_equal(s.ip, p, len);
	done();
}

static void flood(unsigned tunnel, bool bgp, unsigned bursts)
{
	uint8_t p[64];
	char from[16], to[16];
	unsigned len;

	snprintf(from, sizeof(from), "169.254.0.%u", 4 * tunnel + 1);
	snprintf(to, sizeof(to), "169.254.0.%u", 4 * tunnel + 2);
	len = bgp ? make_tcp(p, from, to, 179) : make_echo(p, from, to);
	for (unsigned i = 0; i < bursts; i++) {
		for (unsigned k = 0; k < 64; k++)
			route(p, len);
		while (worker_run_once(rig_dp->worker[0]))
			;
	}
}

/* What comes out of one tunnel leaves the others their part of the same class. */
static void nor_another_tunnel(void **state)
{
	struct seen s = { .wanted = true };
	uint8_t p[64];

	make_tunnels();
	dataplane_main_register(rig_dp, &ops, &s);
	for (unsigned bgp = 0; bgp < 2; bgp++) {
		flood(0, bgp, bgp ? 12 : 40);
		route(p, bgp ? make_tcp(p, "169.254.0.5", "169.254.0.6", 179)
			     : make_echo(p, "169.254.0.5", "169.254.0.6"));
		rig_run();
		assert_int_equal(s.tunnel, 1);
	}
	done();
}

/* Main sleeps, and the ring to it holds less than peers may send: what keeps links alive has room
 * still. */
static void nor_a_full_ring(void **state)
{
	struct seen s = { .wanted = true };
	uint8_t f[RIG_FRAME];

	make_tunnels();
	dataplane_main_register(rig_dp, &ops, &s);
	for (unsigned i = 0; i < 4; i++)
		flood(i, true, 16);
	assert_int_not_equal(rig_dropped(DROP_PUNT_FULL), 0);
	rig_give(0, f, rig_arp(f, 1, rig_peer_mac, "198.51.100.9", "198.51.100.1"));
	rig_run();
	assert_int_equal(rig_take(0, f), 42);
	done();
}

static void ike_from(uint32_t addr, unsigned n)
{
	uint8_t f[RIG_FRAME] = { 0 }, *udp = f + 34;
	struct rte_mbuf *m;

	for (; n; n--, addr++) {
		rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
		rig_ip4(f + 14, "203.0.113.1", "198.51.100.1", PROTO_UDP, 8 + 28);
		put_be32(f + 26, addr);
		put16(f + 24, 0);
		put16(f + 24, ip4_sum(f + 14, 20));
		put_be16(udp, 500);
		put_be16(udp + 2, 500);
		put_be16(udp + 4, 8 + 28);
		m = rte_pktmbuf_alloc(rig_dp->pool); /* more than the rig has */
		memcpy(rte_pktmbuf_append(m, 34 + 8 + 28), f, 34 + 8 + 28);
		rig_give_mbuf(0, m);
		worker_run_once(rig_dp->worker[0]);
	}
}

static void hear(void *ctx, const struct endpoint *l, const struct endpoint *r, const uint8_t *data,
		 size_t len)
{
	const struct addr *a = ctx;

	if (addr_equal(&r->addr, a))
		((struct addr *)ctx)->family = ADDR_NONE;
}

/* IKE messages of the whole world leave a peer its own, wherever it turned out to be. */
static void nor_strangers(void **state)
{
	static const struct dataplane_negotiator_ops heard = { .packet = hear };
	const struct endpoint local = { rig_addr("198.51.100.1"), 4500 };
	const struct endpoint moved = { rig_addr("192.0.2.200"), 4500 };
	struct addr peers[] = { rig_addr("203.0.113.2"), moved.addr };

	make_tunnels();
	assert_int_equal(dataplane_sa_move(rig_dp, 2, 1002, &local, &moved), 0);
	ike_from(0x2d000000, 6000); /* addresses that no two have in common */
	ike_from(0x2d000001, 1);
	assert_int_not_equal(rig_dropped(DROP_PUNT_FULL) + rig_dropped(DROP_PUNT_BUDGET), 0);
	for (unsigned i = 0; i < ARRAY_LEN(peers); i++) {
		ike_from(get_be32(peers[i].b), 1);
		while (dataplane_negotiator_poll(rig_dp, &heard, &peers[i]))
			;
		assert_int_equal(peers[i].family, ADDR_NONE);
		ike_from(0x2d000000, 6000);
	}
	/* Nor does a flood in one peer's name. */
	peers[0] = rig_addr("203.0.113.3");
	for (unsigned i = 0; i < 6000; i++) {
		ike_from(0xcb007102, 1);
		if (i % 500 == 0)
			while (dataplane_negotiator_poll(rig_dp, &heard, &peers[0]))
				;
	}
	ike_from(get_be32(peers[0].b), 1);
	while (dataplane_negotiator_poll(rig_dp, &heard, &peers[0]))
		;
	assert_int_equal(peers[0].family, ADDR_NONE);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_is_told),
		cmocka_unit_test_setup_teardown(main_gets_what_is_for_it, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(peers_are_not_spoofed, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(what_main_sends_takes_its_tunnel, rig_set_up,
						rig_tear_down),
		{ "what_main_sends_takes_its_tunnel, three workers",
		  what_main_sends_takes_its_tunnel, rig_set_up_three, rig_tear_down, NULL },
		cmocka_unit_test_setup_teardown(a_flood_starves_no_other, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(nor_another_tunnel, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(nor_a_full_ring, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(nor_strangers, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("inner", tests, NULL, NULL);
}

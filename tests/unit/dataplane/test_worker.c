/* What the neighbours, the peers and the negotiator see of the dataplane, and what counters say. */
#include "rig.h"

#include "dataplane/neighbour.h"
#include "dataplane/packet.h"

#include <errno.h>
#include <string.h>

static void arp_is_answered(void **state)
{
	uint8_t f[2048];

	rig_give(1, f, rig_arp(f, 1, rig_peer_mac, "192.0.2.7", "192.0.2.1"));
	rig_give(1, f, rig_arp(f, 1, rig_peer_mac, "192.0.2.7", "192.0.2.2"));
	rig_run();
	assert_int_equal(rig_take(1, f), 42);
	assert_memory_equal(f, rig_peer_mac, 6);
	assert_int_equal(get_be16(f + 20), 2);
	assert_memory_equal(f + 28, rig_addr("192.0.2.1").b, 4);
	assert_memory_equal(f + 38, rig_addr("192.0.2.7").b, 4);
	assert_int_equal(rig_take(1, f), 0);
	/* The asker is known rig_now. */
	assert_int_equal(nexthop_kind(dataplane_route_lookup(
				 rig_dp, 0, &(struct addr){ 4, { 192, 0, 2, 7 } })),
			 NEXTHOP_NEIGHBOUR);
}

static void echo_is_answered(void **state)
{
	uint8_t f[2048], *icmp;

	rig_resolve_next_hop();
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	icmp = f + 14 + rig_ip4(f + 14, "203.0.113.5", "198.51.100.1", PROTO_ICMP, 24);
	memset(icmp, 7, 24);
	icmp[0] = 8;
	icmp[1] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 24)));
	rig_give(0, f, 14 + 44);
	rig_run();
	assert_int_equal(rig_take(0, f), 58);
	assert_memory_equal(f, rig_peer_mac, 6);
	assert_int_equal(f[14 + 20], 0);
	assert_true(ip4_sum_ok(f + 14, 20));
	assert_int_equal(sum_fold(sum_bytes(f + 34, 24)), 0xffff);
	assert_memory_equal(f + 30, rig_addr("203.0.113.5").b, 4);
}

/* The first packet waits for its neighbour instead of being lost. */
static void first_datagrams_wait(void **state)
{
	struct endpoint l = { rig_addr("192.0.2.1"), 500 }, r = { rig_addr("192.0.2.33"), 500 };
	uint8_t f[2048];

	for (unsigned i = 0; i < NEIGHBOUR_WAITING; i++) {
		assert_int_equal(dataplane_send_udp(rig_dp, &l, &r, "hello" + i, 5 - i), 0);
		rig_run();
	}
	assert_int_equal(rig_take(1, f), 42);
	assert_int_equal(get_be16(f + 20), 1);
	assert_int_equal(rig_take(1, f), 0);
	rig_give(1, f, rig_arp(f, 2, rig_peer_mac, "192.0.2.33", "192.0.2.1"));
	rig_run();
	for (unsigned i = 0; i < NEIGHBOUR_WAITING; i++) { /* in their order */
		assert_int_equal(rig_take(1, f), 14 + 28 + 5 - i);
		assert_memory_equal(f + 42, "hello" + i, 5 - i);
	}
	assert_int_equal(rig_take(1, f), 0);
	r.addr = rig_addr("2001:db8:ffff::1");
	assert_int_equal(dataplane_send_udp(rig_dp, &l, &r, "hello", 5), -EINVAL);
	l.addr = rig_addr("2001:db8:2::1");
	assert_int_equal(dataplane_send_udp(rig_dp, &l, &r, "hello", 5), -ENETUNREACH);
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

static const struct dataplane_negotiator_ops ops = { .packet = on_packet,
						     .sa_used = on_used,
						     .sa_soft_limit = on_exhausted,
						     .sa_hard_limit = on_exhausted };

static void ike_reaches_the_negotiator(void **state)
{
	struct heard h = { 0 };
	uint8_t f[2048], *udp;

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	udp = f + 14 + rig_ip4(f + 14, "203.0.113.5", "198.51.100.1", PROTO_UDP, 8 + 4);
	put_be16(udp, 777);
	put_be16(udp + 2, 500);
	put_be16(udp + 4, 12);
	put_be16(udp + 6, 0xdead);
	memcpy(udp + 8, "IKE!", 4);
	rig_give(0, f, 14 + 32);
	rig_run();
	assert_false(dataplane_negotiator_poll(rig_dp, &ops, &h));
	assert_int_equal(h.packets, 1);
	assert_int_equal(h.len, 4);
	assert_memory_equal(h.data, "IKE!", 4);
	dataplane_negotiator_unregister(rig_dp);
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
		.local_vtep = rig_addr("192.0.2.1"),
		.remote_vtep = rig_addr("192.0.2.2"),
		.n_addresses = 1,
		.address[0] = rig_prefix("10.1.0.1/16"),
	};
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr("203.0.113.9"),
				      .inner = rig_prefix("169.254.1.2/30"),
				      .inner_peer = rig_addr("169.254.1.1"),
				      .transit = true };
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

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_resolve_next_hop();
	assert_int_equal(dataplane_table_add(rig_dp, &vpc), 0);
	assert_int_equal(dataplane_table_add(rig_dp, &gateway), 0);
	at.table = vpc;
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	t.table = gateway;
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	t.inner = rig_prefix("169.254.2.2/30");
	t.inner_peer = rig_addr("169.254.2.1");
	assert_int_equal(dataplane_tunnel_add(rig_dp, 2, &t), 0);
	p = rig_prefix("0.0.0.0/0");
	assert_int_equal(dataplane_route_set(rig_dp, vpc, &p, nexthop(NEXTHOP_TABLE, gateway)), 0);
	p = rig_prefix("172.16.0.0/12");
	assert_int_equal(dataplane_connection_set(rig_dp, 5, &connection_tunnel, 1), 0);
	assert_int_equal(dataplane_route_set(rig_dp, gateway, &p, nexthop(NEXTHOP_CONNECTION, 5)),
			 0);
	p = rig_prefix("10.1.0.0/16");
	assert_int_equal(dataplane_route_set(rig_dp, gateway, &p, nexthop(NEXTHOP_TABLE, vpc)), 0);

	/* The underlay neighbour that VXLAN needs. */
	rig_run();
	assert_int_equal(rig_take(1, f), 42);
	rig_give(1, f, rig_arp(f, 2, rig_peer_mac, "192.0.2.2", "192.0.2.1"));
	rig_run();

	/* A host's packet, before any tunnel is UP. */
	memset(f, 0, sizeof(f));
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	v = f + 14 + rig_ip4(f + 14, "192.0.2.2", "192.0.2.1", PROTO_UDP, 8 + 8 + 14 + 20 + 8 + 11);
	put_be16(v, 50000);
	put_be16(v + 2, 4789);
	put_be16(v + 4, 8 + 8 + 14 + 20 + 8 + 11);
	v[8] = 8;
	put_be32(v + 12, 77 << 8);
	rig_ether(v + 16, at.mac, rig_peer_mac, ETHERTYPE_IPV4);
	inner = v + 30;
	rig_ip4(inner, "10.1.0.5", "172.16.3.4", PROTO_UDP, 8 + 11);
	memcpy(inner + 28, "hello world", 11);
	len = (unsigned)(inner + 39 - f);
	rig_give(1, f, len);
	rig_run();
	assert_int_equal(rig_dropped(DROP_NO_TUNNEL_UP), 1);

	assert_int_equal(dataplane_tunnel_state(rig_dp, 1, true), 0);
	sa.inbound = true;
	sa.tunnel = 2;
	sa.local = (struct endpoint){ rig_addr("198.51.100.1"), 4500 };
	sa.remote = (struct endpoint){ rig_addr("203.0.113.9"), 4500 };
	sa.spi = dataplane_spi_alloc(rig_dp, 2);
	assert_true(sa.spi >= 256);
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	sa.inbound = false;
	sa.tunnel = 1;
	sa.udp = true;
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	rig_give(1, f, len);
	rig_run();
	n = rig_take(0, back);
	assert_int_equal(n, 14 + 20 + 8 + 8 + 8 + 44 + 16);
	assert_memory_equal(back, rig_peer_mac, 6);
	assert_true(ip4_sum_ok(back + 14, 20));
	assert_int_equal(get_be16(back + 14 + 20 + 4), n - 34);

	/* The same packet comes back to us, as if the customer had sent it: its inner destination
	 * is in the VPC rig_now, so swap what we know of it by sending another one. */
	memcpy(back + 30, rig_addr("198.51.100.1").b, 4);
	memcpy(back + 26, rig_addr("203.0.113.9").b, 4);
	put16(back + 24, 0);
	put16(back + 24, ip4_sum(back + 14, 20));
	rig_give(0, memcpy(back, rig_port_mac, 6), n);
	rig_run();
	assert_int_equal(dataplane_tunnel_stats(rig_dp, 2, &stats), 0);
	assert_int_equal(stats.in_packets, 1);
	assert_int_equal(stats.in_bytes, 39);
	/* Towards 172.16/12 again: out through tunnel 1 once more. */
	assert_int_equal(dataplane_tunnel_stats(rig_dp, 1, &stats), 0);
	assert_int_equal(stats.out_packets, 2);
	assert_int_equal(rig_take(0, f), n);

	/* Again is a replay; changed is not authentic. */
	rig_give(0, back, n);
	rig_run();
	assert_int_equal(rig_dropped(DROP_REPLAYED), 1);
	back[14 + 28 + 7]++;
	rig_give(0, back, n);
	rig_run();
	assert_int_equal(rig_dropped(DROP_BAD_ICV), 1);
	back[14 + 28]++;
	rig_give(0, back, n);
	rig_run();
	assert_int_equal(rig_dropped(DROP_NO_SA), 1);

	while (dataplane_negotiator_poll(rig_dp, &ops, &h))
		;
	assert_int_equal(h.used, 1);
	assert_int_equal(dataplane_sa_remove(rig_dp, 2, true, sa.spi), 0);
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &ops, &h))
		;
	back[14 + 28]--;
	rig_give(0, back, n);
	rig_run();
	assert_int_equal(rig_dropped(DROP_NO_SA), 2);
	assert_int_equal(rig_handed_over() > 0, rig_dp->n_workers > 1);
	dataplane_negotiator_unregister(rig_dp);
}

/* The SPI under which a packet to this inner address leaves; 0: it does not. */
static uint32_t spi_to(const char *inner)
{
	uint8_t ip[64] = { 0 }, f[2048];

	rig_ip4(ip, "169.254.1.2", inner, PROTO_UDP, 8 + 4);
	put_be16(ip + 24, 12);
	assert_int_equal(dataplane_send_inner(rig_dp, 1, ip, 32), 0);
	rig_run();
	return rig_take(0, f) ? get_be32(f + 14 + 20) : 0;
}

static void send_on(uint32_t spi, uint32_t replaces, bool beside, const char *first,
		    const char *last)
{
	static const uint8_t key[20] = { 1, 2, 3 };
	struct dataplane_sa sa = { .tunnel = 1,
				   .spi = spi,
				   .replaces = replaces,
				   .beside = beside,
				   .cipher = CIPHER_AES128_GCM,
				   .cipher_key = key,
				   .cipher_key_len = 20,
				   .local = { rig_addr("198.51.100.1"), 500 },
				   .remote = { rig_addr("203.0.113.9"), 500 },
				   .n_remote = 1 };

	sa.sel_remote[0].first = rig_addr(first);
	sa.sel_remote[0].last = rig_addr(last);
	sa.sel_remote[0].port_last = 65535;
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	rig_run();
}

/* Several outbound SAs of one tunnel: each packet takes the one whose selectors fit. */
static void children_beside_each_other(void **state)
{
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr("203.0.113.9"),
				      .inner = rig_prefix("169.254.1.2/30"),
				      .inner_peer = rig_addr("169.254.1.1") };
	struct prefix p = rig_prefix("192.168.0.0/16");
	struct dataplane_sa_stats stats;
	struct endpoint l = { rig_addr("198.51.100.1"), 500 }, r = { rig_addr("203.0.113.9"), 500 };
	struct heard h = { 0 };

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_resolve_next_hop();
	assert_int_equal(dataplane_table_add(rig_dp, &t.table), 0);
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	assert_int_equal(dataplane_route_set(rig_dp, t.table, &p, nexthop(NEXTHOP_TUNNEL, 1)), 0);
	send_on(0x1001, 0, true, "192.168.0.0", "192.168.0.255");
	send_on(0x1002, 0, true, "192.168.1.0", "192.168.1.255");
	send_on(0x1003, 0, true, "192.168.2.0", "192.168.2.255");
	assert_int_equal(spi_to("192.168.0.9"), 0x1001);
	assert_int_equal(spi_to("192.168.1.9"), 0x1002);
	assert_int_equal(spi_to("192.168.2.9"), 0x1003);
	assert_int_equal(spi_to("192.168.3.9"), 0);
	assert_int_equal(rig_dropped(DROP_SELECTOR), 1);
	/* A rekey of the middle one, and of the first. */
	send_on(0x2002, 0x1002, false, "192.168.1.0", "192.168.1.255");
	send_on(0x2001, 0x1001, false, "192.168.0.0", "192.168.0.255");
	assert_int_equal(spi_to("192.168.0.9"), 0x2001);
	assert_int_equal(spi_to("192.168.1.9"), 0x2002);
	assert_int_equal(spi_to("192.168.2.9"), 0x1003);
	assert_int_equal(dataplane_sa_stats(rig_dp, 1, false, 0x2002, &stats), 0);
	assert_int_equal(stats.packets, 1);
	assert_int_equal(dataplane_sa_stats(rig_dp, 1, false, 0x1002, &stats), -ENOENT);
	assert_int_equal(dataplane_sa_move(rig_dp, 1, 0x1003, &l, &r), 0);
	assert_int_equal(dataplane_sa_move(rig_dp, 1, 0x1001, &l, &r), -ENOENT);
	/* The first goes, then the last. */
	assert_int_equal(dataplane_sa_remove(rig_dp, 1, false, 0x2001), 0);
	rig_run();
	assert_int_equal(spi_to("192.168.0.9"), 0);
	assert_int_equal(spi_to("192.168.1.9"), 0x2002);
	assert_int_equal(dataplane_sa_remove(rig_dp, 1, false, 0x1003), 0);
	rig_run();
	assert_int_equal(spi_to("192.168.2.9"), 0);
	assert_int_equal(spi_to("192.168.1.9"), 0x2002);
	while (dataplane_negotiator_poll(rig_dp, &ops, &h))
		;
	dataplane_negotiator_unregister(rig_dp);
}

static void count_wanted(void *ctx, uint32_t tunnel)
{
	((unsigned *)ctx)[tunnel]++;
}

static void host_sends(uint32_t table, const char *to)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->pool);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, 32);

	memset(ip, 0, 32);
	rig_ip4(ip, "10.1.0.5", to, PROTO_UDP, 8 + 4);
	put_be16(ip + 24, 12);
	tag_set(m, TAG_ROUTE, 0, table);
	assert_int_equal(inject(rig_dp, 0, INJECT_MAIN, m), 0);
	rig_run();
}

/* A packet that finds nothing UP is told for each tunnel behind its route that waits for one: now,
 * and not again within the second. */
static void traffic_wants_a_tunnel(void **state)
{
	static const struct dataplane_negotiator_ops demand = { .tunnel_wanted = count_wanted };
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1") };
	struct prefix behind = rig_prefix("192.168.0.0/16");
	uint32_t member[] = { 1, 2, 3 };
	unsigned wanted[4] = { 0 };

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	assert_int_equal(dataplane_table_add(rig_dp, &t.table), 0);
	for (uint32_t i = 0; i < 4; i++) {
		t.customer_ip = addr_ipv4(0xcb007109 + i);
		t.inner = (struct prefix){ addr_ipv4(0xa9fe0002 + i * 4), 30 };
		t.inner_peer = addr_ipv4(0xa9fe0001 + i * 4);
		t.on_demand = i != 2;
		assert_int_equal(dataplane_tunnel_add(rig_dp, i, &t), 0);
	}
	assert_int_equal(dataplane_connection_set(rig_dp, 5, member, 3), 0);
	assert_int_equal(
		dataplane_route_set(rig_dp, t.table, &behind, nexthop(NEXTHOP_CONNECTION, 5)), 0);
	for (unsigned i = 0; i < 100; i++)
		host_sends(t.table, "192.168.3.4");
	assert_int_equal(rig_dropped(DROP_NO_TUNNEL_UP), 100);
	while (dataplane_negotiator_poll(rig_dp, &demand, wanted))
		;
	assert_memory_equal(wanted, ((unsigned[]){ 0, 1, 0, 1 }), sizeof(wanted));

	/* One is UP as main knows, but has no SA yet: that one is wanted, the others are not. */
	atomic_store(&rig_dp->tables.tunnel[1].wanted, 0); /* the second is over */
	assert_int_equal(dataplane_tunnel_state(rig_dp, 1, true), 0);
	host_sends(t.table, "192.168.3.4");
	while (dataplane_negotiator_poll(rig_dp, &demand, wanted))
		;
	assert_memory_equal(wanted, ((unsigned[]){ 0, 2, 0, 1 }), sizeof(wanted));
	/* By the inner peer's address it is this tunnel and no other. */
	host_sends(t.table, "169.254.0.1");
	while (dataplane_negotiator_poll(rig_dp, &demand, wanted))
		;
	assert_memory_equal(wanted, ((unsigned[]){ 1, 2, 0, 1 }), sizeof(wanted));
	dataplane_negotiator_unregister(rig_dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arp_is_answered, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(echo_is_answered, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(first_datagrams_wait, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(ike_reaches_the_negotiator, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(esp_both_ways, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(children_beside_each_other, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(traffic_wants_a_tunnel, rig_set_up, rig_tear_down),
		{ "esp_both_ways, three workers", esp_both_ways, rig_set_up_three, rig_tear_down,
		  NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

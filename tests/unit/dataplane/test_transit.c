/* What comes out of a tunnel reaches VPCs and us; another tunnel only where the border gateway's
 * transit is on. VPCs reach each other through the border gateway in any case. */
#include "rig_tunnel.h"

#include "dataplane/packet.h"
#include "dataplane/worker.h"

#include <string.h>

#define OTHER	   2
#define OTHER_PEER "203.0.113.10"
#define OTHER_SPI  0x2002
#define OTHER_FAR  "172.31.0.7"
#define OTHER_HOST "10.2.0.5"

static struct dataplane_tunnel other;
static uint32_t gateway_table;

static void route(uint32_t table, const char *to, uint32_t nh)
{
	struct prefix p = rig_prefix(to);

	assert_int_equal(dataplane_route_set(rig_dp, table, &p, nh), 0);
}

static int set_up(void **state)
{
	rig_set_up(state);
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_tunnel_open();
	gateway_table = rig_dp->tables.tunnel[RIG_TUNNEL].table;
	other = (struct dataplane_tunnel){ .cloud_ip = rig_addr("198.51.100.1"),
					   .customer_ip = rig_addr(OTHER_PEER),
					   .table = gateway_table,
					   .inner = rig_prefix("169.254.2.2/30"),
					   .inner_peer = rig_addr("169.254.2.1") };
	assert_int_equal(dataplane_tunnel_add(rig_dp, OTHER, &other), 0);
	rig_add_sas(OTHER, OTHER_PEER, OTHER_SPI);
	rig_tunnel_discard();
	return 0;
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

/* Does the first tunnel's peer reach this address through the other tunnel? */
static bool crosses(const char *to)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME], inner[RIG_FRAME];
	bool there = false;
	unsigned n;

	n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, to, 40);
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	rig_run();
	while ((n = rig_take(0, f))) {
		n = rig_open(inner, f, n, OTHER_SPI);
		if (!n)
			continue;
		assert_false(there);
		there = true;
		assert_memory_equal(inner + 16, rig_addr(to).b, 4);
		assert_int_equal(inner[8], 63);
	}
	assert_int_equal(rig_take(1, f), 0);
	return there;
}

static void set_transit(bool on)
{
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr(RIG_TUNNEL_PEER),
				      .table = gateway_table,
				      .inner = rig_prefix("169.254.1.2/30"),
				      .inner_peer = rig_addr("169.254.1.1"),
				      .transit = on };

	assert_int_equal(dataplane_tunnel_change(rig_dp, RIG_TUNNEL, &t), 0);
	assert_int_equal(dataplane_sa_refresh(rig_dp, RIG_TUNNEL), 0);
	rig_run();
}

/* By a route to the tunnel, to its connection, to its inner peer: off, on and off again under the
 * same SA. */
static void tunnels_are_apart(void **state)
{
	static const char *const to[] = { OTHER_FAR, "172.30.0.7", "169.254.2.1" };

	route(gateway_table, "172.31.0.0/16", nexthop(NEXTHOP_TUNNEL, OTHER));
	assert_int_equal(dataplane_connection_set(rig_dp, 5, &(uint32_t){ OTHER }, 1), 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, OTHER, true), 0);
	route(gateway_table, "172.30.0.0/16", nexthop(NEXTHOP_CONNECTION, 5));
	for (unsigned i = 0; i < ARRAY_LEN(to); i++)
		assert_false(crosses(to[i]));
	assert_int_equal(rig_dropped(DROP_NO_TRANSIT), 3);
	set_transit(true);
	for (unsigned i = 0; i < ARRAY_LEN(to); i++)
		assert_true(crosses(to[i]));
	set_transit(false);
	for (unsigned i = 0; i < ARRAY_LEN(to); i++)
		assert_false(crosses(to[i]));
	assert_int_equal(rig_dropped(DROP_NO_TRANSIT), 6);
}

/* A packet waits for its VPC's host. While it is on its way back to the worker, the route to the
 * host changes into one to the other tunnel. */
static void waiting_for_a_host_opens_nothing(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME], arp[64];
	struct addr host = rig_addr("10.1.0.66");
	uint32_t vpc;
	unsigned n;

	vpc = nexthop_index(dataplane_route_lookup(rig_dp, gateway_table, &host));
	n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, "10.1.0.66", 40);
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	rig_tunnel_discard();
	n = rig_arp(arp, 2, rig_peer_mac, "10.1.0.66", "10.1.0.1");
	rig_ether(f, rig_broadcast, rig_peer_mac, ETHERTYPE_VLAN);
	put_be16(f + 14, 77);
	memcpy(f + 16, arp + 12, n - 12);
	rig_give(1, f, n + 4);
	while (worker_run_once(rig_dp->worker[0]))
		;
	dataplane_main_poll(rig_dp, rig_now);
	assert_int_equal(rte_ring_count(rig_dp->worker[0]->inject[INJECT_MAIN]), 1);
	route(vpc, "10.1.0.66/32", nexthop(NEXTHOP_TABLE, gateway_table));
	route(gateway_table, "10.1.0.66/32", nexthop(NEXTHOP_TUNNEL, OTHER));
	rig_run();
	assert_int_equal(rig_take(0, f), 0);
	assert_int_equal(rig_take(1, f), 0);
	assert_int_equal(rig_dropped(DROP_NO_TRANSIT), 1);
}

/* An error that we tell a peer goes back into its tunnel, and so does an answer to its ping. */
static void we_are_reached(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME], inner[RIG_FRAME];
	unsigned n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 40);

	ip[8] = 1;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, 20));
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	rig_run();
	n = rig_take(0, f);
	n = rig_open(inner, f, n, RIG_TUNNEL_SPI);
	assert_true(n > 28);
	assert_int_equal(inner[9], PROTO_ICMP);
	assert_int_equal(inner[20], 11);
	assert_int_equal(rig_dropped(DROP_NO_TRANSIT), 0);
}

/* A second VPC on the border gateway, in VLAN 78. */
static void vpcs_reach_each_other(void **state)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VLAN,
					   .port = 1,
					   .vlan_id = 78,
					   .mac = { 2, 1, 1, 1, 1, 2 },
					   .n_addresses = 1,
					   .address[0] = rig_prefix("10.2.0.1/16") };
	uint8_t f[RIG_FRAME], arp[64], ip[RIG_FRAME];
	uint32_t interface, first;
	struct addr host = rig_addr(RIG_TUNNEL_HOST);
	unsigned n;

	first = nexthop_index(dataplane_route_lookup(rig_dp, gateway_table, &host));
	assert_int_equal(dataplane_table_add(rig_dp, &at.table), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	route(first, "10.2.0.0/16", nexthop(NEXTHOP_TABLE, gateway_table));
	route(gateway_table, "10.2.0.0/16", nexthop(NEXTHOP_TABLE, at.table));
	n = rig_arp(arp, 1, rig_peer_mac, OTHER_HOST, "10.2.0.1");
	rig_ether(f, rig_broadcast, rig_peer_mac, ETHERTYPE_VLAN);
	put_be16(f + 14, 78);
	memcpy(f + 16, arp + 12, n - 12);
	rig_give(1, f, n + 4);
	rig_tunnel_discard();

	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, RIG_TUNNEL_HOST, OTHER_HOST, 40));
	rig_run();
	assert_int_equal(rig_take(1, f), 18 + 68);
	assert_int_equal(get_be16(f + 14), 78);
	assert_memory_equal(f + 18 + 16, rig_addr(OTHER_HOST).b, 4);
	assert_int_equal(f[18 + 8], 63);
	assert_int_equal(rig_take(0, f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tunnels_are_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waiting_for_a_host_opens_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(we_are_reached, set_up, tear_down),
		cmocka_unit_test_setup_teardown(vpcs_reach_each_other, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

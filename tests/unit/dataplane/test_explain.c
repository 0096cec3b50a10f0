/* What dataplane_explain() says is what happens to packets. */
#include "dataplane/packet.h"
#include "tests/unit/dataplane/rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TUNNELS 4

static unsigned udp(uint8_t *ip, const char *to, unsigned port)
{
	unsigned len = rig_ip4(ip, "10.1.0.5", to, PROTO_UDP, 8 + 4) + 12;

	put_be16(ip + 20, port);
	put_be16(ip + 22, 53);
	put_be16(ip + 24, 12);
	return len;
}

static void send(uint32_t table, const uint8_t *from, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), from, len);
	tag_set(m, TAG_ROUTE, 0, table);
	assert_int_equal(inject(rig_dp, 0, INJECT_MAIN, m), 0);
	rig_run();
}

static uint64_t sent(uint32_t tunnel)
{
	struct dataplane_tunnel_stats s;

	assert_int_equal(dataplane_tunnel_stats(rig_dp, tunnel, &s), 0);
	return s.out_packets;
}

static void make_tunnels(uint32_t gateway)
{
	uint32_t member[TUNNELS];

	rig_resolve_next_hop();
	for (uint32_t i = 0; i < TUNNELS; i++) {
		struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
					      .customer_ip = addr_ipv4(0xcb007109 + i),
					      .table = gateway,
					      .inner = { addr_ipv4(0xa9fe0002 + i * 4), 30 },
					      .inner_peer = addr_ipv4(0xa9fe0001 + i * 4) };
		char peer[ADDR_STR_MAX];

		assert_int_equal(dataplane_tunnel_add(rig_dp, i, &t), 0);
		rig_add_sas(i, addr_format(&t.customer_ip, peer), 0x1000 + i);
		assert_int_equal(dataplane_tunnel_state(rig_dp, i, true), 0);
		member[i] = i;
	}
	assert_int_equal(dataplane_connection_set(rig_dp, 5, member, TUNNELS), 0);
}

static void flows_take_the_tunnel_that_is_told(void **state)
{
	struct prefix all = rig_prefix("0.0.0.0/0"), net = rig_prefix("172.16.0.0/12"),
		      part = rig_prefix("172.16.8.0/21");
	unsigned seen[TUNNELS] = { 0 };
	struct dataplane_path path;
	uint32_t vpc, gateway;
	uint8_t ip[64];

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	assert_int_equal(dataplane_table_add(rig_dp, &vpc), 0);
	assert_int_equal(dataplane_table_add(rig_dp, &gateway), 0);
	make_tunnels(gateway);
	assert_int_equal(dataplane_route_set(rig_dp, vpc, &all, nexthop(NEXTHOP_TABLE, gateway)),
			 0);
	assert_int_equal(dataplane_route_set(rig_dp, gateway, &net, nexthop(NEXTHOP_CONNECTION, 5)),
			 0);
	assert_int_equal(dataplane_route_set(rig_dp, gateway, &part, nexthop(NEXTHOP_DISCARD, 0)),
			 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned port = 1; port <= 60; port++) {
			unsigned len = udp(ip, "172.16.3.4", port);
			uint64_t before;

			assert_int_equal(dataplane_explain(rig_dp, vpc, ip, len, &path), 0);
			assert_int_equal(path.n_steps, 2);
			assert_int_equal(path.n_members, TUNNELS);
			assert_int_equal(path.n_up, TUNNELS - round);
			assert_true(path.tunnel < TUNNELS && path.bucket >= 0);
			before = sent(path.tunnel);
			send(vpc, ip, len);
			assert_int_equal(sent(path.tunnel), before + 1);
			seen[path.tunnel]++;
		}
		assert_int_equal(dataplane_tunnel_state(rig_dp, 2, false), 0);
	}
	for (unsigned i = 0; i < TUNNELS; i++)
		assert_true(seen[i] > 0);
	assert_int_equal(path.step[0].table, vpc);
	assert_int_equal(path.step[0].route.len, 0);
	assert_int_equal(path.step[1].table, gateway);
	assert_int_equal(path.step[1].route.len, 12);
}

static void what_goes_nowhere_is_told(void **state)
{
	struct prefix all = rig_prefix("0.0.0.0/0"), loop = rig_prefix("10.9.0.0/16"),
		      gone = rig_prefix("172.16.8.0/21");
	struct dataplane_path path;
	uint32_t table;
	uint8_t ip[64];
	unsigned len;

	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	assert_int_equal(dataplane_route_set(rig_dp, table, &gone, nexthop(NEXTHOP_DISCARD, 0)), 0);
	assert_int_equal(dataplane_route_set(rig_dp, table, &loop, nexthop(NEXTHOP_TABLE, table)),
			 0);
	len = udp(ip, "8.8.8.8", 1);
	assert_int_equal(dataplane_explain(rig_dp, table, ip, len, &path), 0);
	assert_false(path.step[0].found);
	assert_int_equal(nexthop_kind(path.nh), NEXTHOP_NONE);
	send(table, ip, len);
	assert_int_equal(rig_dropped(DROP_NO_ROUTE), 1);

	len = udp(ip, "172.16.9.1", 1);
	assert_int_equal(dataplane_explain(rig_dp, table, ip, len, &path), 0);
	assert_int_equal(nexthop_kind(path.nh), NEXTHOP_DISCARD);
	assert_int_equal(path.step[0].route.len, 21);
	send(table, ip, len);
	assert_int_equal(rig_dropped(DROP_DISCARD_ROUTE), 1);

	len = udp(ip, "10.9.1.1", 1);
	assert_int_equal(dataplane_explain(rig_dp, table, ip, len, &path), 0);
	assert_true(path.table_loop);
	send(table, ip, len);
	assert_int_equal(rig_dropped(DROP_TABLE_LOOP), 1);

	assert_int_equal(dataplane_connection_set(rig_dp, 6, NULL, 0), 0);
	assert_int_equal(dataplane_route_set(rig_dp, table, &all, nexthop(NEXTHOP_CONNECTION, 6)),
			 0);
	len = udp(ip, "8.8.8.8", 1);
	assert_int_equal(dataplane_explain(rig_dp, table, ip, len, &path), 0);
	assert_int_equal(path.tunnel, UINT32_MAX);
	send(table, ip, len);
	assert_int_equal(rig_dropped(DROP_NO_TUNNEL_UP), 1);

	assert_int_equal(dataplane_explain(rig_dp, table + 77, ip, len, &path), -ENOENT);
	assert_int_equal(dataplane_explain(rig_dp, table, ip, 10, &path), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flows_take_the_tunnel_that_is_told,
						rig_set_up_three, rig_tear_down),
		cmocka_unit_test_setup_teardown(what_goes_nowhere_is_told, rig_set_up,
						rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Two tenants with the same prefixes, the same inner addresses and the same customer: whatever one
 * of them sends stays with it. */
#include "rig.h"

#include "dataplane/packet.h"

#include <string.h>

#define TENANTS 2

static const uint8_t gateway_mac[TENANTS][6] = { { 2, 1, 1, 1, 1, 0 }, { 2, 1, 1, 1, 1, 1 } };
static const uint8_t host_mac[TENANTS][6] = { { 2, 5, 5, 5, 5, 0 }, { 2, 5, 5, 5, 5, 1 } };
static const char *const peer[TENANTS] = { "203.0.113.1", "203.0.113.2" };
static uint32_t spi_in[TENANTS], table_of[TENANTS];

static uint16_t vlan_of(unsigned tenant)
{
	return (uint16_t)(10 + tenant);
}

static unsigned in_vlan(uint8_t *f, unsigned vlan, const uint8_t *to, const uint8_t *from,
			uint16_t type)
{
	rig_ether(f, to, from, ETHERTYPE_VLAN);
	put_be16(f + 14, (uint16_t)vlan);
	put_be16(f + 16, type);
	return 18;
}

static void meet_host(unsigned t)
{
	uint8_t f[64], arp[64];

	rig_arp(arp, 1, host_mac[t], "10.1.0.5", "10.1.0.1");
	in_vlan(f, vlan_of(t), rig_broadcast, host_mac[t], ETHERTYPE_ARP);
	memcpy(f + 18, arp + 14, 28);
	rig_give(1, f, 46);
	rig_run();
	assert_int_equal(rig_take(1, f), 46);
}

static int set_up(void **state)
{
	struct prefix vpc = rig_prefix("10.1.0.0/16"), customer = rig_prefix("172.16.0.0/12");
	uint8_t f[RIG_FRAME];

	rig_set_up(state);
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_resolve_next_hop();
	for (unsigned t = 0; t < TENANTS; t++) {
		struct dataplane_attachment a = { .encap = CONF_ENCAP_VLAN,
						  .port = 1,
						  .vlan_id = vlan_of(t),
						  .n_addresses = 1,
						  .address[0] = rig_prefix("10.1.0.1/16") };
		struct dataplane_tunnel tunnel = { .cloud_ip = rig_addr("198.51.100.1"),
						   .customer_ip = rig_addr(peer[t]),
						   .inner = rig_prefix("169.254.0.2/30"),
						   .inner_peer = rig_addr("169.254.0.1") };
		uint32_t vpc_table, table, interface;

		memcpy(a.mac, gateway_mac[t], 6);
		assert_int_equal(dataplane_table_add(rig_dp, &vpc_table), 0);
		assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
		a.table = vpc_table;
		tunnel.table = table_of[t] = table;
		assert_int_equal(dataplane_attachment_add(rig_dp, &a, &interface), 0);
		assert_int_equal(dataplane_tunnel_add(rig_dp, t, &tunnel), 0);
		assert_int_equal(dataplane_route_set(rig_dp, vpc_table, &customer,
						     nexthop(NEXTHOP_TABLE, table)),
				 0);
		assert_int_equal(
			dataplane_route_set(rig_dp, table, &vpc, nexthop(NEXTHOP_TABLE, vpc_table)),
			0);
		assert_int_equal(
			dataplane_route_set(rig_dp, table, &customer, nexthop(NEXTHOP_TUNNEL, t)),
			0);
		spi_in[t] = rig_add_sas(t, peer[t], 1000 + t);
		meet_host(t);
	}
	while (rig_take(0, f) || rig_take(1, f))
		;
	return 0;
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

/* All that left, by tenant; anything that is no tenant's fails. */
struct left {
	unsigned to_vpc[TENANTS], to_tunnel[TENANTS];
};

static struct left leave(void)
{
	struct left l = { 0 };
	uint8_t f[RIG_FRAME], inner[RIG_FRAME];
	unsigned n, t;

	rig_run();
	while ((n = rig_take(0, f))) {
		for (t = 0; t < TENANTS; t++)
			l.to_tunnel[t] += rig_open(inner, f, n, 1000 + t) > 0;
	}
	while ((n = rig_take(1, f))) {
		t = get_be16(f + 14) - 10u;
		assert_int_equal(get_be16(f + 12), ETHERTYPE_VLAN);
		assert_in_range(t, 0, TENANTS - 1);
		assert_memory_equal(f, host_mac[t], 6);
		l.to_vpc[t]++;
	}
	return l;
}

static unsigned make_inner(uint8_t *p, const char *src, const char *dst)
{
	return rig_ip4(p, src, dst, PROTO_UDP, 30) + 30;
}

static void give_vlan(unsigned vlan, unsigned mac_of, const char *src, const char *dst)
{
	uint8_t f[RIG_FRAME] = { 0 };
	unsigned at = in_vlan(f, vlan, gateway_mac[mac_of], host_mac[mac_of], ETHERTYPE_IPV4);

	rig_give(1, f, at + make_inner(f + at, src, dst));
}

static void give_esp(unsigned from, unsigned spi_of, uint32_t seq, const char *src, const char *dst)
{
	uint8_t f[RIG_FRAME], p[256] = { 0 };
	unsigned len = make_inner(p, src, dst);

	rig_give(0, f, rig_esp(f, peer[from], spi_in[spi_of], seq, p, len));
}

static void each_reaches_its_own(void **state)
{
	for (unsigned t = 0; t < TENANTS; t++) {
		struct left l;

		give_vlan(vlan_of(t), t, "10.1.0.5", "172.16.3.4");
		l = leave();
		assert_int_equal(l.to_tunnel[t], 1);
		assert_int_equal(l.to_tunnel[!t] + l.to_vpc[0] + l.to_vpc[1], 0);
		give_esp(t, t, 1, "172.16.3.4", "10.1.0.5");
		l = leave();
		assert_int_equal(l.to_vpc[t], 1);
		assert_int_equal(l.to_vpc[!t] + l.to_tunnel[0] + l.to_tunnel[1], 0);
	}
}

/* Every way across that the wire offers. What is left in a tenant's own network is its own matter.
 */
static void nobody_crosses(void **state)
{
	for (unsigned t = 0; t < TENANTS; t++) {
		unsigned other = !t;
		struct left l;

		/* The other's MAC address in one's own VLAN; no VLAN, and one of nobody. */
		give_vlan(vlan_of(t), other, "10.1.0.5", "172.16.3.4");
		give_vlan(0, t, "10.1.0.5", "172.16.3.4");
		give_vlan(99, t, "10.1.0.5", "172.16.3.4");
		l = leave();
		assert_int_equal(l.to_tunnel[0] + l.to_tunnel[1] + l.to_vpc[0] + l.to_vpc[1], 0);

		/* To the other's inner addresses, which are one's own as well: only one's own. */
		give_vlan(vlan_of(t), t, "10.1.0.5", "169.254.0.1");
		l = leave();
		assert_int_equal(l.to_tunnel[other] + l.to_vpc[other], 0);

		/* Through one's own tunnel with the other's networks as source or destination. */
		give_esp(t, t, 10, "10.1.0.5", "10.1.0.5");
		give_esp(t, t, 11, "172.16.3.4", "172.16.3.4");
		give_esp(t, t, 12, "172.16.3.4", "198.51.100.1");
		give_esp(t, t, 13, "172.16.3.4", "192.0.2.1");
		give_esp(t, t, 14, "172.16.3.4", peer[other]);
		l = leave();
		assert_int_equal(l.to_tunnel[other] + l.to_vpc[other], 0);

		/* ESP in ESP: the inner one is for the other's SA, but nothing unwraps it here. */
		{
			uint8_t f[RIG_FRAME], in[RIG_FRAME], p[256] = { 0 };
			unsigned len = make_inner(p, "172.16.3.4", "10.1.0.5");

			len = rig_esp(in, peer[other], spi_in[other], 50, p, len) - 14;
			rig_give(0, f, rig_esp(f, peer[t], spi_in[t], 15, in + 14, len));
			l = leave();
			assert_int_equal(l.to_tunnel[other] + l.to_vpc[other], 0);
		}

		/* In clear, where only ESP is expected, and where the other's hosts are. */
		{
			uint8_t f[RIG_FRAME] = { 0 };
			unsigned at = rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);

			rig_give(0, f, at + make_inner(f + at, "172.16.3.4", "10.1.0.5"));
			rig_give(1, f, at + make_inner(f + at, "10.1.0.5", "172.16.3.4"));
			l = leave();
			assert_int_equal(
				l.to_tunnel[0] + l.to_tunnel[1] + l.to_vpc[0] + l.to_vpc[1], 0);
		}
	}
}

/* Workers remember where packets went; from the moment that a route changes they know better. Twice
 * as many destinations as they can remember, so that some take each other's place. */
static void each_destination_has_its_route(void **state)
{
	enum { DESTINATIONS = 8192, AT_ONCE = 64 };
	struct prefix odd = rig_prefix("172.20.1.0/24"), all = rig_prefix("172.20.0.0/16");
	char dst[ADDR_STR_MAX];

	for (unsigned round = 0; round < 3; round++) {
		unsigned want[TENANTS] = { 0 }, got[TENANTS] = { 0 };

		if (round == 1)
			assert_int_equal(dataplane_route_set(rig_dp, table_of[0], &odd,
							     nexthop(NEXTHOP_DISCARD, 0)),
					 0);
		else if (round == 2)
			assert_int_equal(dataplane_route_set(rig_dp, table_of[1], &all,
							     nexthop(NEXTHOP_DISCARD, 0)),
					 0);
		for (unsigned i = 0; i < DESTINATIONS; i++) {
			struct addr a = addr_ipv4(0xac140000 + i * 7);
			unsigned t = i / 2 % TENANTS;

			addr_format(&a, dst);
			give_vlan(vlan_of(t), t, "10.1.0.5", dst);
			if (t == 0)
				want[0] += round == 0 || a.b[2] != 1;
			else
				want[1] += round < 2;
			if (i % AT_ONCE == AT_ONCE - 1) {
				struct left l = leave();

				got[0] += l.to_tunnel[0];
				got[1] += l.to_tunnel[1];
			}
		}
		assert_int_equal(got[0], want[0]);
		assert_int_equal(got[1], want[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_reaches_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_crosses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_destination_has_its_route, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("isolation", tests, NULL, NULL);
}

/* What hosts say of themselves, and what they can bring about by it. */
#include "rig.h"

#include "dataplane/nd.h"
#include "dataplane/neighbour.h"
#include "dataplane/packet.h"

#include <rte_mempool.h>

#include <string.h>

static const uint8_t our_mac[6] = { 2, 7, 7, 7, 7, 7 };
static uint32_t table, interface;

static void open_vlan(void)
{
	struct dataplane_attachment at = {
		.encap = CONF_ENCAP_VLAN,
		.port = 1,
		.vlan_id = 7,
		.n_addresses = 2,
		.address = { rig_prefix("10.7.0.1/16"), rig_prefix("fd00:7::1/64") },
	};

	memcpy(at.mac, our_mac, 6);
	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	at.table = table;
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
}

static void forget_frames(void)
{
	uint8_t f[RIG_FRAME];

	while (rig_take(0, f) || rig_take(1, f))
		;
}

static void give_in_vlan(uint8_t *f, unsigned len)
{
	memmove(f + 16, f + 12, len - 12);
	put_be16(f + 12, ETHERTYPE_VLAN);
	put_be16(f + 14, 7);
	rig_give(1, f, len + 4);
	rig_run();
	forget_frames();
}

/* A host of the VLAN asks for us. */
static void asks(const char *host, uint8_t mac)
{
	uint8_t f[RIG_FRAME];

	give_in_vlan(f, rig_arp(f, 1, (const uint8_t[6]){ 2, 0, 0, 0, 7, mac }, host, "10.7.0.1"));
}

static void advertises(const char *host, uint8_t mac, bool solicited, bool override)
{
	struct nd nd = { .src = rig_addr(host),
			 .dst = rig_addr("fd00:7::1"),
			 .target = rig_addr(host),
			 .solicited = solicited,
			 .override = override,
			 .has_mac = true,
			 .mac = { 2, 0, 0, 0, 7, mac } };
	uint8_t f[RIG_FRAME];

	rig_ether(f, our_mac, nd.mac, ETHERTYPE_IPV6);
	nd_write(f + 14, &nd);
	give_in_vlan(f, 14 + ND_BYTES);
}

/* Last byte of the MAC address that packets for a host leave to; 0: none leaves. */
static uint8_t leaves(const char *host)
{
	struct addr to = rig_addr(host);
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->pool);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, 60), f[RIG_FRAME];
	uint8_t mac = 0;

	memset(ip, 0, 60);
	if (to.family == ADDR_IPV4) {
		rig_ip4(ip, "172.16.0.9", host, PROTO_UDP, 40);
	} else {
		ip[0] = 0x60;
		put_be16(ip + 4, 20);
		ip[6] = PROTO_NONE;
		ip[7] = 64;
		ip[8] = 0xfd;
		memcpy(ip + 24, to.b, 16);
	}
	tag_set(m, TAG_ROUTE, 0, table);
	assert_int_equal(inject(rig_dp, 0, INJECT_MAIN, m), 0);
	rig_run();
	while (rig_take(1, f)) {
		bool v4 = get_be16(f + 16) == ETHERTYPE_IPV4;

		if (memcmp(f + 18 + (v4 ? 16 : 24), to.b, addr_bytes(&to)) == 0 &&
		    (v4 || f[18 + 6] == PROTO_NONE))
			mac = f[5];
	}
	return mac;
}

/* RFC 4861 §7.2.5. */
static void advertisements(void **state)
{
	open_vlan();
	/* Nobody asked. */
	advertises("fd00:7::9", 9, true, true);
	advertises("fd00:7::9", 9, false, true);
	assert_null(neighbours_find(rig_dp->neighbours, interface,
				    (struct addr[]){ rig_addr("fd00:7::9") }));
	assert_int_equal(leaves("fd00:7::9"), 0);
	advertises("fd00:7::9", 9, true, false);
	assert_int_equal(leaves("fd00:7::9"), 9);
	rig_now += 2 * NEIGHBOUR_SECOND;
	advertises("fd00:7::9", 8, true, false); /* a proxy's, say: moves nobody */
	assert_int_equal(leaves("fd00:7::9"), 9);
	advertises("fd00:7::9", 8, false, true);
	assert_int_equal(leaves("fd00:7::9"), 8);
}

/* Any host may say that it has any address of its network: a route that is there already stays. */
static void routes_stay(void **state)
{
	struct prefix p = rig_prefix("10.7.0.9/32");
	uint32_t discard = nexthop(NEXTHOP_DISCARD, 0);

	open_vlan();
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, discard), 0);
	asks("10.7.0.9", 9);
	assert_int_equal(dataplane_route_get(rig_dp, table, &p), discard);
	assert_int_equal(leaves("10.7.0.9"), 0);
	/* When it is gone the host is found, without being asked for once more. */
	assert_int_equal(dataplane_route_delete(rig_dp, table, &p), 0);
	assert_int_equal(leaves("10.7.0.9"), 9);
	/* One that comes later takes its place, and goes without leaving packets on their way for
	 * ever. */
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, discard), 0);
	assert_int_equal(leaves("10.7.0.9"), 0);
	assert_int_equal(dataplane_route_delete(rig_dp, table, &p), 0);
	assert_int_equal(leaves("10.7.0.9"), 9);
	/* What the host leaves behind when it dies is not the route's end. */
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, discard), 0);
	for (unsigned i = 0; i < 40; i++) {
		rig_now += NEIGHBOUR_SECOND;
		rig_run();
		forget_frames();
	}
	assert_null(neighbours_find(rig_dp->neighbours, interface,
				    (struct addr[]){ rig_addr("10.7.0.9") }));
	assert_int_equal(dataplane_route_get(rig_dp, table, &p), discard);
}

/* A host of a port's network that is no way to anywhere moves what lies over the underlay never,
 * and one that is at most once a second: each time all VXLAN hosts get new heads. */
static void who_jumps_costs_little(void **state)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VXLAN,
					   .port = 1,
					   .vni = 77,
					   .mac = { 2, 1, 1, 1, 1, 1 },
					   .local_vtep = rig_addr("192.0.2.1"),
					   .remote_vtep = rig_addr("192.0.2.2"),
					   .n_addresses = 1,
					   .address = { rig_prefix("10.1.0.1/16") } };
	static const char *const jumper[] = { "192.0.2.9", "192.0.2.2" };
	uint32_t vxlan, used;
	uint8_t f[RIG_FRAME];

	assert_int_equal(dataplane_table_add(rig_dp, &at.table), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &vxlan), 0);
	rig_give(1, f, rig_arp(f, 1, rig_peer_mac, "192.0.2.2", "192.0.2.1"));
	rig_run();
	for (uint8_t i = 0; i < 100; i++) {
		struct dataplane_vxlan_host h = { rig_prefix("10.1.0.0/32"),
						  rig_addr("192.0.2.2"),
						  { 2, 0, 0, 0, 5, i } };

		h.to.addr.b[3] = (uint8_t)(10 + i);
		assert_int_equal(dataplane_vxlan_host_set(rig_dp, vxlan, &h), 0);
	}
	rig_run();
	for (unsigned k = 0; k < 2; k++) {
		used = (uint32_t)rig_dp->tables.routes_epoch;
		for (unsigned i = 0; i < 100; i++) {
			const uint8_t mac[6] = { 2, 0, 0, 1, 1, (uint8_t)i };

			rig_now += NEIGHBOUR_SECOND / 100;
			rig_give(1, f, rig_arp(f, 1, mac, jumper[k], "192.0.2.1"));
			rig_run();
			forget_frames();
		}
		assert_in_range(rig_dp->tables.routes_epoch - used, 1, k ? 2 * 101 : 2);
	}
}

/* Datagrams that were joined are in buffers of which there are few: none of them waits. */
static void large_ones_do_not_wait(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->large);
	uint8_t f[RIG_FRAME], *ip = (uint8_t *)rte_pktmbuf_append(m, 5000);

	open_vlan();
	rig_run();
	forget_frames();
	memset(ip, 0, 5000);
	rig_ip4(ip, "172.16.0.9", "10.7.0.20", PROTO_UDP, 4980);
	put16(ip + 6, 0); /* may be cut */
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, 20));
	tag_set(m, TAG_ROUTE, 0, table);
	assert_int_equal(inject(rig_dp, 0, INJECT_MAIN, m), 0);
	rig_run();
	assert_int_equal(rig_take(1, f), 46); /* who has it? */
	assert_int_equal(rig_dropped(DROP_UNRESOLVED), 1);
	assert_int_equal(rte_mempool_in_use_count(rig_dp->large), 0);
	asks("10.7.0.20", 20);
	assert_int_equal(leaves("10.7.0.20"), 20);
}

/* An operator sees that somebody has our address. */
static void our_address_elsewhere(void **state)
{
	uint8_t f[RIG_FRAME];

	rig_give(0, f, rig_arp(f, 1, rig_peer_mac, "198.51.100.1", "198.51.100.9"));
	rig_run();
	assert_int_equal(rig_dropped(DROP_SPOOFED), 1);
	/* Our own frame, come back. */
	rig_give(0, f, rig_arp(f, 1, rig_port_mac, "198.51.100.1", "198.51.100.9"));
	rig_run();
	assert_int_equal(rig_dropped(DROP_SPOOFED), 1);
}

/* A flood of one VPC's hosts lets nobody think that the next hop is dead, nor another VPC's hosts
 * wait. */
static void floods_stay_at_home(void **state)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VLAN,
					   .port = 1,
					   .vlan_id = 8,
					   .mac = { 2, 7, 7, 7, 7, 7 },
					   .n_addresses = 1,
					   .address = { rig_prefix("10.8.0.1/16") } };
	uint8_t f[RIG_FRAME], mac[6] = { 2, 0, 0, 0, 7, 1 };
	unsigned len;

	open_vlan();
	assert_int_equal(dataplane_table_add(rig_dp, &at.table), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	for (unsigned i = 0; i < 3000; i++) {
		struct addr a = addr_ipv4(0x0a070100 + i);
		char text[ADDR_STR_MAX];

		addr_format(&a, text);
		len = rig_arp(f, 1, mac, text, "10.7.0.1");
		memmove(f + 16, f + 12, len - 12);
		put_be16(f + 12, ETHERTYPE_VLAN);
		put_be16(f + 14, 7);
		rig_give(1, f, len + 4);
		worker_run_once(rig_dp->worker[0]);
	}
	assert_int_not_equal(rig_dropped(DROP_PUNT_BUDGET), 0);
	rig_give(0, f, rig_arp(f, 2, rig_peer_mac, "198.51.100.254", "198.51.100.1"));
	len = rig_arp(f, 1, mac, "10.8.0.9", "10.8.0.1");
	memmove(f + 16, f + 12, len - 12);
	put_be16(f + 12, ETHERTYPE_VLAN);
	put_be16(f + 14, 8);
	rig_give(1, f, len + 4);
	rig_run();
	assert_true(host_is_known(neighbours_find(rig_dp->neighbours, 0,
						  (struct addr[]){ rig_addr("198.51.100.254") })));
	assert_non_null(neighbours_find(rig_dp->neighbours, interface,
					(struct addr[]){ rig_addr("10.8.0.9") }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(advertisements, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(routes_stay, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(who_jumps_costs_little, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(floods_stay_at_home, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(large_ones_do_not_wait, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(our_address_elsewhere, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}

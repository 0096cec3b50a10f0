/* Routes through next hops that live and die, and what follows them. */
#include "rig.h"

#include "dataplane/packet.h"

#include <errno.h>
#include <string.h>

static const uint8_t first_mac[6] = { 2, 0, 0, 0, 0, 0xa1 };
static const uint8_t second_mac[6] = { 2, 0, 0, 0, 0, 0xa2 };

static struct dataplane_way way(uint32_t port, const char *next_hop)
{
	return (struct dataplane_way){ port, rig_addr(next_hop) };
}

/* The answers of those that are alive, for a while; every other second of it is enough. */
static void live(unsigned milliseconds, bool first, bool second)
{
	uint8_t f[2048];
	unsigned len;

	for (unsigned i = 0; i < milliseconds; i += 100) {
		rig_now += 100000;
		rig_run();
		for (unsigned port = 0; port < 2; port++) {
			while ((len = rig_take(port, f))) {
				bool ours = port ? second : first;
				char target[ADDR_STR_MAX];
				struct addr a;

				if (len != 42 || get_be16(f + 20) != 1 || !ours)
					continue;
				a = addr_ipv4(get_be32(f + 38));
				addr_format(&a, target);
				rig_give(port, f,
					 rig_arp(f, 2, port ? second_mac : first_mac, target,
						 port ? "192.0.2.1" : "198.51.100.1"));
			}
		}
		rig_run();
	}
}

static uint32_t table;

static void make_tunnel(void)
{
	static const uint8_t key[20] = { 1, 2, 3 };
	static const struct dataplane_negotiator_ops quiet;
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr("203.0.113.9"),
				      .inner = rig_prefix("169.254.0.2/30"),
				      .inner_peer = rig_addr("169.254.0.1") };
	struct dataplane_sa sa = { .tunnel = 1,
				   .spi = 1000,
				   .cipher = CIPHER_AES128_GCM,
				   .cipher_key = key,
				   .cipher_key_len = 20,
				   .local = { t.cloud_ip, 0 },
				   .remote = { t.customer_ip, 0 } };

	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	t.table = table;
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &quiet, NULL))
		;
}

/* Which port a packet of the tunnel leaves by, and to whom. -1: none. */
static int tunnel_leaves(uint8_t mac[6])
{
	uint8_t p[64], f[2048];
	int port = -1;

	rig_ip4(p, "169.254.0.2", "169.254.0.1", 89, 0);
	assert_int_equal(dataplane_send_inner(rig_dp, 1, p, 20), 0);
	rig_run();
	for (int i = 0; i < 2; i++) {
		while (rig_take((unsigned)i, f)) {
			if (get_be16(f + 12) != ETHERTYPE_IPV4)
				continue;
			port = i;
			memcpy(mac, f, 6);
		}
	}
	return port;
}

static void a_dead_next_hop_gives_way(void **state)
{
	struct prefix all = { .addr.family = ADDR_IPV4 };
	struct dataplane_way ways[] = { way(0, "198.51.100.254"), way(1, "192.0.2.254") };
	uint8_t mac[6];

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, ways, 2), 0);
	make_tunnel();
	live(500, true, true);
	assert_int_equal(tunnel_leaves(mac), 0);
	assert_memory_equal(mac, first_mac, 6);

	live(4500, false, true);
	assert_int_equal(tunnel_leaves(mac), 1);
	assert_memory_equal(mac, second_mac, 6);

	live(1500, true, true);
	assert_int_equal(tunnel_leaves(mac), 0);
	assert_memory_equal(mac, first_mac, 6);

	/* All dead: a packet waits for the first one. */
	live(5000, false, false);
	assert_int_equal(tunnel_leaves(mac), -1);
	live(2500, true, false);
	assert_int_equal(tunnel_leaves(mac), 0);
	dataplane_negotiator_unregister(rig_dp);
}

static void ways_change_under_the_tunnel(void **state)
{
	struct prefix all = { .addr.family = ADDR_IPV4 }, near = rig_prefix("203.0.113.77/24");
	struct dataplane_way one = way(0, "198.51.100.254"), two = way(1, "192.0.2.254");
	char text[96];
	uint8_t mac[6];

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	make_tunnel();
	live(500, true, true);
	assert_int_equal(tunnel_leaves(mac), 0); /* the configuration's */
	assert_int_equal(dataplane_underlay_set(rig_dp, &near, &two, 1), 0);
	live(200, true, true);
	assert_int_equal(tunnel_leaves(mac), 1);
	dataplane_nexthop_format(
		rig_dp, dataplane_route_lookup(rig_dp, 0, &(struct addr){ 4, { 203, 0, 113, 9 } }),
		text, sizeof(text));
	assert_string_equal(text, "192.0.2.254 on port1, 02:00:00:00:00:a2");
	dataplane_nexthop_format(
		rig_dp, dataplane_route_lookup(rig_dp, 0, &(struct addr){ 4, { 192, 0, 2, 99 } }),
		text, sizeof(text));
	assert_string_equal(text, "on link, port1");
	dataplane_nexthop_format(
		rig_dp, dataplane_route_lookup(rig_dp, 0, &(struct addr){ 4, { 192, 0, 2, 1 } }),
		text, sizeof(text));
	assert_string_equal(text, "local, port1");
	assert_int_equal(dataplane_underlay_delete(rig_dp, &near), 0);
	assert_int_equal(tunnel_leaves(mac), 0);
	assert_int_equal(dataplane_underlay_delete(rig_dp, &near), -ENOENT);

	assert_int_equal(dataplane_underlay_set(rig_dp, &all, &two, 1), 0);
	assert_int_equal(tunnel_leaves(mac), 1); /* still known */
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, &one, 1), 0);
	live(200, true, true);
	assert_int_equal(tunnel_leaves(mac), 0);
	assert_int_equal(dataplane_underlay_delete(rig_dp, &all), 0);
	assert_int_equal(tunnel_leaves(mac), -1);
	assert_int_equal(rig_dropped(DROP_NO_ROUTE), 1);
	dataplane_negotiator_unregister(rig_dp);
}

static void what_is_refused(void **state)
{
	struct prefix all = { .addr.family = ADDR_IPV4 };
	struct dataplane_way far = way(0, "192.0.2.254"), six = way(0, "2001:db8:1::fe");
	struct dataplane_way nowhere = way(2, "192.0.2.254"), many[DATAPLANE_WAYS + 1];

	for (unsigned i = 0; i <= DATAPLANE_WAYS; i++)
		many[i] = (struct dataplane_way){ 1, addr_ipv4(0xc0000264 + i) };
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, &far, 1), -EHOSTUNREACH);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, &six, 1), -EINVAL);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, &nowhere, 1), -EINVAL);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, many, DATAPLANE_WAYS + 1), -EINVAL);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, many, 0), -EINVAL);
	assert_int_equal(dataplane_underlay_set(rig_dp, &all, many, DATAPLANE_WAYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dead_next_hop_gives_way, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(ways_change_under_the_tunnel, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(what_is_refused, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("underlay", tests, NULL, NULL);
}

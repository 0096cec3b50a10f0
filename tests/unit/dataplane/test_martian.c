/* Addresses that no router passes on, as sources and as destinations, out of a tunnel and into one,
 * though a default route would take them. (IPv6: tests/golden, "martian".) */
#include "rig_tunnel.h"

#include "dataplane/packet.h"

#include <string.h>

static const struct {
	const char *addr;
	bool martian;
} addresses[] = {
	{ "0.0.0.0", true },	      { "0.255.255.255", true }, { "1.0.0.1", false },
	{ "126.255.255.255", false }, { "127.0.0.1", true },	 { "127.255.255.255", true },
	{ "128.0.0.1", false },	      { "169.254.77.1", false }, { "223.255.255.254", false },
	{ "224.0.0.5", true },	      { "239.1.1.1", true },	 { "240.0.0.1", true },
	{ "255.255.255.255", true },
};

static int set_up(void **state)
{
	struct prefix all = rig_prefix("0.0.0.0/0");
	struct addr host = rig_addr(RIG_TUNNEL_HOST);
	uint32_t gateway, vpc;

	rig_set_up(state);
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_tunnel_open();
	gateway = rig_dp->tables.tunnel[RIG_TUNNEL].table;
	vpc = nexthop_index(dataplane_route_lookup(rig_dp, gateway, &host));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(dataplane_route_set(rig_dp, i ? vpc : gateway, &all,
						     nexthop(NEXTHOP_TUNNEL, RIG_TUNNEL)),
				 0);
	rig_tunnel_discard();
	return 0;
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

static bool left(unsigned port)
{
	uint8_t f[RIG_FRAME];
	bool any = rig_take(port, f) > 0;

	assert_int_equal(rig_take(port, f), 0);
	return any;
}

static void from_host(const char *src, const char *dst)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, src, dst, 20));
	rig_run();
}

static void from_peer(const char *src, const char *dst)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, rig_tunnel_udp(ip, src, dst, 20));
	rig_run();
}

/* Twice each: what was looked up is remembered. */
static void into_the_tunnel(void **state)
{
	uint64_t dropped = 0;

	for (unsigned i = 0; i < 2 * ARRAY_LEN(addresses); i++) {
		const char *a = addresses[i / 2].addr;
		bool martian = addresses[i / 2].martian;

		from_host(RIG_TUNNEL_HOST, a);
		assert_int_equal(left(0), !martian);
		from_host(a, RIG_TUNNEL_FAR);
		assert_int_equal(left(0), !martian);
		dropped += martian ? 2 : 0;
		assert_int_equal(rig_dropped(DROP_MARTIAN), dropped);
	}
}

/* The tunnel's own counters know it as well. */
static void out_of_the_tunnel(void **state)
{
	struct dataplane_tunnel_stats s;
	uint64_t dropped = 0, apart = 0;

	for (unsigned i = 0; i < ARRAY_LEN(addresses); i++) {
		bool martian = addresses[i].martian;

		from_peer(addresses[i].addr, RIG_TUNNEL_HOST);
		assert_int_equal(left(1), !martian);
		from_peer(RIG_TUNNEL_FAR, addresses[i].addr); /* back into a tunnel */
		assert_false(left(0));
		dropped += martian ? 2 : 0;
		apart += !martian;
	}
	assert_int_equal(rig_dropped(DROP_MARTIAN), dropped);
	assert_int_equal(dataplane_tunnel_stats(rig_dp, RIG_TUNNEL, &s), 0);
	assert_int_equal(s.drop[DROP_MARTIAN], dropped);
	assert_int_equal(s.drop[DROP_NO_TRANSIT], apart);
}

/* What dataplane_explain() says of them. */
static void told(void **state)
{
	uint32_t gateway = rig_dp->tables.tunnel[RIG_TUNNEL].table;
	uint8_t ip[RIG_FRAME];

	for (unsigned i = 0; i < ARRAY_LEN(addresses); i++) {
		struct dataplane_path path;
		unsigned n = rig_tunnel_udp(ip, addresses[i].addr, RIG_TUNNEL_FAR, 20);

		assert_int_equal(dataplane_explain(rig_dp, gateway, ip, n, &path), 0);
		assert_int_equal(path.nh == nexthop(NEXTHOP_DISCARD, NEXTHOP_MARTIAN),
				 addresses[i].martian);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(into_the_tunnel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(out_of_the_tunnel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What ICMP errors about our outer packets do, and what forged ones do not. */
#include "rig.h"

#include "dataplane/packet.h"

#include <rte_cycles.h>

#include <string.h>

static uint32_t table;

static int set_up(void **state)
{
	rig_set_up(state);
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_resolve_next_hop();
	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
					      .customer_ip = addr_ipv4(0xcb007101 + i),
					      .table = table,
					      .inner = { addr_ipv4(0xa9fe0002 + i * 4), 30 },
					      .inner_peer = addr_ipv4(0xa9fe0001 + i * 4) };

		assert_int_equal(dataplane_tunnel_add(rig_dp, i, &t), 0);
		rig_add_sas(i, i ? "203.0.113.2" : "203.0.113.1", 1000 + i);
	}
	return 0;
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

static uint32_t mtu_of(uint32_t tunnel)
{
	struct dataplane_tunnel_stats s;
	uint8_t p[64], f[RIG_FRAME];

	/* A packet, so that the way is looked up again. */
	rig_ip4(p, tunnel ? "169.254.0.6" : "169.254.0.2", tunnel ? "169.254.0.5" : "169.254.0.1",
		89, 0);
	assert_int_equal(dataplane_send_inner(rig_dp, tunnel, p, 20), 0);
	rig_run();
	while (rig_take(0, f))
		;
	assert_int_equal(dataplane_tunnel_stats(rig_dp, tunnel, &s), 0);
	return s.mtu;
}

/* An error of 203.0.113.77's about ESP with that SPI from `src` to `dst`. */
static void give(const char *src, const char *dst, uint32_t spi, unsigned mtu, unsigned quoted)
{
	static const struct dataplane_negotiator_ops quiet;
	uint8_t f[RIG_FRAME] = { 0 }, *icmp = f + 34;

	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	rig_ip4(f + 14, "203.0.113.77", "198.51.100.1", PROTO_ICMP, 8 + 20 + quoted);
	icmp[0] = 3;
	icmp[1] = 4;
	put_be16(icmp + 6, (uint16_t)mtu);
	rig_ip4(icmp + 8, src, dst, PROTO_ESP, 1400);
	put_be32(icmp + 28, spi);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 36)));
	rig_give(0, f, 34 + 28 + quoted);
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &quiet, NULL))
		;
	rig_run();
}

static unsigned fits(unsigned outer)
{
	return ((outer - 20 - 8 - 8 - 16) & ~3u) - 2;
}

static void a_quoted_packet_counts(void **state)
{
	assert_int_equal(mtu_of(0), fits(1500));
	give("198.51.100.1", "203.0.113.1", 1000, 1400, 8);
	assert_int_equal(mtu_of(0), fits(1400));
	assert_int_equal(mtu_of(1), fits(1500));
	give("198.51.100.1", "203.0.113.1", 1000, 1450, 8); /* never up again */
	assert_int_equal(mtu_of(0), fits(1400));
	give("198.51.100.1", "203.0.113.1", 1000, 68, 8); /* nor below what all can carry */
	assert_int_equal(mtu_of(0), fits(576));
	give("198.51.100.1", "203.0.113.2", 1001, 1300, 8);
	assert_int_equal(mtu_of(1), fits(1300));
	/* A new SA asks anew. */
	rig_add_sas(1, "203.0.113.2", 2001);
	assert_int_equal(mtu_of(1), fits(1500));
}

static void a_forged_one_does_not(void **state)
{
	give("198.51.100.1", "203.0.113.1", 1002, 1400, 8); /* an SPI of nobody */
	give("198.51.100.1", "203.0.113.1", 1001, 1400, 8); /* another tunnel's */
	give("198.51.100.1", "203.0.113.9", 1000, 1400, 8); /* to somebody else */
	give("192.0.2.1", "203.0.113.1", 1000, 1400, 8);    /* not from here */
	give("198.51.100.1", "203.0.113.1", 1000, 1400, 3); /* cut off */
	give("198.51.100.1", "203.0.113.1", 0, 1400, 8);
	assert_int_equal(mtu_of(0), fits(1500));
	assert_int_equal(mtu_of(1), fits(1500));
	/* By the thousand: most never reach the negotiator. */
	for (unsigned i = 0; i < 100; i++)
		give("198.51.100.1", "203.0.113.1", 5000 + i, 1400, 8);
	assert_in_range(rig_dropped(DROP_PUNT_BUDGET), 50, 100);
}

/* A flood of them ends it for no longer than it lasts, though less than one of them a millisecond
 * is let through. */
static void floods_end(void **state)
{
	struct worker *w = rig_dp->worker[0];
	uint64_t ms = rte_get_tsc_hz() / 1000;

	for (unsigned i = 0; i < 100; i++)
		give("198.51.100.1", "203.0.113.1", 5000 + i, 1400, 8);
	give("198.51.100.1", "203.0.113.1", 1000, 1400, 8);
	assert_int_equal(mtu_of(0), fits(1500));
	w->punt.refilled -= 100 * ms; /* each of them in a turn */
	for (unsigned i = 0; i < 100; i++)
		punt_refill(w, w->punt.refilled + ms);
	give("198.51.100.1", "203.0.113.1", 1000, 1400, 8);
	assert_int_equal(mtu_of(0), fits(1400));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(floods_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_quoted_packet_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_forged_one_does_not, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("path mtu", tests, NULL, NULL);
}

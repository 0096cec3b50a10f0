/* What changes under its packets, and what goes: nothing is used again before the workers let go.
 */
#include "rig.h"

#include "dataplane/sa.h"
#include "dataplane/sa_book.h"

static uint32_t table;

static struct dataplane_tunnel given(const char *inner, const char *peer)
{
	return (struct dataplane_tunnel){ .cloud_ip = rig_addr("198.51.100.1"),
					  .customer_ip = rig_addr("203.0.113.9"),
					  .table = table,
					  .inner = rig_prefix(inner),
					  .inner_peer = rig_addr(peer) };
}

static int set_up(void **state)
{
	rig_set_up(state);
	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	return 0;
}

static uint32_t way(const char *host)
{
	struct addr a = rig_addr(host);
	struct prefix p = prefix_host(&a);

	return dataplane_route_get(rig_dp, table, &p);
}

#define OWN(tunnel)  nexthop(NEXTHOP_LOCAL, (tunnel) | NEXTHOP_LOCAL_TUNNEL)
#define PEER(tunnel) nexthop(NEXTHOP_TUNNEL, tunnel)

static void inner_addresses_change_hands(void **state)
{
	struct dataplane_tunnel a = given("169.254.0.2/30", "169.254.0.1");
	struct dataplane_tunnel b = given("169.254.0.6/30", "169.254.0.5");
	struct dataplane_tunnel other = a;

	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &a), 0);
	assert_int_equal(dataplane_tunnel_add(rig_dp, 2, &b), 0);
	/* Each takes the other's. */
	assert_int_equal(dataplane_tunnel_change(rig_dp, 1, &b), 0);
	assert_int_equal(dataplane_tunnel_change(rig_dp, 2, &a), 0);
	assert_int_equal(way("169.254.0.6"), OWN(1));
	assert_int_equal(way("169.254.0.5"), PEER(1));
	assert_int_equal(way("169.254.0.2"), OWN(2));
	assert_int_equal(way("169.254.0.1"), PEER(2));
	/* The two ends of one network are exchanged. */
	other.inner.addr = a.inner_peer;
	other.inner_peer = a.inner.addr;
	assert_int_equal(dataplane_tunnel_change(rig_dp, 2, &other), 0);
	assert_int_equal(way("169.254.0.1"), OWN(2));
	assert_int_equal(way("169.254.0.2"), PEER(2));
	/* A newcomer has them before the old one is gone, and keeps them. */
	assert_int_equal(dataplane_tunnel_add(rig_dp, 3, &b), 0);
	assert_int_equal(dataplane_tunnel_delete(rig_dp, 1), 0);
	assert_int_equal(way("169.254.0.6"), OWN(3));
	assert_int_equal(way("169.254.0.5"), PEER(3));
	assert_int_equal(dataplane_tunnel_delete(rig_dp, 3), 0);
	assert_int_equal(nexthop_kind(way("169.254.0.5")), NEXTHOP_NONE);
	other.table = DATAPLANE_UNDERLAY;
	assert_int_equal(dataplane_tunnel_change(rig_dp, 2, &other), -EINVAL);
	assert_int_equal(dataplane_tunnel_change(rig_dp, 3, &b), -ENOENT);
}

static void its_sas_follow(void **state)
{
	static const struct dataplane_negotiator_ops quiet;
	struct dataplane_tunnel t = given("169.254.0.2/30", "169.254.0.1");
	const unsigned settings = SA_MSS | SA_METER | SA_DF_COPY | SA_DF_CLEAR;
	struct sa *in, *out;
	uint64_t mark;
	uint32_t spi;

	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	spi = rig_add_sas(1, "203.0.113.9", 0x1234);
	in = sa_book_inbound(rig_dp->book, 1, spi)->sa;
	out = rig_dp->tables.out[1];
	assert_int_equal(in->flags & settings, 0);
	t.mss_clamp = true;
	t.bandwidth = 100;
	t.df = DATAPLANE_DF_CLEAR;
	t.mtu = 1300;
	assert_int_equal(dataplane_tunnel_change(rig_dp, 1, &t), 0);
	assert_int_equal(dataplane_sa_refresh(rig_dp, 1), 0);
	mark = dataplane_order_mark(rig_dp, 1);
	assert_false(dataplane_order_reached(rig_dp, 1, mark));
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &quiet, NULL))
		;
	assert_true(dataplane_order_reached(rig_dp, 1, mark));
	assert_int_equal(in->flags & settings, SA_MSS | SA_METER | SA_DF_CLEAR);
	assert_int_equal(out->flags & settings, SA_MSS | SA_METER | SA_DF_CLEAR);
	assert_int_equal(out->epoch, 0); /* and its MTU is found again */
	t = given("169.254.0.2/30", "169.254.0.1");
	assert_int_equal(dataplane_tunnel_change(rig_dp, 1, &t), 0);
	assert_null(rig_dp->tables.tunnel[1].policer);
	assert_int_equal(dataplane_sa_refresh(rig_dp, 1), 0);
	rig_run();
	assert_int_equal(out->flags & settings, 0);
}

static void esp_to(uint32_t spi)
{
	uint8_t f[RIG_FRAME], ip[64];
	unsigned n = rig_ip4(ip, "10.0.0.1", "10.0.0.2", 253, 8) + 8;

	rig_give(0, f, rig_esp(f, "203.0.113.9", spi, 1, ip, n));
	rig_run();
}

/* Anybody may send ESP to any SPI, before there is an SA and after it: 0 as well, which says in
 * other places that there is none. */
static void no_spi_leads_to_an_empty_slot(void **state)
{
	struct dataplane_tunnel t = given("169.254.0.2/30", "169.254.0.1");
	static const uint32_t spis[] = { 0, 1, 2, 255, 256, SPI_SLOTS, 1u << 19, UINT32_MAX };
	uint32_t spi = 0;

	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	for (unsigned turn = 0; turn < 3; turn++) {
		if (turn == 1)
			spi = rig_add_sas(1, "203.0.113.9", 0x1234);
		else if (turn == 2)
			assert_int_equal(dataplane_sa_remove(rig_dp, 1, true, spi), 0);
		rig_run();
		for (unsigned i = 0; i < ARRAY_LEN(spis); i++)
			if (turn != 1 || spis[i] != spi)
				esp_to(spis[i]);
	}
	assert_int_equal(spi_slot(spi), 0);
	assert_int_equal(rig_dropped(DROP_NO_SA), 3 * ARRAY_LEN(spis) - 1);
}

static void numbers_wait_for_the_workers(void **state)
{
	struct dataplane_tunnel t = given("169.254.0.2/30", "169.254.0.1");
	struct rte_rcu_qsbr *qsbr = rig_dp->tables.qsbr;
	struct dataplane_attachment a = { .encap = CONF_ENCAP_VLAN,
					  .port = 1,
					  .vlan_id = 7,
					  .table = table,
					  .n_addresses = 1,
					  .address = { rig_prefix("10.0.0.1/24") } };
	uint32_t first, second, other, again;

	memcpy(a.mac, rig_port_mac, sizeof(a.mac));
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &a, &first), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &a, &second), -EEXIST);
	assert_int_equal(dataplane_attachment_delete(rig_dp, first), 0);
	assert_int_equal(dataplane_attachment_delete(rig_dp, first), -ENOENT);
	assert_int_equal(nexthop_kind(way("10.0.0.1")), NEXTHOP_NONE);
	assert_int_equal(dataplane_attachment_add(rig_dp, &a, &second), 0);
	assert_int_not_equal(first, second);
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	assert_int_equal(dataplane_tunnel_delete(rig_dp, 1), 0);
	assert_false(dataplane_tunnel_gone(rig_dp, 1));
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), -EBUSY);
	assert_int_equal(dataplane_table_add(rig_dp, &other), 0);
	assert_int_equal(dataplane_table_delete(rig_dp, other), 0);
	assert_int_equal(dataplane_table_delete(rig_dp, other), -ENOENT);
	assert_int_equal(dataplane_table_add(rig_dp, &again), 0);
	assert_int_not_equal(other, again);

	rte_rcu_qsbr_quiescent(qsbr, 0);
	dataplane_main_poll(rig_dp, ++rig_now);
	assert_true(dataplane_tunnel_gone(rig_dp, 1));
	assert_int_equal(dataplane_tunnel_add(rig_dp, 1, &t), 0);
	a.vlan_id = 8;
	assert_int_equal(dataplane_attachment_add(rig_dp, &a, &second), 0);
	assert_int_equal(first, second);
	assert_int_equal(dataplane_table_add(rig_dp, &again), 0);
	assert_int_equal(other, again);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inner_addresses_change_hands, set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(its_sas_follow, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(no_spi_leads_to_an_empty_slot, set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(numbers_wait_for_the_workers, set_up,
						rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

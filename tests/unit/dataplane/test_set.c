#include "rig.h"

#include "dataplane/set.h"

#include <stdio.h>

static uint32_t table;

static int set_up(void **state)
{
	rig_set_up(state);
	assert_int_equal(dataplane_table_add(rig_dp, &table), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
					      .customer_ip = addr_ipv4(0xcb007100 + i),
					      .table = table,
					      .inner = { addr_ipv4(0xa9fe0002 + i * 4), 30 },
					      .inner_peer = addr_ipv4(0xa9fe0001 + i * 4) };

		assert_int_equal(dataplane_tunnel_add(rig_dp, i, &t), 0);
		assert_int_equal(dataplane_tunnel_state(rig_dp, i, true), 0);
	}
	return 0;
}

static const struct tunnel_set *at(uint32_t nh)
{
	assert_int_equal(nexthop_kind(nh), NEXTHOP_CONNECTION);
	return &rig_dp->tables.set[nexthop_index(nh)];
}

static unsigned buckets_of(const struct tunnel_set *s, uint32_t tunnel)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SET_BUCKETS; i++)
		n += s->bucket[i] == tunnel + 1;
	return n;
}

static void a_connection_uses_what_is_up(void **state)
{
	const uint32_t tunnel[] = { 3, 9, 4, 9 };
	const uint32_t nobody[] = { 3, 77 };
	const struct tunnel_set *s = at(nexthop(NEXTHOP_CONNECTION, 7));

	assert_int_equal(s->n, 0); /* nobody set it */
	assert_int_equal(s->bucket[0], 0);
	assert_int_equal(dataplane_connection_set(rig_dp, 7, tunnel, 4), 0);
	assert_int_equal(s->n, 3);
	assert_int_equal(buckets_of(s, 3), 40);
	assert_int_equal(buckets_of(s, 4), 40);
	assert_int_equal(buckets_of(s, 9), 40);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 9, false), 0);
	assert_int_equal(s->n, 2);
	assert_int_equal(buckets_of(s, 3), 60);
	assert_int_equal(buckets_of(s, 9), 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 3, false), 0);
	assert_int_equal(s->n, 1);
	assert_int_equal(buckets_of(s, 4), 120);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 4, false), 0);
	assert_int_equal(s->n, 0);
	assert_int_equal(s->bucket[0], 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 9, true), 0);
	assert_int_equal(buckets_of(s, 9), 120);

	assert_int_equal(dataplane_connection_set(rig_dp, 7, nobody, 2), -ENOENT);
	assert_int_equal(buckets_of(s, 9), 120); /* as it was */
	assert_int_equal(dataplane_connection_set(rig_dp, CONNECTIONS_MAX, tunnel, 3), -EINVAL);
	assert_int_equal(dataplane_tunnel_delete(rig_dp, 9), -EBUSY);
	assert_int_equal(dataplane_connection_set(rig_dp, 7, NULL, 0), 0);
	assert_int_equal(s->n, 0);
	assert_int_equal(dataplane_tunnel_delete(rig_dp, 9), 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 9, true), -ENOENT);
}

static void equal_sets_are_one_bundle(void **state)
{
	const uint32_t a[] = { 5, 1, 30 }, b[] = { 30, 5, 1, 1 }, c[] = { 5, 1 };
	uint32_t one, two, other, again, many[33];
	struct prefix p = rig_prefix("10.0.0.0/8");
	char text[64];

	assert_int_equal(dataplane_bundle_hold(rig_dp, a, 3, &one), 0);
	assert_int_equal(dataplane_bundle_hold(rig_dp, b, 4, &two), 0);
	assert_int_equal(dataplane_bundle_hold(rig_dp, c, 2, &other), 0);
	assert_int_equal(one, two);
	assert_int_not_equal(one, other);
	assert_string_equal(dataplane_nexthop_format(rig_dp, one, text, sizeof(text)),
			    "bundle of tunnels 1, 5, 30");
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, one), 0);
	assert_int_equal(buckets_of(at(one), 30), 40);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 5, false), 0); /* in both */
	assert_int_equal(buckets_of(at(one), 30), 60);
	assert_int_equal(buckets_of(at(other), 1), 120);

	dataplane_bundle_release(rig_dp, one);
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, two), 0); /* held still */
	dataplane_bundle_release(rig_dp, two);
	assert_int_equal(dataplane_route_set(rig_dp, table, &p, two), -ENOENT);
	dataplane_bundle_release(rig_dp, two); /* once too often: nothing */
	dataplane_bundle_release(rig_dp, nexthop(NEXTHOP_TUNNEL, 1));
	assert_int_equal(dataplane_tunnel_state(rig_dp, 5, true), 0);
	assert_int_equal(buckets_of(at(other), 5), 60);

	assert_int_equal(dataplane_bundle_hold(rig_dp, a, 3, &again), 0);
	assert_int_equal(buckets_of(at(again), 5), 40);
	for (unsigned i = 0; i < 33; i++)
		many[i] = i;
	assert_int_equal(dataplane_bundle_hold(rig_dp, many, 33, &one), -EINVAL);
	assert_int_equal(dataplane_bundle_hold(rig_dp, many, 0, &one), -EINVAL);
	assert_int_equal(dataplane_bundle_hold(rig_dp, many, 32, &one), 0);
	assert_int_equal(at(one)->n, 32);
}

/* A worker may still follow a released bundle: its place goes to another one only when it cannot
 * any more. */
static void a_place_waits_for_the_workers(void **state)
{
	uint32_t a[] = { 1, 2 }, b[] = { 3, 4 }, first, second, third;
	struct rte_rcu_qsbr *qsbr = rig_dp->tables.qsbr;

	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	assert_int_equal(dataplane_bundle_hold(rig_dp, a, 2, &first), 0);
	dataplane_bundle_release(rig_dp, first);
	dataplane_main_poll(rig_dp, ++rig_now);
	assert_int_equal(dataplane_bundle_hold(rig_dp, b, 2, &second), 0);
	assert_int_not_equal(first, second);
	assert_int_equal(buckets_of(at(first), 1), 60);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	dataplane_main_poll(rig_dp, ++rig_now);
	assert_int_equal(dataplane_bundle_hold(rig_dp, a, 2, &third), 0);
	assert_int_equal(first, third);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
}

/* As many as there can be, and every one told when the tunnel that all have in common dies. */
static void many_bundles(void **state)
{
	uint32_t nh[1000];
	unsigned n = 0;

	for (uint32_t i = 1; i < 40; i++) {
		for (uint32_t k = i + 1; k < 40; k++, n++) {
			const uint32_t tunnel[] = { 0, i, k };

			assert_int_equal(dataplane_bundle_hold(rig_dp, tunnel, 3, &nh[n]), 0);
		}
	}
	assert_int_equal(n, 741);
	assert_int_equal(dataplane_tunnel_state(rig_dp, 0, false), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(at(nh[i])->n, 2);
		assert_int_equal(buckets_of(at(nh[i]), 0), 0);
	}
	for (unsigned i = 0; i < n; i++)
		dataplane_bundle_release(rig_dp, nh[i]);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(dataplane_tunnel_delete(rig_dp, i), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_connection_uses_what_is_up, set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(equal_sets_are_one_bundle, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(a_place_waits_for_the_workers, set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(many_bundles, set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("set", tests, NULL, NULL);
}

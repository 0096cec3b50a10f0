/* Counters are read by other threads while workers and the main thread write them: the shell's page
 * of metrics, DPDK's telemetry, the negotiator. Built with -fsanitize=thread it is proved as well
 * that no such read is a race. */
#include "rig_tunnel.h"

#include "dataplane/packet.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define TURNS	200
#define OTHER	9
#define READERS 2

/* DPDK's rings are looked at from outside without a fence, by its own functions. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:rte_ring_count\n";
}

static atomic_bool done;
static atomic_uint rounds;

static void never_less(uint64_t *seen, const uint64_t *now, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (now[i] < seen[i])
			abort();
		seen[i] = now[i];
	}
}

/* As telemetry and the page of metrics do: all that can be asked about, over and over. */
static void *look(void *arg)
{
	uint64_t drops[2][DROP_REASON_COUNT] = { 0 }, in_packets = 0, loops[2] = { 0 };
	struct dataplane_ring_stats ring[DATAPLANE_RINGS];
	struct dataplane_worker_stats s;
	struct dataplane_tunnel_stats t;
	struct dataplane_port_stats p;
	uint32_t available, all;

	while (!atomic_load(&done)) {
		for (unsigned i = 0; i <= dataplane_workers(rig_dp); i++) {
			if (dataplane_worker_stats(rig_dp, i, &s) != 0)
				abort();
			never_less(drops[i], s.drop, DROP_REASON_COUNT);
			never_less(&loops[i], &s.loops, 1);
			(void)dataplane_ring_stats(rig_dp, i, ring);
			(void)dataplane_worker_stuck(rig_dp, i);
		}
		if (dataplane_tunnel_stats(rig_dp, RIG_TUNNEL, &t) != 0)
			abort();
		never_less(&in_packets, &t.in_packets, 1);
		(void)dataplane_tunnel_stats(rig_dp, OTHER, &t); /* comes and goes */
		for (unsigned i = 0; i < dataplane_ports(rig_dp); i++)
			(void)dataplane_port_stats(rig_dp, i, &p);
		dataplane_buffers(rig_dp, &available, &all);
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

/* As the negotiator does, of its SAs and of the tunnel. */
static void *negotiate(void *arg)
{
	struct dataplane_sa_stats s;
	uint64_t packets[2] = { 0 }, authentic = 0, now;

	while (!atomic_load(&done)) {
		if (dataplane_sa_stats(rig_dp, RIG_TUNNEL, true, rig_tunnel_spi_in, &s) != 0)
			abort();
		never_less(&packets[0], &s.packets, 1);
		if (dataplane_sa_stats(rig_dp, RIG_TUNNEL, false, RIG_TUNNEL_SPI, &s) != 0)
			abort();
		never_less(&packets[1], &s.packets, 1);
		now = dataplane_inbound_packets(rig_dp, RIG_TUNNEL);
		never_less(&authentic, &now, 1);
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

/* What a worker counts and what main does: packets both ways, garbage, a ping that main answers, a
 * tunnel that comes and goes, a second that passes. */
static void turn(unsigned i)
{
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr("203.0.113.77"),
				      .table = rig_dp->tables.tunnel[RIG_TUNNEL].table,
				      .inner = rig_prefix("169.254.9.2/30"),
				      .inner_peer = rig_addr("169.254.9.1") };
	uint8_t f[RIG_FRAME] = { 0 };

	rig_tunnel_host_sends(100);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 100);
	memcpy(f, "\x02\x02\x02\x02\x02", 6);
	rig_give(0, f, 60); /* not for us */
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_ARP);
	rig_give(0, f, 60); /* malformed, as main will find */
	rig_now += 300000;
	rig_run();
	if (i % 4 == 0)
		assert_int_equal(dataplane_tunnel_add(rig_dp, OTHER, &t), 0);
	assert_int_equal(dataplane_tunnel_state(rig_dp, i % 4 < 2 ? OTHER : RIG_TUNNEL, i & 1), 0);
	if (i % 4 == 3) {
		assert_int_equal(dataplane_tunnel_delete(rig_dp, OTHER), 0);
		while (!dataplane_tunnel_gone(rig_dp, OTHER)) {
			rig_now += 20000;
			rig_run();
		}
	}
	rig_tunnel_discard();
}

static void they_are_read_beside(void **state)
{
	struct dataplane_worker_stats s;
	struct dataplane_tunnel_stats t;
	pthread_t thread[READERS + 1];

	rig_tunnel_open();
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, look, NULL), 0);
	assert_int_equal(pthread_create(&thread[READERS], NULL, negotiate, NULL), 0);
	for (unsigned i = 0; i < TURNS || atomic_load(&rounds) < 1000; i++)
		turn(i);
	atomic_store(&done, true);
	for (unsigned i = 0; i <= READERS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	/* And nothing was lost. */
	assert_int_equal(dataplane_tunnel_stats(rig_dp, RIG_TUNNEL, &t), 0);
	assert_int_equal(t.in_packets, t.out_packets);
	assert_int_equal(dataplane_inbound_packets(rig_dp, RIG_TUNNEL), t.in_packets);
	assert_in_range(t.in_packets, TURNS, UINT32_MAX);
	assert_int_equal(dataplane_worker_stats(rig_dp, 0, &s), 0);
	assert_int_equal(s.drop[DROP_NOT_FOR_US], t.in_packets);
	assert_int_equal(dataplane_worker_stats(rig_dp, 1, &s), 0);
	assert_int_equal(s.drop[DROP_MALFORMED], t.in_packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_are_read_beside, rig_tunnel_set_up,
						rig_tunnel_tear_down),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}

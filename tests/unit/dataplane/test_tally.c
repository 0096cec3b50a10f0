/* A tunnel's counters are the sums of its SAs': exact, and never lower, whichever come and go while
 * others look. Built with -fsanitize=thread it is proved as well that looking is no race. */
#include "rig_tunnel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define TURNS	 120
#define READERS	 2
#define COUNTERS 6

static void used(void *ctx, uint32_t tunnel, uint32_t spi)
{
}

/* The negotiator's part: what workers let go of is freed. */
static void negotiate(void)
{
	static const struct dataplane_negotiator_ops ops = { .sa_used = used };

	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &ops, NULL))
		;
}

/* Beside the pair that is there: its outbound SA is replaced, its inbound one goes on. */
static uint32_t rekey(uint32_t spi_out)
{
	negotiate();
	return rig_add_sas(RIG_TUNNEL, RIG_TUNNEL_PEER, spi_out);
}

static void counts(uint64_t out[COUNTERS])
{
	struct dataplane_tunnel_stats t;

	if (dataplane_tunnel_stats(rig_dp, RIG_TUNNEL, &t) != 0)
		abort();
	memcpy(out,
	       (uint64_t[]){ t.in_packets, t.in_bytes, t.in_wire_bytes, t.out_packets, t.out_bytes,
			     t.out_wire_bytes },
	       COUNTERS * sizeof(*out));
}

/* So many packets of 128 bytes in, and out: 8 + 8 + 132 + 16 bytes of ESP in 20 of IPv4. */
static void assert_carried(uint64_t in, uint64_t out)
{
	uint64_t now[COUNTERS];

	counts(now);
	assert_int_equal(now[0], in);
	assert_int_equal(now[1], in * 128);
	assert_int_equal(now[2], in * 184);
	assert_int_equal(now[3], out);
	assert_int_equal(now[4], out * 128);
	assert_int_equal(now[5], out * 184);
}

static void remove_sa(bool inbound, uint32_t spi)
{
	assert_int_equal(dataplane_sa_remove(rig_dp, RIG_TUNNEL, inbound, spi), 0);
	negotiate();
}

static void they_outlive_their_sas(void **state)
{
	uint32_t old, new;

	rig_tunnel_open();
	old = rig_tunnel_spi_in;
	assert_carried(0, 0);
	for (unsigned i = 0; i < 3; i++)
		rig_tunnel_host_sends(100);
	rig_tunnel_peer_sends(old, 100);
	assert_carried(1, 3);
	new = rekey(RIG_TUNNEL_SPI + 1);
	assert_carried(1, 3);
	rig_tunnel_host_sends(100);
	rig_tunnel_peer_sends(old, 100);
	rig_tunnel_peer_sends(new, 100);
	assert_carried(3, 4);
	remove_sa(true, old);
	assert_carried(3, 4);
	rig_tunnel_peer_sends(old, 100); /* no SA */
	rig_tunnel_peer_sends(new, 100);
	assert_carried(4, 4);
	remove_sa(true, new);
	remove_sa(false, 0);
	assert_carried(4, 4);
	rig_tunnel_host_sends(100); /* no tunnel up */
	assert_carried(4, 4);
	assert_int_equal(dataplane_inbound_packets(rig_dp, RIG_TUNNEL), 4);
}

/* Authentic, and no IP packet inside: the peer lives, but the tunnel carried nothing. */
static void the_refused_prove_the_peer(void **state)
{
	uint8_t ip[64];
	unsigned len = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 20);

	rig_tunnel_open();
	ip[2] = 0xff; /* longer than it is */
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, len);
	rig_run();
	assert_int_equal(rig_dropped(DROP_BAD_NEXT_HEADER), 1);
	assert_carried(0, 0);
	assert_int_equal(dataplane_inbound_packets(rig_dp, RIG_TUNNEL), 1);
	remove_sa(true, rig_tunnel_spi_in);
	assert_int_equal(dataplane_inbound_packets(rig_dp, RIG_TUNNEL), 1);
}

/* A tunnel begins with 0, and what the one before it has left behind goes on unseen. */
static void a_new_tunnel_begins_with_nothing(void **state)
{
	struct tally *t = &rig_dp->tables.tunnel[RIG_TUNNEL].tally;

	rig_tunnel_open();
	rig_tunnel_host_sends(100);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 100);
	tally_forget(&rig_dp->tally_lock, t);
	assert_carried(0, 0);
	rig_tunnel_host_sends(100);
	assert_carried(0, 1);
	remove_sa(true, rig_tunnel_spi_in);
	remove_sa(false, 0);
	assert_carried(0, 1);
	tally_forget(&rig_dp->tally_lock, t);
	assert_carried(0, 0);
}

static atomic_bool done;
static atomic_uint rounds;

static void *look(void *arg)
{
	uint64_t seen[COUNTERS] = { 0 }, now[COUNTERS], authentic = 0, alive;

	while (!atomic_load(&done)) {
		counts(now);
		alive = dataplane_inbound_packets(rig_dp, RIG_TUNNEL);
		for (unsigned i = 0; i < COUNTERS; i++) {
			if (now[i] < seen[i])
				abort();
			seen[i] = now[i];
		}
		if (alive < authentic || alive < now[0])
			abort();
		authentic = alive;
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

static void none_is_lost_beside_readers(void **state)
{
	pthread_t thread[READERS];
	uint32_t spi, next;
	unsigned i;

	rig_tunnel_open();
	spi = rig_tunnel_spi_in;
	for (i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, look, NULL), 0);
	for (i = 0; i < TURNS || atomic_load(&rounds) < 1000; i++) {
		rig_tunnel_host_sends(100);
		rig_tunnel_peer_sends(spi, 100);
		next = rekey(RIG_TUNNEL_SPI + 1 + i);
		remove_sa(true, spi);
		spi = next;
		rig_tunnel_discard();
	}
	atomic_store(&done, true);
	for (unsigned k = 0; k < READERS; k++)
		assert_int_equal(pthread_join(thread[k], NULL), 0);
	assert_carried(i, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_outlive_their_sas, rig_tunnel_set_up,
						rig_tunnel_tear_down),
		cmocka_unit_test_setup_teardown(the_refused_prove_the_peer, rig_tunnel_set_up,
						rig_tunnel_tear_down),
		cmocka_unit_test_setup_teardown(a_new_tunnel_begins_with_nothing, rig_tunnel_set_up,
						rig_tunnel_tear_down),
		cmocka_unit_test_setup_teardown(none_is_lost_beside_readers, rig_tunnel_set_up,
						rig_tunnel_tear_down),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}

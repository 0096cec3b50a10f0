/* Outer fragments: their bounds, their time, their workers. */
#include "rig.h"

#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <string.h>

/* A UDP datagram of len bytes to port 500 from 203.0.113.sender, from `at` on, n bytes of it. */
static void give(unsigned sender, uint16_t id, unsigned at, unsigned n, unsigned len)
{
	uint8_t f[RIG_FRAME], all[4096] = { 0 };
	char from[32];

	snprintf(from, sizeof(from), "203.0.113.%u", sender);
	put_be16(all, 777);
	put_be16(all + 2, 500);
	put_be16(all + 4, (uint16_t)len);
	for (unsigned i = 8; i < len; i++)
		all[i] = (uint8_t)(i * 7);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	rig_ip4(f + 14, from, "198.51.100.1", PROTO_UDP, n);
	put_be16(f + 14 + 4, id);
	put_be16(f + 14 + 6, (uint16_t)((at + n < len ? 0x2000 : 0) | at / 8));
	put16(f + 14 + 10, 0);
	put16(f + 14 + 10, ip4_sum(f + 14, 20));
	memcpy(f + 34, all + at, n);
	rig_give(0, f, 34 + n);
	rig_run();
}

struct heard {
	unsigned n;
	size_t len;
	bool right;
};

static void on_packet(void *ctx, const struct endpoint *l, const struct endpoint *r,
		      const uint8_t *data, size_t len)
{
	struct heard *h = ctx;

	h->n++;
	h->len = len;
	h->right = true;
	for (size_t i = 0; i < len; i++)
		h->right = h->right && data[i] == (uint8_t)((i + 8) * 7);
}

static const struct dataplane_negotiator_ops ops = { .packet = on_packet };

static struct heard hear(void)
{
	struct heard h = { 0 };

	while (dataplane_negotiator_poll(rig_dp, &ops, &h))
		;
	return h;
}

static unsigned waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rig_dp->n_workers; i++)
		n += reassemble_waiting(rig_dp->worker[i]);
	return n;
}

/* All pieces of many datagrams, mixed, through one worker and through three. */
static void mixed(void **state)
{
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	for (unsigned i = 0; i < 30; i++)
		give(1 + i, 5, 800, 400, 1200);
	for (unsigned i = 0; i < 30; i++)
		give(1 + i, 5, 0, 400, 1200);
	assert_int_equal(waiting(), 30);
	assert_int_equal(hear().n, 0);
	for (unsigned i = 0; i < 30; i++) {
		struct heard h;

		give(1 + i, 5, 400, 400, 1200);
		h = hear();
		assert_int_equal(h.n, 1);
		assert_int_equal(h.len, 1192);
		assert_true(h.right);
	}
	assert_int_equal(waiting(), 0);
	assert_int_equal(rig_dropped(DROP_FRAGMENT), 0);
	assert_int_equal(rig_handed_over() > 0, rig_dp->n_workers > 1);
	dataplane_negotiator_unregister(rig_dp);
}

/* A sender fills its own share alone; many senders push out the oldest. */
static void bounded(void **state)
{
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	give(200, 1, 0, 400, 800);
	for (unsigned i = 0; i < 100; i++)
		give(1, (uint16_t)(100 + i), 0, 400, 800);
	assert_int_equal(waiting(), 1 + REASSEMBLE_SENDER);
	assert_int_equal(rig_dropped(DROP_FRAGMENT), 100 - REASSEMBLE_SENDER);
	give(200, 1, 400, 400, 800);
	assert_int_equal(hear().n, 1);
	for (unsigned i = 0; i < 200; i++)
		give(2 + i % 100, (uint16_t)(1 + i), 0, 400, 800);
	assert_int_equal(waiting(), REASSEMBLE_DATAGRAMS);
	/* More pieces than one may have, and more bytes than a buffer holds. */
	for (unsigned i = 0; i <= REASSEMBLE_PIECES; i++)
		give(150, 9, i * 8, 8, 800);
	give(151, 10, 0, 1400, 2800);
	give(151, 10, 1400, 1400, 2800);
	assert_int_equal(rig_dropped(DROP_TOO_BIG), 2);
	assert_int_equal(hear().n, 0);
	assert_int_equal(waiting(), REASSEMBLE_DATAGRAMS - 1);
	dataplane_negotiator_unregister(rig_dp);
}

static void times_out(void **state)
{
	struct worker *w = rig_dp->worker[0];

	give(1, 1, 0, 400, 800);
	give(2, 1, 400, 400, 800);
	assert_int_equal(waiting(), 2);
	w->tsc = rte_rdtsc() + (REASSEMBLE_SECONDS - 1) * rte_get_tsc_hz();
	reassemble_expire(w);
	assert_int_equal(waiting(), 2);
	w->tsc = rte_rdtsc() + (REASSEMBLE_SECONDS + 1) * rte_get_tsc_hz();
	reassemble_expire(w);
	assert_int_equal(waiting(), 0);
	assert_int_equal(rig_dropped(DROP_FRAGMENT_TIME), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mixed, rig_set_up, rig_tear_down),
		{ "mixed, three workers", mixed, rig_set_up_three, rig_tear_down, NULL },
		cmocka_unit_test_setup_teardown(bounded, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(times_out, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("reassemble", tests, NULL, NULL);
}

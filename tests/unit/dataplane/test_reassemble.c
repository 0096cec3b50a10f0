/* Outer fragments: their bounds, their time, their workers. */
#include "rig.h"

#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <string.h>

/* n bytes, from `at` on, of a UDP datagram of len bytes to port 500. */
static void write_part(uint8_t *to, unsigned at, unsigned n, unsigned len)
{
	uint8_t all[20000] = { 0 };

	put_be16(all, 777);
	put_be16(all + 2, 500);
	put_be16(all + 4, (uint16_t)len);
	for (unsigned i = 8; i < len; i++)
		all[i] = (uint8_t)(i * 7);
	memcpy(to, all + at, n);
}

/* Such a part from 203.0.113.sender. */
static void give(unsigned sender, uint16_t id, unsigned at, unsigned n, unsigned len)
{
	uint8_t f[RIG_FRAME];
	char from[32];

	snprintf(from, sizeof(from), "203.0.113.%u", sender);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	rig_ip4(f + 14, from, "198.51.100.1", PROTO_UDP, n);
	put_be16(f + 14 + 4, id);
	put_be16(f + 14 + 6, (uint16_t)((at + n < len ? 0x2000 : 0) | at / 8));
	put16(f + 14 + 10, 0);
	put16(f + 14 + 10, ip4_sum(f + 14, 20));
	write_part(f + 34, at, n, len);
	rig_give(0, f, 34 + n);
	rig_run();
}

/* The same from 2001:db8:9::sender. */
static void give6(unsigned sender, uint32_t id, unsigned at, unsigned n, unsigned len)
{
	struct addr from = rig_addr("2001:db8:9::"), to = rig_addr("2001:db8:1::1");
	uint8_t f[RIG_FRAME] = { 0 }, *ip = f + 14;

	from.b[15] = (uint8_t)sender;
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV6);
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)(FRAGMENT_BYTES + n));
	ip[6] = PROTO_FRAGMENT;
	ip[7] = 64;
	memcpy(ip + 8, from.b, 16);
	memcpy(ip + 24, to.b, 16);
	ip[40] = PROTO_UDP;
	put_be16(ip + 42, (uint16_t)(at | (at + n < len)));
	put_be32(ip + 44, id);
	write_part(ip + 48, at, n, len);
	rig_give(0, f, 14 + 48 + n);
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
	uint64_t before;

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
	/* More pieces than one may have: it is lost, and so is what comes of it later. */
	before = rig_dropped(DROP_FRAGMENT);
	for (unsigned i = 0; i <= REASSEMBLE_PIECES; i++)
		give(150, 9, i * 8, 8, 800);
	give(150, 9, 400, 400, 800);
	assert_int_equal(rig_dropped(DROP_FRAGMENT) - before, 1 + REASSEMBLE_PIECES + 2);
	assert_int_equal(hear().n, 0);
	assert_int_equal(waiting(), REASSEMBLE_DATAGRAMS);
	dataplane_negotiator_unregister(rig_dp);
}

/* A datagram of len bytes in pieces of `step`, in an order that depends on `first`. */
static void give_all(unsigned sender, uint16_t id, unsigned len, unsigned step, unsigned first)
{
	unsigned n = (len + step - 1) / step;

	for (unsigned i = 0; i < n; i++) {
		unsigned at = (i + first) % n * step;

		give(sender, id, at, RTE_MIN(step, len - at), len);
	}
}

/* What a packet buffer does not hold, as far as it may be. */
static void large(void **state)
{
	static const unsigned sizes[] = { 2000, 2800, 9000, REASSEMBLE_BYTES };
	unsigned buffers = rte_mempool_avail_count(rig_dp->large);
	uint16_t id = 1;
	struct heard h;

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		for (unsigned first = 0; first < 3; first++) {
			give_all(1, id++, sizes[i], 1480, first);
			h = hear();
			assert_int_equal(h.n, 1);
			assert_int_equal(h.len, sizes[i] - 8);
			assert_true(h.right);
		}
	}
	assert_int_equal(waiting(), 0);
	assert_int_equal(rte_mempool_avail_count(rig_dp->large), buffers);
	/* One byte more: none of its pieces is kept, whichever comes first. */
	give_all(2, 1, REASSEMBLE_BYTES + 1, 1480, 0);
	assert_int_equal(rig_dropped(DROP_FRAGMENT_LARGE), 11);
	give_all(2, 2, REASSEMBLE_BYTES + 1, 1480, 10);
	assert_int_equal(rig_dropped(DROP_FRAGMENT_LARGE), 22);
	assert_int_equal(hear().n, 0);
	/* Nobody takes them: they wait in the ring, until there is no buffer. */
	for (unsigned i = 0; i <= buffers; i++)
		give_all(3 + i % 100, (uint16_t)(10 + i), 3000, 1480, 0);
	assert_int_equal(rig_dropped(DROP_NO_BUFFER), 3);
	h = hear();
	assert_int_equal(h.n, buffers);
	assert_int_equal(rte_mempool_avail_count(rig_dp->large), buffers);
	dataplane_negotiator_unregister(rig_dp);
}

/* The n-th order of six things. */
static void order(unsigned n, unsigned of[6])
{
	unsigned left[6] = { 0, 1, 2, 3, 4, 5 };

	for (unsigned i = 0; i < 6; i++) {
		unsigned k = n % (6 - i);

		n /= 6 - i;
		of[i] = left[k];
		left[k] = left[5 - i];
	}
}

/* An IKE_SA_INIT of 3,044 bytes on a way with an MTU of 576, whose six pieces come in all orders;
 * and with odd sizes. */
static void every_order(void **state)
{
	static const struct {
		unsigned each, len;
	} cut[] = { { 552, 3052 }, { 552, 2761 }, { 528, 3168 }, { 8, 41 } };

	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	for (unsigned n = 0; n < 720; n++) {
		for (unsigned c = 0; c < 2 * RTE_DIM(cut); c++) {
			unsigned of[6], each = cut[c / 2].each, len = cut[c / 2].len;
			struct heard h;

			order(n, of);
			for (unsigned i = 0; i < 6; i++) {
				unsigned at = of[i] * each, bytes = RTE_MIN(each, len - at);

				if (c % 2)
					give6(1, n, at, bytes, len);
				else
					give(1, (uint16_t)n, at, bytes, len);
			}
			h = hear();
			assert_int_equal(h.n, 1);
			assert_int_equal(h.len, len - 8);
			assert_true(h.right);
		}
	}
	assert_int_equal(waiting(), 0);
	dataplane_negotiator_unregister(rig_dp);
}

/* Waiting pieces leave most buffers to others: the oldest datagram makes room. */
static void pieces_of_all(void **state)
{
	struct worker *w = rig_dp->worker[0];

	reassembly_free(w->reassembly);
	w->reassembly = reassembly_new(rig_dp->large, 40, SOCKET_ID_ANY);
	for (unsigned s = 1; s <= 11; s++) {
		for (unsigned i = 0; i < 4; i++)
			give(s, 1, i * 16, 8, 800);
	}
	assert_int_equal(rig_dropped(DROP_FRAGMENT), 4);
	assert_int_equal(waiting(), 10);
	/* One alone fills it. */
	w->tsc = rte_rdtsc() + (REASSEMBLE_SECONDS + 1) * rte_get_tsc_hz();
	reassemble_expire(w);
	reassembly_free(w->reassembly);
	w->reassembly = reassembly_new(rig_dp->large, 4, SOCKET_ID_ANY);
	for (unsigned i = 0; i < 5; i++)
		give(100, 1, i * 16, 8, 800);
	assert_int_equal(rig_dropped(DROP_FRAGMENT), 4 + 5);
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
		cmocka_unit_test_setup_teardown(large, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(every_order, rig_set_up, rig_tear_down),
		{ "every_order, three workers", every_order, rig_set_up_three, rig_tear_down,
		  NULL },
		cmocka_unit_test_setup_teardown(pieces_of_all, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(times_out, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("reassemble", tests, NULL, NULL);
}

/* What the negotiator sends: datagrams of any size, whole or in IP fragments. */
#include "rig.h"

#include "dataplane/neighbour.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <errno.h>
#include <string.h>

static uint8_t sent[20000];

static struct endpoint local, remote;

/* From port 1's address to a neighbour there that is known. */
static void talk(bool v6)
{
	local = (struct endpoint){ rig_addr(v6 ? "2001:db8:2::1" : "192.0.2.1"), 500 };
	remote = (struct endpoint){ rig_addr(v6 ? "2001:db8:2::33" : "192.0.2.33"), 777 };
	neighbours_heard(rig_dp->neighbours, rig_dp->now, 1, &remote.addr, rig_peer_mac, true);
	for (unsigned i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 256);
}

/* The datagram that the frames which left are pieces of, none larger than mtu: UDP's header and
 * what follows, in order. Returns how many there were. */
static unsigned collect(uint8_t *to, unsigned mtu, unsigned *len)
{
	uint8_t f[RIG_FRAME], *ip = f + 14, id[4] = { 0 };
	unsigned frame, n = 0, head, bytes;
	bool more = true;

	for (*len = 0; (frame = rig_take(1, f)) != 0; n++) {
		assert_true(more);
		assert_in_range(frame, 14 + IP4_BYTES + 1, 14 + mtu);
		if (ip[0] == 0x45) {
			head = 20;
			more = ip[6] & 0x20;
			assert_false(ip[6] & 0x40);
			assert_true(ip4_sum_ok(ip, 20));
			assert_int_equal(get_be16(ip + 2), frame - 14);
			assert_int_equal(ip[9], PROTO_UDP);
			assert_int_equal((get_be16(ip + 6) & 0x1fff) * 8, *len);
			if (n)
				assert_memory_equal(id, ip + 4, 2);
			memcpy(id, ip + 4, 2);
		} else {
			head = 48;
			more = ip[43] & 1;
			assert_int_equal(get_be16(ip + 4), frame - 54);
			assert_int_equal(ip[6], PROTO_FRAGMENT);
			assert_int_equal(ip[40], PROTO_UDP);
			assert_int_equal(get_be16(ip + 42) & 0xfff8, *len);
			if (n)
				assert_memory_equal(id, ip + 44, 4);
			memcpy(id, ip + 44, 4);
		}
		bytes = frame - 14 - head;
		assert_true(!more || bytes % 8 == 0);
		memcpy(to + *len, ip + head, bytes);
		*len += bytes;
	}
	assert_false(more);
	return n;
}

/* The same as the peer will see it, checksum and all. */
static void check(const uint8_t *udp, unsigned len, unsigned data)
{
	uint8_t ip[IP6_BYTES] = { 0 }, copy[20000];
	bool v4 = local.addr.family == ADDR_IPV4;

	assert_int_equal(len, UDP_BYTES + data);
	assert_int_equal(get_be16(udp), 500);
	assert_int_equal(get_be16(udp + 2), 777);
	assert_int_equal(get_be16(udp + 4), len);
	assert_memory_equal(udp + UDP_BYTES, sent, data);
	ip[0] = v4 ? 0x45 : 0x60;
	memcpy(ip + (v4 ? 12 : 8), local.addr.b, addr_bytes(&local.addr));
	memcpy(ip + (v4 ? 16 : 24), remote.addr.b, addr_bytes(&remote.addr));
	memcpy(copy, udp, len);
	put16(copy + 6, 0);
	assert_int_equal(get16(udp + 6), packet_udp_sum(ip, copy, len));
}

static void large_ones_are_cut(void **state)
{
	static const struct {
		bool v6;
		unsigned mtu, data, pieces;
	} row[] = {
		{ false, 1500, 1473, 2 }, { false, 1500, 3044, 3 },  { false, 576, 549, 2 },
		{ false, 576, 3044, 6 },  { false, 576, 15992, 29 }, { true, 1500, 1453, 2 },
		{ true, 1500, 3044, 3 },  { true, 1280, 1233, 2 },   { true, 1280, 15992, 13 },
		{ true, 576, 3044, 3 }, /* another port's MTU */
	};
	unsigned buffers = rte_mempool_avail_count(rig_dp->large), len;
	uint8_t udp[20000];

	rig_resolve_next_hop();
	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		talk(row[i].v6);
		rig_dp->mtu = (uint16_t)row[i].mtu;
		assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, row[i].data), 0);
		rig_run();
		assert_int_equal(
			collect(udp, row[i].v6 ? RTE_MAX(row[i].mtu, 1280u) : row[i].mtu, &len),
			row[i].pieces);
		check(udp, len, row[i].data);
	}
	assert_int_equal(rte_mempool_avail_count(rig_dp->large), buffers);
	assert_int_equal(rte_mempool_in_use_count(rig_dp->pool), 0);
}

/* One that fits exactly is no fragment. */
static void whole_ones_are_not(void **state)
{
	uint8_t f[RIG_FRAME];

	talk(false);
	assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, 1472), 0);
	rig_run();
	assert_int_equal(rig_take(1, f), 1514);
	assert_int_equal(get_be16(f + 14 + 6), 0x4000);
	check(f + 34, 1480, 1472);
	talk(true);
	assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, 1452), 0);
	rig_run();
	assert_int_equal(rig_take(1, f), 1514);
	assert_int_equal(f[20], PROTO_UDP);
	check(f + 54, 1460, 1452);
}

/* Nothing of what cannot go whole goes at all. */
static void none_or_all(void **state)
{
	const struct rte_ring *r = rig_dp->worker[0]->inject[INJECT_NEGOTIATOR];
	uint8_t f[RIG_FRAME];
	unsigned n = 0;

	rig_resolve_next_hop();
	talk(false);
	assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, REASSEMBLE_BYTES - 7),
			 -EMSGSIZE);
	while (rte_ring_free_count(r) >= 3) { /* the workers stand still */
		assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, 3044), 0);
		n += 3;
	}
	assert_int_equal(dataplane_send_udp(rig_dp, &local, &remote, sent, 3044), -EAGAIN);
	rig_run();
	while (rig_take(1, f))
		n--;
	assert_int_equal(n, rig_dropped(DROP_TX_FULL)); /* the wire is short */
	assert_int_equal(rte_mempool_in_use_count(rig_dp->pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(large_ones_are_cut, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(whole_ones_are_not, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(none_or_all, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}

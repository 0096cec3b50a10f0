/* Frames that must be dropped, each with its reason; and any garbage, which must leak nothing. */
#include "rig.h"

#include "dataplane/packet.h"
#include "dataplane/reassemble.h"

#include <rte_cycles.h>
#include <rte_mempool.h>

#include <string.h>

/* A whole and valid frame to start from: UDP from a peer to port 0. */
static unsigned udp_frame(uint8_t *f, uint16_t port, const uint8_t *data, unsigned len)
{
	uint8_t *udp;

	memset(f, 0, RIG_FRAME);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	udp = f + 14 + rig_ip4(f + 14, "203.0.113.5", "198.51.100.1", PROTO_UDP, UDP_BYTES + len);
	put_be16(udp, 4500);
	put_be16(udp + 2, port);
	put_be16(udp + 4, (uint16_t)(UDP_BYTES + len));
	memcpy(udp + 8, data, len);
	return 14 + 20 + 8 + len;
}

static unsigned ip_frame(uint8_t *f, uint8_t proto, const uint8_t *data, unsigned len)
{
	memset(f, 0, RIG_FRAME);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	rig_ip4(f + 14, "203.0.113.5", "198.51.100.1", proto, len);
	memcpy(f + 34, data, len);
	return 34 + len;
}

static void resum(uint8_t *f)
{
	put16(f + 24, 0);
	put16(f + 24, ip4_sum(f + 14, 20));
}

static const uint8_t esp[64] = { 0, 8, 0, 1, 0, 0, 0, 1 };
static const uint8_t vxlan[40] = { 8, 0, 0, 0, 0, 0, 77, 0 };
static const uint8_t keepalive[1] = { 0xff };

static unsigned make_short(uint8_t *f)
{
	udp_frame(f, 500, esp, 32);
	return 13;
}
static unsigned make_ip_version(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	f[14] = 0x55;
	return n;
}
static unsigned make_ip_head(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	f[14] = 0x44;
	return n;
}
static unsigned make_ip_length(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	put_be16(f + 16, (uint16_t)(n - 14 + 1));
	resum(f);
	return n;
}
static unsigned make_ip_sum(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	f[24]++;
	return n;
}
static unsigned make_options(uint8_t *f) /* a header of 24 bytes in a packet of 20 */
{
	udp_frame(f, 500, esp, 0);
	f[14] = 0x46;
	put_be16(f + 16, 20);
	resum(f);
	return 60;
}
static unsigned make_udp_length(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	put_be16(f + 38, 8 + 33);
	return n;
}
static unsigned make_udp_length_7(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 32);

	put_be16(f + 38, 7);
	return n;
}
static unsigned make_first_fragment(uint8_t *f)
{
	unsigned n = udp_frame(f, 4500, esp, 33); /* not a multiple of 8 */

	f[20] = 0x20;
	resum(f);
	return n;
}
static unsigned make_last_fragment(uint8_t *f)
{
	unsigned n = ip_frame(f, PROTO_ICMP, esp, 32); /* nobody needs them */

	f[21] = 9;
	resum(f);
	return n;
}
static unsigned make_tcp(uint8_t *f)
{
	return ip_frame(f, PROTO_TCP, esp, 40);
}
static unsigned make_dns(uint8_t *f)
{
	return udp_frame(f, 53, esp, 40);
}
static unsigned make_foreign_mac(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 40);

	f[0] = 2;
	return n;
}
static unsigned make_broadcast(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 40);

	memcpy(f, rig_broadcast, 6);
	return n;
}
static unsigned make_foreign_ip(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 40);

	f[33] = 77;
	resum(f);
	return n;
}
static unsigned make_ethertype(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 40);

	put_be16(f + 12, 0x88cc);
	return n;
}
static unsigned make_vni(uint8_t *f)
{
	return udp_frame(f, 4789, vxlan, 40);
}
static unsigned make_vxlan_flags(uint8_t *f)
{
	unsigned n = udp_frame(f, 4789, vxlan, 40);

	f[42] = 0;
	return n;
}
static unsigned make_vxlan_short(uint8_t *f)
{
	return udp_frame(f, 4789, vxlan, 21);
}
static unsigned make_vlan(uint8_t *f)
{
	unsigned n = udp_frame(f, 500, esp, 40);

	put_be16(f + 12, ETHERTYPE_VLAN);
	return n;
}
static unsigned make_vlan_short(uint8_t *f)
{
	udp_frame(f, 500, esp, 40);
	put_be16(f + 12, ETHERTYPE_VLAN);
	return 17;
}
static unsigned make_two_tags(uint8_t *f)
{
	make_vlan(f);
	put_be16(f + 14, 5);
	put_be16(f + 16, ETHERTYPE_VLAN);
	return 60;
}
static unsigned make_two_tags_no_vlan(uint8_t *f)
{
	make_two_tags(f);
	put_be16(f + 14, 0);
	return 60;
}
static unsigned make_service_tag(uint8_t *f)
{
	make_vlan(f);
	put_be16(f + 12, ETHERTYPE_QINQ);
	return 60;
}
static unsigned make_spi(uint8_t *f)
{
	return ip_frame(f, PROTO_ESP, esp, 64);
}
static unsigned make_spi_owner(uint8_t *f)
{
	unsigned n = ip_frame(f, PROTO_ESP, esp, 64);

	put_be32(f + 34, 0xffffffff);
	return n;
}
static unsigned make_spi_udp(uint8_t *f)
{
	return udp_frame(f, 4500, esp, 64);
}
static unsigned make_esp_short(uint8_t *f)
{
	return ip_frame(f, PROTO_ESP, esp, 7);
}
static unsigned make_natt_short(uint8_t *f)
{
	return udp_frame(f, 4500, esp, 3);
}
static unsigned make_keepalive(uint8_t *f)
{
	return udp_frame(f, 4500, keepalive, 1);
}
static unsigned make_arp_short(uint8_t *f)
{
	rig_arp(f, 1, rig_peer_mac, "198.51.100.9", "198.51.100.1");
	return 41;
}

static const struct {
	const char *what;
	unsigned (*make)(uint8_t *f);
	int reason; /* -1: silently */
} rows[] = {
	{ "13 bytes", make_short, DROP_MALFORMED },
	{ "IP version 5", make_ip_version, DROP_MALFORMED },
	{ "IP header of 16 bytes", make_ip_head, DROP_MALFORMED },
	{ "IP length beyond the frame", make_ip_length, DROP_MALFORMED },
	{ "IP checksum", make_ip_sum, DROP_MALFORMED },
	{ "IP options beyond the packet", make_options, DROP_MALFORMED },
	{ "UDP length beyond the packet", make_udp_length, DROP_MALFORMED },
	{ "UDP length 7", make_udp_length_7, DROP_MALFORMED },
	{ "first fragment, odd", make_first_fragment, DROP_FRAGMENT },
	{ "last fragment of ICMP", make_last_fragment, DROP_FRAGMENT },
	{ "TCP to us", make_tcp, DROP_NO_PROTOCOL },
	{ "DNS to us", make_dns, DROP_NO_PROTOCOL },
	{ "other MAC address", make_foreign_mac, DROP_NOT_FOR_US },
	{ "broadcast IP", make_broadcast, DROP_NOT_FOR_US },
	{ "other IP address", make_foreign_ip, DROP_NOT_FOR_US },
	{ "LLDP", make_ethertype, DROP_NO_PROTOCOL },
	{ "unknown VNI", make_vni, DROP_NO_VNI },
	{ "VXLAN without VNI", make_vxlan_flags, DROP_MALFORMED },
	{ "VXLAN without a frame", make_vxlan_short, DROP_MALFORMED },
	{ "unknown VLAN", make_vlan, DROP_NO_VNI },
	{ "VLAN tag cut", make_vlan_short, DROP_MALFORMED },
	{ "two VLAN tags", make_two_tags, DROP_QINQ },
	{ "two tags, the first without a VLAN", make_two_tags_no_vlan, DROP_QINQ },
	{ "a service provider's tag", make_service_tag, DROP_QINQ },
	{ "unknown SPI", make_spi, DROP_NO_SA },
	{ "SPI of a worker we lack", make_spi_owner, DROP_NO_SA },
	{ "unknown SPI in UDP", make_spi_udp, DROP_NO_SA },
	{ "7 bytes of ESP", make_esp_short, DROP_MALFORMED },
	{ "3 bytes in UDP 4500", make_natt_short, DROP_MALFORMED },
	{ "NAT keepalive", make_keepalive, -1 },
	{ "ARP cut", make_arp_short, DROP_MALFORMED },
};

static uint64_t all_dropped(void)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		sum += rig_dropped(r);
	return sum;
}

static void each_has_its_reason(void **state)
{
	uint8_t f[RIG_FRAME];

	rig_resolve_next_hop();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t all = all_dropped();
		uint64_t before = rows[i].reason < 0 ? 0 : rig_dropped(rows[i].reason);
		unsigned len = rows[i].make(f);

		rig_give(0, f, len);
		rig_run();
		if (all_dropped() - all != (rows[i].reason >= 0) ||
		    (rows[i].reason >= 0 && rig_dropped(rows[i].reason) != before + 1))
			fail_msg("%s", rows[i].what);
		assert_int_equal(rig_take(0, f), 0);
		assert_int_equal(rte_mempool_in_use_count(rig_frames), 0);
	}
}

/* SPIs that somebody made up end where they came in, whoever would own them. */
static void made_up_spis_are_not_handed_over(void **state)
{
	uint8_t f[RIG_FRAME];

	rig_resolve_next_hop();
	for (uint32_t owner = 0; owner < 3; owner++) {
		for (uint32_t slot = 0; slot < 20; slot++) {
			unsigned n = ip_frame(f, PROTO_ESP, esp, 64);

			put_be32(f + 34, spi_make(1 + slot, owner, slot));
			rig_give(0, f, n);
		}
	}
	rig_run();
	assert_int_equal(rig_dropped(DROP_NO_SA), 60);
	assert_int_equal(rig_handed_over(), 0);
}

static unsigned make_echo(uint8_t *f, unsigned bytes)
{
	uint8_t *icmp = f + 14;

	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	icmp += rig_ip4(icmp, "203.0.113.5", "198.51.100.1", PROTO_ICMP, bytes);
	for (unsigned i = 0; i < bytes; i++)
		icmp[i] = (uint8_t)i;
	put_be16(icmp, 8 << 8);
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, bytes)));
	return 14 + 20 + bytes;
}

static void answered(unsigned bytes)
{
	uint8_t f[RIG_FRAME];

	assert_int_equal(rig_take(0, f), 14 + 20 + bytes);
	assert_int_equal(f[34], 0);
	assert_int_equal(sum_fold(sum_bytes(f + 34, bytes)), 0xffff);
	for (unsigned i = 4; i < bytes; i++)
		assert_int_equal(f[34 + i], (uint8_t)i);
}

/* A tag with a priority and VLAN 0 says nothing about the network (IEEE 802.1Q §9.6). */
static void a_priority_is_no_vlan(void **state)
{
	uint8_t f[RIG_FRAME], plain[RIG_FRAME];
	unsigned n;

	rig_resolve_next_hop();
	n = make_echo(plain, 40);
	memcpy(f, plain, 12);
	put_be16(f + 12, ETHERTYPE_VLAN);
	put_be16(f + 14, 5 << 13);
	memcpy(f + 16, plain + 12, n - 12);
	rig_give(0, f, n + 4);
	rig_run();
	answered(40);
	/* ARP as well */
	n = rig_arp(plain, 1, rig_peer_mac, "198.51.100.9", "198.51.100.1");
	memcpy(f, plain, 12);
	memcpy(f + 16, plain + 12, n - 12);
	rig_give(0, f, n + 4);
	rig_run();
	assert_int_equal(rig_take(0, f), 42);
}

/* A port that takes tags off leaves the inner one of two: who is in one VLAN comes into no other.
 */
static void tags_that_the_port_took_off(void **state)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VLAN,
					   .vlan_id = 7,
					   .mac = { 2, 7, 7, 7, 7, 7 },
					   .n_addresses = 1,
					   .address = { rig_prefix("10.7.0.1/16") } };
	static const struct {
		const char *what;
		uint16_t taken, left; /* tags; left 0: none */
		bool answered;
	} tags[] = { { "its VLAN", 7, 0, true },
		     { "another one around it", 5, 7, false },
		     { "a priority around it", 5 << 13, 7, false },
		     { "it around another one", 7, 5, false },
		     { "it around a priority", 7, 5 << 13, false } };
	uint8_t f[RIG_FRAME], plain[RIG_FRAME];
	uint32_t interface;

	assert_int_equal(dataplane_table_add(rig_dp, &at.table), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	rig_resolve_next_hop();
	rig_arp(plain, 1, rig_peer_mac, "10.7.0.9", "10.7.0.1");
	memcpy(plain, at.mac, 6);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(rig_frames);
		unsigned tag = tags[i].left ? 4 : 0, dropped = (unsigned)rig_dropped(DROP_QINQ);

		memcpy(f, plain, 12);
		put_be16(f + 12, ETHERTYPE_VLAN);
		put_be16(f + 14, tags[i].left);
		memcpy(f + 12 + tag, plain + 12, 30);
		memcpy(rte_pktmbuf_append(m, (uint16_t)(42 + tag)), f, 42 + tag);
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = tags[i].taken;
		rig_give_mbuf(0, m);
		rig_run();
		if (rig_take(0, f) != (tags[i].answered ? 46 : 0) ||
		    rig_dropped(DROP_QINQ) != dropped + !tags[i].answered)
			fail_msg("%s", tags[i].what);
	}
}

/* The frame in segments of `each` bytes. */
static void give_pieces(const uint8_t *frame, unsigned len, unsigned each)
{
	struct rte_mbuf *first = NULL, *m;

	for (unsigned at = 0; at < len; at += each) {
		unsigned n = RTE_MIN(each, len - at);

		m = rte_pktmbuf_alloc(rig_frames);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		if (!first)
			first = m;
		else
			assert_int_equal(rte_pktmbuf_chain(first, m), 0);
	}
	rig_give_mbuf(0, first);
	rig_run();
}

static void frames_in_pieces(void **state)
{
	static uint8_t f[9200];
	unsigned n;

	rig_resolve_next_hop();
	n = make_echo(f, 1400);
	give_pieces(f, n, 700);
	answered(1400);
	give_pieces(f, n, 1434 - 14 - 20);
	answered(1400);
	give_pieces(f, n, 41); /* 35 of them; the first ends inside ICMP's header */
	answered(1400);
	give_pieces(f, n, 7);
	answered(1400);
	/* More than any port's MTU. */
	give_pieces(f, sizeof(f), 1500);
	assert_int_equal(rig_dropped(DROP_TOO_BIG), 1);
	assert_int_equal(rte_mempool_in_use_count(rig_frames), 0);
}

static uint32_t dice(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void ignore_packet(void *ctx, const struct endpoint *l, const struct endpoint *r,
			  const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	while (len)
		sum = (uint8_t)(sum + data[--len]); /* every byte is there */
	*(uint8_t *)ctx = sum;
}

static void never(void *ctx, uint32_t tunnel, uint32_t spi)
{
	fail();
}

static void never_either(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
	fail();
}

static const struct dataplane_negotiator_ops ops = { .packet = ignore_packet,
						     .sa_used = never,
						     .sa_soft_limit = never_either,
						     .sa_hard_limit = never_either };

/* Real frames cut anywhere and with bytes changed anywhere, on both ports. */
static void garbage_leaks_nothing(void **state)
{
	struct dataplane_attachment at = {
		.encap = CONF_ENCAP_VXLAN,
		.vni = 77,
		.mac = { 2, 1, 1, 1, 1, 1 },
		.local_vtep = rig_addr("198.51.100.1"),
		.remote_vtep = rig_addr("203.0.113.5"),
		.n_addresses = 2,
		.address = { rig_prefix("10.1.0.1/16"), rig_prefix("fd00:1::1/64") },
	};
	uint8_t f[RIG_FRAME], byte;
	uint32_t interface;

	assert_int_equal(dataplane_table_add(rig_dp, &at.table), 0);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	rig_resolve_next_hop();
	for (unsigned i = 0; i < 20000; i++) {
		unsigned len = rows[dice() % ARRAY_LEN(rows)].make(f), flips = dice() % 6;

		if (i % 7 == 0) { /* a frame inside VXLAN */
			memcpy(f + 50, at.mac, 6);
			put_be16(f + 62, dice() & 1 ? ETHERTYPE_IPV6 : ETHERTYPE_ARP);
			len = RTE_MAX(len, 120u);
		}
		if (dice() & 1)
			len = 1 + dice() % len;
		while (flips--)
			f[dice() % len] = (uint8_t)dice();
		if ((dice() & 3) && len >= 34 && f[14] == 0x45)
			resum(f);
		rig_give(dice() & 1, f, len);
		if (i % 16 == 0) {
			rig_now += 3000;
			rig_run();
			while (dataplane_negotiator_poll(rig_dp, &ops, &byte))
				;
			while (rig_take(0, f) || rig_take(1, f))
				;
		}
	}
	rig_now += 10000000;
	rig_run();
	rig_now += 10000000;
	rig_run();
	while (dataplane_negotiator_poll(rig_dp, &ops, &byte))
		;
	while (rig_take(0, f) || rig_take(1, f))
		;
	rig_dp->worker[0]->tsc += (REASSEMBLE_SECONDS + 1) * rte_get_tsc_hz();
	reassemble_expire(rig_dp->worker[0]);
	assert_int_equal(rte_mempool_in_use_count(rig_frames), 0);
	assert_int_equal(rte_mempool_in_use_count(rig_dp->pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_has_its_reason, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(made_up_spis_are_not_handed_over, rig_set_up_three,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(a_priority_is_no_vlan, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(tags_that_the_port_took_off, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(frames_in_pieces, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(garbage_leaks_nothing, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}

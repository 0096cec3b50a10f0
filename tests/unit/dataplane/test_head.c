/* Heads, ARP, neighbour discovery, echo and checksums: bytes against the standards' layouts. */
#include "tests/unit/unit.h"

#include "dataplane/arp.h"
#include "dataplane/echo.h"
#include "dataplane/head.h"
#include "dataplane/nd.h"
#include "dataplane/packet.h"

#include <errno.h>
#include <string.h>

static struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(&a, s));
	return a;
}

static const uint8_t peer[6] = { 2, 9, 9, 9, 9, 9 };

static struct interface interface(enum interface_kind kind)
{
	return (struct interface){
		.index = 3,
		.kind = (uint8_t)kind,
		.mac = { 2, 1, 1, 1, 1, 1 },
		.port = 4,
		.mtu = 1500,
		.vlan_id = 0x123,
		.vni = 0xabcdef,
		.local_vtep = addr("192.0.2.1"),
		.remote_vtep = addr("192.0.2.2"),
	};
}

static void ethernet_and_vlan(void **state)
{
	static const uint8_t plain[] = { 2, 9, 9, 9, 9, 9, 2, 1, 1, 1, 1, 1, 0x08, 0 };
	static const uint8_t tagged[] = { 2, 9, 9, 9,	 9, 9, 2,    1,	   1,
					  1, 1, 1, 0x81, 0, 1, 0x23, 0x86, 0xdd };
	struct interface i = interface(INTERFACE_PORT);
	struct neighbour n;

	head_ether(&n, &i, peer, ADDR_IPV4);
	assert_int_equal(n.len, sizeof(plain));
	assert_memory_equal(n.head, plain, sizeof(plain));
	assert_int_equal(n.kind, NEIGHBOUR_ETHER);
	assert_int_equal(n.port, 4);
	assert_int_equal(n.mtu, 1500);
	i.kind = INTERFACE_VLAN;
	head_ether(&n, &i, peer, ADDR_IPV6);
	assert_int_equal(n.len, sizeof(tagged));
	assert_memory_equal(n.head, tagged, sizeof(tagged));
	assert_int_equal(n.kind, NEIGHBOUR_VLAN);
}

static void vxlan(void **state)
{
	static const uint8_t udp_vxlan[] = { 0, 0, 0x12, 0xb5, 0,    0,	   0,	 0,
					     8, 0, 0,	 0,    0xab, 0xcd, 0xef, 0 };
	struct interface port = interface(INTERFACE_PORT), i = interface(INTERFACE_VXLAN);
	struct neighbour under, n;
	uint8_t ip[20];

	head_ether(&under, &port, peer, ADDR_IPV4);
	under.port = 6;
	assert_int_equal(
		head_vxlan(&n, &i, &i.remote_vtep, (const uint8_t[6]){ 2, 7 }, ADDR_IPV4, &under),
		0);
	assert_int_equal(n.len, 64);
	assert_int_equal(n.port, 6); /* where the underlay is */
	assert_int_equal(n.interface, 3);
	assert_int_equal(n.mtu, 1450);
	assert_memory_equal(n.head, under.head, 14);
	assert_memory_equal(n.head + 14 + 12, addr("192.0.2.1").b, 4);
	assert_memory_equal(n.head + 14 + 16, addr("192.0.2.2").b, 4);
	assert_memory_equal(n.head + 34, udp_vxlan, sizeof(udp_vxlan));
	assert_memory_equal(n.head + 50, ((const uint8_t[]){ 2, 7, 0, 0, 0, 0, 2, 1 }), 8);

	/* The sum plus a length is the sum of the header with that length. */
	memcpy(ip, n.head + 14, 20);
	put_be16(ip + 2, 1234);
	put16(ip + 10, (uint16_t)~sum_fold((uint64_t)n.ip_sum + rte_cpu_to_be_16(1234)));
	assert_true(ip4_sum_ok(ip, 20));

	i.mtu = 1400; /* the operator's, smaller than what fits */
	assert_int_equal(head_vxlan(&n, &i, &i.remote_vtep, peer, ADDR_IPV6, &under), 0);
	assert_int_equal(n.mtu, 1400);
	i.local_vtep = addr("2001:db8::1");
	i.remote_vtep = addr("2001:db8::2");
	assert_int_equal(head_vxlan(&n, &i, &i.remote_vtep, peer, ADDR_IPV6, &under), 0);
	assert_int_equal(n.len, 84);
	assert_int_equal(n.kind, NEIGHBOUR_VXLAN6);
	under.mtu = 80;
	assert_int_equal(head_vxlan(&n, &i, &i.remote_vtep, peer, ADDR_IPV6, &under), -EMSGSIZE);
}

static void arp(void **state)
{
	struct arp a = { .request = true, .sender = addr("10.0.0.1"), .target = addr("10.0.0.2") };
	struct arp b;
	uint8_t p[ARP_BYTES];

	memcpy(a.sender_mac, peer, 6);
	arp_write(p, &a, (const uint8_t[6]){ 0 });
	assert_true(arp_read(&b, p, sizeof(p)));
	assert_true(b.request);
	assert_true(addr_equal(&a.sender, &b.sender) && addr_equal(&a.target, &b.target));
	assert_memory_equal(b.sender_mac, peer, 6);
	for (unsigned n = 0; n < ARP_BYTES; n++)
		assert_false(arp_read(&b, p, n));
	for (unsigned at = 0; at < 8; at++) { /* another hardware, protocol, size or operation */
		p[at] ^= 0x40;
		assert_false(arp_read(&b, p, sizeof(p)));
		p[at] ^= 0x40;
	}
}

static void neighbour_discovery(void **state)
{
	struct nd a = { .solicitation = true,
			.has_mac = true,
			.src = addr("fd00::1"),
			.target = addr("fd00::12:3456") };
	uint8_t p[ND_BYTES + 8], mac[6];
	struct nd b;

	a.dst = nd_solicited_node(&a.target);
	assert_true(addr_equal(&a.dst, (struct addr[]){ addr("ff02::1:ff12:3456") }));
	nd_multicast_mac(mac, &a.dst);
	assert_memory_equal(mac, ((const uint8_t[]){ 0x33, 0x33, 0xff, 0x12, 0x34, 0x56 }), 6);
	memcpy(a.mac, peer, 6);
	nd_write(p, &a);
	assert_true(nd_read(&b, p, ND_BYTES + 8)); /* Ethernet may pad */
	assert_true(b.solicitation && b.has_mac);
	assert_memory_equal(b.mac, peer, 6);
	assert_true(addr_equal(&a.target, &b.target));
	for (unsigned n = 0; n < ND_BYTES; n++)
		assert_false(nd_read(&b, p, n));
	p[7] = 254; /* came through a router */
	assert_false(nd_read(&b, p, ND_BYTES));
	p[7] = 255;
	p[60] ^= 1; /* checksum */
	assert_false(nd_read(&b, p, ND_BYTES));
	p[60] ^= 1;
	p[65] = 0; /* an option without length */
	assert_false(nd_read(&b, p, ND_BYTES));

	a.solicitation = false;
	a.solicited = true;
	a.dst = addr("fd00::2");
	nd_write(p, &a);
	assert_true(nd_read(&b, p, ND_BYTES));
	assert_true(!b.solicitation && b.solicited && b.has_mac && !b.override);
	a.override = true;
	nd_write(p, &a);
	assert_true(nd_read(&b, p, ND_BYTES) && b.override);
}

/* RFC 4861 §7.1.1 and §7.1.2, and addresses that nobody can have. */
static void invalid_discovery(void **state)
{
	static const struct {
		const char *what;
		const char *src, *dst, *target;
		bool solicitation, solicited, group, valid;
	} rows[] = {
		{ "an answer", "fd00::9", "fd00::1", "fd00::9", false, true, false, true },
		{ "to all", "fd00::9", "ff02::1", "fd00::9", false, false, false, true },
		{ "an answer to all", "fd00::9", "ff02::1", "fd00::9", false, true, false, false },
		{ "of a group", "fd00::9", "fd00::1", "ff02::9", false, true, false, false },
		{ "by a group", "ff02::9", "fd00::1", "fd00::9", false, true, false, false },
		{ "to a group's MAC", "fd00::9", "fd00::1", "fd00::9", false, true, true, false },
		{ "asked", "fd00::9", "ff02::1:ff00:1", "fd00::1", true, false, false, true },
		{ "for a group's MAC", "fd00::9", "fd00::1", "fd00::1", true, false, true, false },
		{ "by nobody with a MAC", "::", "ff02::1:ff00:1", "fd00::1", true, false, false,
		  false },
	};
	uint8_t p[ND_BYTES];
	struct nd b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nd a = { .solicitation = rows[i].solicitation,
				.solicited = rows[i].solicited,
				.src = addr(rows[i].src),
				.dst = addr(rows[i].dst),
				.target = addr(rows[i].target),
				.mac = { rows[i].group ? 0x33 : 2, 0x33 } };

		nd_write(p, &a);
		if (nd_read(&b, p, ND_BYTES) != rows[i].valid)
			fail_msg("%s", rows[i].what);
	}
	/* Who has no address asks the group that its address would have, without an option. */
	for (unsigned i = 0; i < 2; i++) {
		struct nd a = { .solicitation = true,
				.src = addr("::"),
				.dst = addr(i ? "fd00::1" : "ff02::1:ff00:1"),
				.target = addr("fd00::1") };

		nd_write(p, &a);
		put_be16(p + 4, ND_BYTES - 40 - 8);
		put16(p + 42, 0);
		put16(p + 42, icmp6_sum(p, p + 40, ND_BYTES - 40 - 8));
		assert_int_equal(nd_read(&b, p, ND_BYTES), i == 0);
	}
}

static void echo(void **state)
{
	uint8_t p[84] = { 0x45, 0, 0,  84, 0, 1, 0x40, 0, 3, PROTO_ICMP,
			  0,	0, 10, 0,  0, 1, 10,   0, 0, 2 };
	uint8_t before[84];

	p[20] = 8;
	for (unsigned i = 24; i < 84; i++)
		p[i] = (uint8_t)i;
	put16(p + 22, (uint16_t)~sum_fold(sum_bytes(p + 20, 64)));
	put16(p + 10, ip4_sum(p, 20));
	memcpy(before, p, 84);
	assert_true(echo_reply(p, 84));
	assert_true(ip4_sum_ok(p, 20));
	assert_int_equal(sum_fold(sum_bytes(p + 20, 64)), 0xffff);
	assert_int_equal(p[20], 0);
	assert_int_equal(p[8], 64);
	assert_memory_equal(p + 12, before + 16, 4);
	assert_memory_equal(p + 16, before + 12, 4);
	assert_memory_equal(p + 24, before + 24, 60);
	assert_false(echo_reply(p, 84)); /* a reply is not answered */
	memcpy(p, before, 84);
	p[30] ^= 1;
	assert_false(echo_reply(p, 84));
}

static void checksums(void **state)
{
	/* RFC 1071 §3's example, and an update of one word against the whole sum. */
	static const uint8_t words[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t ip[20] = { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	assert_int_equal(rte_be_to_cpu_16(sum_fold(sum_bytes(words, 8))), 0xddf2);
	put16(ip + 10, ip4_sum(ip, 20));
	for (unsigned tos = 0; tos < 256; tos++) {
		uint16_t old = get16(ip);

		ip[1] = (uint8_t)tos;
		sum_update(ip + 10, old, get16(ip));
		assert_true(ip4_sum_ok(ip, 20));
	}
}

static void flows(void **state)
{
	uint8_t p[64] = {
		0x45, 0, 0, 64, 0, 0, 0, 0, 64, PROTO_UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
	};
	unsigned hits[8] = { 0 };
	uint32_t one;

	/* Ports spread evenly; what is not the flow's does not matter. */
	for (unsigned port = 0; port < 8000; port++) {
		put_be16(p + 20, (uint16_t)(1024 + port));
		one = packet_flow(p, 64);
		p[8]--;
		p[40]++;
		assert_int_equal(packet_flow(p, 64), one);
		hits[(uint64_t)one * 8 >> 32]++;
	}
	for (unsigned i = 0; i < 8; i++)
		assert_in_range(hits[i], 800, 1200);
	p[7] = 1; /* a later fragment has no ports */
	one = packet_flow(p, 64);
	p[20] ^= 0xff;
	assert_int_equal(packet_flow(p, 64), one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet_and_vlan),
		cmocka_unit_test(vxlan),
		cmocka_unit_test(arp),
		cmocka_unit_test(neighbour_discovery),
		cmocka_unit_test(invalid_discovery),
		cmocka_unit_test(echo),
		cmocka_unit_test(checksums),
		cmocka_unit_test(flows),
	};

	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}

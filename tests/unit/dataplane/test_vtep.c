/* VXLAN networks of several ends: who may send, where packets go, what changes while it runs. */
#include "rig.h"

#include "dataplane/cut.h"
#include "dataplane/nd.h"
#include "dataplane/packet.h"

#include <errno.h>
#include <string.h>

static const uint8_t our_mac[6] = { 2, 1, 1, 1, 1, 1 };
static uint32_t interface, vpc;

struct underlay {
	const char *ours, *far, *other, *third;
};
static const struct underlay v4 = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4" };
static const struct underlay v6 = { "2001:db8:2::1", "2001:db8:2::2", "2001:db8:2::3",
				    "2001:db8:2::4" };
static const struct underlay *u;

/* What a neighbour's MAC address is: its last number. */
static void mac_of(uint8_t mac[6], const char *end)
{
	struct addr a = rig_addr(end);

	memcpy(mac, (const uint8_t[6]){ 2, 0, 0, 0, 9, a.b[addr_bytes(&a) - 1] }, 6);
}

/* An underlay neighbour makes itself known by asking for us. */
static void meet(const char *end)
{
	uint8_t f[RIG_FRAME], mac[6], group[6];

	mac_of(mac, end);
	if (u == &v4) {
		rig_give(1, f, rig_arp(f, 1, mac, end, u->ours));
	} else {
		struct nd nd = { .solicitation = true,
				 .src = rig_addr(end),
				 .target = rig_addr(u->ours),
				 .has_mac = true };

		nd.dst = nd_solicited_node(&nd.target);
		memcpy(nd.mac, mac, 6);
		nd_multicast_mac(group, &nd.dst);
		rig_ether(f, group, mac, ETHERTYPE_IPV6);
		nd_write(f + 14, &nd);
		rig_give(1, f, 14 + ND_BYTES);
	}
	rig_run();
	while (rig_take(1, f))
		;
}

static void open_network(const struct underlay *which)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VXLAN,
					   .port = 1,
					   .vni = 77,
					   .n_addresses = 1,
					   .address[0] = rig_prefix("10.1.0.1/16") };
	uint8_t f[RIG_FRAME];

	u = which;
	at.local_vtep = rig_addr(u->ours);
	at.remote_vtep = rig_addr(u->far);
	memcpy(at.mac, our_mac, 6);
	assert_int_equal(dataplane_table_add(rig_dp, &vpc), 0);
	at.table = vpc;
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	rig_run();
	while (rig_take(0, f) || rig_take(1, f))
		;
}

static int list(const char *to, const char *vtep, uint8_t mac)
{
	struct dataplane_vxlan_host h = { rig_prefix(to), rig_addr(vtep), { 2, 0, 0, 0, 5, mac } };

	return dataplane_vxlan_host_set(rig_dp, interface, &h);
}

static unsigned outer_bytes(void)
{
	return u == &v4 ? IP4_BYTES : IP6_BYTES;
}

/* An echo request from a host to our address in the VPC, through VXLAN from an end. Returns the
 * frame's length. */
static unsigned make_request(uint8_t f[RIG_FRAME], const char *end, const char *host)
{
	unsigned inner = ETH_BYTES + IP4_BYTES + 16, at = outer_bytes();
	struct addr from = rig_addr(end), to = rig_addr(u->ours);
	uint8_t mac[6], *udp, *eth, *icmp;

	memset(f, 0, RIG_FRAME);
	mac_of(mac, end);
	rig_ether(f, rig_port_mac, mac, u == &v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	if (u == &v4) {
		rig_ip4(f + 14, end, u->ours, PROTO_UDP, 16 + inner);
	} else {
		f[14] = 0x60;
		put_be16(f + 18, (uint16_t)(16 + inner));
		f[20] = PROTO_UDP;
		f[21] = 64;
		memcpy(f + 22, from.b, 16);
		memcpy(f + 38, to.b, 16);
	}
	udp = f + 14 + at;
	put_be16(udp + 2, UDP_VXLAN);
	put_be16(udp + 4, (uint16_t)(16 + inner));
	udp[8] = 8;
	put_be32(udp + 12, 77 << 8);
	eth = udp + 16;
	rig_ether(eth, our_mac, (const uint8_t[6]){ 2, 0, 0, 0, 6, 6 }, ETHERTYPE_IPV4);
	rig_ip4(eth + 14, host, "10.1.0.1", PROTO_ICMP, 16);
	icmp = eth + 34;
	icmp[0] = 8;
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 16)));
	return 14 + at + 16 + inner;
}

static void says_by(unsigned port, const char *end, const char *host)
{
	uint8_t f[RIG_FRAME];

	rig_give(port, f, make_request(f, end, host));
	rig_run();
}

static void host_says(const char *end, const char *host)
{
	says_by(1, end, host);
}

/* The next frame that leaves is to this host: behind which end, and with which last byte of its MAC
 * address. NULL: none leaves. */
static void leaves(const char *end, uint8_t mac)
{
	uint8_t f[RIG_FRAME], far[6];
	unsigned n = rig_take(1, f), at = outer_bytes();
	struct addr a;

	if (!end) {
		assert_int_equal(n, 0);
		return;
	}
	assert_true(n > 14 + at + 16 + 34);
	mac_of(far, end);
	assert_memory_equal(f, far, 6);
	a = rig_addr(end);
	assert_memory_equal(f + 14 + (u == &v4 ? 16 : 24), a.b, addr_bytes(&a));
	assert_int_equal(get_be32(f + 14 + at + 12) >> 8, 77);
	assert_int_equal(f[14 + at + 16 + 5], mac);
}

static void behind_their_ends(const struct underlay *which)
{
	struct prefix p;

	open_network(which);
	meet(u->far);
	meet(u->other);
	/* Only the default end is known. */
	host_says(u->other, "10.1.0.9");
	assert_int_equal(rig_dropped(DROP_NO_VNI), 1);
	assert_int_equal(list("10.1.0.9", u->other, 9), 0);
	assert_int_equal(list("10.1.4.0/24", u->other, 4), 0);
	host_says(u->other, "10.1.0.9");
	leaves(u->other, 9);
	host_says(u->other, "10.1.4.200");
	leaves(u->other, 4);
	/* A host may be heard through any of them; the answer goes where it is listed. */
	host_says(u->far, "10.1.0.9");
	leaves(u->other, 9);
	leaves(NULL, 0);
	assert_int_equal(rig_dropped(DROP_NO_VNI), 1);
	/* It moves, to an end that nobody knows yet. */
	assert_int_equal(list("10.1.0.9", u->third, 8), 0);
	host_says(u->other, "10.1.0.9");
	meet(u->third);
	host_says(u->other, "10.1.0.9");
	leaves(u->third, 8);
	host_says(u->third, "10.1.4.1");
	leaves(u->other, 4);
	/* The last host of an end takes the end with it. */
	p = rig_prefix("10.1.4.0/24");
	assert_int_equal(dataplane_vxlan_host_delete(rig_dp, interface, &p), 0);
	assert_int_equal(dataplane_vxlan_host_delete(rig_dp, interface, &p), -ENOENT);
	host_says(u->other, "10.1.0.9");
	assert_int_equal(rig_dropped(DROP_NO_VNI), 2);
	host_says(u->third, "10.1.0.9");
	leaves(u->third, 8);
	assert_int_equal(dataplane_attachment_delete(rig_dp, interface), 0);
	rig_run();
	host_says(u->third, "10.1.0.9");
	assert_int_equal(rig_dropped(DROP_NO_VNI), 3);
}

static void over_ipv4(void **state)
{
	behind_their_ends(&v4);
}

static void over_ipv6(void **state)
{
	behind_their_ends(&v6);
}

/* What a listed host says of itself by ARP does not move it; the answer finds it. */
static void arp_moves_nobody(void **state)
{
	uint8_t f[RIG_FRAME] = { 0 }, *udp, *eth, *arp;
	struct addr listed = rig_addr("10.1.0.9");
	char text[128];

	open_network(&v4);
	meet(u->far);
	meet(u->other);
	assert_int_equal(list("10.1.0.9", u->other, 9), 0);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	udp = f + 14 + rig_ip4(f + 14, u->far, u->ours, PROTO_UDP, 16 + 42);
	put_be16(udp + 2, UDP_VXLAN);
	put_be16(udp + 4, 16 + 42);
	udp[8] = 8;
	put_be32(udp + 12, 77 << 8);
	eth = udp + 16;
	rig_arp(eth, 1, (const uint8_t[6]){ 2, 0, 0, 0, 6, 6 }, "10.1.0.9", "10.1.0.1");
	rig_give(1, f, 14 + 20 + 16 + 42);
	rig_run();
	assert_true(rig_take(1, f) > 0);
	assert_memory_equal(f + 30, rig_addr(u->other).b, 4);
	arp = f + 14 + 20 + 16 + 14;
	assert_int_equal(get_be16(arp + 6), 2);
	assert_int_equal(f[14 + 20 + 16 + 5], 6); /* to whoever asked */
	host_says(u->other, "10.1.0.9");
	leaves(u->other, 9);
	dataplane_nexthop_format(rig_dp, dataplane_route_lookup(rig_dp, vpc, &listed), text,
				 sizeof(text));
	assert_non_null(strstr(text, "neighbour"));
}

static unsigned frames_out(void)
{
	uint8_t f[RIG_FRAME];
	unsigned n = 0;

	for (unsigned port = 0; port < 2; port++) {
		while (rig_take(port, f))
			n += get_be16(f + 12) != ETHERTYPE_ARP;
	}
	return n;
}

/* The address of an end is all that says who it is, and anybody can write that: it counts where the
 * end is reached. */
static void heard_where_they_are_reached(void **state)
{
	static const char far[] = "203.0.113.50", next_hop[] = "192.0.2.254";
	struct prefix to_far = rig_prefix("203.0.113.0/24"), p = rig_prefix("10.1.0.9");
	struct dataplane_way way = { 1, rig_addr(next_hop) };

	open_network(&v4);
	meet(u->far);
	assert_int_equal(list("10.1.0.7", u->far, 7), 0);
	says_by(0, u->far, "10.1.0.7");
	assert_int_equal(rig_dropped(DROP_WRONG_PORT), 1);
	assert_int_equal(frames_out(), 0);
	says_by(1, u->far, "10.1.0.7");
	assert_int_equal(frames_out(), 1);
	/* An end behind the first port's next hop. */
	assert_int_equal(list("10.1.0.9", far, 9), 0);
	says_by(0, far, "10.1.0.7");
	assert_int_equal(frames_out(), 1);
	/* Another way there, of two ports if there is one of each. */
	assert_int_equal(dataplane_underlay_set(rig_dp, &to_far, &way, 1), 0);
	says_by(0, far, "10.1.0.7");
	assert_int_equal(rig_dropped(DROP_WRONG_PORT), 2);
	says_by(1, far, "10.1.0.7");
	assert_int_equal(frames_out(), 1);
	assert_int_equal(dataplane_underlay_delete(rig_dp, &to_far), 0);
	says_by(0, far, "10.1.0.7");
	assert_int_equal(frames_out(), 1);
	/* With its last host the end goes, and with it its ports. */
	assert_int_equal(dataplane_vxlan_host_delete(rig_dp, interface, &p), 0);
	says_by(0, u->far, "10.1.0.7");
	assert_int_equal(rig_dropped(DROP_WRONG_PORT), 3);
	assert_int_equal(frames_out(), 0);
}

/* Both pieces of a request that was cut, by these ports. */
static void cut_by(unsigned first, unsigned second)
{
	static uint16_t id;
	uint8_t f[RIG_FRAME], piece[RIG_FRAME];
	unsigned len = make_request(f, u->far, "10.1.0.7") - 14;
	struct cut c;

	put_be16(f + 18, ++id);
	put16(f + 20, 0);
	assert_true(cut_begin(&c, f + 14, len, 68, 0));
	for (unsigned i = 0; i < c.pieces; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(rig_dp->pool);
		unsigned n;

		cut_write(&c, m, i);
		memcpy(piece, f, 14);
		n = 14 + m->data_len;
		memcpy(piece + 14, packet(m), m->data_len);
		rte_pktmbuf_free(m);
		rig_give(i ? second : first, piece, n);
		rig_run();
	}
}

static void nor_in_pieces(void **state)
{
	open_network(&v4);
	meet(u->far);
	assert_int_equal(list("10.1.0.7", u->far, 7), 0);
	cut_by(1, 1);
	assert_int_equal(frames_out(), 1);
	cut_by(0, 0);
	cut_by(1, 0);
	cut_by(0, 1);
	assert_int_equal(rig_dropped(DROP_WRONG_PORT), 3);
	assert_int_equal(frames_out(), 0);
}

static void refusals(void **state)
{
	struct prefix p = rig_prefix("10.1.0.9");

	open_network(&v4);
	assert_int_equal(list("10.1.0.9", v6.other, 9), -EINVAL);
	assert_int_equal(list("10.1.0.9/24", v4.other, 9), -EINVAL);
	assert_int_equal(dataplane_vxlan_host_delete(rig_dp, interface, &p), -ENOENT);
	assert_int_equal(dataplane_vxlan_host_delete(rig_dp, 0, &p), -ENOENT);
	interface = 1;
	assert_int_equal(list("10.1.0.9", v4.other, 9), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(over_ipv4, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(over_ipv6, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(arp_moves_nobody, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(heard_where_they_are_reached, rig_set_up,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(nor_in_pieces, rig_set_up, rig_tear_down),
		{ "nor_in_pieces, three workers", nor_in_pieces, rig_set_up_three, rig_tear_down,
		  NULL },
		cmocka_unit_test_setup_teardown(refusals, rig_set_up, rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

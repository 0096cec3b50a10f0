#include "rig_tunnel.h"

#include "dataplane/packet.h"

#include <string.h>

static const uint8_t our_mac[6] = { 2, 1, 1, 1, 1, 1 };
static uint32_t sequence;
uint32_t rig_tunnel_spi_in;

int rig_tunnel_set_up(void **state)
{
	rig_set_up(state);
	return dataplane_negotiator_register(rig_dp);
}

int rig_tunnel_tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

/* A frame in the VLAN; bytes before its payload. */
static unsigned tagged(uint8_t *f, const uint8_t *to, uint16_t type)
{
	rig_ether(f, to, rig_peer_mac, ETHERTYPE_VLAN);
	put_be16(f + 14, 77);
	put_be16(f + 16, type);
	return 18;
}

void rig_tunnel_discard(void)
{
	uint8_t f[RIG_FRAME];

	rig_run();
	while (rig_take(0, f) || rig_take(1, f))
		;
}

void rig_tunnel_open(void)
{
	struct dataplane_attachment at = { .encap = CONF_ENCAP_VLAN,
					   .port = 1,
					   .vlan_id = 77,
					   .n_addresses = 1,
					   .address[0] = rig_prefix("10.1.0.1/16") };
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr(RIG_TUNNEL_PEER),
				      .inner = rig_prefix("169.254.1.2/30"),
				      .inner_peer = rig_addr("169.254.1.1") };
	struct prefix here = rig_prefix("10.1.0.0/16"), far = rig_prefix("172.16.0.0/12");
	uint8_t f[RIG_FRAME], arp[64];
	uint32_t vpc, gateway, interface;

	rig_resolve_next_hop();
	assert_int_equal(dataplane_table_add(rig_dp, &vpc), 0);
	assert_int_equal(dataplane_table_add(rig_dp, &gateway), 0);
	at.table = vpc;
	t.table = gateway;
	memcpy(at.mac, our_mac, 6);
	assert_int_equal(dataplane_attachment_add(rig_dp, &at, &interface), 0);
	assert_int_equal(dataplane_tunnel_add(rig_dp, RIG_TUNNEL, &t), 0);
	assert_int_equal(dataplane_route_set(rig_dp, vpc, &far, nexthop(NEXTHOP_TABLE, gateway)),
			 0);
	assert_int_equal(
		dataplane_route_set(rig_dp, gateway, &far, nexthop(NEXTHOP_TUNNEL, RIG_TUNNEL)), 0);
	assert_int_equal(dataplane_route_set(rig_dp, gateway, &here, nexthop(NEXTHOP_TABLE, vpc)),
			 0);
	rig_tunnel_spi_in = rig_add_sas(RIG_TUNNEL, RIG_TUNNEL_PEER, RIG_TUNNEL_SPI);
	sequence = 0;
	rig_arp(arp, 1, rig_peer_mac, RIG_TUNNEL_HOST, "10.1.0.1");
	memcpy(f + tagged(f, rig_broadcast, ETHERTYPE_ARP), arp + 14, 28);
	rig_give(1, f, 46);
	rig_tunnel_discard();
}

unsigned rig_tunnel_udp(uint8_t *ip, const char *src, const char *dst, unsigned bytes)
{
	uint8_t *p = ip + rig_ip4(ip, src, dst, PROTO_UDP, 8 + bytes);

	put_be16(p, 33000);
	put_be16(p + 2, 53);
	put_be16(p + 4, (uint16_t)(8 + bytes));
	put16(p + 6, 0);
	memset(p + 8, 'x', bytes);
	return 28 + bytes;
}

void rig_tunnel_from_host(const uint8_t *ip, unsigned len)
{
	uint8_t f[RIG_FRAME];
	unsigned head = tagged(f, our_mac, ip[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);

	memcpy(f + head, ip, len);
	rig_give(1, f, head + len);
}

void rig_tunnel_from_peer(uint32_t spi, const uint8_t *ip, unsigned len)
{
	uint8_t f[RIG_FRAME];

	rig_give(0, f, rig_esp(f, RIG_TUNNEL_PEER, spi, ++sequence, ip, len));
}

void rig_tunnel_host_sends(unsigned bytes)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, bytes));
	rig_run();
}

void rig_tunnel_peer_sends(uint32_t spi, unsigned bytes)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_peer(spi, ip, rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, bytes));
	rig_run();
}

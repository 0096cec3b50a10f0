#include "conf/parse.h"

#include "given.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TUNNEL_A "vpn_connection 'dc1', tunnel 'a': "
#define TUNNEL_B "vpn_connection 'dc1', tunnel 'b': "

static const struct edit names[] = {
	{ "name = \"vpc\"", "name = \"wan\"",
	  "4: error: port 'wan': the name is already used on line 2\n"
	  "10: error: vpc_attachment 'prod': port = 'vpc': there is no port of this name\n" },
	{ "name = \"b\"; cloud", "name = \"a\"; cloud",
	  "20: error: tunnel 'a': the name is already used on line 17\n" },
	{ "border_gateway = \"bgw\"; port", "border_gateway = \"bgv\"; port",
	  "10: error: vpc_attachment 'prod': border_gateway = 'bgv': there is no border_gateway of "
	  "this name; did you mean 'bgw'?\n" },
	{ "customer_gateway = \"rt\"", "customer_gateway = \"router-of-dc1\"",
	  "14: error: vpn_connection 'dc1': customer_gateway = 'router-of-dc1': there is no "
	  "customer_gateway of this name\n" },
	{ "name = \"bgw\"", "name = \"bord\xc3\xbcre_\xd0\xb6\xe8\xb7\xaf-9\"",
	  "9: error: vpc 'prod', static_route '192.168.0.0/16': next_hop = 'bgw': there is no "
	  "border_gateway of this name\n"
	  "10: error: vpc_attachment 'prod': border_gateway = 'bgw': there is no border_gateway of "
	  "this name\n"
	  "14: error: vpn_connection 'dc1': border_gateway = 'bgw': there is no border_gateway of "
	  "this name\n" },
};

static const struct edit networks[] = {
	{ "\"203.0.113.2/24\"", "\"203.0.113.255/24\"",
	  "2: error: port 'wan': addresses: '203.0.113.255/24' must be the address of a host in its "
	  "network\n"
	  "5: error: cloud_addresses: '203.0.113.2' is not an address of any port\n" },
	{ "\"203.0.113.2/24\"", "\"203.0.113.2/24\", \"203.0.113.1/24\"",
	  "2: error: port 'wan': addresses: '203.0.113.1/24' is already the address of port 'wan'\n" },
	{ "\"10.255.0.1/24\"", "\"10.255.0.1/24\", \"203.0.113.9/28\"",
	  "4: error: port 'vpc': addresses: the network of '203.0.113.9/28' overlaps one of port "
	  "'wan'\n" },
	{ "\"10.255.0.1/24\" ]", "\"10.255.0.1/24\", \"2001:db8::1/64\" ]; mtu = 1279",
	  "4: error: port 'vpc': mtu = 1279: IPv6 needs at least 1280 bytes\n" },
	{ "next_hop = \"203.0.113.254\"", "next_hop = \"203.0.114.254\"",
	  "3: error: port 'wan': next_hop = '203.0.114.254': must lie in the network of one of the "
	  "port's addresses\n" },
	{ "next_hop = \"203.0.113.254\"", "next_hop = \"203.0.113.2\"",
	  "3: error: port 'wan': next_hop = '203.0.113.2': is our own address\n" },
	{ "device = \"b\"", "device = \"b\"; next_hop = \"10.255.0.9\"",
	  "4: error: port 'vpc': next_hop = '10.255.0.9': port 'wan' has the default next hop "
	  "already\n" },
	{ "device = \"b\"", "device = \"a\"",
	  "4: error: port 'vpc': device: port 'wan' has the same\n" },
	{ "ports = (", "workers = { lcores = [ 1, 2 ]; memory_mb = 64; }; ports = (", "" },
	{ "ports = (",
	  "workers = { lcores = [ 1, 2, 3, 4, 5, 6, 7, 8 ]; memory_mb = 64; }; ports = (",
	  "1: error: workers: memory_mb = 64: workers 8, ports 2, packet buffers of 2176 bytes and "
	  "tunnels 2 need 88 at least\n" },
	{ "mtu = 1500; queues = 1;", "mtu = 9000; queues = 128;",
	  " error: workers: memory_mb = 512: workers 1, ports 2, packet buffers of 9344 bytes and "
	  "tunnels 2 need 1258 at least\n" },
	{ "device = \"b\"", "device = \"net_af_packet0,iface=b,framecnt=64\"", "" },
	{ "device = \"b\"", "device = \"net_af_packet0,iface=b,blocksz=4096\"",
	  "4: error: port 'vpc': device: blocksz must be left out: frames and blocks have 16384 "
	  "bytes, because shorter ones cut off what Linux joins of fragments; framecnt may be "
	  "given\n" },
	{ "device = \"b\"", "device = \"eth_af_packet0,iface=b,framesz=2048\"",
	  "4: error: port 'vpc': device: framesz must be left out: frames and blocks have 16384 "
	  "bytes, because shorter ones cut off what Linux joins of fragments; framecnt may be "
	  "given\n" },
	{ "\"203.0.113.2\" ]", "\"203.0.113.2\",\n \"203.0.113.2\" ]",
	  "6: error: cloud_addresses: '203.0.113.2' is listed twice\n" },
	/* the underlay */
	{ "ports = (",
	  "underlay_routes = (\n"
	  "{ prefix = \"198.18.0.0/15\"; next_hop = \"10.255.0.9\"; port = \"vpc\"; },\n"
	  "{ prefix = \"198.18.0.0/15\"; next_hop = \"10.255.0.8\"; port = \"vpc\"; } ); ports = (",
	  "" },
	{ "ports = (",
	  "underlay_routes = (\n"
	  "{ prefix = \"198.18.0.0/15\"; next_hop = \"10.255.1.9\"; port = \"vpc\"; },\n"
	  "{ prefix = \"198.18.0.0/15\"; next_hop = \"10.255.1.9\"; port = \"vpc\"; },\n"
	  "{ prefix = \"2001:db8::/32\"; next_hop = \"10.255.0.1\"; port = \"vpn\"; },\n"
	  "{ prefix = \"2001:db8::/32\"; next_hop = \"203.0.113.1\"; port = \"wan\"; } ); ports = (",
	  "2: error: underlay_route '198.18.0.0/15': next_hop = '10.255.1.9': must lie in the network "
	  "of one of port 'vpc''s addresses\n"
	  "3: error: underlay_route '198.18.0.0/15': next_hop = '10.255.1.9': must lie in the network "
	  "of one of port 'vpc''s addresses\n"
	  "3: error: underlay_route '198.18.0.0/15': the route by this next_hop stands already on line "
	  "2\n"
	  "4: error: underlay_route '2001:db8::/32': port = 'vpn': there is no port of this name; did "
	  "you mean 'vpc'?\n"
	  "5: error: underlay_route '2001:db8::/32': next_hop = '203.0.113.1': is our own address\n"
	  "5: error: underlay_route '2001:db8::/32': next_hop = '203.0.113.1': is not of the prefix's "
	  "family\n" },
	{ "next_hop = \"203.0.113.254\"; mtu = 1500; queues = 1; },\n",
	  "},\n{ name = \"w2\"; device = \"c\"; addresses = [ \"192.0.2.1/24\" ]; },\n",
	  "14: error: customer_gateway 'rt': addresses: '198.51.100.1' is on no port's network, and "
	  "no port has a next_hop\n"
	  "14: error: customer_gateway 'rt': addresses: '198.51.100.2' is on no port's network, and "
	  "no port has a next_hop\n" },
	{ "ports = (\n",
	  "underlay_routes = ( { prefix = \"198.51.0.0/16\"; next_hop = \"10.255.0.9\"; port = "
	  "\"vpc\"; } ); ports = (\n",
	  "" },
	{ "next_hop = \"203.0.113.254\";", "",
	  "13: error: customer_gateway 'rt': addresses: '198.51.100.1' is on no port's network, and "
	  "no port has a next_hop\n"
	  "13: error: customer_gateway 'rt': addresses: '198.51.100.2' is on no port's network, and "
	  "no port has a next_hop\n" },
};

static const struct edit attachments[] = {
	{ "local_vtep = \"10.255.0.1\"", "local_vtep = \"203.0.113.1\"",
	  "12: error: vpc_attachment 'prod': local_vtep = '203.0.113.1': is not an address of port "
	  "'vpc'\n" },
	{ "remote_vtep = \"10.255.0.2\"", "remote_vtep = \"10.255.0.1\"",
	  "12: error: vpc_attachment 'prod': remote_vtep = '10.255.0.1': is our own address\n" },
	{ "remote_vtep = \"10.255.0.2\"", "remote_vtep = \"2001:db8::2\"",
	  "12: error: vpc_attachment 'prod': remote_vtep = '2001:db8::2': is not of local_vtep's "
	  "family\n" },
	{ "\"10.0.0.1/16\"", "\"10.0.0.0/16\"",
	  "11: error: vpc_attachment 'prod': addresses: '10.0.0.0/16' must be the address of a host "
	  "in its network\n" },
	/* hosts of a VXLAN network */
	{ "\"10.255.0.2\"; }",
	  "\"10.255.0.2\"; hosts = (\n"
	  "{ address = \"10.0.0.9\"; vtep = \"10.255.0.3\"; mac = \"02:00:00:00:00:09\"; },\n"
	  "{ address = \"10.0.4.0/24\"; vtep = \"10.255.0.2\"; mac = \"02:00:00:00:00:09\"; } ); }",
	  "" },
	{ "\"10.255.0.2\"; }",
	  "\"10.255.0.2\"; hosts = (\n"
	  "{ address = \"10.0.0.9\"; vtep = \"10.255.0.1\"; mac = \"02:00:00:00:00:09\"; },\n"
	  "{ address = \"10.9.0.9\"; vtep = \"2001:db8::2\"; mac = \"02:00:00:00:00:09\"; },\n"
	  "{ address = \"10.0.0.1\"; vtep = \"10.255.0.2\"; mac = \"02:00:00:00:00:09\"; },\n"
	  "{ address = \"10.0.0.9\"; vtep = \"10.255.0.2\"; mac = \"02:00:00:00:00:09\"; },\n"
	  "{ address = \"10.0.0.0/16\"; vtep = \"10.255.0.2\"; mac = \"02:00:00:00:00:09\"; } ); }",
	  "13: error: vpc_attachment 'prod': hosts: vtep = '10.255.0.1': is our own address\n"
	  "14: error: vpc_attachment 'prod': hosts: vtep = '2001:db8::2': is not of local_vtep's "
	  "family\n"
	  "14: error: vpc_attachment 'prod': hosts: '10.9.0.9/32' is no part of one of the prefixes "
	  "of vpc 'prod'\n"
	  "15: error: vpc_attachment 'prod': hosts: '10.0.0.1/32' is our own address\n"
	  "16: error: vpc_attachment 'prod': hosts: '10.0.0.9/32' is already on line 13\n"
	  "17: error: vpc_attachment 'prod': hosts: '10.0.0.0/16' is no part of one of the prefixes "
	  "of vpc 'prod'\n" },
	{ "\"10.255.0.2\"; }",
	  "\"10.255.0.2\"; hosts = (\n"
	  "{ address = \"10.0.4.1/24\"; vtep = \"10.255.0.2\"; mac = \"01:00:00:00:00:09\"; } ); }",
	  "13: error: vpc_attachment 'prod', vxlan, host '10.0.4.1/24': address = '10.0.4.1/24': must "
	  "be an address or a network, like \"10.0.0.9\" or \"10.0.4.0/24\"\n"
	  "13: error: vpc_attachment 'prod', vxlan, host '10.0.4.1/24': mac = '01:00:00:00:00:09': "
	  "must be the MAC address of one station, like \"02:00:00:00:00:01\"\n" },
	{ "\"10.0.0.1/16\"", "\"10.0.0.1/16\", \"10.9.0.1/16\"",
	  "11: error: vpc_attachment 'prod': addresses: '10.9.0.1/16' lies in none of the prefixes of "
	  "vpc 'prod'\n" },
	{ "prefixes = [ \"10.0.0.0/16\" ]", "prefixes = [ \"10.0.0.0/16\", \"10.9.0.0/16\" ]",
	  "11: warning: vpc_attachment 'prod': no address lies in 10.9.0.0/16 of vpc 'prod': its "
	  "hosts cannot be reached\n" },
	{ "port = \"vpc\";", "port = \"vpc\"; mtu = 1451;",
	  "10: error: vpc_attachment 'prod': mtu = 1451: port 'vpc' leaves room for 1450 bytes\n" },
	{ "port = \"vpc\";",
	  "port = \"vpc\"; propagate = \"partial\"; propagated = [ \"10.0.1.0/24\" ];",
	  "10: error: vpc_attachment 'prod': propagated: '10.0.1.0/24' is not one of the prefixes of "
	  "vpc 'prod'\n" },
	/* the same VPC and border gateway again */
	{ "\"10.255.0.2\"; }; } );",
	  "\"10.255.0.2\"; }; },\n { vpc = \"prod\"; border_gateway = \"bgw\"; port = \"vpc\"; "
	  "addresses = [ \"10.0.0.1/16\" ]; vlan = { id = 7; }; } );",
	  "13: error: vpc_attachment 'prod': the vpc is already attached to border_gateway 'bgw' on "
	  "line 10\n" },
	/* a VNI that another VPC has, and prefixes that overlap */
	{ "\"10.255.0.2\"; }; } );\n",
	  "\"10.255.0.2\"; }; },\n { vpc = \"test\"; border_gateway = \"bgw\"; port = \"vpc\";\n"
	  "addresses = [ \"10.0.8.1/24\" ]; vxlan = { vni = 1001; local_vtep = \"10.255.0.1\"; "
	  "remote_vtep = \"10.255.0.2\"; }; } );\n"
	  "vpcs2 = 1;\n",
	  "13: error: vpc_attachment 'test': vpc = 'test': there is no vpc of this name\n"
	  "14: error: vpc_attachment 'test': vni = 1001: already used on port 'vpc' by another "
	  "attachment on line 10, with another vpc or other settings\n"
	  "15: error: 'vpcs2': unknown name; did you mean 'vpcs'?\n" },
};

static const struct edit vpns[] = {
	{ "cloud_ip = \"203.0.113.1\"", "cloud_ip = \"203.0.113.3\"",
	  "17: error: " TUNNEL_A "cloud_ip = '203.0.113.3': is not one of cloud_addresses\n" },
	{ "customer_ip = \"198.51.100.1\"", "customer_ip = \"198.51.100.3\"",
	  "17: error: " TUNNEL_A
	  "customer_ip = '198.51.100.3': is not an address of customer_gateway 'rt'\n" },
	{ "cloud_ip = \"203.0.113.2\"; customer_ip = \"198.51.100.2\"",
	  "cloud_ip = \"203.0.113.1\"; customer_ip = \"198.51.100.1\"",
	  "20: error: tunnel 'b': tunnel 'a' on line 17 already joins 203.0.113.1 and 198.51.100.1\n" },
	{ "\"198.51.100.2\" ]", "\"203.0.113.1\" ]",
	  "13: error: customer_gateway 'rt': addresses: '203.0.113.1' is our own address\n"
	  "20: error: " TUNNEL_B
	  "customer_ip = '198.51.100.2': is not an address of customer_gateway 'rt'\n" },
	{ "\"198.51.100.2\" ]; }", "\"198.51.100.2\" ]; asn = 65001; }", "" },
	{ "\"198.51.100.2\" ]; }", "\"198.51.100.2\" ]; asn = 65500; }",
	  "13: error: customer_gateway 'rt': asn = 65500: must be a number from 65001 to 65499\n" },
	{ "dpd = 20", "inner = \"10.0.0.1/30\"",
	  "19: error: " TUNNEL_A "inner = '10.0.0.1/30': overlaps 10.0.0.0/16 of the attached vpc "
	  "'prod'\n" },
	{ "dpd = 20; },\n    { name = \"b\";",
	  "inner = \"169.254.7.2/30\"; },\n    { name = \"b\"; inner = \"169.254.7.1/30\";",
	  "20: error: tunnel 'b': inner = '169.254.7.1/30': tunnel 'a' of the same border_gateway uses "
	  "this network\n" },
	{ "bgp = false;", "bgp = true;",
	  "14: error: vpn_connection 'dc1': customer_gateway 'rt' has no asn, which BGP needs: give it "
	  "one, or write bgp = false here\n" },
	{ "\"198.51.100.2\" ]; } );\nvpn_connections = ( {",
	  "\"198.51.100.2\" ]; asn = 65001; } );\nvpn_connections = ( { local_asn = 65001;",
	  "14: error: vpn_connection 'dc1': local_asn = 65001: is the ASN of customer_gateway 'rt'; "
	  "they must differ\n" },
	{ "\"198.51.100.2\" ]; } );\nvpn_connections = ( {",
	  "\"198.51.100.2\" ]; asn = 5; } );\nvpn_connections = ( {",
	  "13: error: customer_gateway 'rt': asn = 5: must be a number from 65001 to 65499\n" },
	{ "\"198.51.100.2\" ]; } );\nvpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; "
	  "customer_gateway = \"rt\";\n  bgp = false;",
	  "\"198.51.100.2\" ]; asn = 65010; } );\nvpn_connections = ( { name = \"dc1\"; "
	  "border_gateway = \"bgw\"; customer_gateway = \"rt\";\n  remote_subnets = [ "
	  "\"192.168.0.0/16\", \"169.254.0.0/30\" ];",
	  "15: error: vpn_connection 'dc1', tunnel 'b': local_subnet and remote_subnets do not let BGP "
	  "from 169.254.0.6 to 169.254.0.5 through the tunnel: leave them out, or write bgp = false\n" },
	{ "bgp = false;",
	  "bgp = false; local_subnet = \"10.0.0.0/16\"; remote_subnets = [ \"2001:db8::/32\" ];",
	  "15: error: vpn_connection 'dc1': remote_subnets: '2001:db8::/32' is not of local_subnet's "
	  "family\n" },
	{ "bgp = false;",
	  "bgp = false; remote_subnets = [ \"192.168.0.0/16\",\n\"192.168.9.0/24\"\n];",
	  "16: error: vpn_connection 'dc1': remote_subnets: '192.168.9.0/24' overlaps "
	  "'192.168.0.0/16'\n" },
	{ "bgp = false;", "bgp = false; remote_subnets = \"10.0.9.0/24\";",
	  "15: error: vpn_connection 'dc1': remote_subnets: '10.0.9.0/24' overlaps 10.0.0.0/16 of the "
	  "attached vpc 'prod'\n" },
};

static const struct edit routes[] = {
	{ "next_hop = \"dc1\"", "next_hop = \"dc2\"",
	  "7: error: border_gateway 'bgw', static_route '192.168.0.0/16': next_hop = 'dc2': there is "
	  "no vpn_connection of this name; did you mean 'dc1'?\n" },
	{ "next_hop = \"dc1\"", "next_hop = \"prod\"", "" },
	{ "name = \"prod\"", "name = \"dc1\"",
	  "7: error: border_gateway 'bgw', static_route '192.168.0.0/16': next_hop = 'dc1': a "
	  "vpn_connection and a vpc both have this name\n"
	  "10: error: vpc_attachment 'prod': vpc = 'prod': there is no vpc of this name\n" },
	{ "prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"",
	  "prefix = \"10.0.4.0/24\"; next_hop = \"dc1\"",
	  "7: error: border_gateway 'bgw', static_route '10.0.4.0/24': prefix: '10.0.4.0/24' "
	  "overlaps 10.0.0.0/16 of the attached vpc 'prod'\n" },
	{ "prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"",
	  "prefix = \"0.0.0.0/0\"; next_hop = \"dc1\"", "" },
	{ "next_hop = \"dc1\"; }",
	  "next_hop = \"dc1\"; },\n{ prefix = \"192.168.0.0/16\"; next_hop = "
	  "\"dc1\"; }",
	  "8: error: border_gateway 'bgw': the static route to 'dc1' stands already on line 7\n" },
	{ "prefixes = [ \"10.0.0.0/16\" ]", "prefixes = [ \"10.0.0.0/16\", \"10.0.4.0/24\" ]",
	  "8: error: vpc 'prod': prefixes: '10.0.4.0/24' overlaps '10.0.0.0/16'\n" },
	{ "next_hop = \"bgw\"", "next_hop = \"bwg\"",
	  "9: error: vpc 'prod', static_route '192.168.0.0/16': next_hop = 'bwg': there is no "
	  "border_gateway of this name; did you mean 'bgw'?\n" },
	{ "{ name = \"bgw\";", "{ name = \"other\"; }, { name = \"bgw\";", "" },
	{ "next_hop = \"bgw\"",
	  "next_hop = \"other\"; }, { prefix = \"1.0.0.0/8\"; next_hop = \"bgw\"",
	  "9: error: vpc 'prod', static_route '192.168.0.0/16': next_hop = 'other': there is no "
	  "border_gateway of this name\n" },
};

static void names_and_references(void **state)
{
	given_says(names, ARRAY_LEN(names));
}

static void ports_and_pool(void **state)
{
	given_says(networks, ARRAY_LEN(networks));
}

static void vpc_attachments(void **state)
{
	given_says(attachments, ARRAY_LEN(attachments));
}

static void connections_and_tunnels(void **state)
{
	given_says(vpns, ARRAY_LEN(vpns));
}

static void static_routes(void **state)
{
	given_says(routes, ARRAY_LEN(routes));
}

/* Two VPCs whose prefixes overlap meet in one border gateway: legal, the later one waits. */
static void overlapping_vpcs_are_a_warning(void **state)
{
	char *two = given_edited(given_text, "vpcs = (",
				 "vpcs = ( { name = \"test\"; prefixes = [ \"10.0.8.0/24\" ]; },");
	char *text =
		given_edited(two, "\"10.255.0.2\"; }; } );",
			     "\"10.255.0.2\"; }; },\n { vpc = \"test\"; border_gateway = \"bgw\"; "
			     "port = \"vpc\"; addresses = [ \"10.0.8.1/24\" ]; vlan = { id = 7; }; "
			     "} );");
	char *messages;
	struct conf *c = given_read(text, strlen(text), &messages);

	assert_string_equal(
		messages,
		"t:13: warning: vpc_attachment 'test': 10.0.8.0/24 overlaps 10.0.0.0/16 "
		"of vpc 'prod' in border_gateway 'bgw': it stays listed, but is not valid "
		"until the other one goes\n");
	assert_non_null(c);
	assert_int_equal(c->attachment[1].mtu, 1500);
	assert_memory_not_equal(c->attachment[0].mac, c->attachment[1].mac, 6);
	conf_free(c);
	free(messages);
	free(text);
	free(two);
}

/* One VPC in two border gateways shares its network only if both see it in the same way. */
static void a_network_may_be_shared_by_one_vpc(void **state)
{
	char *two = given_edited(given_text, "{ name = \"bgw\";",
				 "{ name = \"other\"; }, { name = \"bgw\";");
	static const struct {
		const char *put, *says;
	} rows[] = {
		{ "addresses = [ \"10.0.0.1/16\" ];", "" },
		{ "addresses = [ \"10.0.0.2/16\" ];",
		  "t:13: error: vpc_attachment 'prod': vni = 1001: already used on port 'vpc' by another "
		  "attachment on line 10, with another vpc or other settings\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char put[400], *text, *messages;
		struct conf *c;

		snprintf(
			put, sizeof(put),
			"\"10.255.0.2\"; }; },\n { vpc = \"prod\"; border_gateway = \"other\"; port = "
			"\"vpc\"; %s vxlan = { vni = 1001; local_vtep = \"10.255.0.1\"; remote_vtep = "
			"\"10.255.0.2\"; }; } );",
			rows[i].put);
		text = given_edited(two, "\"10.255.0.2\"; }; } );", put);
		c = given_read(text, strlen(text), &messages);
		assert_string_equal(messages, rows[i].says);
		conf_free(c);
		free(messages);
		free(text);
	}
	free(two);
}

static void inner_addresses_are_allocated_in_order(void **state)
{
	char *text = given_edited(given_text, "dpd = 20;", "inner = \"169.254.0.1/30\";");
	char *messages, buf[PREFIX_STR_MAX];
	struct conf *c = given_read(text, strlen(text), &messages);
	const struct conf_tunnel *t = c->connection[0].tunnel;

	assert_string_equal(prefix_format(&t[0].inner, buf), "169.254.0.1/30");
	assert_string_equal(addr_format(&t[0].inner_peer, buf), "169.254.0.2");
	assert_string_equal(prefix_format(&t[1].inner, buf), "169.254.0.6/30");
	assert_string_equal(addr_format(&t[1].inner_peer, buf), "169.254.0.5");
	conf_free(c);
	free(messages);
	free(text);
}

/* Outer addresses, prefixes and inner addresses of IPv6 alone. */
static const char ipv6_text[] =
	"ports = ( { name = \"wan\"; device = \"a\"; addresses = [ \"2001:db8:1::1/64\" ];\n"
	"            next_hop6 = \"2001:db8:1::ffff\"; },\n"
	"          { name = \"vpc\"; device = \"b\"; addresses = [ \"2001:db8:2::1/64\" ]; } );\n"
	"cloud_addresses = [ \"2001:db8:1::1\" ];\n"
	"border_gateways = ( { name = \"bgw\"; static_routes = (\n"
	"  { prefix = \"2001:db8:c000::/36\"; next_hop = \"dc1\"; } ); } );\n"
	"vpcs = ( { name = \"prod\"; prefixes = [ \"2001:db8:a::/64\" ]; } );\n"
	"vpc_attachments = ( { vpc = \"prod\"; border_gateway = \"bgw\"; port = \"vpc\";\n"
	"  addresses = [ \"2001:db8:a::1/64\" ]; vxlan = { vni = 9; local_vtep = \"2001:db8:2::1\";\n"
	"  remote_vtep = \"2001:db8:2::2\"; }; } );\n"
	"customer_gateways = ( { name = \"rt\"; addresses = [ \"2001:db8:99::1\" ]; } );\n"
	"vpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; customer_gateway = \"rt\";\n"
	"  bgp = false; tunnels = ( { name = \"a\"; cloud_ip = \"2001:db8:1::1\";\n"
	"  customer_ip = \"2001:db8:99::1\"; psk = \"hush\"; inner = \"fd00::1/126\"; } ); } );\n";

static void ipv6_is_as_good(void **state)
{
	char *messages, buf[PREFIX_STR_MAX];
	struct conf *c = given_read(ipv6_text, strlen(ipv6_text), &messages);
	const struct conf_tunnel *t;

	assert_string_equal(messages, "");
	t = &c->connection[0].tunnel[0];
	assert_string_equal(addr_format(&t->inner_peer, buf), "fd00::2");
	assert_int_equal(t->remote_id.type, CONF_ID_IPV6);
	assert_int_equal(c->attachment[0].mtu, 1430);
	conf_free(c);
	free(messages);
}

static void asns_must_differ(void **state)
{
	char *one = given_edited(given_text, "{ name = \"bgw\";", "{ name = \"bgw\"; asn = 65001;");
	char *text =
		given_edited(one, "\"198.51.100.2\" ]; }", "\"198.51.100.2\" ]; asn = 65001; }");
	char *messages;

	assert_null(given_read(text, strlen(text), &messages));
	assert_string_equal(
		messages, "t:14: error: vpn_connection 'dc1': customer_gateway 'rt' has the ASN of "
			  "border_gateway 'bgw', 65001; they must differ\n");
	free(messages);
	free(text);
	free(one);
}

static void border_gateways_share_no_network_unless_they_must(void **state)
{
	char *one = given_edited(given_text, "border_gateways = (",
				 "border_gateways = ( { name = \"other\"; },");
	char *two = given_edited(one, "customer_gateways = (",
				 "customer_gateways = ( { name = \"rt2\"; addresses = "
				 "\"198.51.100.9\"; },");
	char *text =
		given_edited(two, "vpn_connections = (",
			     "vpn_connections = ( { name = \"dc2\"; border_gateway = \"other\"; "
			     "customer_gateway = \"rt2\"; bgp = false; tunnels = ( { name = \"c\"; "
			     "cloud_ip = \"203.0.113.1\"; customer_ip = \"198.51.100.9\"; psk = "
			     "\"hush\"; } ); },");
	char *messages, buf[PREFIX_STR_MAX];
	struct conf *c = given_read(text, strlen(text), &messages);

	assert_string_equal(messages, "");
	assert_string_equal(prefix_format(&c->connection[0].tunnel[0].inner, buf),
			    "169.254.0.2/30");
	assert_string_equal(prefix_format(&c->connection[1].tunnel[0].inner, buf),
			    "169.254.0.6/30");
	assert_string_equal(prefix_format(&c->connection[1].tunnel[1].inner, buf),
			    "169.254.0.10/30");
	conf_free(c);
	free(messages);
	free(text);
	free(two);
	free(one);
}

/* 128 connections of 8 tunnels use up 169.254.0.0/20: one gateway holds no more without a hand. */
static char *many_tunnels(unsigned n_connections)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs("ports = ( { name = \"wan\"; device = \"a\"; addresses = [ \"203.0.113.1/24\", "
	      "\"203.0.113.2/24\" ]; next_hop = \"203.0.113.254\"; } );\n"
	      "cloud_addresses = [ \"203.0.113.1\", \"203.0.113.2\" ];\n"
	      "border_gateways = ( { name = \"bgw\"; } );\ncustomer_gateways = (\n",
	      out);
	for (unsigned i = 0; i < n_connections; i++)
		fprintf(out,
			"%s{ name = \"r%u\"; addresses = [ \"198.51.%u.1\", \"198.51.%u.2\", "
			"\"198.51.%u.3\", \"198.51.%u.4\" ]; }\n",
			i > 0 ? "," : "", i, i, i, i, i);
	fputs(");\nvpn_connections = (\n", out);
	for (unsigned i = 0; i < n_connections; i++) {
		fprintf(out,
			"%s{ name = \"c%u\"; border_gateway = \"bgw\"; customer_gateway = \"r%u\"; "
			"bgp = false; tunnels = (\n",
			i > 0 ? "," : "", i, i);
		for (unsigned k = 0; k < 8; k++)
			fprintf(out,
				"%s{ name = \"t%u-%u\"; cloud_ip = \"203.0.113.%u\"; customer_ip = "
				"\"198.51.%u.%u\"; psk = \"x\"; }\n",
				k > 0 ? "," : "", i, k, 1 + k / 4, i, 1 + k % 4);
		fputs("); }\n", out);
	}
	fputs(");\n", out);
	fclose(out);
	return text;
}

static void inner_addresses_run_out(void **state)
{
	char *text = many_tunnels(128), *messages, buf[PREFIX_STR_MAX];
	struct conf *c = given_read(text, strlen(text), &messages);

	assert_string_equal(messages, "");
	assert_string_equal(prefix_format(&c->connection[127].tunnel[7].inner, buf),
			    "169.254.15.254/30");
	conf_free(c);
	free(messages);
	free(text);

	text = many_tunnels(129);
	assert_null(given_read(text, strlen(text), &messages));
	assert_non_null(strstr(messages,
			       "tunnel 't128-0': inner is missing, and border_gateway 'bgw' "
			       "has used up 169.254.0.0/20: give one\n"));
	assert_ptr_equal(strchr(messages, '\n') + 1, messages + strlen(messages)); /* one message */
	free(messages);
	free(text);
}

static void references_are_set(void **state)
{
	char *messages;
	struct conf *c = given_read(given_text, strlen(given_text), &messages);

	assert_ptr_equal(c->connection[0].gateway, &c->border_gateway[0]);
	assert_ptr_equal(c->connection[0].customer, &c->customer_gateway[0]);
	assert_ptr_equal(c->attachment[0].vpc, &c->vpc[0]);
	assert_ptr_equal(c->attachment[0].gateway, &c->border_gateway[0]);
	assert_ptr_equal(c->attachment[0].port, &c->port[1]);
	assert_ptr_equal(c->border_gateway[0].route[0].connection, &c->connection[0]);
	assert_ptr_equal(c->vpc[0].route[0].gateway, &c->border_gateway[0]);
	conf_free(c);
	free(messages);
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(border_gateways_share_no_network_unless_they_must),
		cmocka_unit_test(names_and_references),
		cmocka_unit_test(ports_and_pool),
		cmocka_unit_test(vpc_attachments),
		cmocka_unit_test(connections_and_tunnels),
		cmocka_unit_test(static_routes),
		cmocka_unit_test(overlapping_vpcs_are_a_warning),
		cmocka_unit_test(a_network_may_be_shared_by_one_vpc),
		cmocka_unit_test(inner_addresses_are_allocated_in_order),
		cmocka_unit_test(ipv6_is_as_good),
		cmocka_unit_test(asns_must_differ),
		cmocka_unit_test(inner_addresses_run_out),
		cmocka_unit_test(references_are_set),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

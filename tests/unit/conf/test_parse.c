#include "conf/parse.h"

#include "given.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TUNNEL_A "vpn_connection 'dc1', tunnel 'a': "

/* One mistake, one message, at the line of the value. */
/* Of IKEv1, each with each. */
#define CIPHERS "ike_cipher = [ \"aes128\", \"aes192\", \"aes256\" ]; "
#define AUTHS	"ike_auth = [ \"sha256\", \"sha384\", \"sha512\" ]; "
#define GROUPS	"ike_dh = [ \"ecp256\", \"ecp384\", \"ecp521\", \"x25519\", \"modp2048\" ]; "

static const struct edit values[] = {
	{ NULL, NULL, "" },
	/* wrong kind of value */
	{ "dpd = 20", "dpd = \"20\"",
	  "19: error: " TUNNEL_A
	  "dpd = '20': must be a whole number from 0 to 3600 seconds, 0 is off\n" },
	{ "dpd = 20", "dpd = 2.5",
	  "19: error: " TUNNEL_A
	  "dpd = 2.5: must be a whole number from 0 to 3600 seconds, 0 is off\n" },
	{ "dpd = 20", "dpd = [ 20 ]",
	  "19: error: " TUNNEL_A
	  "dpd = [ an array ]: must be a whole number from 0 to 3600 seconds, 0 is off\n" },
	{ "bgp = false", "bgp = 0",
	  "15: error: vpn_connection 'dc1': bgp = 0: must be true or false\n" },
	{ "name = \"wan\"", "name = 7",
	  "2: error: port #1: name = 7: must be a text in double quotes\n" },
	{ "vxlan = { vni = 1001; local_vtep = \"10.255.0.1\"; remote_vtep = \"10.255.0.2\"; }",
	  "vxlan = 1001",
	  "12: error: vpc_attachment 'prod': vxlan = 1001: must be a group: { ... }\n" },
	{ "(\n  { prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"; } )", "\"dc1\"",
	  "6: error: border_gateway 'bgw': static_routes = 'dc1': must be a list of groups: "
	  "( { ... }, { ... } )\n" },
	{ "{ prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"; }", "\"dc1\"",
	  "7: error: border_gateway 'bgw': static_routes[1] = 'dc1': must be a group: { ... }\n" },
	/* out of range */
	{ "dpd = 20", "dpd = -1",
	  "19: error: " TUNNEL_A "dpd = -1: must be a number from 0 to 3600 seconds, 0 is off\n" },
	{ "mtu = 1500", "mtu = 4294968796", /* 1500, if only 32 bits were looked at */
	  "3: error: port 'wan': mtu = 4294968796: must be a number from 576 to 9216 bytes\n" },
	{ "vni = 1001", "vni = 0x1000000",
	  "12: error: vpc_attachment 'prod', vxlan: vni = 16777216: must be a number from 1 to "
	  "16777215\n" },
	{ "dpd = 20", "ike_lifetime = 2",
	  "19: error: " TUNNEL_A "ike_lifetime = 2: must be a number from 3 to 86400 seconds\n" },
	{ "dpd = 20", "esp_lifetime = 86401",
	  "19: error: " TUNNEL_A
	  "esp_lifetime = 86401: must be a number from 3 to 86400 seconds\n" },
	{ "dpd = 20", "replay_window = 32",
	  "19: error: " TUNNEL_A
	  "replay_window = 32: must be a number from 64 to 16384 packets\n" },
	/* addresses */
	{ "\"10.255.0.1/24\"", "\"10.255.0.1\"",
	  "4: error: port 'vpc': addresses[1] = '10.255.0.1': must be an address and a length, like "
	  "\"10.0.0.1/16\"\n" },
	{ "next_hop = \"203.0.113.254\"", "next_hop = \"2001:db8::1\"",
	  "3: error: port 'wan': next_hop = '2001:db8::1': must be an IPv4 address\n" },
	{ "cloud_ip = \"203.0.113.1\"", "cloud_ip = \"203.0.113.1/32\"",
	  "17: error: " TUNNEL_A "cloud_ip = '203.0.113.1/32': must be an IPv4 or IPv6 address\n" },
	{ "cloud_ip = \"203.0.113.1\"", "cloud_ip = \"224.0.0.1\"",
	  "17: error: " TUNNEL_A "cloud_ip = '224.0.0.1': must be the address of one host\n" },
	{ "prefixes = [ \"10.0.0.0/16\" ]", "prefixes = [ \"10.0.0.1/16\" ]",
	  "8: error: vpc 'prod': prefixes[1] = '10.0.0.1/16': has host bits set; the network is "
	  "10.0.0.0/16\n" },
	/* lists: the place of the element, also of the last before a new line */
	{ "addresses = [ \"10.255.0.1/24\" ]", "addresses = [\n\"10.255.0.1/24\",\n\"x\"\n\n]",
	  "6: error: port 'vpc': addresses[2] = 'x': must be an address and a length, like "
	  "\"10.0.0.1/16\"\n" },
	{ "addresses = [ \"10.255.0.1/24\" ]", "addresses = [ \"x\" # here\n /* and\n here */ ]",
	  "4: error: port 'vpc': addresses[1] = 'x': must be an address and a length, like "
	  "\"10.0.0.1/16\"\n" },
	{ "addresses = [ \"10.255.0.1/24\" ]", "addresses = [ ]",
	  "4: error: port 'vpc': addresses = [ an array ]: has 0 elements; must have 1 to 16\n" },
	{ "[ \"198.51.100.1\", \"198.51.100.2\" ]",
	  "[ \"198.51.100.1\", \"198.51.100.2\", \"198.51.100.3\" ]",
	  "13: error: customer_gateway 'rt': addresses has 3 elements; must have 1, 2 or 4\n" },
	{ "[ \"198.51.100.1\", \"198.51.100.2\" ]",
	  "[ \"198.51.100.1\", \"198.51.100.2\", \"198.51.100.3\", \"198.51.100.1\" ]",
	  "13: error: customer_gateway 'rt': addresses has 198.51.100.1 twice\n" },
	/* missing and unknown */
	{ "name = \"vpc\"; ", "",
	  "4: error: port #2: name is missing: how other objects call the port\n" },
	{ "remote_vtep = \"10.255.0.2\"; ", "",
	  "12: error: vpc_attachment 'prod', vxlan: remote_vtep is missing: the address of the VPC's "
	  "side\n" },
	{ "  vxlan = {", "  vxlam = {",
	  "12: error: vpc_attachment 'prod': 'vxlam': unknown name; did you mean 'vxlan'?\n" },
	{ "bgp = false", "gbp = false",
	  "15: error: vpn_connection 'dc1': 'gbp': unknown name; did you mean 'bgp'?\n" },
	{ "psk = \"hush, hush\"", "pks = \"hush, hush\"",
	  "18: error: " TUNNEL_A "'pks': unknown name; did you mean 'psk'?\n" },
	{ "dpd = 20", "xyzzy = 20", "19: error: " TUNNEL_A "'xyzzy': unknown name\n" },
	{ "vpcs = (", "vpc = (", "8: error: 'vpc': unknown name; did you mean 'vpcs'?\n" },
	/* names */
	{ "name = \"wan\"", "name = \"wan 1\"",
	  "2: error: port 'wan 1': name = 'wan 1': the name holds a character that is not allowed; a "
	  "name has 1 to 32 letters, digits, '_' or '-'\n" },
	{ "name = \"wan\"", "name = \"\\x1b[31m\"",
	  "2: error: port '\\x1b[31m': name = '\\x1b[31m': the name holds a character that is not "
	  "allowed; a name has 1 to 32 letters, digits, '_' or '-'\n" },
	{ "dpd = 20", "ike_fragment = 575",
	  "19: error: " TUNNEL_A
	  "ike_fragment = 575: must be a number from 576 to 9216 bytes, or 0\n" },
	{ "dpd = 20", "ike_fragment = 0", "" },
	/* not yet */
	{ "dpd = 20", "esp_lifetime_bytes = 107374182400", "" },
	{ "dpd = 20", "esp_lifetime_bytes = 107374182401",
	  "19: error: " TUNNEL_A "esp_lifetime_bytes = 107374182401: must be a number from 0 to "
	  "107374182400 bytes, 0 is no limit\n" },
	{ "dpd = 20", "ppk = \"hush\"", "17: error: " TUNNEL_A "ppk and ppk_id need each other\n" },
	{ "dpd = 20", "ppk_id = \"hush\"",
	  "17: error: " TUNNEL_A "ppk and ppk_id need each other\n" },
	{ "dpd = 20", "ppk = \"hush\"; ppk_id = \"one\"; ppk_required = true", "" },
	{ "dpd = 20", "ppk = \"hush\"; ppk_id = \"o\\\"ne\"",
	  "19: error: " TUNNEL_A "ppk_id must have no quotation marks\n" },
	{ "dpd = 20", "description = \"red \\x1b[31m\"",
	  "19: error: " TUNNEL_A
	  "description = 'red \\x1b[31m': must have no control characters\n" },
	{ "dpd = 20", "description = \"\xc2\x9b\"",
	  "19: error: " TUNNEL_A "description = '\xc2\x9b': must have no control characters\n" },
	{ "dpd = 20", "description = \"\xc2\xa0\xc3\x9f\"", "" },
	{ "dpd = 20", "ppk_required = true",
	  "19: error: " TUNNEL_A "ppk_required = true: there is no ppk\n" },
	{ "dpd = 20", "verify_pfs = true",
	  "19: warning: " TUNNEL_A "verify_pfs has no effect: esp_pfs is none\n" },
	{ "dpd = 20", "verify_pfs = true; esp_pfs = \"ecp256\"", "" },
	{ "dpd = 20", "esp_sha256_96 = true", "" },
	{ "dpd = 20", "start = \"on_demand\"", "" },
	{ "dpd = 20", "start = \"never\"",
	  "19: error: " TUNNEL_A
	  "start = 'never': unknown; allowed: initiate, respond, on_demand\n" },
	{ "dpd = 20", "esp_lifetime_packets = 0; bandwidth = 0", "" },
	{ "dpd = 20", "bandwidth = 1.5",
	  "19: error: " TUNNEL_A
	  "bandwidth = 1.5: must be a whole number from 0 to 400000 Mbit/s, 0 is no limit\n" },
	{ "dpd = 20", "df = \"keep\"",
	  "19: error: " TUNNEL_A "df = 'keep': unknown; allowed: set, copy, clear\n" },
	/* BGP */
	{ "bgp = false", "bgp = false; local_asn = 64511",
	  "15: error: vpn_connection 'dc1': local_asn = 64511: must be a number from 64512 to 65534\n" },
	{ "dpd = 20", "bgp_hold = 2",
	  "19: error: " TUNNEL_A "bgp_hold = 2: must be a number from 3 to 65535 seconds\n" },
	{ "dpd = 20", "bgp_hold = 90; bgp_keepalive = 90",
	  "19: error: " TUNNEL_A "bgp_keepalive = 90: must be less than bgp_hold, 90\n" },
	{ "dpd = 20", "bgp_keepalive = 40",
	  "19: error: " TUNNEL_A "bgp_keepalive = 40: must be less than bgp_hold, 30\n" },
	{ "dpd = 20", "bgp_password = \"hush\\\"; hush\"",
	  "19: error: " TUNNEL_A
	  "bgp_password: must be 1 to 80 printable ASCII characters, without \"\n" },
	{ "dpd = 20", "bgp_password = \"hush\\nhush\"",
	  "19: error: " TUNNEL_A
	  "bgp_password: must be 1 to 80 printable ASCII characters, without \"\n" },
	{ "dpd = 20", "bgp_password = \"\"",
	  "19: error: " TUNNEL_A
	  "bgp_password: must be 1 to 80 printable ASCII characters, without \"\n" },
	{ "dpd = 20", "bgp_password = 5",
	  "19: error: " TUNNEL_A "bgp_password: must be a text in double quotes\n" },
	{ "dpd = 20", "bgp_families = [ \"ipv4\", \"ipv4\" ]",
	  "19: error: " TUNNEL_A
	  "bgp_families = [ an array ]: must be \"ipv4\", \"ipv6\" or [ \"ipv4\", \"ipv6\" ]\n" },
	{ "dpd = 20", "bgp_families = \"evpn\"",
	  "19: error: " TUNNEL_A
	  "bgp_families = 'evpn': must be \"ipv4\", \"ipv6\" or [ \"ipv4\", \"ipv6\" ]\n" },
	{ "dpd = 20", "bgp_families = [ ]",
	  "19: error: " TUNNEL_A
	  "bgp_families = [ an array ]: must be \"ipv4\", \"ipv6\" or [ \"ipv4\", \"ipv6\" ]\n" },
	{ "dpd = 20", "bfd = true; bfd_interval = 5; bfd_multiplier = 1",
	  "19: error: " TUNNEL_A "bfd_interval = 5: must be a number from 10 to 60000 ms\n"
	  "19: error: " TUNNEL_A "bfd_multiplier = 1: must be a number from 2 to 50\n" },
	{ "dpd = 20", "graceful_restart_time = 4096; import_limit = 0; med = 0; prepend = 11",
	  "19: error: " TUNNEL_A
	  "graceful_restart_time = 4096: must be a number from 1 to 4095 seconds\n"
	  "19: error: " TUNNEL_A "prepend = 11: must be a number from 0 to 10 times\n" },
	{ "name = \"bgw\";", "name = \"bgw\"; dynamic_quota = 10000001; transit = 1;",
	  "6: error: border_gateway 'bgw': dynamic_quota = 10000001: must be a number from 0 to "
	  "10000000 routes\n"
	  "6: error: border_gateway 'bgw': transit = 1: must be true or false\n" },
	{ "port = \"vpc\";\n", "port = \"vpc\"; import = [ \"192.168.1.0/16\" ];\n",
	  "10: error: vpc_attachment 'prod': import[1] = '192.168.1.0/16': has host bits set; the "
	  "network is 192.168.0.0/16\n" },
	{ "ports = (", "bird = { program = \"bird\"; }; ports = (",
	  "1: error: bird: program = 'bird': must be an absolute path of at most 255 bytes\n" },
	{ "ports = (",
	  "bird = { attach = \"/run/b\"; netns = \"/run/n\"; run_dir = \"/run/d\"; user = "
	  "\"nobody\"; }; ports = (",
	  "1: warning: bird: user is unused: with attach BIRD is run by its operator\n" },
	{ "ports = (", "bird = { attach = \"/run/b\"; run_dir = \"/run/d\"; }; ports = (",
	  "1: error: bird: netns is missing: with attach it tells where BIRD is run\n" },
	{ "ports = (", "bird = { netns = \"/run/n\"; }; ports = (",
	  "1: warning: bird: netns is unused: without attach BIRD is run by the gateway\n" },
	{ "ports = (", "underlay_routes = ( { prefix = \"198.51.0.0/16\"; } ); ports = (",
	  "1: error: underlay_route '198.51.0.0/16': next_hop is missing: the address of a router on "
	  "the port's network\n"
	  "1: error: underlay_route '198.51.0.0/16': port is missing: the name of a port\n" },
	/* versions of IKE */
	{ "dpd = 20", "ike_version = \"v2\"", "" },
	{ "dpd = 20", "ike_version = \"v1\"", "" },
	{ "dpd = 20", "ike_version = \"v1\"; ike_mode = \"main\"; esp_cipher = \"aes256gcm\"", "" },
	{ "dpd = 20", "ike_version = \"v3\"",
	  "19: error: " TUNNEL_A "ike_version = 'v3': unknown; allowed: v1, v2\n" },
	{ "dpd = 20", "ike_version = \"v1\"; ike_mode = \"quick\"",
	  "19: error: " TUNNEL_A "ike_mode = 'quick': unknown; allowed: main, aggressive\n" },
	{ "dpd = 20", CIPHERS AUTHS GROUPS "ike_version = \"v1\"",
	  "17: warning: " TUNNEL_A
	  "ike_cipher, ike_auth and ike_dh make 45 combinations: an IKEv1 offer has room for 40, the "
	  "last 5 are left out\n" },
	{ "dpd = 20", CIPHERS AUTHS GROUPS "ike_version = \"v2\"", "" },
	{ "dpd = 20", CIPHERS GROUPS "ike_version = \"v1\"", "" },
	{ "dpd = 20", "ike_version = \"v1\"; ike_mode = \"aggressive\"",
	  "19: warning: " TUNNEL_A
	  "aggressive mode shows a hash of the psk to anybody who calls: use a long random psk, or "
	  "main mode\n" },
	{ "dpd = 20", "ike_mode = \"main\"",
	  "19: warning: " TUNNEL_A "ike_mode is unused: it belongs to ike_version = \"v1\"\n" },
	{ "dpd = 20", "ike_version = \"v1\"; ike_cipher = \"aes128gcm\"",
	  "17: error: " TUNNEL_A "ike_cipher 'aes128gcm' needs ike_version = \"v2\"\n" },
	{ "dpd = 20", "ike_version = \"v1\"; ppk = \"hush\"; ppk_id = \"one\"",
	  "17: error: " TUNNEL_A "ppk needs ike_version = \"v2\"\n" },
	{ "dpd = 20", "ike_version = \"v1\"; esp_cipher = \"chacha20poly1305\"",
	  "17: error: " TUNNEL_A "esp_cipher 'chacha20poly1305' needs ike_version = \"v2\"\n" },
	/* identities and inner addresses */
	{ "dpd = 20", "local_id = \"two words\"",
	  "19: error: " TUNNEL_A
	  "local_id = 'two words': must be an address, a name, user@name, or "
	  "key_id: and a text or 0x and hex, of at most 128 bytes\n" },
	{ "dpd = 20", "inner = \"169.254.0.4/29\"",
	  "19: error: " TUNNEL_A
	  "inner = '169.254.0.4/29': must be our address in a /30 of 169.254.0.0/16, 10.0.0.0/8, "
	  "172.16.0.0/12 or 192.168.0.0/16, or in an IPv6 /126\n" },
	{ "dpd = 20", "inner = \"169.254.0.7/30\"",
	  "19: error: " TUNNEL_A
	  "inner = '169.254.0.7/30': must be our address in a /30 of 169.254.0.0/16, 10.0.0.0/8, "
	  "172.16.0.0/12 or 192.168.0.0/16, or in an IPv6 /126\n" },
	/* the socket and the workers */
	{ "ports = (", "key_export = \"/root/keys\"; ports = (",
	  "1: warning: key_export = '/root/keys': the keys of all tunnels are written there: who reads "
	  "them can read and forge all traffic\n" },
	{ "ports = (", "control_socket = \"run/isthmus.sock\"; ports = (",
	  "1: error: control_socket = 'run/isthmus.sock': must be an absolute path of at most 107 "
	  "bytes\n" },
	{ "ports = (", "workers = { lcores = [ 1, 2000 ]; idel_nap = true; }; ports = (",
	  "1: error: workers: lcores[2] = 2000: must be a number from 0 to 1023\n"
	  "1: error: workers: 'idel_nap': unknown name; did you mean 'idle_nap'?\n" },
	{ "ports = (", "workers = { lcores = 3; hugepages = false; memory_mb = 64; }; ports = (",
	  "" },
	/* what is watched */
	{ "ports = (",
	  "log = { format = \"xml\"; target = \"syslog\"; level = \"all\"; }; ports = (",
	  "1: error: log: format = 'xml': unknown; allowed: text, json\n"
	  "1: error: log: level = 'all': unknown; allowed: error, warning, info, debug\n" },
	{ "ports = (", "metrics = { listen = \"[::1]:9100\"; }; ports = (", "" },
	{ "ports = (", "metrics = { listen = \"9100\"; }; ports = (",
	  "1: error: metrics: listen = '9100': must be an address of this box and a port, like "
	  "\"127.0.0.1:9100\"\n" },
	{ "ports = (", "metrics = { listen = \"::1:9100\"; }; ports = (",
	  "1: error: metrics: listen = '::1:9100': must be an address of this box and a port, like "
	  "\"127.0.0.1:9100\"\n" },
	{ "ports = (", "metrics = { listen = \"127.0.0.1:70000\"; }; ports = (",
	  "1: error: metrics: listen = '127.0.0.1:70000': must be an address of this box and a "
	  "port, like \"127.0.0.1:9100\"\n" },
	{ "ports = (", "metrics = { }; ports = (",
	  "1: error: metrics: listen is missing: where Prometheus asks, like "
	  "\"127.0.0.1:9100\"\n" },
	/* one encapsulation, subnets only when they are asked for */
	{ "  vxlan = {", "  vlan = { id = 5; }; vxlan = {",
	  "10: error: vpc_attachment 'prod': has both vxlan and vlan, must have one of them\n" },
	{ "port = \"vpc\";\n", "port = \"vpc\"; propagate = \"partial\";\n",
	  "10: error: vpc_attachment 'prod': propagate = 'partial' needs propagated, the list of "
	  "subnets\n" },
};

static const struct edit algorithms[] = {
	{ "dpd = 20", "ike_cipher = \"aes128gcm\"; ike_dh = [ \"x25519\", \"ecp521\" ]", "" },
	{ "dpd = 20", "ike_cipher = ( \"chacha20poly1305\", \"aes192\" )", "" },
	{ "dpd = 20", "ike_cipher = \"3des\"",
	  "19: warning: " TUNNEL_A "ike_cipher = '3des': is weak, use it only if the peer must\n" },
	{ "dpd = 20", "esp_cipher = \"3des\"",
	  "19: error: " TUNNEL_A
	  "esp_cipher = '3des': unknown; allowed: aes128, aes192, aes256, aes128gcm, aes192gcm, "
	  "aes256gcm, chacha20poly1305\n" },
	{ "dpd = 20", "esp_auth = [ \"sha256\", \"md5\" ]",
	  "19: error: " TUNNEL_A
	  "esp_auth[2] = 'md5': unknown; allowed: sha1, sha256, sha384, sha512\n" },
	{ "dpd = 20", "esp_auth = [ \"sha256\", \"sha256\" ]",
	  "19: error: " TUNNEL_A "esp_auth[2] = 'sha256': is listed twice\n" },
	{ "dpd = 20", "esp_pfs = [ \"ecp256\", \"none\" ]",
	  "19: error: " TUNNEL_A
	  "esp_pfs[2] = 'none': must stand alone; allowed: none, modp1024, modp1536, modp2048, "
	  "modp3072, modp4096, ecp256, ecp384, ecp521, x25519\n" },
	{ "dpd = 20", "esp_pfs = \"none\"", "" },
	{ "dpd = 20", "ike_dh = \"none\"",
	  "19: error: " TUNNEL_A
	  "ike_dh = 'none': unknown; allowed: modp1024, modp1536, modp2048, modp3072, modp4096, "
	  "ecp256, ecp384, ecp521, x25519\n" },
	{ "dpd = 20", "ike_dh = \"modp1024\"",
	  "19: warning: " TUNNEL_A "ike_dh = 'modp1024': is weak, use it only if the peer must\n" },
	{ "dpd = 20", "ike_auth = \"sha1\"",
	  "19: warning: " TUNNEL_A "ike_auth = 'sha1': is weak, use it only if the peer must\n" },
	{ "dpd = 20", "esp_cipher = \"aes256gcm\"; esp_auth = \"sha384\"",
	  "19: warning: " TUNNEL_A
	  "esp_auth is unused: every esp_cipher authenticates by itself\n" },
	{ "dpd = 20", "esp_cipher = [ \"aes256gcm\", \"aes256\" ]; esp_auth = \"sha384\"", "" },
	{ "dpd = 20", "ike_lifetime = 59",
	  "19: warning: " TUNNEL_A "ike_lifetime = 59: is below 60 s: for tests only\n" },
};

static const struct edit keys[] = {
	{ "psk = \"hush, hush\"", "psk = \"0xC0ffee\"", "" },
	{ "psk = \"hush, hush\"", "psk = \"0sAAECAwQ=\"", "" },
	{ "psk = \"hush, hush\"", "psk = \"hush\"\n \"hush\"", "" },
	{ "psk = \"hush, hush\"", "psk = \"0xhush\"",
	  "18: error: " TUNNEL_A
	  "psk: the key starts with 0x, but pairs of hex digits do not follow; "
	  "allowed are 1 to 128 bytes: printable text, 0x and hex, or 0s and base64\n" },
	{ "psk = \"hush, hush\"", "psk = \"0shush!\"",
	  "18: error: " TUNNEL_A "psk: the key starts with 0s, but base64 does not follow; allowed "
	  "are 1 to 128 bytes: printable text, 0x and hex, or 0s and base64\n" },
	{ "psk = \"hush, hush\"", "psk = \"\"",
	  "18: error: " TUNNEL_A
	  "psk: the key is empty; allowed are 1 to 128 bytes: printable text, "
	  "0x and hex, or 0s and base64\n" },
	{ "psk = \"hush, hush\"", "psk = \"hush\\nhush\"",
	  "18: error: " TUNNEL_A
	  "psk: the key holds a character that is not printable ASCII (write "
	  "it as 0x and hex); allowed are 1 to 128 bytes: printable text, 0x and hex, or 0s and "
	  "base64\n" },
	{ "psk = \"hush, hush\"", "psk = 1234",
	  "18: error: " TUNNEL_A "psk: must be a text in double quotes\n" },
	{ "      psk = \"hush, hush\"; }", "      }",
	  "20: warning: vpn_connection 'dc1', tunnel 'b': psk is missing: a random one is "
	  "made; \"show tunnel b psk\" tells it\n" },
};

static const struct edit syntax[] = {
	{ "bgp = false",
	  "bgp = ", "15: error: vpn_connection 'dc1': syntax error at or after bgp\n" },
	{ "psk = \"hush, hush\";\n      dpd", "psk = hush;\n      dpd",
	  "18: error: " TUNNEL_A "syntax error at or after psk\n" },
	{ "bgp = false", "bgp = false; bgp = false",
	  "15: error: vpn_connection 'dc1': duplicate setting name at or after bgp\n" },
	{ "dpd = 20", "ike_dh = [ 1, \"x\" ]",
	  "19: error: " TUNNEL_A "mismatched element type in array at or after ike_dh\n" },
	{ "bgp = false", "@include \"other.conf\"",
	  "15: error: @include is not supported, write everything in one file\n" },
	{ "bgp = false", "bgp = \x01", "15: error: a byte that belongs to no text\n" },
};

static void values_are_checked(void **state)
{
	given_says(values, ARRAY_LEN(values));
}

static void algorithms_are_checked(void **state)
{
	given_says(algorithms, ARRAY_LEN(algorithms));
}

static void keys_are_checked_and_never_shown(void **state)
{
	given_says(keys, ARRAY_LEN(keys));
}

static void syntax_errors_have_a_line(void **state)
{
	given_says(syntax, ARRAY_LEN(syntax));
}

static struct conf *read_with(const char *find, const char *put)
{
	char *text = given_edited(given_text, find, put), *messages;
	struct conf *c = given_read(text, strlen(text), &messages);

	assert_non_null(c);
	free(messages);
	free(text);
	return c;
}

static void defaults_are_those_of_the_service(void **state)
{
	struct conf *c = read_with("dpd = 20; ", "");
	const struct conf_tunnel *t = &c->connection[0].tunnel[0];

	assert_int_equal(t->ike_cipher.n, 1);
	assert_int_equal(t->ike_cipher.id[0], CIPHER_AES128_CBC);
	assert_int_equal(t->ike_auth.id[0], AUTH_SHA256);
	assert_int_equal(t->ike_dh.id[0], DH_ECP256);
	assert_int_equal(t->ike_lifetime, 14400);
	assert_int_equal(t->dpd, 10);
	assert_int_equal(t->ike_fragment, 1280);
	assert_int_equal(t->esp_cipher.id[0], CIPHER_AES128_CBC);
	assert_int_equal(t->esp_auth.id[0], AUTH_SHA256);
	assert_int_equal(t->esp_pfs.n, 0);
	assert_int_equal(t->esp_lifetime, 3600);
	assert_int_equal(t->start, CONF_START_INITIATE);
	assert_int_equal(t->replay_window, 1024);
	assert_true(t->enabled);
	assert_false(t->esn || t->force_udp);
	assert_int_equal(t->n_ts_local + t->n_ts_remote, 0);
	assert_int_equal(t->local_id.type, CONF_ID_IPV4);
	assert_memory_equal(t->local_id.data, "\xcb\x00\x71\x01", 4);
	assert_memory_equal(t->remote_id.data, "\xc6\x33\x64\x01", 4);
	assert_int_equal(c->border_gateway[0].asn, 65000);
	assert_int_equal(c->port[1].mtu, 1500);
	assert_int_equal(c->attachment[0].mtu, 1450);
	assert_int_equal(c->attachment[0].mac[0], 2);
	assert_string_equal(c->control_socket, "/run/isthmus/control.sock");
	assert_string_equal(c->bird.program, "/usr/sbin/bird");
	assert_string_equal(c->bird.attach, "");
	conf_free(c);
}

#define WITH_ASN "\"198.51.100.2\" ]; asn = 65010; } );\n"

static void bgp_is_on_by_default(void **state)
{
	struct conf *c;
	const struct conf_tunnel *t;

	c = read_with("\"198.51.100.2\" ]; } );\n"
		      "vpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; "
		      "customer_gateway = \"rt\";\n  bgp = false;\n",
		      WITH_ASN "vpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; "
			       "customer_gateway = \"rt\";\n");
	t = &c->connection[0].tunnel[0];
	assert_true(c->connection[0].bgp);
	assert_int_equal(c->connection[0].local_asn, 65000);
	assert_int_equal(c->border_gateway[0].dynamic_quota, 300);
	assert_false(c->border_gateway[0].transit);
	assert_true(c->attachment[0].import_all);
	assert_true(t->bgp_ipv4 && !t->bgp_ipv6);
	assert_int_equal(t->bgp_hold, 30);
	assert_int_equal(t->bgp_keepalive, 10);
	assert_null(t->bgp_password);
	assert_false(t->bfd || t->med_given);
	assert_int_equal(t->bfd_interval, 300);
	assert_int_equal(t->bfd_multiplier, 3);
	assert_true(t->graceful_restart);
	assert_int_equal(t->graceful_restart_time, 120);
	assert_int_equal(t->import_limit, 10000);
	assert_int_equal(t->med + t->prepend + t->probe, 0);
	assert_int_equal(t->drain_wait, 5);
	conf_free(c);
}

static void bgp_of_later_tunnels(void **state)
{
	struct conf *c = read_with(
		"dpd = 20; ", "bgp_hold = 9; bgp_password = \"a b;#\\\\\"; bfd = true; med = 0; "
			      "inner = \"fd00::1/126\"; prepend = 2; import_limit = 9;");
	const struct conf_tunnel *a = &c->connection[0].tunnel[0], *b = a + 1;
	struct conf_tunnel copy;

	assert_int_equal(a->bgp_keepalive, 3);
	assert_int_equal(a->bgp_password->len, 6);
	assert_memory_equal(a->bgp_password->data, "a b;#\\", 6);
	assert_true(a->bgp_ipv6 && !a->bgp_ipv4);
	assert_int_equal(b->bgp_hold, 9);
	assert_null(b->bgp_password);
	assert_true(b->bfd && b->med_given && b->prepend == 2 && b->import_limit == 9);
	assert_true(b->bgp_ipv4 && !b->bgp_ipv6);
	assert_int_equal(conf_tunnel_copy(&copy, a), 0);
	assert_ptr_not_equal(copy.bgp_password, a->bgp_password);
	assert_memory_equal(copy.bgp_password->data, "a b;#\\", 6);
	conf_tunnel_clear(&copy);
	conf_free(c);
	c = read_with("dpd = 20; ", "bgp_families = [ \"ipv6\", \"ipv4\" ];");
	a = &c->connection[0].tunnel[0];
	assert_true(a[0].bgp_ipv4 && a[0].bgp_ipv6 && a[1].bgp_ipv4 && a[1].bgp_ipv6);
	conf_free(c);
}

static void imports_filter(void **state)
{
	struct conf *c = read_with("port = \"vpc\";\n",
				   "port = \"vpc\"; import = [ \"192.168.0.0/16\" ];\n");

	assert_false(c->attachment[0].import_all);
	assert_int_equal(c->attachment[0].n_import, 1);
	conf_free(c);
	c = read_with("port = \"vpc\";\n", "port = \"vpc\"; import = [ ];\n");
	assert_false(c->attachment[0].import_all);
	assert_int_equal(c->attachment[0].n_import, 0);
	conf_free(c);
}

static void later_tunnels_copy_what_is_negotiated(void **state)
{
	struct conf *c = read_with(
		"dpd = 20; ", "dpd = 20; esp_cipher = \"aes256gcm\"; enabled = false; esn = true; "
			      "local_id = \"gw\"; inner = \"169.254.9.1/30\"; ike_lifetime = 600;");
	const struct conf_tunnel *a = &c->connection[0].tunnel[0], *b = a + 1;

	assert_int_equal(b->dpd, 20);
	assert_int_equal(b->ike_lifetime, 600);
	assert_int_equal(b->esp_cipher.id[0], CIPHER_AES256_GCM);
	assert_true(b->esn);
	assert_false(a->enabled);
	assert_true(b->enabled);
	assert_int_equal(a->local_id.type, CONF_ID_FQDN);
	assert_int_equal(b->local_id.type, CONF_ID_IPV4);
	assert_string_equal(b->name, "b");
	assert_true(a->inner_given);
	assert_false(b->inner_given);
	assert_ptr_not_equal(a->psk, b->psk);
	conf_free(c);
}

static void selectors_reach_every_tunnel(void **state)
{
	struct conf *c = read_with("bgp = false;", "bgp = false; local_subnet = \"10.0.0.0/16\"; "
						   "remote_subnets = [ \"192.168.1.0/24\", "
						   "\"192.168.2.0/24\" ];");

	for (int i = 0; i < 2; i++) {
		const struct conf_tunnel *t = &c->connection[0].tunnel[i];
		char text[PREFIX_STR_MAX];

		assert_int_equal(t->n_ts_local, 1);
		assert_int_equal(t->n_ts_remote, 2);
		assert_string_equal(prefix_format(&t->ts_local[0], text), "10.0.0.0/16");
		assert_string_equal(prefix_format(&t->ts_remote[1], text), "192.168.2.0/24");
	}
	conf_free(c);
}

static void numbers_beyond_31_bits_are_whole(void **state)
{
	struct conf *c = read_with("{ name = \"bgw\";", "{ name = \"bgw\"; asn = 4200000000;");

	assert_int_equal(c->border_gateway[0].asn, 4200000000);
	conf_free(c);
	c = read_with("{ name = \"bgw\";", "{ name = \"bgw\"; asn = 0xfa56ea00;");
	assert_int_equal(c->border_gateway[0].asn, 0xfa56ea00);
	conf_free(c);
}

static const struct {
	const char *written;
	const char *bytes;
	unsigned len;
} key_bytes[] = {
	{ "hush", "hush", 4 },
	{ "0x00ff10", "\x00\xff\x10", 3 },
	{ "0sAAECAwQ=", "\x00\x01\x02\x03\x04", 5 },
	{ "0sAAECAwQ", "\x00\x01\x02\x03\x04", 5 },
	{ "a\\\"b\\\\c\\x41", "a\"b\\cA", 6 },
	{ "0", "0", 1 },
	{ " ]; } # ", " ]; } # ", 8 },
};

static void keys_mean_what_is_written(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(key_bytes); i++) {
		const struct secret *psk;
		char put[100];
		struct conf *c;

		snprintf(put, sizeof(put), "psk = \"%s\"", key_bytes[i].written);
		c = read_with("psk = \"hush, hush\"", put);
		psk = c->connection[0].tunnel[0].psk;
		assert_int_equal(psk->len, key_bytes[i].len);
		assert_memory_equal(psk->data, key_bytes[i].bytes, psk->len);
		conf_free(c);
	}
}

static void keys_end_at_128_bytes(void **state)
{
	for (unsigned len = 127; len <= 2000; len += len < 130 ? 1 : 900) {
		char put[2100] = "psk = \"", *text, *messages;
		struct conf *c;

		memset(put + 7, 'x', len);
		strcpy(put + 7 + len, "\"");
		text = given_edited(given_text, "psk = \"hush, hush\"", put);
		c = given_read(text, strlen(text), &messages);
		assert_int_equal(c != NULL, len <= 128);
		if (c == NULL)
			assert_non_null(strstr(messages, "longer than 128 bytes"));
		conf_free(c);
		free(messages);
		free(text);
	}
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(algorithms_are_checked),
		cmocka_unit_test(keys_are_checked_and_never_shown),
		cmocka_unit_test(syntax_errors_have_a_line),
		cmocka_unit_test(defaults_are_those_of_the_service),
		cmocka_unit_test(later_tunnels_copy_what_is_negotiated),
		cmocka_unit_test(bgp_is_on_by_default),
		cmocka_unit_test(bgp_of_later_tunnels),
		cmocka_unit_test(imports_filter),
		cmocka_unit_test(selectors_reach_every_tunnel),
		cmocka_unit_test(numbers_beyond_31_bits_are_whole),
		cmocka_unit_test(keys_mean_what_is_written),
		cmocka_unit_test(keys_end_at_128_bytes),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

/* What operators see, word by word: the commands over a small gateway whose dataplane and
 * negotiator are played here. */
#include "gateway/config.h"
#include "gateway/show.h"

#include "conf/number.h"

#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "tests/unit/gateway/fake_dataplane.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Commands that need a dataplane which this is not. */
int trace_start(struct command_call *call)
{
	return -ENOTSUP;
}

int capture_start(struct command_call *call)
{
	return -ENOTSUP;
}

static struct conf_port port;
static struct prefix subnet;
static struct conf_static_route route;
static struct conf_border_gateway border_gateway;
static struct conf_vpc vpc;
static struct conf_vpc_attachment attachment;
static struct conf_tunnel tunnel[2];
static struct conf_vpn_connection connection;
/* Not shown, but in the same table of commands. */
/* What changes the configuration needs the whole gateway. */
#define ELSEWHERE(name)                                          \
	int name(struct command_call *call)                      \
	{                                                        \
		return command_fail(call, -ENOSYS, "elsewhere"); \
	}
ELSEWHERE(config_create)
ELSEWHERE(config_set)
ELSEWHERE(config_set_gateway)
ELSEWHERE(config_unset)
ELSEWHERE(config_delete)
ELSEWHERE(config_show)
ELSEWHERE(config_diff)
ELSEWHERE(config_reload)
ELSEWHERE(config_save)
ELSEWHERE(static_route_add)
ELSEWHERE(static_route_delete)

int config_switched(struct gateway *g, const char *name, bool enabled)
{
	return 0;
}

static struct conf conf;
static struct gateway gateway;

/* ---- the negotiator ---------------------------------------------------------------------- */

static int answer_result;
static unsigned asked;

static void fill_view(struct tunnel_snapshot *s, uint64_t now)
{
	struct ike_tunnel_view *v = &s->ike;
	struct ike_child_view *c = &v->child[0];

	s->known = true;
	*v = (struct ike_tunnel_view){
		.up = true,
		.established = true,
		.initiator = true,
		.spi_i = 0x0102030405060708,
		.spi_r = 0xf1f2f3f4f5f6f7f8,
		.cipher = CIPHER_AES256_CBC,
		.auth = AUTH_SHA256,
		.prf = AUTH_SHA256,
		.dh = DH_ECP256,
		.nat_remote = true,
		.since = now - 3700 * CLOCK_SECOND,
		.rekey_at = now + 600 * CLOCK_SECOND,
		.expires_at = IKE_NEVER,
		.n_children = 1,
	};
	addr_parse(&v->path.local.addr, "203.0.113.1");
	addr_parse(&v->path.remote.addr, "198.51.100.2");
	v->path.local.port = v->path.remote.port = 4500;
	*c = (struct ike_child_view){
		.spi_in = 0x00000101,
		.spi_out = 0xc0ffee01,
		.cipher = CIPHER_AES128_GCM,
		.esn = true,
		.udp = true,
		.outbound = true,
		.established = now - 61 * CLOCK_SECOND,
		.rekey_at = now + 3000 * CLOCK_SECOND,
		.expires_at = now + 3600 * CLOCK_SECOND,
		.local = { .n = 1, .v = { { .port_last = 65535 } } },
		.remote = { .n = 2,
			    .v = { { .port_last = 65535 },
				   { .protocol = 17, .port_first = 53, .port_last = 53 } } },
	};
	addr_parse(&c->local.v[0].first, "10.1.0.0");
	addr_parse(&c->local.v[0].last, "10.1.255.255");
	addr_parse(&c->remote.v[0].first, "192.168.0.0");
	addr_parse(&c->remote.v[0].last, "192.168.0.255");
	c->remote.v[1].first = c->remote.v[1].last = c->remote.v[0].first;
	s->in[0] = (struct dataplane_sa_stats){
		.packets = 1234, .bytes = 5678901, .sequence = 1240, .replayed = 6
	};
	s->out[0] = (struct dataplane_sa_stats){ .packets = 7, .bytes = 700, .sequence = 7 };
}

int negotiator_ask(struct negotiator *n, struct negotiator_ask *ask)
{
	asked++;
	ask->result = answer_result;
	ask->now = 10000 * CLOCK_SECOND;
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		ask->counter[i] = 1000 * i;
	/* The first tunnel has an SA, the others are negotiating. */
	for (uint32_t i = 0; ask->kind == ASK_VIEW && i < ask->count; i++)
		if (ask->first + i == 0)
			fill_view(&ask->tunnel[i], ask->now);
	if (ask->kind == ASK_HISTORY) {
		ask->history = (struct ike_history){ 0 };
		ike_history_add(&ask->history, ask->now - 70 * CLOCK_SECOND, true, "calling");
		ike_history_add(&ask->history, ask->now - 60 * CLOCK_SECOND, true, "calling");
		ike_history_add(&ask->history, ask->now - 9 * CLOCK_SECOND, false,
				"no common proposal\nours: x\npeer's: y");
	}
	ask->done(ask);
	return 0;
}

/* ---- the gateway ------------------------------------------------------------------------- */

static int setup(void **state)
{
	char error[256];

	fake_reset();
	memset(&gateway, 0, sizeof(gateway));
	answer_result = 0;
	asked = 0;
	strcpy(port.name, "wan");
	strcpy(port.device, "net_af_packet0,iface=eth1");
	strcpy(border_gateway.name, "bgw");
	strcpy(vpc.name, "prod");
	strcpy(connection.name, "dc1");
	strcpy(connection.border_gateway_name, "bgw");
	strcpy(attachment.vpc_name, "prod");
	strcpy(attachment.border_gateway_name, "bgw");
	strcpy(attachment.port_name, "wan");
	prefix_parse(&subnet, "10.1.0.0/16");
	prefix_parse(&route.prefix, "192.168.0.0/16");
	prefix_parse(&port.address[0], "203.0.113.1/24");
	port.n_addresses = 1;
	route.connection = &connection;
	border_gateway.n_routes = 1;
	border_gateway.route = &route;
	vpc.n_prefixes = 1;
	vpc.prefix = &subnet;
	attachment.vpc = &vpc;
	attachment.import_all = true;
	attachment.gateway = &border_gateway;
	attachment.port = &port;
	connection.gateway = &border_gateway;
	connection.n_tunnels = 2;
	connection.tunnel = tunnel;
	for (unsigned i = 0; i < 2; i++) {
		struct conf_tunnel *t = &tunnel[i];

		snprintf(t->name, sizeof(t->name), "dc1-%c", 'a' + (int)i);
		addr_parse(&t->cloud_ip, "203.0.113.1");
		addr_parse(&t->customer_ip, i ? "198.51.100.6" : "198.51.100.2");
		t->local_id = conf_id_address(&t->cloud_ip);
		t->remote_id = conf_id_address(&t->customer_ip);
		prefix_parse(&t->inner, "169.254.0.2/30");
		addr_parse(&t->inner_peer, "169.254.0.1");
		t->enabled = true;
	}
	conf = (struct conf){ .n_ports = 1,
			      .port = &port,
			      .n_border_gateways = 1,
			      .border_gateway = &border_gateway,
			      .n_vpcs = 1,
			      .vpc = &vpc,
			      .n_attachments = 1,
			      .attachment = &attachment,
			      .n_connections = 1,
			      .connection = &connection };
	assert_int_equal(conf_number(&conf, NULL, NULL), 0);
	gateway.conf = &conf;
	gateway.started = clock_now();
	if (tunnels_new(&gateway.tunnels, NULL, &conf, 9000 * CLOCK_SECOND) < 0 ||
	    apply_new(&gateway.applied, NULL, &conf, error, sizeof(error)) < 0)
		return -1;
	gateway.tunnels->v[0].up = true;
	gateway_usable(&gateway, connection.id);
	gateway.tunnels->v[0].reason = IKE_REASON_NONE;
	gateway.tunnels->v[0].ups = 1;
	gateway.tunnels->v[1].reason = IKE_REASON_NO_ANSWER;
	strcpy(gateway.tunnels->v[1].text, "3 tries");
	fake_tunnel_stats = (struct dataplane_tunnel_stats){ .in_packets = 1234,
							     .in_bytes = 5678901,
							     .in_wire_bytes = 6000000,
							     .out_packets = 7,
							     .out_bytes = 700,
							     .out_wire_bytes = 1000,
							     .drop[DROP_REPLAYED] = 6 };
	memset(fake_worker_stats, 0, sizeof(fake_worker_stats));
	fake_worker_stats[0] = (struct dataplane_worker_stats){
		.lcore = 1,
		.tunnels = 2,
		.loops = 100,
		.busy_loops = 50,
		.naps = 7,
		.rx_packets = 1600,
		.tx_packets = 1500,
		.esp_in_packets = 800,
		.esp_out_packets = 700,
		.handed_over = 3,
		.phase_cycles = { 8000, 4000, 80000 },
		.phase_packets = { 1600, 1600, 800 },
		.idle_cycles = 276000,
	};
	fake_worker_stats[0].load = 125;
	fake_worker_stats[0].pauses = 2;
	fake_worker_stats[0].longest_pause = 34000;
	fake_worker_stats[0].ring[RING_ARRIVAL] = 5;
	fake_worker_stats[1].stuck = true;
	fake_worker_stats[0].drop[DROP_REPLAYED] = 6;
	fake_worker_stats[1].drop[DROP_REPLAYED] = 1;
	fake_worker_stats[1].drop[DROP_TOO_BIG] = 12345;
	fake_port_stats = (struct dataplane_port_stats){ .device = "net_af_packet",
							 .mac = { 2, 0, 0, 0, 0, 1 },
							 .link_up = true,
							 .queues = 1,
							 .mtu = 1500,
							 .rx_packets = 1600,
							 .rx_bytes = 2000000,
							 .tx_packets = 1500,
							 .tx_bytes = 1000 };
	return 0;
}

static int teardown(void **state)
{
	apply_free(gateway.applied);
	tunnels_free(gateway.tunnels);
	conf_number_clear(&conf);
	return 0;
}

static struct {
	bool ok;
	char body[16384];
} result;

static void on_done(void *ctx, enum command_status status, const char *body, size_t len)
{
	assert_true(len < sizeof(result.body));
	result.ok = status == COMMAND_DONE;
	memcpy(result.body, body, len);
	result.body[len] = '\0';
}

static const struct command_reader reader = { .done = on_done };

static void expect(const char *line, const char *body)
{
	command_run(&gateway, line, &reader, NULL);
	assert_string_equal(result.body, body);
	assert_true(result.ok);
}

/* ---- pages ------------------------------------------------------------------------------- */

static void tunnels_page(void **state)
{
	for (unsigned i = 0; i < 2; i++)
		gateway.tunnels->v[i].since = clock_now() - 192 * CLOCK_SECOND;
	expect("show tunnels",
	       "TUNNEL  CONNECTION  CLOUD        CUSTOMER      STATE  REASON       FOR  PACKETS IN  "
	       "BYTES IN  PACKETS OUT  BYTES OUT\n"
	       "dc1-a   dc1         203.0.113.1  198.51.100.2  UP     -          3m12s       1,234  "
	       " 5.4 MiB            7      700 B\n"
	       "dc1-b   dc1         203.0.113.1  198.51.100.6  DOWN   no answer  3m12s       1,234  "
	       " 5.4 MiB            7      700 B\n");
}

static void tunnel_page(void **state)
{
	expect("show tunnel dc1-a",
	       "tunnel            dc1-a\n"
	       "connection        dc1\n"
	       "border gateway    bgw\n"
	       "enabled           yes\n"
	       "state             UP\n"
	       "reason            -\n"
	       "detail            -\n"
	       "for               16m40s\n"
	       "times up          1\n"
	       "times down        0\n"
	       "tries since UP    0\n"
	       "cloud address     203.0.113.1\n"
	       "customer address  198.51.100.2\n"
	       "local id          203.0.113.1\n"
	       "remote id         198.51.100.2\n"
	       "inner address     169.254.0.2/30\n"
	       "inner peer        169.254.0.1\n"
	       "\n"
	       "IKE SA\n"
	       "  role           initiator\n"
	       "  SPI initiator  0x0102030405060708\n"
	       "  SPI responder  0xf1f2f3f4f5f6f7f8\n"
	       "  suite          aes256-sha256, prf sha256, ecp256\n"
	       "  path           203.0.113.1:4500 - 198.51.100.2:4500\n"
	       "  NAT            the peer is behind NAT\n"
	       "  age            1h01m\n"
	       "  rekey in       10m00s\n"
	       "  expires in     -\n"
	       "\n"
	       "ESP SAs\n"
	       "  TUNNEL  SPI IN      SPI OUT     SENDING  SUITE      PFS  ESN  UDP    AGE  REKEY "
	       "IN  PACKETS IN  BYTES IN  PACKETS OUT  BYTES OUT\n"
	       "  dc1-a   0x00000101  0xc0ffee01  yes      aes128gcm  -    yes  yes  1m01s    "
	       "50m00s       1,234   5.4 MiB            7      700 B\n"
	       "\n"
	       "Traffic selectors\n"
	       "  local   10.1.0.0/16\n"
	       "  remote  192.168.0.0/24, 192.168.0.0/32 udp/53\n"
	       "\n"
	       "Traffic\n"
	       "  packets in            1,234\n"
	       "  bytes in              5.4 MiB\n"
	       "  bytes in, encrypted   5.7 MiB\n"
	       "  packets out           7\n"
	       "  bytes out             700 B\n"
	       "  bytes out, encrypted  1000 B\n"
	       "\n"
	       "Dropped\n"
	       "  REASON    PACKETS  WHAT IT MEANS\n"
	       "  replayed        6  sequence number seen before\n");
}

static void sas_page(void **state)
{
	expect("show sas",
	       "TUNNEL  SPI IN      SPI OUT     SENDING  SUITE      PFS  ESN  UDP    AGE  REKEY IN  "
	       "PACKETS IN  BYTES IN  PACKETS OUT  BYTES OUT\n"
	       "dc1-a   0x00000101  0xc0ffee01  yes      aes128gcm  -    yes  yes  1m01s    50m00s  "
	       "     1,234   5.4 MiB            7      700 B\n");
	assert_int_equal(asked, 1);
	expect("show sas --json",
	       "{\"sas\":[{\"tunnel\":\"dc1-a\",\"spi_in\":\"0x00000101\","
	       "\"spi_out\":\"0xc0ffee01\",\"sending\":true,\"cipher\":\"aes128gcm\",\"auth\":null,"
	       "\"pfs\":null,\"esn\":true,\"udp\":true,\"local\":[\"10.1.0.0/16\"],"
	       "\"remote\":[\"192.168.0.0/24\",\"192.168.0.0/32 "
	       "udp/53\"],\"age_seconds\":61.000,\"rekey_seconds\":3000.000,"
	       "\"expires_seconds\":3600.000,\"in_packets\":1234,\"in_bytes\":5678901,"
	       "\"in_sequence\":1240,\"out_packets\":7,\"out_bytes\":700,\"out_sequence\":7,"
	       "\"replayed\":6,\"bad_icv\":0}]}\n");
}

static void routes_page(void **state)
{
	expect("show routes",
	       "Border gateway bgw\n"
	       "  PREFIX          NEXT HOP                               TYPE        METRIC  VALID  "
	       "WHY NOT\n"
	       "  10.1.0.0/16     vpc prod                               propagated       0  yes    "
	       "-\n"
	       "  192.168.0.0/16  vpn connection dc1, 1 of 2 tunnels UP  static           0  yes    "
	       "-\n"
	       "\n"
	       "VPC prod\n"
	       "  PREFIX          NEXT HOP            TYPE        METRIC  VALID  WHY NOT\n"
	       "  10.1.0.0/16     on link, port wan   local            0  yes    -\n"
	       "  192.168.0.0/16  border gateway bgw  propagated       0  yes    -\n"
	       "\n"
	       "Underlay\n"
	       "  PREFIX          NEXT HOP\n"
	       "  203.0.113.0/24  link 0\n");
	expect("show routes --json",
	       "{\"tables\":["
	       "{\"kind\":\"border_gateway\",\"name\":\"bgw\",\"routes\":["
	       "{\"prefix\":\"10.1.0.0/16\",\"next_hop\":\"vpc prod\",\"tunnel\":null,\"type\":\"propagated\","
	       "\"preference\":100,\"metric\":0,\"valid\":true,\"why\":null},"
	       "{\"prefix\":\"192.168.0.0/16\","
	       "\"next_hop\":\"vpn connection dc1, 1 of 2 tunnels UP\",\"tunnel\":null,\"type\":\"static\","
	       "\"preference\":140,\"metric\":0,\"valid\":true,\"why\":null}]},"
	       "{\"kind\":\"vpc\",\"name\":\"prod\",\"routes\":["
	       "{\"prefix\":\"10.1.0.0/16\",\"next_hop\":\"on link, port wan\",\"tunnel\":null,\"type\":\"local\","
	       "\"preference\":0,\"metric\":0,\"valid\":true,\"why\":null},"
	       "{\"prefix\":\"192.168.0.0/16\",\"next_hop\":\"border gateway bgw\","
	       "\"tunnel\":null,\"type\":\"propagated\",\"preference\":150,\"metric\":0,\"valid\":true,"
	       "\"why\":null}]},"
	       "{\"kind\":\"underlay\",\"name\":null,\"routes\":["
	       "{\"prefix\":\"203.0.113.0/24\",\"next_hop\":\"link 0\",\"type\":\"underlay\","
	       "\"preference\":null,\"metric\":null,\"valid\":true,\"why\":null}]}]}\n");
}

static void ports_page(void **state)
{
	expect("show ports",
	       "PORT  DRIVER         MAC                LINK   MTU  QUEUES  ADDRESSES       RX "
	       "PACKETS  RX BYTES  MISSED  RX ERRORS  TX PACKETS  TX BYTES  TX ERRORS\n"
	       "wan   net_af_packet  02:00:00:00:00:01  up    1500       1  203.0.113.1/24       "
	       "1,600   1.9 MiB       0          0       1,500    1000 B          0\n");
	expect("show ports --json",
	       "{\"ports\":[{\"name\":\"wan\",\"device\":\"net_af_packet0,iface=eth1\","
	       "\"driver\":\"net_af_packet\",\"mac\":\"02:00:00:00:00:01\",\"link\":\"up\","
	       "\"mtu\":1500,\"queues\":1,\"addresses\":[\"203.0.113.1/24\"],\"rx_packets\":1600,"
	       "\"rx_bytes\":2000000,\"rx_missed\":0,\"rx_errors\":0,\"tx_packets\":1500,"
	       "\"tx_bytes\":1000,\"tx_errors\":0}]}\n");
}

static void workers_page(void **state)
{
	expect("show workers",
	       "Engine  IPsec-MB 0.0 AVX2, own AES-GCM with VAES on 256 bits\n"
	       "WORKER  LCORE  TUNNELS   BUSY  BURST  NAPS     RX     TX  ESP IN  ESP OUT  HANDED "
	       "OVER\n"
	       "     0      1        2  25.0%   32.0     7  1,600  1,500     800      700           "
	       " 3\n"
	       "     1      0        0   0.0%    0.0     0      0      0       0        0           "
	       " 0\n"
	       "\n"
	       "Cycles per packet, by phase\n"
	       "  WORKER   rx  classify  esp-in  forward  esp-out   tx  control\n"
	       "       0  5.0       2.5   100.0      0.0      0.0  0.0      0.0\n"
	       "       1  0.0       0.0     0.0      0.0      0.0  0.0      0.0\n"
	       "\n"
	       "Pulse, and what waits in the rings to and from each worker\n"
	       "  WORKER  STATE  LAST SECOND  PAUSES  LONGEST  handed-over  main  negotiator  orders  "
	       "reports  to-main  to-negotiator\n"
	       "       0  turns        12.5%       2  34.0 ms            5     0           0       0  "
	       "      0        0              0\n"
	       "       1  STUCK         0.0%       0   0.0 ms            0     0           0       0  "
	       "      0        0              0\n");
	expect("show workers --json",
	       "{\"engine\":\"IPsec-MB 0.0 AVX2, own AES-GCM with VAES on 256 bits\","
	       "\"engine_fast\":true,"
	       "\"workers\":[{\"worker\":0,\"lcore\":1,\"tunnels\":2,\"busy\":0.250,"
	       "\"burst\":32.000,\"loops\":100,\"busy_loops\":50,\"naps\":7,\"rx_packets\":1600,"
	       "\"tx_packets\":1500,\"esp_in_packets\":800,\"esp_out_packets\":700,"
	       "\"handed_over\":3,\"cycles_per_packet\":{\"rx\":5.000,\"classify\":2.500,"
	       "\"esp-in\":100.000,\"forward\":0.000,\"esp-out\":0.000,\"tx\":0.000,"
	       "\"control\":0.000},\"stuck\":false,\"load\":0.125,\"pauses\":2,"
	       "\"longest_pause_seconds\":0.034,\"rings\":{\"handed-over\":5,\"main\":0,\"negotiator\":0,\"orders\":0,\"reports\":0,"
	       "\"to-main\":0,\"to-negotiator\":0}},{\"worker\":1,\"lcore\":0,\"tunnels\":0,\"busy\":0.000,"
	       "\"burst\":0.000,\"loops\":0,\"busy_loops\":0,\"naps\":0,\"rx_packets\":0,"
	       "\"tx_packets\":0,\"esp_in_packets\":0,\"esp_out_packets\":0,\"handed_over\":0,"
	       "\"cycles_per_packet\":{\"rx\":0.000,\"classify\":0.000,\"esp-in\":0.000,"
	       "\"forward\":0.000,\"esp-out\":0.000,\"tx\":0.000,\"control\":0.000},\"stuck\":true,\"load\":0.000,\"pauses\":0,"
	       "\"longest_pause_seconds\":0.000,\"rings\":{\"handed-over\":0,\"main\":0,\"negotiator\":0,\"orders\":0,\"reports\":0,"
	       "\"to-main\":0,\"to-negotiator\":0}}]}\n");
}

static void drops_page(void **state)
{
	expect("show drops", "REASON    PACKETS  WHAT IT MEANS\n"
			     "replayed        7  sequence number seen before\n"
			     "too-big    12,345  does not fit the next link's MTU\n");
}

/* Times are of the wall's clock: compared without them. */
static void log_page(void **state)
{
	const char *at = result.body;

	command_run(&gateway, "show tunnel dc1-a log", &reader, NULL);
	assert_true(result.ok);
	at = strstr(result.body, "Z  calling (2 times since 2");
	assert_non_null(at);
	at = strstr(at, "Z  no common proposal\n                      ours: x\n");
	assert_non_null(at);
	assert_non_null(strstr(at, "                      peer's: y\n"));
	command_run(&gateway, "show tunnel dc1-a log --json", &reader, NULL);
	assert_true(result.ok);
	assert_non_null(strstr(result.body, "{\"name\":\"dc1-a\",\"log\":[{\"first\":\"2"));
	assert_non_null(strstr(result.body, "\"age_seconds\":60.000,\"times\":2,\"proven\":true,"
					    "\"text\":\"calling\"}"));
	assert_non_null(strstr(result.body, "\"times\":1,\"proven\":false,\"text\":\"no common "
					    "proposal\\nours: x\\npeer's: y\"}]}"));
	answer_result = -ECANCELED;
	command_run(&gateway, "show tunnel dc1-a log", &reader, NULL);
	assert_false(result.ok);
}

/* Every counter of the engine, in its order, under its text. */
static void ike_page(void **state)
{
	static const char *const text[] = {
#define TEXT(name, key, text) text,
		IKE_COUNTERS(TEXT)
#undef TEXT
	};
	char body[4096];
	size_t n, widest = 0;

	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		widest = strlen(text[i]) > widest ? strlen(text[i]) : widest;
	n = (size_t)snprintf(body, sizeof(body),
			     "messages the workers did not take       0\n"
			     "SA changes that waited for a full ring  0\n"
			     "other messages that waited for one      0\n"
			     "log lines left out                      0\n"
			     "\n"
			     "IKE messages\n");
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n,
				      i ? "  %-*s  %u,000\n" : "  %-*s  0\n", (int)widest, text[i],
				      i);
	expect("show ike", body);
}

static void changes_are_told(void **state)
{
	expect("tunnel dc1-a disable", "tunnel 'dc1-a': disabled\n");
	assert_false(gateway.tunnels->v[0].enabled);
	expect("tunnel dc1-a enable --json", "{\"tunnel\":\"dc1-a\",\"done\":\"enabled\"}\n");
	assert_true(gateway.tunnels->v[0].enabled);
	answer_result = -EAGAIN;
	command_run(&gateway, "tunnel dc1-b rekey ike", &reader, NULL);
	assert_false(result.ok);
	assert_string_equal(result.body,
			    "tunnel 'dc1-b' is not UP, or busy with another exchange\n");
}

#define WITH_GATEWAY(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GATEWAY(tunnels_page), WITH_GATEWAY(tunnel_page),
		WITH_GATEWAY(sas_page),	    WITH_GATEWAY(routes_page),
		WITH_GATEWAY(ports_page),   WITH_GATEWAY(workers_page),
		WITH_GATEWAY(drops_page),   WITH_GATEWAY(ike_page),
		WITH_GATEWAY(log_page),	    WITH_GATEWAY(changes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "gateway/command.h"

#include "conf/kind.h"
#include "gateway/command_word.h"
#include "gateway/gateway.h"
#include "gateway/show.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every command writes its name; "show ike" waits for the negotiator, whom the test plays. */
#define COMMAND(name)                                       \
	int name(struct command_call *call)                 \
	{                                                   \
		page_text(call->page, "ran", "ran", #name); \
		return 0;                                   \
	}
COMMAND(show_tunnels)
COMMAND(show_sas)
COMMAND(show_tunnel_log)
COMMAND(show_tunnel_samples)
COMMAND(show_routes)
COMMAND(show_route_table)
COMMAND(show_vpc_routes)
COMMAND(show_bgp)
COMMAND(show_bgp_tunnel)
COMMAND(show_routing)
COMMAND(tunnel_drain)
COMMAND(bgp_cmd_enable)
COMMAND(bgp_cmd_disable)
COMMAND(bgp_cmd_restart)
COMMAND(static_route_add)
COMMAND(config_create)
COMMAND(config_set)
COMMAND(config_set_gateway)
COMMAND(config_unset)
COMMAND(config_delete)
COMMAND(config_show)
COMMAND(config_diff)
COMMAND(config_reload)
COMMAND(config_save)
COMMAND(static_route_delete)
COMMAND(clear_counters)
COMMAND(clear_tunnel_counters)
COMMAND(ping)
COMMAND(traceroute)
COMMAND(explain)
COMMAND(watch)
COMMAND(monitor)
COMMAND(show_schema)
COMMAND(trace_start)
COMMAND(capture_start)
COMMAND(show_neighbours)
COMMAND(show_ports)
COMMAND(show_workers)
COMMAND(show_drops)
COMMAND(show_version)
COMMAND(tunnel_enable)
COMMAND(tunnel_disable)
COMMAND(tunnel_rekey_child)
COMMAND(tunnel_rekey_ike)
COMMAND(client_config_show)
COMMAND(doctor_command)

void show_tunnel_row(struct page *p, struct gateway *g, uint32_t number)
{
}

int show_tunnel(struct command_call *call)
{
	int64_t i = command_tunnel(call, 2);

	if (i < 0)
		return (int)i;
	page_text(call->page, "tunnel", "tunnel", call->word[2]);
	return 0;
}

static struct negotiator_ask *asked;

int negotiator_ask(struct negotiator *n, struct negotiator_ask *ask)
{
	asked = ask;
	return 0;
}

static void answered(struct negotiator_ask *ask)
{
	command_finish(ask->ctx,
		       ask->result < 0 ? command_fail(ask->ctx, ask->result, "stopping") : 0);
}

int show_ike(struct command_call *call)
{
	return command_ask(call, ASK_VIEW, 0, 0, answered);
}

uint32_t tunnels_next(const struct tunnels *t, uint32_t from)
{
	return from;
}

int64_t tunnels_find(const struct tunnels *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].conf->name, name) == 0)
			return i;
	return -1;
}

static struct {
	bool called, ok;
	enum command_status status;
	char body[16384];
} result;

static void on_done(void *ctx, enum command_status status, const char *body, size_t len)
{
	assert_false(result.called);
	assert_true(len < sizeof(result.body));
	result.called = true;
	result.status = status;
	result.ok = status == COMMAND_DONE;
	memcpy(result.body, body, len);
	result.body[len] = '\0';
}

static const struct command_reader reader = { .done = on_done };

static struct conf_tunnel confs[40];
static struct tunnel tunnel[40];
static struct tunnels tunnels = { .v = tunnel };
static struct conf_vpn_connection connections[] = { { .name = "dc1" }, { .name = "dc2" } };
static struct conf_border_gateway border_gateways[] = { { .name = "bgw" } };
static struct conf_vpc vpcs[] = { { .name = "prod" } };
static struct conf conf = { .connection = connections,
			    .n_connections = 2,
			    .border_gateway = border_gateways,
			    .n_border_gateways = 1,
			    .vpc = vpcs,
			    .n_vpcs = 1 };
static struct gateway gateway = { .tunnels = &tunnels, .conf = &conf };

static void run(const char *line)
{
	memset(&result, 0, sizeof(result));
	command_run(&gateway, line, &reader, NULL);
}

static int setup(void **state)
{
	tunnels.n = tunnels.count = 2;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(confs[i].name, sizeof(confs[i].name), i < 2 ? "dc1-%c" : "long-name-%c%u",
			 'a' + (int)(i % 2), i);
		if (i < 2)
			confs[i].name[5] = '\0';
		tunnel[i].conf = &confs[i];
		tunnel[i].up = i == 0;
	}
	return 0;
}

/* "..." at the end: whatever follows, the table grows. */
#define NEXT  "tunnels, tunnel, sas, routes, ..."
#define FIRST "show, tunnel, bgp, ..."
static const struct {
	const char *line;
	enum command_status status;
	const char *body;
} lines[] = {
	{ "show tunnels", COMMAND_DONE, "ran  show_tunnels\n" },
	{ "  show\t tunnels  \r", COMMAND_DONE, "ran  show_tunnels\n" },
	{ "show tunnels --json", COMMAND_DONE, "{\"ran\":\"show_tunnels\"}\n" },
	{ "--json show drops", COMMAND_DONE, "{\"ran\":\"show_drops\"}\n" },
	{ "tunnel dc1-a rekey", COMMAND_DONE, "ran  tunnel_rekey_child\n" },
	{ "tunnel dc1-a rekey child", COMMAND_DONE, "ran  tunnel_rekey_child\n" },
	{ "tunnel dc1-a rekey ike", COMMAND_DONE, "ran  tunnel_rekey_ike\n" },
	{ "tunnel dc1-a enable", COMMAND_DONE, "ran  tunnel_enable\n" },
	{ "show tunnel dc1-b", COMMAND_DONE, "tunnel  dc1-b\n" },
	{ "show \"tunnel\" 'dc1'-\\b", COMMAND_DONE, "tunnel  dc1-b\n" },
	{ "show tunnel \"dc1 b\" log", COMMAND_DONE, "ran  show_tunnel_log\n" },
	{ "show tunnel \"dc1-b", COMMAND_WRONG, "a quotation mark is not closed\n" },
	{ "show tunnel '--json'", COMMAND_REFUSED,
	  "'--json' is no tunnel; one of: dc1-a, dc1-b\n" },
	{ "show route 10.0.0.1", COMMAND_DONE, "ran  show_routes\n" },
	{ "show route table bgw", COMMAND_DONE, "ran  show_route_table\n" },
	{ "show route table bgw 10.0.0.0/8", COMMAND_DONE, "ran  show_route_table\n" },
	{ "show vpc prod routes", COMMAND_DONE, "ran  show_vpc_routes\n" },
	{ "show bgp", COMMAND_DONE, "ran  show_bgp\n" },
	{ "show bgp dc1-b", COMMAND_DONE, "ran  show_bgp_tunnel\n" },
	{ "show routing", COMMAND_DONE, "ran  show_routing\n" },
	{ "tunnel dc1-b drain", COMMAND_DONE, "ran  tunnel_drain\n" },
	{ "bgp dc1-b restart", COMMAND_DONE, "ran  bgp_cmd_restart\n" },
	{ "bgp dc1-b disable", COMMAND_DONE, "ran  bgp_cmd_disable\n" },
	{ "bgp dc1-b enable", COMMAND_DONE, "ran  bgp_cmd_enable\n" },
	{ "route add bgw 10.0.0.0/8 dc1", COMMAND_DONE, "ran  static_route_add\n" },
	{ "route delete bgw 10.0.0.0/8 dc1", COMMAND_DONE, "ran  static_route_delete\n" },
	{ "trace 5 spi 0x0008c001", COMMAND_DONE, "ran  trace_start\n" },
	{ "trace 5 prefix 10.0.0.0/8 seconds 3", COMMAND_DONE, "ran  trace_start\n" },
	{ "capture /f", COMMAND_DONE, "ran  capture_start\n" },
	{ "capture /f outer tunnel dc1-a filter 10.0.0.1 count 5 snaplen 96 seconds 7",
	  COMMAND_DONE, "ran  capture_start\n" },
	{ "capture /f port wan", COMMAND_DONE, "ran  capture_start\n" },
	{ "show tunnel dc1-b log", COMMAND_DONE, "ran  show_tunnel_log\n" },
	/* An argument may look like a word of another command. */
	{ "tunnel show disable", COMMAND_DONE, "ran  tunnel_disable\n" },

	/* What is abbreviated is read as long as it can only be one word. */
	{ "sh tunnels", COMMAND_DONE, "ran  show_tunnels\n" },
	{ "sh v", COMMAND_WRONG, "'v' is ambiguous; one of: vpc, vpcs, version\n" },
	{ "sh ve", COMMAND_DONE, "ran  show_version\n" },
	{ "tu dc1-a rek i", COMMAND_DONE, "ran  tunnel_rekey_ike\n" },
	{ "tu dc1-a d", COMMAND_WRONG, "'d' is ambiguous; one of: disable, drain\n" },
	{ "sh tunnel dc1-b l", COMMAND_DONE, "ran  show_tunnel_log\n" },
	{ "sh tun", COMMAND_WRONG, "'tun' is ambiguous; one of: tunnels, tunnel\n" },
	{ "sh route t bgw", COMMAND_DONE, "ran  show_route_table\n" },
	{ "sh route t bgw 10.0.0.0/8", COMMAND_DONE, "ran  show_route_table\n" },
	{ "sh tunnel dc1", COMMAND_REFUSED, "'dc1' is no tunnel; one of: dc1-a, dc1-b\n" },
	{ "ro a bgw 10.0.0.0/8 dc1 --json", COMMAND_DONE, "{\"ran\":\"static_route_add\"}\n" },

	{ "", COMMAND_WRONG, "no command; one of: " FIRST },
	{ "--json", COMMAND_WRONG, "{\"error\":\"no command; one of: " FIRST },
	{ "shwo tunnels", COMMAND_WRONG, "'shwo' is not known here ('show'?); one of: " FIRST },
	{ "Show tunnels", COMMAND_WRONG, "'Show' is not known here ('show'?); one of: " FIRST },
	{ "frobnicate", COMMAND_WRONG, "'frobnicate' is not known here; one of: " FIRST },
	{ "show", COMMAND_WRONG, "something is missing after 'show'; one of: " NEXT },
	{ "show tunels", COMMAND_WRONG, "'tunels' is not known here ('tunnels'?); one of: " NEXT },
	{ "show tunnel", COMMAND_WRONG, "something is missing after 'tunnel': TUNNEL\n" },
	{ "show tunnels now", COMMAND_WRONG, "'now' is too much: the command ends before it\n" },
	{ "show tunnel dc1-a x y", COMMAND_WRONG,
	  "'x' is not known here; one of: log, history, psk\n" },
	{ "tunnel dc1-a", COMMAND_WRONG,
	  "something is missing after 'dc1-a'; one of: enable, disable, drain, rekey\n" },
	{ "tunnel dc1-a enabel", COMMAND_WRONG,
	  "'enabel' is not known here ('enable'?); one of: enable, disable, drain, rekey\n" },
	{ "tunnel dc1-a rekey esp", COMMAND_WRONG,
	  "'esp' is not known here; one of: child, ike\n" },
	{ "show tunnel dc9", COMMAND_REFUSED, "'dc9' is no tunnel; one of: dc1-a, dc1-b\n" },
	{ "show route table bgw 10.0.0.300", COMMAND_WRONG,
	  "'10.0.0.300' is not a prefix, like 192.168.0.0/16, or an address\n" },
	{ "show route 10.0.0.300", COMMAND_WRONG,
	  "'10.0.0.300' is not known here; one of: PREFIX, table\n" },
	{ "a b c d e f g h i j k l m a b c d e f g h i j k l m a b c d e f g h i j k l m a b c d e f g h i j k l m a b c d e f g h i j k l m",
	  COMMAND_WRONG, "more than 64 words\n" },

	/* What may follow. */
	{ "?tunn", COMMAND_DONE, "tunnel\t6 commands\n" },
	{ "?sh tun", COMMAND_DONE,
	  "tunnels\tevery tunnel's state, reason and traffic\n"
	  "tunnel\t4 commands\n" },
	{ "?sh tunnel ", COMMAND_DONE, "dc1-a\tUP\ndc1-b\tDOWN\n" },
	{ "?sh tunnel dc1-b", COMMAND_DONE, "dc1-b\tDOWN\n" },
	{ "?sh tunnel x", COMMAND_DONE, "" },
	{ "?tunnel dc1-a rek", COMMAND_DONE, "rekey\trekey the tunnel's child SA now\n" },
	{ "?tunnel dc1-a rekey ", COMMAND_DONE,
	  "child\tthe same\nike\trekey the tunnel's IKE SA now\n"
	  "<enter>\trekey the tunnel's child SA now\n" },
	{ "?route add ", COMMAND_DONE,
	  "bgw\tborder gateway\nprod\tvpc\nunderlay\tthe ports' own networks\n" },
	{ "?route add bgw ", COMMAND_DONE,
	  "<PREFIX>\ta prefix, like 192.168.0.0/16, or an address\n" },
	{ "?set tunnel dc1-a ike_v", COMMAND_DONE, "ike_version=\tthe version of IKE: v1, v2\n" },
	{ "?set tunnel dc1-a ike_version=", COMMAND_DONE, "ike_version=v1\t\nike_version=v2\t\n" },
	{ "?set tunnel dc1-a esp_cipher=aes256gcm,3", COMMAND_DONE, "" },
	{ "?set tunnel dc1-a ike_cipher=aes256gcm,3", COMMAND_DONE,
	  "ike_cipher=aes256gcm,3des\t\n" },
	{ "?set tunnel dc1-a esn=t", COMMAND_DONE, "esn=true\t\n" },
	{ "?set tunnel dc1-a dpd=", COMMAND_DONE,
	  "<dpd>\ta peer that is silent for so long is probed: 0 to 3600 seconds, 0 is off\n" },
	{ "?set attachment a vxlan.vn", COMMAND_DONE,
	  "vxlan.vni=\tthe VPC's network identifier: 1 to 16777215\n" },
	{ "?create connection x border_gateway=", COMMAND_DONE,
	  "border_gateway=bgw\tborder-gateway\n" },
	{ "?create tunnel x connection=dc", COMMAND_DONE,
	  "connection=dc1\tconnection\nconnection=dc2\tconnection\n" },
	{ "?set tunnel dc1-a description=\"not ", COMMAND_DONE, "" },
	{ "?bgp dc", COMMAND_DONE,
	  "dc1-a\tUP\ndc1-b\tDOWN\ndc1\tvpn connection\ndc2\tvpn connection\n" },
	{ "?watch ", COMMAND_DONE, "<SECONDS>\ta number of seconds\nshow\t..." },
	{ "?watch 2 sh tunnel d", COMMAND_DONE, "dc1-a\tUP\ndc1-b\tDOWN\n" },
	{ "?help show vpc ", COMMAND_DONE, "prod\tvpc\n<enter>\t..." },
	{ "watch 5 show tunnels", COMMAND_DONE, "ran  watch\n" },
	{ "exit", COMMAND_BYE, "" },
	{ "q", COMMAND_BYE, "" },
	{ "?sh v ", COMMAND_WRONG, "'v' is ambiguous; one of: vpc, vpcs, version\n" },
	{ "?show tunnels ", COMMAND_DONE, "<enter>\tevery tunnel's state, reason and traffic\n" },
};

static void expect_body(const char *body)
{
	size_t len = strlen(body);

	if (len > 3 && strcmp(body + len - 3, "...") == 0 && strlen(result.body) > len)
		strcpy(result.body + len - 3, "...");
	assert_string_equal(result.body, body);
}

static void every_line_gets_its_answer(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		run(lines[i].line);
		assert_true(result.called);
		expect_body(lines[i].body);
		assert_int_equal(result.status, lines[i].status);
	}
}

static void many_names_are_cut(void **state)
{
	tunnels.n = tunnels.count = 40;
	run("show tunnel x");
	assert_false(result.ok);
	assert_non_null(strstr(result.body, "dc1-a, dc1-b, long-name-a2"));
	assert_non_null(strstr(result.body, ", ...\n"));
	tunnels.n = tunnels.count = 0;
	run("show tunnel x");
	assert_string_equal(result.body, "'x' is no tunnel: none is configured\n");
}

static void an_answer_may_come_later(void **state)
{
	run("show ike --json");
	assert_false(result.called);
	page_count(((struct command_call *)asked->ctx)->page, "rx", NULL, 3);
	asked->done(asked);
	assert_true(result.ok);
	assert_string_equal(result.body, "{\"rx\":3}\n");
	run("show ike");
	asked->result = -ECANCELED;
	asked->done(asked);
	assert_false(result.ok);
	assert_string_equal(result.body, "stopping\n");
}

static void help_lists_every_command(void **state)
{
	run("help");
	assert_true(result.ok);
	for (unsigned i = 0; i < commands_n; i++) {
		assert_non_null(strstr(result.body, commands[i].pattern));
		assert_non_null(strstr(result.body, commands[i].help));
	}
}

static void help_is_given_about_some(void **state)
{
	run("help tu dc1-a rekey --json");
	assert_string_equal(result.body, "{\"commands\":["
					 "{\"command\":\"tunnel TUNNEL rekey\","
					 "\"help\":\"rekey the tunnel's child SA now\"},"
					 "{\"command\":\"tunnel TUNNEL rekey child\","
					 "\"help\":\"the same\"},"
					 "{\"command\":\"tunnel TUNNEL rekey ike\","
					 "\"help\":\"rekey the tunnel's IKE SA now\"}]}\n");
	run("help tunnels");
	assert_int_equal(result.status, COMMAND_REFUSED);
	assert_non_null(strstr(result.body, "'tunnels' is not known here ('tunnel'?)"));
}

/* A word in capitals that command_word.c does not know takes anything and completes nothing. */
static void has_help(const struct field_object *o)
{
	char help[300];

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct field *f = &o->fields[i];

		if (field_help(f, help, sizeof(help))[0] == '\0')
			fail_msg("%s of %s has no help", f->name, o->kind);
		assert_true(strlen(help) < sizeof(help) - 1);
		if (f->kind == &field_group || f->kind == &field_objects)
			has_help(f->arg);
	}
}

static void every_parameter_has_help(void **state)
{
	for (unsigned i = 0; i < kinds_n; i++) {
		assert_true(kinds[i].what[0] != '\0');
		has_help(kinds[i].fields);
	}
}

static void every_argument_is_known(void **state)
{
	for (unsigned i = 0; i < commands_n; i++) {
		const char *p = commands[i].pattern;

		while (*(p += strspn(p, " []|."))) {
			size_t len = strcspn(p, " []|.");

			if (command_is_argument(p) && !command_word(p, len))
				fail_msg("%s: %.*s is not in command_word.c", commands[i].pattern,
					 (int)len, p);
			p += len;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_line_gets_its_answer, setup),
		cmocka_unit_test_setup(many_names_are_cut, setup),
		cmocka_unit_test_setup(an_answer_may_come_later, setup),
		cmocka_unit_test_setup(help_lists_every_command, setup),
		cmocka_unit_test_setup(help_is_given_about_some, setup),
		cmocka_unit_test(every_argument_is_known),
		cmocka_unit_test(every_parameter_has_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

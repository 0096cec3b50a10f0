#include "gateway/command.h"

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
COMMAND(static_route_delete)
COMMAND(show_ports)
COMMAND(show_workers)
COMMAND(show_drops)
COMMAND(show_version)
COMMAND(tunnel_enable)
COMMAND(tunnel_disable)
COMMAND(tunnel_rekey_child)
COMMAND(tunnel_rekey_ike)

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

int64_t tunnels_find(const struct tunnels *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].conf->name, name) == 0)
			return i;
	return -1;
}

static struct {
	bool called, ok;
	char body[8192];
} result;

static void on_done(void *ctx, bool ok, const char *body, size_t len)
{
	assert_false(result.called);
	assert_true(len < sizeof(result.body));
	result.called = true;
	result.ok = ok;
	memcpy(result.body, body, len);
	result.body[len] = '\0';
}

static struct conf_tunnel confs[40];
static struct tunnel tunnel[40];
static struct tunnels tunnels = { .v = tunnel };
static struct gateway gateway = { .tunnels = &tunnels };

static void run(const char *line)
{
	memset(&result, 0, sizeof(result));
	command_run(&gateway, line, on_done, NULL);
}

static int setup(void **state)
{
	tunnels.n = 2;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(confs[i].name, sizeof(confs[i].name), i < 2 ? "dc1-%c" : "long-name-%c%u",
			 'a' + (int)(i % 2), i);
		if (i < 2)
			confs[i].name[5] = '\0';
		tunnel[i].conf = &confs[i];
	}
	return 0;
}

#define NEXT \
	"tunnels, tunnel, sas, routes, route, vpc, bgp, routing, ports, workers, drops, ike, version"
static const struct {
	const char *line;
	bool ok;
	const char *body;
} lines[] = {
	{ "show tunnels", true, "ran  show_tunnels\n" },
	{ "  show\t tunnels  \r", true, "ran  show_tunnels\n" },
	{ "show tunnels --json", true, "{\"ran\":\"show_tunnels\"}\n" },
	{ "--json show drops", true, "{\"ran\":\"show_drops\"}\n" },
	{ "tunnel dc1-a rekey", true, "ran  tunnel_rekey_child\n" },
	{ "tunnel dc1-a rekey child", true, "ran  tunnel_rekey_child\n" },
	{ "tunnel dc1-a rekey ike", true, "ran  tunnel_rekey_ike\n" },
	{ "tunnel dc1-a enable", true, "ran  tunnel_enable\n" },
	{ "show tunnel dc1-b", true, "tunnel  dc1-b\n" },
	/* An argument may look like a word of another command. */
	{ "tunnel show disable", true, "ran  tunnel_disable\n" },
	{ "", false, "no command; one of: show, tunnel, bgp, route, help\n" },
	{ "--json", false, "{\"error\":\"no command; one of: show, tunnel, bgp, route, help\"}\n" },
	{ "shwo tunnels", false,
	  "'shwo' is not known here; one of: show, tunnel, bgp, route, help\n" },
	{ "Show tunnels", false,
	  "'Show' is not known here; one of: show, tunnel, bgp, route, help\n" },
	{ "show", false, "something is missing after 'show'; one of: " NEXT "\n" },
	{ "show tunels", false, "'tunels' is not known here; one of: " NEXT "\n" },
	{ "show route 10.0.0.1", true, "ran  show_routes\n" },
	{ "show route table bgw", true, "ran  show_route_table\n" },
	{ "show route table bgw 10.0.0.0/8", true, "ran  show_route_table\n" },
	{ "show vpc prod routes", true, "ran  show_vpc_routes\n" },
	{ "show bgp", true, "ran  show_bgp\n" },
	{ "show bgp dc1-b", true, "ran  show_bgp_tunnel\n" },
	{ "show routing", true, "ran  show_routing\n" },
	{ "tunnel dc1-b drain", true, "ran  tunnel_drain\n" },
	{ "bgp dc1-b restart", true, "ran  bgp_cmd_restart\n" },
	{ "bgp dc1-b disable", true, "ran  bgp_cmd_disable\n" },
	{ "bgp dc1-b enable", true, "ran  bgp_cmd_enable\n" },
	{ "route add bgw 10.0.0.0/8 dc1", true, "ran  static_route_add\n" },
	{ "route delete bgw 10.0.0.0/8 dc1", true, "ran  static_route_delete\n" },
	{ "show tunnel dc1-b log", true, "ran  show_tunnel_log\n" },
	{ "show tunnel", false, "something is missing after 'tunnel'; one of: NAME\n" },
	{ "show tunnels now", false, "'now' is too much: the command ends before it\n" },
	{ "show tunnel dc1-a x y", false, "'x' is not known here; one of: log\n" },
	{ "tunnel dc1-a", false,
	  "something is missing after 'dc1-a'; one of: enable, disable, drain, rekey\n" },
	{ "tunnel dc1-a enabel", false,
	  "'enabel' is not known here; one of: enable, disable, drain, rekey\n" },
	{ "tunnel dc1-a rekey esp", false, "'esp' is not known here; one of: child, ike\n" },
	{ "show tunnel dc9", false, "'dc9' is no tunnel; one of: dc1-a, dc1-b\n" },
	{ "a b c d e f g h i j k l m n o p q", false, "more than 16 words\n" },
};

static void every_line_gets_its_answer(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		run(lines[i].line);
		assert_true(result.called);
		assert_string_equal(result.body, lines[i].body);
		assert_int_equal(result.ok, lines[i].ok);
	}
}

static void many_names_are_cut(void **state)
{
	tunnels.n = 40;
	run("show tunnel x");
	assert_false(result.ok);
	assert_non_null(strstr(result.body, "dc1-a, dc1-b, long-name-a2"));
	assert_non_null(strstr(result.body, ", ...\n"));
	tunnels.n = 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_line_gets_its_answer, setup),
		cmocka_unit_test_setup(many_names_are_cut, setup),
		cmocka_unit_test_setup(an_answer_may_come_later, setup),
		cmocka_unit_test_setup(help_lists_every_command, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

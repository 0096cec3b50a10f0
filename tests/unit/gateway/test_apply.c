#include "gateway/apply.h"

#include "conf/number.h"

#include "tests/unit/gateway/fake_dataplane.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two VPCs on one border gateway with one connection of two tunnels; the second VPC is attached to
 * another border gateway as well. Tables: 1 bgw, 2 lab, 3 prod, 4 test. */
static struct conf_port ports[2];
static struct prefix prod_subnet, test_subnets[2], partial;
static struct conf_static_route bgw_routes[2], test_route;
static struct conf_border_gateway gateways[2];
static struct conf_vpc vpcs[2];
static struct conf_vpc_attachment attachments[3];
static struct conf_tunnel tunnels[2];
static struct conf_vpn_connection connection;
static struct conf conf;
static char error[256];

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static void attach(unsigned i, unsigned vpc, unsigned gateway)
{
	attachments[i].vpc = &vpcs[vpc];
	attachments[i].gateway = &gateways[gateway];
	attachments[i].port = &ports[1];
	attachments[i].vni = 5000 + i;
	attachments[i].import_all = true;
	strcpy(attachments[i].vpc_name, vpcs[vpc].name);
	strcpy(attachments[i].border_gateway_name, gateways[gateway].name);
}

static int setup(void **state)
{
	fake_reset();
	memset(attachments, 0, sizeof(attachments));
	strcpy(gateways[0].name, "bgw");
	strcpy(gateways[1].name, "lab");
	strcpy(vpcs[0].name, "prod");
	strcpy(vpcs[1].name, "test");
	prod_subnet = prefix("10.1.0.0/16");
	test_subnets[0] = prefix("10.2.0.0/16");
	test_subnets[1] = prefix("10.3.0.0/16");
	partial = test_subnets[1];
	vpcs[0].n_prefixes = 1;
	vpcs[0].prefix = &prod_subnet;
	vpcs[1].n_prefixes = 2;
	vpcs[1].prefix = test_subnets;
	attach(0, 0, 0);
	attach(1, 1, 0);
	attach(2, 1, 1);
	attachments[1].propagate = CONF_PROPAGATE_PARTIAL;
	attachments[1].n_propagated = 1;
	attachments[1].propagated = &partial;
	attachments[2].propagate = CONF_PROPAGATE_NONE;
	bgw_routes[0] = (struct conf_static_route){ .prefix = prefix("192.168.0.0/16"),
						    .connection = &connection };
	bgw_routes[1] = (struct conf_static_route){ .prefix = prefix("10.9.0.0/16"),
						    .attachment = &attachments[0] };
	gateways[0].dynamic_quota = gateways[1].dynamic_quota = 300;
	gateways[0].n_routes = 2;
	gateways[0].route = bgw_routes;
	test_route = (struct conf_static_route){ .prefix = prefix("0.0.0.0/0"),
						 .gateway = &gateways[1] };
	vpcs[1].n_routes = 1;
	vpcs[1].route = &test_route;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(tunnels[i].name, sizeof(tunnels[i].name), "t%u", i);
		tunnels[i].inner = prefix(i ? "169.254.0.6/30" : "169.254.0.2/30");
		addr_parse(&tunnels[i].inner_peer, i ? "169.254.0.5" : "169.254.0.1");
	}
	connection.gateway = &gateways[0];
	connection.n_tunnels = 2;
	connection.tunnel = tunnels;
	conf = (struct conf){ .n_ports = 2,
			      .port = ports,
			      .n_border_gateways = 2,
			      .border_gateway = gateways,
			      .n_vpcs = 2,
			      .vpc = vpcs,
			      .n_attachments = 3,
			      .attachment = attachments,
			      .n_connections = 1,
			      .connection = &connection };
	return conf_number(&conf, NULL, NULL);
}

static int teardown(void **state)
{
	conf_number_clear(&conf);
	return 0;
}

static unsigned count(const char *line)
{
	unsigned n = 0;

	for (const char *s = fake_told; (s = strstr(s, line)); s++)
		n += s == fake_told || s[-1] == '\n';
	return n;
}

static const char *const expected[] = {
	"attachment 10 port 1 vni 5000 table 3\n",
	"attachment 11 port 1 vni 5001 table 4\n",
	"attachment 12 port 1 vni 5002 table 4\n",
	"tunnel 0 table 1 169.254.0.2/30 169.254.0.1\n",
	"tunnel 1 table 1 169.254.0.6/30 169.254.0.5\n",
	"connection 0: 0 1\n",
	/* A VPC's own subnets are on its first attachment's link. */
	"route 3 10.1.0.0/16 link 10\n",
	"route 4 10.2.0.0/16 link 11\n",
	"route 4 10.3.0.0/16 link 11\n",
	/* The border gateway: its static routes, and the subnets that are propagated to it. */
	"route 1 192.168.0.0/16 connection 0\n",
	"route 1 10.9.0.0/16 table 3\n",
	"route 1 10.1.0.0/16 table 3\n",
	"route 1 10.3.0.0/16 table 4\n",
	/* What the border gateway can reach, its VPCs can reach through it: the data centre, */
	"route 3 192.168.0.0/16 table 1\n",
	"route 4 192.168.0.0/16 table 1\n",
	/* and each other, but not themselves. */
	"route 3 10.3.0.0/16 table 1\n",
	"route 4 10.1.0.0/16 table 1\n",
	"route 4 10.9.0.0/16 table 1\n",
	/* A VPC's own static route. */
	"route 4 0.0.0.0/0 table 2\n",
};

static void the_model_becomes_tables_and_routes(void **state)
{
	struct applied *a;
	unsigned lines = 0;

	assert_int_equal(apply_new(&a, NULL, &conf, error, sizeof(error)), 0);
	assert_int_equal(count("route 1 192.168.0.0/16 connection 0\n"), 0);
	apply_usable(a, 0, true);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		if (count(expected[i]) != 1)
			fail_msg("%s%s", expected[i], fake_told);
	for (const char *s = fake_told; *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, ARRAY_LEN(expected));
	assert_int_equal(apply_gateway_table(a, 1), 2);
	assert_int_equal(apply_vpc_table(a, 0), 3);
	apply_free(a);
}

static void learn(struct tables *t, unsigned gateway, const char *text, uint32_t tunnel, bool come)
{
	struct prefix p = prefix(text);

	tables_batch_begin(t, gateway);
	if (come)
		tables_learn(t, gateway, &p, 0, tunnel, 1);
	else
		tables_forget(t, gateway, &p, 0, tunnel);
	assert_false(tables_batch_end(t, gateway));
}

static const struct {
	const char *prefix;
	unsigned gateway;
	uint32_t tunnel;
	bool come;
	const char *told;
} learnt[] = {
	{ "172.16.0.0/12", 0, 0, true,
	  "route 1 172.16.0.0/12 tunnel 0\nroute 3 172.16.0.0/12 table 1\n"
	  "route 4 172.16.0.0/12 table 1\n" },
	{ "172.16.0.0/12", 0, 1, true, "hold 0 1\nroute 1 172.16.0.0/12 connection 32771\n" },
	/* a VPC's route through two border gateways leads to all the tunnels behind them */
	{ "172.16.0.0/12", 1, 5, true,
	  "route 2 172.16.0.0/12 tunnel 5\nhold 0 1 5\nroute 4 172.16.0.0/12 connection 32803\n" },
	{ "172.16.0.0/12", 0, 1, false,
	  "route 1 172.16.0.0/12 tunnel 0\nrelease 3\n"
	  "hold 0 5\nroute 4 172.16.0.0/12 connection 32801\nrelease 35\n" },
	{ "172.16.0.0/12", 1, 5, false,
	  "gone 2 172.16.0.0/12\nroute 4 172.16.0.0/12 table 1\nrelease 33\n" },
	/* nobody takes an inner address, of another tunnel or his own */
	{ "169.254.0.5/32", 0, 0, true,
	  "route 3 169.254.0.5/32 table 1\nroute 4 169.254.0.5/32 table 1\n" },
	{ "169.254.0.2/32", 0, 0, true,
	  "route 3 169.254.0.2/32 table 1\nroute 4 169.254.0.2/32 table 1\n" },
	{ "169.254.0.4/30", 0, 0, true,
	  "route 1 169.254.0.4/30 tunnel 0\nroute 3 169.254.0.4/30 table 1\n"
	  "route 4 169.254.0.4/30 table 1\n" },
};

static void learnt_routes_lead_to_tunnels(void **state)
{
	struct applied *a;

	assert_int_equal(apply_new(&a, NULL, &conf, error, sizeof(error)), 0);
	for (size_t i = 0; i < ARRAY_LEN(learnt); i++) {
		fake_told[0] = '\0';
		learn(apply_tables(a), learnt[i].gateway, learnt[i].prefix, learnt[i].tunnel,
		      learnt[i].come);
		assert_string_equal(fake_told, learnt[i].told);
	}
	apply_free(a);
}

static const struct {
	int usable; /* of the connection; -1: a route is learnt, -2: it is forgotten */
	const char *told;
} turns[] = {
	{ -1, "route 1 192.168.0.0/16 tunnel 1\nroute 3 192.168.0.0/16 table 1\n"
	      "route 4 192.168.0.0/16 table 1\n" },
	{ 1, "route 1 192.168.0.0/16 connection 0\n" },
	{ 1, "" },
	{ 0, "route 1 192.168.0.0/16 tunnel 1\n" },
	{ -2, "gone 1 192.168.0.0/16\ngone 3 192.168.0.0/16\n"
	      "gone 4 192.168.0.0/16\n" },
	{ 1, "route 1 192.168.0.0/16 connection 0\nroute 3 192.168.0.0/16 table 1\n"
	     "route 4 192.168.0.0/16 table 1\n" },
	{ 0, "gone 1 192.168.0.0/16\ngone 3 192.168.0.0/16\n"
	     "gone 4 192.168.0.0/16\n" },
};

/* What a static route leads to takes no packets: another route takes over, or nobody hears of it.
 */
static void a_static_route_needs_a_tunnel(void **state)
{
	struct tables_announcement *v;
	struct applied *a;
	size_t n;

	assert_int_equal(apply_new(&a, NULL, &conf, error, sizeof(error)), 0);
	for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
		bool announced = false;

		fake_told[0] = '\0';
		if (turns[i].usable < 0)
			learn(apply_tables(a), 0, "192.168.0.0/16", 1, turns[i].usable == -1);
		else
			apply_usable(a, 0, turns[i].usable);
		assert_string_equal(fake_told, turns[i].told);
		assert_int_equal(tables_announced(apply_tables(a), 0, &v, &n), 0);
		for (size_t k = 0; k < n; k++)
			announced |= v[k].connection == 0;
		assert_int_equal(announced, turns[i].usable == 1);
		free(v);
	}
	apply_usable(a, 77777, true); /* one that is not there */
	apply_free(a);
}

static void a_refusal_names_the_object(void **state)
{
	struct applied *a;

	fake_attachment_error = -ENOSPC;
	assert_int_equal(apply_new(&a, NULL, &conf, error, sizeof(error)), -ENOSPC);
	assert_string_equal(error, "vpc_attachment of vpc 'prod' to border_gateway 'bgw': No space "
				   "left on device");
}

/* Of the same objects, so with the same numbers. */
static struct conf number_again(struct conf c)
{
	memset(c.directory, 0, sizeof(c.directory));
	assert_int_equal(conf_number(&c, NULL, NULL), 0);
	return c;
}

static void leave_never(void *ctx, uint32_t tunnel)
{
	fail_msg("tunnel %u leaves", tunnel);
}

/* Its routes are propagated, but the dataplane has no room: nothing of it is left, and it can be
 * asked for again. */
static void a_failed_attachment_is_taken_back(void **state)
{
	struct conf without = conf;
	struct fake_count before, after;
	struct applied *a;

	gateways[0].n_routes = 1; /* the other leads to an attachment */
	without.n_attachments = 0;
	without = number_again(without);
	assert_int_equal(apply_new(&a, NULL, &without, error, sizeof(error)), 0);
	fake_count(&before);
	fake_route_error = -ENOMEM;
	assert_int_equal(apply_change(a, &conf, error, sizeof(error)), -ENOMEM);
	fake_route_error = 0;
	assert_int_equal(apply_change(a, &without, error, sizeof(error)), 0);
	apply_clean(a, &without, leave_never, NULL);
	fake_count(&after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(rib_routes(tables_rib(apply_tables(a)), apply_vpc_table(a, 0)), 0);
	assert_int_equal(apply_change(a, &conf, error, sizeof(error)), 0);
	apply_usable(a, 0, true);
	assert_int_equal(count("route 3 192.168.0.0/16 table 1\n"), 1);
	apply_free(a);
	conf_number_clear(&without);
}

static void leave_later(void *ctx, uint32_t tunnel)
{
	assert_int_equal(apply_tunnel_gone(ctx, tunnel), -EBUSY);
}

/* What BGP forgets of it is in an open batch: until that is taken, routes lead there. */
static void a_tunnel_leaves_after_its_routes(void **state)
{
	struct prefix p = prefix("172.16.0.0/12");
	struct conf without = conf;
	struct applied *a;

	gateways[0].n_routes = 0;
	without.n_connections = 0;
	without = number_again(without);
	assert_int_equal(apply_new(&a, NULL, &conf, error, sizeof(error)), 0);
	learn(apply_tables(a), 0, "172.16.0.0/12", 0, true);
	tables_batch_begin(apply_tables(a), 0);
	tables_forget(apply_tables(a), 0, &p, 0, 0);
	assert_int_equal(apply_change(a, &without, error, sizeof(error)), 0);
	apply_clean(a, &without, leave_later, a);
	assert_true(apply_is_reserved(a, CONF_TUNNEL, 0));
	assert_true(apply_is_reserved(a, CONF_CONNECTION, 0));
	assert_false(tables_batch_end(apply_tables(a), 0));
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(apply_tunnel_gone(a, i), 0);
		assert_false(apply_is_reserved(a, CONF_TUNNEL, i));
	}
	assert_false(apply_is_reserved(a, CONF_CONNECTION, 0));
	apply_free(a);
	conf_number_clear(&without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_model_becomes_tables_and_routes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(learnt_routes_lead_to_tunnels, setup, teardown),
		cmocka_unit_test_setup_teardown(a_static_route_needs_a_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refusal_names_the_object, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_attachment_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tunnel_leaves_after_its_routes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

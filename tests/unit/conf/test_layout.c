/* What is laid out and chosen by us: cloud addresses, first tunnels, keys and inner addresses; and
 * that it stays so. */
#include "conf/parse.h"
#include "conf/write.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"

static const char box[] =
	"ports = ( { name = \"wan\"; device = \"a\"; addresses = [ \"203.0.113.1/24\", "
	"\"203.0.113.2/24\", \"203.0.113.3/24\" ]; next_hop = \"203.0.113.254\"; } );\n"
	"border_gateways = ( { name = \"bgw\"; } );\n"
	"customer_gateways = ( { name = \"one\"; addresses = \"198.51.100.1\"; },\n"
	"  { name = \"two\"; addresses = [ \"198.51.100.2\", \"198.51.100.3\" ]; },\n"
	"  { name = \"four\"; addresses = [ \"198.51.100.4\", \"198.51.100.5\", "
	"\"198.51.100.6\", \"198.51.100.7\" ]; } );\n";

static struct conf *build(const char *pool, const char *connections, const struct conf *before,
			  char **messages)
{
	struct problem_list problems = { 0 };
	struct conf *c;
	char *text;
	size_t n;
	FILE *out;

	assert_true(asprintf(&text, "%scloud_addresses = [ %s ];\nvpn_connections = ( %s );\n", box,
			     pool, connections) > 0);
	c = conf_read_after("t", text, strlen(text), before, &problems);
	out = open_memstream(messages, &n);
	problem_print(&problems, out);
	fclose(out);
	problem_clear(&problems);
	free(text);
	return c;
}

static struct conf *built(const char *pool, const char *connections, const struct conf *before)
{
	char *messages = NULL;
	struct conf *c = build(pool, connections, before, &messages);

	if (c == NULL)
		fail_msg("%s", messages);
	free(messages);
	return c;
}

#define CONNECTION(name, customer)                                                        \
	"{ name = \"" name "\"; border_gateway = \"bgw\"; customer_gateway = \"" customer \
	"\"; bgp = false; "
#define POOL_1 "\"203.0.113.1\""
#define POOL_2 "\"203.0.113.1\", \"203.0.113.2\""
#define POOL_3 "\"203.0.113.1\", \"203.0.113.2\", \"203.0.113.3\""

static const struct {
	const char *pool, *customer;
	const char *tunnels; /* last numbers of cloud and customer address */
} layouts[] = {
	{ POOL_2, "one", "1-1 2-1 " },		{ POOL_2, "two", "1-2 2-3 " },
	{ POOL_2, "four", "1-4 1-5 2-6 2-7 " }, { POOL_1, "one", "1-1 " }, /* no second place */
	{ POOL_1, "two", "1-2 1-3 " },		{ POOL_1, "four", "1-4 1-5 1-6 1-7 " },
};

static void first_tunnels_are_laid_out(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		char text[200], pairs[100] = "";
		struct conf *c;

		snprintf(text, sizeof(text), CONNECTION("dc", "%s") "}", layouts[i].customer);
		c = built(layouts[i].pool, text, NULL);
		for (unsigned t = 0; t < c->connection[0].n_tunnels; t++) {
			const struct conf_tunnel *tunnel = &c->connection[0].tunnel[t];

			snprintf(text, sizeof(text), "dc-%u", t + 1);
			assert_string_equal(tunnel->name, text);
			assert_int_equal(tunnel->psk->len, 32);
			assert_int_equal(tunnel->inner.len, 30);
			snprintf(pairs + strlen(pairs), sizeof(pairs) - strlen(pairs), "%u-%u ",
				 tunnel->cloud_ip.b[3], tunnel->customer_ip.b[3]);
		}
		assert_string_equal(pairs, layouts[i].tunnels);
		conf_free(c);
	}
}

static void an_empty_list_of_tunnels_stays_empty(void **state)
{
	struct conf *c = built(POOL_2, CONNECTION("dc", "one") "tunnels = ( ); }", NULL), *back;
	struct problem_list problems = { 0 };
	struct conf_source text;

	assert_int_equal(c->connection[0].n_tunnels, 0);
	assert_int_equal(c->connection[0].n_cloud, 2);
	assert_int_equal(conf_write(c, NULL, &text), 0);
	back = conf_read_source("t", &text, &problems);
	assert_int_equal(back->connection[0].n_tunnels, 0);
	source_clear(&text);
	conf_free(back);
	conf_free(c);
}

static void two_connections_never_join_the_same_pair(void **state)
{
	struct conf *c =
		built(POOL_3, CONNECTION("a", "one") "}, " CONNECTION("b", "one") "}", NULL);
	char *messages = NULL;

	assert_int_equal(c->connection[0].n_tunnels, 2);
	assert_int_equal(c->connection[1].n_tunnels, 1); /* the third address is all that is left */
	assert_int_equal(c->connection[1].tunnel[0].cloud_ip.b[3], 3);
	conf_free(c);
	assert_null(build(POOL_2, CONNECTION("a", "one") "}, " CONNECTION("b", "one") "}", NULL,
			  &messages));
	assert_non_null(strstr(
		messages, "t:7: error: vpn_connection 'b': no cloud address is left for it: every "
			  "one is joined with customer gateway 'one' by another connection, or of "
			  "another family\n"));
	free(messages);
}

static const struct {
	const char *first,
		*second; /* of the connections a and b, which share customer gateway one */
	const char *says;
} claims[] = {
	{ "cloud_addresses = [ \"203.0.113.1\", \"203.0.113.2\" ]; tunnels = ( );",
	  "cloud_addresses = [ \"203.0.113.3\",\n \"203.0.113.2\" ]; tunnels = ( );",
	  "t:9: error: vpn_connection 'b': cloud address 203.0.113.2 is joined with the customer's "
	  "address 198.51.100.1 already by vpn_connection 'a' on line 7\n" },
	{ "cloud_addresses = \"203.0.113.1\"; tunnels = ( );",
	  "cloud_addresses = \"203.0.113.1\"; tunnels = ( );",
	  "t:8: error: vpn_connection 'b': cloud address 203.0.113.1 is joined with the customer's "
	  "address 198.51.100.1 already by vpn_connection 'a' on line 7\n" },
	{ "tunnels = ( { name = \"x\"; psk = \"k\"; cloud_ip = \"203.0.113.2\"; customer_ip = "
	  "\"198.51.100.1\"; } );",
	  "cloud_addresses = [ \"203.0.113.2\" ]; tunnels = ( );",
	  "t:8: error: vpn_connection 'b': cloud address 203.0.113.2 is joined with the customer's "
	  "address 198.51.100.1 already by vpn_connection 'a' on line 7\n" },
	/* one message where the tunnels say it */
	{ "cloud_addresses = \"203.0.113.1\"; tunnels = ( { name = \"x\"; psk = \"k\"; cloud_ip = "
	  "\"203.0.113.1\"; customer_ip = \"198.51.100.1\"; } );",
	  "cloud_addresses = \"203.0.113.1\"; tunnels = ( { name = \"y\"; psk = \"k\"; cloud_ip = "
	  "\"203.0.113.1\"; customer_ip = \"198.51.100.1\"; } );",
	  "t:8: error: tunnel 'y': tunnel 'x' on line 7 already joins 203.0.113.1 and "
	  "198.51.100.1\n" },
};

static void two_connections_never_claim_the_same_pair(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		char *messages = NULL, *text;

		assert_true(asprintf(&text,
				     CONNECTION("a", "one") "%s },\n" CONNECTION("b", "one") "%s }",
				     claims[i].first, claims[i].second) > 0);
		assert_null(build(POOL_3, text, NULL, &messages));
		assert_string_equal(messages, claims[i].says);
		free(messages);
		free(text);
	}
}

/* What was only chosen for a connection gives way to what another one's tunnels are said to be. */
static void a_chosen_address_gives_way(void **state)
{
	struct conf *was = built(POOL_2,
				 CONNECTION("a", "one") "tunnels = ( { name = \"x\"; cloud_ip "
							"= \"203.0.113.1\"; customer_ip = "
							"\"198.51.100.1\"; } ); }",
				 NULL);
	struct conf *now = built(POOL_2,
				 CONNECTION("a", "one") "tunnels = ( { name = \"x\"; cloud_ip = "
							"\"203.0.113.1\"; customer_ip = "
							"\"198.51.100.1\"; } ); }, " CONNECTION(
								"b", "one") "tunnels = ( { name = "
									    "\"y\"; cloud_ip = "
									    "\"203.0.113.2\"; "
									    "customer_ip = "
									    "\"198.51.100.1\"; } "
									    "); }",
				 was);

	assert_int_equal(was->connection[0].n_cloud, 2);
	assert_int_equal(now->connection[0].n_cloud, 1);
	assert_int_equal(now->connection[1].cloud[0].b[3], 2);
	conf_free(was);
	conf_free(now);
}

static void addresses_are_spread(void **state)
{
	struct conf *c = built(POOL_3,
			       CONNECTION("a", "one") "}, " CONNECTION("b", "two") "}, " CONNECTION(
				       "c", "four") "}",
			       NULL);
	unsigned uses[4] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned n = 0; n < c->connection[i].n_cloud; n++)
			uses[c->connection[i].cloud[n].b[3]]++;
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(uses[i], 2);
	conf_free(c);
}

static void a_tunnel_ends_at_its_connections_addresses(void **state)
{
	char *messages = NULL;

	assert_null(build(POOL_3,
			  CONNECTION("a", "one") "cloud_addresses = \"203.0.113.3\"; tunnels = ( { "
						 "name = \"x\"; psk = \"k\"; cloud_ip = "
						 "\"203.0.113.1\"; customer_ip = "
						 "\"198.51.100.1\"; } ); }",
			  NULL, &messages));
	assert_string_equal(messages,
			    "t:7: error: vpn_connection 'a', tunnel 'x': cloud_ip = '203.0.113.1': "
			    "is not one of the connection's cloud_addresses\n");
	free(messages);
}

#define TUNNEL(name, cloud, more)                              \
	"{ name = \"" name "\"; cloud_ip = \"203.0.113." cloud \
	"\"; customer_ip = \"198.51.100.1\"; " more " }"

static void choices_stay(void **state)
{
	struct conf *was = built(POOL_2,
				 CONNECTION("a", "one") "tunnels = ( " TUNNEL(
					 "x", "1", "") ", " TUNNEL("y", "2", "") "); }",
				 NULL);
	/* x goes, z comes before y, and y keeps what it had. */
	struct conf *now = built(POOL_2,
				 CONNECTION("a", "one") "tunnels = ( " TUNNEL(
					 "z", "1", "") ", " TUNNEL("y", "2", "") "); }",
				 was);
	/* Unless somebody else is given it. */
	struct conf *then = built(
		POOL_2,
		CONNECTION("a", "one") "tunnels = ( " TUNNEL(
			"z", "1", "inner = \"169.254.0.4/30\";") ", " TUNNEL("y", "2", "") "); }",
		now);
	const struct conf_tunnel *y = &was->connection[0].tunnel[1];
	const struct conf_tunnel *again = &now->connection[0].tunnel[1];

	assert_int_equal(y->inner.addr.b[3], 6);
	assert_memory_equal(&again->inner, &y->inner, sizeof(y->inner));
	assert_memory_equal(&again->inner_peer, &y->inner_peer, sizeof(y->inner_peer));
	assert_memory_equal(again->psk->data, y->psk->data, 32);
	assert_int_equal(now->connection[0].tunnel[0].inner.addr.b[3], 2);
	assert_memory_not_equal(now->connection[0].tunnel[0].psk->data,
				was->connection[0].tunnel[0].psk->data, 32);
	assert_int_equal(then->connection[0].tunnel[1].inner.addr.b[3], 2);
	conf_free(was);
	conf_free(now);
	conf_free(then);
}

static void laid_out_tunnels_stay(void **state)
{
	struct conf *was = built(POOL_3, CONNECTION("b", "two") "}", NULL);
	/* A connection that comes before it would be given the same addresses first. */
	struct conf *now =
		built(POOL_3, CONNECTION("a", "one") "}, " CONNECTION("b", "two") "}", was);

	assert_memory_equal(now->connection[1].cloud, was->connection[0].cloud,
			    sizeof(was->connection[0].cloud));
	for (unsigned i = 0; i < 2; i++)
		assert_true(field_same_group(&parse_tunnel, &now->connection[1].tunnel[i],
					     &was->connection[0].tunnel[i]));
	conf_free(was);
	conf_free(now);
}

static const struct edit quotas[] = {
	{ "name = \"bgw\";", "name = \"bgw\"; connection_quota = 0;",
	  "14: error: vpn_connection 'dc1': border_gateway 'bgw' has its 0 connections already; its "
	  "connection_quota allows no more\n" },
	{ "name = \"bgw\";", "name = \"bgw\"; attachment_quota = 0;",
	  "10: error: vpc_attachment 'prod': border_gateway 'bgw' has its 0 attachments already; "
	  "its attachment_quota allows no more\n" },
	{ "name = \"bgw\";", "name = \"bgw\"; static_route_quota = 0;",
	  "7: error: border_gateway 'bgw': border_gateway 'bgw' has its 0 static routes already; its "
	  "static_route_quota allows no more\n" },
	{ "name = \"bgw\";",
	  "name = \"bgw\"; connection_quota = 1; attachment_quota = 1; static_route_quota = 1;",
	  "" },
};

static void quotas_of_objects(void **state)
{
	given_says(quotas, ARRAY_LEN(quotas));
}

static bool is_up(const void *ctx, const struct conf_tunnel *t)
{
	const char *up = ctx;

	return strchr(up, t->name[strlen(t->name) - 1]) != NULL;
}

static const struct {
	const char *pool, *customer, *up; /* tunnels by their last digit */
	const char *lacks;		  /* NULL: it is redundant */
} states[] = {
	{ POOL_2, "two", "12", NULL },
	{ POOL_2, "two", "1", "second cloud address is UP" },
	{ POOL_2, "two", "", "first cloud address is UP" },
	{ POOL_2, "four", "14", NULL },
	{ POOL_2, "four", "12", "second cloud address is UP" },
	{ POOL_2, "four", "3", "first cloud address is UP" },
	{ POOL_2, "one", "12", "customer gateway has one address" },
	{ POOL_1, "two", "12", "one cloud address" },
};

static void some_connections_are_redundant(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		char text[200];
		const char *lacks;
		struct conf *c;

		snprintf(text, sizeof(text), CONNECTION("dc", "%s") "}", states[i].customer);
		c = built(states[i].pool, text, NULL);
		lacks = conf_redundancy_lacks(&c->connection[0], is_up, states[i].up);
		assert_int_equal(lacks == NULL, states[i].lacks == NULL);
		if (lacks != NULL)
			assert_non_null(strstr(lacks, states[i].lacks));
		conf_free(c);
	}
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_tunnels_are_laid_out),
		cmocka_unit_test(an_empty_list_of_tunnels_stays_empty),
		cmocka_unit_test(two_connections_never_join_the_same_pair),
		cmocka_unit_test(two_connections_never_claim_the_same_pair),
		cmocka_unit_test(a_chosen_address_gives_way),
		cmocka_unit_test(addresses_are_spread),
		cmocka_unit_test(a_tunnel_ends_at_its_connections_addresses),
		cmocka_unit_test(choices_stay),
		cmocka_unit_test(laid_out_tunnels_stay),
		cmocka_unit_test(quotas_of_objects),
		cmocka_unit_test(some_connections_are_redundant),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

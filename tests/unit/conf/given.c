#include "given.h"

#include "conf/parse.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char given_text[] =
	/* 1 */
	"ports = (\n"
	/* 2 */ "  { name = \"wan\"; device = \"a\"; addresses = [ \"203.0.113.1/24\", "
	"\"203.0.113.2/24\" ];\n"
	/* 3 */ "    next_hop = \"203.0.113.254\"; mtu = 1500; queues = 1; },\n"
	/* 4 */ "  { name = \"vpc\"; device = \"b\"; addresses = [ \"10.255.0.1/24\" ]; } );\n"
	/* 5 */ "cloud_addresses = [ \"203.0.113.1\", \"203.0.113.2\" ];\n"
	/* 6 */ "border_gateways = ( { name = \"bgw\"; static_routes = (\n"
	/* 7 */ "  { prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"; } ); } );\n"
	/* 8 */ "vpcs = ( { name = \"prod\"; prefixes = [ \"10.0.0.0/16\" ]; static_routes = (\n"
	/* 9 */ "  { prefix = \"192.168.0.0/16\"; next_hop = \"bgw\"; } ); } );\n"
	/* 10 */ "vpc_attachments = ( { vpc = \"prod\"; border_gateway = \"bgw\"; port = \"vpc\";\n"
	/* 11 */ "  addresses = [ \"10.0.0.1/16\" ];\n"
	/* 12 */ "  vxlan = { vni = 1001; local_vtep = \"10.255.0.1\"; remote_vtep = "
	"\"10.255.0.2\"; }; } );\n"
	/* 13 */ "customer_gateways = ( { name = \"rt\"; addresses = [ \"198.51.100.1\", "
	"\"198.51.100.2\" ]; } );\n"
	/* 14 */ "vpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; "
	"customer_gateway = \"rt\";\n"
	/* 15 */ "  bgp = false;\n"
	/* 16 */ "  tunnels = (\n"
	/* 17 */ "    { name = \"a\"; cloud_ip = \"203.0.113.1\"; customer_ip = "
	"\"198.51.100.1\";\n"
	/* 18 */ "      psk = \"hush, hush\";\n"
	/* 19 */ "      dpd = 20; },\n"
	/* 20 */ "    { name = \"b\"; cloud_ip = \"203.0.113.2\"; customer_ip = "
	"\"198.51.100.2\";\n"
	/* 21 */ "      psk = \"hush, hush\"; } ); } );\n";

char *given_edited(const char *text, const char *find, const char *put)
{
	const char *at = strstr(text, find);
	char *out = NULL;

	if (at == NULL)
		fail_msg("the given text has no \"%s\"", find);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find)) > 0);
	return out;
}

struct conf *given_read(const char *text, size_t len, char **messages)
{
	struct problem_list problems = { 0 };
	struct conf *c = conf_read("t", text, len, &problems);
	size_t n;
	FILE *out = open_memstream(messages, &n);

	assert_int_equal(c == NULL, problems.errors > 0);
	problem_print(&problems, out);
	fclose(out);
	problem_clear(&problems);
	return c;
}

void given_says(const struct edit *edits, unsigned n)
{
	size_t live = secret_live();

	for (unsigned i = 0; i < n; i++) {
		char *text = edits[i].find != NULL
				     ? given_edited(given_text, edits[i].find, edits[i].put)
				     : strdup(given_text);
		char want[4096] = "", *messages = NULL;
		struct conf *c = given_read(text, strlen(text), &messages);

		for (const char *p = edits[i].says; *p != '\0'; p = strchr(p, '\n') + 1)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "t:%.*s\n",
				 (int)strcspn(p, "\n"), p);
		if (strcmp(messages, want) != 0)
			print_error("row %u: %s -> %s\n", i, edits[i].find, edits[i].put);
		assert_string_equal(messages, want);
		assert_null(strstr(messages, "hush")); /* the key, anywhere */
		conf_free(c);
		free(messages);
		free(text);
	}
	assert_int_equal(secret_live(), live);
}

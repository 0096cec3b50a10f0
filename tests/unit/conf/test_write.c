/* A model as text, and back: the same model; and the same text again. */
#include "conf/parse.h"
#include "conf/write.h"

#include "tests/unit/unit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"

static int n_files;
static char **file;

static char *messages_of(struct problem_list *problems)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	problem_print(problems, out);
	fclose(out);
	problem_clear(problems);
	return text;
}

static struct conf *reread(const struct conf_source *source)
{
	struct problem_list problems = { 0 };
	struct conf *c = conf_read_source("t", source, &problems);
	char *messages = messages_of(&problems);

	if (c == NULL)
		print_error("%s\n%s\n", source->text, messages);
	free(messages);
	assert_non_null(c);
	return c;
}

/* Written and read as the gateway does it to itself, and by way of a file. */
static void assert_round(const struct conf *c)
{
	struct conf_source first, again;
	struct conf *back, *from_file;
	struct problem_list problems = { 0 };
	char *revealed;
	size_t len;

	assert_int_equal(conf_write(c, NULL, &first), 0);
	back = reread(&first);
	assert_int_equal(conf_write(back, NULL, &again), 0);
	if (!conf_same(c, back) || strcmp(first.text, again.text) != 0)
		print_error("%s\n----\n%s\n", first.text, again.text);
	assert_true(conf_same(c, back));
	assert_string_equal(first.text, again.text);

	revealed = source_reveal(&first, &len);
	assert_non_null(revealed);
	from_file = conf_read("t", revealed, len, &problems);
	problem_clear(&problems);
	assert_non_null(from_file);
	assert_true(conf_same(c, from_file));
	sodium_free(revealed);
	conf_free(from_file);
	conf_free(back);
	source_clear(&first);
	source_clear(&again);
}

static void every_example_comes_back(void **state)
{
	for (int i = 0; i < n_files; i++) {
		struct problem_list problems = { 0 };
		char *text = NULL;
		size_t cap = 0;
		FILE *in = fopen(file[i], "r");
		ssize_t n = getdelim(&text, &cap, EOF, in);
		struct conf *c = conf_read("t", text, (size_t)n, &problems);

		fclose(in);
		problem_clear(&problems);
		assert_non_null(c);
		assert_round(c);
		conf_free(c);
		free(text);
	}
}

/* ---- generated models --------------------------------------------------------------------- */

static uint32_t seed;

static uint32_t roll(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * n >> 32);
}

/* One of each row, or none. "@": a number that is the tunnel's own. */
static const char *const of_tunnel[][6] = {
	{ "psk = \"plain \\\"quoted\\\" \\\\ text\"", "psk = \"0x00ff10\"", "psk = \"0x3078\"",
	  "psk = \"0saGVsbG8=\"", "psk = \"x\"", "psk = \"0x307331\"" },
	{ "local_id = \"gw.example.com\"", "local_id = \"user_fqdn:nobody\"", "local_id = \"a@b\"",
	  "local_id = \"key_id:0x3041\"", "local_id = \"key_id:0x00\"",
	  "local_id = \"fqdn:192.0.2.1\"" },
	{ "remote_id = \"192.0.2.99\"", "remote_id = \"2001:db8::1\"", "remote_id = \"key_id:k\"",
	  "remote_id = \"key_id:0x3078\"", "remote_id = \"fqdn:a@b\"",
	  "remote_id = \"key_id:a@b\"" },
	{ "inner = \"10.77.@.2/30\"", "inner = \"10.77.@.1/30\"", "inner = \"10.77.@.0/30\"",
	  "inner = \"fd00:@::2/126\"" },
	{ "ike_version = \"v1\"; ike_mode = \"aggressive\"; ike_cipher = \"3des\"; "
	  "esp_cipher = \"aes256\"",
	  "ike_version = \"v2\"",
	  "ike_version = \"v1\"; ike_cipher = \"aes128\"; "
	  "esp_cipher = \"aes128gcm\"" },
	{ "ike_auth = [ \"sha512\", \"sha1\" ]", "ike_auth = \"sha256\"" },
	{ "ike_dh = [ \"x25519\", \"modp2048\" ]", "ike_dh = \"ecp256\"" },
	{ "ike_lifetime = 600", "ike_lifetime = 14400" },
	{ "esp_pfs = \"none\"", "esp_pfs = \"ecp384\"", "esp_pfs = [ \"ecp384\", \"ecp256\" ]" },
	{ "esp_lifetime_bytes = 107374182400", "esp_lifetime_bytes = 0" },
	{ "esp_lifetime_packets = 77" },
	{ "dpd = 0", "dpd = 10", "dpd = 30" },
	{ "bgp_hold = 90", "bgp_hold = 30", "bgp_hold = 9; bgp_keepalive = 8" },
	{ "bgp_families = \"ipv4\"", "bgp_families = \"ipv6\"",
	  "bgp_families = [ \"ipv6\", \"ipv4\" ]" },
	{ "bgp_password = \"0x41\"", "bgp_password = \"a \\\\ b\"" },
	{ "med = 4294967295", "med = 0", "med = \"none\"" },
	{ "enabled = false", "enabled = true" },
	{ "df = \"copy\"", "df = \"set\"" },
	{ "mtu = 1400", "mtu = 0" },
	{ "ike_fragment = 0", "ike_fragment = 576" },
	{ "esn = true", "esn = false" },
};
static const char *const of_connection[][3] = {
	{ "local_asn = 64512", "local_asn = 65000" },
	{ "local_subnet = \"0.0.0.0/0\"" },
	{ "bgp = false", "bgp = true" },
};

static void put(FILE *out, const char *text, unsigned number)
{
	for (; *text != '\0'; text++)
		if (*text == '@')
			fprintf(out, "%u", number);
		else
			fputc(*text, out);
	fputs(";\n", out);
}

static void put_some(FILE *out, const char *const *rows, size_t n, size_t per_row, unsigned number)
{
	for (size_t i = 0; i < n; i++) {
		const char *pick = rows[i * per_row + roll((uint32_t)per_row)];

		if (pick != NULL && roll(2) == 0)
			put(out, pick, number);
	}
}

static char *generate(void)
{
	unsigned n_connections = 1 + roll(3);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs("ports = ( { name = \"wan\"; device = \"a\\\\b\\\"\"; addresses = [ "
	      "\"203.0.113.1/24\", \"203.0.113.2/24\" ]; next_hop = \"203.0.113.254\"; } );\n"
	      "cloud_addresses = [ \"203.0.113.1\", \"203.0.113.2\" ];\n"
	      "border_gateways = ( { name = \"Grenzübergang\"; asn = 65000;",
	      out);
	put_some(out, (const char *const[]){ "transit = true", "description = \"a \\\"b\\\"\"" }, 2,
		 1, 0);
	fputs("} );\ncustomer_gateways = (", out);
	for (unsigned i = 0; i < n_connections; i++)
		fprintf(out,
			"%s { name = \"c%u\"; addresses = [ \"198.51.100.%u\", "
			"\"198.51.100.%u\" ]; asn = %u; }",
			i > 0 ? "," : "", i, 2 * i + 1, 2 * i + 2, 65001 + roll(400));
	fputs(" );\nvpn_connections = (", out);
	for (unsigned i = 0; i < n_connections; i++) {
		unsigned n_tunnels = 1 + roll(4);

		fprintf(out,
			"%s { name = \"v%u\"; border_gateway = \"Grenzübergang\"; "
			"customer_gateway = \"c%u\";\n",
			i > 0 ? "," : "", i, i);
		put_some(out, of_connection[0], ARRAY_LEN(of_connection), 3, i);
		fputs("tunnels = (", out);
		for (unsigned t = 0; t < n_tunnels; t++) {
			fprintf(out,
				"%s { name = \"t%u-%u\"; cloud_ip = \"203.0.113.%u\"; "
				"customer_ip = \"198.51.100.%u\";\n",
				t > 0 ? "," : "", i, t, 1 + t % 2, 2 * i + 1 + t / 2);
			put_some(out, of_tunnel[0], ARRAY_LEN(of_tunnel), 6, 10 * i + t);
			fputs(" }", out);
		}
		fputs(" ); }", out);
	}
	fputs(" );\n", out);
	fclose(out);
	return text;
}

#define ROUNDS 400

static void generated_models_come_back(void **state)
{
	unsigned good = 0;

	seed = 6;
	for (unsigned i = 0; i < ROUNDS; i++) {
		char *text = generate(), *messages = NULL;
		struct conf *c = given_read(text, strlen(text), &messages);

		if (c != NULL) {
			assert_round(c);
			good++;
		}
		conf_free(c);
		free(messages);
		free(text);
	}
	assert_in_range(good, ROUNDS / 3, ROUNDS); /* some do not fit together */
}

/* ---- details ------------------------------------------------------------------------------ */

static struct conf *given(const char *find, const char *with)
{
	char *text = given_edited(given_text, find, with), *messages = NULL;
	struct conf *c = given_read(text, strlen(text), &messages);

	assert_non_null(c);
	free(messages);
	free(text);
	return c;
}

static char *shown(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(conf_print(c, out), 0);
	fclose(out);
	return text;
}

static unsigned times(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

static void defaults_are_left_out_and_choices_are_not(void **state)
{
	struct conf *c = given("dpd = 20;", "dpd = 20; ike_lifetime = 14400;");
	char *text = shown(c);

	assert_non_null(strstr(text, "dpd = 20;"));
	assert_int_equal(times(text, "dpd"), 1); /* b has a's */
	assert_null(strstr(text, "ike_lifetime"));
	assert_null(strstr(text, "local_id"));
	assert_null(strstr(text, "mac ="));
	assert_non_null(strstr(text, "inner = \"169.254.0.2/30\";")); /* which we chose */
	assert_non_null(strstr(text, "inner = \"169.254.0.6/30\";"));
	free(text);
	conf_free(c);
}

static void secrets_are_neither_shown_nor_in_the_text(void **state)
{
	struct conf *c =
		given("psk = \"hush, hush\"", "bgp_password = \"hush me\"; psk = \"hush\"");
	struct conf_source source;
	char *text = shown(c);

	assert_non_null(strstr(text, "psk = <secret>;"));
	assert_null(strstr(text, "hush"));
	assert_int_equal(conf_write(c, NULL, &source), 0);
	assert_null(strstr(source.text, "hush"));
	assert_int_equal(source.n_secrets, 3);
	source_clear(&source);
	free(text);
	conf_free(c);
}

static void without_its_first_tunnel_a_connection_stays_as_it_was(void **state)
{
	struct conf *c = given("dpd = 20;", "dpd = 20; esn = true;"), *back;
	struct conf_write how = { .without = &c->connection[0].tunnel[0] };
	struct conf_source source;

	assert_int_equal(conf_write(c, &how, &source), 0);
	back = reread(&source);
	assert_int_equal(back->connection[0].n_tunnels, 1);
	assert_true(field_same_group(&parse_tunnel, &back->connection[0].tunnel[0],
				     &c->connection[0].tunnel[1]));
	source_clear(&source);
	conf_free(back);
	conf_free(c);
}

static void a_pinned_field_is_written_by_everyone(void **state)
{
	struct conf *c = given("dpd = 20;", "dpd = 20;");
	static const char *const pinned[] = { "esn", "dpd=30" };
	struct conf_write how = { .pinned_kind = &parse_tunnel, .n_pinned = 2, .pinned = pinned };
	struct conf_source source;

	assert_int_equal(conf_write(c, &how, &source), 0);
	assert_non_null(strstr(strstr(source.text, "dpd = 20;") + 1, "dpd = 20;"));
	source_clear(&source);
	conf_free(c);
}

static void every_section_has_its_place(void **state)
{
	/* What the writer does not list would be lost. */
	for (unsigned i = 0; i < parse_top.n_fields; i++)
		if (!conf_writes(parse_top.fields[i].name))
			fail_msg("%s is never written", parse_top.fields[i].name);
}

static int init(void **state)
{
	return secret_init();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_comes_back),
		cmocka_unit_test(generated_models_come_back),
		cmocka_unit_test(defaults_are_left_out_and_choices_are_not),
		cmocka_unit_test(secrets_are_neither_shown_nor_in_the_text),
		cmocka_unit_test(without_its_first_tunnel_a_connection_stays_as_it_was),
		cmocka_unit_test(a_pinned_field_is_written_by_everyone),
		cmocka_unit_test(every_section_has_its_place),
	};

	n_files = argc - 1;
	file = argv + 1;
	return n_files > 0 ? cmocka_run_group_tests(tests, init, NULL) : 99;
}

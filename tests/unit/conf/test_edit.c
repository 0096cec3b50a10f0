/* An operator's change of one object: the same checks as a file's, and the rules of what may
 * change and in what order things go. */
#include "conf/edit.h"
#include "conf/parse.h"
#include "conf/write.h"

#include "given.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct conf *start(void)
{
	char *messages = NULL;
	struct conf *c = given_read(given_text, strlen(given_text), &messages);

	assert_non_null(c);
	free(messages);
	return c;
}

/* The words of a change, as in the shell. */
static struct conf *try(const struct conf *now, const char *words, char **messages)
{
	static const char *const verbs[] = { "create", "set", "unset", "delete" };
	const char *field[16];
	struct conf_change change = { .field = field };
	struct problem_list problems = { 0 };
	char *copy = strdup(words), *save = NULL, *word = strtok_r(copy, "|", &save);
	struct conf *then;
	size_t len;
	FILE *out;

	while (strcmp(verbs[change.verb], word) != 0)
		change.verb++;
	change.kind = strtok_r(NULL, "|", &save);
	change.name = strtok_r(NULL, "|", &save);
	if (strcmp(change.name, "-") == 0)
		change.name = NULL;
	while ((field[change.n] = strtok_r(NULL, "|", &save)) != NULL)
		change.n++;
	then = conf_edit(now, &change, &problems);
	out = open_memstream(messages, &len);
	problem_print(&problems, out);
	fclose(out);
	assert_int_equal(then == NULL, problems.errors > 0);
	problem_clear(&problems);
	free(copy);
	return then;
}

static struct conf *must(struct conf *now, const char *words)
{
	char *messages = NULL;
	struct conf *then = try(now, words, &messages);

	if (then == NULL)
		fail_msg("%s: %s", words, messages);
	free(messages);
	conf_free(now);
	return then;
}

static void assert_refused(const struct conf *now, const char *words, const char *says)
{
	struct conf_source before, after;
	char *messages = NULL;

	assert_int_equal(conf_write(now, NULL, &before), 0);
	assert_null(try(now, words, &messages));
	if (strcmp(messages, says) != 0)
		print_error("%s\n", words);
	assert_string_equal(messages, says);
	assert_int_equal(conf_write(now, NULL, &after), 0);
	assert_string_equal(before.text, after.text);
	source_clear(&before);
	source_clear(&after);
	free(messages);
}

static void fields_are_set_and_unset(void **state)
{
	struct conf *c = start();
	const struct conf_tunnel *t;

	c = must(c,
		 "set|tunnel|a|esp_cipher=aes256gcm, aes128|esn=on|dpd=0|local_id=gw.example.com");
	t = &c->connection[0].tunnel[0];
	assert_int_equal(t->esp_cipher.n, 2);
	assert_int_equal(t->esp_cipher.id[1], CIPHER_AES128_CBC);
	assert_true(t->esn);
	assert_int_equal(t->dpd, 0);
	c = must(c, "unset|tunnel|a|dpd|local_id");
	t = &c->connection[0].tunnel[0];
	assert_int_equal(t->dpd, 10);
	assert_int_equal(t->local_id.type, CONF_ID_IPV4);
	c = must(c, "set|attachment|prod@bgw|vxlan.vni=77|import=[]");
	assert_int_equal(c->attachment[0].vni, 77);
	assert_false(c->attachment[0].import_all);
	c = must(c, "unset|attachment|prod@bgw|import");
	assert_true(c->attachment[0].import_all);
	c = must(c, "set|border_gateway|bgw|description=a \"b\" c|transit=true");
	assert_string_equal(c->border_gateway[0].description, "a \"b\" c");
	c = must(c, "set|vpc|prod|prefixes=10.0.0.0/16,10.1.0.0/16");
	assert_int_equal(c->vpc[0].n_prefixes, 2);
	{
		char words[900] = "set|vpc|prod|description=";

		for (unsigned i = 0; i < 256; i++)
			strcat(words, "ß");
		c = must(c, words);
		assert_int_equal(strlen(c->vpc[0].description), 512);
	}
	c = must(c, "set|gateway|-|cloud_addresses=203.0.113.1,203.0.113.2");
	conf_free(c);
}

static void one_tunnel_changes_alone(void **state)
{
	struct conf *c = start();

	c = must(c, "set|tunnel|a|bgp_hold=90|ike_dh=x25519|dpd=5");
	assert_int_equal(c->connection[0].tunnel[1].bgp_hold, 30);
	assert_int_equal(c->connection[0].tunnel[1].bgp_keepalive, 10);
	assert_int_equal(c->connection[0].tunnel[1].ike_dh.id[0], DH_ECP256);
	assert_int_equal(c->connection[0].tunnel[1].dpd, 20);
	c = must(c, "unset|tunnel|b|dpd"); /* what the first has */
	assert_int_equal(c->connection[0].tunnel[1].dpd, 5);
	c = must(c, "unset|tunnel|a|dpd");
	assert_int_equal(c->connection[0].tunnel[0].dpd, 10);
	assert_int_equal(c->connection[0].tunnel[1].dpd, 5);
	conf_free(c);
}

static void keys_are_set_and_generated(void **state)
{
	struct conf *c = start();
	const struct secret *key;

	c = must(c, "set|tunnel|a|psk=0x00ff");
	key = c->connection[0].tunnel[0].psk;
	assert_int_equal(key->len, 2);
	assert_memory_equal(key->data, "\x00\xff", 2);
	c = must(c, "set|tunnel|a|enabled=false");
	c = must(c, "unset|tunnel|a|psk");
	assert_int_equal(c->connection[0].tunnel[0].psk->len, 32);
	assert_refused(c, "set|tunnel|a|psk=0xhushhush",
		       "error: vpn_connection 'dc1', tunnel 'a': psk: the key starts with 0x, but "
		       "pairs of hex digits do not follow; allowed are 1 to 128 bytes: printable "
		       "text, 0x and hex, or 0s and base64\n");
	conf_free(c);
}

static void objects_come_and_go_in_order(void **state)
{
	struct conf *c = start();

	c = must(c, "create|customer-gateway|c2|addresses=198.51.100.9,198.51.100.10|asn=65099");
	c = must(c, "create|border-gateway|b2|asn=65020");
	c = must(c, "create|connection|v2|border_gateway=b2|customer_gateway=c2|bgp=false");
	c = must(c, "create|tunnel|v2-9|connection=v2|cloud_ip=203.0.113.1|"
		    "customer_ip=198.51.100.10|psk=hush|enabled=no");
	c = must(c, "create|vpc|test|prefixes=10.7.0.0/16");
	c = must(c, "create|attachment|test@b2|port=vpc|addresses=10.7.0.1/16|vlan.id=100");
	assert_int_equal(c->attachment[1].vlan_id, 100);
	assert_refused(c, "delete|border-gateway|b2",
		       "error: border_gateway 'b2': is in use: first delete connection 'v2', "
		       "attachment 'test@b2'\n");
	assert_refused(c, "delete|vpc|test",
		       "error: vpc 'test': is in use: first delete attachment 'test@b2'\n");
	assert_refused(c, "delete|customer-gateway|c2",
		       "error: customer_gateway 'c2': is in use: first delete connection 'v2'\n");
	c = must(c, "delete|attachment|test@b2");
	c = must(c, "delete|vpc|test");
	c = must(c, "delete|tunnel|v2-9");
	while (c->connection[1].n_tunnels > 0) {
		char words[CONF_NAME_BYTES + 40];

		snprintf(words, sizeof(words), "set|tunnel|%s|enabled=no",
			 c->connection[1].tunnel[0].name);
		c = must(c, words);
		snprintf(words, sizeof(words), "delete|tunnel|%s", c->connection[1].tunnel[0].name);
		c = must(c, words);
	}
	c = must(c, "delete|connection|v2");
	c = must(c, "delete|border-gateway|b2");
	c = must(c, "delete|customer-gateway|c2");
	assert_int_equal(c->n_border_gateways, 1);
	conf_free(c);
}

static const struct {
	const char *words, *says;
} refused[] = {
	{ "create|vpc|prod|prefixes=10.9.0.0/16",
	  "error: vpc 'prod': there is one of this name already\n" },
	{ "create|vpc|x y|prefixes=10.9.0.0/16",
	  "error: vpc 'x y': name = 'x y': the name holds a character that is not allowed; a name "
	  "has 1 to 32 letters, digits, '_' or '-'\n" },
	{ "create|vpc|test", "error: vpc 'test': prefixes is missing: the VPC's subnets, like "
			     "[ \"10.0.0.0/16\" ]\n" },
	{ "create|tunnel|x|cloud_ip=203.0.113.1",
	  "error: tunnel 'x': connection is missing: the vpn_connection that the tunnel belongs "
	  "to\n" },
	{ "create|tunnel|x|connection=dc2",
	  "error: tunnel 'x': connection = 'dc2': there is no vpn_connection of this name\n" },
	{ "create|attachment|prod|port=vpc",
	  "error: vpc_attachment: is called VPC@BORDER_GATEWAY, like prod@bgw\n" },
	{ "set|tunnel|c|dpd=1",
	  "error: tunnel 'c': there is none of this name; did you mean 'a'?\n" },
	{ "set|tunnel|a|dpdd=1",
	  "error: tunnel 'a': 'dpdd': unknown field; did you mean 'dpd'?\n" },
	{ "set|tunnel|a|pks=hush",
	  "error: tunnel 'a': 'pks': unknown field; did you mean 'psk'?\n" },
	{ "set|tunnel|a|name=x", "error: tunnel 'a': name cannot be set: it names the object\n" },
	{ "set|tunnel|a|dpd", "error: tunnel 'a': 'dpd' gives no value: write FIELD=VALUE\n" },
	{ "set|tunnel|a|dpd=ten",
	  "error: vpn_connection 'dc1', tunnel 'a': dpd = 'ten': must be a whole number from 0 to "
	  "3600 seconds, 0 is off\n" },
	{ "set|tunnel|a|dpd=9999",
	  "error: vpn_connection 'dc1', tunnel 'a': dpd = 9999: must be a number from 0 to 3600 "
	  "seconds, 0 is off\n" },
	{ "set|tunnel|a|cloud_ip=203.0.113.2",
	  "error: vpn_connection 'dc1', tunnel 'a': cloud_ip cannot change, it is 203.0.113.1: make "
	  "another tunnel, with another name\n" },
	{ "set|tunnel|b|customer_ip=198.51.100.1",
	  "error: vpn_connection 'dc1', tunnel 'b': customer_ip cannot change, it is 198.51.100.2: "
	  "make another tunnel, with another name\n" },
	{ "unset|tunnel|a|cloud_ip", "error: tunnel 'a': cloud_ip cannot be left out\n" },
	{ "unset|tunnel|a|dpd|psk",
	  "error: tunnel 'a': psk: a random key would take its place, which the peer does not have, "
	  "and the tunnel is enabled: first \"tunnel a disable\", or set another key\n" },
	{ "set|customer-gateway|rt|addresses=198.51.100.1,198.51.100.2,198.51.100.3,198.51.100.4",
	  "error: customer_gateway 'rt': addresses change only while it has no tunnel: first delete "
	  "the tunnels of its connections\n" },
	{ "set|connection|dc1|tunnels=x",
	  "error: vpn_connection 'dc1': tunnels: these are objects, created and deleted by "
	  "themselves\n" },
	{ "set|connection|dc1|border_gateway=other",
	  "error: vpn_connection 'dc1': border_gateway cannot change, it is 'bgw': make another connection\n" },
	{ "set|attachment|prod@bgw|vxlan=1",
	  "error: vpc_attachment: vxlan: name a field inside: vxlan.vni\n" },
	{ "set|vpc|prod|prefixes=10.0.0.1/16",
	  "error: vpc 'prod': prefixes = '10.0.0.1/16': has host bits set; the network is "
	  "10.0.0.0/16\n" },
	{ "delete|tunnel|a", "error: tunnel 'a': is enabled: first \"tunnel a disable\"\n" },
	{ "delete|connection|dc1",
	  "error: vpn_connection 'dc1': is in use: first delete tunnel 'a', tunnel 'b', static route "
	  "192.168.0.0/16 of 'bgw'\n" },
	{ "delete|workers|-", "error: workers: cannot be deleted\n" },
	{ "set|sheep|dolly|legs=4", "error: kind 'sheep': there are no such objects\n" },
};

static void refusals_say_why_and_change_nothing(void **state)
{
	struct conf *c = start();

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_refused(c, refused[i].words, refused[i].says);
	conf_free(c);
}

static void an_asn_stays(void **state)
{
	struct conf *c = start();

	c = must(c, "set|customer-gateway|rt|asn=65010"); /* it had none */
	assert_refused(c, "set|customer-gateway|rt|asn=65011",
		       "error: customer_gateway 'rt': asn cannot change, it is 65010: make another "
		       "customer gateway\n");
	conf_free(c);
}

static void routes_come_and_go(void **state)
{
	struct problem_list problems = { 0 };
	struct conf *c = start(), *then;

	then = conf_edit_route(c, true, "bgw", "192.168.0.0/24", "dc1", &problems);
	assert_non_null(then);
	conf_free(c);
	assert_int_equal(then->border_gateway[0].n_routes, 2);
	c = conf_edit_route(then, false, "bgw", "192.168.0.0/16", "dc1", &problems);
	assert_non_null(c);
	conf_free(then);
	assert_int_equal(c->border_gateway[0].n_routes, 1);
	assert_null(conf_edit_route(c, true, "bgw", "192.168.0.0/24", "dc1", &problems));
	assert_string_equal(problems.v[0].text, "the static route to 'dc1' stands already");
	problem_clear(&problems);
	assert_null(conf_edit_route(c, false, "prod", "192.168.0.0/24", "bgw", &problems));
	assert_string_equal(problems.v[0].text,
			    "there is no static route to 192.168.0.0/24 by 'bgw'");
	problem_clear(&problems);
	conf_free(c);
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_set_and_unset),
		cmocka_unit_test(one_tunnel_changes_alone),
		cmocka_unit_test(keys_are_set_and_generated),
		cmocka_unit_test(objects_come_and_go_in_order),
		cmocka_unit_test(refusals_say_why_and_change_nothing),
		cmocka_unit_test(an_asn_stays),
		cmocka_unit_test(routes_come_and_go),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

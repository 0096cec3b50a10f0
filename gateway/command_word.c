#include "gateway/command_word.h"

#include "conf/addr.h"
#include "conf/kind.h"
#include "gateway/client.h"
#include "gateway/gateway.h"

#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 512 /* of a word with what it may become */

/* ---- forms ------------------------------------------------------------------------------- */

static bool is_prefix(const char *word)
{
	struct prefix p;

	return prefix_parse(&p, word);
}

static bool is_address(const char *word)
{
	struct addr a;

	return addr_parse(&a, word);
}

bool command_is_number(const char *word)
{
	size_t n = strspn(word, "0123456789");

	return n > 0 && n < 10 && word[n] == '\0';
}

static bool is_spi(const char *word)
{
	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	return word[0] != '\0' && strlen(word) <= 8 &&
	       strspn(word, "0123456789abcdefABCDEF") == strlen(word);
}

/* ---- values ------------------------------------------------------------------------------ */

static void list_tunnels(const struct gateway *g, unsigned n, char *const *word,
			 struct command_values *to)
{
	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1))
		to->add(to, g->tunnels->v[i].conf->name, g->tunnels->v[i].up ? "UP" : "DOWN");
}

static void list_connections(const struct gateway *g, unsigned n, char *const *word,
			     struct command_values *to)
{
	for (unsigned i = 0; i < g->conf->n_connections; i++)
		to->add(to, g->conf->connection[i].name, "vpn connection");
}

static void list_border_gateways(const struct gateway *g, unsigned n, char *const *word,
				 struct command_values *to)
{
	for (unsigned i = 0; i < g->conf->n_border_gateways; i++)
		to->add(to, g->conf->border_gateway[i].name, "border gateway");
}

static void list_customer_gateways(const struct gateway *g, unsigned n, char *const *word,
				   struct command_values *to)
{
	for (unsigned i = 0; i < g->conf->n_customer_gateways; i++)
		to->add(to, g->conf->customer_gateway[i].name, "customer gateway");
}

static void list_vpcs(const struct gateway *g, unsigned n, char *const *word,
		      struct command_values *to)
{
	for (unsigned i = 0; i < g->conf->n_vpcs; i++)
		to->add(to, g->conf->vpc[i].name, "vpc");
}

static void list_ports(const struct gateway *g, unsigned n, char *const *word,
		       struct command_values *to)
{
	for (unsigned i = 0; i < g->conf->n_ports; i++)
		to->add(to, g->conf->port[i].name, "port");
}

static void list_tables(const struct gateway *g, unsigned n, char *const *word,
			struct command_values *to)
{
	list_border_gateways(g, n, word, to);
	list_vpcs(g, n, word, to);
	to->add(to, "underlay", "the ports' own networks");
}

static void list_next_hops(const struct gateway *g, unsigned n, char *const *word,
			   struct command_values *to)
{
	list_connections(g, n, word, to);
	list_border_gateways(g, n, word, to);
	list_vpcs(g, n, word, to);
}

static void list_devices(const struct gateway *g, unsigned n, char *const *word,
			 struct command_values *to)
{
	for (unsigned i = 0; i < client_devices_n; i++)
		to->add(to, client_devices[i].name, client_devices[i].title);
}

static void list_protocols(const struct gateway *g, unsigned n, char *const *word,
			   struct command_values *to)
{
	to->add(to, "tcp", "protocol 6");
	to->add(to, "udp", "protocol 17");
	to->add(to, "icmp", "echo requests");
}

/* ---- the configuration's words ------------------------------------------------------------ */

static bool is_kind(const char *word)
{
	return kind_find(word) != NULL;
}

static void list_kinds(const struct gateway *g, unsigned n, char *const *word,
		       struct command_values *to)
{
	bool all = strcmp(word[0], "show") == 0; /* others: what can be made */

	for (unsigned i = 0; i < kinds_n; i++)
		if (all || kinds[i].list)
			to->add(to, kinds[i].word, kinds[i].what);
}

/* Of the kind that the word before names. */
static void list_names(const struct gateway *g, unsigned n, char *const *word,
		       struct command_values *to)
{
	const struct kind *kind = n > 0 ? kind_find(word[n - 1]) : NULL;
	char name[KIND_NAME_BYTES];
	const void *o;

	if (!kind || strcmp(word[0], "create") == 0)
		return;
	for (unsigned i = 0; (o = kind_object_at(g->conf, kind, i)) != NULL; i++)
		to->add(to, kind_object_name(kind, o, name), kind->word);
}

static void add_fields(const struct field_object *fields, const char *before, const char *after,
		       struct command_values *to)
{
	for (unsigned i = 0; i < fields->n_fields; i++) {
		const struct field *f = &fields->fields[i];
		char word[96], help[300];

		snprintf(word, sizeof(word), "%s%s%s", before, f->name,
			 f->kind == &field_group ? "." : after);
		if (f->kind == &field_group)
			add_fields(f->arg, word, after, to);
		else if (f->kind != &field_objects && strcmp(word, "name=") != 0)
			to->add(to, word, field_help(f, help, sizeof(help)));
	}
}

static void list_fields(const struct gateway *g, unsigned n, char *const *word,
			struct command_values *to)
{
	const struct kind *kind = n > 1 ? kind_find(word[1]) : NULL;

	if (kind)
		add_fields(kind->fields, "", "", to);
}

/* The field that "vxlan.vni=" and the like begins with. */
static const struct field *field_of(const struct field_object *fields, const char *word)
{
	size_t len = strcspn(word, ".=");

	for (unsigned i = 0; i < fields->n_fields; i++) {
		const struct field *f = &fields->fields[i];

		if (strlen(f->name) != len || memcmp(f->name, word, len) != 0)
			continue;
		return word[len] != '.'		 ? f
		       : f->kind == &field_group ? field_of(f->arg, word + len + 1)
						 : NULL;
	}
	return NULL;
}

/* What may follow in "esp_cipher=aes256gcm,aes": whole words, with what is typed already. */
static void list_values(const struct gateway *g, const struct field *f, struct command_values *to)
{
	const char *begin = to->begin, *comma = strrchr(begin, ','), *one;
	size_t typed = (size_t)((comma ? comma : strchr(begin, '=')) - begin) + 1;
	const struct kind *kind = f->refers ? kind_find(f->refers) : NULL;
	char value[VALUE_BYTES], name[KIND_NAME_BYTES], help[300];
	const void *o;

	for (unsigned i = 0; (one = field_choice_at(f, i)) != NULL; i++) {
		snprintf(value, sizeof(value), "%.*s%s", (int)typed, begin, one);
		to->add(to, value, NULL);
	}
	for (unsigned i = 0; kind && (o = kind_object_at(g->conf, kind, i)) != NULL; i++) {
		snprintf(value, sizeof(value), "%.*s%s", (int)typed, begin,
			 kind_object_name(kind, o, name));
		to->add(to, value, kind->word);
	}
	if (!kind && !field_choice_at(f, 0)) {
		snprintf(value, sizeof(value), "<%s>", f->name);
		to->add(to, value, field_help(f, help, sizeof(help)));
	}
}

static const struct field connection_of_tunnel = { .name = "connection",
						   .kind = &field_name,
						   .means = "the connection that it belongs to",
						   .refers = "connection" };

static void list_settings(const struct gateway *g, const struct kind *kind, bool create,
			  struct command_values *to)
{
	bool tunnel = create && strcmp(kind->word, "tunnel") == 0;
	const struct field *f;

	if (!strchr(to->begin, '=')) {
		if (tunnel)
			to->add(to, "connection=", connection_of_tunnel.means);
		add_fields(kind->fields, "", "=", to);
		return;
	}
	f = tunnel && strncmp(to->begin, "connection=", 11) == 0
		    ? &connection_of_tunnel
		    : field_of(kind->fields, to->begin);
	if (f)
		list_values(g, f, to);
}

static void list_fields_to_set(const struct gateway *g, unsigned n, char *const *word,
			       struct command_values *to)
{
	const struct kind *kind = n > 1 ? kind_find(word[1]) : NULL;

	if (kind)
		list_settings(g, kind, strcmp(word[0], "create") == 0, to);
}

static const struct command_word words[] = {
	{ "TUNNEL", "the name of a tunnel", NULL, list_tunnels },
	{ "CONNECTION", "the name of a vpn connection", NULL, list_connections },
	{ "BORDER_GATEWAY", "the name of a border gateway", NULL, list_border_gateways },
	{ "CUSTOMER_GATEWAY", "the name of a customer gateway", NULL, list_customer_gateways },
	{ "VPC", "the name of a vpc", NULL, list_vpcs },
	{ "PORT", "the name of a port", NULL, list_ports },
	{ "TABLE", "a route table: a border gateway, a vpc or 'underlay'", NULL, list_tables },
	{ "NEXT_HOP", "a vpn connection, a vpc, or from a vpc a border gateway", NULL,
	  list_next_hops },
	{ "DEVICE", "a kind of customer's device", NULL, list_devices },
	{ "PREFIX", "a prefix, like 192.168.0.0/16, or an address", is_prefix, NULL },
	{ "ADDRESS", "an address, like 192.168.0.1", is_address, NULL },
	{ "PROTOCOL", "tcp, udp, icmp or a number", NULL, list_protocols },
	{ "NUMBER", "a number", command_is_number, NULL },
	{ "HOURS", "a number of hours", command_is_number, NULL },
	{ "SPI", "an SPI, like 0x0008c001", is_spi, NULL },
	{ "SECONDS", "a number of seconds", command_is_number, NULL },
	{ "FILE", "the name of a file", NULL, NULL },
	{ "NAME", "a name", NULL, list_names },
	{ "KIND", "a kind of object", is_kind, list_kinds },
	{ "FIELD", "a parameter", NULL, list_fields },
	{ "FIELD=VALUE", "a parameter and its value: dpd=10, esp_cipher=aes256gcm,aes128", NULL,
	  list_fields_to_set },
	{ "VALUE", "its value", NULL, NULL },
	{ "WORD", "the words of a command", NULL, command_list_words },
};

const struct command_word *command_word(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == len && memcmp(words[i].name, name, len) == 0)
			return &words[i];
	return NULL;
}

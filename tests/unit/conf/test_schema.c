/* Every parameter that there is: what it is by itself, the least and the greatest that it may be,
 * and one beyond either. The table is the promise; a parameter without a row fails the test. */
#include "conf/field.h"
#include "conf/parse.h"
#include "given.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object, in a configuration where "<word>" marks the place of its parameters. */
enum object {
	TOP,
	WORKERS,
	BIRD,
	LOG,
	PORT,
	GATEWAY,
	VPC,
	ATTACHMENT,
	VXLAN,
	VLAN,
	CUSTOMER,
	CONNECTION,
	TUNNEL,
	OBJECTS
};

static const char base[] =
	"<top> workers = { <workers> }; bird = { <bird> }; log = { <log> };\n"
	"ports = ( { name = \"wan\"; device = \"a\"; <port>\n"
	"    addresses = [ \"203.0.113.1/24\", \"203.0.113.2/24\", \"2001:db8::1/64\" ]; },\n"
	"  { name = \"vpc\"; device = \"b\"; addresses = [ \"10.255.0.1/24\" ]; } );\n"
	"cloud_addresses = [ \"203.0.113.1\", \"203.0.113.2\" ];\n"
	"border_gateways = ( { name = \"bgw\"; <border_gateway> } );\n"
	"vpcs = ( { name = \"prod\"; prefixes = [ \"10.0.0.0/16\" ]; <vpc> },\n"
	"  { name = \"test\"; prefixes = [ \"10.7.0.0/16\" ]; } );\n"
	"vpc_attachments = (\n"
	"  { vpc = \"prod\"; border_gateway = \"bgw\"; port = \"vpc\"; <attachment>\n"
	"    addresses = [ \"10.0.0.1/16\" ];\n"
	"    vxlan = { <vxlan> local_vtep = \"10.255.0.1\"; remote_vtep = \"10.255.0.2\"; }; },\n"
	"  { vpc = \"test\"; border_gateway = \"bgw\"; port = \"vpc\";\n"
	"    addresses = [ \"10.7.0.1/16\" ]; vlan = { <vlan> }; } );\n"
	"customer_gateways = ( { name = \"rt\"; addresses = \"198.51.100.1\"; <customer> } );\n"
	"vpn_connections = ( { name = \"dc1\"; border_gateway = \"bgw\"; customer_gateway = "
	"\"rt\"; <connection>\n"
	"  tunnels = ( { name = \"a\"; cloud_ip = \"203.0.113.1\"; customer_ip = "
	"\"198.51.100.1\"; <tunnel> } ); } );\n";

static const struct {
	const char *word, *missing; /* what stands there, unless the row is about it */
	const struct field_object *kind;
} objects[OBJECTS] = {
	[TOP] = { "<top>", "", &parse_top },
	[WORKERS] = { "<workers>", "", &parse_workers },
	[BIRD] = { "<bird>", "", &parse_bird },
	[LOG] = { "<log>", "", &parse_log },
	[PORT] = { "<port>", "next_hop = \"203.0.113.254\";", &parse_port },
	[GATEWAY] = { "<border_gateway>", "", &parse_border_gateway },
	[VPC] = { "<vpc>", "", &parse_vpc },
	[ATTACHMENT] = { "<attachment>", "", &parse_attachment },
	[VXLAN] = { "<vxlan>", "vni = 7;", NULL },
	[VLAN] = { "<vlan>", "id = 7;", NULL },
	[CUSTOMER] = { "<customer>", "asn = 65010;", &parse_customer_gateway },
	[CONNECTION] = { "<connection>", "", &parse_connection },
	[TUNNEL] = { "<tunnel>", "psk = \"hush, hush\";", &parse_tunnel },
};

static const void *object_at(const struct conf *c, enum object o)
{
	switch (o) {
	case WORKERS:
		return &c->workers;
	case BIRD:
		return &c->bird;
	case LOG:
		return &c->log;
	case PORT:
		return &c->port[0];
	case GATEWAY:
		return &c->border_gateway[0];
	case VPC:
		return &c->vpc[0];
	case ATTACHMENT:
	case VXLAN:
		return &c->attachment[0];
	case VLAN:
		return &c->attachment[1];
	case CUSTOMER:
		return &c->customer_gateway[0];
	case CONNECTION:
		return &c->connection[0];
	case TUNNEL:
		return &c->connection[0].tunnel[0];
	default:
		return c;
	}
}

/* Values as they stand in a file; @N: a text of N letters, /N: a path of N bytes. NULL: there is
 * none. */
struct row {
	enum object object;
	const char *name;
	const char *by_itself, *least, *most, *below, *beyond;
	const char *with;  /* other parameters of the object that it needs */
	const char *warns; /* said about it although it is accepted */
};

#define SWITCH(object_, name, by_itself, other)                                       \
	{                                                                             \
		.object = object_, name, by_itself, other, NULL, "1", "\"" other "\"" \
	}
#define DESCRIPTION(object_)                                                        \
	{                                                                           \
		.object = object_, "description", "\"\"", "@1", "@256", "7", "@257" \
	}
#define CIPHERS                                                                              \
	"[ \"aes128\", \"aes192\", \"aes256\", \"aes128gcm\", \"aes192gcm\", \"aes256gcm\"," \
	" \"chacha20poly1305\" ]"
#define AUTHS "[ \"sha512\", \"sha384\", \"sha256\" ]"
#define GROUPS                                                                            \
	"[ \"modp2048\", \"modp3072\", \"modp4096\", \"ecp256\", \"ecp384\", \"ecp521\"," \
	" \"x25519\" ]"

static const struct row rows[] = {
	{ .object = TOP,
	  "control_socket",
	  "\"/run/isthmus/control.sock\"",
	  "\"/s\"",
	  "/107",
	  "\"s\"",
	  "/108" },
	{ .object = TOP, "state_directory", "\"auto\"", "\"\"", "/255", "\"srv\"", "/256" },
	{ .object = TOP,
	  "key_export",
	  NULL,
	  "\"/k\"",
	  NULL,
	  "\"k\"",
	  "/4096",
	  NULL,
	  "who reads them" },

	{ .object = WORKERS, "lcores", NULL, "[ 0 ]", "[ 1023, 0, 0, 1 ]", "[ -1 ]", "[ 1024 ]" },
	SWITCH(WORKERS, "idle_nap", "false", "true"),
	SWITCH(WORKERS, "hugepages", "true", "false"),
	SWITCH(WORKERS, "telemetry", "false", "true"),
	{ .object = WORKERS, "memory_mb", "512", "64", "1048576", "63", "1048577" },

	{ .object = BIRD, "program", "\"/usr/sbin/bird\"", "\"/b\"", "/255", "\"b\"", "/256" },
	{ .object = BIRD, "user", "\"bird\"", "\"b\"", NULL, "\"\"", "@33" },
	{ .object = BIRD, "group", "\"bird\"", "\"b\"", NULL, "\"\"", "@33" },
	{ .object = BIRD, "silence", "60", "15", "3600", "14", "3601" },
	{ .object = BIRD,
	  "attach",
	  NULL,
	  "\"/a\"",
	  "/107",
	  "\"a\"",
	  "/108",
	  "netns = \"/n\"; run_dir = \"/r\";" },
	{ .object = BIRD,
	  "netns",
	  NULL,
	  "\"/x\"",
	  NULL,
	  "\"x\"",
	  "/256",
	  "attach = \"/a\"; run_dir = \"/r\";" },
	{ .object = BIRD,
	  "run_dir",
	  NULL,
	  "\"/x\"",
	  NULL,
	  "\"x\"",
	  "/256",
	  "attach = \"/a\"; netns = \"/n\";" },

	{ .object = LOG, "format", "\"text\"", "\"json\"", NULL, "true", "\"xml\"" },
	{ .object = LOG, "target", "\"stderr\"", "\"syslog\"", "\"journald\"", "1", "\"file\"" },
	{ .object = LOG, "level", "\"info\"", "\"error\"", "\"debug\"", "1", "\"trace\"" },

	{ .object = PORT,
	  "next_hop",
	  NULL,
	  "\"203.0.113.3\"",
	  "\"203.0.113.254\"",
	  "\"203.0.113\"",
	  "\"2001:db8::9\"" },
	{ .object = PORT,
	  "next_hop6",
	  NULL,
	  "\"2001:db8::9\"",
	  NULL,
	  "\"203.0.113.3\"",
	  "\"2001:db8::/64\"" },
	{ .object = PORT, "mtu", "1500", "1280", "9216", "575", "9217" },
	{ .object = PORT, "queues", "0", "1", "128", "-1", "129" },

	DESCRIPTION(GATEWAY),
	{ .object = GATEWAY, "asn", "65000", "64512", "4294967294", "0", "4294967295" },
	SWITCH(GATEWAY, "transit", "false", "true"),
	{ .object = GATEWAY, "dynamic_quota", "300", "2", "10000000", "-1", "10000001" },
	{ .object = GATEWAY, "connection_quota", "100000", "1", "10000000", "0", "10000001" },
	{ .object = GATEWAY, "attachment_quota", "100000", "2", "10000000", "1", "10000001" },
	{ .object = GATEWAY, "static_route_quota", "100000", "0", "10000000", "-1", "10000001" },

	DESCRIPTION(VPC),

	DESCRIPTION(ATTACHMENT),
	{ .object = ATTACHMENT, "propagate", "\"all\"", "\"none\"", NULL, "true", "\"some\"" },
	{ .object = ATTACHMENT,
	  "propagated",
	  NULL,
	  "[ \"10.0.0.0/16\" ]",
	  NULL,
	  "[ \"10.0.0.1/16\" ]",
	  "[ \"10.1.0.0/16\" ]",
	  "propagate = \"partial\";" },
	{ .object = ATTACHMENT,
	  "import",
	  NULL,
	  "[ ]",
	  "[ \"192.168.0.0/16\", \"fd00::/8\" ]",
	  "[ \"10\" ]",
	  "[ \"192.168.0.1/16\" ]" },
	{ .object = ATTACHMENT,
	  "mac",
	  NULL,
	  "\"02:00:00:00:00:09\"",
	  NULL,
	  "\"02:00\"",
	  "\"01:00:5e:00:00:01\"" },
	{ .object = ATTACHMENT, "mtu", "1450", "576", "1400", "575", "9217" },
	{ .object = VXLAN, "vni", NULL, "1", "16777215", "0", "16777216" },
	{ .object = VLAN, "id", NULL, "1", "4094", "0", "4095" },

	DESCRIPTION(CUSTOMER),
	{ .object = CUSTOMER, "asn", NULL, "65001", "65499", "65000", "65500" },

	DESCRIPTION(CONNECTION),
	{ .object = CONNECTION,
	  "cloud_addresses",
	  "[ \"203.0.113.1\", \"203.0.113.2\" ]",
	  "\"203.0.113.1\"",
	  NULL,
	  "[ \"203.0.113\" ]",
	  "[ \"203.0.113.1\", \"203.0.113.9\" ]" },
	SWITCH(CONNECTION, "bgp", "true", "false"),
	{ .object = CONNECTION, "local_asn", "65000", "64512", "65534", "64511", "65535" },
	{ .object = CONNECTION,
	  "local_subnet",
	  NULL,
	  "\"10.0.0.0/16\"",
	  "\"0.0.0.0/0\"",
	  "\"10.0.0.1/16\"",
	  "[ ]",
	  "bgp = false; remote_subnets = [ \"192.168.0.0/24\" ];" },
	{ .object = CONNECTION,
	  "remote_subnets",
	  NULL,
	  "\"192.168.0.0/24\"",
	  "[ \"192.168.0.0/24\", \"192.168.1.0/24\" ]",
	  "[ ]",
	  "[ \"192.168.0.1/24\" ]",
	  "bgp = false; local_subnet = \"10.0.0.0/16\";" },

	DESCRIPTION(TUNNEL),
	{ .object = TUNNEL, "psk", NULL, "@1", "@128", "\"\"", "@129" },
	{ .object = TUNNEL, "psk", NULL, "\"0x00\"", "\"0sAAECAw==\"", "\"0x0\"", "\"0s=\"" },
	{ .object = TUNNEL,
	  "local_id",
	  "\"203.0.113.1\"",
	  "\"a.example\"",
	  "\"me@a.example\"",
	  "\"\"",
	  "7" },
	{ .object = TUNNEL, "local_id", NULL, "\"key_id:me\"", "\"2001:db8::1\"", NULL, NULL },
	{ .object = TUNNEL,
	  "remote_id",
	  "\"198.51.100.1\"",
	  "\"a.example\"",
	  "\"me@a.example\"",
	  "\"\"",
	  "7" },
	{ .object = TUNNEL,
	  "inner",
	  NULL,
	  "\"169.254.9.1/30\"",
	  "\"192.168.9.2/30\"",
	  "\"169.254.9.1/29\"",
	  "\"8.8.8.9/30\"" },
	{ .object = TUNNEL,
	  "inner",
	  NULL,
	  "\"10.9.9.1/30\"",
	  "\"172.31.9.2/30\"",
	  "\"10.9.9.3/30\"",
	  "\"172.32.9.2/30\"" },
	{ .object = TUNNEL, "inner", NULL, "\"fd00::1/126\"", NULL, "\"fd00::1/64\"", NULL },
	{ .object = TUNNEL, "ike_version", "\"v2\"", "\"v1\"", NULL, "2", "\"v3\"" },
	{ .object = TUNNEL,
	  "ike_mode",
	  "\"main\"",
	  NULL,
	  NULL,
	  "1",
	  "\"quick\"",
	  "ike_version = \"v1\";" },
	{ .object = TUNNEL,
	  "ike_mode",
	  NULL,
	  "\"aggressive\"",
	  NULL,
	  NULL,
	  NULL,
	  "ike_version = \"v1\";",
	  "a hash of the psk" },
	{ .object = TUNNEL, "ike_cipher", "\"aes128\"", "\"aes192\"", CIPHERS, "[ ]", "\"des\"" },
	{ .object = TUNNEL, "ike_cipher", NULL, "\"3des\"", NULL, NULL, NULL, NULL, "weak" },
	{ .object = TUNNEL, "ike_auth", "\"sha256\"", "\"sha384\"", AUTHS, "[ ]", "\"md5\"" },
	{ .object = TUNNEL, "ike_auth", NULL, "\"sha1\"", NULL, NULL, NULL, NULL, "weak" },
	{ .object = TUNNEL, "ike_dh", "\"ecp256\"", "\"modp2048\"", GROUPS, "[ ]", "\"modp768\"" },
	{ .object = TUNNEL,
	  "ike_dh",
	  NULL,
	  "\"modp1024\"",
	  "\"modp1536\"",
	  NULL,
	  NULL,
	  NULL,
	  "weak" },
	{ .object = TUNNEL, "ike_lifetime", "14400", "60", "86400", "2", "86401" },
	{ .object = TUNNEL, "ike_lifetime", NULL, "59", "3", NULL, NULL, NULL, "for tests only" },
	{ .object = TUNNEL, "dpd", "10", "0", "3600", "-1", "3601" },
	{ .object = TUNNEL, "probe", "0", "1", "3600", "-1", "3601" },
	{ .object = TUNNEL, "ike_fragment", "1280", "576", "9216", "575", "9217" },
	{ .object = TUNNEL, "ike_fragment", NULL, "0", NULL, "1", NULL },
	{ .object = TUNNEL,
	  "esp_cipher",
	  "\"aes128\"",
	  "\"aes192gcm\"",
	  CIPHERS,
	  "[ ]",
	  "\"3des\"" },
	{ .object = TUNNEL, "esp_auth", "\"sha256\"", "\"sha384\"", AUTHS, "[ ]", "\"md5\"" },
	{ .object = TUNNEL, "esp_auth", NULL, "\"sha1\"", NULL, NULL, NULL, NULL, "weak" },
	{ .object = TUNNEL, "esp_pfs", "\"none\"", "\"modp2048\"", GROUPS, "7", "\"modp768\"" },
	{ .object = TUNNEL,
	  "esp_pfs",
	  NULL,
	  "\"modp1024\"",
	  "\"modp1536\"",
	  NULL,
	  NULL,
	  NULL,
	  "weak" },
	{ .object = TUNNEL, "esp_lifetime", "3600", "60", "86400", "2", "86401" },
	{ .object = TUNNEL, "esp_lifetime", NULL, "59", "3", NULL, NULL, NULL, "for tests only" },
	{ .object = TUNNEL, "esp_lifetime_packets", "0", "1", "100000000", "-1", "100000001" },
	{ .object = TUNNEL, "esp_lifetime_bytes", "0", "1", "107374182400", "-1", "107374182401" },
	SWITCH(TUNNEL, "esp_sha256_96", "false", "true"),
	{ .object = TUNNEL,
	  "verify_pfs",
	  "false",
	  "true",
	  NULL,
	  "1",
	  "\"true\"",
	  "esp_pfs = \"ecp256\";" },
	SWITCH(TUNNEL, "child_per_pair", "false", "true"),
	{ .object = TUNNEL, "bandwidth", "0", "1", "400000", "-1", "400001" },
	{ .object = TUNNEL,
	  "start",
	  "\"initiate\"",
	  "\"respond\"",
	  "\"on_demand\"",
	  "true",
	  "\"never\"" },
	SWITCH(TUNNEL, "enabled", "true", "false"),
	{ .object = TUNNEL, "replay_window", "1024", "64", "16384", "63", "16385" },
	SWITCH(TUNNEL, "esn", "false", "true"),
	SWITCH(TUNNEL, "force_udp", "false", "true"),
	{ .object = TUNNEL, "mtu", "0", "576", "9216", "575", "9217" },
	SWITCH(TUNNEL, "mss_clamp", "true", "false"),
	{ .object = TUNNEL, "df", "\"set\"", "\"copy\"", "\"clear\"", "true", "\"keep\"" },
	{ .object = TUNNEL, "ppk", NULL, "@1", "@128", "\"\"", "@129", "ppk_id = \"q\";" },
	{ .object = TUNNEL, "ppk_id", NULL, "@1", "@128", NULL, "@129", "ppk = \"quantum\";" },
	{ .object = TUNNEL,
	  "ppk_required",
	  "false",
	  "true",
	  NULL,
	  "1",
	  "\"true\"",
	  "ppk = \"quantum\"; ppk_id = \"q\";" },
	{ .object = TUNNEL,
	  "bgp_families",
	  "[ \"ipv4\" ]",
	  "[ \"ipv6\" ]",
	  "[ \"ipv4\", \"ipv6\" ]",
	  "[ ]",
	  "[ \"ipv5\" ]" },
	{ .object = TUNNEL, "bgp_hold", "30", "3", "65535", "2", "65536" },
	{ .object = TUNNEL, "bgp_keepalive", "10", "1", "29", "0", "30" },
	{ .object = TUNNEL,
	  "bgp_keepalive",
	  "21845",
	  "1",
	  NULL,
	  "0",
	  "21846",
	  "bgp_hold = 65535;" },
	{ .object = TUNNEL, "bgp_password", NULL, "@1", "@80", "\"\"", "@81" },
	SWITCH(TUNNEL, "bfd", "false", "true"),
	{ .object = TUNNEL, "bfd_interval", "300", "10", "60000", "9", "60001", "bfd = true;" },
	{ .object = TUNNEL, "bfd_multiplier", "3", "2", "50", "1", "51", "bfd = true;" },
	SWITCH(TUNNEL, "graceful_restart", "true", "false"),
	{ .object = TUNNEL, "graceful_restart_time", "120", "1", "4095", "0", "4096" },
	{ .object = TUNNEL, "import_limit", "10000", "0", "10000000", "-1", "10000001" },
	{ .object = TUNNEL, "med", "\"none\"", "0", "4294967295", "-1", "4294967296" },
	{ .object = TUNNEL, "prepend", "0", "1", "10", "-1", "11" },
	{ .object = TUNNEL, "drain_wait", "5", "0", "600", "-1", "601" },
};

/* What the base itself has to give, and lists of objects; what they lack or repeat is told by name
 * and line (test_mutate.c). */
static bool is_in_the_base(const struct field *f)
{
	return f->required || f->kind == &field_objects || f->kind == &field_group;
}

static const struct field *field_of(const struct row *r)
{
	const struct field_object *kind = objects[r->object].kind;

	for (unsigned i = 0; kind != NULL && i < kind->n_fields; i++)
		if (strcmp(kind->fields[i].name, r->name) == 0)
			return &kind->fields[i];
	return NULL;
}

static void put_value(FILE *out, const char *value)
{
	bool text = value[0] == '@' && value[1] != '\0';
	bool path = value[0] == '/' && value[1] >= '0' && value[1] <= '9';
	int n = text || path ? atoi(value + 1) : 0;

	if (n == 0) {
		fputs(value, out);
		return;
	}
	fputs(path ? "\"/" : "\"", out);
	for (int i = path ? 1 : 0; i < n; i++)
		fputc('x', out);
	fputc('"', out);
}

/* The base with the row's parameter; value NULL: without. */
static char *text_with(const struct row *r, const char *value, size_t *len)
{
	char *text;
	FILE *out = open_memstream(&text, len);

	for (const char *p = base; *p != '\0';) {
		unsigned o = 0;

		while (o < OBJECTS && strncmp(p, objects[o].word, strlen(objects[o].word)) != 0)
			o++;
		if (o == OBJECTS) {
			fputc(*p++, out);
			continue;
		}
		p += strlen(objects[o].word);
		if (o != r->object || strncmp(objects[o].missing, r->name, strlen(r->name)) != 0)
			fputs(objects[o].missing, out);
		if (o != r->object)
			continue;
		fputs(r->with != NULL ? r->with : "", out);
		if (value == NULL)
			continue;
		fprintf(out, " %s = ", r->name);
		put_value(out, value);
		fputc(';', out);
	}
	fclose(out);
	return text;
}

static struct conf *read_row(const struct row *r, const char *value, char **messages)
{
	size_t len;
	char *text = text_with(r, value, &len);
	struct conf *c = given_read(text, len, messages);

	free(text);
	return c;
}

static struct conf *accept(const struct row *r, const char *value)
{
	char *messages;
	struct conf *c = read_row(r, value, &messages);

	if (c == NULL)
		fail_msg("%s = %s is refused: %s", r->name, value, messages);
	if (r->warns == NULL ? messages[0] != '\0' : strstr(messages, r->warns) == NULL)
		fail_msg("%s = %s: it is said: %s", r->name, value, messages);
	free(messages);
	return c;
}

static void refuse(const struct row *r, const char *value)
{
	char *messages;
	struct conf *c;

	if (value == NULL)
		return;
	c = read_row(r, value, &messages);
	if (c != NULL)
		fail_msg("%s = %s is accepted", r->name, value);
	if (strstr(messages, ": error: ") == NULL || strstr(messages, r->name) == NULL)
		fail_msg("%s = %s: the refusal does not name it: %s", r->name, value, messages);
	free(messages);
}

/* Accepted, and another thing than without it. */
static void take(const struct row *r, const struct conf *without, const char *value)
{
	const struct field *f = field_of(r);
	struct conf *c;

	if (value == NULL)
		return;
	c = accept(r, value);
	if (f != NULL && without != NULL &&
	    field_same(f, object_at(c, r->object), object_at(without, r->object)))
		fail_msg("%s = %s changes nothing", r->name, value);
	conf_free(c);
}

static void each_is_as_promised(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		char *messages;
		struct conf *without = read_row(r, NULL, &messages), *c;

		free(messages);
		if (r->by_itself != NULL) {
			c = accept(r, r->by_itself);
			assert_non_null(without);
			if (!field_same(field_of(r), object_at(c, r->object),
					object_at(without, r->object)))
				fail_msg("%s is not %s by itself", r->name, r->by_itself);
			conf_free(c);
		}
		take(r, without, r->least);
		take(r, without, r->most);
		refuse(r, r->below);
		refuse(r, r->beyond);
		conf_free(without);
	}
}

static bool has_row(enum object o, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].object == o && strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static void none_is_forgotten(void **state)
{
	for (unsigned o = 0; o < OBJECTS; o++) {
		const struct field_object *kind = objects[o].kind;

		for (unsigned i = 0; kind != NULL && i < kind->n_fields; i++)
			if (!is_in_the_base(&kind->fields[i]) && !has_row(o, kind->fields[i].name))
				fail_msg("%s has no row", kind->fields[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_forgotten),
		cmocka_unit_test(each_is_as_promised),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

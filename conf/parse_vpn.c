/* Customer gateways and VPN connections. */
#include "conf/parse.h"

#include <libconfig.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const struct field one_addr = { .kind = &field_addr, .size = sizeof(struct addr) };
static const struct field one_network = { .kind = &field_network, .size = sizeof(struct prefix) };

static const struct field customer_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_customer_gateway, name),
	  .means = "how other objects call the customer gateway" },
	{ "description", &field_text, FIELD_AT(struct conf_customer_gateway, description),
	  .max = 256, .means = "for people" },
	{ "addresses", &field_list, .required = true,
	  FIELD_AT(struct conf_customer_gateway, address),
	  FIELD_COUNT(struct conf_customer_gateway, n_addresses), .max = 4, .arg = &one_addr,
	  .means = "the customer's 1, 2 or 4 public addresses" },
	{ "asn", &field_uint, FIELD_AT(struct conf_customer_gateway, asn), .min = 65001,
	  .max = 65499, .means = "the customer's AS, needed for BGP" },
};

/* One, two or four, all different. */
static void customer_end(struct reader *r, const config_setting_t *s, void *object, uint64_t given)
{
	struct conf_customer_gateway *g = object;
	const config_setting_t *list = config_setting_get_member(s, "addresses");

	g->asn_given = field_given(&parse_customer_gateway, given, "asn");
	if (g->n_addresses == 3)
		problem_add(r->problems, PROBLEM_ERROR, field_where(r, list), r->label.text,
			    "addresses has 3 elements; must have 1, 2 or 4");
	for (unsigned i = 0; i < g->n_addresses; i++)
		for (unsigned k = 0; k < i; k++) {
			char text[ADDR_STR_MAX];

			if (addr_equal(&g->address[i], &g->address[k]))
				problem_add(r->problems, PROBLEM_ERROR, field_where(r, list),
					    r->label.text, "addresses has %s twice",
					    addr_format(&g->address[i], text));
		}
}

const struct field_object parse_customer_gateway = {
	.kind = "customer_gateway",
	.key = "name",
	.fields = customer_fields,
	.n_fields = N(customer_fields),
	.size = sizeof(struct conf_customer_gateway),
	.end = customer_end,
};

#define TUNNELS_MAX 8

static const struct field connection_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_vpn_connection, name),
	  .means = "how other objects call the connection" },
	{ "description", &field_text, FIELD_AT(struct conf_vpn_connection, description), .max = 256,
	  .means = "for people" },
	{ "border_gateway", &field_name, .required = true,
	  FIELD_AT(struct conf_vpn_connection, border_gateway_name),
	  .means = "the name of a border_gateway", .refers = "border-gateway" },
	{ "customer_gateway", &field_name, .required = true,
	  FIELD_AT(struct conf_vpn_connection, customer_gateway_name),
	  .means = "the name of a customer_gateway", .refers = "customer-gateway" },
	{ "cloud_addresses", &field_list, FIELD_AT(struct conf_vpn_connection, cloud),
	  FIELD_COUNT(struct conf_vpn_connection, n_cloud), .max = CONF_CLOUD_MAX, .arg = &one_addr,
	  .means = "where its tunnels end here; by itself the least used two" },
	{ "bgp", &field_bool, FIELD_AT(struct conf_vpn_connection, bgp),
	  .means = "routes by BGP in each tunnel; off: static routes only" },
	{ "local_asn", &field_uint, FIELD_AT(struct conf_vpn_connection, local_asn), .min = 64512,
	  .max = 65534, .means = "our AS towards this customer; by itself the border gateway's" },
	{ "local_subnet", &field_network, FIELD_AT(struct conf_vpn_connection, local_subnet),
	  .means = "traffic selector of our side; by itself any" },
	{ "remote_subnets", &field_list, FIELD_AT(struct conf_vpn_connection, remote_subnet),
	  FIELD_COUNT(struct conf_vpn_connection, n_remote_subnets), .max = CONF_TS_MAX,
	  .arg = &one_network, .means = "traffic selectors of the customer's side; by itself any" },
	{ "tunnels", &field_objects, .always = true, FIELD_AT(struct conf_vpn_connection, tunnel),
	  FIELD_COUNT(struct conf_vpn_connection, n_tunnels), .max = TUNNELS_MAX,
	  .arg = &parse_tunnel, .means = "up to 8" },
};

static void connection_begin(void *object, const void *first)
{
	((struct conf_vpn_connection *)object)->bgp = true;
}

static void connection_derive(void *base, const void *object, uint64_t given)
{
	const struct conf_vpn_connection *v = object;

	if (v->gateway != NULL)
		((struct conf_vpn_connection *)base)->local_asn = v->gateway->asn;
}

void parse_connection_selectors(const struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	t->n_ts_local = v->local_subnet.addr.family != ADDR_NONE ? 1 : 0;
	t->ts_local[0] = v->local_subnet;
	t->n_ts_remote = v->n_remote_subnets;
	memcpy(t->ts_remote, v->remote_subnet, sizeof(t->ts_remote));
}

static void connection_end(struct reader *r, const config_setting_t *s, void *object,
			   uint64_t given)
{
	struct conf_vpn_connection *v = object;
	const config_setting_t *bgp = config_setting_get_member(s, "bgp");

	/* Unreadable or misspelt: what BGP needs shall not be missed as well. */
	if (field_given(&parse_connection, given, "bgp") &&
	    (bgp == NULL || config_setting_type(bgp) != CONFIG_TYPE_BOOL))
		v->bgp = false;
	v->tunnels_given = field_given(&parse_connection, given, "tunnels");
	v->cloud_given = field_given(&parse_connection, given, "cloud_addresses");
	for (unsigned i = 0; i < v->n_tunnels; i++)
		parse_connection_selectors(v, &v->tunnel[i]);
}

const struct field_object parse_connection = {
	.kind = "vpn_connection",
	.key = "name",
	.fields = connection_fields,
	.n_fields = N(connection_fields),
	.size = sizeof(struct conf_vpn_connection),
	.begin = connection_begin,
	.end = connection_end,
	.derive = connection_derive,
};

/* Border gateways, VPCs and what joins them. */
#include "conf/parse.h"
#include "conf/writer.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const struct field one_network = { .kind = &field_network, .size = sizeof(struct prefix) };
static const struct field one_prefix = { .kind = &field_prefix, .size = sizeof(struct prefix) };

static const struct field route_fields[] = {
	{ "prefix", &field_network, .required = true, FIELD_AT(struct conf_static_route, prefix),
	  .means = "where the route leads, like \"192.168.0.0/16\"" },
	{ "next_hop", &field_name, .required = true, FIELD_AT(struct conf_static_route, next_hop),
	  .means = "the name of a vpn_connection or vpc (in a vpc: of a border_gateway)" },
};

static const struct field_object route = {
	.kind = "static_route",
	.key = "prefix",
	.fields = route_fields,
	.n_fields = N(route_fields),
	.size = sizeof(struct conf_static_route),
	.one_line = true,
};

#define QUOTA_MAX     10000000
#define QUOTA_DEFAULT 100000 /* a limit against mistakes, not for sale */

static const struct field gateway_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_border_gateway, name),
	  .means = "how other objects call the border gateway" },
	{ "description", &field_text, FIELD_AT(struct conf_border_gateway, description), .max = 256,
	  .means = "for people" },
	{ "asn", &field_uint, FIELD_AT(struct conf_border_gateway, asn), .min = 1,
	  .max = 4294967294, .means = "our AS of this tenant" },
	{ "static_routes", &field_objects, FIELD_AT(struct conf_border_gateway, route),
	  FIELD_COUNT(struct conf_border_gateway, n_routes), .arg = &route,
	  .means = "added and deleted by \"route\"" },
	{ "transit", &field_bool, FIELD_AT(struct conf_border_gateway, transit),
	  .means = "connections learn each other's routes" },
	{ "dynamic_quota", &field_uint, FIELD_AT(struct conf_border_gateway, dynamic_quota),
	  .max = 10000000, .unit = "routes", .means = "learnt by BGP or propagated by VPCs" },
	{ "connection_quota", &field_uint, FIELD_AT(struct conf_border_gateway, connection_quota),
	  .max = QUOTA_MAX, .unit = "connections", .means = "at most" },
	{ "attachment_quota", &field_uint, FIELD_AT(struct conf_border_gateway, attachment_quota),
	  .max = QUOTA_MAX, .unit = "attachments", .means = "at most" },
	{ "static_route_quota", &field_uint,
	  FIELD_AT(struct conf_border_gateway, static_route_quota), .max = QUOTA_MAX,
	  .unit = "routes", .means = "at most" },
};

static void gateway_begin(void *object, const void *first)
{
	struct conf_border_gateway *g = object;

	g->asn = 65000;
	g->dynamic_quota = 300;
	g->connection_quota = g->attachment_quota = g->static_route_quota = QUOTA_DEFAULT;
}

const struct field_object parse_border_gateway = {
	.kind = "border_gateway",
	.key = "name",
	.fields = gateway_fields,
	.n_fields = N(gateway_fields),
	.size = sizeof(struct conf_border_gateway),
	.begin = gateway_begin,
};

static const struct field vpc_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_vpc, name),
	  .means = "how other objects call the VPC" },
	{ "description", &field_text, FIELD_AT(struct conf_vpc, description), .max = 256,
	  .means = "for people" },
	{ "prefixes", &field_heap_list, .required = true, FIELD_AT(struct conf_vpc, prefix),
	  FIELD_COUNT(struct conf_vpc, n_prefixes), .arg = &one_network,
	  .means = "the VPC's subnets, like [ \"10.0.0.0/16\" ]" },
	{ "static_routes", &field_objects, FIELD_AT(struct conf_vpc, route),
	  FIELD_COUNT(struct conf_vpc, n_routes), .arg = &route,
	  .means = "added and deleted by \"route\"" },
};

const struct field_object parse_vpc = {
	.kind = "vpc",
	.key = "name",
	.fields = vpc_fields,
	.n_fields = N(vpc_fields),
	.size = sizeof(struct conf_vpc),
};

static bool read_mac(struct reader *r, const config_setting_t *s, const struct field *f,
		     void *object)
{
	uint8_t *mac = field_destination(f, object);
	unsigned b[6];
	const char *text;
	int end = 0;

	if (!field_string(r, s, f, &text))
		return false;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    end != 17 || text[end] != '\0' || (b[0] & 1) != 0) {
		field_problem(r, PROBLEM_ERROR, s, f,
			      "must be the MAC address of one station, like \"02:00:00:00:00:01\"");
		return false;
	}
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return true;
}

static void write_mac(struct writer *w, const struct field *f, const void *object)
{
	const uint8_t *m = field_value(f, object);

	fprintf(w->out, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static const struct field_kind kind_mac = { .read = read_mac, .write = write_mac };

/* Left out it says all, and an empty list says none. */
static bool read_import(struct reader *r, const config_setting_t *s, const struct field *f,
			void *object)
{
	((struct conf_vpc_attachment *)object)->import_all = false;
	return field_read_heap_list(r, s, f, object);
}

static bool same_import(const struct field *f, const void *a, const void *b)
{
	return ((const struct conf_vpc_attachment *)a)->import_all ==
		       ((const struct conf_vpc_attachment *)b)->import_all &&
	       field_same_heap_list(f, a, b);
}

static const struct field_kind kind_import = {
	.read = read_import, .same = same_import, .write = field_write_heap_list, .list = true
};

/* "10.0.0.9", or "10.0.4.0/24". */
static bool read_hosts_address(struct reader *r, const config_setting_t *s, const struct field *f,
			       void *object)
{
	struct prefix *p = field_destination(f, object);
	const char *text;

	if (!field_string(r, s, f, &text))
		return false;
	if (prefix_parse(p, text) && prefix_is_network(p))
		return true;
	return field_wrong(r, s, f,
			   "an address or a network, like \"10.0.0.9\" or \"10.0.4.0/24\"");
}

static void write_hosts_address(struct writer *w, const struct field *f, const void *object)
{
	const struct prefix *p = field_value(f, object);
	char text[PREFIX_STR_MAX];

	if (p->len == 8 * addr_bytes(&p->addr))
		addr_format(&p->addr, text);
	else
		prefix_format(p, text);
	fprintf(w->out, "\"%s\"", text);
}

static const struct field_kind kind_hosts_address = { .read = read_hosts_address,
						      .write = write_hosts_address };

static const struct field host_fields[] = {
	{ "address", &kind_hosts_address, .required = true,
	  FIELD_AT(struct conf_vxlan_host, address),
	  .means = "a host of the VPC, or a network behind one MAC address" },
	{ "vtep", &field_addr, .required = true, FIELD_AT(struct conf_vxlan_host, vtep),
	  .means = "the VXLAN end behind which it is" },
	{ "mac", &kind_mac, .required = true, FIELD_AT(struct conf_vxlan_host, mac),
	  .means = "its MAC address inside the VPC" },
};

static const struct field_object vxlan_host = {
	.kind = "host",
	.key = "address",
	.fields = host_fields,
	.n_fields = N(host_fields),
	.size = sizeof(struct conf_vxlan_host),
	.one_line = true,
};

static const struct field vxlan_fields[] = {
	{ "vni", &field_uint, .required = true, FIELD_AT(struct conf_vpc_attachment, vni), .min = 1,
	  .max = 16777215, .means = "the VPC's network identifier" },
	{ "local_vtep", &field_addr, .required = true,
	  FIELD_AT(struct conf_vpc_attachment, local_vtep), .means = "an address of the port" },
	{ "remote_vtep", &field_addr, .required = true,
	  FIELD_AT(struct conf_vpc_attachment, remote_vtep),
	  .means = "the address of the VPC's side" },
	{ "hosts", &field_objects, FIELD_AT(struct conf_vpc_attachment, host),
	  FIELD_COUNT(struct conf_vpc_attachment, n_hosts), .arg = &vxlan_host,
	  .means = "hosts behind other VXLAN ends" },
};

static const struct field_object vxlan = {
	.fields = vxlan_fields,
	.n_fields = N(vxlan_fields),
	.size = sizeof(struct conf_vpc_attachment),
};

static const struct field vlan_fields[] = {
	{ "id", &field_uint, .required = true, FIELD_AT(struct conf_vpc_attachment, vlan_id),
	  .min = 1, .max = 4094, .means = "the VLAN" },
};

static const struct field_object vlan = {
	.fields = vlan_fields,
	.n_fields = N(vlan_fields),
	.size = sizeof(struct conf_vpc_attachment),
	.one_line = true,
};

static const struct field_choice propagations[] = {
	{ "all", CONF_PROPAGATE_ALL },
	{ "partial", CONF_PROPAGATE_PARTIAL },
	{ "none", CONF_PROPAGATE_NONE },
	{ NULL, 0 },
};

static const struct field attachment_fields[] = {
	{ "vpc", &field_name, .required = true, FIELD_AT(struct conf_vpc_attachment, vpc_name),
	  .means = "the name of a vpc", .refers = "vpc" },
	{ "border_gateway", &field_name, .required = true,
	  FIELD_AT(struct conf_vpc_attachment, border_gateway_name),
	  .means = "the name of a border_gateway", .refers = "border-gateway" },
	{ "description", &field_text, FIELD_AT(struct conf_vpc_attachment, description), .max = 256,
	  .means = "for people" },
	{ "propagate", &field_choice, FIELD_AT(struct conf_vpc_attachment, propagate),
	  .arg = propagations, .means = "which subnets of the VPC become routes" },
	{ "propagated", &field_heap_list, FIELD_AT(struct conf_vpc_attachment, propagated),
	  FIELD_COUNT(struct conf_vpc_attachment, n_propagated), .arg = &one_network,
	  .means = "these subnets, with propagate=partial" },
	{ "import", &kind_import, FIELD_AT(struct conf_vpc_attachment, import),
	  FIELD_COUNT(struct conf_vpc_attachment, n_import), .empty = true, .arg = &one_network,
	  .means = "the routes that the VPC takes: those inside one of these; by itself all" },
	{ "port", &field_name, .required = true, FIELD_AT(struct conf_vpc_attachment, port_name),
	  .means = "the name of the port behind which the VPC is", .refers = "port" },
	{ "addresses", &field_list, .required = true, FIELD_AT(struct conf_vpc_attachment, address),
	  FIELD_COUNT(struct conf_vpc_attachment, n_addresses), .max = CONF_PORT_ADDRS,
	  .arg = &one_prefix,
	  .means = "our addresses inside the VPC, its hosts' gateway, like [ \"10.0.0.1/16\" ]" },
	{ "vxlan", &field_group, .arg = &vxlan, .means = "the network between" },
	{ "vlan", &field_group, .arg = &vlan, .means = "the network between" },
	{ "mac", &kind_mac, FIELD_AT(struct conf_vpc_attachment, mac),
	  .means = "our MAC address inside the VPC; by itself made from port and VNI" },
	{ "mtu", &field_uint, FIELD_AT(struct conf_vpc_attachment, mtu), .min = 576, .max = 9216,
	  .unit = "bytes",
	  .means = "inside the VPC; by itself the port's, less the encapsulation" },
};

static void complain(struct reader *r, const config_setting_t *s, const char *text)
{
	problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text, "%s", text);
}

static void attachment_begin(void *object, const void *first)
{
	((struct conf_vpc_attachment *)object)->import_all = true;
}

static void attachment_derive(void *base, const void *object, uint64_t given)
{
	struct conf_vpc_attachment *b = base;
	const struct conf_vpc_attachment *a = object;

	b->mtu = a->port != NULL ? conf_attachment_mtu(a) : 0;
	if (a->port != NULL)
		conf_attachment_mac(a, b->mac);
}

static void attachment_end(struct reader *r, const config_setting_t *s, void *object,
			   uint64_t given)
{
	struct conf_vpc_attachment *a = object;
	bool has_vlan = field_given(&parse_attachment, given, "vlan");
	bool has_vxlan = field_given(&parse_attachment, given, "vxlan");
	bool listed = field_given(&parse_attachment, given, "propagated");

	a->encap = has_vlan ? CONF_ENCAP_VLAN : CONF_ENCAP_VXLAN;
	if (has_vlan == has_vxlan)
		complain(r, s,
			 has_vlan
				 ? "has both vxlan and vlan, must have one of them"
				 : "has no encapsulation: vxlan = { vni, local_vtep, remote_vtep } "
				   "or vlan = { id }");
	if (a->propagate == CONF_PROPAGATE_PARTIAL && !listed)
		complain(r, s, "propagate = 'partial' needs propagated, the list of subnets");
	if (a->propagate != CONF_PROPAGATE_PARTIAL && listed)
		complain(r, s, "propagated is only allowed with propagate = 'partial'");
}

const struct field_object parse_attachment = {
	.kind = "vpc_attachment",
	.key = "vpc",
	.fields = attachment_fields,
	.n_fields = N(attachment_fields),
	.size = sizeof(struct conf_vpc_attachment),
	.begin = attachment_begin,
	.end = attachment_end,
	.derive = attachment_derive,
};

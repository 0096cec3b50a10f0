#include "conf/kind.h"

#include "conf/parse.h"

#include <stdio.h>
#include <string.h>

#define ARRAY(a, n) .array = offsetof(struct conf, a), .count = offsetof(struct conf, n)

const struct kind kinds[] = {
	{ "port", "where packets come and go; changed by a file and a restart", "ports", "ports",
	  &parse_port, ARRAY(port, n_ports) },
	{ "underlay-route", "how outer packets reach networks beyond the ports", "underlay-routes",
	  "underlay_routes", &parse_underlay_route, ARRAY(underlay_route, n_underlay_routes) },
	{ "border-gateway", "a tenant's router, with its route table", "border-gateways",
	  "border_gateways", &parse_border_gateway, ARRAY(border_gateway, n_border_gateways) },
	{ "vpc", "a network in the cloud", "vpcs", "vpcs", &parse_vpc, ARRAY(vpc, n_vpcs) },
	{ "attachment", "a VPC at a border gateway: VPC@BORDER_GATEWAY", "attachments",
	  "vpc_attachments", &parse_attachment, ARRAY(attachment, n_attachments) },
	{ "customer-gateway", "the customer's end: public addresses and ASN", "customer-gateways",
	  "customer_gateways", &parse_customer_gateway,
	  ARRAY(customer_gateway, n_customer_gateways) },
	{ "connection", "a border gateway and a customer gateway, with up to 8 tunnels",
	  "connections", "vpn_connections", &parse_connection, ARRAY(connection, n_connections) },
	{ .word = "tunnel",
	  .what = "an IPsec tunnel of a connection",
	  .plural = "tunnels",
	  .list = "tunnels",
	  .fields = &parse_tunnel },
	{ .word = "gateway",
	  .what = "the gateway itself: log, addresses of the pool",
	  .fields = &parse_top },
	{ .word = "workers", .what = "changed by a file and a restart", .fields = &parse_workers },
	{ .word = "bird", .what = "changed by a file and a restart", .fields = &parse_bird },
};
const unsigned kinds_n = sizeof(kinds) / sizeof(kinds[0]);

static bool same_word(const char *a, const char *b)
{
	for (; *a != '\0' && (*a == *b || (*a == '-' && *b == '_')); a++)
		b++;
	return *a == *b;
}

const struct kind *kind_find(const char *word)
{
	for (unsigned i = 0; i < kinds_n; i++)
		if (same_word(kinds[i].word, word) ||
		    (kinds[i].list != NULL && same_word(kinds[i].fields->kind, word)))
			return &kinds[i];
	return NULL;
}

static const void *tunnel_at(const struct conf *c, unsigned i)
{
	for (unsigned v = 0; v < c->n_connections; v++) {
		if (i < c->connection[v].n_tunnels)
			return &c->connection[v].tunnel[i];
		i -= c->connection[v].n_tunnels;
	}
	return NULL;
}

const void *kind_object_at(const struct conf *c, const struct kind *kind, unsigned i)
{
	const char *v;

	if (kind->fields == &parse_tunnel)
		return tunnel_at(c, i);
	if (kind->list == NULL)
		return i > 0				? NULL
		       : kind->fields == &parse_top	? (const void *)c
		       : kind->fields == &parse_workers ? (const void *)&c->workers
							: &c->bird;
	v = *(const char *const *)((const char *)c + kind->array);
	return i < *(const unsigned *)((const char *)c + kind->count) ? v + i * kind->fields->size
								      : NULL;
}

const char *kind_object_name(const struct kind *kind, const void *object, char buf[KIND_NAME_BYTES])
{
	char prefix[PREFIX_STR_MAX], hop[ADDR_STR_MAX];

	if (kind->list == NULL) {
		buf[0] = '\0';
	} else if (kind->fields == &parse_attachment) {
		const struct conf_vpc_attachment *a = object;

		snprintf(buf, KIND_NAME_BYTES, "%s@%s", a->vpc_name, a->border_gateway_name);
	} else if (kind->fields == &parse_underlay_route) {
		const struct conf_underlay_route *r = object;

		snprintf(buf, KIND_NAME_BYTES, "%s@%s", prefix_format(&r->prefix, prefix),
			 addr_format(&r->next_hop, hop));
	} else {
		const struct field *f = &kind->fields->fields[field_row(kind->fields, "name")];

		snprintf(buf, KIND_NAME_BYTES, "%s", (const char *)field_value(f, object));
	}
	return buf;
}

const void *kind_object(const struct conf *c, const struct kind *kind, const char *name)
{
	char buf[KIND_NAME_BYTES];
	const void *o;

	for (unsigned v = 0; kind->fields == &parse_tunnel && v < c->n_connections; v++)
		for (unsigned t = 0; t < c->connection[v].n_tunnels; t++)
			if (strcmp(c->connection[v].tunnel[t].name, name) == 0)
				return &c->connection[v].tunnel[t];
	for (unsigned i = 0;
	     kind->fields != &parse_tunnel && (o = kind_object_at(c, kind, i)) != NULL; i++)
		if (name == NULL || strcmp(kind_object_name(kind, o, buf), name) == 0)
			return o;
	return NULL;
}

const struct conf_vpn_connection *kind_connection_of(const struct conf *c,
						     const struct conf_tunnel *t)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (t >= c->connection[i].tunnel &&
		    t < c->connection[i].tunnel + c->connection[i].n_tunnels)
			return &c->connection[i];
	return NULL;
}

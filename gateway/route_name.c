#include "gateway/route_name.h"

#include "conf/number.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *route_type_name(const struct rib_route *r)
{
	if (r->via == RIB_VIA_LOCAL)
		return "local";
	switch (r->origin) {
	case RIB_STATIC:
		return "static";
	case RIB_PROPAGATED:
		return "propagated";
	case RIB_EBGP:
		return "ebgp";
	case RIB_IBGP:
		return "ibgp";
	}
	return NULL;
}

const char *route_next_hop(const struct gateway *g, const struct rib_route *r, char *buf,
			   size_t size)
{
	const struct conf *c = g->conf;
	const struct conf_vpc_attachment *a = conf_attachment_at(c, r->via_index);
	const struct conf_vpn_connection *v = conf_connection_at(c, r->via_index);
	const struct conf_border_gateway *b = conf_gateway_at(c, r->via_index);
	const char *tunnel = tunnels_name(g->tunnels, r->source);
	unsigned all, up;

	switch (r->via) {
	case RIB_VIA_LOCAL:
		snprintf(buf, size, "on link, port %s", a ? a->port_name : "?");
		return buf;
	case RIB_VIA_ATTACHMENT:
		snprintf(buf, size, "vpc %s", a ? a->vpc_name : "?");
		return buf;
	case RIB_VIA_CONNECTION:
		if (r->origin == RIB_EBGP) {
			snprintf(buf, size, "tunnel %s of vpn connection %s", tunnel ? tunnel : "?",
				 v ? v->name : "?");
			return buf;
		}
		tunnels_count(g->tunnels, r->via_index, &all, &up);
		snprintf(buf, size, "vpn connection %s, %u of %u tunnels UP", v ? v->name : "?", up,
			 all);
		return buf;
	case RIB_VIA_GATEWAY:
		snprintf(buf, size, "border gateway %s", b ? b->name : "?");
		return buf;
	}
	snprintf(buf, size, "?");
	return buf;
}

static void add_name(char *names, size_t size, const char *name)
{
	size_t used = strlen(names);

	snprintf(names + used, size - used, "%s%s", used > 0 ? ", " : "", name);
}

bool route_table_is_vpc(const struct gateway *g, const char *name, struct route_table *out)
{
	for (unsigned i = 0; i < g->conf->n_vpcs; i++) {
		if (strcmp(g->conf->vpc[i].name, name) != 0)
			continue;
		*out = (struct route_table){ ROUTE_TABLE_VPC, i,
					     apply_vpc_table(g->applied, g->conf->vpc[i].id) };
		return true;
	}
	return false;
}

bool route_table_gateway(const struct gateway *g, const char *name, struct route_table *out)
{
	for (unsigned i = 0; i < g->conf->n_border_gateways; i++) {
		if (strcmp(g->conf->border_gateway[i].name, name) != 0)
			continue;
		*out = (struct route_table){ ROUTE_TABLE_GATEWAY, i,
					     apply_gateway_table(g->applied,
								 g->conf->border_gateway[i].id) };
		return true;
	}
	return false;
}

const char *route_table_name(const struct gateway *g, uint32_t number, char *buf)
{
	const struct conf *c = g->conf;

	if (number == DATAPLANE_UNDERLAY)
		return "underlay";
	snprintf(buf, ROUTE_TABLE_STR_MAX, "table %u", number);
	for (unsigned i = 0; i < c->n_border_gateways; i++)
		if (apply_gateway_table(g->applied, c->border_gateway[i].id) == number)
			snprintf(buf, ROUTE_TABLE_STR_MAX, "border gateway %s",
				 c->border_gateway[i].name);
	for (unsigned i = 0; i < c->n_vpcs; i++)
		if (apply_vpc_table(g->applied, c->vpc[i].id) == number)
			snprintf(buf, ROUTE_TABLE_STR_MAX, "vpc %s", c->vpc[i].name);
	return buf;
}

int route_table_vpc(struct command_call *call, const char *name, struct route_table *out)
{
	const struct conf *c = call->gateway->conf;
	char names[COMMAND_ERROR_MAX / 2] = "";

	if (route_table_is_vpc(call->gateway, name, out))
		return 0;
	for (unsigned i = 0; i < c->n_vpcs; i++)
		add_name(names, sizeof(names), c->vpc[i].name);
	return command_fail(call, -ENOENT, "'%s' is no vpc; one of: %s", name,
			    c->n_vpcs > 0 ? names : "none");
}

int route_table_find(struct command_call *call, const char *name, struct route_table *out)
{
	const struct gateway *g = call->gateway;
	const struct conf *c = g->conf;
	char names[COMMAND_ERROR_MAX / 2] = "";
	bool vpc = route_table_is_vpc(g, name, out);
	struct route_table gateway;

	if (route_table_gateway(g, name, &gateway)) {
		if (vpc)
			return command_fail(call, -EINVAL,
					    "a border_gateway and a vpc are called '%s'; the vpc's "
					    "table: show vpc %s routes",
					    name, name);
		*out = gateway;
		return 0;
	}
	if (vpc)
		return 0;
	if (strcmp(name, "underlay") == 0) {
		*out = (struct route_table){ ROUTE_TABLE_UNDERLAY, 0, DATAPLANE_UNDERLAY };
		return 0;
	}
	for (unsigned i = 0; i < c->n_border_gateways; i++)
		add_name(names, sizeof(names), c->border_gateway[i].name);
	for (unsigned i = 0; i < c->n_vpcs; i++)
		add_name(names, sizeof(names), c->vpc[i].name);
	add_name(names, sizeof(names), "underlay");
	return command_fail(call, -ENOENT, "'%s' is no route table; one of: %s", name, names);
}

int route_prefix(struct command_call *call, const char *text, struct prefix *out)
{
	if (!prefix_parse(out, text))
		return command_fail(call, -EINVAL,
				    "'%s' is no prefix, like 192.168.0.0/16, or address", text);
	*out = prefix_network(out);
	return 0;
}

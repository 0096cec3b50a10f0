/* The objects of the configuration, with what has become of them. */
#include "gateway/show.h"

#include "conf/kind.h"
#include "conf/psk.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void addresses(struct page *p, const char *key, const char *title, const struct addr *a,
		      unsigned n)
{
	char all[600] = "", text[ADDR_STR_MAX];
	size_t used = 0;

	if (page_is_json(p)) {
		page_list(p, key);
		for (unsigned i = 0; i < n; i++)
			page_text(p, NULL, NULL, addr_format(&a[i], text));
		page_end(p);
		return;
	}
	for (unsigned i = 0; i < n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? " " : "",
					 addr_format(&a[i], text));
	page_text(p, NULL, title, all);
}

static void prefixes(struct page *p, const char *key, const char *title, const struct prefix *v,
		     unsigned n)
{
	char all[400] = "", text[PREFIX_STR_MAX];
	size_t used = 0;

	if (page_is_json(p)) {
		page_list(p, key);
		for (unsigned i = 0; i < n; i++)
			page_text(p, NULL, NULL, prefix_format(&v[i], text));
		page_end(p);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (used > sizeof(all) - 2 * PREFIX_STR_MAX) {
			snprintf(all + used, sizeof(all) - used, " ... (%u)", n);
			break;
		}
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? " " : "",
					 prefix_format(&v[i], text));
	}
	page_text(p, NULL, title, all);
}

static void description(struct page *p, const char *text)
{
	page_text(p, "description", "DESCRIPTION", text[0] != '\0' ? text : NULL);
}

int show_border_gateways(struct command_call *call)
{
	const struct conf *c = call->gateway->conf;
	struct page *p = call->page;

	page_table(p, "border_gateways", NULL, "no border gateways");
	for (unsigned i = 0; i < c->n_border_gateways; i++) {
		const struct conf_border_gateway *g = &c->border_gateway[i];
		unsigned connections = 0, attachments = 0;

		for (unsigned k = 0; k < c->n_connections; k++)
			connections += c->connection[k].gateway == g;
		for (unsigned k = 0; k < c->n_attachments; k++)
			attachments += c->attachment[k].gateway == g;
		page_object(p, NULL, NULL);
		page_text(p, "name", "NAME", g->name);
		page_number(p, "asn", "ASN", g->asn);
		page_flag(p, "transit", "TRANSIT", g->transit);
		page_count(p, "connections", "CONNECTIONS", connections);
		page_count(p, "attachments", "ATTACHMENTS", attachments);
		page_count(p, "static_routes", "STATIC ROUTES", g->n_routes);
		page_number(p, "connection_quota", NULL, g->connection_quota);
		page_number(p, "attachment_quota", NULL, g->attachment_quota);
		page_number(p, "static_route_quota", NULL, g->static_route_quota);
		page_number(p, "dynamic_quota", NULL, g->dynamic_quota);
		description(p, g->description);
		page_end(p);
	}
	page_end(p);
	return 0;
}

int show_vpcs(struct command_call *call)
{
	const struct conf *c = call->gateway->conf;
	struct page *p = call->page;

	page_table(p, "vpcs", NULL, "no VPCs");
	for (unsigned i = 0; i < c->n_vpcs; i++) {
		const struct conf_vpc *v = &c->vpc[i];
		unsigned attachments = 0;

		for (unsigned k = 0; k < c->n_attachments; k++)
			attachments += c->attachment[k].vpc == v;
		page_object(p, NULL, NULL);
		page_text(p, "name", "NAME", v->name);
		prefixes(p, "prefixes", "PREFIXES", v->prefix, v->n_prefixes);
		page_count(p, "attachments", "ATTACHMENTS", attachments);
		page_count(p, "static_routes", "STATIC ROUTES", v->n_routes);
		description(p, v->description);
		page_end(p);
	}
	page_end(p);
	return 0;
}

int show_attachments(struct command_call *call)
{
	static const char *const propagate[] = { [CONF_PROPAGATE_ALL] = "all",
						 [CONF_PROPAGATE_PARTIAL] = "partial",
						 [CONF_PROPAGATE_NONE] = "none" };
	const struct conf *c = call->gateway->conf;
	struct page *p = call->page;

	page_table(p, "attachments", NULL, "no attachments");
	for (unsigned i = 0; i < c->n_attachments; i++) {
		const struct conf_vpc_attachment *a = &c->attachment[i];
		bool vlan = a->encap == CONF_ENCAP_VLAN;

		page_object(p, NULL, NULL);
		page_text(p, "vpc", "VPC", a->vpc_name);
		page_text(p, "border_gateway", "BORDER GATEWAY", a->border_gateway_name);
		page_text(p, "propagate", "PROPAGATES", propagate[a->propagate]);
		page_text(p, "port", "PORT", a->port_name);
		page_text(p, "encapsulation", "BY", vlan ? "vlan" : "vxlan");
		page_number(p, "id", "ID", vlan ? a->vlan_id : a->vni);
		prefixes(p, "addresses", "ADDRESSES", a->address, a->n_addresses);
		page_number(p, "mtu", "MTU", a->mtu);
		page_textf(p, "mac", "MAC", "%02x:%02x:%02x:%02x:%02x:%02x", a->mac[0], a->mac[1],
			   a->mac[2], a->mac[3], a->mac[4], a->mac[5]);
		description(p, a->description);
		page_end(p);
	}
	page_end(p);
	return 0;
}

int show_customer_gateways(struct command_call *call)
{
	const struct conf *c = call->gateway->conf;
	struct page *p = call->page;

	page_table(p, "customer_gateways", NULL, "no customer gateways");
	for (unsigned i = 0; i < c->n_customer_gateways; i++) {
		const struct conf_customer_gateway *g = &c->customer_gateway[i];
		unsigned connections = 0;

		for (unsigned k = 0; k < c->n_connections; k++)
			connections += c->connection[k].customer == g;
		page_object(p, NULL, NULL);
		page_text(p, "name", "NAME", g->name);
		addresses(p, "addresses", "ADDRESSES", g->address, g->n_addresses);
		if (g->asn != 0)
			page_number(p, "asn", "ASN", g->asn);
		else
			page_none(p, "asn", "ASN");
		page_count(p, "connections", "CONNECTIONS", connections);
		description(p, g->description);
		page_end(p);
	}
	page_end(p);
	return 0;
}

/* ---- connections -------------------------------------------------------------------------- */

static bool is_up(const void *ctx, const struct conf_tunnel *t)
{
	const struct tunnels *tunnels = ctx;
	int64_t i = tunnels_find(tunnels, t->name);

	return i >= 0 && tunnels->v[i].up;
}

static void connection(struct page *p, const struct gateway *g, const struct conf_vpn_connection *v,
		       const char *why)
{
	const char *lacks = conf_redundancy_lacks(v, is_up, g->tunnels);
	unsigned up = 0;

	for (unsigned t = 0; t < v->n_tunnels; t++)
		up += is_up(g->tunnels, &v->tunnel[t]);
	page_text(p, "name", "NAME", v->name);
	page_text(p, "border_gateway", "BORDER GATEWAY", v->border_gateway_name);
	page_text(p, "customer_gateway", "CUSTOMER GATEWAY", v->customer_gateway_name);
	addresses(p, "cloud_addresses", "CLOUD ADDRESSES", v->cloud, v->n_cloud);
	page_flag(p, "bgp", "BGP", v->bgp);
	page_number(p, "local_asn", NULL, v->local_asn);
	page_count(p, "tunnels", "TUNNELS", v->n_tunnels);
	page_count(p, "tunnels_up", "UP", up);
	page_text(p, "ha_status", "HA", lacks ? "not_redundant" : "redundant");
	page_text(p, "ha_reason", why, lacks);
	description(p, v->description);
}

int show_connections(struct command_call *call)
{
	const struct gateway *g = call->gateway;
	struct page *p = call->page;

	page_table(p, "connections", NULL, "no VPN connections");
	for (unsigned i = 0; i < g->conf->n_connections; i++) {
		page_object(p, NULL, NULL);
		connection(p, g, &g->conf->connection[i], NULL);
		page_end(p);
	}
	page_end(p);
	return 0;
}

int show_connection(struct command_call *call)
{
	struct gateway *g = call->gateway;
	const struct conf_vpn_connection *v =
		kind_object(g->conf, kind_find("connection"), call->word[2]);
	struct page *p = call->page;

	if (!v)
		return command_fail(call, -ENOENT, "no connection is called '%s'", call->word[2]);
	connection(p, g, v, "WHY NOT");
	page_table(p, "members", "Tunnels", "none");
	for (unsigned i = 0; i < v->n_tunnels; i++) {
		int64_t at = tunnels_find(g->tunnels, v->tunnel[i].name);

		if (at >= 0)
			show_tunnel_row(p, g, (uint32_t)at);
	}
	page_end(p);
	return 0;
}

/* ---- keys --------------------------------------------------------------------------------- */

/* The only answer that holds a secret. */
int show_tunnel_psk(struct command_call *call)
{
	int64_t i = command_tunnel(call, 2);
	struct secret *text;
	char *copy;

	if (i < 0)
		return (int)i;
	text = psk_format(call->gateway->tunnels->v[i].conf->psk);
	copy = text != NULL ? sodium_malloc(text->len + 1u) : NULL;
	if (copy != NULL) {
		memcpy(copy, text->data, text->len);
		copy[text->len] = '\0';
		page_text(call->page, "tunnel", NULL, call->word[2]);
		page_text(call->page, "psk", NULL, copy);
		page_line(call->page, "%s", copy);
	}
	sodium_free(copy);
	secret_free(text);
	return copy != NULL ? 0 : command_fail(call, -ENOMEM, "out of memory");
}

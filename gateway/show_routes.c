#include "gateway/show.h"

#include "gateway/gateway.h"

#include <stdio.h>

struct walk {
	struct gateway *gateway;
	struct page *page;
};

static const char *type_name(const struct rib_route *r)
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

static void next_hop(const struct gateway *g, const struct rib_route *r, char *buf, size_t size)
{
	const struct conf *c = g->conf;
	unsigned all, up;

	switch (r->via) {
	case RIB_VIA_LOCAL:
		snprintf(buf, size, "on link, port %s", c->attachment[r->via_index].port_name);
		return;
	case RIB_VIA_ATTACHMENT:
		snprintf(buf, size, "vpc %s", c->attachment[r->via_index].vpc_name);
		return;
	case RIB_VIA_CONNECTION:
		tunnels_count(g->tunnels, r->via_index, &all, &up);
		snprintf(buf, size, "vpn connection %s, %u of %u tunnels UP",
			 c->connection[r->via_index].name, up, all);
		return;
	case RIB_VIA_GATEWAY:
		snprintf(buf, size, "border gateway %s", c->border_gateway[r->via_index].name);
		return;
	}
}

static void on_rib_route(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
			 const char *why)
{
	struct walk *w = ctx;
	char prefix[PREFIX_STR_MAX], hop[CONF_NAME_BYTES + 64] = "";

	next_hop(w->gateway, r, hop, sizeof(hop));
	page_object(w->page, NULL, NULL);
	page_text(w->page, "prefix", "PREFIX", prefix_format(&r->prefix, prefix));
	page_text(w->page, "next_hop", "NEXT HOP", hop);
	page_text(w->page, "type", "TYPE", type_name(r));
	page_count(w->page, "preference", NULL, r->via);
	page_count(w->page, "metric", "METRIC", r->metric);
	page_flag(w->page, "valid", "VALID", verdict == RIB_VALID);
	page_text(w->page, "why", "WHY NOT", why);
	page_end(w->page);
}

static void on_underlay_route(void *ctx, const struct prefix *p, uint32_t nh)
{
	struct walk *w = ctx;
	char prefix[PREFIX_STR_MAX], hop[256];

	page_object(w->page, NULL, NULL);
	page_text(w->page, "prefix", "PREFIX", prefix_format(p, prefix));
	page_text(w->page, "next_hop", "NEXT HOP",
		  dataplane_nexthop_format(w->gateway->dp, nh, hop, sizeof(hop)));
	page_text(w->page, "type", NULL, "underlay");
	page_none(w->page, "preference", NULL);
	page_none(w->page, "metric", NULL);
	page_flag(w->page, "valid", NULL, true);
	page_none(w->page, "why", NULL);
	page_end(w->page);
}

static void table(struct walk *w, const char *kind, const char *words, const char *name,
		  uint32_t number)
{
	char heading[CONF_NAME_BYTES + 64];

	snprintf(heading, sizeof(heading), "%s%s%s", words, name ? " " : "", name ? name : "");
	page_object(w->page, NULL, NULL);
	page_text(w->page, "kind", NULL, kind);
	page_text(w->page, "name", NULL, name);
	page_table(w->page, "routes", heading, "no routes");
	if (number == DATAPLANE_UNDERLAY)
		dataplane_route_walk(w->gateway->dp, number, on_underlay_route, w);
	else
		rib_walk(tables_rib(apply_tables(w->gateway->applied)), number, NULL, on_rib_route,
			 w);
	page_end(w->page);
	page_end(w->page);
}

int show_routes(struct command_call *call)
{
	struct gateway *g = call->gateway;
	struct walk w = { .gateway = g, .page = call->page };

	page_list(call->page, "tables");
	for (unsigned i = 0; i < g->conf->n_border_gateways; i++)
		table(&w, "border_gateway", "Border gateway", g->conf->border_gateway[i].name,
		      apply_gateway_table(g->applied, i));
	for (unsigned i = 0; i < g->conf->n_vpcs; i++)
		table(&w, "vpc", "VPC", g->conf->vpc[i].name, apply_vpc_table(g->applied, i));
	table(&w, "underlay", "Underlay", NULL, DATAPLANE_UNDERLAY);
	page_end(call->page);
	return 0;
}

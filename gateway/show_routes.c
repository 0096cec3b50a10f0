#include "gateway/show.h"

#include "gateway/gateway.h"
#include "gateway/route_name.h"

#include <errno.h>
#include <stdio.h>

struct walk {
	struct gateway *gateway;
	struct page *page;
	const struct prefix *overlapping; /* NULL: everything */
};

static void on_rib_route(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
			 const char *why)
{
	struct walk *w = ctx;
	char prefix[PREFIX_STR_MAX], hop[2 * CONF_NAME_BYTES + 64];
	bool learnt = r->origin == RIB_EBGP;

	page_object(w->page, NULL, NULL);
	page_text(w->page, "prefix", "PREFIX", prefix_format(&r->prefix, prefix));
	page_text(w->page, "next_hop", "NEXT HOP", route_next_hop(w->gateway, r, hop, sizeof(hop)));
	page_text(w->page, "tunnel", NULL,
		  learnt ? tunnels_name(w->gateway->tunnels, r->source) : NULL);
	page_text(w->page, "type", "TYPE", route_type_name(r));
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

	if (w->overlapping && !prefix_overlaps(p, w->overlapping))
		return;
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

static int table(struct walk *w, const struct route_table *t)
{
	static const char *const kinds[] = { "border_gateway", "vpc", "underlay" };
	static const char *const words[] = { "Border gateway", "VPC", "Underlay" };
	const struct conf *c = w->gateway->conf;
	char heading[CONF_NAME_BYTES + 64];
	const char *name = t->kind == ROUTE_TABLE_GATEWAY ? c->border_gateway[t->index].name
			   : t->kind == ROUTE_TABLE_VPC	  ? c->vpc[t->index].name
							  : NULL;
	int rc = 0;

	snprintf(heading, sizeof(heading), "%s%s%s", words[t->kind], name ? " " : "",
		 name ? name : "");
	page_object(w->page, NULL, NULL);
	page_text(w->page, "kind", NULL, kinds[t->kind]);
	page_text(w->page, "name", NULL, name);
	page_table(w->page, "routes", heading, w->overlapping ? "no such route" : "no routes");
	if (t->kind == ROUTE_TABLE_UNDERLAY)
		dataplane_route_walk(w->gateway->dp, t->number, on_underlay_route, w);
	else
		rc = rib_walk(tables_rib(apply_tables(w->gateway->applied)), t->number,
			      w->overlapping, on_rib_route, w);
	page_end(w->page);
	page_end(w->page);
	return rc;
}

static int all_tables(struct walk *w)
{
	const struct gateway *g = w->gateway;
	struct route_table t = { .kind = ROUTE_TABLE_UNDERLAY, .number = DATAPLANE_UNDERLAY };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < g->conf->n_border_gateways; i++)
		rc = table(w, &(struct route_table){
				      ROUTE_TABLE_GATEWAY, i,
				      apply_gateway_table(g->applied,
							  g->conf->border_gateway[i].id) });
	for (unsigned i = 0; rc == 0 && i < g->conf->n_vpcs; i++)
		rc = table(w, &(struct route_table){
				      ROUTE_TABLE_VPC, i,
				      apply_vpc_table(g->applied, g->conf->vpc[i].id) });
	return rc == 0 ? table(w, &t) : rc;
}

/* only NULL: every table. text: what routes must overlap, NULL: nothing. */
static int show(struct command_call *call, const struct route_table *only, const char *text)
{
	struct walk w = { .gateway = call->gateway, .page = call->page };
	struct prefix p;
	int rc = text ? route_prefix(call, text, &p) : 0;

	if (rc < 0)
		return rc;
	if (text)
		w.overlapping = &p;
	page_list(call->page, "tables");
	rc = only ? table(&w, only) : all_tables(&w);
	page_end(call->page);
	return rc == 0 ? 0 : command_fail(call, rc, "out of memory");
}

int show_routes(struct command_call *call)
{
	return show(call, NULL, call->n > 2 ? call->word[2] : NULL);
}

int show_route_table(struct command_call *call)
{
	struct route_table t;
	int rc = route_table_find(call, call->word[3], &t);

	return rc < 0 ? rc : show(call, &t, call->n > 4 ? call->word[4] : NULL);
}

int show_vpc_routes(struct command_call *call)
{
	struct route_table t;
	int rc = route_table_vpc(call, call->word[2], &t);

	return rc < 0 ? rc : show(call, &t, NULL);
}

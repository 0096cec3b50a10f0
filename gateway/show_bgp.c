#include "gateway/show.h"

#include "conf/number.h"
#include "gateway/bgp.h"
#include "gateway/gateway.h"
#include "gateway/route_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUTES_SHOWN 10000

static const char *state_of(const struct gateway *g, uint32_t tunnel, const struct bgp_session *s)
{
	if (!s->enabled)
		return "disabled";
	if (s->draining)
		return "draining";
	if (!g->tunnels->v[tunnel].up)
		return "tunnel DOWN";
	return s->now.word[0] ? s->now.word : "unknown";
}

static void page_since(struct page *p, const struct source_session *s)
{
	int64_t now = time(NULL);

	if (s->since == 0)
		page_none(p, "since_seconds", "FOR");
	else
		page_age(p, "since_seconds", "FOR",
			 now > s->since ? (uint64_t)(now - s->since) * 1000000 : 0);
}

static void session_head(struct page *p, const struct gateway *g, uint32_t tunnel,
			 const struct bgp_session *s)
{
	const struct tunnel *t = &g->tunnels->v[tunnel];
	char text[ADDR_STR_MAX];

	page_text(p, "tunnel", "TUNNEL", t->conf->name);
	page_text(p, "connection", "CONNECTION", t->connection->name);
	page_text(p, "border_gateway", NULL, t->connection->border_gateway_name);
	page_text(p, "peer", "PEER", addr_format(&t->conf->inner_peer, text));
	page_number(p, "peer_asn", "AS", t->connection->customer->asn);
	page_text(p, "state", "STATE", state_of(g, tunnel, s));
	page_flag(p, "established", NULL, s->now.state == SOURCE_SESSION_UP);
	page_since(p, &s->now);
	page_count(p, "received_routes", "RECEIVED", s->received);
	page_count(p, "advertised_routes", "ADVERTISED", s->now.exported);
	page_text(p, "last_error", "LAST ERROR", s->now.error[0] ? s->now.error : NULL);
}

int show_bgp(struct command_call *call)
{
	struct gateway *g = call->gateway;
	struct bgp_session s;

	page_table(call->page, "sessions", NULL, "No connection has BGP.");
	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1)) {
		if (!bgp_session(g->bgp, i, &s))
			continue;
		page_object(call->page, NULL, NULL);
		session_head(call->page, g, i, &s);
		page_end(call->page);
	}
	page_end(call->page);
	return 0;
}

/* ---- one session ------------------------------------------------------------------------- */

struct walk {
	struct page *page;
	const struct gateway *gateway;
	uint32_t tunnel;
	size_t n;
};

static void on_received(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
			const char *why)
{
	struct walk *w = ctx;
	char text[PREFIX_STR_MAX];

	if (r->origin != RIB_EBGP || r->source != w->tunnel || w->n++ >= ROUTES_SHOWN)
		return;
	page_object(w->page, NULL, NULL);
	page_text(w->page, "prefix", "PREFIX", prefix_format(&r->prefix, text));
	page_count(w->page, "metric", "AS PATH LENGTH", r->metric);
	page_flag(w->page, "valid", "VALID", verdict == RIB_VALID);
	page_text(w->page, "why", "WHY NOT", why);
	page_end(w->page);
}

static void announced_row(struct page *p, const struct prefix *prefix, const char *leads_to,
			  const char *why)
{
	char text[PREFIX_STR_MAX];

	page_object(p, NULL, NULL);
	page_text(p, "prefix", "PREFIX", prefix_format(prefix, text));
	page_text(p, "leads_to", "LEADS TO", leads_to);
	page_flag(p, "announced", "ANNOUNCED", why == NULL);
	page_text(p, "why", "WHY NOT", why);
	page_end(p);
}

static bool is_listed(const struct prefix *list, size_t n, const struct prefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

static const char *why_not(const struct tunnel *t, const struct tables_announcement *a,
			   const struct prefix *withheld, size_t n)
{
	if (a->connection == t->connection_index)
		return "it leads to this connection";
	if (a->connection != TABLES_VPC && !t->connection->gateway->transit)
		return "it leads to another connection, and transit is off";
	if (a->connection == TABLES_VPC && is_listed(withheld, n, &a->prefix))
		return "the customer announces an overlapping network";
	return NULL;
}

/* While a batch is open, routes may lead to one that was deleted. */
static const char *connection_name(const struct gateway *g, uint32_t connection)
{
	const struct conf_vpn_connection *v = conf_connection_at(g->conf, connection);

	return v ? v->name : "?";
}

static void on_transit(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		       const char *why)
{
	struct walk *w = ctx;

	if (verdict == RIB_VALID && r->origin == RIB_EBGP &&
	    r->via_index != w->gateway->tunnels->v[w->tunnel].connection_index &&
	    w->n++ < ROUTES_SHOWN)
		announced_row(w->page, &r->prefix, connection_name(w->gateway, r->via_index), NULL);
}

static void page_announced(struct page *p, const struct gateway *g, uint32_t tunnel,
			   uint32_t gateway)
{
	const struct tables *tables = apply_tables(g->applied);
	const struct tunnel *t = &g->tunnels->v[tunnel];
	struct walk w = { .page = p, .gateway = g, .tunnel = tunnel };
	struct tables_announcement *v = NULL;
	struct prefix *withheld = NULL;
	size_t n = 0, n_withheld = 0;

	page_table(p, "announced", "Announced", "nothing");
	if (tables_announced(tables, gateway, &v, &n) == 0 &&
	    tables_withheld(tables, gateway, t->connection_index, &withheld, &n_withheld) == 0)
		for (size_t i = 0; i < n; i++)
			announced_row(p, &v[i].prefix,
				      v[i].connection == TABLES_VPC
					      ? "vpc"
					      : connection_name(g, v[i].connection),
				      why_not(t, &v[i], withheld, n_withheld));
	if (t->connection->gateway->transit)
		rib_walk(tables_rib(tables), apply_gateway_table(g->applied, gateway), NULL,
			 on_transit, &w);
	page_end(p);
	free(v);
	free(withheld);
}

static void page_counters(struct page *p, const struct gateway *g, uint32_t tunnel,
			  const struct bgp_session *s)
{
	const struct tunnel *t = &g->tunnels->v[tunnel];
	char text[ADDR_STR_MAX];

	page_text(p, "local", "local", addr_format(&t->conf->inner.addr, text));
	page_number(p, "local_asn", "local AS", t->connection->local_asn);
	if (s->now.peer_id.family != ADDR_NONE)
		page_text(p, "peer_id", "peer's ID", addr_format(&s->now.peer_id, text));
	else
		page_none(p, "peer_id", "peer's ID");
	page_number(p, "hold_seconds", "hold time", s->now.hold_time);
	page_number(p, "keepalive_seconds", "keepalive time", s->now.keepalive);
	page_flag(p, "bfd", "BFD", t->conf->bfd);
	page_count(p, "imported", "imported by BIRD", s->now.imported);
	page_count(p, "filtered", "filtered by BIRD", s->now.filtered);
	page_count(p, "updates_in", "updates in", s->now.updates_in);
	page_count(p, "updates_rejected", "updates rejected", s->now.updates_rejected);
	page_count(p, "withdraws_in", "withdrawals in", s->now.withdraws_in);
	page_count(p, "updates_out", "updates out", s->now.updates_out);
	page_count(p, "withdraws_out", "withdrawals out", s->now.withdraws_out);
}

static void finish_session(void *ctx)
{
	struct command_call *call = ctx;
	struct gateway *g = call->gateway;
	uint32_t tunnel = call->ask.first, gateway;
	const struct tunnel *t = tunnels_get(g->tunnels, tunnel);
	struct walk w = { .page = call->page, .gateway = g, .tunnel = tunnel };
	struct bgp_session s;

	if (!t || !bgp_session(g->bgp, tunnel, &s)) {
		command_finish(call, command_fail(call, -ENOENT, "the session was deleted"));
		return;
	}
	gateway = t->connection->gateway->id;
	session_head(call->page, g, tunnel, &s);
	page_counters(call->page, g, tunnel, &s);
	page_announced(call->page, g, tunnel, gateway);
	page_table(call->page, "received", "Received", "nothing");
	rib_walk(tables_rib(apply_tables(g->applied)), apply_gateway_table(g->applied, gateway),
		 NULL, on_received, &w);
	page_end(call->page);
	if (w.n > ROUTES_SHOWN)
		page_line(call->page, "... and %zu more; show route table %s PREFIX",
			  w.n - ROUTES_SHOWN, t->connection->gateway->name);
	command_finish(call, 0);
}

int show_bgp_tunnel(struct command_call *call)
{
	int64_t i = command_tunnel(call, 2);
	struct bgp_session s;

	if (i < 0)
		return (int)i;
	if (!bgp_session(call->gateway->bgp, (uint32_t)i, &s))
		return command_fail(call, -ENOENT,
				    "tunnel '%s': its connection has static routes only",
				    call->word[2]);
	call->ask.first = (uint32_t)i;
	if (bgp_ask(call->gateway->bgp, (uint32_t)i, finish_session, call) < 0)
		finish_session(call);
	return COMMAND_LATER;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* A tunnel, or all tunnels of a connection. */
static int change(struct command_call *call, const char *deed,
		  int (*fn)(struct bgp *b, uint32_t tunnel))
{
	struct gateway *g = call->gateway;
	const char *name = call->word[1];
	unsigned n = 0;
	int rc = 0;

	for (uint32_t i = tunnels_next(g->tunnels, 0); rc == 0 && i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1)) {
		const struct tunnel *t = &g->tunnels->v[i];

		if (strcmp(t->conf->name, name) != 0 && strcmp(t->connection->name, name) != 0)
			continue;
		n++;
		rc = fn(g->bgp, i);
	}
	if (n == 0)
		return command_fail(call, -ENOENT, "'%s' is no tunnel and no vpn_connection", name);
	if (rc == -ENOENT)
		return command_fail(call, rc, "'%s' has static routes only", name);
	if (rc < 0)
		return command_fail(call, rc, "'%s': BIRD cannot be reached now", name);
	page_text(call->page, "name", NULL, name);
	page_text(call->page, "done", NULL, deed);
	page_line(call->page, "BGP of '%s': %s", name, deed);
	return 0;
}

static int enable(struct bgp *b, uint32_t tunnel)
{
	return b ? bgp_enable(b, tunnel, true) : -ENOENT;
}

static int disable(struct bgp *b, uint32_t tunnel)
{
	return b ? bgp_enable(b, tunnel, false) : -ENOENT;
}

static int restart(struct bgp *b, uint32_t tunnel)
{
	return b ? bgp_restart(b, tunnel) : -ENOENT;
}

int bgp_cmd_enable(struct command_call *call)
{
	return change(call, "enabled", enable);
}

int bgp_cmd_disable(struct command_call *call)
{
	return change(call, "disabled", disable);
}

int bgp_cmd_restart(struct command_call *call)
{
	return change(call, "restarted", restart);
}

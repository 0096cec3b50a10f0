#include "gateway/show.h"

#include "gateway/bgp.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"

#include <stdio.h>

static const char *child_state(const struct bird_host_stats *h, const struct bird_stats *s)
{
	if (h->attached)
		return s->up ? "attached" : "not reached";
	switch (h->state) {
	case BIRD_CHILD_STOPPED:
		return "stopped";
	case BIRD_CHILD_WAITING:
		return "starts again soon";
	case BIRD_CHILD_RUNNING:
		return s->up ? "running" : "running, not reached";
	}
	return "?";
}

static void shard(struct page *p, struct gateway *g, unsigned number)
{
	struct bird_host *host = bgp_host(g->bgp, number);
	struct exception_stats e;
	struct bird_host_stats h = { 0 };
	struct bird_stats s = { .version = "", .boot = "", .trouble = "" };
	uint64_t now = clock_now(), drops = 0;

	exception_shard_stats(g->exception, number, &e);
	for (unsigned i = 0; i < EXCEPTION_DROP_COUNT; i++)
		drops += e.drop[i];
	if (host) {
		bird_host_stats(host, &h);
		bird_stats(bird_host_bird(host), &s);
	}
	page_object(p, NULL, NULL);
	page_number(p, "shard", "SHARD", number);
	page_count(p, "tunnels", "TUNNELS", shard_pairs(exception_shard(g->exception, number)));
	page_text(p, "bird", "BIRD", host ? child_state(&h, &s) : "not needed");
	page_number(p, "pid", "PID", (uint64_t)h.pid);
	page_age(p, "since_seconds", "FOR", h.since && now > h.since ? now - h.since : 0);
	page_text(p, "version", NULL, s.version);
	page_text(p, "configuration_file", NULL, h.file);
	page_flag(p, "recovering", NULL, s.recovering);
	page_flag(p, "polling", NULL, s.polling);
	page_count(p, "starts", "STARTS", h.starts);
	page_count(p, "configured", "CONFIGURED", h.configured);
	page_count(p, "refused", "REFUSED", h.refused);
	page_flag(p, "configuration_pending", NULL, h.pending);
	page_text(p, "configuration_error", NULL, h.error && h.error[0] ? h.error : NULL);
	page_text(p, "trouble", NULL, s.trouble[0] ? s.trouble : NULL);
	page_count(p, "lines", NULL, s.lines);
	page_count(p, "lost", "LINES LOST", s.lost);
	page_count(p, "lookups", NULL, s.lookups);
	page_count(p, "dumps", NULL, s.dumps);
	page_count(p, "resyncs", "RESYNCS", s.resyncs);
	page_count(p, "waiting", "WAITING", s.dirty);
	page_real(p, "resync_seconds", "LAST RESYNC", (double)s.pass_us / 1e6, "s");
	page_count(p, "in_packets", "PACKETS IN", e.in_packets);
	page_count(p, "out_packets", "PACKETS OUT", e.out_packets);
	page_count(p, "dropped_packets", "DROPPED", drops);
	page_end(p);
}

static void table(struct page *p, struct gateway *g, const struct conf_border_gateway *c)
{
	static const char *const standings[] = { "unknown", "stale", "current" };
	struct tables_quota q = { 0 };
	struct bgp_gateway b;
	uint32_t number = c->id;
	bool has_bgp = bgp_gateway(g->bgp, number, &b);
	uint32_t place = g->exception ? exception_shard_of(g->exception, number) : SHARD_NONE;

	tables_quota(apply_tables(g->applied), number, &q);
	page_object(p, NULL, NULL);
	page_text(p, "border_gateway", "BORDER GATEWAY", c->name);
	if (place == SHARD_NONE)
		page_none(p, "shard", "SHARD");
	else
		page_number(p, "shard", "SHARD", place);
	page_text(p, "routes", "ROUTES", has_bgp ? standings[b.standing] : "static");
	page_count(p, "offered", "OFFERED", b.offered);
	page_count(p, "learnt", "LEARNT", q.learnt);
	page_count(p, "propagated", "PROPAGATED", q.propagated);
	page_count(p, "dynamic_quota", "QUOTA", q.limit);
	page_flag(p, "refusing", "REFUSING", q.refusing);
	page_count(p, "batches_refused", NULL, q.batches_refused);
	page_count(p, "routes_refused", NULL, q.routes_refused);
	page_end(p);
}

int show_routing(struct command_call *call)
{
	struct gateway *g = call->gateway;

	page_table(call->page, "shards", "Shards", "No tunnel is configured.");
	for (unsigned i = 0; g->exception && i < exception_shards(g->exception); i++)
		if (exception_shard(g->exception, i))
			shard(call->page, g, i);
	page_end(call->page);
	page_table(call->page, "border_gateways", "Border gateways", "none");
	for (unsigned i = 0; i < g->conf->n_border_gateways; i++)
		table(call->page, g, &g->conf->border_gateway[i]);
	page_end(call->page);
	return 0;
}

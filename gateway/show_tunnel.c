#include "gateway/show.h"

#include "gateway/baseline.h"
#include "gateway/clock.h"
#include "gateway/format.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* A moment that may be IKE_NEVER, as the time until then. */
static void page_until(struct page *p, const char *key, const char *title, uint64_t now,
		       uint64_t then)
{
	if (then == IKE_NEVER || then == 0)
		page_none(p, key, title);
	else
		page_age(p, key, title, then > now ? then - now : 0);
}

static void page_addr(struct page *p, const char *key, const char *title, const struct addr *a)
{
	char text[ADDR_STR_MAX];

	if (a->family == ADDR_NONE)
		page_none(p, key, title);
	else
		page_text(p, key, title, addr_format(a, text));
}

/* ---- show tunnels ------------------------------------------------------------------------ */

static void page_reason(struct page *p, const char *title, const struct tunnel *t)
{
	page_text(p, "reason", title, t->up ? NULL : tunnel_reason(t->reason));
	page_text(p, "reason_code", NULL, t->up ? NULL : ike_reason_name(t->reason));
}

static void tunnel_stats(struct gateway *g, uint32_t tunnel, struct dataplane_tunnel_stats *s)
{
	memset(s, 0, sizeof(*s));
	baseline_tunnel_stats(g, tunnel, s);
}

void show_tunnel_row(struct page *p, struct gateway *g, uint32_t number)
{
	const struct tunnel *t = &g->tunnels->v[number];
	struct dataplane_tunnel_stats s;

	tunnel_stats(g, number, &s);
	page_object(p, NULL, NULL);
	page_text(p, "name", "TUNNEL", t->conf->name);
	page_text(p, "connection", "CONNECTION", t->connection->name);
	page_text(p, "border_gateway", NULL, t->connection->border_gateway_name);
	page_addr(p, "cloud_ip", "CLOUD", &t->conf->cloud_ip);
	page_addr(p, "customer_ip", "CUSTOMER", &t->conf->customer_ip);
	page_flag(p, "enabled", NULL, t->enabled);
	page_state(p, "state", "STATE", t->up ? "UP" : "DOWN", t->up ? PAGE_GOOD : PAGE_BAD);
	page_reason(p, "REASON", t);
	page_text(p, "text", NULL, t->text);
	page_age(p, "since_seconds", "FOR", since(clock_now(), t->since));
	page_count(p, "ups", NULL, t->ups);
	page_count(p, "downs", NULL, t->downs);
	page_count(p, "in_packets", "PACKETS IN", s.in_packets);
	page_bytes(p, "in_bytes", "BYTES IN", s.in_bytes);
	page_count(p, "out_packets", "PACKETS OUT", s.out_packets);
	page_bytes(p, "out_bytes", "BYTES OUT", s.out_bytes);
	page_end(p);
}

int show_tunnels(struct command_call *call)
{
	struct gateway *g = call->gateway;

	page_table(call->page, "tunnels", NULL, "No tunnel is configured.");
	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1))
		show_tunnel_row(call->page, g, i);
	page_end(call->page);
	return 0;
}

/* ---- show tunnel NAME -------------------------------------------------------------------- */

static void page_id(struct page *p, const char *key, const char *title, const struct conf_id *id)
{
	char text[CONF_ID_BYTES * 4];

	page_text(p, key, title, conf_id_format(id, text, sizeof(text)));
}

static void ike_section(struct page *p, uint64_t now, const struct ike_tunnel_view *v)
{
	char text[ENDPOINT_STR_MAX], remote[ENDPOINT_STR_MAX], suite[FORMAT_SUITE_MAX];

	if (!v->established) {
		page_none(p, "ike", NULL);
		return;
	}
	page_object(p, "ike", "IKE SA");
	page_text(p, "role", "role", v->initiator ? "initiator" : "responder");
	page_textf(p, "spi_initiator", "SPI initiator", "0x%016llx", (unsigned long long)v->spi_i);
	page_textf(p, "spi_responder", "SPI responder", "0x%016llx", (unsigned long long)v->spi_r);
	page_textf(p, NULL, "suite", "%s, prf %s, %s", format_suite(v->cipher, v->auth, suite),
		   algo_auths[v->prf].name, algo_dhs[v->dh].name);
	page_text(p, "cipher", NULL, algo_ciphers[v->cipher].name);
	page_text(p, "auth", NULL, v->auth == AUTH_NONE ? NULL : algo_auths[v->auth].name);
	page_text(p, "prf", NULL, algo_auths[v->prf].name);
	page_text(p, "dh", NULL, algo_dhs[v->dh].name);
	page_textf(p, NULL, "path", "%s - %s", endpoint_format(&v->path.local, text),
		   endpoint_format(&v->path.remote, remote));
	page_text(p, "local", NULL, endpoint_format(&v->path.local, text));
	page_text(p, "remote", NULL, endpoint_format(&v->path.remote, remote));
	page_text(p, NULL, "NAT",
		  v->nat_local && v->nat_remote ? "both sides are behind NAT"
		  : v->nat_local		? "we are behind NAT"
		  : v->nat_remote		? "the peer is behind NAT"
						: "none");
	page_flag(p, "nat_local", NULL, v->nat_local);
	page_flag(p, "nat_remote", NULL, v->nat_remote);
	page_flag(p, "ppk", v->ppk ? "post-quantum key" : NULL, v->ppk);
	page_age(p, "age_seconds", "age", since(now, v->since));
	page_until(p, "rekey_seconds", "rekey in", now, v->rekey_at);
	page_until(p, "expires_seconds", "expires in", now, v->expires_at);
	page_end(p);
}

static void selector_list(struct page *p, const char *key, const char *title,
			  const struct ike_selectors *s)
{
	char text[IKE_TS_MAX * FORMAT_SELECTOR_MAX] = "", one[FORMAT_SELECTOR_MAX];
	size_t used = 0;

	if (page_is_json(p)) {
		page_list(p, key);
		for (unsigned i = 0; i < s->n; i++)
			page_text(p, "", NULL, format_selector(&s->v[i], one));
		page_end(p);
		return;
	}
	for (unsigned i = 0; i < s->n && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 format_selector(&s->v[i], one));
	page_text(p, NULL, title, s->n ? text : "any");
}

static void sa_row(struct page *p, const char *tunnel, uint64_t now, const struct ike_child_view *c,
		   const struct dataplane_sa_stats *in, const struct dataplane_sa_stats *out)
{
	char suite[FORMAT_SUITE_MAX];

	page_object(p, NULL, NULL);
	page_text(p, "tunnel", "TUNNEL", tunnel);
	page_spi(p, "spi_in", "SPI IN", c->spi_in);
	page_spi(p, "spi_out", "SPI OUT", c->spi_out);
	page_flag(p, "sending", "SENDING", c->outbound);
	page_text(p, NULL, "SUITE", format_suite(c->cipher, c->auth, suite));
	page_text(p, "cipher", NULL, algo_ciphers[c->cipher].name);
	page_text(p, "auth", NULL, c->auth == AUTH_NONE ? NULL : algo_auths[c->auth].name);
	page_text(p, "pfs", "PFS", c->pfs == DH_NONE ? NULL : algo_dhs[c->pfs].name);
	page_flag(p, "esn", "ESN", c->esn);
	page_flag(p, "udp", "UDP", c->udp);
	if (page_is_json(p)) {
		selector_list(p, "local", NULL, &c->local);
		selector_list(p, "remote", NULL, &c->remote);
	}
	page_age(p, "age_seconds", "AGE", since(now, c->established));
	page_until(p, "rekey_seconds", "REKEY IN", now, c->rekey_at);
	page_until(p, "expires_seconds", NULL, now, c->expires_at);
	page_count(p, "in_packets", "PACKETS IN", in->packets);
	page_bytes(p, "in_bytes", "BYTES IN", in->bytes);
	page_count(p, "in_sequence", NULL, in->sequence);
	page_count(p, "out_packets", "PACKETS OUT", out->packets);
	page_bytes(p, "out_bytes", "BYTES OUT", out->bytes);
	page_count(p, "out_sequence", NULL, out->sequence);
	page_count(p, "replayed", NULL, in->replayed);
	page_count(p, "bad_icv", NULL, in->bad_icv);
	page_end(p);
}

void show_sa_rows(struct page *page, const char *tunnel, uint64_t now,
		  const struct tunnel_snapshot *s)
{
	for (unsigned i = 0; s->known && i < s->ike.n_children; i++)
		sa_row(page, tunnel, now, &s->ike.child[i], &s->in[i], &s->out[i]);
}

/* For a person: of the SA that we send on; JSON has them with every SA. */
static void selector_section(struct page *p, const struct ike_tunnel_view *v)
{
	for (unsigned i = 0; i < v->n_children && !page_is_json(p); i++) {
		if (!v->child[i].outbound)
			continue;
		page_object(p, NULL, "Traffic selectors");
		selector_list(p, NULL, "local", &v->child[i].local);
		selector_list(p, NULL, "remote", &v->child[i].remote);
		page_end(p);
		return;
	}
}

static void drop_row(struct page *p, enum drop_reason r, uint64_t packets)
{
	page_object(p, NULL, NULL);
	page_text(p, "reason", "REASON", drop_reason_name(r));
	page_count(p, "packets", "PACKETS", packets);
	page_text(p, "text", "WHAT IT MEANS", drop_reason_text(r));
	page_end(p);
}

static void traffic_section(struct page *p, const struct dataplane_tunnel_stats *s)
{
	page_object(p, "traffic", "Traffic");
	page_count(p, "in_packets", "packets in", s->in_packets);
	page_bytes(p, "in_bytes", "bytes in", s->in_bytes);
	page_bytes(p, "in_wire_bytes", "bytes in, encrypted", s->in_wire_bytes);
	page_count(p, "out_packets", "packets out", s->out_packets);
	page_bytes(p, "out_bytes", "bytes out", s->out_bytes);
	page_bytes(p, "out_wire_bytes", "bytes out, encrypted", s->out_wire_bytes);
	page_count(p, "replayed", NULL, s->drop[DROP_REPLAYED] + s->drop[DROP_TOO_OLD]);
	page_count(p, "bad_icv", NULL, s->drop[DROP_BAD_ICV]);
	page_count(p, "selector", NULL, s->drop[DROP_SELECTOR]);
	page_end(p);
	page_table(p, "drops", "Dropped", "none");
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (s->drop[r])
			drop_row(p, r, s->drop[r]);
	page_end(p);
}

static void latency(struct page *p, const char *key, const char *title, uint64_t us)
{
	if (us > 0)
		page_real(p, key, title, (double)us / 1e3, "ms");
	else
		page_none(p, key, title);
}

static void probe_section(struct page *p, const struct tunnel *t)
{
	if (t->conf->probe == 0) {
		page_none(p, "probe", NULL);
		return;
	}
	page_object(p, "probe", "Latency to the inner peer");
	page_flag(p, "answers", "answers", t->up && t->probe.answers);
	latency(p, "last_ms", "last", t->probe.last);
	latency(p, "least_ms", "least", t->probe.least);
	latency(p, "mean_ms", "mean", t->probe.mean);
	latency(p, "most_ms", "most", t->probe.most);
	page_count(p, "sent", "requests", t->probe.sent);
	page_count(p, "lost", "lost", t->probe.lost);
	page_number(p, "interval_seconds", NULL, t->conf->probe);
	page_end(p);
}

void show_tunnel_detail(struct page *page, const struct tunnel *t, uint64_t now,
			const struct tunnel_snapshot *s, const struct dataplane_tunnel_stats *stats)
{
	const struct conf_tunnel *c = t->conf;
	char text[PREFIX_STR_MAX];

	page_text(page, "name", "tunnel", c->name);
	page_text(page, "connection", "connection", t->connection->name);
	page_text(page, "border_gateway", "border gateway", t->connection->border_gateway_name);
	page_flag(page, "enabled", "enabled", t->enabled);
	page_state(page, "state", "state", t->up ? "UP" : "DOWN", t->up ? PAGE_GOOD : PAGE_BAD);
	page_reason(page, "reason", t);
	page_text(page, "text", "detail", t->text);
	page_age(page, "since_seconds", "for", since(now, t->since));
	page_count(page, "ups", "times up", t->ups);
	page_count(page, "downs", "times down", t->downs);
	page_count(page, "tries", "tries since UP", s->ike.tries);
	page_addr(page, "cloud_ip", "cloud address", &c->cloud_ip);
	page_addr(page, "customer_ip", "customer address", &c->customer_ip);
	page_id(page, "local_id", "local id", &c->local_id);
	page_id(page, "remote_id", "remote id", &c->remote_id);
	page_text(page, "inner", "inner address", prefix_format(&c->inner, text));
	page_addr(page, "inner_peer", "inner peer", &c->inner_peer);
	page_count(page, "in_packets", NULL, stats->in_packets);
	page_bytes(page, "in_bytes", NULL, stats->in_bytes);
	page_count(page, "out_packets", NULL, stats->out_packets);
	page_bytes(page, "out_bytes", NULL, stats->out_bytes);
	ike_section(page, now, &s->ike);
	page_table(page, "sas", "ESP SAs", "none");
	show_sa_rows(page, c->name, now, s);
	page_end(page);
	selector_section(page, &s->ike);
	traffic_section(page, stats);
	probe_section(page, t);
}

static void tunnel_answered(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	struct gateway *g = call->gateway;
	struct dataplane_tunnel_stats stats;
	int rc = ask->result;

	if (rc < 0) {
		command_fail(call, rc, "the gateway is stopping");
	} else if (!tunnels_get(g->tunnels, ask->first)) {
		rc = command_fail(call, -ENOENT, "the tunnel was deleted");
	} else {
		tunnel_stats(g, ask->first, &stats);
		show_tunnel_detail(call->page, &g->tunnels->v[ask->first], ask->now,
				   &ask->tunnel[0], &stats);
	}
	command_finish(call, rc);
}

int show_tunnel(struct command_call *call)
{
	int64_t i = command_tunnel(call, 2);

	if (i < 0)
		return (int)i;
	return command_ask(call, ASK_VIEW, (uint32_t)i, 1, tunnel_answered);
}

/* ---- show sas ---------------------------------------------------------------------------- */

static void sas_answered(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	const struct tunnels *t = call->gateway->tunnels;
	uint32_t next = ask->first + ask->count;
	int rc = ask->result;

	if (rc < 0) {
		command_finish(call, command_fail(call, rc, "the gateway is stopping"));
		return;
	}
	for (uint32_t i = 0; i < ask->count; i++) {
		const char *name = tunnels_name(t, ask->first + i);

		if (name) /* else it was deleted meanwhile */
			show_sa_rows(call->page, name, ask->now, &ask->tunnel[i]);
	}
	/* Always as many, for there may be more of them than when it was asked first. */
	if (next < t->n)
		rc = command_ask(call, ASK_VIEW, next, ASK_TUNNELS, sas_answered);
	if (rc != COMMAND_LATER)
		command_finish(call, rc);
}

int show_sas(struct command_call *call)
{
	page_table(call->page, "sas", NULL, "No SA is installed.");
	if (call->gateway->tunnels->n == 0)
		return 0;
	return command_ask(call, ASK_VIEW, 0, ASK_TUNNELS, sas_answered);
}

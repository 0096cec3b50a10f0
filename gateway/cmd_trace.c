/* "trace N ...": what each phase decided about the next N packets of a tunnel, SPI or prefix. */
#include "dataplane/trace.h"

#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "gateway/packet_text.h"
#include "gateway/show.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US	      (20 * 1000)
#define SECONDS	      10 /* unless the operator says otherwise */
#define STEP_TEXT_MAX 320

struct tracing {
	struct command_call *call;
	struct trace *trace;
	struct event *timer;
	uint64_t deadline; /* clock_now() */
	unsigned wanted;
};

/* ---- steps as text ----------------------------------------------------------------------- */

static const char *table_name(const struct gateway *g, uint32_t table, char buf[64])
{
	if (table == DATAPLANE_UNDERLAY)
		return "underlay";
	for (unsigned i = 0; i < g->conf->n_border_gateways; i++)
		if (apply_gateway_table(g->applied, g->conf->border_gateway[i].id) == table)
			return g->conf->border_gateway[i].name;
	for (unsigned i = 0; i < g->conf->n_vpcs; i++)
		if (apply_vpc_table(g->applied, g->conf->vpc[i].id) == table)
			return g->conf->vpc[i].name;
	snprintf(buf, 64, "%u", table);
	return buf;
}

static const char *tunnel_name(const struct gateway *g, uint32_t tunnel, char buf[64])
{
	const char *name = tunnels_name(g->tunnels, tunnel);

	if (name)
		return name;
	snprintf(buf, 64, "%u", tunnel);
	return buf;
}

static const char *connection_name(const struct gateway *g, uint32_t id, char buf[64])
{
	for (unsigned i = 0; i < g->conf->n_connections; i++)
		if (g->conf->connection[i].id == id)
			return g->conf->connection[i].name;
	snprintf(buf, 64, "%u", id);
	return buf;
}

static void hop_text(const struct gateway *g, uint32_t nh, char *buf, size_t size)
{
	uint32_t i = nexthop_index(nh);
	char name[64];

	if (nexthop_kind(nh) == NEXTHOP_TABLE)
		snprintf(buf, size, "table %s", table_name(g, i, name));
	else if (nexthop_kind(nh) == NEXTHOP_TUNNEL)
		snprintf(buf, size, "tunnel %s", tunnel_name(g, i, name));
	else if (nexthop_kind(nh) == NEXTHOP_CONNECTION && i < NEXTHOP_BUNDLE)
		snprintf(buf, size, "vpn connection %s", connection_name(g, i, name));
	else if (nexthop_kind(nh) == NEXTHOP_NONE)
		snprintf(buf, size, "no route");
	else
		dataplane_nexthop_format(g->dp, nh, buf, size);
}

static const char *port_name(const struct gateway *g, uint32_t port)
{
	int i = dataplane_port_by_id(g->dp, port);

	return i < 0 || (unsigned)i >= g->conf->n_ports ? "?" : g->conf->port[i].name;
}

static void step_text(const struct gateway *g, const struct trace_step *s, char *buf, size_t size)
{
	char name[64], hop[256];

	switch ((enum trace_event)s->event) {
	case TRACE_RECEIVED:
		snprintf(buf, size, "came in on port %s", port_name(g, s->a));
		break;
	case TRACE_TAKEN:
		snprintf(buf, size, "%s", trace_tag_name(s->a));
		break;
	case TRACE_ESP:
		snprintf(buf, size, "ESP, SPI 0x%08x, sequence number %u", s->a, s->b);
		break;
	case TRACE_SA:
		snprintf(buf, size, "SA of tunnel %s", tunnel_name(g, s->a, name));
		break;
	case TRACE_DECRYPTED:
		snprintf(buf, size, "authentic and decrypted, for table %s",
			 table_name(g, s->b, name));
		break;
	case TRACE_PACKET:
		snprintf(buf, size, "IP packet for table %s", table_name(g, s->a, name));
		break;
	case TRACE_ROUTE:
		hop_text(g, s->b, hop, sizeof(hop));
		snprintf(buf, size, "table %s: %s", table_name(g, s->a, name), hop);
		break;
	case TRACE_TUNNEL:
		snprintf(buf, size, "into tunnel %s", tunnel_name(g, s->a, name));
		break;
	case TRACE_ENCRYPTED:
		snprintf(buf, size, "encrypted, SPI 0x%08x, sequence number %u", s->a, s->b);
		break;
	case TRACE_LINK:
		hop_text(g, s->a, hop, sizeof(hop));
		snprintf(buf, size, "next hop %s", hop);
		break;
	case TRACE_SENT:
		snprintf(buf, size, "sent on port %s", port_name(g, s->a));
		break;
	case TRACE_PUNTED:
		snprintf(buf, size, "to a control thread: %s", trace_punt_name(s->a));
		break;
	case TRACE_HANDED:
		snprintf(buf, size, "handed to worker %u", s->a);
		break;
	case TRACE_AGAIN:
		snprintf(buf, size, "cut; its fragments take their way anew");
		break;
	case TRACE_HELD:
		snprintf(buf, size, "kept or used up: a fragment that waits, or a keepalive");
		break;
	case TRACE_DROPPED:
		snprintf(buf, size, "dropped: %s (%s)", drop_reason_name(s->a),
			 drop_reason_text(s->a));
		break;
	case TRACE_EVENT_COUNT:
		break;
	}
}

/* ---- the page ---------------------------------------------------------------------------- */

static void step(struct command_call *call, const struct trace_step *s)
{
	struct page *p = call->page;
	char text[STEP_TEXT_MAX] = "";

	step_text(call->gateway, s, text, sizeof(text));
	if (!page_is_json(p)) {
		page_line(p, "  %-9s %s", worker_phase_name(s->phase), text);
		return;
	}
	page_object(p, NULL, NULL);
	page_text(p, "phase", NULL, worker_phase_name(s->phase));
	page_text(p, "event", NULL, trace_event_name(s->event));
	page_text(p, "text", NULL, text);
	page_end(p);
}

static void packet(struct command_call *call, const struct trace_packet *t, unsigned number)
{
	char first[PACKET_TEXT_MAX], inner[PACKET_TEXT_MAX] = "";
	struct page *p = call->page;

	packet_text(first, t->first, sizeof(t->first), t->first_len, t->frame);
	if (t->inner_len)
		packet_text(inner, t->inner, sizeof(t->inner), t->inner_len, false);
	if (page_is_json(p)) {
		page_object(p, NULL, NULL);
		page_number(p, "worker", NULL, t->worker);
		page_text(p, "packet", NULL, first);
		page_text(p, "inner", NULL, inner[0] ? inner : NULL);
		page_list(p, "steps");
	} else {
		page_line(p, "%u: %s", number, first);
		if (inner[0] && strcmp(inner, first) != 0)
			page_line(p, "  inner     %s", inner);
	}
	for (unsigned i = 0; i < t->n_steps; i++)
		step(call, &t->step[i]);
	if (page_is_json(p)) {
		page_end(p);
		page_end(p);
	}
}

static void finish(struct tracing *k)
{
	struct command_call *call = k->call;
	unsigned n = dataplane_trace_count(k->trace);

	page_count(call->page, "wanted", NULL, k->wanted);
	page_count(call->page, "traced", NULL, n);
	if (page_is_json(call->page))
		page_list(call->page, "packets");
	for (unsigned i = 0; i < n; i++)
		packet(call, dataplane_trace_packet(k->trace, i), i + 1);
	if (page_is_json(call->page))
		page_end(call->page);
	else if (n < k->wanted)
		page_line(call->page, "%u of %u packets came.", n, k->wanted);
	dataplane_trace_stop(call->gateway->dp, k->trace);
	call->gateway->tracing = NULL;
	event_free(k->timer);
	free(k);
	command_finish(call, 0);
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	struct tracing *k = ctx;

	if (dataplane_trace_count(k->trace) >= k->wanted || clock_now() >= k->deadline)
		finish(k);
}

static void on_cancel(struct command_call *call)
{
	finish(call->state);
}

void trace_abandon(struct gateway *g)
{
	if (g->tracing)
		finish(g->tracing);
}

static int read_filter(struct command_call *call, struct trace_filter *f)
{
	const char *word = call->word[3];
	char *end;

	if (strcmp(call->word[2], "tunnel") == 0) {
		int64_t t = command_tunnel(call, 3);

		f->by = TRACE_BY_TUNNEL;
		f->tunnel = (uint32_t)t;
		return t < 0 ? (int)t : 0;
	}
	if (strcmp(call->word[2], "spi") == 0) {
		f->by = TRACE_BY_SPI;
		f->spi = (uint32_t)strtoul(word, &end, 16);
		return *end == '\0' ? 0
				    : command_fail(call, -EINVAL, "'%s' is no SPI, like 0x0008c001",
						   word);
	}
	f->by = TRACE_BY_PREFIX;
	return prefix_parse(&f->prefix, word)
		       ? 0
		       : command_fail(call, -EINVAL, "'%s' is no prefix", word);
}

int trace_start(struct command_call *call)
{
	static const struct timeval interval = { .tv_usec = LOOK_US };
	const char *seconds = command_option(call, "seconds");
	struct gateway *g = call->gateway;
	struct trace_filter filter = { 0 };
	unsigned long n = strtoul(call->word[1], NULL, 10);
	struct tracing *k;
	int rc;

	if (n == 0 || n > TRACE_PACKETS_MAX)
		return command_fail(call, -EINVAL, "'%s': trace 1 to %u packets", call->word[1],
				    TRACE_PACKETS_MAX);
	rc = read_filter(call, &filter);
	if (rc < 0)
		return rc;
	k = calloc(1, sizeof(*k));
	if (!k)
		return command_fail(call, -ENOMEM, "out of memory");
	k->call = call;
	k->wanted = (unsigned)n;
	k->deadline = clock_now() + (seconds ? strtoul(seconds, NULL, 10) : SECONDS) * CLOCK_SECOND;
	k->timer = event_new(g->base, -1, EV_PERSIST, look, k);
	rc = k->timer && event_add(k->timer, &interval) == 0 ? 0 : -ENOMEM;
	if (rc == 0)
		rc = dataplane_trace_start(g->dp, &filter, k->wanted, &k->trace);
	if (rc < 0) {
		if (k->timer)
			event_free(k->timer);
		free(k);
		return rc == -EBUSY ? command_fail(call, rc, "another trace is running")
				    : command_fail(call, rc, "%s", strerror(-rc));
	}
	g->tracing = k;
	call->state = k;
	call->cancel = on_cancel;
	return COMMAND_LATER;
}

/* `explain`: where a packet would go, by the tables that the workers use, and why not further. */
#include "gateway/show.h"

#include "conf/number.h"
#include "gateway/command_word.h"
#include "gateway/format.h"
#include "gateway/gateway.h"
#include "gateway/route_name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };

struct question {
	struct addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	uint32_t in_tunnel; /* where it came from; UINT32_MAX: a vpc */
	const char *place;
	struct dataplane_path path;
};

/* ---- the packet -------------------------------------------------------------------------- */

#define PACKET_BYTES 48

static void put16(uint8_t *to, unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

/* As much of it as decides: addresses, protocol, and ports or an echo request's first bytes. */
static size_t packet(const struct question *q, uint8_t ip[PACKET_BYTES])
{
	uint8_t *upper = ip + (q->src.family == ADDR_IPV4 ? 20 : 40);

	memset(ip, 0, PACKET_BYTES);
	if (q->src.family == ADDR_IPV4) {
		ip[0] = 0x45;
		put16(ip + 2, 28);
		ip[8] = 64;
		ip[9] = q->proto;
		memcpy(ip + 12, q->src.b, 4);
		memcpy(ip + 16, q->dst.b, 4);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 8);
		ip[6] = q->proto;
		ip[7] = 64;
		memcpy(ip + 8, q->src.b, 16);
		memcpy(ip + 24, q->dst.b, 16);
	}
	if (q->proto == ICMP || q->proto == ICMPV6) {
		upper[0] = q->proto == ICMP ? 8 : 128;
		put16(upper + 4, q->sport);
	} else {
		put16(upper, q->sport);
		put16(upper + 2, q->dport);
	}
	return (size_t)(upper - ip) + 8;
}

static int number(struct command_call *call, const char *what, unsigned long most, unsigned *out)
{
	const char *text = command_option(call, what);
	char *end;

	if (!text)
		return 0;
	*out = (unsigned)strtoul(text, &end, 10);
	if (*end || *out > most)
		return command_fail(call, -EINVAL, "%s %s: a number from 0 to %lu", what, text,
				    most);
	return 0;
}

static int protocol(struct command_call *call, uint8_t family, uint8_t *out)
{
	const char *text = command_option(call, "protocol");
	unsigned n = family == ADDR_IPV4 ? ICMP : ICMPV6;
	int rc = 0;

	if (!text || strcmp(text, "icmp") == 0)
		;
	else if (strcmp(text, "tcp") == 0)
		n = TCP;
	else if (strcmp(text, "udp") == 0)
		n = UDP;
	else if (command_is_number(text))
		rc = number(call, "protocol", 255, &n);
	else
		rc = command_fail(call, -EINVAL, "protocol '%s': tcp, udp, icmp or a number", text);
	*out = (uint8_t)n;
	return rc;
}

/* ---- its way ----------------------------------------------------------------------------- */

static const char *leads_to(const struct gateway *g, const struct dataplane_path *path, uint32_t nh,
			    char *buf, size_t size)
{
	char table[ROUTE_TABLE_STR_MAX];
	uint32_t index = nexthop_index(nh);
	size_t used;

	switch (nexthop_kind(nh)) {
	case NEXTHOP_NONE:
		snprintf(buf, size, "nowhere");
		return buf;
	case NEXTHOP_TABLE:
		snprintf(buf, size, "table of %s", route_table_name(g, index, table));
		return buf;
	case NEXTHOP_LOCAL:
		if (!(index & NEXTHOP_LOCAL_TUNNEL))
			break;
		snprintf(buf, size, "inner address of tunnel %s",
			 tunnels_name(g->tunnels, index & ~NEXTHOP_LOCAL_TUNNEL));
		return buf;
	case NEXTHOP_TUNNEL:
		snprintf(buf, size, "tunnel %s", tunnels_name(g->tunnels, index));
		return buf;
	case NEXTHOP_CONNECTION:
		used = (size_t)snprintf(buf, size, "%s ",
					index & NEXTHOP_BUNDLE ? "one of tunnels"
							       : "a connection:");
		for (unsigned i = 0; i < path->n_members && used < size; i++) {
			const char *name = tunnels_name(g->tunnels, path->member[i]);

			used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
						 name ? name : "?");
		}
		return buf;
	default:
		break;
	}
	return dataplane_nexthop_format(g->dp, nh, buf, size);
}

static void page_steps(struct command_call *call, const struct question *q)
{
	const struct dataplane_path *path = &q->path;

	page_table(call->page, "steps", "Routes", NULL);
	for (unsigned i = 0; i < path->n_steps; i++) {
		char text[512], table[ROUTE_TABLE_STR_MAX], route[PREFIX_STR_MAX];
		const struct dataplane_step *s = &path->step[i];

		page_object(call->page, NULL, NULL);
		page_text(call->page, "table", "TABLE",
			  route_table_name(call->gateway, s->table, table));
		page_text(call->page, "route", "ROUTE",
			  s->found ? prefix_format(&s->route, route) : NULL);
		page_text(call->page, "leads_to", "LEADS TO",
			  leads_to(call->gateway, path, s->nh, text, sizeof(text)));
		page_end(call->page);
	}
	page_end(call->page);
}

/* Its end: what becomes of the packet, by the name of the drop reason if it is dropped. */
static void verdict(struct command_call *call, bool arrives, const char *reason, const char *fmt,
		    ...) __attribute__((format(printf, 4, 5)));

static void verdict(struct command_call *call, bool arrives, const char *reason, const char *fmt,
		    ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	page_object(call->page, "verdict", "Verdict");
	page_state(call->page, "result", "result", arrives ? "sent" : "not sent",
		   arrives ? PAGE_GOOD : PAGE_BAD);
	page_text(call->page, "drop_reason", reason ? "counted as" : NULL, reason);
	page_text(call->page, "why", "because", text);
	page_end(call->page);
}

/* Why none of these tunnels carries it. */
static void nobody(struct command_call *call, const struct dataplane_path *path)
{
	const struct tunnels *t = call->gateway->tunnels;
	char text[768] = "";
	size_t used = 0;

	for (unsigned i = 0; i < path->n_members && used < sizeof(text); i++) {
		const struct tunnel *m = tunnels_get(t, path->member[i]);

		if (m)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s: %s",
						 i ? "; " : "", m->conf->name,
						 m->up ? "UP, but drained"
						       : tunnel_reason(m->reason));
	}
	verdict(call, false, "no-tunnel-up", "no tunnel is UP (%s)", text);
}

static bool in_range(const struct addr *a, const struct ike_selector *s)
{
	size_t n = a->family == ADDR_IPV4 ? 4 : 16;

	return s->first.family == a->family && memcmp(a->b, s->first.b, n) >= 0 &&
	       memcmp(a->b, s->last.b, n) <= 0;
}

static bool side_fits(const struct ike_selectors *s, const struct addr *a, uint8_t proto,
		      uint16_t port)
{
	bool has_ports = proto == TCP || proto == UDP;

	for (unsigned i = 0; i < s->n; i++) {
		const struct ike_selector *v = &s->v[i];
		bool any_port = v->port_first == 0 && v->port_last == UINT16_MAX;

		if (in_range(a, v) && (!v->protocol || v->protocol == proto) &&
		    (any_port || (has_ports && port >= v->port_first && port <= v->port_last)))
			return true;
	}
	return s->n == 0;
}

static bool names_ports(const struct ike_selectors *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->v[i].port_first != 0 || s->v[i].port_last != UINT16_MAX)
			return true;
	return false;
}

/* The SA that takes it: the one in use, else one beside it. */
static const struct ike_child_view *sa_of(const struct question *q, const struct ike_tunnel_view *v)
{
	for (unsigned i = 0; i < v->n_children; i++) {
		const struct ike_child_view *c = &v->child[i];

		if (c->outbound && side_fits(&c->local, &q->src, q->proto, q->sport) &&
		    side_fits(&c->remote, &q->dst, q->proto, q->dport))
			return c;
	}
	return NULL;
}

static void page_sa(struct command_call *call, const struct ike_child_view *c,
		    const struct endpoint *local, const struct endpoint *remote)
{
	char suite[FORMAT_SUITE_MAX], a[ENDPOINT_STR_MAX], b[ENDPOINT_STR_MAX];

	page_object(call->page, "sa", "SA");
	page_spi(call->page, "spi_out", "SPI", c->spi_out);
	page_text(call->page, "suite", "suite", format_suite(c->cipher, c->auth, suite));
	page_text(call->page, "local", "from", endpoint_format(local, a));
	page_text(call->page, "remote", "to", endpoint_format(remote, b));
	page_flag(call->page, "udp", "in UDP", c->udp);
	if (names_ports(&c->local) || names_ports(&c->remote))
		page_text(call->page, "fragments", "fragments",
			  "only first ones, the others name no ports (fragment-ports)");
	page_end(call->page);
}

static void on_tunnel(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	struct gateway *g = call->gateway;
	struct question *q = call->state;
	const struct ike_tunnel_view *v = ask->tunnel ? &ask->tunnel[0].ike : NULL;
	const char *name = tunnels_name(g->tunnels, ask->first);
	const struct ike_child_view *c;
	uint32_t nh;
	char text[256];
	int rc = ask->result;

	if (rc < 0) {
		command_fail(call, rc, "the gateway is stopping");
		goto out;
	}
	if (!name) {
		rc = command_fail(call, -ENOENT, "the tunnel was deleted");
		goto out;
	}
	c = sa_of(q, v);
	if (!c) {
		bool any = false;

		for (unsigned i = 0; i < v->n_children; i++)
			any |= v->child[i].outbound;
		if (any)
			verdict(call, false, "selector",
				"no SA of tunnel %s has traffic selectors for it", name);
		else
			verdict(call, false, "no-tunnel-up", "tunnel %s has no SA: %s", name,
				tunnel_reason(v->reason));
		goto out;
	}
	page_sa(call, c, &v->path.local, &v->path.remote);
	nh = dataplane_route_lookup(g->dp, DATAPLANE_UNDERLAY, &v->path.remote.addr);
	dataplane_nexthop_format(g->dp, nh, text, sizeof(text));
	page_text(call->page, "outer_next_hop", "next hop", text);
	if (nexthop_kind(nh) == NEXTHOP_NEIGHBOUR)
		verdict(call, true, NULL, "through tunnel %s, by %s", name, text);
	else if (nexthop_kind(nh) == NEXTHOP_LINK)
		verdict(call, true, NULL,
			"through tunnel %s, as soon as the neighbour answers (%s)", name, text);
	else
		verdict(call, false, "no-route", "the underlay has no way to the peer: %s", text);
out:
	free(q);
	command_finish(call, rc);
}

/* Out of one tunnel into another, where that is not allowed? */
static bool is_refused_transit(const struct command_call *call, const struct question *q)
{
	enum nexthop_kind kind = nexthop_kind(q->path.nh);

	return (kind == NEXTHOP_CONNECTION || kind == NEXTHOP_TUNNEL) &&
	       q->in_tunnel != UINT32_MAX &&
	       !call->gateway->tunnels->v[q->in_tunnel].connection->gateway->transit;
}

/* Do packets from the place go through this border gateway's table? */
static bool is_reached(const struct conf *c, const struct question *q, const struct tunnels *t,
		       const struct conf_border_gateway *b)
{
	const struct tunnel *in = tunnels_get(t, q->in_tunnel);

	if (in)
		return in->connection->gateway == b;
	for (unsigned i = 0; i < c->n_attachments; i++)
		if (c->attachment[i].gateway == b &&
		    strcmp(c->attachment[i].vpc_name, q->place) == 0)
			return true;
	return false;
}

/* The static route that would cover the destination if its connection had a tunnel. */
struct asleep {
	const struct addr *dst;
	bool found;
	struct rib_route route; /* the longest */
};

static void on_candidate(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
			 const char *why)
{
	struct asleep *s = ctx;

	if (verdict != RIB_UNUSABLE || !prefix_contains(&r->prefix, s->dst) ||
	    (s->found && s->route.prefix.len >= r->prefix.len))
		return;
	s->found = true;
	s->route = *r;
}

static void nowhere(struct command_call *call, const struct question *q)
{
	const struct gateway *g = call->gateway;
	struct prefix host = prefix_host(&q->dst);
	struct asleep s = { .dst = &q->dst };
	const struct conf_vpn_connection *c;
	char route[PREFIX_STR_MAX];

	for (unsigned i = 0; i < g->conf->n_border_gateways; i++) {
		const struct conf_border_gateway *b = &g->conf->border_gateway[i];

		if (is_reached(g->conf, q, g->tunnels, b))
			rib_walk(tables_rib(apply_tables(g->applied)),
				 apply_gateway_table(g->applied, b->id), &host, on_candidate, &s);
	}
	c = s.found ? conf_connection_at(g->conf, s.route.via_index) : NULL;
	if (c)
		verdict(call, false, "no-route",
			"the route %s by vpn_connection '%s' is not valid: no tunnel up",
			prefix_format(&s.route.prefix, route), c->name);
	else
		verdict(call, false, "no-route", "no route covers the destination");
}

/* Packets that do not go into a tunnel. True: that was all. */
static bool ends_here(struct command_call *call, const struct question *q)
{
	const struct dataplane_path *path = &q->path;
	char text[512];

	leads_to(call->gateway, path, path->nh, text, sizeof(text));
	if (path->table_loop)
		verdict(call, false, "table-loop", "the routes lead from table to table");
	else if (nexthop_kind(path->nh) == NEXTHOP_NONE)
		nowhere(call, q);
	else if (path->nh == nexthop(NEXTHOP_DISCARD, NEXTHOP_MARTIAN))
		verdict(call, false, "martian", "no router passes on such a source or destination");
	else if (nexthop_kind(path->nh) == NEXTHOP_DISCARD)
		verdict(call, false, "discard-route", "the route says so");
	else if (nexthop_kind(path->nh) == NEXTHOP_LOCAL)
		verdict(call, true, NULL, "it is for us: %s", text);
	else if (nexthop_kind(path->nh) == NEXTHOP_NEIGHBOUR)
		verdict(call, true, NULL, "to %s", text);
	else if (nexthop_kind(path->nh) == NEXTHOP_LINK)
		verdict(call, true, NULL, "%s, as soon as the host answers", text);
	else if (is_refused_transit(call, q))
		verdict(call, false, "no-transit",
			"it would go from one tunnel into another, and transit is off");
	else if (path->tunnel == UINT32_MAX)
		nobody(call, path);
	else
		return false;
	return true;
}

static int place(struct command_call *call, struct question *q, uint32_t *table)
{
	const struct gateway *g = call->gateway;
	const char *name = call->word[4];
	struct route_table t;
	int64_t tunnel = tunnels_find(g->tunnels, name);

	q->place = name;
	q->in_tunnel = UINT32_MAX;
	if (tunnel >= 0 && !route_table_is_vpc(g, name, &t)) {
		q->in_tunnel = (uint32_t)tunnel;
		name = g->tunnels->v[tunnel].connection->border_gateway_name;
		if (!route_table_gateway(g, name, &t))
			return command_fail(call, -ENOENT, "border gateway '%s' is gone", name);
	} else if (!route_table_is_vpc(g, name, &t)) {
		return command_fail(call, -ENOENT, "'%s' is no vpc and no tunnel", name);
	}
	*table = t.number;
	return 0;
}

static int ask_question(struct command_call *call, struct question *q)
{
	unsigned sport = 0, dport = 0;
	uint8_t ip[PACKET_BYTES];
	uint32_t table = 0;
	int rc = 0;

	if (!addr_parse(&q->src, call->word[1]) || !addr_parse(&q->dst, call->word[2]) ||
	    q->src.family != q->dst.family)
		rc = command_fail(call, -EINVAL, "two addresses of one family are needed");
	if (rc == 0)
		rc = place(call, q, &table);
	if (rc == 0)
		rc = protocol(call, q->src.family, &q->proto);
	if (rc == 0)
		rc = number(call, "sport", 65535, &sport);
	if (rc == 0)
		rc = number(call, "dport", 65535, &dport);
	if (rc < 0)
		return rc;
	q->sport = (uint16_t)sport;
	q->dport = (uint16_t)dport;
	rc = dataplane_explain(call->gateway->dp, table, ip, packet(q, ip), &q->path);
	return rc < 0 ? command_fail(call, rc, "the table is gone") : 0;
}

static void page_question(struct command_call *call, const struct question *q)
{
	char src[ADDR_STR_MAX], dst[ADDR_STR_MAX];

	page_text(call->page, "source", "from", addr_format(&q->src, src));
	page_text(call->page, "destination", "to", addr_format(&q->dst, dst));
	page_text(call->page, "in", "in", q->place);
	page_number(call->page, "protocol", "protocol", q->proto);
	page_number(call->page, "source_port", NULL, q->sport);
	page_number(call->page, "destination_port", NULL, q->dport);
}

int explain(struct command_call *call)
{
	struct question *q = calloc(1, sizeof(*q));
	const struct dataplane_path *path;
	bool ends;
	int rc;

	if (!q)
		return command_fail(call, -ENOMEM, "out of memory");
	path = &q->path;
	rc = ask_question(call, q);
	if (rc < 0)
		goto out;
	page_question(call, q);
	page_steps(call, q);
	if (path->tunnel != UINT32_MAX) {
		page_text(call->page, "tunnel", "tunnel",
			  tunnels_name(call->gateway->tunnels, path->tunnel));
		if (path->bucket >= 0)
			page_textf(call->page, NULL, "chosen by",
				   "the flow's hash, bucket %d, of %u tunnels that are UP",
				   path->bucket, path->n_up);
		page_number(call->page, "tunnels_up", NULL, path->n_up);
	}
	ends = ends_here(call, q);
	if (ends)
		goto out;
	call->state = q;
	return command_ask(call, ASK_VIEW, path->tunnel, 1, on_tunnel);
out:
	free(q);
	return rc;
}

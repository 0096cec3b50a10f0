#include "gateway/bgp_describe.h"

#include "conf/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bird_session session_of(const struct bgp_describe *d,
				      const struct conf_vpn_connection *v,
				      const struct conf_tunnel *c)
{
	return (struct bird_session){
		.tunnel = c->id,
		.connection = v->id,
		.description = c->name,
		.local = c->inner.addr,
		.remote = c->inner_peer,
		.local_asn = v->local_asn,
		.remote_asn = v->customer->asn,
		.router_id = d->router_id,
		.hold = (uint16_t)c->bgp_hold,
		.keepalive = (uint16_t)c->bgp_keepalive,
		.password = c->bgp_password,
		.bfd = c->bfd,
		.bfd_interval = (uint16_t)c->bfd_interval,
		.bfd_multiplier = (uint8_t)c->bfd_multiplier,
		.graceful_restart = c->graceful_restart,
		.restart_time = (uint16_t)c->graceful_restart_time,
		.import_limit = c->import_limit,
		.has_med = c->med_given,
		.med = c->med,
		.prepend = (uint8_t)c->prepend,
		.ipv4 = c->bgp_ipv4,
		.ipv6 = c->bgp_ipv6,
		.drain = d->draining[c->id],
		.disabled = d->off[c->id],
	};
}

static int add_session(const struct bgp_describe *d, struct bird_gateway *g, struct bird_session *s,
		       const struct conf_vpn_connection *c, const struct conf_tunnel *t)
{
	struct prefix *withheld;
	size_t n;
	int rc;

	*s = session_of(d, c, t);
	if (bird_config_check(s, &d->wrong[t->id]) < 0)
		return 0;
	rc = tables_withheld(d->tables, g->table, s->connection, &withheld, &n);
	if (rc < 0)
		return rc;
	s->withheld = withheld;
	s->n_withheld = (unsigned)n;
	g->n_sessions++;
	return 0;
}

static int add_sessions(const struct bgp_describe *d, struct bird_gateway *g,
			const struct conf_border_gateway *of)
{
	const struct conf *conf = d->conf;
	struct bird_session *v;
	uint32_t n = 0;
	int rc = 0;

	for (unsigned i = 0; i < conf->n_connections; i++)
		if (conf->connection[i].bgp && conf->connection[i].gateway == of)
			n += conf->connection[i].n_tunnels;
	v = calloc(n + 1u, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	g->session = v;
	for (unsigned i = 0; n > 0 && i < conf->n_connections; i++) {
		const struct conf_vpn_connection *c = &conf->connection[i];

		for (unsigned k = 0; rc == 0 && c->bgp && c->gateway == of && k < c->n_tunnels; k++)
			rc = add_session(d, g, &v[g->n_sessions], c, &c->tunnel[k]);
	}
	return rc;
}

static int add_announced(const struct bgp_describe *d, struct bird_gateway *g)
{
	struct tables_announcement *from;
	struct bird_announcement *to;
	size_t n;
	int rc = tables_announced(d->tables, g->table, &from, &n);

	if (rc < 0)
		return rc;
	to = calloc(n + 1, sizeof(*to));
	for (size_t i = 0; to != NULL && i < n; i++) {
		to[i].prefix = from[i].prefix;
		to[i].connection = from[i].connection == TABLES_VPC ? BIRD_VPC : from[i].connection;
	}
	free(from);
	g->announced = to;
	g->n_announced = to != NULL ? (unsigned)n : 0;
	return to != NULL ? 0 : -ENOMEM;
}

static void gateway_clear(struct bird_gateway *g)
{
	for (unsigned i = 0; i < g->n_sessions; i++)
		free((void *)g->session[i].withheld);
	free((void *)g->session);
	free((void *)g->announced);
}

int bgp_describe(const struct bgp_describe *d, unsigned shard,
		 int (*use)(void *ctx, const struct bird_config *c), void *ctx)
{
	struct bird_gateway *v = calloc(d->conf->n_border_gateways + 1u, sizeof(*v));
	struct bird_config c = { .interface = SHARD_INTERFACE, .gateway = v };
	int rc = v != NULL ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < d->conf->n_border_gateways; i++) {
		const struct conf_border_gateway *of = &d->conf->border_gateway[i];
		struct bird_gateway *g = &v[c.n_gateways];

		if (exception_shard_of(d->exception, of->id) != shard)
			continue;
		*g = (struct bird_gateway){ .table = of->id, .transit = of->transit };
		c.n_gateways++;
		rc = add_sessions(d, g, of);
		if (rc == 0 && g->n_sessions > 0)
			rc = add_announced(d, g);
		if (rc == 0 && g->n_sessions == 0) {
			gateway_clear(g);
			c.n_gateways--;
		}
	}
	if (rc == 0)
		rc = use(ctx, &c);
	for (unsigned i = 0; i < c.n_gateways; i++)
		gateway_clear(&v[i]);
	free(v);
	return rc;
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool same_tunnel(const struct conf_tunnel *a, const struct conf_tunnel *b)
{
	return prefix_equal(&a->inner, &b->inner) && addr_equal(&a->inner_peer, &b->inner_peer) &&
	       a->bgp_hold == b->bgp_hold && a->bgp_keepalive == b->bgp_keepalive &&
	       same_secret(a->bgp_password, b->bgp_password) && a->bfd == b->bfd &&
	       a->bfd_interval == b->bfd_interval && a->bfd_multiplier == b->bfd_multiplier &&
	       a->graceful_restart == b->graceful_restart &&
	       a->graceful_restart_time == b->graceful_restart_time &&
	       a->import_limit == b->import_limit && a->med_given == b->med_given &&
	       a->med == b->med && a->prepend == b->prepend && a->bgp_ipv4 == b->bgp_ipv4 &&
	       a->bgp_ipv6 == b->bgp_ipv6;
}

bool bgp_describe_same(const struct conf *a, const struct conf *b, uint32_t tunnel)
{
	const struct conf_vpn_connection *v = conf_tunnel_connection(a, tunnel);
	const struct conf_vpn_connection *w = conf_tunnel_connection(b, tunnel);

	return v != NULL && w != NULL && v->local_asn == w->local_asn &&
	       v->customer->asn == w->customer->asn && v->gateway->transit == w->gateway->transit &&
	       same_tunnel(conf_tunnel_at(a, tunnel), conf_tunnel_at(b, tunnel));
}

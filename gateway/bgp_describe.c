#include "gateway/bgp_describe.h"

#include <errno.h>
#include <stdlib.h>

/* One for all sessions, as BGP wants it: the first public IPv4 address. */
static uint32_t router_id(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_cloud_addresses; i++)
		if (c->cloud_address[i].family == ADDR_IPV4)
			return addr_to_ipv4(&c->cloud_address[i]);
	return 1;
}

static struct bird_session session_of(const struct bgp_describe *d, uint32_t index)
{
	const struct tunnel *t = &d->tunnels->v[index];
	const struct conf_tunnel *c = t->conf;

	return (struct bird_session){
		.tunnel = index,
		.connection = t->connection_index,
		.description = c->name,
		.local = c->inner.addr,
		.remote = c->inner_peer,
		.local_asn = t->connection->local_asn,
		.remote_asn = t->connection->customer->asn,
		.router_id = router_id(d->conf),
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
		.drain = d->draining[index],
	};
}

static int add_session(const struct bgp_describe *d, struct bird_gateway *g, struct bird_session *s,
		       uint32_t tunnel)
{
	struct prefix *withheld;
	size_t n;
	int rc;

	*s = session_of(d, tunnel);
	rc = tables_withheld(d->tables, g->table, s->connection, &withheld, &n);
	if (rc < 0)
		return rc;
	s->withheld = withheld;
	s->n_withheld = (unsigned)n;
	g->n_sessions++;
	return 0;
}

static int add_sessions(const struct bgp_describe *d, struct bird_gateway *g)
{
	const struct conf_border_gateway *conf = &d->conf->border_gateway[g->table];
	struct bird_session *v;
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t i = 0; i < d->tunnels->n; i++)
		n += d->tunnels->v[i].connection->bgp &&
		     d->tunnels->v[i].connection->gateway == conf;
	v = calloc(n + 1u, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	g->session = v;
	for (uint32_t i = 0; rc == 0 && i < d->tunnels->n; i++)
		if (d->tunnels->v[i].connection->bgp &&
		    d->tunnels->v[i].connection->gateway == conf)
			rc = add_session(d, g, &v[g->n_sessions], i);
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
		struct bird_gateway *g = &v[c.n_gateways];

		if (exception_shard_of(d->exception, i) != shard)
			continue;
		*g = (struct bird_gateway){ .table = i,
					    .transit = d->conf->border_gateway[i].transit };
		c.n_gateways++;
		rc = add_sessions(d, g);
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

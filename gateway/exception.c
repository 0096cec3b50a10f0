#include "gateway/exception.h"

#include "conf/number.h"
#include "gateway/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 64 /* packets of one shard in one turn of the loop */
/* Fits into ESP in UDP over IPv6 on a path of 1500 bytes with any algorithm. */
#define INNER_MTU 1380

struct room {
	struct exception *e;
	struct shard *shard;
	struct event *event;
	struct exception_stats stats;
};

/* A tunnel's inner addresses, and where they are. */
struct pair {
	struct addr local, peer;
	uint32_t shard, tunnel;
};

struct home { /* of a border gateway */
	uint32_t id, shard;
};

struct exception {
	struct event_base *base;
	struct dataplane *dp;
	unsigned n_rooms;
	struct room **room; /* by shard; NULL: none of that number */
	unsigned n_homes;
	struct home *home;	       /* of the border gateways, in the order of their numbers */
	char netns[CONF_DEVICE_BYTES]; /* of a BIRD that the operator runs; "": ours */
	unsigned n_pairs;
	struct pair *pair;
	unsigned n_tunnels;
	struct room **of_tunnel;
	struct exception_stats gone; /* of shards that are no more */
};

#define NAME(name, key, text) key,
static const char *const names[] = { EXCEPTION_DROPS(NAME) };
#undef NAME
#define TEXT(name, key, text) text,
static const char *const texts[] = { EXCEPTION_DROPS(TEXT) };
#undef TEXT

const char *exception_drop_name(enum exception_drop d)
{
	return names[d];
}

const char *exception_drop_text(enum exception_drop d)
{
	return texts[d];
}

/* ---- packets ------------------------------------------------------------------------------ */

static bool on_inner(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	struct exception *e = ctx;
	struct room *r = tunnel < e->n_tunnels ? e->of_tunnel[tunnel] : NULL;

	if (!r)
		return false;
	if (write(shard_fd(r->shard), ip, len) == (ssize_t)len) {
		r->stats.in_packets++;
		r->stats.in_bytes += len;
	} else {
		r->stats.drop[EXCEPTION_DROP_REFUSED]++;
	}
	return true;
}

static void send_out(struct room *r, const uint8_t *ip, size_t len)
{
	uint32_t tunnel;
	int rc = -EINVAL;

	if (shard_find(r->shard, ip, len, &tunnel))
		rc = dataplane_send_inner(r->e->dp, tunnel, ip, len);
	if (rc == 0) {
		r->stats.out_packets++;
		r->stats.out_bytes += len;
	} else if (rc == -EAGAIN) {
		r->stats.drop[EXCEPTION_DROP_RING_FULL]++;
	} else if (rc == -EMSGSIZE) {
		r->stats.drop[EXCEPTION_DROP_TOO_BIG]++;
	} else {
		r->stats.drop[EXCEPTION_DROP_NO_TUNNEL]++;
	}
}

/* Somebody deleted it. Its descriptor is ready for ever from then on, and the loop would spin. */
static void lose_device(struct room *r, int error)
{
	event_del(r->event);
	log_error("routing", NULL,
		  SHARD_INTERFACE " of a shard is gone (%s): inner addresses there neither speak "
				  "BGP nor answer pings until isthmusd is restarted",
		  strerror(error));
}

static void on_shard(evutil_socket_t fd, short what, void *ctx)
{
	struct room *r = ctx;
	uint8_t ip[INNER_MTU];

	for (unsigned i = 0; i < AT_ONCE; i++) {
		ssize_t n = read(fd, ip, sizeof(ip));

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			lose_device(r, errno);
		if (n <= 0)
			return;
		send_out(r, ip, (size_t)n);
	}
}

static const struct dataplane_main_ops main_ops = { .inner = on_inner };

/* ---- shards ------------------------------------------------------------------------------- */

static void add_stats(struct exception_stats *sum, const struct exception_stats *s)
{
	sum->in_packets += s->in_packets;
	sum->in_bytes += s->in_bytes;
	sum->out_packets += s->out_packets;
	sum->out_bytes += s->out_bytes;
	for (unsigned i = 0; i < EXCEPTION_DROP_COUNT; i++)
		sum->drop[i] += s->drop[i];
}

static void close_room(struct exception *e, unsigned shard)
{
	struct room *r = e->room[shard];

	if (!r)
		return;
	add_stats(&e->gone, &r->stats);
	if (r->event)
		event_free(r->event);
	shard_close(r->shard);
	free(r);
	e->room[shard] = NULL;
}

static int open_room(struct exception *e, unsigned shard, char *error, size_t error_size)
{
	struct room *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (!r)
		return rc;
	r->e = e;
	e->room[shard] = r;
	rc = shard_open(&r->shard, e->netns[0] ? e->netns : NULL, INNER_MTU, error, error_size);
	if (rc == 0) {
		r->event =
			event_new(e->base, shard_fd(r->shard), EV_READ | EV_PERSIST, on_shard, r);
		if (!r->event || event_add(r->event, NULL) < 0)
			rc = -ENOMEM;
	}
	if (rc < 0)
		close_room(e, shard);
	return rc;
}

static int open_rooms(struct exception *e, const struct home *home, unsigned n, uint32_t n_shards,
		      char *error, size_t error_size)
{
	int rc = 0;

	if (n_shards > e->n_rooms) {
		struct room **room = reallocarray(e->room, n_shards, sizeof(*room));

		if (!room)
			return -ENOMEM;
		memset(room + e->n_rooms, 0, (n_shards - e->n_rooms) * sizeof(*room));
		e->room = room;
		e->n_rooms = n_shards;
	}
	for (unsigned i = 0; rc == 0 && i < n; i++)
		if (home[i].shard != SHARD_NONE && !e->room[home[i].shard])
			rc = open_room(e, home[i].shard, error, error_size);
	return rc;
}

/* ---- from a model ------------------------------------------------------------------------- */

/* What a model asks for, built aside until all of it is known to be possible. */
struct wish {
	unsigned n_homes, n_pairs;
	struct home *home;
	struct pair *pair; /* by tunnel */
};

static int by_id(const void *va, const void *vb)
{
	const struct home *a = va, *b = vb;

	return a->id < b->id ? -1 : a->id > b->id;
}

/* The networks of each border gateway's tunnels. */
static void list_networks(const struct conf *c, struct shard_tenant *tenant, struct prefix *network)
{
	unsigned at = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		tenant[c->connection[i].gateway - c->border_gateway].n_networks +=
			c->connection[i].n_tunnels;
	for (unsigned i = 0; i < c->n_border_gateways; i++) {
		tenant[i].network = network + at;
		at += tenant[i].n_networks;
		tenant[i].n_networks = 0;
	}
	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *v = &c->connection[i];
		struct shard_tenant *t = &tenant[v->gateway - c->border_gateway];

		for (unsigned k = 0; k < v->n_tunnels; k++)
			network[t->network - network + t->n_networks++] =
				prefix_network(&v->tunnel[k].inner);
	}
}

static int assign(const struct exception *e, const struct conf *c, struct wish *w,
		  uint32_t *n_shards)
{
	struct shard_tenant *tenant = calloc(w->n_homes + 1, sizeof(*tenant));
	struct prefix *network = calloc(w->n_pairs + 1, sizeof(*network));
	int rc = -ENOMEM;

	if (!tenant || !network)
		goto out;
	list_networks(c, tenant, network);
	for (unsigned i = 0; i < w->n_homes; i++)
		tenant[i].shard = exception_shard_of(e, c->border_gateway[i].id);
	rc = shard_assign(tenant, w->n_homes, n_shards);
	for (unsigned i = 0; rc == 0 && i < w->n_homes; i++) {
		w->home[i].id = c->border_gateway[i].id;
		w->home[i].shard = tenant[i].shard;
	}
out:
	free(tenant);
	free(network);
	return rc;
}

static void list_pairs(const struct conf *c, struct wish *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *v = &c->connection[i];

		for (unsigned k = 0; k < v->n_tunnels; k++)
			w->pair[n++] = (struct pair){
				.local = v->tunnel[k].inner.addr,
				.peer = v->tunnel[k].inner_peer,
				.shard = w->home[v->gateway - c->border_gateway].shard,
				.tunnel = v->tunnel[k].id,
			};
	}
}

static int by_place(const void *va, const void *vb)
{
	const struct pair *a = va, *b = vb;
	int c;

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	c = addr_compare(&a->local, &b->local);
	return c != 0 ? c : addr_compare(&a->peer, &b->peer);
}

static void delete_pairs(struct exception *e, const struct wish *w)
{
	for (unsigned i = 0; i < e->n_pairs; i++) {
		const struct pair *p = &e->pair[i];

		if (e->room[p->shard] && !bsearch(p, w->pair, w->n_pairs, sizeof(*p), by_place))
			shard_pair_delete(e->room[p->shard]->shard, &p->local, &p->peer);
	}
}

static int add_pairs(struct exception *e, const struct wish *w, char *error, size_t error_size)
{
	char local[ADDR_STR_MAX], peer[ADDR_STR_MAX];
	int rc = 0;

	for (unsigned i = 0; i < w->n_pairs; i++) {
		const struct pair *p = &w->pair[i];
		struct room *r = e->room[p->shard];

		rc = shard_pair_add(r->shard, &p->local, &p->peer, p->tunnel);
		if (rc < 0) {
			snprintf(error, error_size, "inner addresses %s and %s: %s",
				 addr_format(&p->local, local), addr_format(&p->peer, peer),
				 strerror(-rc));
			return rc;
		}
		e->of_tunnel[p->tunnel] = r;
	}
	return 0;
}

static void close_empty(struct exception *e)
{
	for (unsigned i = 0; i < e->n_rooms; i++)
		if (e->room[i] && shard_pairs(e->room[i]->shard) == 0)
			close_room(e, i);
}

static unsigned count_tunnels(const struct conf *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		n += c->connection[i].n_tunnels;
	return n;
}

int exception_update(struct exception *e, const struct conf *c, char *error, size_t error_size)
{
	struct wish w = { .n_homes = c->n_border_gateways, .n_pairs = count_tunnels(c) };
	uint32_t n_tunnels = conf_numbers(c, CONF_TUNNEL), n_shards = 0;
	struct room **of_tunnel = calloc(n_tunnels + 1u, sizeof(*of_tunnel));
	int rc = -ENOMEM;

	snprintf(error, error_size, "out of memory");
	w.home = calloc(w.n_homes + 1, sizeof(*w.home));
	w.pair = calloc(w.n_pairs + 1, sizeof(*w.pair));
	if (!of_tunnel || !w.home || !w.pair)
		goto out;
	rc = assign(e, c, &w, &n_shards);
	if (rc == 0 && n_shards > 1 && c->bird.attach[0]) {
		snprintf(error, error_size,
			 "bird: attach: inner addresses of border gateways overlap, which needs a "
			 "BIRD for each");
		rc = -EINVAL;
	}
	if (rc == 0)
		rc = open_rooms(e, w.home, w.n_homes, n_shards, error, error_size);
	if (rc < 0)
		goto out;
	list_pairs(c, &w);
	qsort(w.pair, w.n_pairs, sizeof(*w.pair), by_place);
	qsort(w.home, w.n_homes, sizeof(*w.home), by_id);
	delete_pairs(e, &w);
	free(e->of_tunnel);
	e->of_tunnel = of_tunnel;
	e->n_tunnels = n_tunnels;
	of_tunnel = NULL;
	rc = add_pairs(e, &w, error, error_size);
	free(e->home);
	free(e->pair);
	e->home = w.home;
	e->n_homes = w.n_homes;
	e->pair = w.pair;
	e->n_pairs = w.n_pairs;
	w = (struct wish){ 0 };
	/* A namespace that the model before needs again has its BIRD in it still. */
	if (rc == 0)
		close_empty(e);
out:
	free(of_tunnel);
	free(w.home);
	free(w.pair);
	return rc;
}

/* ---- face --------------------------------------------------------------------------------- */

int exception_new(struct exception **out, struct event_base *base, struct dataplane *dp,
		  const struct conf *c, char *error, size_t error_size)
{
	struct exception *e = calloc(1, sizeof(*e));
	int rc;

	if (!e) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	e->base = base;
	e->dp = dp;
	if (c->bird.attach[0])
		memcpy(e->netns, c->bird.netns, sizeof(e->netns));
	rc = exception_update(e, c, error, error_size);
	if (rc < 0) {
		exception_free(e);
		return rc;
	}
	dataplane_main_register(dp, &main_ops, e);
	*out = e;
	return 0;
}

void exception_free(struct exception *e)
{
	if (!e)
		return;
	dataplane_main_register(e->dp, NULL, NULL);
	for (unsigned i = 0; i < e->n_rooms; i++)
		close_room(e, i);
	free(e->room);
	free(e->home);
	free(e->pair);
	free(e->of_tunnel);
	free(e);
}

unsigned exception_shards(const struct exception *e)
{
	return e->n_rooms;
}

struct shard *exception_shard(struct exception *e, unsigned shard)
{
	return shard < e->n_rooms && e->room[shard] ? e->room[shard]->shard : NULL;
}

uint32_t exception_shard_of(const struct exception *e, uint32_t border_gateway)
{
	struct home key = { .id = border_gateway };
	const struct home *h =
		e->n_homes ? bsearch(&key, e->home, e->n_homes, sizeof(key), by_id) : NULL;

	return h ? h->shard : SHARD_NONE;
}

void exception_stats(const struct exception *e, struct exception_stats *out)
{
	*out = e->gone;
	for (unsigned i = 0; i < e->n_rooms; i++)
		if (e->room[i])
			add_stats(out, &e->room[i]->stats);
}

void exception_shard_stats(const struct exception *e, unsigned shard, struct exception_stats *out)
{
	*out = (struct exception_stats){ 0 };
	if (shard < e->n_rooms && e->room[shard])
		*out = e->room[shard]->stats;
}

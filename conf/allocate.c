/* Inner tunnel addresses: those given are unique within their border gateway, the others come out
 * of 169.254.0.0/20: what a tunnel had before it has again, the others follow in the order of the
 * file. As long as there are enough, no two border gateways get the same: then they can share a
 * routing shard, which is one BIRD. */
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#define POOL_BASE 0xa9fe0000u /* 169.254.0.0 */
#define POOL_BITS 20
#define POOL_NETS (1u << (30 - POOL_BITS)) /* each a /30 */

struct pool {
	bool used[POOL_NETS]; /* by this border gateway */
	bool used_by_any[POOL_NETS];
};

static int tunnels_of(const struct conf *c, const struct conf_border_gateway *g,
		      int (*fn)(void *ctx, struct conf_vpn_connection *v, struct conf_tunnel *t),
		      void *ctx)
{
	int err = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		for (unsigned n = 0;
		     c->connection[i].gateway == g && n < c->connection[i].n_tunnels; n++)
			if ((err = fn(ctx, &c->connection[i], &c->connection[i].tunnel[n])) != 0)
				return err;
	return 0;
}

struct work {
	struct check *k;
	struct pool *pool;
	struct index given; /* struct addr of the network, of struct conf_tunnel */
	struct addr *keys;
	unsigned n_keys;
};

static int count_given(void *ctx, struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	((struct work *)ctx)->n_keys += t->inner_given;
	return 0;
}

static int take_given(void *ctx, struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	struct work *w = ctx;
	struct addr *net = &w->keys[w->n_keys];
	uint32_t offset;

	if (!t->inner_given)
		return 0;
	*net = prefix_first(&t->inner);
	w->n_keys++;
	check_index(w->k, &w->given, net, sizeof(*net), t);
	offset = net->family == ADDR_IPV4 ? addr_to_ipv4(net) - POOL_BASE : UINT32_MAX;
	if (offset / 4 < POOL_NETS)
		w->pool->used[offset / 4] = w->pool->used_by_any[offset / 4] = true;
	return 0;
}

/* POOL_NETS: there is none left. */
static unsigned next_net(const struct pool *p)
{
	unsigned any = POOL_NETS;

	for (unsigned i = 0; i < POOL_NETS; i++) {
		if (!p->used_by_any[i])
			return i;
		if (!p->used[i] && any == POOL_NETS)
			any = i;
	}
	return any;
}

/* What the tunnel had before it has again, if nobody else was given it meanwhile. */
static int take_again(void *ctx, struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	struct work *w = ctx;
	struct addr net = prefix_first(&t->inner);
	uint32_t offset = net.family == ADDR_IPV4 ? addr_to_ipv4(&net) - POOL_BASE : UINT32_MAX;

	if (t->inner_given || t->inner.addr.family == ADDR_NONE)
		return 0;
	if (offset / 4 < POOL_NETS && !w->pool->used[offset / 4]) {
		w->pool->used[offset / 4] = w->pool->used_by_any[offset / 4] = true;
		return 0;
	}
	t->inner = (struct prefix){ 0 };
	t->inner_peer = (struct addr){ 0 };
	return 0;
}

static int allocate(void *ctx, struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	struct work *w = ctx;
	unsigned i = next_net(w->pool);
	uint32_t net = POOL_BASE + 4 * i;

	if (t->inner.addr.family != ADDR_NONE)
		return 0;
	if (i == POOL_NETS) {
		struct label label = check_label_tunnel(v, t);

		check_problem(w->k, PROBLEM_ERROR, &label, t->where, NULL,
			      "inner is missing, and border_gateway '%s' has used up "
			      "169.254.0.0/20: give one",
			      v->border_gateway_name);
		return -1; /* once is enough */
	}
	w->pool->used[i] = w->pool->used_by_any[i] = true;
	t->inner_peer = addr_ipv4(net + 1);
	t->inner = (struct prefix){ .addr = addr_ipv4(net + 2), .len = 30 };
	return 0;
}

static void report_twins(struct work *w)
{
	index_sort(&w->given);
	for (size_t i = 1; i < w->given.n; i++) {
		const struct index_entry *twin = index_twin(&w->given, i);
		const struct conf_tunnel *t = w->given.v[i].object;
		struct label label = check_label("tunnel", t->name);
		char text[PREFIX_STR_MAX];

		if (twin != NULL)
			check_problem(w->k, PROBLEM_ERROR, &label, t->where, &t->inner,
				      "inner = '%s': tunnel '%s' of the same border_gateway uses "
				      "this network",
				      prefix_format(&t->inner, text),
				      ((const struct conf_tunnel *)twin->object)->name);
	}
}

/* Those of the whole file that are given, so that nobody else gets them. */
static void mark_given(const struct check *k, struct pool *pool)
{
	for (unsigned i = 0; i < k->c->n_connections; i++) {
		const struct conf_vpn_connection *v = &k->c->connection[i];

		for (unsigned n = 0; n < v->n_tunnels; n++) {
			struct addr net = prefix_first(&v->tunnel[n].inner);
			uint32_t offset = net.family == ADDR_IPV4 ? addr_to_ipv4(&net) - POOL_BASE
								  : UINT32_MAX;

			if (v->tunnel[n].inner_given && offset / 4 < POOL_NETS)
				pool->used_by_any[offset / 4] = true;
		}
	}
}

void check_inner(struct check *k)
{
	struct pool pool = { 0 };

	mark_given(k, &pool);
	for (unsigned i = 0; i < k->c->n_border_gateways; i++) {
		const struct conf_border_gateway *g = &k->c->border_gateway[i];
		struct work w = { .k = k, .pool = &pool };

		memset(pool.used, 0, sizeof(pool.used));
		tunnels_of(k->c, g, count_given, &w);
		w.keys = calloc(w.n_keys + 1u, sizeof(*w.keys));
		k->no_memory = k->no_memory || w.keys == NULL;
		w.n_keys = 0;
		if (w.keys != NULL)
			tunnels_of(k->c, g, take_given, &w);
		report_twins(&w);
		tunnels_of(k->c, g, take_again, &w);
		tunnels_of(k->c, g, allocate, &w);
		index_clear(&w.given);
		free(w.keys);
	}
}

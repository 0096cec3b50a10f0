/* A connection's cloud addresses and, unless it lists its own, its tunnels.
 *
 * Each connection gets two addresses of the pool, so that one may fail. The first tunnels are two,
 * c1-k1 and c2-k1 or c2-k2, and four for a customer with four addresses: c1-k1, c1-k2, c2-k3,
 * c2-k4.
 */
#include "conf/check.h"
#include "conf/name.h"
#include "conf/parse.h"
#include "conf/psk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOUD_WANTED 2

static bool has(const struct addr *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_equal(&list[i], a))
			return true;
	return false;
}

static bool is_cloud(const struct conf_vpn_connection *v, const struct addr *a)
{
	return has(v->cloud, v->n_cloud, a);
}

static void add_cloud(struct conf_vpn_connection *v, const struct addr *a)
{
	if (v->n_cloud < CONF_CLOUD_MAX && a->family != ADDR_NONE && !is_cloud(v, a))
		v->cloud[v->n_cloud++] = *a;
}

/* Does another connection join a with one of this one's customer's addresses? */
static bool is_joined(const struct conf *c, const struct conf_vpn_connection *v,
		      const struct addr *a)
{
	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *o = &c->connection[i];

		if (o == v || o->customer == NULL || !is_cloud(o, a))
			continue;
		for (unsigned k = 0; k < v->customer->n_addresses; k++)
			if (has(o->customer->address, o->customer->n_addresses,
				&v->customer->address[k]))
				return true;
	}
	return false;
}

/* How many connections have each address of the pool. */
static unsigned *count_uses(const struct conf *c)
{
	unsigned *uses = calloc(c->n_cloud_addresses + 1u, sizeof(*uses));

	for (unsigned i = 0; uses != NULL && i < c->n_connections; i++)
		for (unsigned n = 0; n < c->n_cloud_addresses; n++)
			uses[n] += is_cloud(&c->connection[i], &c->cloud_address[n]);
	return uses;
}

/* The least used address that v may have; the pool's size: there is none. */
static unsigned next_cloud(const struct conf *c, const struct conf_vpn_connection *v,
			   const unsigned *uses)
{
	unsigned best = c->n_cloud_addresses;

	for (unsigned i = 0; i < c->n_cloud_addresses; i++) {
		const struct addr *a = &c->cloud_address[i];

		if (a->family == v->customer->address[0].family && !is_cloud(v, a) &&
		    (best == c->n_cloud_addresses || uses[i] < uses[best]) && !is_joined(c, v, a))
			best = i;
	}
	return best;
}

/* What it had before, as far as that is still ours; of one that lists its tunnels, without what
 * another one's tunnels claim now. */
static void take_again(const struct conf *c, struct conf_vpn_connection *v,
		       const struct conf_vpn_connection *was)
{
	for (unsigned i = 0; was != NULL && !v->cloud_given && i < was->n_cloud; i++)
		if (v->n_cloud < CLOUD_WANTED &&
		    has(c->cloud_address, c->n_cloud_addresses, &was->cloud[i]) &&
		    !(v->tunnels_given && v->customer != NULL && is_joined(c, v, &was->cloud[i])))
			add_cloud(v, &was->cloud[i]);
}

static void take_cloud(struct check *k)
{
	struct conf *c = k->c;
	unsigned *uses;

	/* Those that are said come first: nobody else shall be given them. */
	for (unsigned i = 0; i < c->n_connections; i++)
		for (unsigned n = 0;
		     !c->connection[i].cloud_given && n < c->connection[i].n_tunnels; n++)
			add_cloud(&c->connection[i], &c->connection[i].tunnel[n].cloud_ip);
	for (unsigned i = 0; i < c->n_connections; i++)
		take_again(c, &c->connection[i], check_connection_before(k, c->connection[i].name));
	uses = count_uses(c);
	if (uses == NULL) {
		k->no_memory = true;
		return;
	}
	for (unsigned i = 0; i < c->n_connections; i++) {
		struct conf_vpn_connection *v = &c->connection[i];

		while (!v->cloud_given && v->customer != NULL && v->customer->n_addresses > 0 &&
		       v->n_cloud < CLOUD_WANTED) {
			unsigned n = next_cloud(c, v, uses);

			if (n == c->n_cloud_addresses)
				break;
			add_cloud(v, &c->cloud_address[n]);
			uses[n]++;
		}
	}
	free(uses);
}

static void check_cloud(struct check *k, const struct conf_vpn_connection *v)
{
	struct label label = check_label("vpn_connection", v->name);
	const struct conf *c = k->c;
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; v->cloud_given && i < v->n_cloud; i++)
		if (!has(c->cloud_address, c->n_cloud_addresses, &v->cloud[i]) &&
		    (k->unread & UNREAD_CLOUD_ADDRESSES) == 0 &&
		    places_find(k->places, &v->cloud[i]) != 0)
			check_problem(k, PROBLEM_ERROR, &label, v->where, &v->cloud[i],
				      "cloud_addresses: '%s' is not one of the gateway's "
				      "cloud_addresses",
				      addr_format(&v->cloud[i], text));
}

/* ---- tunnels ------------------------------------------------------------------------------ */

static bool name_tunnel(struct check *k, const struct conf_vpn_connection *v, struct conf_tunnel *t,
			unsigned *number)
{
	char name[CONF_NAME_BYTES + 12];

	do
		snprintf(name, sizeof(name), "%s-%u", v->name, ++*number);
	while (index_find(&k->names[CHECK_TUNNEL], name, strlen(name)) != NULL);
	if (name_fault(name) != NULL)
		return false;
	strcpy(t->name, name);
	return true;
}

/* Which of the customer's addresses is joined with cloud address c by tunnel i; the pairs of a
 * customer with four are c1-k1, c1-k2, c2-k3, c2-k4. */
static unsigned customer_of(unsigned n_addresses, unsigned i)
{
	return n_addresses == 1 ? 0 : i;
}

static unsigned cloud_of(const struct conf_vpn_connection *v, unsigned n_tunnels, unsigned i)
{
	unsigned half = n_tunnels > 2 ? n_tunnels / 2 : 1;

	return i / half < v->n_cloud ? i / half : v->n_cloud - 1;
}

static void fill(struct check *k, struct conf_vpn_connection *v)
{
	struct label label = check_label("vpn_connection", v->name);
	unsigned n = v->customer->n_addresses == 4 ? 4 : 2, number = 0;

	if (v->n_cloud == 0) {
		check_problem(k, PROBLEM_ERROR, &label, v->where, v->name,
			      "no cloud address is left for it: every one is joined with customer "
			      "gateway '%s' by another connection, or of another family",
			      v->customer->name);
		return;
	}
	if (v->customer->n_addresses == 1 && v->n_cloud == 1)
		n = 1;
	v->tunnel = calloc(n, sizeof(*v->tunnel));
	if (v->tunnel == NULL) {
		k->no_memory = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct conf_tunnel *t = &v->tunnel[i];

		t->where = v->where;
		parse_tunnel.begin(t, i > 0 ? v->tunnel : NULL);
		t->cloud_ip = v->cloud[cloud_of(v, n, i)];
		t->customer_ip = v->customer->address[customer_of(v->customer->n_addresses, i)];
		parse_connection_selectors(v, t);
		if (!name_tunnel(k, v, t, &number)) {
			check_problem(k, PROBLEM_ERROR, &label, v->where, v->name,
				      "the name is too long to name tunnels after it: list tunnels "
				      "with names of their own");
			break;
		}
		v->n_tunnels = i + 1;
	}
}

void check_layout(struct check *k)
{
	struct conf *c = k->c;

	take_cloud(k);
	for (unsigned i = 0; i < c->n_connections; i++) {
		struct conf_vpn_connection *v = &c->connection[i];
		unsigned had = v->n_tunnels;

		check_cloud(k, v);
		if (v->tunnels_given || v->customer == NULL || v->customer->n_addresses == 0 ||
		    (k->unread & UNREAD_CLOUD_ADDRESSES) != 0)
			continue;
		fill(k, v);
		for (unsigned n = had; n < v->n_tunnels; n++)
			check_index(k, &k->names[CHECK_TUNNEL], v->tunnel[n].name,
				    strlen(v->tunnel[n].name), &v->tunnel[n]);
		index_sort(&k->names[CHECK_TUNNEL]);
	}
}

const char *conf_redundancy_lacks(const struct conf_vpn_connection *v,
				  bool (*is_up)(const void *ctx, const struct conf_tunnel *t),
				  const void *ctx)
{
	unsigned up[2] = { 0, 0 };
	bool apart = false;

	if (v->customer->n_addresses < 2)
		return "the customer gateway has one address";
	if (v->n_cloud < 2)
		return "it has one cloud address";
	for (unsigned i = 0; i < v->n_tunnels; i++) {
		const struct conf_tunnel *t = &v->tunnel[i];

		for (unsigned a = 0; a < 2; a++)
			up[a] += addr_equal(&t->cloud_ip, &v->cloud[a]) && is_up(ctx, t);
		for (unsigned k = 0; k < i; k++)
			apart = apart || (!addr_equal(&t->cloud_ip, &v->tunnel[k].cloud_ip) &&
					  !addr_equal(&t->customer_ip, &v->tunnel[k].customer_ip));
	}
	if (!apart)
		return "no tunnels of both cloud addresses lead to different customer addresses";
	return up[0] == 0   ? "no tunnel of its first cloud address is UP"
	       : up[1] == 0 ? "no tunnel of its second cloud address is UP"
			    : NULL;
}

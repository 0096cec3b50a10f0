/* Customer gateways, VPN connections, tunnels and the inner addresses that we choose. */
#include "conf/check.h"
#include "conf/parse.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool in_pool(const struct conf *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->n_cloud_addresses; i++)
		if (addr_equal(&c->cloud_address[i], a))
			return true;
	return false;
}

static void check_customer(struct check *k, const struct conf_customer_gateway *g)
{
	struct label label = check_label("customer_gateway", g->name);
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; i < g->n_addresses; i++) {
		const struct addr *a = &g->address[i];

		if (index_find(&k->own, a, sizeof(*a)) != NULL || in_pool(k->c, a))
			check_problem(k, PROBLEM_ERROR, &label, g->where, a,
				      "addresses: '%s' is our own address", addr_format(a, text));
		else if (!check_reachable(k, a))
			check_problem(k, PROBLEM_ERROR, &label, g->where, a,
				      "addresses: '%s' is on no port's network, and no port has a "
				      "next_hop",
				      addr_format(a, text));
	}
}

static void check_selectors(struct check *k, const struct conf_vpn_connection *v)
{
	struct label label = check_label("vpn_connection", v->name);
	uint8_t local = v->local_subnet.addr.family;
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (unsigned i = 0; i < v->n_remote_subnets; i++) {
		const struct prefix *p = &v->remote_subnet[i];

		if (local != ADDR_NONE && p->addr.family != local)
			check_problem(k, PROBLEM_ERROR, &label, v->where, p,
				      "remote_subnets: '%s' is not of local_subnet's family",
				      prefix_format(p, text));
		for (unsigned n = 0; n < i; n++)
			if (prefix_overlaps(p, &v->remote_subnet[n]))
				check_problem(k, PROBLEM_ERROR, &label, v->where, p,
					      "remote_subnets: '%s' overlaps '%s'",
					      prefix_format(p, text),
					      prefix_format(&v->remote_subnet[n], other));
	}
}

static bool of_customer(const struct conf_customer_gateway *g, const struct addr *a)
{
	for (unsigned i = 0; i < g->n_addresses; i++)
		if (addr_equal(&g->address[i], a))
			return true;
	return false;
}

static bool of_connection(const struct conf_vpn_connection *v, const struct addr *a)
{
	for (unsigned i = 0; i < v->n_cloud; i++)
		if (addr_equal(&v->cloud[i], a))
			return true;
	return false;
}

static void check_ends(struct check *k, const struct conf_vpn_connection *v,
		       const struct conf_tunnel *t, const struct label *label)
{
	const struct addr *cloud = &t->cloud_ip, *customer = &t->customer_ip;
	char text[ADDR_STR_MAX];

	if (cloud->family != ADDR_NONE && !in_pool(k->c, cloud) &&
	    (k->unread & UNREAD_CLOUD_ADDRESSES) == 0)
		check_problem(k, PROBLEM_ERROR, label, t->where, cloud,
			      "cloud_ip = '%s': is not one of cloud_addresses",
			      addr_format(cloud, text));
	else if (cloud->family != ADDR_NONE && v->cloud_given && !of_connection(v, cloud))
		check_problem(k, PROBLEM_ERROR, label, t->where, cloud,
			      "cloud_ip = '%s': is not one of the connection's cloud_addresses",
			      addr_format(cloud, text));
	if (customer->family == ADDR_NONE)
		return;
	/* Without any address its own mistake is reported already. */
	if (v->customer != NULL && v->customer->n_addresses > 0 &&
	    !of_customer(v->customer, customer))
		check_problem(k, PROBLEM_ERROR, label, t->where, customer,
			      "customer_ip = '%s': is not an address of customer_gateway '%s'",
			      addr_format(customer, text), v->customer->name);
	if (cloud->family != ADDR_NONE && cloud->family != customer->family)
		check_problem(k, PROBLEM_ERROR, label, t->where, customer,
			      "customer_ip = '%s': is not of cloud_ip's family",
			      addr_format(customer, text));
}

static void check_inner_vpc(struct check *k, const struct conf_vpn_connection *v,
			    const struct conf_tunnel *t, const struct label *label)
{
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (unsigned i = 0; i < k->c->n_attachments; i++) {
		const struct conf_vpc *vpc = k->c->attachment[i].vpc;

		if (k->c->attachment[i].gateway != v->gateway || vpc == NULL)
			continue;
		for (unsigned p = 0; p < vpc->n_prefixes; p++)
			if (prefix_overlaps(&vpc->prefix[p], &t->inner))
				check_problem(k, PROBLEM_ERROR, label, t->where, &t->inner,
					      "inner = '%s': overlaps %s of the attached vpc '%s'",
					      prefix_format(&t->inner, text),
					      prefix_format(&vpc->prefix[p], other), vpc->name);
	}
}

static void check_inner_vpcs(struct check *k, const struct conf_vpn_connection *v)
{
	for (unsigned i = 0; v->gateway != NULL && i < v->n_tunnels; i++) {
		struct label label = check_label_tunnel(v, &v->tunnel[i]);

		if (v->tunnel[i].inner.addr.family != ADDR_NONE)
			check_inner_vpc(k, v, &v->tunnel[i], &label);
	}
}

static void check_asns(struct check *k, struct conf_vpn_connection *v, const struct label *label)
{
	bool own = v->local_asn != 0;

	if (!own && v->gateway != NULL)
		v->local_asn = v->gateway->asn;
	if (v->customer == NULL || v->local_asn == 0)
		return;
	if (v->customer->asn == v->local_asn && own)
		check_problem(k, PROBLEM_ERROR, label, v->where, &v->local_asn,
			      "local_asn = %u: is the ASN of customer_gateway '%s'; they must "
			      "differ",
			      v->local_asn, v->customer->name);
	else if (v->customer->asn == v->local_asn)
		check_problem(k, PROBLEM_ERROR, label, v->where, v->customer_gateway_name,
			      "customer_gateway '%s' has the ASN of border_gateway '%s', %u; they "
			      "must differ",
			      v->customer->name, v->gateway->name, v->gateway->asn);
	if (v->bgp && !v->customer->asn_given)
		check_problem(k, PROBLEM_ERROR, label, v->where, v->customer_gateway_name,
			      "customer_gateway '%s' has no asn, which BGP needs: give it one, or "
			      "write bgp = false here",
			      v->customer->name);
}

static bool selects(const struct prefix *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_contains(&list[i], a))
			return true;
	return n == 0;
}

/* BGP's own packets are the tunnel's traffic too. */
static void check_bgp_selected(struct check *k, const struct conf_vpn_connection *v)
{
	for (unsigned i = 0; i < v->n_tunnels; i++) {
		const struct conf_tunnel *t = &v->tunnel[i];
		struct label label = check_label_tunnel(v, t);
		char local[ADDR_STR_MAX], peer[ADDR_STR_MAX];

		if (t->inner.addr.family == ADDR_NONE ||
		    (selects(t->ts_local, t->n_ts_local, &t->inner.addr) &&
		     selects(t->ts_remote, t->n_ts_remote, &t->inner_peer)))
			continue;
		check_problem(
			k, PROBLEM_ERROR, &label, v->where,
			t->n_ts_local > 0 ? &v->local_subnet : v->remote_subnet,
			"local_subnet and remote_subnets do not let BGP from %s to %s through "
			"the tunnel: leave them out, or write bgp = false",
			addr_format(&t->inner.addr, local), addr_format(&t->inner_peer, peer));
	}
}

static void check_connection(struct check *k, struct conf_vpn_connection *v)
{
	struct label label = check_label("vpn_connection", v->name);

	v->gateway = check_find(k, CHECK_GATEWAY, &label, v->where, "border_gateway",
				v->border_gateway_name);
	v->customer = check_find(k, CHECK_CUSTOMER, &label, v->where, "customer_gateway",
				 v->customer_gateway_name);
	check_asns(k, v, &label);
	check_selectors(k, v);
}

static void check_tunnels(struct check *k, struct conf_vpn_connection *v)
{
	for (unsigned i = 0; i < v->n_tunnels; i++) {
		struct conf_tunnel *t = &v->tunnel[i];
		struct label of_tunnel = check_label_tunnel(v, t);

		check_ends(k, v, t, &of_tunnel);
		check_choices(k, v, t);
		if (t->local_id.len == 0 && t->cloud_ip.family != ADDR_NONE)
			t->local_id = conf_id_address(&t->cloud_ip);
		if (t->remote_id.len == 0 && t->customer_ip.family != ADDR_NONE)
			t->remote_id = conf_id_address(&t->customer_ip);
		if (!t->bgp_ipv4 && !t->bgp_ipv6) { /* an inner address that we choose is IPv4 */
			t->bgp_ipv6 = t->inner.addr.family == ADDR_IPV6;
			t->bgp_ipv4 = !t->bgp_ipv6;
		}
	}
}

/* Two tunnels between the same two addresses could not be told apart. */
static void check_pairs(struct check *k)
{
	struct index x = { 0 };

	for (unsigned i = 0; i < k->c->n_connections; i++) {
		const struct conf_vpn_connection *v = &k->c->connection[i];

		for (unsigned n = 0; n < v->n_tunnels; n++) {
			const struct conf_tunnel *t = &v->tunnel[n];

			/* The two addresses lie side by side and are one key. */
			if (t->cloud_ip.family != ADDR_NONE && t->customer_ip.family != ADDR_NONE)
				check_index(k, &x, &t->cloud_ip, 2 * sizeof(struct addr), t);
		}
	}
	index_sort(&x);
	for (size_t i = 1; i < x.n; i++) {
		const struct index_entry *twin = index_twin(&x, i);
		const struct conf_tunnel *t = x.v[i].object;
		struct label label = check_label("tunnel", t->name);
		char cloud[ADDR_STR_MAX], customer[ADDR_STR_MAX];

		if (twin != NULL)
			check_problem(
				k, PROBLEM_ERROR, &label, t->where, &t->cloud_ip,
				"tunnel '%s'%s already joins %s and %s",
				((const struct conf_tunnel *)twin->object)->name,
				check_line(k,
					   ((const struct conf_tunnel *)twin->object)->where.line)
					.text,
				addr_format(&t->cloud_ip, cloud),
				addr_format(&t->customer_ip, customer));
	}
	index_clear(&x);
}
static_assert(offsetof(struct conf_tunnel, customer_ip) ==
		      offsetof(struct conf_tunnel, cloud_ip) + sizeof(struct addr),
	      "cloud_ip and customer_ip are one key");

/* ---- pairs of connections ---------------------------------------------------------------- */

/* A connection's cloud address and an address of its customer, which no other may join. */
struct claim {
	struct {
		struct addr cloud, customer;
	} pair; /* the key */
	const struct conf_vpn_connection *by;
	const struct addr *at; /* the connection's own: its place */
};

static size_t claims_of(const struct conf_vpn_connection *v)
{
	return v->customer != NULL ? (size_t)v->n_cloud * v->customer->n_addresses : 0;
}

static bool share_tunnel_ends(const struct conf_vpn_connection *a,
			      const struct conf_vpn_connection *b)
{
	for (unsigned i = 0; i < a->n_tunnels; i++)
		for (unsigned n = 0; n < b->n_tunnels; n++)
			if (addr_equal(&a->tunnel[i].cloud_ip, &b->tunnel[n].cloud_ip) &&
			    addr_equal(&a->tunnel[i].customer_ip, &b->tunnel[n].customer_ip))
				return true;
	return false;
}

static void report_claim(struct check *k, const struct claim *c, const struct claim *first)
{
	struct label label = check_label("vpn_connection", c->by->name);
	unsigned line = places_find(k->places, first->at);
	char cloud[ADDR_STR_MAX], customer[ADDR_STR_MAX];

	check_problem(k, PROBLEM_ERROR, &label, c->by->where, c->at,
		      "cloud address %s is joined with the customer's address %s already by "
		      "vpn_connection '%s'%s",
		      addr_format(&c->pair.cloud, cloud), addr_format(&c->pair.customer, customer),
		      first->by->name,
		      check_line(k, line != 0 ? line : first->by->where.line).text);
}

/* Two connections on one pair: a peer that calls there could be either's. Two that have a tunnel
 * each on it are told at their tunnels. */
static void check_claims(struct check *k)
{
	const struct conf_vpn_connection *told = NULL;
	struct index x = { 0 };
	struct claim *v;
	size_t n = 0;

	for (unsigned i = 0; i < k->c->n_connections; i++)
		n += claims_of(&k->c->connection[i]);
	v = calloc(n + 1, sizeof(*v));
	if (v == NULL) {
		k->no_memory = true;
		return;
	}
	n = 0;
	for (unsigned i = 0; i < k->c->n_connections; i++) {
		const struct conf_vpn_connection *by = &k->c->connection[i];
		size_t end = n + claims_of(by);

		for (unsigned a = 0; n < end; n++, a++) {
			const struct addr *at = &by->cloud[a / by->customer->n_addresses];

			v[n] = (struct claim){ .by = by, .at = at };
			v[n].pair.cloud = *at;
			v[n].pair.customer = by->customer->address[a % by->customer->n_addresses];
			check_index(k, &x, &v[n].pair, sizeof(v[n].pair), &v[n]);
		}
	}
	index_sort(&x);
	for (size_t i = 0; i < n; i++) { /* in the order of the file, each connection once */
		const struct claim *first = index_find(&x, &v[i].pair, sizeof(v[i].pair))->object;

		if (first->by == v[i].by || told == v[i].by ||
		    share_tunnel_ends(first->by, v[i].by))
			continue;
		told = v[i].by;
		report_claim(k, &v[i], first);
	}
	index_clear(&x);
	free(v);
}

void check_vpn(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_customer_gateways; i++)
		check_customer(k, &k->c->customer_gateway[i]);
	for (unsigned i = 0; i < k->c->n_connections; i++)
		check_connection(k, &k->c->connection[i]);
	check_layout(k);
	for (unsigned i = 0; i < k->c->n_connections; i++)
		check_tunnels(k, &k->c->connection[i]);
	check_pairs(k);
	check_claims(k);
	check_inner(k);
	for (unsigned i = 0; i < k->c->n_connections; i++) {
		check_inner_vpcs(k, &k->c->connection[i]);
		if (k->c->connection[i].bgp)
			check_bgp_selected(k, &k->c->connection[i]);
	}
}

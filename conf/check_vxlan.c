/* A VXLAN network's ends, and which of them its hosts are behind. */
#include "conf/check.h"
#include "conf/parse.h"

#include <string.h>

/* An end that is not ours. at: the part of the model that names it. */
static void check_end(struct check *k, const struct conf_vpc_attachment *a,
		      const struct label *label, struct conf_where where, const char *field,
		      const struct addr *r)
{
	const struct addr *l = &a->local_vtep;
	char text[ADDR_STR_MAX];

	if (r->family == ADDR_NONE)
		return;
	addr_format(r, text);
	if (l->family != ADDR_NONE && l->family != r->family)
		check_problem(k, PROBLEM_ERROR, label, where, r,
			      "%s = '%s': is not of local_vtep's family", field, text);
	else if (index_find(&k->own, r, sizeof(*r)) != NULL)
		check_problem(k, PROBLEM_ERROR, label, where, r, "%s = '%s': is our own address",
			      field, text);
	else if (!check_reachable(k, r))
		check_problem(k, PROBLEM_ERROR, label, where, r,
			      "%s = '%s': is on no port's network, and no port has a next_hop",
			      field, text);
}

/* Part of a network of ours: the routes to whole ones are made from the VPC's prefixes. */
static bool is_part(const struct prefix *list, unsigned n, const struct prefix *p)
{
	for (unsigned i = 0; i < n; i++) {
		struct prefix net = prefix_network(&list[i]);

		if (prefix_covers(&net, p) && p->len > net.len)
			return true;
	}
	return n == 0;
}

static void check_host(struct check *k, const struct conf_vpc_attachment *a,
		       const struct label *label, const struct conf_vxlan_host *h)
{
	char text[PREFIX_STR_MAX];

	if (h->address.addr.family == ADDR_NONE)
		return;
	prefix_format(&h->address, text);
	check_end(k, a, label, h->where, "hosts: vtep", &h->vtep);
	if (a->vpc != NULL && !is_part(a->vpc->prefix, a->vpc->n_prefixes, &h->address))
		check_problem(k, PROBLEM_ERROR, label, h->where, &h->address,
			      "hosts: '%s' is no part of one of the prefixes of vpc '%s'", text,
			      a->vpc->name);
	else if (!is_part(a->address, a->n_addresses, &h->address))
		check_problem(k, PROBLEM_ERROR, label, h->where, &h->address,
			      "hosts: '%s' is no part of the network of one of our addresses",
			      text);
	for (unsigned i = 0; i < a->n_addresses; i++) {
		struct prefix own = prefix_host(&a->address[i].addr);

		if (prefix_equal(&own, &h->address))
			check_problem(k, PROBLEM_ERROR, label, h->where, &h->address,
				      "hosts: '%s' is our own address", text);
	}
}

static void check_twins(struct check *k, const struct conf_vpc_attachment *a,
			const struct label *label)
{
	struct index x = { 0 };

	for (unsigned i = 0; i < a->n_hosts; i++)
		if (a->host[i].address.addr.family != ADDR_NONE)
			check_index(k, &x, &a->host[i].address, sizeof(a->host[i].address),
				    &a->host[i]);
	index_sort(&x);
	for (size_t i = 1; i < x.n; i++) {
		const struct index_entry *twin = index_twin(&x, i);
		const struct conf_vxlan_host *h = x.v[i].object;
		char text[PREFIX_STR_MAX];

		if (twin != NULL)
			check_problem(k, PROBLEM_ERROR, label, h->where, &h->address,
				      "hosts: '%s' is already on line %u",
				      prefix_format(&h->address, text),
				      ((const struct conf_vxlan_host *)twin->object)->where.line);
	}
	index_clear(&x);
}

void check_vxlan(struct check *k, const struct conf_vpc_attachment *a, const struct label *label)
{
	const struct addr *l = &a->local_vtep;
	bool own = a->port->n_addresses == 0;
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; i < a->port->n_addresses; i++)
		own = own || addr_equal(&a->port->address[i].addr, l);
	if (l->family != ADDR_NONE && !own)
		check_problem(k, PROBLEM_ERROR, label, a->where, l,
			      "local_vtep = '%s': is not an address of port '%s'",
			      addr_format(l, text), a->port->name);
	check_end(k, a, label, a->where, "remote_vtep", &a->remote_vtep);
	for (unsigned i = 0; i < a->n_hosts; i++)
		check_host(k, a, label, &a->host[i]);
	check_twins(k, a, label);
}

bool check_same_hosts(const struct conf_vpc_attachment *a, const struct conf_vpc_attachment *b)
{
	if (a->n_hosts != b->n_hosts)
		return false;
	for (unsigned i = 0; i < a->n_hosts; i++)
		if (!prefix_equal(&a->host[i].address, &b->host[i].address) ||
		    !addr_equal(&a->host[i].vtep, &b->host[i].vtep) ||
		    memcmp(a->host[i].mac, b->host[i].mac, sizeof(a->host[i].mac)) != 0)
			return false;
	return true;
}

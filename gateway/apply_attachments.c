/* VPCs' networks on the ports, and their attachments to border gateways. */
#include "gateway/apply_core.h"

#include "conf/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct applied *a, int rc, const struct conf_vpc_attachment *t)
{
	return apply_fail(a, rc, "vpc_attachment of vpc '%s' to border_gateway '%s'", t->vpc_name,
			  t->border_gateway_name);
}

/* Compared as bytes. */
static void describe(const struct applied *a, const struct conf *c,
		     const struct conf_vpc_attachment *t, struct dataplane_attachment *d)
{
	memset(d, 0, sizeof(*d));
	d->encap = t->encap;
	d->port = (uint32_t)(t->port - c->port);
	d->vni = t->vni;
	d->local_vtep = t->local_vtep;
	d->remote_vtep = t->remote_vtep;
	d->vlan_id = t->vlan_id;
	d->mtu = t->mtu;
	d->table = a->map.vpc_table[t->vpc->id];
	d->n_addresses = t->n_addresses;
	memcpy(d->mac, t->mac, sizeof(d->mac));
	memcpy(d->address, t->address, t->n_addresses * sizeof(*t->address));
}

static bool same_frames(const struct dataplane_attachment *a, const struct dataplane_attachment *b)
{
	return a->port == b->port && a->encap == b->encap && a->vni == b->vni &&
	       a->vlan_id == b->vlan_id;
}

/* ---- networks ---------------------------------------------------------------------------- */

void apply_connected(struct applied *a, uint32_t vpc, const struct prefix *p)
{
	const struct applied_vpc *v = &a->vpc[vpc];

	for (unsigned i = 0; i < v->n_attachments; i++) {
		const struct applied_network *n = a->attachment[v->attachment[i]].network;

		for (unsigned k = 0; n && k < n->d.n_addresses; k++) {
			struct prefix net = prefix_network(&n->d.address[k]);

			if (!prefix_equal(&net, p))
				continue;
			dataplane_route_set(a->dp, a->map.vpc_table[vpc], p,
					    nexthop(NEXTHOP_LINK, n->interface));
			return;
		}
	}
}

/* A connected network gives way to a route of the RIB; our own addresses do not. */
static void publish(struct applied *a, uint32_t vpc, const struct dataplane_attachment *d,
		    bool gone)
{
	struct rib_route valid;

	for (unsigned i = 0; i < d->n_addresses; i++) {
		struct prefix net = prefix_network(&d->address[i]);
		struct prefix own = prefix_host(&d->address[i].addr);

		hops_again(a->hops, d->table, &net);
		if (gone)
			hops_again(a->hops, d->table, &own);
		if (gone && rib_valid(a->map.rib, d->table, &net, &valid, 1) == 0)
			apply_connected(a, vpc, &net);
	}
}

static void leave_network(struct applied *a, uint32_t id)
{
	struct applied_attachment *t = &a->attachment[id];
	struct applied_network *n = t->network;

	if (!n)
		return;
	apply_routes_leave(a, id, false);
	t->network = NULL;
	if (--n->attachments > 0)
		return;
	dataplane_attachment_delete(a->dp, n->interface);
	publish(a, t->vpc, &n->d, true);
	free(n->host);
	free(n);
}

static bool lists(const struct dataplane_vxlan_host *list, unsigned n, const struct prefix *to)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_equal(&list[i].to, to))
			return true;
	return false;
}

/* The hosts that the network lists become those of t: others go, new and changed ones come. */
static int change_hosts(struct applied *a, struct applied_network *n,
			const struct conf_vpc_attachment *t)
{
	struct dataplane_vxlan_host *list = calloc(t->n_hosts + 1u, sizeof(*list));
	int rc = 0;

	if (!list)
		return -ENOMEM;
	for (unsigned i = 0; i < t->n_hosts; i++) {
		list[i].to = t->host[i].address;
		list[i].vtep = t->host[i].vtep;
		memcpy(list[i].mac, t->host[i].mac, sizeof(list[i].mac));
	}
	for (unsigned i = 0; i < n->n_hosts; i++)
		if (!lists(list, t->n_hosts, &n->host[i].to))
			dataplane_vxlan_host_delete(a->dp, n->interface, &n->host[i].to);
	for (unsigned i = 0; rc == 0 && i < t->n_hosts; i++)
		if (i >= n->n_hosts || memcmp(&list[i], &n->host[i], sizeof(list[i])) != 0)
			rc = dataplane_vxlan_host_set(a->dp, n->interface, &list[i]);
	free(n->host);
	n->host = list;
	n->n_hosts = t->n_hosts;
	return rc;
}

static struct applied_network *find_network(const struct applied *a,
					    const struct dataplane_attachment *d)
{
	for (uint32_t i = 0; i < a->room[CONF_ATTACHMENT]; i++) {
		struct applied_network *n = a->attachment[i].network;

		if (n && same_frames(&n->d, d))
			return n;
	}
	return NULL;
}

static int add_network(struct applied *a, const struct dataplane_attachment *d,
		       struct applied_network **out)
{
	struct applied_network *n = calloc(1, sizeof(*n));
	uint32_t taken[2 * CONF_PORT_ADDRS];
	int rc;

	if (!n)
		return -ENOMEM;
	for (unsigned i = 0; i < d->n_addresses; i++) {
		struct prefix net = prefix_network(&d->address[i]);

		taken[2 * i] = dataplane_route_get(a->dp, d->table, &net);
		taken[2 * i + 1] = hops_taken(a->hops, d->table, &d->address[i].addr);
	}
	rc = dataplane_attachment_add(a->dp, d, &n->interface);
	if (rc < 0) {
		free(n);
		return rc;
	}
	for (unsigned i = 0; i < 2 * d->n_addresses; i++)
		hops_let_go(a->hops, taken[i]);
	memcpy(&n->d, d, sizeof(*d));
	*out = n;
	return 0;
}

/* ---- attachments ------------------------------------------------------------------------- */

static void forget_in_vpc(struct applied_vpc *v, uint32_t id)
{
	for (unsigned i = 0; i < v->n_attachments; i++)
		if (v->attachment[i] == id) {
			v->n_attachments--;
			memmove(&v->attachment[i], &v->attachment[i + 1],
				(v->n_attachments - i) * sizeof(*v->attachment));
			return;
		}
}

static void drop(struct applied *a, uint32_t id)
{
	struct applied_attachment *t = &a->attachment[id];

	if (!t->used)
		return;
	apply_routes_leave(a, id, true);
	apply_routes_purge(a, a->map.gateway_table[t->gateway], RIB_VIA_ATTACHMENT, id);
	tables_detach(a->tables, id);
	leave_network(a, id);
	forget_in_vpc(&a->vpc[t->vpc], id);
	free(t->import);
	*t = (struct applied_attachment){ 0 };
}

/* Somebody has these frames: he who shall share them, or he who goes. */
static int enter_network(struct applied *a, const struct conf *c,
			 const struct dataplane_attachment *d, struct applied_network **out)
{
	int rc = add_network(a, d, out);

	if (rc != -EEXIST)
		return rc;
	*out = find_network(a, d);
	if (*out && memcmp(&(*out)->d, d, sizeof(*d)) == 0)
		return 0;
	for (uint32_t i = 0; *out && i < a->room[CONF_ATTACHMENT]; i++)
		if (a->attachment[i].network == *out && !conf_attachment_at(c, i))
			drop(a, i);
	return add_network(a, d, out);
}

static bool same_import(const struct applied_attachment *t, const struct conf_vpc_attachment *c)
{
	return t->import_all == c->import_all && t->n_import == c->n_import &&
	       (t->n_import == 0 ||
		memcmp(t->import, c->import, t->n_import * sizeof(*t->import)) == 0);
}

static int filter(struct applied *a, struct applied_attachment *t,
		  const struct conf_vpc_attachment *c)
{
	const struct prefix *list = c->import_all ? NULL : c->import;
	static const struct prefix none;
	struct prefix *copy;
	int rc;

	if (t->used && same_import(t, c))
		return 0;
	copy = calloc(c->n_import + 1u, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (c->n_import > 0)
		memcpy(copy, c->import, c->n_import * sizeof(*copy));
	if (!c->import_all && !list)
		list = &none; /* an empty filter lets nothing through */
	rc = t->used ? tables_import(a->tables, c->id, list, c->n_import)
		     : tables_attach(a->tables, c->id, c->vpc->id, c->gateway->id, list,
				     c->n_import);
	if (rc == -ENOENT || (rc < 0 && !t->used)) {
		free(copy);
		return apply_outcome(a, rc);
	}
	t->used = true; /* whatever the hops said: drop() takes it away */
	free(t->import);
	t->import = copy;
	t->n_import = c->n_import;
	t->import_all = c->import_all;
	return apply_outcome(a, rc);
}

static int note_in_vpc(struct applied_vpc *v, uint32_t id)
{
	uint32_t *list = reallocarray(v->attachment, v->n_attachments + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	v->attachment = list;
	v->attachment[v->n_attachments++] = id;
	return 0;
}

static int change(struct applied *a, const struct conf *c, const struct conf_vpc_attachment *t)
{
	struct applied_attachment *at = &a->attachment[t->id];
	struct dataplane_attachment d;
	bool fresh = !at->network;
	int rc = 0;

	if (!at->used) {
		at->vpc = t->vpc->id;
		at->gateway = t->gateway->id;
		rc = note_in_vpc(&a->vpc[at->vpc], t->id);
		if (rc == 0)
			rc = filter(a, at, t);
		if (!at->used) {
			forget_in_vpc(&a->vpc[at->vpc], t->id);
			return fail(a, rc, t);
		}
	} else {
		rc = filter(a, at, t);
	}
	describe(a, c, t, &d);
	if (rc == 0 && fresh)
		rc = enter_network(a, c, &d, &at->network);
	if (rc == 0)
		rc = change_hosts(a, at->network, t);
	if (rc < 0) {
		at->network = fresh ? NULL : at->network;
		return fail(a, rc, t);
	}
	a->map.attachment[t->id] = (struct hops_attachment){ at->network->interface, at->vpc };
	if (fresh) {
		at->network->attachments++;
		publish(a, at->vpc, &d, false);
	}
	return 0;
}

int apply_attachments(struct applied *a, const struct conf *c)
{
	struct dataplane_attachment d;
	int rc = 0;

	/* Frames cannot be two attachments' at once. */
	for (unsigned i = 0; i < c->n_attachments; i++) {
		const struct conf_vpc_attachment *t = &c->attachment[i];
		struct applied_network *n = a->attachment[t->id].network;

		if (!n)
			continue;
		describe(a, c, t, &d);
		if (memcmp(&d, &n->d, sizeof(d)) != 0)
			leave_network(a, t->id);
	}
	for (unsigned i = 0; rc == 0 && i < c->n_attachments; i++)
		rc = change(a, c, &c->attachment[i]);
	return rc;
}

void apply_attachments_clean(struct applied *a, const struct conf *c)
{
	for (uint32_t i = 0; i < a->room[CONF_ATTACHMENT]; i++)
		if (!conf_attachment_at(c, i))
			drop(a, i);
}

void apply_attachments_free(struct applied *a)
{
	for (uint32_t i = 0; i < a->room[CONF_ATTACHMENT]; i++) {
		struct applied_attachment *t = &a->attachment[i];

		if (t->network && --t->network->attachments == 0) {
			free(t->network->host);
			free(t->network);
		}
		free(t->import);
	}
}

#include "dataplane/vtep.h"

#include "dataplane/core.h"
#include "dataplane/head.h"
#include "dataplane/underlay.h"

#include <errno.h>
#include <stdlib.h>

/* One line of the list. */
struct listed {
	struct prefix to;
	struct addr vtep;
	uint8_t mac[6];
	uint32_t entry; /* in the workers' table */
	bool has_entry;
};

struct vtep_hosts {
	unsigned n, room;
	struct listed *v;
};

/* ---- ends --------------------------------------------------------------------------------- */

static void insert(struct vtep_set *s, const struct addr *a)
{
	uint32_t i = vtep_hash(a->b, addr_bytes(a)) & s->mask;

	while (s->end[i].family != ADDR_NONE && !addr_equal(&s->end[i], a))
		i = (i + 1) & s->mask;
	s->end[i] = *a;
}

static void free_set(void *owner, void *thing, uint32_t index)
{
	free(thing);
}

void vtep_ports_of(struct dataplane *dp, struct interface *i)
{
	uint32_t ports = underlay_ports(dp, &i->remote_vtep);

	for (unsigned n = 0; i->hosts && n < i->hosts->n; n++)
		ports |= underlay_ports(dp, &i->hosts->v[n].vtep);
	atomic_store_explicit(&i->ports, ports, memory_order_relaxed);
}

void vtep_ports_changed(struct dataplane *dp)
{
	for (uint32_t k = dp->n_ports; k < INTERFACES_MAX; k++) {
		struct interface *i = interface_get(dp, k);

		if (i && i->kind == INTERFACE_VXLAN)
			vtep_ports_of(dp, i);
	}
}

/* A set of the list's ends takes the place of the one before. */
static int publish_ends(struct dataplane *dp, struct interface *i)
{
	const struct vtep_hosts *h = i->hosts;
	struct vtep_set *s = NULL, *old = i->others;
	uint32_t room = 4;

	while (room < 2 * h->n)
		room *= 2;
	if (h->n) {
		s = calloc(1, sizeof(*s) + room * sizeof(s->end[0]));
		if (!s)
			return -ENOMEM;
		s->mask = room - 1;
	}
	for (unsigned k = 0; k < h->n; k++)
		insert(s, &h->v[k].vtep);
	atomic_store_explicit(&i->others, s, memory_order_release);
	vtep_ports_of(dp, i);
	if (old)
		retire(&dp->retired, dp->tables.qsbr, free_set, dp, old, 0);
	return 0;
}

static bool is_end(const struct interface *i, const struct addr *a)
{
	return i->kind == INTERFACE_VXLAN &&
	       (addr_equal(&i->remote_vtep, a) || vtep_set_has(i->others, a->b, addr_bytes(a)));
}

void vtep_release(struct dataplane *dp, const struct addr *a)
{
	for (uint32_t k = 0; k < INTERFACES_MAX; k++) {
		const struct interface *i = interface_get(dp, k);

		if (i && i->local_vtep.family == a->family && is_end(i, a))
			return;
	}
	host_unpin_way(dp, a);
}

/* ---- next hops ---------------------------------------------------------------------------- */

/* The route to the host, through a new entry; to nobody yet while there is no way to its end. */
static int publish(struct dataplane *dp, const struct interface *i, struct listed *l)
{
	uint32_t way = dataplane_route_lookup(dp, DATAPLANE_UNDERLAY, &l->vtep), old = l->entry;
	uint32_t nh = nexthop(NEXTHOP_LINK, i->index), index = 0;
	bool had = l->has_entry, has = false;
	int rc;

	if (nexthop_kind(way) == NEXTHOP_NEIGHBOUR && host_entry_new(dp, &index) == 0) {
		struct neighbour *n = &dp->tables.neighbour[index];

		has = head_vxlan(n, i, &l->vtep, l->mac, l->to.addr.family,
				 &dp->tables.neighbour[nexthop_index(way)]) == 0;
		if (has)
			nh = nexthop(NEXTHOP_NEIGHBOUR, index);
		else
			host_entry_retire(dp, index);
	}
	rc = route_set(dp, i->table, &l->to, nh);
	if (rc) {
		if (has)
			host_entry_retire(dp, index);
		return rc;
	}
	l->entry = index;
	l->has_entry = has;
	if (had)
		host_entry_retire(dp, old);
	return 0;
}

static void unpublish(struct dataplane *dp, const struct interface *i, struct listed *l)
{
	(void)route_delete(dp, i->table, &l->to);
	if (l->has_entry)
		host_entry_retire(dp, l->entry);
	l->has_entry = false;
}

void vtep_ways_changed(struct dataplane *dp)
{
	for (uint32_t k = dp->n_ports; k < INTERFACES_MAX; k++) {
		const struct interface *i = interface_get(dp, k);

		for (unsigned n = 0; i && i->hosts && n < i->hosts->n; n++)
			(void)publish(dp, i, &i->hosts->v[n]);
	}
}

/* ---- the list ----------------------------------------------------------------------------- */

static struct listed *find(const struct interface *i, const struct prefix *to)
{
	for (unsigned n = 0; i->hosts && n < i->hosts->n; n++) {
		if (prefix_equal(&i->hosts->v[n].to, to))
			return &i->hosts->v[n];
	}
	return NULL;
}

static const struct listed *around(const struct interface *i, const struct addr *host)
{
	const struct listed *best = NULL;

	for (unsigned n = 0; i->hosts && n < i->hosts->n; n++) {
		const struct listed *l = &i->hosts->v[n];

		if (prefix_contains(&l->to, host) && (!best || l->to.len > best->to.len))
			best = l;
	}
	return best;
}

const struct addr *vtep_of(const struct interface *i, const struct addr *host)
{
	const struct listed *l = around(i, host);

	return l ? &l->vtep : &i->remote_vtep;
}

bool vtep_lists(const struct interface *i, const struct addr *host)
{
	return around(i, host) != NULL;
}

static struct listed *append(struct interface *i)
{
	struct vtep_hosts *h = i->hosts;

	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return NULL;
		i->hosts = h;
	}
	if (h->n == h->room) {
		unsigned room = h->room ? 2 * h->room : 8;
		struct listed *v = realloc(h->v, room * sizeof(*v));

		if (!v)
			return NULL;
		h->v = v;
		h->room = room;
	}
	return &h->v[h->n];
}

static struct interface *vxlan(struct dataplane *dp, uint32_t interface)
{
	struct interface *i = interface_get(dp, interface);

	return i && i->kind == INTERFACE_VXLAN ? i : NULL;
}

static bool has_hosts(const struct interface *i, const struct addr *vtep)
{
	for (unsigned n = 0; n < i->hosts->n; n++) {
		if (addr_equal(&i->hosts->v[n].vtep, vtep))
			return true;
	}
	return false;
}

static void remove_listed(struct dataplane *dp, struct interface *i, struct listed *l)
{
	struct addr vtep = l->vtep;

	unpublish(dp, i, l);
	*l = i->hosts->v[--i->hosts->n];
	if (has_hosts(i, &vtep))
		return;
	(void)publish_ends(dp, i); /* without memory the end may go on sending */
	if (!is_end(i, &vtep))
		vtep_release(dp, &vtep);
}

int dataplane_vxlan_host_set(struct dataplane *dp, uint32_t interface,
			     const struct dataplane_vxlan_host *host)
{
	struct interface *i = vxlan(dp, interface);
	struct addr old = { .family = ADDR_NONE };
	struct listed *l;
	int rc = 0;

	if (!i)
		return -ENOENT;
	if (host->vtep.family != i->local_vtep.family || !prefix_is_network(&host->to) ||
	    host->to.addr.family == ADDR_NONE)
		return -EINVAL;
	l = find(i, &host->to);
	if (l) {
		old = l->vtep;
	} else {
		l = append(i);
		if (!l)
			return -ENOMEM;
		*l = (struct listed){ .to = host->to };
		i->hosts->n++;
	}
	l->vtep = host->vtep;
	memcpy(l->mac, host->mac, sizeof(l->mac));
	host_forget(dp, interface, &host->to);
	if (!is_end(i, &l->vtep) || old.family != ADDR_NONE)
		rc = publish_ends(dp, i);
	if (rc == 0)
		rc = publish(dp, i, l);
	if (rc) {
		remove_listed(dp, i, l);
		return rc;
	}
	host_pin_way(dp, &l->vtep);
	if (old.family != ADDR_NONE && !is_end(i, &old))
		vtep_release(dp, &old);
	return 0;
}

int dataplane_vxlan_host_delete(struct dataplane *dp, uint32_t interface, const struct prefix *to)
{
	struct interface *i = vxlan(dp, interface);
	struct listed *l = i ? find(i, to) : NULL;

	if (!l)
		return -ENOENT;
	remove_listed(dp, i, l);
	return 0;
}

void vtep_drop_interface(struct dataplane *dp, struct interface *i)
{
	while (i->hosts && i->hosts->n)
		remove_listed(dp, i, &i->hosts->v[i->hosts->n - 1]);
}

void vtep_free(struct interface *i)
{
	if (i->hosts)
		free(i->hosts->v);
	free(i->hosts);
	free(i->others);
}

void vtep_walk(struct dataplane *dp, const struct interface *i,
	       void (*fn)(void *ctx, const struct dataplane_neighbour *n), void *ctx)
{
	for (unsigned k = 0; i->hosts && k < i->hosts->n; k++) {
		const struct listed *l = &i->hosts->v[k];
		struct dataplane_neighbour n = {
			.to = l->to, .state = "listed", .has_mac = true, .vtep = l->vtep
		};

		memcpy(n.mac, l->mac, sizeof(n.mac));
		interface_format(dp, i->index, n.on);
		fn(ctx, &n);
	}
}

/* Interfaces: the ports' own networks and the VPCs' networks on them, found by port, VLAN ID or
 * VXLAN network. */
#include "dataplane/core.h"
#include "dataplane/packet.h"
#include "dataplane/vtep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VLAN_IDS    4096
#define VNI_LEAF    4096
#define VXLAN4_ROOM (IP4_BYTES + UDP_BYTES + VXLAN_BYTES + ETH_BYTES)
#define VXLAN6_ROOM (IP6_BYTES + UDP_BYTES + VXLAN_BYTES + ETH_BYTES)

struct interface *interface_get(struct dataplane *dp, uint32_t index)
{
	return index < INTERFACES_MAX ? dp->tables.interface[index] : NULL;
}

const char *interface_format(struct dataplane *dp, uint32_t index, char buf[INTERFACE_STR_MAX])
{
	const struct interface *i = interface_get(dp, index);
	const char *port = "?";

	for (unsigned k = 0; i && k < dp->n_ports; k++) {
		if (dp->port[k].id == i->port)
			port = dp->port[k].name;
	}
	if (!i)
		snprintf(buf, INTERFACE_STR_MAX, "interface %u, gone", index);
	else if (i->kind == INTERFACE_VLAN)
		snprintf(buf, INTERFACE_STR_MAX, "%s VLAN %u", port, i->vlan_id);
	else if (i->kind == INTERFACE_VXLAN)
		snprintf(buf, INTERFACE_STR_MAX, "%s VXLAN %u", port, i->vni);
	else
		snprintf(buf, INTERFACE_STR_MAX, "%s", port);
	return buf;
}

static void delete_routes(struct dataplane *dp, const struct interface *i)
{
	for (unsigned k = 0; k < i->n_addresses; k++) {
		struct prefix own = prefix_host(&i->address[k].addr);
		struct prefix net = prefix_network(&i->address[k]);

		route_delete_if(dp, i->table, &own, nexthop(NEXTHOP_LOCAL, i->index));
		route_delete_if(dp, i->table, &net, nexthop(NEXTHOP_LINK, i->index));
	}
}

static int set_routes(struct dataplane *dp, const struct interface *i)
{
	int rc = 0;

	for (unsigned k = 0; k < i->n_addresses && rc == 0; k++) {
		struct prefix net = prefix_network(&i->address[k]);

		rc = route_set(dp, i->table, &net, nexthop(NEXTHOP_LINK, i->index));
	}
	/* Own addresses after the networks: a host prefix is both. */
	for (unsigned k = 0; k < i->n_addresses && rc == 0; k++) {
		struct prefix own = prefix_host(&i->address[k].addr);

		rc = route_set(dp, i->table, &own, nexthop(NEXTHOP_LOCAL, i->index));
	}
	return rc;
}

int interface_add(struct dataplane *dp, const struct interface *from, uint32_t *index)
{
	struct interface *i;
	uint32_t free_index = 0;
	int rc;

	while (free_index < INTERFACES_MAX &&
	       (dp->tables.interface[free_index] || is_leaving(dp->interface_leaving, free_index)))
		free_index++;
	if (free_index == INTERFACES_MAX)
		return -ENOSPC;
	i = malloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = *from;
	i->index = free_index;
	rc = set_routes(dp, i);
	if (rc) {
		delete_routes(dp, i);
		free(i);
		return rc;
	}
	atomic_store_explicit(&dp->tables.interface[free_index], i, memory_order_release);
	*index = free_index;
	return 0;
}

/* ---- where frames find their interface ---------------------------------------------------- */

/* The place of a VLAN's or VNI's interface; made if it is not there. NULL: no memory. */
static uint32_t *place(struct dataplane *dp, const struct interface *i)
{
	if (i->kind == INTERFACE_VLAN) {
		struct port_table *port = &dp->tables.port[i->port];

		if (!port->vlan) {
			uint32_t *all = calloc(VLAN_IDS, sizeof(*all));

			__atomic_store_n(&port->vlan, all, __ATOMIC_RELEASE);
		}
		return port->vlan ? &port->vlan[i->vlan_id] : NULL;
	}
	if (!dp->tables.vni[i->vni >> 12]) {
		uint32_t *leaf = calloc(VNI_LEAF, sizeof(*leaf));

		atomic_store_explicit(&dp->tables.vni[i->vni >> 12], leaf, memory_order_release);
	}
	return dp->tables.vni[i->vni >> 12] ? &dp->tables.vni[i->vni >> 12][i->vni & 0xfff] : NULL;
}

static int describe(struct dataplane *dp, const struct dataplane_attachment *a, struct interface *i)
{
	const struct port *port;
	unsigned room;

	if (a->port >= dp->n_ports || a->n_addresses > CONF_PORT_ADDRS || !dp->tables.fib[a->table])
		return -EINVAL;
	port = &dp->port[a->port];
	memset(i, 0, sizeof(*i));
	i->port = port->id;
	i->table = a->table;
	i->n_addresses = a->n_addresses;
	memcpy(i->address, a->address, sizeof(i->address));
	memcpy(i->mac, a->mac, sizeof(i->mac));
	if (a->encap == CONF_ENCAP_VLAN) {
		if (a->vlan_id == 0 || a->vlan_id >= VLAN_IDS - 1)
			return -EINVAL;
		i->kind = INTERFACE_VLAN;
		i->vlan_id = a->vlan_id;
		room = port->mtu;
	} else {
		if (a->vni == 0 || a->vni >> 24 || a->local_vtep.family == ADDR_NONE ||
		    a->local_vtep.family != a->remote_vtep.family)
			return -EINVAL;
		i->kind = INTERFACE_VXLAN;
		i->vni = a->vni;
		i->local_vtep = a->local_vtep;
		i->remote_vtep = a->remote_vtep;
		room = port->mtu - (a->local_vtep.family == ADDR_IPV4 ? VXLAN4_ROOM : VXLAN6_ROOM);
	}
	i->mtu = (uint16_t)(a->mtu ? a->mtu : room);
	return 0;
}

int dataplane_attachment_add(struct dataplane *dp, const struct dataplane_attachment *a,
			     uint32_t *interface)
{
	struct interface i;
	uint32_t *at;
	int rc;

	if (a->table >= TABLES_MAX)
		return -EINVAL;
	rc = describe(dp, a, &i);
	if (rc)
		return rc;
	at = place(dp, &i);
	if (!at)
		return -ENOMEM;
	if (*at)
		return -EEXIST;
	if (i.kind == INTERFACE_VLAN && memcmp(i.mac, dp->port[a->port].mac, sizeof(i.mac)) != 0) {
		rc = port_promiscuous(&dp->port[a->port]);
		if (rc)
			return rc;
	}
	rc = interface_add(dp, &i, interface);
	if (rc)
		return rc;
	__atomic_store_n(at, *interface + 1, __ATOMIC_RELEASE);
	host_interface_added(dp, *interface);
	return 0;
}

void interface_free(struct interface *i)
{
	if (i)
		vtep_free(i);
	free(i);
}

static void free_interface(void *owner, void *thing, uint32_t index)
{
	interface_free(thing);
}

int dataplane_attachment_delete(struct dataplane *dp, uint32_t interface)
{
	struct interface *i = interface_get(dp, interface);

	if (!i || i->kind == INTERFACE_PORT)
		return -ENOENT;
	__atomic_store_n(place(dp, i), 0, __ATOMIC_RELEASE);
	vtep_drop_interface(dp, i);
	host_interface_deleted(dp, interface);
	delete_routes(dp, i);
	atomic_store_explicit(&dp->tables.interface[interface], NULL, memory_order_release);
	leave_for_now(dp, dp->interface_leaving, interface);
	if (i->kind == INTERFACE_VXLAN)
		vtep_release(dp, &i->remote_vtep);
	retire(&dp->retired, dp->tables.qsbr, free_interface, dp, i, 0);
	return 0;
}

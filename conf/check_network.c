/* Ports, the pool of cloud addresses, VPC attachments. */
#include "conf/check.h"
#include "conf/memory.h"
#include "conf/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address that a host may have within its prefix: neither the network's nor the broadcast's. */
static bool is_host(const struct prefix *p)
{
	struct addr first = prefix_first(p), last = prefix_last(p);

	if (addr_is_unspecified(&p->addr) || addr_is_multicast(&p->addr))
		return false;
	if (p->addr.family != ADDR_IPV4 || p->len >= 31)
		return true;
	return !addr_equal(&p->addr, &first) && !addr_equal(&p->addr, &last);
}

static bool on_link(const struct prefix *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_contains(&list[i], a))
			return true;
	return false;
}

static void check_next_hop(struct check *k, const struct conf_port *p, const struct label *label,
			   const char *field, const struct addr *hop)
{
	char text[ADDR_STR_MAX];

	if (hop->family == ADDR_NONE)
		return;
	if (p->n_addresses > 0 && !on_link(p->address, p->n_addresses, hop))
		check_problem(k, PROBLEM_ERROR, label, p->where, hop,
			      "%s = '%s': must lie in the network of one of the port's addresses",
			      field, addr_format(hop, text));
	if (index_find(&k->own, hop, sizeof(*hop)) != NULL)
		check_problem(k, PROBLEM_ERROR, label, p->where, hop,
			      "%s = '%s': is our own address", field, addr_format(hop, text));
	for (const struct conf_port *q = k->c->port; q < p; q++)
		if (q->next_hop.family == hop->family || q->next_hop6.family == hop->family)
			check_problem(k, PROBLEM_ERROR, label, p->where, hop,
				      "%s = '%s': port '%s' has the default next hop already",
				      field, addr_format(hop, text), q->name);
}

static bool overlaps_port(const struct conf_port *p, const struct prefix *a)
{
	for (unsigned i = 0; i < p->n_addresses; i++)
		if (prefix_overlaps(a, &p->address[i]) &&
		    !addr_equal(&a->addr, &p->address[i].addr))
			return true;
	return false;
}

static void check_port_address(struct check *k, const struct conf_port *p,
			       const struct label *label, const struct prefix *a)
{
	const struct index_entry *e = index_find(&k->own, &a->addr, sizeof(a->addr));
	char text[PREFIX_STR_MAX];

	prefix_format(a, text);
	if (!is_host(a))
		check_problem(k, PROBLEM_ERROR, label, p->where, a,
			      "addresses: '%s' must be the address of a host in its network", text);
	if (e != NULL && e->key != &a->addr)
		check_problem(k, PROBLEM_ERROR, label, p->where, a,
			      "addresses: '%s' is already the address of port '%s'", text,
			      ((const struct conf_port *)e->object)->name);
	if (a->addr.family == ADDR_IPV6 && p->mtu < 1280)
		check_problem(k, PROBLEM_ERROR, label, p->where, &p->mtu,
			      "mtu = %u: IPv6 needs at least 1280 bytes", p->mtu);
	for (const struct conf_port *q = k->c->port; q < p; q++)
		if (overlaps_port(q, a))
			check_problem(k, PROBLEM_ERROR, label, p->where, a,
				      "addresses: the network of '%s' overlaps one of port '%s'",
				      text, q->name);
}

/* Sizes that DPDK's driver has an option for, but which are not the operator's to choose. */
static void check_frames(struct check *k, const struct conf_port *p, const struct label *label)
{
	static const char *const sizes[] = { "framesz", "blocksz" };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (conf_device_is(p->device, "af_packet") && strstr(p->device, sizes[i]) != NULL)
			check_problem(
				k, PROBLEM_ERROR, label, p->where, p->device,
				"device: %s must be left out: frames and blocks have %u bytes, "
				"because shorter ones cut off what Linux joins of fragments; "
				"framecnt may be given",
				sizes[i], MEMORY_FRAME);
}

static void check_ports(struct check *k)
{
	struct conf *c = k->c;

	k->own_unknown = (k->unread & (UNREAD_PORTS | UNREAD_PORT_PARTS)) != 0;
	for (unsigned i = 0; i < c->n_ports; i++)
		for (unsigned n = 0; n < c->port[i].n_addresses; n++)
			check_index(k, &k->own, &c->port[i].address[n].addr, sizeof(struct addr),
				    &c->port[i]);
	index_sort(&k->own);
	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct conf_port *p = &c->port[i];
		struct label label = check_label("port", p->name);

		for (unsigned n = 0; n < p->n_addresses; n++)
			check_port_address(k, p, &label, &p->address[n]);
		check_next_hop(k, p, &label, "next_hop", &p->next_hop);
		check_next_hop(k, p, &label, "next_hop6", &p->next_hop6);
		check_frames(k, p, &label);
		for (unsigned n = 0; n < i; n++)
			if (p->device[0] != '\0' && strcmp(p->device, c->port[n].device) == 0)
				check_problem(k, PROBLEM_ERROR, &label, p->where, p->device,
					      "device: port '%s' has the same", c->port[n].name);
	}
	if (c->n_ports == 0 && (k->unread & UNREAD_PORTS) == 0)
		check_problem(k, PROBLEM_ERROR, NULL, (struct conf_where){ 0 }, &c->port,
			      "ports is empty: at least one port is needed");
}

static void check_pool(struct check *k)
{
	const struct conf *c = k->c;
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; i < c->n_cloud_addresses; i++) {
		const struct addr *a = &c->cloud_address[i];

		if (index_find(&k->own, a, sizeof(*a)) == NULL && !k->own_unknown)
			check_problem(k, PROBLEM_ERROR, NULL, (struct conf_where){ 0 }, a,
				      "cloud_addresses: '%s' is not an address of any port",
				      addr_format(a, text));
		for (unsigned n = 0; n < i; n++)
			if (addr_equal(a, &c->cloud_address[n]))
				check_problem(k, PROBLEM_ERROR, NULL, (struct conf_where){ 0 }, a,
					      "cloud_addresses: '%s' is listed twice",
					      addr_format(a, text));
	}
}

static unsigned encap_bytes(const struct conf_vpc_attachment *a)
{
	/* Inner Ethernet 14, VXLAN 8, UDP 8 and the outer IP header; a VLAN tag is not counted. */
	if (a->encap == CONF_ENCAP_VLAN)
		return 0;
	return 30 + (a->local_vtep.family == ADDR_IPV6 ? 40 : 20);
}

uint16_t conf_attachment_mtu(const struct conf_vpc_attachment *a)
{
	return (uint16_t)(a->port->mtu - encap_bytes(a));
}

/* The same after every start: FNV-1a over port and network, locally administered. */
void conf_attachment_mac(const struct conf_vpc_attachment *a, uint8_t mac[6])
{
	uint64_t hash = UINT64_C(14695981039346656037);
	uint32_t id = a->encap == CONF_ENCAP_VLAN ? a->vlan_id : a->vni | UINT32_C(1) << 31;

	for (const char *p = a->port->name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
	for (int i = 0; i < 4; i++)
		hash = (hash ^ (id >> 8 * i & 0xff)) * UINT64_C(1099511628211);
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> 8 * i);
}

static void complete_attachment(struct check *k, struct conf_vpc_attachment *a,
				const struct label *label)
{
	unsigned room = conf_attachment_mtu(a);
	static const uint8_t none[6];

	if (a->mtu > room)
		check_problem(k, PROBLEM_ERROR, label, a->where, &a->mtu,
			      "mtu = %u: port '%s' leaves room for %u bytes", a->mtu, a->port->name,
			      room);
	if (a->mtu == 0)
		a->mtu = (uint16_t)room;
	if (memcmp(a->mac, none, sizeof(none)) == 0)
		conf_attachment_mac(a, a->mac);
}

static bool has_prefix(const struct prefix *list, unsigned n, const struct prefix *p)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

static void check_subnets(struct check *k, const struct conf_vpc_attachment *a,
			  const struct label *label)
{
	const struct conf_vpc *vpc = a->vpc;
	char text[PREFIX_STR_MAX];

	for (unsigned i = 0; i < a->n_propagated; i++)
		if (vpc->n_prefixes > 0 &&
		    !has_prefix(vpc->prefix, vpc->n_prefixes, &a->propagated[i]))
			check_problem(k, PROBLEM_ERROR, label, a->where, &a->propagated[i],
				      "propagated: '%s' is not one of the prefixes of vpc '%s'",
				      prefix_format(&a->propagated[i], text), vpc->name);
	for (unsigned i = 0; i < a->n_addresses; i++)
		if (vpc->n_prefixes > 0 &&
		    !on_link(vpc->prefix, vpc->n_prefixes, &a->address[i].addr))
			check_problem(k, PROBLEM_ERROR, label, a->where, &a->address[i],
				      "addresses: '%s' lies in none of the prefixes of vpc '%s'",
				      prefix_format(&a->address[i], text), vpc->name);
	for (unsigned i = 0; i < vpc->n_prefixes; i++) {
		bool covered = false;

		for (unsigned n = 0; n < a->n_addresses; n++)
			covered = covered || prefix_overlaps(&a->address[n], &vpc->prefix[i]);
		if (!covered && a->n_addresses > 0)
			check_problem(k, PROBLEM_WARNING, label, a->where, a->address,
				      "no address lies in %s of vpc '%s': its hosts cannot be "
				      "reached",
				      prefix_format(&vpc->prefix[i], text), vpc->name);
	}
}

static void check_attachment(struct check *k, struct conf_vpc_attachment *a)
{
	struct label label = check_label("vpc_attachment", a->vpc_name);
	char text[PREFIX_STR_MAX];

	a->vpc = check_find(k, CHECK_VPC, &label, a->where, "vpc", a->vpc_name);
	a->gateway = check_find(k, CHECK_GATEWAY, &label, a->where, "border_gateway",
				a->border_gateway_name);
	a->port = check_find(k, CHECK_PORT, &label, a->where, "port", a->port_name);
	for (unsigned i = 0; i < a->n_addresses; i++)
		if (!is_host(&a->address[i]))
			check_problem(k, PROBLEM_ERROR, &label, a->where, &a->address[i],
				      "addresses: '%s' must be the address of a host in its "
				      "network",
				      prefix_format(&a->address[i], text));
	if (a->vpc != NULL)
		check_subnets(k, a, &label);
	if (a->port == NULL)
		return;
	if (a->encap == CONF_ENCAP_VXLAN && a->vni != 0)
		check_vxlan(k, a, &label);
	complete_attachment(k, a, &label);
}

/* Several border gateways may share a VPC's network on a port, seen in one and the same way. */
static bool same_settings(const struct conf_vpc_attachment *a, const struct conf_vpc_attachment *b)
{
	if (a->vpc != b->vpc || a->mtu != b->mtu || a->n_addresses != b->n_addresses)
		return false;
	return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       addr_equal(&a->local_vtep, &b->local_vtep) &&
	       addr_equal(&a->remote_vtep, &b->remote_vtep) && check_same_hosts(a, b);
}

struct network_key {
	const struct conf_port *port;
	uint32_t encap, id;
};

static void check_networks(struct check *k)
{
	struct conf *c = k->c;
	struct network_key *keys = calloc(c->n_attachments + 1u, sizeof(*keys));
	struct index x = { 0 };

	for (unsigned i = 0; keys != NULL && i < c->n_attachments; i++) {
		const struct conf_vpc_attachment *a = &c->attachment[i];

		keys[i].port = a->port;
		keys[i].encap = a->encap;
		keys[i].id = a->encap == CONF_ENCAP_VLAN ? a->vlan_id : a->vni;
		if (a->port != NULL && keys[i].id != 0)
			check_index(k, &x, &keys[i], sizeof(keys[i]), a);
	}
	index_sort(&x);
	for (size_t i = 1; i < x.n; i++) {
		const struct index_entry *twin = index_twin(&x, i);
		const struct conf_vpc_attachment *a = x.v[i].object;
		struct label label = check_label("vpc_attachment", a->vpc_name);
		bool vlan = a->encap == CONF_ENCAP_VLAN;

		if (twin != NULL && !same_settings(twin->object, a))
			check_problem(
				k, PROBLEM_ERROR, &label, a->where,
				vlan ? (const void *)&a->vlan_id : &a->vni,
				"%s = %u: already used on port '%s' by another attachment%s, "
				"with another vpc or other settings",
				vlan ? "id" : "vni", vlan ? a->vlan_id : a->vni, a->port->name,
				check_line(k, ((const struct conf_vpc_attachment *)twin->object)
						      ->where.line)
					.text);
	}
	if (keys == NULL)
		k->no_memory = true;
	index_clear(&x);
	free(keys);
}

static void check_attachments(struct check *k)
{
	struct conf *c = k->c;

	k->pairs = calloc(c->n_attachments + 1u, sizeof(*k->pairs));
	k->no_memory = k->no_memory || k->pairs == NULL;
	for (unsigned i = 0; i < c->n_attachments; i++) {
		struct conf_vpc_attachment *a = &c->attachment[i];

		check_attachment(k, a);
		if (k->pairs == NULL || a->vpc == NULL || a->gateway == NULL) {
			k->attached_unknown = true;
			continue;
		}
		k->pairs[i] = (struct check_pair){ a->vpc, a->gateway };
		check_index(k, &k->attached, &k->pairs[i], sizeof(k->pairs[i]), a);
	}
	index_sort(&k->attached);
	for (size_t i = 1; i < k->attached.n; i++) {
		const struct index_entry *twin = index_twin(&k->attached, i);
		const struct conf_vpc_attachment *a = k->attached.v[i].object;
		struct label label = check_label("vpc_attachment", a->vpc_name);

		if (twin != NULL)
			check_problem(
				k, PROBLEM_ERROR, &label, a->where, a->vpc_name,
				"the vpc is already attached to border_gateway '%s'%s",
				a->border_gateway_name,
				check_line(k, ((const struct conf_vpc_attachment *)twin->object)
						      ->where.line)
					.text);
	}
	check_networks(k);
}

void check_network(struct check *k)
{
	check_ports(k);
	check_underlay(k);
	check_pool(k);
	check_attachments(k);
}

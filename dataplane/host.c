/* What the main thread does for the underlay and the VPCs' networks: it finds neighbours and is
 * one, and answers echo requests. Workers see the outcome as host routes to resolved next hops. */
#include "dataplane/arp.h"
#include "dataplane/core.h"
#include "dataplane/echo.h"
#include "dataplane/head.h"
#include "dataplane/nd.h"
#include "dataplane/neighbour.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"
#include "dataplane/underlay.h"
#include "dataplane/vtep.h"

#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 64    /* punted packets of one worker in one poll */
#define GRACE	20000 /* microseconds between two looks whether all workers were quiescent */

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void drop(struct dataplane *dp, struct rte_mbuf *m, enum drop_reason reason)
{
	counter_add(&dp->main_drop[reason], 1);
	rte_pktmbuf_free(m);
}

static bool is_own(const struct interface *i, const struct addr *a)
{
	for (unsigned k = 0; k < i->n_addresses; k++) {
		if (addr_equal(&i->address[k].addr, a))
			return true;
	}
	return false;
}

/* Our address that the other one, on the same network, knows us by. */
const struct addr *host_own_for(const struct interface *i, const struct addr *a)
{
	const struct addr *other = NULL;

	for (unsigned k = 0; k < i->n_addresses; k++) {
		if (prefix_contains(&i->address[k], a))
			return &i->address[k].addr;
		if (!other && i->address[k].addr.family == a->family)
			other = &i->address[k].addr;
	}
	return other;
}

bool host_is_on_link(const struct interface *i, const struct addr *a)
{
	for (unsigned k = 0; k < i->n_addresses; k++) {
		if (prefix_contains(&i->address[k], a))
			return true;
	}
	return false;
}

/* ---- frames to an interface's network ----------------------------------------------------- */

/* One frame with this payload for a host, through VXLAN as an IP packet that workers route like any
 * other. */
static void send_frame(struct dataplane *dp, const struct interface *i, const struct addr *host,
		       const uint8_t dst[6], uint16_t type, const uint8_t *payload, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	unsigned outer = i->kind == INTERFACE_VXLAN ? head_vxlan_bytes(i) : 0;
	unsigned tag = i->kind == INTERFACE_VLAN ? VLAN_BYTES : 0, at;
	uint8_t *p;

	if (!m) {
		counter_add(&dp->main_drop[DROP_NO_BUFFER], 1);
		return;
	}
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(outer + ETH_BYTES + tag + len));
	if (!p) {
		drop(dp, m, DROP_TOO_BIG);
		return;
	}
	if (outer) {
		uint8_t *udp = p + outer - VXLAN_BYTES - UDP_BYTES;
		unsigned total = m->data_len;

		head_vxlan_outer(p, i, vtep_of(i, host));
		put_be16(udp, 0xc000);
		put_be16(udp + 4, (uint16_t)(p + total - udp));
		if (i->local_vtep.family == ADDR_IPV4) {
			put_be16(p + 2, (uint16_t)total);
			put16(p + 10, ip4_sum(p, IP4_BYTES));
		} else {
			put_be16(p + 4, (uint16_t)(total - IP6_BYTES));
		}
	}
	at = outer;
	memcpy(p + at, dst, 6);
	memcpy(p + at + 6, i->mac, 6);
	at += 12;
	if (tag) {
		put_be16(p + at, ETHERTYPE_VLAN);
		put_be16(p + at + 2, i->vlan_id);
		at += VLAN_BYTES;
	}
	put_be16(p + at, type);
	memcpy(p + at + 2, payload, len);
	if (outer)
		tag_set(m, TAG_ROUTE, 0, DATAPLANE_UNDERLAY);
	else
		tag_set(m, TAG_FRAME, 0, i->port);
	if (inject(dp, 0, INJECT_MAIN, m) != 0)
		counter_add(&dp->main_drop[DROP_PUNT_FULL], 1);
}

static void send_nd(struct dataplane *dp, const struct interface *i, const struct addr *host,
		    const uint8_t dst[6], const struct nd *nd)
{
	uint8_t ip[ND_BYTES];

	nd_write(ip, nd);
	send_frame(dp, i, host, dst, ETHERTYPE_IPV6, ip, sizeof(ip));
}

static void send_arp(struct dataplane *dp, const struct interface *i, const uint8_t dst[6],
		     const struct arp *arp, const uint8_t target_mac[6])
{
	uint8_t p[ARP_BYTES];

	arp_write(p, arp, target_mac);
	send_frame(dp, i, &arp->target, dst, ETHERTYPE_ARP, p, sizeof(p));
}

/* ---- what the neighbours' state machine wants --------------------------------------------- */

static void ask(void *ctx, const struct host *h, bool unicast)
{
	struct dataplane *dp = ctx;
	const struct interface *i = interface_get(dp, h->interface);
	const struct addr *own = i ? host_own_for(i, &h->addr) : NULL;
	uint8_t mac[6];

	if (!own)
		return;
	if (h->addr.family == ADDR_IPV4) {
		struct arp arp = { .request = true, .sender = *own, .target = h->addr };
		static const uint8_t unknown[6];

		memcpy(arp.sender_mac, i->mac, 6);
		send_arp(dp, i, unicast ? h->mac : everybody, &arp, unicast ? h->mac : unknown);
	} else {
		struct nd nd = {
			.solicitation = true, .src = *own, .target = h->addr, .has_mac = true
		};

		memcpy(nd.mac, i->mac, 6);
		nd.dst = unicast ? h->addr : nd_solicited_node(&h->addr);
		if (unicast)
			memcpy(mac, h->mac, 6);
		else
			nd_multicast_mac(mac, &nd.dst);
		send_nd(dp, i, &h->addr, mac, &nd);
	}
}

int host_entry_new(struct dataplane *dp, uint32_t *index)
{
	if (dp->n_neighbours_free)
		*index = dp->neighbours_free[--dp->n_neighbours_free];
	else if (dp->neighbours_used < NEIGHBOURS_MAX)
		*index = dp->neighbours_used++;
	else
		return -ENOSPC;
	return 0;
}

static void entry_free(void *owner, void *thing, uint32_t index)
{
	struct dataplane *dp = owner;

	dp->neighbours_free[dp->n_neighbours_free++] = index;
}

void host_entry_retire(struct dataplane *dp, uint32_t index)
{
	dp->host_of[index] = NULL;
	retire(&dp->retired, dp->tables.qsbr, entry_free, dp, NULL, index);
}

/* What the network's table says of this very address. */
static uint32_t route_to(struct dataplane *dp, const struct interface *i, const struct host *h)
{
	struct prefix p = prefix_host(&h->addr);

	return dataplane_route_get(dp, i->table, &p);
}

static bool is_published(struct dataplane *dp, const struct interface *i, const struct host *h)
{
	return h->has_entry && route_to(dp, i, h) == nexthop(NEXTHOP_NEIGHBOUR, h->entry);
}

static void unpublish(struct dataplane *dp, struct host *h)
{
	const struct interface *i = interface_get(dp, h->interface);
	struct prefix p = prefix_host(&h->addr);

	if (!h->has_entry)
		return;
	if (i)
		route_delete_if(dp, i->table, &p, nexthop(NEXTHOP_NEIGHBOUR, h->entry));
	h->has_entry = false;
	if (h->watched)
		underlay_host_changed(dp);
	host_entry_retire(dp, h->entry);
}

static int build(struct dataplane *dp, const struct interface *i, const struct host *h,
		 struct neighbour *n)
{
	uint32_t nh;

	if (i->kind != INTERFACE_VXLAN) {
		head_ether(n, i, h->mac, h->addr.family);
		return 0;
	}
	nh = dataplane_route_lookup(dp, DATAPLANE_UNDERLAY, vtep_of(i, &h->addr));
	if (nexthop_kind(nh) != NEXTHOP_NEIGHBOUR)
		return -EHOSTUNREACH;
	return head_vxlan(n, i, vtep_of(i, &h->addr), h->mac, h->addr.family,
			  &dp->tables.neighbour[nexthop_index(nh)]);
}

/* A new entry takes the place of the old one, which workers may still be reading; but not that of a
 * route that is somebody else's: any host may say that it has any address of its network. */
static void publish(struct dataplane *dp, struct host *h)
{
	const struct interface *i = interface_get(dp, h->interface);
	struct prefix p = prefix_host(&h->addr);
	uint32_t index, old = h->entry;
	bool had = h->has_entry;
	struct neighbour n;

	if (!i || is_own(i, &h->addr))
		return;
	if (!is_published(dp, i, h) && nexthop_kind(route_to(dp, i, h)) != NEXTHOP_NONE) {
		unpublish(dp, h);
		return;
	}
	if (build(dp, i, h, &n) != 0 || host_entry_new(dp, &index) != 0) {
		unpublish(dp, h);
		return;
	}
	dp->tables.neighbour[index] = n;
	if (route_set(dp, i->table, &p, nexthop(NEXTHOP_NEIGHBOUR, index)) != 0) {
		entry_free(dp, NULL, index);
		return;
	}
	h->entry = index;
	h->has_entry = true;
	dp->host_of[index] = h;
	if (h->watched)
		underlay_host_changed(dp);
	if (had)
		host_entry_retire(dp, old);
}

static void rebuild_overlay(void *ctx, struct host *h)
{
	struct dataplane *dp = ctx;
	const struct interface *i = interface_get(dp, h->interface);

	if (i && i->kind == INTERFACE_VXLAN && host_is_known(h))
		publish(dp, h);
}

void host_ways_changed(struct dataplane *dp)
{
	neighbours_walk(dp->neighbours, rebuild_overlay, dp);
	vtep_ways_changed(dp);
}

/* What lies over the underlay has the head of its way inside its own. All ways are pinned; what any
 * other host of a port's network says costs nothing here. */
static void underlay_changed(struct dataplane *dp, const struct host *h)
{
	const struct interface *i = interface_get(dp, h->interface);

	if (i && i->kind == INTERFACE_PORT && h->pinned)
		host_ways_changed(dp);
}

static void resolved(void *ctx, struct host *h)
{
	publish(ctx, h);
	underlay_changed(ctx, h);
}

static void lost(void *ctx, struct host *h)
{
	unpublish(ctx, h);
	underlay_changed(ctx, h);
}

static void release(void *ctx, void *packet, bool send)
{
	struct dataplane *dp = ctx;

	if (!send)
		drop(dp, packet, DROP_UNRESOLVED);
	else if (inject(dp, 0, INJECT_MAIN, packet) != 0)
		counter_add(&dp->main_drop[DROP_PUNT_FULL], 1);
}

static const struct neighbour_ops neighbour_ops = { ask, resolved, lost, release };

/* ---- ways --------------------------------------------------------------------------------- */

/* Next hops of routes are kept anyway. */
void host_pin_way(struct dataplane *dp, const struct addr *a)
{
	for (unsigned k = 0; k < dp->n_ports; k++) {
		if (host_is_on_link(interface_get(dp, k), a)) {
			neighbours_pin(dp->neighbours, dp->now, k, a);
			return;
		}
	}
}

void host_unpin_way(struct dataplane *dp, const struct addr *a)
{
	for (unsigned k = 0; k < dp->n_ports; k++)
		neighbours_unpin(dp->neighbours, k, a);
}

void host_interface_added(struct dataplane *dp, uint32_t interface)
{
	struct interface *i = interface_get(dp, interface);

	if (i->kind == INTERFACE_VXLAN) {
		vtep_ports_of(dp, i);
		host_pin_way(dp, &i->remote_vtep);
	}
}

struct leaving {
	struct dataplane *dp;
	uint32_t interface;
};

static void unpublish_if(void *ctx, struct host *h)
{
	const struct leaving *l = ctx;

	if (h->interface == l->interface)
		unpublish(l->dp, h);
}

struct forgetting {
	struct dataplane *dp;
	uint32_t interface;
	const struct prefix *prefix;
};

static void forget_if(void *ctx, struct host *h)
{
	const struct forgetting *f = ctx;

	if (h->interface != f->interface || !prefix_contains(f->prefix, &h->addr))
		return;
	unpublish(f->dp, h);
	neighbours_forget(f->dp->neighbours, h);
}

void host_forget(struct dataplane *dp, uint32_t interface, const struct prefix *p)
{
	struct forgetting f = { dp, interface, p };

	neighbours_walk(dp->neighbours, forget_if, &f);
}

void host_interface_deleted(struct dataplane *dp, uint32_t interface)
{
	struct leaving l = { dp, interface };

	neighbours_walk(dp->neighbours, unpublish_if, &l);
	neighbours_drop_interface(dp->neighbours, interface);
}

/* ---- punted packets ----------------------------------------------------------------------- */

/* Nothing that a host says moves one that is listed. */
static bool may_learn(const struct interface *i, const struct addr *a)
{
	return host_is_on_link(i, a) && !vtep_lists(i, a);
}

/* Our own frame again, or somebody has our address: nothing could be done about it here, but an
 * operator should see it. */
static void has_ours(struct dataplane *dp, const struct interface *i, const uint8_t mac[6])
{
	if (memcmp(mac, i->mac, sizeof(i->mac)) != 0)
		counter_add(&dp->main_drop[DROP_SPOOFED], 1);
}

static void got_arp(struct dataplane *dp, const struct interface *i, const uint8_t *p, unsigned len)
{
	struct arp arp, reply;
	bool to_us;

	if (!arp_read(&arp, p, len) || (arp.sender_mac[0] & 1)) {
		counter_add(&dp->main_drop[DROP_MALFORMED], 1);
		return;
	}
	if (is_own(i, &arp.sender)) {
		has_ours(dp, i, arp.sender_mac);
		return;
	}
	to_us = is_own(i, &arp.target);
	if (!addr_is_unspecified(&arp.sender) && may_learn(i, &arp.sender))
		neighbours_heard(dp->neighbours, dp->now, i->index, &arp.sender, arp.sender_mac,
				 to_us);
	if (!to_us || !arp.request)
		return;
	reply = (struct arp){ .sender = arp.target, .target = arp.sender };
	memcpy(reply.sender_mac, i->mac, 6);
	send_arp(dp, i, arp.sender_mac, &reply, arp.sender_mac);
}

/* RFC 4861 §7.2.5: of somebody who was asked for, or is known. Without `override` it moves nobody;
 * without an address it is from where we asked. */
static void got_advertisement(struct dataplane *dp, const struct interface *i, const struct nd *nd)
{
	const struct host *h = neighbours_find(dp->neighbours, i->index, &nd->target);
	bool known = h && host_is_known(h), other;
	uint8_t mac[6];

	if (!h || is_own(i, &nd->target) || !may_learn(i, &nd->target) || (!known && !nd->has_mac))
		return;
	other = known && nd->has_mac && memcmp(nd->mac, h->mac, sizeof(h->mac)) != 0;
	if (other && !nd->override)
		return;
	memcpy(mac, nd->has_mac ? nd->mac : h->mac, sizeof(mac));
	neighbours_heard(dp->neighbours, dp->now, i->index, &nd->target, mac,
			 nd->solicited && is_own(i, &nd->dst));
}

static void got_nd(struct dataplane *dp, const struct interface *i, const uint8_t *eth,
		   const uint8_t *p, unsigned len)
{
	const uint8_t *src_mac = eth + 6;
	struct nd nd, reply;
	uint8_t mac[6];

	if (!nd_read(&nd, p, len) || (src_mac[0] & 1)) {
		counter_add(&dp->main_drop[DROP_MALFORMED], 1);
		return;
	}
	if (is_own(i, &nd.src)) {
		has_ours(dp, i, src_mac);
		return;
	}
	if (!nd.solicitation) {
		got_advertisement(dp, i, &nd);
		return;
	}
	if (!is_own(i, &nd.target))
		return;
	if (nd.has_mac && may_learn(i, &nd.src))
		neighbours_heard(dp->neighbours, dp->now, i->index, &nd.src, nd.mac, true);
	reply = (struct nd){ .src = nd.target,
			     .target = nd.target,
			     .dst = nd.src,
			     .override = true,
			     .has_mac = true };
	memcpy(reply.mac, i->mac, 6);
	memcpy(mac, nd.has_mac ? nd.mac : src_mac, 6);
	if (addr_is_unspecified(&nd.src)) { /* duplicate address detection: tell all nodes */
		reply.dst = (struct addr){ .family = ADDR_IPV6, .b = { 0xff, 2, [15] = 1 } };
		nd_multicast_mac(mac, &reply.dst);
	} else {
		reply.solicited = true;
	}
	send_nd(dp, i, &nd.src, mac, &reply);
}

static void got_neigh(struct dataplane *dp, struct rte_mbuf *m, const struct tag *tag)
{
	const struct interface *i = interface_get(dp, tag->value);
	const uint8_t *eth = packet(m);

	if (!i) {
		drop(dp, m, DROP_NOT_FOR_US);
		return;
	}
	if (get_be16(eth + tag->at - 2) == ETHERTYPE_ARP)
		got_arp(dp, i, eth + tag->at, m->data_len - tag->at);
	else
		got_nd(dp, i, eth, eth + tag->at, m->data_len - tag->at);
	rte_pktmbuf_free(m);
}

static void got_local(struct dataplane *dp, struct rte_mbuf *m, const struct tag *tag)
{
	if (!echo_reply(packet(m), m->data_len)) {
		drop(dp, m, DROP_NO_PROTOCOL);
		return;
	}
	tag_set(m, TAG_ROUTE, 0, tag->value);
	if (inject(dp, 0, INJECT_MAIN, m) != 0)
		counter_add(&dp->main_drop[DROP_PUNT_FULL], 1);
}

/* A packet for a host that nobody has asked for yet: itself if it is on the link, else the port's
 * next hop. */
static void got_unresolved(struct dataplane *dp, struct rte_mbuf *m, const struct tag *tag)
{
	const struct interface *i = interface_get(dp, tag->value);
	uint32_t interface = tag->value;
	const uint8_t *ip = packet(m);
	struct addr to = { .family = ADDR_IPV6 };
	struct host *h;

	if (!i) {
		drop(dp, m, DROP_UNRESOLVED);
		return;
	}
	if (ip[0] >> 4 == 4)
		to = addr_ipv4(get_be32(ip + 16));
	else
		memcpy(to.b, ip + 24, 16);
	if (!host_is_on_link(i, &to) && i->kind == INTERFACE_PORT &&
	    !underlay_next_hop(dp, &to, &interface, &to))
		to.family = ADDR_NONE;
	if (to.family == ADDR_NONE || addr_is_multicast(&to)) {
		drop(dp, m, DROP_UNRESOLVED);
		return;
	}
	h = neighbours_find(dp->neighbours, interface, &to);
	if (h && host_is_known(h) && !is_published(dp, interface_get(dp, interface), h))
		publish(dp, h); /* its route gave way to one that is gone meanwhile */
	/* Known, but there is no way to the other end of its VXLAN, or another route: waiting for
	 * the host itself would be in vain. */
	if ((h && !h->has_entry && host_is_known(h)) || vtep_lists(i, &to)) {
		host_pin_way(dp, vtep_of(i, &to));
		drop(dp, m, DROP_UNRESOLVED);
		return;
	}
	/* Of buffers like its own there are few, which whoever scans must not have: the host is
	 * asked for, but it does not wait. */
	if (m->buf_len >= REASSEMBLE_BUFFER) {
		drop(dp, m, DROP_UNRESOLVED);
		neighbours_want(dp->neighbours, dp->now, interface, &to, NULL);
		return;
	}
	/* Where it came from is not known here any more; a link is all that it may leave on. */
	tag_set(m, TAG_ROUTE, 0, i->table | BURST_TUNNEL);
	neighbours_want(dp->neighbours, dp->now, interface, &to, m);
}

static bool take(struct dataplane *dp, struct rte_ring *r)
{
	struct rte_mbuf *m[AT_ONCE];
	unsigned n, i;

	n = rte_ring_sc_dequeue_burst(r, (void **)m, AT_ONCE, NULL);
	for (i = 0; i < n; i++) {
		const struct tag tag = *tag_of(m[i]);

		switch (tag.kind) {
		case TAG_PUNT_NEIGH:
			got_neigh(dp, m[i], &tag);
			break;
		case TAG_PUNT_LOCAL:
			got_local(dp, m[i], &tag);
			break;
		case TAG_PUNT_INNER:
			inner_take(dp, m[i], tag.value);
			break;
		case TAG_PUNT_TTL:
		case TAG_PUNT_TOO_BIG:
			complaint_take(dp, m[i], &tag);
			break;
		case TAG_PUNT_RESOLVE:
			got_unresolved(dp, m[i], &tag);
			break;
		default:
			drop(dp, m[i], DROP_NO_PROTOCOL);
		}
	}
	return n > 0;
}

/* ---- the face ----------------------------------------------------------------------------- */

int host_open(struct dataplane *dp)
{
	dp->neighbours_free = calloc(NEIGHBOURS_MAX, sizeof(*dp->neighbours_free));
	dp->neighbours = neighbours_new(&neighbour_ops, dp, NEIGHBOURS_MAX / 2, INTERFACES_MAX);
	dp->host_of = calloc(NEIGHBOURS_MAX, sizeof(struct host *));
	dp->underlay = underlay_new();
	return dp->neighbours_free && dp->neighbours && dp->host_of && dp->underlay ? 0 : -ENOMEM;
}

void host_close(struct dataplane *dp)
{
	neighbours_free(dp->neighbours);
	underlay_free(dp->underlay);
	free(dp->neighbours_free);
	free(dp->host_of);
}

int dataplane_main_fd(struct dataplane *dp)
{
	return dp->main_bell.fd;
}

uint64_t dataplane_main_poll(struct dataplane *dp, uint64_t now)
{
	uint64_t next;
	bool more = false;

	shared_set(&dp->now, now);
	doorbell_awake(&dp->main_bell);
	for (unsigned i = 0; i < dp->n_workers; i++)
		(void)take(dp, dp->to_main[i]);
	next = neighbours_tick(dp->neighbours, now);
	retire_run(&dp->retired, dp->tables.qsbr, false);
	if (fib_heap_reclaim(dp->heap))
		next = RTE_MIN(next, now + NEIGHBOUR_SECOND);
	if (!STAILQ_EMPTY(&dp->retired))
		next = RTE_MIN(next, now + GRACE);
	next = RTE_MIN(next, pulse_take(dp, now));
	doorbell_sleep(&dp->main_bell);
	for (unsigned i = 0; i < dp->n_workers; i++)
		more |= !rte_ring_empty(dp->to_main[i]);
	return more ? now : next;
}

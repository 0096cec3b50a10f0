/* What all workers read and the main thread writes: routes, tunnels, connections, interfaces,
 * neighbours.
 *
 * Changes are published by single stores. Whatever a worker may still read is reused or freed only
 * after every worker passed a quiescent point (tables->qsbr). Arrays have their final size from
 * the start and are backed by memory only where they are used. */
#ifndef DATAPLANE_TABLES_H
#define DATAPLANE_TABLES_H

#include "dataplane/dataplane.h"
#include "dataplane/tally.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#define TABLES_MAX	16384
#define TUNNELS_MAX	32768
#define CONNECTIONS_MAX 32768
#define BUNDLES_MAX	32768
#define SETS_MAX	(CONNECTIONS_MAX + BUNDLES_MAX)
#define INTERFACES_MAX	16384
#define NEIGHBOURS_MAX	65536
#define PORTS_MAX	32 /* bits of struct interface's ports */
#define NO_TUNNEL	UINT16_MAX
_Static_assert(TABLES_MAX <= 1 << 14 && TUNNELS_MAX <= 1 << 15, "as BURST_TABLE and burst_from()");
_Static_assert(NEXTHOP_BUNDLE == CONNECTIONS_MAX, "a next hop's index is its set's");

#define OWN_ORDER 18
#define OWN_BITS  (1u << OWN_ORDER)

#define PEERS_ORDER 18
#define PEERS_BITS  (1u << PEERS_ORDER)

struct fib;
struct policer;
struct sa;

/* One tunnel as packets see it. */
struct tunnel {
	/* main: rw; workers: ro */
	uint32_t table; /* where decrypted packets are looked up */
	bool used, up;
	bool leaving; /* deleted, but a worker may be at it still */
	bool mss_clamp;
	bool on_demand;
	bool transit;
	uint8_t df;		       /* enum dataplane_df */
	uint16_t mtu_most;	       /* of inner packets; 0: what fits */
	struct policer *policer;       /* the owner worker's; NULL: no limit */
	struct addr inner, inner_peer; /* workers: where spoofing is suspected */

	_Alignas(RTE_CACHE_LINE_SIZE)
		uint32_t mtu; /* of inner packets, by the outbound SA; 0: there was none */
	/* any worker: rw; TSC until which nobody is told again that packets want it */
	_Atomic uint64_t wanted;
	struct tally tally; /* control threads: rw */
};
_Static_assert(offsetof(struct tunnel, mtu) == RTE_CACHE_LINE_SIZE, "one line is shared");

/* The tunnels of a connection, or of a bundle: a flow's hash picks a bucket, the bucket names the
 * tunnel. main: rw; workers: ro */
#define SET_BUCKETS 120
struct tunnel_set {
	uint16_t n; /* tunnels that are UP; with one of them there is no need to hash */
	uint16_t spare[7];
	uint16_t bucket[SET_BUCKETS];		/* tunnel + 1; 0: none is UP */
	uint16_t member[DATAPLANE_SET_TUNNELS]; /* tunnel + 1; 0: no more. Read when none is UP */
};
_Static_assert(sizeof(struct tunnel_set) == 5 * RTE_CACHE_LINE_SIZE,
	       "four lines, and one that is rarely read");

/* A resolved next hop: everything that goes before an IP packet, ready to be copied. Immutable
 * while a worker can reach it: a change makes a new one. */
enum neighbour_kind { NEIGHBOUR_ETHER, NEIGHBOUR_VLAN, NEIGHBOUR_VXLAN4, NEIGHBOUR_VXLAN6 };
#define NEIGHBOUR_HEAD 104

struct neighbour {
	uint16_t port;	 /* DPDK port */
	uint16_t mtu;	 /* largest IP packet that may follow the head */
	uint8_t kind;	 /* enum neighbour_kind */
	uint8_t len;	 /* bytes of head */
	uint16_t ip_at;	 /* VXLAN: offset of the outer IP header */
	uint32_t ip_sum; /* VXLAN over IPv4: sum of the outer header's words without its length */
	uint32_t interface;
	uint8_t head[NEIGHBOUR_HEAD];
	uint8_t spare[8];
};
_Static_assert(sizeof(struct neighbour) == 2 * RTE_CACHE_LINE_SIZE, "a neighbour is two lines");

struct vtep_hosts;
struct vtep_set;

/* A network we are part of: a port's own, or a VPC's on a port. Immutable while published, but for
 * what says otherwise. */
enum interface_kind { INTERFACE_PORT, INTERFACE_VLAN, INTERFACE_VXLAN };

struct interface {
	uint32_t index;
	uint8_t kind; /* enum interface_kind */
	uint8_t mac[6];
	uint16_t port; /* DPDK port */
	uint16_t mtu;  /* of IP packets in this network */
	uint16_t vlan_id;
	uint32_t vni;
	struct addr local_vtep, remote_vtep;
	/* main: w; workers: ro. VXLAN's other ends beside remote_vtep; NULL: none */
	struct vtep_set *_Atomic others;
	_Atomic uint32_t ports;	  /* the same: by DPDK number, those that the ends are reached by */
	struct vtep_hosts *hosts; /* main: the hosts that are not asked for */
	uint32_t table;
	unsigned n_addresses;
	struct prefix address[CONF_PORT_ADDRS];
};

struct port_table {	    /* what classify needs to know of a DPDK port; main: rw; workers: ro */
	uint64_t mac;	    /* as loaded from the wire, upper 16 bits zero */
	uint32_t interface; /* the port's own */
	uint32_t *vlan;	    /* 4096 interfaces + 1 by VLAN ID; 0: none; NULL: no VLAN at all */
};

struct tables {
	struct fib *_Atomic fib[TABLES_MAX];
	struct interface *_Atomic interface[INTERFACES_MAX];
	uint32_t
		*_Atomic vni[4096]; /* VNI's upper 12 bits, then lower 12: interface + 1; 0: none */
	struct port_table port[RTE_MAX_ETHPORTS];
	struct tunnel *tunnel; /* TUNNELS_MAX */
	/* The worker that holds a tunnel's SAs. Apart from the rest, which another worker has no
	 * need to touch: every line of it that it looks at costs the owner one. */
	uint8_t owner[TUNNELS_MAX];
	/* By tunnel: the outbound SA in use; NULL: none. Owner worker: rw. All that a packet needs
	 * to know of a tunnel that has one, eight of them in a line. */
	struct sa *out[TUNNELS_MAX];
	/* By tunnel: packets that are known to be its; owner worker: rw; readers a moment late */
	uint64_t (*tunnel_drop)[DROP_REASON_COUNT];
	struct tunnel_set *set; /* SETS_MAX: connections, then bundles */
	/* By set: tunnel + 1 where one alone is UP, so that nobody needs to look into the set; else
	 * 0. */
	uint16_t set_only[SETS_MAX];
	struct neighbour *neighbour; /* NEIGHBOURS_MAX */
	/* Changes after every change of the underlay's routes or neighbours: an outbound SA's next
	 * hop found under an older epoch is looked up again. */
	_Atomic uint32_t underlay_epoch;
	_Atomic uint64_t
		routes_epoch; /* the same for any table: what lookups found before is old */
	struct rte_rcu_qsbr *qsbr;
	/* By hash of an address: it may be one of ours, in some table. main: w; workers: ro */
	uint64_t own[OWN_BITS / 64];
	uint64_t peers[PEERS_BITS / 64]; /* peers.h */
};

#endif

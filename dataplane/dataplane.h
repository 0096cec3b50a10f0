/* The dataplane's face: what the main and the negotiator thread may do to it.
 *
 * Main owns ports, interfaces, tables, tunnels' forwarding entries and neighbours; the negotiator
 * owns SAs and SPIs; workers own packets. Each function says whose it is. Nothing here blocks, and
 * nothing stops a worker: shared tables are published by stores and freed after every worker
 * passed a quiescent point; SAs travel to their owner worker through rings.
 * Functions return 0 or a negative errno unless they say otherwise. */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

#include "conf/addr.h"
#include "conf/algo.h"
#include "conf/model.h"
#include "dataplane/drop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataplane;

/* ---- life (main) ------------------------------------------------------------------------- */

/* Starts EAL, opens the ports, makes rings, tables and workers' memory as *c asks; nothing runs
 * yet. Once per process. On failure *error gets a static or thread-local text that names the port
 * or resource. */
int dataplane_open(struct dataplane **dp, const struct conf *c, const char **error);
int dataplane_start(struct dataplane *dp); /* launches the workers */
void dataplane_close(
	struct dataplane *dp); /* stops workers, closes ports, wipes keys. NULL is fine */
const char *dataplane_summary(struct dataplane *dp); /* "IPsec-MB 1.3 AVX512 (VAES), no hugepages, 2
							workers": for log and bench */

/* What encrypts, of all workers. *fast, may be NULL, false: this CPU could do better, something is
 * wrong. */
const char *dataplane_engine(struct dataplane *dp, bool *fast);

/* ---- routes (main) ----------------------------------------------------------------------- */

/* What a route leads to: kind and index of the object, packed as the FIB stores it. */
enum nexthop_kind {
	NEXTHOP_NONE, /* no route */
	NEXTHOP_DISCARD,
	NEXTHOP_LOCAL,	    /* one of our addresses: punt; index: interface, or tunnel |
			       NEXTHOP_LOCAL_TUNNEL */
	NEXTHOP_TABLE,	    /* look up again; index: table */
	NEXTHOP_LINK,	    /* on-link of an interface, address not resolved; index: interface */
	NEXTHOP_NEIGHBOUR,  /* index: neighbour */
	NEXTHOP_CONNECTION, /* index: connection, or bundle | NEXTHOP_BUNDLE; the flow's hash picks
			       one of its tunnels that is UP */
	NEXTHOP_TUNNEL,	    /* index: tunnel */
};
#define NEXTHOP_INDEX_BITS   28
#define NEXTHOP_LOCAL_TUNNEL (1u << 27)
#define NEXTHOP_BUNDLE	     (1u << 15)
#define NEXTHOP_MARTIAN	     1u /* NEXTHOP_DISCARD's: not the route says so, but the address */

static inline uint32_t nexthop(enum nexthop_kind kind, uint32_t index)
{
	return (uint32_t)kind << NEXTHOP_INDEX_BITS | index;
}
static inline enum nexthop_kind nexthop_kind(uint32_t nh)
{
	return (enum nexthop_kind)(nh >> NEXTHOP_INDEX_BITS);
}
static inline uint32_t nexthop_index(uint32_t nh)
{
	return nh & ((1u << NEXTHOP_INDEX_BITS) - 1);
}

#define DATAPLANE_UNDERLAY 0 /* the table of the ports' own networks; exists from the start */

int dataplane_table_add(struct dataplane *dp, uint32_t *table);
int dataplane_table_delete(struct dataplane *dp,
			   uint32_t table); /* nothing may lead to it any more */
int dataplane_route_set(struct dataplane *dp, uint32_t table, const struct prefix *p,
			uint32_t nh); /* adds or replaces */
int dataplane_route_delete(struct dataplane *dp, uint32_t table, const struct prefix *p);
uint32_t dataplane_route_lookup(struct dataplane *dp, uint32_t table,
				const struct addr *a); /* NEXTHOP_NONE << 28: none */
/* Exactly this prefix's; the same if there is none. */
uint32_t dataplane_route_get(struct dataplane *dp, uint32_t table, const struct prefix *p);

/* ---- interfaces and neighbours (main) ---------------------------------------------------- */

/* A VPC's network on a port: VXLAN or VLAN. (The ports' own interfaces are made by
 * dataplane_open(): connected routes, own addresses and default next hops go into the underlay
 * table.) */
struct dataplane_attachment {
	enum conf_encap encap;
	uint32_t port; /* index in conf */
	uint32_t vni;
	struct addr local_vtep, remote_vtep;
	uint16_t vlan_id;
	uint8_t mac[6];
	uint16_t mtu;
	uint32_t table; /* the VPC's: where packets from it are looked up, and where its hosts are
			   found */
	unsigned n_addresses;
	struct prefix address[CONF_PORT_ADDRS];
};
/* Installs own addresses (NEXTHOP_LOCAL) and connected prefixes (NEXTHOP_LINK) in the VPC's table.
 */
int dataplane_attachment_add(struct dataplane *dp, const struct dataplane_attachment *a,
			     uint32_t *interface);
/* Routes of its table that lead elsewhere meanwhile stay. */
int dataplane_attachment_delete(struct dataplane *dp, uint32_t interface);

/* A host of a VXLAN network, or a network behind one MAC address, that is behind an end of its own.
 * Nobody asks for it by ARP or ND; what it sends through that end is taken. */
struct dataplane_vxlan_host {
	struct prefix to; /* no host bits set */
	struct addr vtep; /* of local_vtep's family */
	uint8_t mac[6];
};
/* Adds, or replaces the one of the same prefix. A prefix that the attachment's own addresses or
 * networks have is the caller's mistake. -ENOENT: no such VXLAN attachment. */
int dataplane_vxlan_host_set(struct dataplane *dp, uint32_t interface,
			     const struct dataplane_vxlan_host *host);
/* -ENOENT as well: not in the list. Its addresses are then asked for behind remote_vtep. */
int dataplane_vxlan_host_delete(struct dataplane *dp, uint32_t interface, const struct prefix *to);

/* For show: everybody that is known on an interface's network, or asked for. */
struct dataplane_neighbour {
	struct prefix to;
	const char *state; /* "listed", "reachable", "asked", "failed" */
	bool has_mac;
	uint8_t mac[6];
	struct addr vtep;	       /* VXLAN: behind which end; else ADDR_NONE */
	char on[CONF_NAME_BYTES + 32]; /* "wan", "lan VXLAN 5001" */
};
void dataplane_neighbour_walk(struct dataplane *dp,
			      void (*fn)(void *ctx, const struct dataplane_neighbour *n),
			      void *ctx);

/* The underlay's routes beside the ports' own networks: from the start the configuration's. Each
 * has up to DATAPLANE_WAYS next hops on ports' networks, the one to be preferred first. The first
 * one that answers ARP or ND carries the route; all are asked again every second, and when one has
 * been silent for three of them the next one takes over until it is back. If none answers, packets
 * wait for the first one. Replaces what the prefix had. -EHOSTUNREACH: a next hop is not on its
 * port's networks. */
struct dataplane_way {
	uint32_t port; /* index in conf */
	struct addr next_hop;
};
#define DATAPLANE_WAYS 8
int dataplane_underlay_set(struct dataplane *dp, const struct prefix *p,
			   const struct dataplane_way *way, unsigned n);
int dataplane_underlay_delete(struct dataplane *dp, const struct prefix *p);

/* ---- tunnels, connections and bundles (main) --------------------------------------------- */

/* The outer IPv4 header's don't-fragment bit. */
enum dataplane_df {
	DATAPLANE_DF_SET,
	DATAPLANE_DF_COPY, /* the inner packet's; IPv6's is set */
	DATAPLANE_DF_CLEAR,
};

struct dataplane_tunnel {
	struct addr cloud_ip,
		customer_ip; /* outer; decides port and neighbour through the underlay table */
	uint32_t table;	     /* the border gateway's: where decrypted packets are looked up */
	struct prefix inner; /* our inner address */
	struct addr inner_peer;
	uint16_t mtu;	/* of inner packets, at most; 0: as many bytes as fit */
	bool mss_clamp; /* TCP's segments, in both directions, are kept within it */
	bool on_demand; /* packets for it while it is not UP are told to the negotiator */
	bool transit;	/* what comes out of it may go into another tunnel */
	enum dataplane_df df;
	uint32_t bandwidth; /* Mbit/s of inner packets in each direction; 0: no limit */
};
/* Also installs inner (local) and inner_peer (NEXTHOP_TUNNEL) in its table. Chooses the owner
 * worker. A new tunnel is DOWN. */
int dataplane_tunnel_add(struct dataplane *dp, uint32_t tunnel, const struct dataplane_tunnel *t);
/* Other settings for the same tunnel, of the same table: packets go on. Of mss_clamp, df,
 * bandwidth and transit its SAs hear by dataplane_sa_refresh(). -EINVAL: another table. */
int dataplane_tunnel_change(struct dataplane *dp, uint32_t tunnel,
			    const struct dataplane_tunnel *t);
/* After its SAs (dataplane_order_reached()). Routes that lead elsewhere meanwhile stay. -EBUSY:
 * still in a set. Its number may be used again when dataplane_tunnel_gone(). */
int dataplane_tunnel_delete(struct dataplane *dp, uint32_t tunnel);
bool dataplane_tunnel_gone(struct dataplane *dp, uint32_t tunnel);

/* UP: flows may take it; DOWN, or drained: none does. Rewrites every connection and bundle with
 * this tunnel in it (a few hundred bytes each) and no route, however many lead there. When a
 * tunnel goes DOWN only its flows move, evenly to those that are left; when it is back, flows move
 * only to it. */
int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up);

/* The tunnels of a connection, UP or not. Without one that is UP its packets are dropped as
 * no-tunnel-up. The flows of tunnels that stay mostly stay. */
#define DATAPLANE_SET_TUNNELS 32
int dataplane_connection_set(struct dataplane *dp, uint32_t connection, const uint32_t *tunnels,
			     unsigned n);

/* A bundle: a set of tunnels, of any connections, as one next hop (for routes learnt from several
 * peers). Equal sets are one bundle, found by hash and counted: each hold needs its release, after
 * the routes that lead there are gone or changed. *nh: what to give to dataplane_route_set(). Order
 * and repetitions do not matter; 1 <= n <= DATAPLANE_SET_TUNNELS. */
int dataplane_bundle_hold(struct dataplane *dp, const uint32_t *tunnels, unsigned n, uint32_t *nh);
void dataplane_bundle_release(struct dataplane *dp, uint32_t nh);

/* ---- punted packets and timers (main) ---------------------------------------------------- */

struct dataplane_main_ops {
	/* An IP packet to a tunnel's inner local address: what the peer sent through the tunnel, or
	 * a VPC's host on its own. Whole, checked as far as its IP header; the bytes are valid
	 * during the call. False: not wanted; then the dataplane answers echo requests itself and
	 * drops the rest. May send. */
	bool (*inner)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len);
};
/* NULL: nobody takes them. ops is kept. */
void dataplane_main_register(struct dataplane *dp, const struct dataplane_main_ops *ops, void *ctx);

/* Who is asked first whether the packet answers something of his; true: it did. NULL: nobody. */
void dataplane_main_answers(struct dataplane *dp,
			    bool (*fn)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len),
			    void *ctx);

/* One IP packet from a tunnel's inner local address: into the tunnel if it is for the tunnel's
 * inner peer, whatever the routes say, else wherever the tunnel's table leads. Its TTL stays as it
 * is. -EINVAL: no such tunnel, or no whole IP packet; -EMSGSIZE; -EAGAIN: no buffer or ring full.
 */
int dataplane_send_inner(struct dataplane *dp, uint32_t tunnel, const uint8_t *ip, size_t len);

int dataplane_main_fd(
	struct dataplane *dp); /* an eventfd: readable when there is something for main */
/* Handles punted ARP, ND and ICMP, hands over what is for inner addresses, resolves and ages
 * neighbours. now: microseconds, monotonic. Returns when it wants to be called next (at the latest;
 * the fd may come first). */
uint64_t dataplane_main_poll(struct dataplane *dp, uint64_t now);

/* ---- SAs and IKE packets (negotiator) ---------------------------------------------------- */

/* One range of inner addresses, ports and protocols. */
struct dataplane_selector {
	struct addr first, last;
	uint16_t port_first, port_last;
	uint8_t protocol; /* 0: any */
};
#define DATAPLANE_SELECTORS 8

struct dataplane_sa {
	uint32_t tunnel;
	bool inbound;
	uint32_t spi; /* host order */
	/* Outbound. The SPI that it takes over from; 0: the tunnel's first one, if any. Or sent on
	 * beside those that are there, for packets that fit none of their selectors. */
	uint32_t replaces;
	bool beside;
	enum algo_cipher cipher;
	enum algo_auth auth;
	const uint8_t *cipher_key; /* AEAD: key, then salt */
	size_t cipher_key_len;
	const uint8_t *auth_key;
	size_t auth_key_len;
	uint8_t icv_bytes; /* on the wire: the algorithm's, or of HMACs 12; 0: the algorithm's */
	bool esn;
	bool udp;
	struct endpoint local, remote; /* outer; ports matter with udp */
	uint32_t replay_window;
	/* Limits of inner packets and bytes; 0: none. Reaching a soft one is reported once, with
	 * that of the sequence numbers; from a hard one on the SA carries nothing any more. */
	uint64_t soft_packets, soft_bytes, hard_packets, hard_bytes;
	unsigned n_local, n_remote; /* 0: everything */
	struct dataplane_selector sel_local[DATAPLANE_SELECTORS], sel_remote[DATAPLANE_SELECTORS];
};

int dataplane_negotiator_register(struct dataplane *dp); /* first call of that thread */
void dataplane_negotiator_unregister(struct dataplane *dp);
uint32_t dataplane_spi_alloc(struct dataplane *dp,
			     uint32_t tunnel); /* 0: none left. Encodes owner, slot, generation */
void dataplane_spi_free(struct dataplane *dp, uint32_t tunnel,
			uint32_t spi); /* one that was never installed */
/* Builds the SA (keys expanded here) and sends it to its owner worker. Inbound: live beside the
 * others. Outbound: replaces one in use, or goes beside them. Order per tunnel is kept. -EAGAIN:
 * ring full, nothing happened. */
int dataplane_sa_install(struct dataplane *dp, const struct dataplane_sa *sa);
int dataplane_sa_remove(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi);
int dataplane_sa_move(struct dataplane *dp, uint32_t tunnel, uint32_t spi_out,
		      const struct endpoint *local, const struct endpoint *remote);
/* The tunnel's settings changed: its SAs follow. -EAGAIN: ring full, some did; again. */
int dataplane_sa_refresh(struct dataplane *dp, uint32_t tunnel);
/* A mark behind all that was ordered for the tunnel's SAs so far; and has its worker done that? */
uint64_t dataplane_order_mark(struct dataplane *dp, uint32_t tunnel);
bool dataplane_order_reached(struct dataplane *dp, uint32_t tunnel, uint64_t mark);
uint64_t dataplane_inbound_packets(struct dataplane *dp,
				   uint32_t tunnel); /* authenticated ESP packets */

struct dataplane_sa_stats {
	uint64_t packets, bytes; /* inner */
	uint64_t sequence;	 /* last sent, or highest seen */
	uint64_t replayed, bad_icv;
};
int dataplane_sa_stats(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi,
		       struct dataplane_sa_stats *out);

int dataplane_negotiator_fd(struct dataplane *dp); /* an eventfd */
struct dataplane_negotiator_ops {
	void (*packet)(void *ctx, const struct endpoint *local, const struct endpoint *remote,
		       const uint8_t *data, size_t len);
	void (*sa_used)(void *ctx, uint32_t tunnel,
			uint32_t spi_in); /* first authenticated packet */
	/* Once for an SA: its packets, bytes or sequence numbers run out soon. */
	void (*sa_soft_limit)(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound);
	/* Once for an SA: they did, and it carries nothing any more. */
	void (*sa_hard_limit)(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound);
	/* There are packets for a tunnel on demand, or for a set of which none is UP: about once a
	 * second while it lasts. */
	void (*tunnel_wanted)(void *ctx, uint32_t tunnel);
};
/* Takes what came from the workers: at most one burst. Returns true if there may be more. */
bool dataplane_negotiator_poll(struct dataplane *dp, const struct dataplane_negotiator_ops *ops,
			       void *ctx);
/* One UDP datagram out of the underlay, in IP fragments if the smallest port's MTU is less.
 * -EAGAIN: no buffer or ring full; -ENETUNREACH; -EMSGSIZE: more than 16,000 bytes. */
int dataplane_send_udp(struct dataplane *dp, const struct endpoint *local,
		       const struct endpoint *remote, const void *data, size_t len);

/* ---- explaining (main) ------------------------------------------------------------------- */

/* Where a packet would go by the tables that workers read now. */
struct dataplane_step {
	uint32_t table;
	struct prefix route; /* the longest that covers the destination */
	bool found;
	uint32_t nh;
};
#define DATAPLANE_STEPS 3
struct dataplane_path {
	unsigned n_steps;
	struct dataplane_step step[DATAPLANE_STEPS];
	uint32_t nh;	 /* the last step's, or discard for its addresses' sake */
	bool table_loop; /* there were too many tables */
	/* A connection or a bundle: its tunnels and which of them the flow takes. */
	unsigned n_members, n_up;
	uint32_t member[DATAPLANE_SET_TUNNELS];
	int bucket;	 /* of the flow's hash; -1: it is not needed */
	uint32_t tunnel; /* UINT32_MAX: none */
};
/* ip: the packet, from its IP header on; len as far as its ports. -EINVAL: no IP packet;
 * -ENOENT: no such table. */
int dataplane_explain(struct dataplane *dp, uint32_t table, const uint8_t *ip, size_t len,
		      struct dataplane_path *out);

/* ---- watching (any thread; values are a moment old) -------------------------------------- */

#define WORKER_PHASES(_)        \
	_(RX, "rx")             \
	_(CLASSIFY, "classify") \
	_(ESP_IN, "esp-in")     \
	_(FORWARD, "forward")   \
	_(ESP_OUT, "esp-out")   \
	_(TX, "tx")             \
	_(CONTROL, "control")
enum worker_phase {
#define WORKER_PHASE_ENUM(name, key) PHASE_##name,
	WORKER_PHASES(WORKER_PHASE_ENUM)
#undef WORKER_PHASE_ENUM
		PHASE_COUNT
};
const char *worker_phase_name(enum worker_phase p);

/* Rings to a worker, and from it. _(NAME, "name") */
#define WORKER_RINGS(_)                                                    \
	_(ARRIVAL, "handed-over")	  /* packets of other workers */   \
	_(MAIN, "main")			  /* packets of main */            \
	_(NEGOTIATOR, "negotiator")	  /* packets of the negotiator */  \
	_(ORDERS, "orders")		  /* SAs that come, go and move */ \
	_(REPORTS, "reports")		  /* to the negotiator */          \
	_(TO_MAIN, "to-main")		  /* packets */                    \
	_(TO_NEGOTIATOR, "to-negotiator") /* packets */
enum worker_ring {
#define WORKER_RING_ENUM(name, key) RING_##name,
	WORKER_RINGS(WORKER_RING_ENUM)
#undef WORKER_RING_ENUM
		WORKER_RING_COUNT
};
const char *worker_ring_name(enum worker_ring r);

struct dataplane_worker_stats {
	unsigned lcore;
	uint32_t tunnels; /* owned */
	uint64_t loops, busy_loops, naps;
	uint64_t rx_packets, tx_packets;
	uint64_t esp_in_packets, esp_out_packets, handed_over;
	uint64_t phase_cycles[PHASE_COUNT]; /* TSC cycles in loops that had work */
	uint64_t phase_packets[PHASE_COUNT];
	uint64_t idle_cycles;
	uint64_t drop[DROP_REASON_COUNT];
	/* Times it did not run for 10 ms or more though it wanted to, and the longest of them. */
	uint64_t pauses, longest_pause; /* microseconds */

	/* written by main */
	uint32_t load;			  /* busy share of the last second, in thousandths */
	bool stuck;			  /* it has not turned for two seconds */
	uint64_t silent;		  /* since when, microseconds ago; 0: it turns */
	uint32_t ring[WORKER_RING_COUNT]; /* what waits now */
};
unsigned dataplane_workers(struct dataplane *dp);
int dataplane_worker_stats(struct dataplane *dp, unsigned worker,
			   struct dataplane_worker_stats *out);

/* Rings between threads: how many packets or messages wait, and how many may. */
struct dataplane_ring_stats {
	const char *name; /* "main-to-worker" */
	uint32_t waiting, room;
};
#define DATAPLANE_RINGS 8
/* Those at one worker; their number. */
unsigned dataplane_ring_stats(struct dataplane *dp, unsigned worker,
			      struct dataplane_ring_stats out[DATAPLANE_RINGS]);
/* Packet buffers that are free, and all there are. */
void dataplane_buffers(struct dataplane *dp, uint32_t *available, uint32_t *all);
bool dataplane_worker_stuck(const struct dataplane *dp, unsigned worker); /* main */

struct dataplane_tunnel_stats {
	uint64_t in_packets, in_bytes, in_wire_bytes; /* inner bytes; outer IP bytes */
	uint64_t out_packets, out_bytes, out_wire_bytes;
	uint64_t drop[DROP_REASON_COUNT]; /* packets that are known to be this tunnel's */
	uint32_t mtu; /* of inner packets, now; 0: not known before there is an SA */
};
int dataplane_tunnel_stats(struct dataplane *dp, uint32_t tunnel,
			   struct dataplane_tunnel_stats *out);

struct dataplane_port_stats {
	char device[64]; /* driver's name */
	uint8_t mac[6];
	bool link_up;
	uint16_t queues, mtu;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, tx_packets, tx_bytes, tx_errors;
};
unsigned dataplane_ports(struct dataplane *dp);
/* The port, index in conf, that DPDK knows by this number; -1: none of ours. */
int dataplane_port_by_id(const struct dataplane *dp, uint32_t id);
int dataplane_port_stats(struct dataplane *dp, unsigned port, struct dataplane_port_stats *out);

/* For show routes: every route of a table, in prefix order (main). */
int dataplane_route_walk(struct dataplane *dp, uint32_t table,
			 void (*fn)(void *ctx, const struct prefix *p, uint32_t nh), void *ctx);
/* For show: "10.0.0.9 on wan, 02:00:00:00:00:09", "on link, wan VLAN 100"; buf is returned. (main)
 */
const char *dataplane_nexthop_format(struct dataplane *dp, uint32_t nh, char *buf, size_t size);

#endif

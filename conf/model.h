/* The objects an operator configures, as one model: parsed from text, checked, compared and
 * applied. The names of structs and fields are the names in the file.
 *
 * Built and owned by the main thread. References between objects are pointers inside the same
 * model, set by conf_check(); arrays never move after that. A tunnel is flat but for its
 * secrets, so that another thread can be given a copy (conf_tunnel_copy). */
#ifndef CONF_MODEL_H
#define CONF_MODEL_H

#include "conf/addr.h"
#include "conf/algo.h"
#include "conf/problem.h"
#include "conf/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_NAME_BYTES	       129  /* 32 characters of any script, NUL */
#define CONF_DESCRIPTION_BYTES 1025 /* 256 characters of any script, NUL */
#define CONF_DEVICE_BYTES      256
#define CONF_ID_BYTES	       128
#define CONF_TS_MAX	       8 /* remote subnets of a connection */
#define CONF_PORT_ADDRS	       16
#define CONF_CLOUD_MAX	       8 /* cloud addresses of a connection */
#define CONF_DIGEST_BYTES      32
#define CONF_WORKERS_MAX       32
#define CONF_PATH_BYTES	       108 /* of a UNIX socket, NUL included */
/* In an offer of IKEv1, which has each combination of cipher, hash and group by itself: the message
 * has to fit where fragments do not pass. */
#define CONF_V1_TRANSFORMS 40

enum conf_id_type { CONF_ID_IPV4, CONF_ID_IPV6, CONF_ID_FQDN, CONF_ID_USER_FQDN, CONF_ID_KEY_ID };

struct conf_id {
	uint8_t type; /* enum conf_id_type */
	uint8_t len;
	uint8_t data[CONF_ID_BYTES]; /* as on the wire (RFC 7296 §3.5) */
};

/* Kinds of objects that are numbered (conf/number.h). */
enum conf_kind {
	CONF_BORDER_GATEWAY,
	CONF_VPC,
	CONF_ATTACHMENT,
	CONF_CUSTOMER_GATEWAY,
	CONF_CONNECTION,
	CONF_TUNNEL,
	CONF_KINDS
};

enum conf_start { CONF_START_INITIATE, CONF_START_RESPOND, CONF_START_ON_DEMAND };

enum conf_ike_version { CONF_IKE_V2, CONF_IKE_V1 };
enum conf_ike_mode { CONF_IKE_MAIN, CONF_IKE_AGGRESSIVE };

struct conf_workers {
	struct conf_where where;
	unsigned n;
	uint16_t lcore[CONF_WORKERS_MAX]; /* CPU numbers, one worker each; several may share one CPU
					   */
	bool idle_nap;	    /* an idle worker sleeps for short whiles instead of polling */
	bool hugepages;	    /* false: --no-huge; true: use them if there are any */
	uint32_t memory_mb; /* for packets and SAs */
	bool telemetry;	    /* DPDK's socket for dpdk-telemetry.py */
};

struct conf_port {
	struct conf_where where;
	char name[CONF_NAME_BYTES];
	char device[CONF_DEVICE_BYTES]; /* "0000:3b:00.0" or a vdev string
					   "net_af_packet0,iface=wan" */
	unsigned n_addresses;
	struct prefix address[CONF_PORT_ADDRS]; /* own addresses with their on-link prefix length */
	struct addr next_hop; /* default gateway reached by this port; ADDR_NONE: none */
	struct addr next_hop6;
	uint16_t mtu;
	uint16_t queues; /* 0: one per worker, as many as the device has */
};

/* A DPDK device of that driver: "net_af_packet0,iface=wan" or, as it was called once,
 * "eth_af_packet0" is one of "af_packet". */
bool conf_device_is(const char *device, const char *driver);

/* A route of the underlay: how the outer packets of tunnels, and VXLAN's, come to a network that
 * is no port's own. Of several next hops to one prefix, the first in the file that answers. */
struct conf_underlay_route {
	struct conf_where where;
	struct prefix prefix;
	struct addr next_hop; /* on the port's network */
	char port_name[CONF_NAME_BYTES];
	const struct conf_port *port;
};

/* The program that speaks BGP. */
struct conf_bird {
	struct conf_where where;
	char program[CONF_DEVICE_BYTES];
	char user[CONF_NAME_BYTES]; /* whom it runs as */
	char group[CONF_NAME_BYTES];
	uint32_t silence; /* seconds after which one that does not answer is killed */
	/* Of one that the operator runs: its control socket ("": it is ours), its network
	 * namespace, and the directory that its configuration is written to. */
	char attach[CONF_PATH_BYTES];
	char netns[CONF_DEVICE_BYTES];
	char run_dir[CONF_DEVICE_BYTES - 64];
};

enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };
enum conf_log_target { CONF_LOG_STDERR, CONF_LOG_SYSLOG, CONF_LOG_JOURNALD };
enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_INFO, CONF_LOG_DEBUG };

struct conf_log {
	enum conf_log_format format;
	enum conf_log_target target;
	enum conf_log_level level;
};

/* Where Prometheus asks. */
struct conf_metrics {
	struct conf_where where;
	struct endpoint listen; /* ADDR_NONE: nowhere */
};

/* A route written down by an operator; which next_hop is legal depends on the table. */
struct conf_static_route {
	struct conf_where where;
	struct prefix prefix;
	char next_hop[CONF_NAME_BYTES];
	const struct conf_vpn_connection *connection; /* in a border gateway's table */
	const struct conf_vpc_attachment
		*attachment; /* in a border gateway's table: next_hop is a vpc */
	const struct conf_border_gateway *gateway; /* in a VPC's table */
};

struct conf_border_gateway {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char name[CONF_NAME_BYTES];
	char description[CONF_DESCRIPTION_BYTES];
	uint32_t asn;
	bool transit;		/* connections reach each other, and hear each other's routes */
	uint32_t dynamic_quota; /* of routes learnt and propagated; one batch more is refused */
	uint32_t connection_quota, attachment_quota, static_route_quota; /* of objects */
	unsigned n_routes;
	struct conf_static_route *route;
};

struct conf_vpc {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char name[CONF_NAME_BYTES];
	char description[CONF_DESCRIPTION_BYTES];
	unsigned n_prefixes;
	struct prefix *prefix; /* the subnets */
	unsigned n_routes;
	struct conf_static_route *route;
};

enum conf_propagate { CONF_PROPAGATE_ALL, CONF_PROPAGATE_PARTIAL, CONF_PROPAGATE_NONE };
enum conf_encap { CONF_ENCAP_VXLAN, CONF_ENCAP_VLAN };

/* Where in a VXLAN network some of its hosts are. */
struct conf_vxlan_host {
	struct conf_where where;
	struct prefix address; /* a host, or all behind one MAC address */
	struct addr vtep;
	uint8_t mac[6];
};

struct conf_vpc_attachment {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char description[CONF_DESCRIPTION_BYTES];
	char vpc_name[CONF_NAME_BYTES];
	char border_gateway_name[CONF_NAME_BYTES];
	const struct conf_vpc *vpc;
	const struct conf_border_gateway *gateway;
	enum conf_propagate propagate;
	unsigned n_propagated;
	struct prefix *propagated; /* CONF_PROPAGATE_PARTIAL: which subnets */
	bool import_all;	   /* no filter: the VPC takes all the border gateway's routes */
	unsigned n_import;
	struct prefix *import; /* otherwise those that lie inside one of these */

	enum conf_encap encap;
	char port_name[CONF_NAME_BYTES];
	const struct conf_port *port;
	uint32_t vni;		 /* VXLAN: 1..2^24-1 */
	struct addr local_vtep;	 /* one of the port's addresses */
	struct addr remote_vtep; /* of the hosts that are not listed */
	unsigned n_hosts;
	struct conf_vxlan_host *host;
	uint16_t vlan_id; /* VLAN: 1..4094 */
	uint8_t mac[6];	  /* ours inside the VPC; derived from port and VNI or VLAN unless given */
	unsigned n_addresses;
	struct prefix address[CONF_PORT_ADDRS]; /* ours inside the VPC: the hosts' gateway, answers
						   ARP/ND */
	uint16_t mtu; /* of inner packets: the port's, less the encapsulation, unless given */
};

struct conf_customer_gateway {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char name[CONF_NAME_BYTES];
	char description[CONF_DESCRIPTION_BYTES];
	uint32_t asn; /* 0: none, which is enough without BGP */
	bool asn_given;
	unsigned n_addresses; /* 1, 2 or 4 */
	struct addr address[4];
};

enum conf_df { CONF_DF_SET, CONF_DF_COPY, CONF_DF_CLEAR }; /* outer don't-fragment bit */

struct conf_tunnel {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char name[CONF_NAME_BYTES];
	char description[CONF_DESCRIPTION_BYTES];
	struct addr cloud_ip, customer_ip;
	struct secret *psk;
	bool psk_given; /* written by the operator, perhaps unreadably; else made by us */
	struct conf_id local_id, remote_id;
	struct prefix inner;	/* our inner address, with the /30 or /126 it lives in */
	struct addr inner_peer; /* the customer's */
	bool inner_given;	/* written by the operator, not allocated */

	enum conf_ike_version ike_version;
	enum conf_ike_mode ike_mode; /* IKEv1: how we call */
	struct algo_list ike_cipher, ike_auth, ike_dh;
	uint32_t ike_lifetime; /* seconds */
	uint32_t dpd;	       /* seconds; 0: off */
	uint32_t probe;	       /* seconds between measurements of the latency; 0: off */
	uint32_t ike_fragment; /* bytes of IP datagrams with longer IKE messages; 0: never cut */
	struct algo_list esp_cipher, esp_auth;
	struct algo_list esp_pfs;			   /* empty: none */
	uint32_t esp_lifetime;				   /* seconds */
	uint64_t esp_lifetime_packets, esp_lifetime_bytes; /* of one SA; 0: not limited */
	bool esp_sha256_96;  /* HMAC-SHA-256 cut to 96 bits, as before RFC 4868 */
	bool verify_pfs;     /* rekey a new tunnel's first child at once */
	bool child_per_pair; /* each pair of local and remote subnet is a child SA of its own */
	struct secret *ppk;  /* post-quantum pre-shared key (RFC 8784); NULL: none */
	char ppk_id[CONF_ID_BYTES + 1];
	bool ppk_required;
	enum conf_start start;
	bool enabled;
	uint32_t replay_window; /* packets */
	bool esn;
	bool force_udp; /* UDP encapsulation although no NAT was found */
	uint16_t mtu;	/* of inner packets, at most; 0: what fits */
	bool mss_clamp; /* TCP's segments are kept within it */
	enum conf_df df;
	uint32_t bandwidth; /* Mbit/s of inner packets, each way; 0: no limit */

	/* The BGP session between the inner addresses; only where the connection has BGP. */
	bool bgp_ipv4, bgp_ipv6; /* which routes are exchanged */
	uint32_t bgp_hold;	 /* seconds */
	uint32_t bgp_keepalive;	 /* seconds, less than hold */
	struct secret *bgp_password;
	bool bfd;
	uint32_t bfd_interval; /* ms between packets, both ways */
	uint32_t bfd_multiplier;
	bool graceful_restart;
	uint32_t graceful_restart_time; /* seconds */
	uint32_t import_limit;		/* prefixes of a family; 0: none */
	bool med_given;
	uint32_t med;
	uint32_t prepend;    /* how often more our ASN stands in the paths */
	uint32_t drain_wait; /* seconds between withdrawing and disabling */

	/* Traffic selectors of the first child; copied from the connection. None: 0/0 and ::/0. */
	unsigned n_ts_local, n_ts_remote;
	struct prefix ts_local[CONF_TS_MAX], ts_remote[CONF_TS_MAX];
};

struct conf_vpn_connection {
	struct conf_where where;
	uint32_t id; /* conf_number() */
	char name[CONF_NAME_BYTES];
	char description[CONF_DESCRIPTION_BYTES];
	char border_gateway_name[CONF_NAME_BYTES];
	char customer_gateway_name[CONF_NAME_BYTES];
	const struct conf_border_gateway *gateway;
	const struct conf_customer_gateway *customer;
	unsigned n_cloud;
	struct addr cloud[CONF_CLOUD_MAX]; /* its addresses of the pool, two where there are */
	bool cloud_given;		   /* written by the operator, not taken by us */
	bool bgp;
	uint32_t local_asn;	    /* the border gateway's unless given */
	struct prefix local_subnet; /* optional traffic selectors; ADDR_NONE: any */
	unsigned n_remote_subnets;
	struct prefix remote_subnet[CONF_TS_MAX];
	bool tunnels_given; /* written by the operator; else laid out by us */
	unsigned n_tunnels;
	struct conf_tunnel *tunnel;
};

/* Of state_directory: $STATE_DIRECTORY, as systemd sets it, or else the configuration file's
 * folder.
 */
#define STATE_DIRECTORY_AUTO "auto"

struct conf_directory { /* objects by number; NULL: a hole */
	uint32_t n;
	const void **object, **owner;
};

struct conf {
	char *path;
	struct conf_directory directory[CONF_KINDS];
	uint8_t digest[CONF_DIGEST_BYTES]; /* of the file's text, when it was read or saved */
	bool unsaved;			   /* operators changed something since */
	struct conf_workers workers;
	struct conf_bird bird;
	struct conf_log log;
	struct conf_metrics metrics;
	char key_export[CONF_PATH_BYTES];	 /* folder for keys, for debugging; "": none */
	char state_directory[CONF_DEVICE_BYTES]; /* "": nothing is kept */
	char control_socket[CONF_PATH_BYTES];	 /* path of the operators' UNIX socket */
	unsigned n_cloud_addresses;
	struct addr *cloud_address; /* the pool; each must be an address of some port */
	unsigned n_ports;
	struct conf_port *port;
	unsigned n_underlay_routes;
	struct conf_underlay_route *underlay_route;
	unsigned n_border_gateways;
	struct conf_border_gateway *border_gateway;
	unsigned n_vpcs;
	struct conf_vpc *vpc;
	unsigned n_attachments;
	struct conf_vpc_attachment *attachment;
	unsigned n_customer_gateways;
	struct conf_customer_gateway *customer_gateway;
	unsigned n_connections;
	struct conf_vpn_connection *connection;
};

/* Reads, checks and completes (defaults, allocations) the file at path. The model on success; on
 * errors NULL, with every one of them in problems. Warnings alone do not fail. The file must be a
 * regular file that only its owner can read or write, because it holds secrets. */
struct conf *conf_load(const char *path, struct problem_list *problems);
/* The same of a file that follows a running model: what the operator left to us (inner addresses,
 * generated keys, a connection's cloud addresses) stays as it was there. before may be NULL. */
struct conf *conf_load_after(const char *path, const struct conf *before,
			     struct problem_list *problems);
void conf_free(struct conf *c);

/* A copy that shares nothing with the source: secrets included. 0 or -ENOMEM. */
int conf_tunnel_copy(struct conf_tunnel *to, const struct conf_tunnel *from);
void conf_tunnel_clear(struct conf_tunnel *t); /* frees the secrets, zeroes the rest */

/* ha_status: can the connection lose any one of its addresses and go on? The customer has two or
 * more, both cloud addresses have a tunnel that is UP, and tunnels of different cloud addresses
 * lead to different addresses of the customer. NULL: it can; else the first thing that it lacks. */
const char *conf_redundancy_lacks(const struct conf_vpn_connection *v,
				  bool (*is_up)(const void *ctx, const struct conf_tunnel *t),
				  const void *ctx);

/* "192.0.2.1", "gw.example.com", "user@example.com"; "fqdn:", "user_fqdn:" and "key_id:" (text, or
 * 0x and hex) say the type. 0 or -EINVAL. */
int conf_id_parse(struct conf_id *out, const char *text);
/* The same text back; what is not plain characters is written as hex. Returns buf. */
const char *conf_id_format(const struct conf_id *id, char *buf, size_t size);
/* The shortest text that conf_id_parse() makes this identity from. Returns buf. */
#define CONF_ID_TEXT_BYTES (2 * CONF_ID_BYTES + 16)
const char *conf_id_write(const struct conf_id *id, char buf[CONF_ID_TEXT_BYTES]);
struct conf_id conf_id_address(const struct addr *a);

#endif

/* BIRD's configuration of one routing shard, as text.
 *
 * Pure: a description in, texts out; no files, no processes. One main text that includes one text
 * for each border gateway (its tables and what it announces) and one for each tunnel (its BGP
 * session). Names of tables and protocols are those of routing/bird_names.h. Text of operators
 * never becomes syntax: what BIRD's strings cannot hold is left out of descriptions, and refused in
 * passwords.
 *
 * A route carries the connection that it leads to through BIRD as the attribute isthmus_from.
 * Exported to a session is what leads to a VPC and, with transit, what leads to another connection;
 * never what leads to the session's own connection.
 *
 * What a later text may change without taking a session down: everything but addresses, ASNs,
 * router_id, hold, keepalive, password, graceful restart and the families. */
#ifndef ROUTING_BIRD_CONFIG_H
#define ROUTING_BIRD_CONFIG_H

#include "conf/addr.h"
#include "conf/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIRD_VPC	  UINT32_MAX /* as a connection: none, the route leads to a VPC */
#define BIRD_PASSWORD_MAX 80	     /* bytes (Linux's TCP_MD5SIG_MAXKEYLEN) */

/* A route that a border gateway announces: one valid in its table and not learned by BIRD. */
struct bird_announcement {
	struct prefix prefix; /* a network */
	uint32_t connection;  /* that it leads to (a static VPN route), or BIRD_VPC */
};

struct bird_session {
	uint32_t tunnel; /* its number */
	uint32_t connection;
	const char *description;   /* for a person; NULL: none */
	struct addr local, remote; /* inner addresses, of one family */
	uint32_t local_asn, remote_asn;
	uint32_t router_id;	       /* IPv4 address in host order; not 0 */
	uint16_t hold, keepalive;      /* seconds; 0: 30 and a third of hold */
	const struct secret *password; /* TCP MD5 (RFC 2385), borrowed; NULL: none */
	bool bfd;
	uint16_t bfd_interval;	/* ms, 0: 300 */
	uint8_t bfd_multiplier; /* 0: 3 */
	bool graceful_restart;	/* RFC 4724 */
	uint16_t restart_time;	/* seconds, 0: 120 */
	uint32_t import_limit;	/* prefixes a family, more are not taken; 0: no limit */
	bool has_med;
	uint32_t med;
	uint8_t prepend; /* our ASN that many times more */

	/* Families carried by this session. IPv6 routes over an IPv4 session are sent with the next
	 * hop fd69:7374:686d:7573::a9fe:a02 for the inner address 169.254.10.2, in whose /64 the
	 * peer needs an address on its tunnel; IPv4 routes over an IPv6 session need a peer that
	 * knows RFC 8950. A peer's own next hop may be any global address: its routes lead into the
	 * tunnel. */
	bool ipv4, ipv6;

	bool disabled; /* configured, but down */
	bool drain;    /* nothing is announced any more: the peer moves its traffic away */

	/* Prefixes of VPCs that are not announced here because they overlap what this customer
	 * announces; each stands for itself, not for longer ones. Borrowed. */
	unsigned n_withheld;
	const struct prefix *withheld;
};

struct bird_gateway {
	uint32_t table; /* its number */
	bool transit;	/* its connections reach each other */
	unsigned n_announced;
	const struct bird_announcement *announced; /* one a prefix */
	unsigned n_sessions;
	const struct bird_session *session;
};

struct bird_config {
	const char *interface; /* the shard's TUN device */
	unsigned n_gateways;
	const struct bird_gateway *gateway;
};

/* 0, or -EINVAL with *why a static text: a password that BIRD cannot hold, addresses that are none
 * or of two families, no router_id, no ASN, no family, times that do not fit. */
int bird_config_check(const struct bird_session *s, const char **why);

/* One text: it is emitted in pieces by calls of put, whose first negative result ends it and
 * is returned. Every session must have passed bird_config_check(). */
typedef int (*bird_config_put_fn)(void *ctx, const char *text, size_t len);

int bird_config_main(const struct bird_config *c, bird_config_put_fn put, void *ctx);
int bird_config_gateway(const struct bird_gateway *g, bird_config_put_fn put, void *ctx);
int bird_config_tunnel(const struct bird_config *c, const struct bird_gateway *g,
		       const struct bird_session *s, bird_config_put_fn put, void *ctx);

#define BIRD_CONFIG_MAIN     "bird.conf"
#define BIRD_CONFIG_NAME_MAX 32
/* Names of the included files, relative to the main one: "gw_3.conf", "tun_17.conf". */
const char *bird_config_gateway_file(uint32_t table, char name[BIRD_CONFIG_NAME_MAX]);
const char *bird_config_tunnel_file(uint32_t tunnel, char name[BIRD_CONFIG_NAME_MAX]);

#endif

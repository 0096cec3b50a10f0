/* What runs of a model, by its numbers: shared by apply.c (tables, the whole), apply_attachments.c,
 * apply_tunnels.c and apply_routes.c. Main thread. */
#ifndef GATEWAY_APPLY_CORE_H
#define GATEWAY_APPLY_CORE_H

#include "gateway/apply.h"
#include "gateway/hops.h"

#include <stddef.h>

enum applied_state {
	APPLIED_FREE,
	APPLIED_USED,
	APPLIED_LEAVING, /* no longer in the model, but tunnels of it (or itself) have SAs still */
};

struct applied_gateway {
	enum applied_state state;
	uint32_t quota;
	unsigned tunnels; /* that leave included */
};

struct applied_vpc {
	bool used;
	unsigned n_attachments;
	uint32_t *attachment;
};

/* One network of the dataplane; attachments of a VPC to several border gateways may share it. */
struct applied_network {
	struct dataplane_attachment d;
	uint32_t interface;
	unsigned attachments;
	unsigned n_hosts; /* that are listed */
	struct dataplane_vxlan_host *host;
};

struct applied_attachment {
	bool used;
	uint32_t vpc, gateway;
	struct applied_network *network;
	bool import_all;
	unsigned n_import;
	struct prefix *import;
};

struct applied_connection {
	enum applied_state state;
	uint32_t gateway;
	unsigned tunnels;
	bool usable;  /* apply_usable() */
	bool changed; /* its members, since its routes were published */
};

struct applied_tunnel {
	enum applied_state state;
	uint32_t connection;
	bool changed; /* apply_tunnel_changed() */
};

struct applied_route {
	uint32_t table;
	struct rib_route route;
	uint32_t order; /* in the model */
	bool kept;
};

struct applied_way {
	struct prefix prefix;
	unsigned n;
	struct dataplane_way way[DATAPLANE_WAYS];
};

struct applied {
	struct dataplane *dp;
	struct tables *tables;
	struct hops *hops;
	struct hops_map map;
	struct apply_listener listener;
	int change_error; /* the first failure inside the tables' callback */
	char *error;
	size_t error_size;

	uint32_t room[CONF_KINDS];
	struct applied_gateway *gateway;
	struct applied_vpc *vpc;
	struct applied_attachment *attachment;
	struct applied_connection *connection;
	struct applied_tunnel *tunnel;
	uint32_t n_tables;
	uint32_t *vpc_of_table; /* number + 1; 0: no VPC's */

	struct applied_route *route; /* sorted */
	size_t n_routes;
	struct applied_way *way; /* sorted */
	size_t n_ways;
};

/* Writes "what: why" and returns rc. */
int apply_fail(struct applied *a, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The RIB's and the dataplane's error, if any, since it was asked last. */
int apply_outcome(struct applied *a, int rc);

/* A connection and its tunnels as they are in the model. 0 or -errno with a text. */
int apply_connection(struct applied *a, const struct conf_vpn_connection *c);
void apply_connections_clean(struct applied *a, const struct conf *c,
			     void (*leave)(void *ctx, uint32_t tunnel), void *ctx);
/* One that leaves is gone with its last tunnel: its table is looked up while one receives. */
void apply_gateway_end(struct applied *a, uint32_t id);
/* Every route that c asks for is there, and only then those that it does not are taken away. What
 * is there stays untouched. 0 or -errno with a text. */
int apply_routes(struct applied *a, const struct conf *c);
/* Routes through an object that goes, beside the model's own: an operator's. */
void apply_routes_purge(struct applied *a, uint32_t table, enum rib_via via, uint32_t via_index);
/* VPCs' networks. As apply_change() and apply_clean(). */
int apply_attachments(struct applied *a, const struct conf *c);
void apply_attachments_clean(struct applied *a, const struct conf *c);
void apply_attachments_free(struct applied *a);
/* Is a connected network of the VPC there, where the RIB has no route? Then it is published. */
void apply_connected(struct applied *a, uint32_t vpc, const struct prefix *p);
/* Takes away the routes over this attachment's link, or with all also those that lead to it. */
void apply_routes_leave(struct applied *a, uint32_t attachment, bool all);
/* The underlay's; done: the dataplane has c's from the start. */
int apply_ways(struct applied *a, const struct conf *c, bool done);

#endif

/* Routes for people: names of tables and next hops. Main thread. */
#ifndef GATEWAY_ROUTE_NAME_H
#define GATEWAY_ROUTE_NAME_H

#include "gateway/command.h"
#include "routing/rib.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gateway;

const char *route_type_name(const struct rib_route *r); /* "static", "ebgp" */
/* "tunnel dc1-a of vpn connection dc1". Returns buf. */
const char *route_next_hop(const struct gateway *g, const struct rib_route *r, char *buf,
			   size_t size);

struct route_table {
	enum { ROUTE_TABLE_GATEWAY, ROUTE_TABLE_VPC, ROUTE_TABLE_UNDERLAY } kind;
	unsigned index; /* place in the model */
	uint32_t number;
};
/* The table that a word names: a border gateway, a vpc, "underlay". 0, or a failure that says what
 * there is. */
int route_table_find(struct command_call *call, const char *name, struct route_table *out);
int route_table_vpc(struct command_call *call, const char *name, struct route_table *out);
/* A prefix, or an address. 0, or a failure. */
int route_prefix(struct command_call *call, const char *text, struct prefix *out);

/* Without an error: false, there is none of that name. */
bool route_table_is_vpc(const struct gateway *g, const char *name, struct route_table *out);
bool route_table_gateway(const struct gateway *g, const char *name, struct route_table *out);
/* "vpc prod", "border gateway bgw", "underlay"; buf, or static. */
#define ROUTE_TABLE_STR_MAX (CONF_NAME_BYTES + 32)
const char *route_table_name(const struct gateway *g, uint32_t number, char *buf);

#endif

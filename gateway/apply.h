/* The model's networks as they run: tables, attachments, tunnels' forwarding entries and routes.
 *
 * A border gateway and a VPC each have one route table, which has the same number in the RIB and
 * in the dataplane. Valid routes of the RIB go to the dataplane; a border gateway's valid routes
 * are also propagated into the tables of the VPCs attached to it, and a VPC's subnets into the
 * tables of its border gateways (unless propagate = none). Indices are places in the model.
 * Main thread. */
#ifndef GATEWAY_APPLY_H
#define GATEWAY_APPLY_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "routing/rib.h"

#include <stdbool.h>
#include <stdint.h>

struct applied;

/* Builds everything; nothing forwards before this. On failure *error (error_size bytes) names the
 * object, and nothing of it is kept but what the dataplane frees on closing. */
int apply_new(struct applied **out, struct dataplane *dp, const struct conf *c, char *error,
	      size_t error_size);
void apply_free(struct applied *a); /* after the dataplane closed, or before; NULL is fine */

const struct rib *apply_rib(const struct applied *a);
uint32_t apply_gateway_table(const struct applied *a, unsigned border_gateway);
uint32_t apply_vpc_table(const struct applied *a, unsigned vpc);

#endif

/* The model's networks as they run: tables, attachments, tunnels' forwarding entries and routes.
 *
 * A border gateway and a VPC each have one route table, which has the same number in the RIB and
 * in the dataplane. What routing/tables.h finds valid goes to the dataplane (gateway/hops.h).
 * Indices are places in the model. Main thread. */
#ifndef GATEWAY_APPLY_H
#define GATEWAY_APPLY_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "routing/tables.h"

#include <stdbool.h>
#include <stdint.h>

struct applied;

/* Builds everything; nothing forwards before this. On failure *error (error_size bytes) names the
 * object, and nothing of it is kept but what the dataplane frees on closing. */
int apply_new(struct applied **out, struct dataplane *dp, const struct conf *c, char *error,
	      size_t error_size);
void apply_free(struct applied *a); /* after the dataplane closed, or before; NULL is fine */

struct tables *apply_tables(const struct applied *a);
/* Hears what struct tables_ops says under the same names. One at most; NULL: nobody. */
struct apply_listener {
	void *ctx;
	void (*announce)(void *ctx, uint32_t gateway);
	void (*taken)(void *ctx, uint32_t gateway, int rc);
};
void apply_listen(struct applied *a, const struct apply_listener *listener);
uint32_t apply_gateway_table(const struct applied *a, unsigned border_gateway);
uint32_t apply_vpc_table(const struct applied *a, unsigned vpc);

#endif

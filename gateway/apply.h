/* A model's networks as they run: tables, attachments, tunnels' forwarding entries and routes.
 *
 * A border gateway and a VPC each have one route table, which has the same number in the RIB and
 * in the dataplane. What routing/tables.h finds valid goes to the dataplane (gateway/hops.h).
 * Indices are numbers of the model (conf/number.h). What runs is kept here by itself, not by a
 * model, so any model can be applied over any other, also over one that was applied by half; what
 * is the same in both is not touched. Main thread. */
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

/* Another model, in two steps. The first makes all that c has, changes what differs, leads routes
 * the new way and takes away those that c does not have; what is not in c stays without them. On
 * failure some of it is done, and the model before can be applied again (which needs nothing new).
 */
int apply_change(struct applied *a, const struct conf *c, char *error, size_t error_size);
/* The second takes away what is not in c: nothing may be learnt through it any more. leave is
 * called for each of its tunnels, whose SAs are to go; then apply_tunnel_gone() for it. */
void apply_clean(struct applied *a, const struct conf *c, void (*leave)(void *ctx, uint32_t tunnel),
		 void *ctx);
/* 0, or -EBUSY: routes lead there still, which are taken away piece by piece; again. */
int apply_tunnel_gone(struct applied *a, uint32_t tunnel);
/* May a new object not have this number yet? For struct conf_reserved. */
bool apply_is_reserved(const struct applied *a, enum conf_kind kind, uint32_t id);
/* Did settings change that the tunnel's SAs have a part in, since this was asked last? */
bool apply_tunnel_changed(struct applied *a, uint32_t tunnel);

/* Can a tunnel of the connection take packets? While none can, which is so at first, its static
 * routes are not valid: others to the same prefix are, and nobody is told of it. */
void apply_usable(struct applied *a, uint32_t connection, bool usable);

struct tables *apply_tables(const struct applied *a);
/* Hears what struct tables_ops says under the same names. One at most; NULL: nobody. */
struct apply_listener {
	void *ctx;
	void (*announce)(void *ctx, uint32_t gateway);
	void (*taken)(void *ctx, uint32_t gateway, int rc);
};
void apply_listen(struct applied *a, const struct apply_listener *listener);
uint32_t apply_gateway_table(const struct applied *a, uint32_t border_gateway);
uint32_t apply_vpc_table(const struct applied *a, uint32_t vpc);

#endif

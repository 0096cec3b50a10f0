/* What a shard's BIRD shall be: composed from the model, the tables and the tunnels' states.
 * Main thread. */
#ifndef GATEWAY_BGP_DESCRIBE_H
#define GATEWAY_BGP_DESCRIBE_H

#include "conf/model.h"
#include "gateway/exception.h"
#include "routing/bird_config.h"
#include "routing/tables.h"

struct bgp_describe { /* all borrowed */
	const struct conf *conf;
	const struct tables *tables;
	const struct exception *exception;
	uint32_t router_id;   /* one for all sessions */
	const bool *draining; /* by tunnel */
	const bool *off;      /* by tunnel: an operator's word */
	const char **wrong;   /* by tunnel, told: why it is left out, static; NULL: it is not */
};

/* A session that BIRD would not take is left out, so that the others of its shard go on. Calls use
 * with it, and returns what that did or -ENOMEM. */
int bgp_describe(const struct bgp_describe *d, unsigned shard,
		 int (*use)(void *ctx, const struct bird_config *c), void *ctx);

/* Is a tunnel's session (by its number) described in the same way, as far as that follows from the
 * model? Both have it. */
bool bgp_describe_same(const struct conf *a, const struct conf *b, uint32_t tunnel);

#endif

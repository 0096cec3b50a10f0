/* What a shard's BIRD shall be: composed from the model, the tables and the tunnels' states.
 * Main thread. */
#ifndef GATEWAY_BGP_DESCRIBE_H
#define GATEWAY_BGP_DESCRIBE_H

#include "conf/model.h"
#include "gateway/exception.h"
#include "gateway/tunnel.h"
#include "routing/bird_config.h"
#include "routing/tables.h"

struct bgp_describe { /* all borrowed */
	const struct conf *conf;
	const struct tables *tables;
	const struct tunnels *tunnels;
	const struct exception *exception;
	const bool *draining; /* by tunnel */
};

/* Calls use with it, and returns what that did or -ENOMEM. */
int bgp_describe(const struct bgp_describe *d, unsigned shard,
		 int (*use)(void *ctx, const struct bird_config *c), void *ctx);

#endif

/* The running gateway: everything main owns, wired together around one event loop.
 *
 * Main thread only; what crosses to the negotiator or the workers does so inside their modules. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "gateway/apply.h"
#include "gateway/bgp.h"
#include "gateway/exception.h"
#include "gateway/negotiator.h"
#include "gateway/tunnel.h"

#include <stdbool.h>
#include <stdint.h>

struct change;
struct capturing;
struct control;
struct drain;
struct event;
struct event_base;
struct notify;
struct metrics;
struct prober;
struct sampler;
struct tracing;

struct gateway {
	struct conf *conf;
	struct dataplane *dp;
	struct applied *applied;
	struct bgp *bgp; /* NULL: no connection has BGP */
	struct bird_user bird_user;
	struct tunnels *tunnels;
	struct negotiator *negotiator;
	struct control *control;
	struct metrics *metrics; /* NULL: nobody asked for them */
	struct sampler *sampler;
	struct prober *prober;
	struct exception *exception; /* NULL: inner addresses are the dataplane's alone */
	uint64_t started;	     /* clock_now() */

	struct drain *drains;	      /* tunnels that are being drained */
	bool stuck[CONF_WORKERS_MAX]; /* workers, as was last said */
	struct tracing *tracing;      /* a trace or capture that an operator waits for; or NULL */
	struct capturing *capturing;  /* the same */

	struct event_base *base;
	struct event *dataplane_event, *dataplane_timer;
	struct event *negotiator_event, *negotiator_timer;
	struct event *stop_timer, *signal[3];
	struct notify *notify; /* NULL: nobody wants to know how we are */
	struct change *change;
	bool stopping;
};

/* Starts all parts from a checked model, which becomes the gateway's, runs until it is told to
 * stop and takes everything down. asker: the connected socket
 * of an operator who is there from the start; -1: none. Exit status: 0 after a clean stop, 1 when
 * it could not start. */
int gateway_run(struct conf *c, int asker);
/* What was said to the negotiator goes out; after a burst of words. */
void gateway_flush(struct gateway *g);

/* Static routes of the connection are valid or not, by the tunnels that it has now. */
static inline void gateway_usable(struct gateway *g, uint32_t connection)
{
	apply_usable(g->applied, connection, tunnels_usable(g->tunnels, connection));
}

/* The gateway stops: what is under way of a trace or a capture is answered. */
void trace_abandon(struct gateway *g);
void capture_abandon(struct gateway *g);

#endif

/* Draining: a tunnel goes out of service without a loss. Nothing new goes into it and its routes
 * are withdrawn on both sides; after its drain_wait it is disabled, unless it is called off before:
 * then it is in service again, with the SAs that it always had. Main thread. */
#ifndef GATEWAY_DRAIN_H
#define GATEWAY_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct command_call;
struct gateway;

/* The call drains the tunnel; done is called with it when the time has come, wherever the tunnel is
 * by then. 0, or -errno: command_fail() said why. */
int drain_start(struct gateway *g, uint32_t tunnel, struct command_call *call,
		void (*done)(struct command_call *call));
/* False: it is not being drained. Who drains it is told. */
bool drain_cancel(struct gateway *g, uint32_t tunnel);
void drain_abandon(struct gateway *g); /* the gateway stops: who waits is told */

#endif

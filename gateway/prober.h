/* How long the way through a tunnel takes: echo requests from its inner address to the peer's, as
 * often as the tunnel's `probe` says, while it is UP.
 *
 * What comes of it is in struct tunnel (probe), and an event when a peer stops answering or begins
 * to again. It is a measurement: whether a tunnel is UP is for IKE and DPD to say. Main thread. */
#ifndef GATEWAY_PROBER_H
#define GATEWAY_PROBER_H

#include <stdint.h>

struct event_base;
struct dataplane;
struct prober;
struct tunnels;

/* tunnels is borrowed. 0 or -ENOMEM. */
int prober_new(struct prober **out, struct event_base *base, struct dataplane *dp,
	       struct tunnels *t);
void prober_free(struct prober *p); /* NULL is fine */
/* The tunnels are others, or other than before. Without memory some are not probed. */
void prober_update(struct prober *p);

#define PROBER_TICK_US \
	200000 /* how exact its times are; latencies are measured to the microsecond */
uint64_t prober_tick(struct prober *p, uint64_t now); /* of its own timer; tests. Requests sent */

#endif

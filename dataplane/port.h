/* Ports: DPDK devices, their queues, and which worker polls and feeds them. Main thread.
 *
 * Nothing is asked of a device that a memory ring could not do: one queue each way is enough, and
 * no offload is used. A device with fewer queues than there are workers is polled by some of them
 * and fed by some of them; the others hand their packets over. */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

#include "conf/model.h"

#include <stdint.h>

struct rte_mempool;

/* The worker that polls a queue of c's index-th port: queues of a port go round, those of several
 * ports begin elsewhere. */
static inline unsigned port_poller(unsigned index, unsigned queue, unsigned workers)
{
	return (index + queue) % workers;
}

struct port {
	char name[CONF_NAME_BYTES];
	uint16_t id; /* DPDK's */
	uint16_t rx_queues, tx_queues;
	uint16_t mtu;
	uint8_t mac[6];
	bool ours;	  /* probed here, removed at the end */
	bool long_frames; /* MEMORY_FRAME bytes, whatever the MTU */
};

/* Finds the device, or makes it. 0 or -errno; *error as for dataplane_open(). */
int port_probe(struct port *p, const struct conf_port *c, unsigned workers, const char **error);
/* Queues, MTU, addresses; the device runs afterwards. pool: by the worker that polls a queue, which
 * is port_poller()'s. */
int port_start(struct port *p, const struct conf_port *c, unsigned index, unsigned workers,
	       struct rte_mempool *const *pool, const char **error);
void port_close(struct port *p);
/* Frames to other MAC addresses than the port's are wanted as well. */
int port_promiscuous(struct port *p);

#endif

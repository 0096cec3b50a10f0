/* A DPDK port whose wire is a pair of rings in this process for each of its queues: frames are
 * given to it and taken from it by hand. The caller must have started EAL. */
#ifndef TESTS_GOLDEN_MEMORY_PORT_H
#define TESTS_GOLDEN_MEMORY_PORT_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#define MEMORY_PORT_QUEUES 4

struct memory_port {
	char device[32]; /* for conf_port.device */
	uint16_t id;	 /* DPDK's */
	unsigned queues;
	struct rte_ring *in[MEMORY_PORT_QUEUES], *out[MEMORY_PORT_QUEUES];
};

/* slots: frames that each ring holds at most, a power of two less one. 0 or -errno. */
int memory_port_make(struct memory_port *p, const char *name, const uint8_t mac[6], unsigned slots,
		     unsigned queues);
/* After the dataplane closed its ports. */
void memory_port_free(struct memory_port *p);

/* Both return how many; a frame that was given belongs to the port, one taken to the caller. One
 * thread for each queue and direction. */
unsigned memory_port_give(struct memory_port *p, unsigned queue, struct rte_mbuf **m, unsigned n);
unsigned memory_port_take(struct memory_port *p, unsigned queue, struct rte_mbuf **m, unsigned n);

#endif

#include "tests/golden/memory_port.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

int memory_port_make(struct memory_port *p, const char *name, const uint8_t mac[6], unsigned slots,
		     unsigned queues)
{
	struct rte_ether_addr address;
	char ring[RTE_RING_NAMESIZE];
	int id;

	*p = (struct memory_port){ .queues = queues };
	for (unsigned q = 0; q < queues; q++) {
		snprintf(ring, sizeof(ring), "%s-in-%u", name, q);
		p->in[q] = rte_ring_create(ring, slots + 1, SOCKET_ID_ANY,
					   RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(ring, sizeof(ring), "%s-out-%u", name, q);
		p->out[q] = rte_ring_create(ring, slots + 1, SOCKET_ID_ANY,
					    RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!p->in[q] || !p->out[q])
			return -rte_errno;
	}
	id = rte_eth_from_rings(name, p->in, queues, p->out, queues, 0);
	if (id < 0)
		return -rte_errno;
	p->id = (uint16_t)id;
	snprintf(p->device, sizeof(p->device), "net_ring_%s", name);
	memcpy(address.addr_bytes, mac, sizeof(address.addr_bytes));
	return rte_eth_dev_mac_addr_add(p->id, &address, 0);
}

void memory_port_free(struct memory_port *p)
{
	if (*p->device)
		rte_eal_hotplug_remove("vdev", p->device);
	for (unsigned q = 0; q < p->queues; q++) {
		rte_ring_free(p->in[q]);
		rte_ring_free(p->out[q]);
	}
}

unsigned memory_port_give(struct memory_port *p, unsigned queue, struct rte_mbuf **m, unsigned n)
{
	return rte_ring_sp_enqueue_burst(p->in[queue], (void **)m, n, NULL);
}

unsigned memory_port_take(struct memory_port *p, unsigned queue, struct rte_mbuf **m, unsigned n)
{
	return rte_ring_sc_dequeue_burst(p->out[queue], (void **)m, n, NULL);
}

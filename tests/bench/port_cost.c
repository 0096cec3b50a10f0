#include "tests/bench/port_cost.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

struct port_cost port_cost;

static eth_rx_burst_t real_rx;
static eth_tx_burst_t real_tx;

static uint16_t timed_rx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t began = rte_rdtsc();

	n = real_rx(queue, m, n);
	port_cost.rx += rte_rdtsc() - began;
	return n;
}

static uint16_t timed_tx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t began = rte_rdtsc();

	n = real_tx(queue, m, n);
	port_cost.tx += rte_rdtsc() - began;
	return n;
}

void port_cost_wrap(uint16_t port)
{
	real_rx = rte_eth_fp_ops[port].rx_pkt_burst;
	real_tx = rte_eth_fp_ops[port].tx_pkt_burst;
	rte_eth_fp_ops[port].rx_pkt_burst = timed_rx;
	rte_eth_fp_ops[port].tx_pkt_burst = timed_tx;
}

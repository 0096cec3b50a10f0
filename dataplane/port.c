#include "dataplane/port.h"

#include "conf/memory.h"
#include "dataplane/eal.h"
#include "dataplane/tables.h"

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define JOINING	       "af_packet" /* Linux joins fragments before it (conf/memory.h) */

static _Thread_local char text[CONF_NAME_BYTES + CONF_DEVICE_BYTES + 128];

static int fail(const struct conf_port *c, const char **error, const char *what, int rc)
{
	snprintf(text, sizeof(text), "port %s: %s: %s", c->name, what, strerror(-rc));
	*error = text;
	return rc;
}

/* How a driver is told the number of its queue pairs, where it must know when it is made. */
static const struct {
	const char *driver, *option;
} queue_options[] = {
	{ "net_af_packet", "qpairs" },
	{ "net_af_xdp", "queue_count" },
};

/* "net_af_packet0,iface=wan" to a name and arguments; queues are asked for unless the operator
 * did, and af_packet's frames in our size. */
static int make(const char *device, unsigned queues)
{
	char name[CONF_DEVICE_BYTES], args[CONF_DEVICE_BYTES + 96];
	const char *comma = strchr(device, ',');
	size_t n = comma ? (size_t)(comma - device) : strlen(device);

	if (n >= sizeof(name))
		return -EINVAL;
	memcpy(name, device, n);
	name[n] = '\0';
	snprintf(args, sizeof(args), "%s", comma ? comma + 1 : "");
	for (size_t i = 0; i < RTE_DIM(queue_options) && queues > 1; i++) {
		const char *option = queue_options[i].option;

		if (strncmp(name, queue_options[i].driver, strlen(queue_options[i].driver)) == 0 &&
		    !strstr(args, option))
			snprintf(args + strlen(args), sizeof(args) - strlen(args), ",%s=%u", option,
				 queues);
	}
	if (conf_device_is(device, JOINING))
		snprintf(args + strlen(args), sizeof(args) - strlen(args), ",framesz=%u,blocksz=%u",
			 MEMORY_FRAME, MEMORY_FRAME);
	return rte_eal_hotplug_add("vdev", name, args);
}

static int find(const char *device, uint16_t *id)
{
	char name[CONF_DEVICE_BYTES];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	return rte_eth_dev_get_port_by_name(name, id);
}

int port_probe(struct port *p, const struct conf_port *c, unsigned workers, const char **error)
{
	unsigned queues = c->queues ? c->queues : workers;
	int rc;

	snprintf(p->name, sizeof(p->name), "%s", c->name);
	p->long_frames = conf_device_is(c->device, JOINING);
	if (find(c->device, &p->id) != 0) {
		if (eal_is_pci(c->device))
			return fail(c, error, "no such device, or no driver for it", -ENODEV);
		rc = make(c->device, queues);
		if (rc)
			return fail(c, error, c->device, rc < 0 ? rc : -EIO);
		if (find(c->device, &p->id) != 0)
			return fail(c, error, c->device, -ENODEV);
		p->ours = true;
	}
	if (p->id >= PORTS_MAX)
		return fail(c, error, "too many devices", -ENOSPC);
	return 0;
}

static int set_up_queues(struct port *p, const struct rte_eth_dev_info *info, unsigned index,
			 unsigned workers, struct rte_mempool *const *pool)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS, q;
	int socket = rte_eth_dev_socket_id(p->id), rc;

	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);
	for (q = 0; q < p->rx_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned)socket, &info->default_rxconf,
					    pool[port_poller(index, q, workers)]);
	for (q = 0; q < p->tx_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, tx, (unsigned)socket, &info->default_txconf);
	return rc;
}

/* What to tell the device. af_packet says that it ends at Ethernet's classic length, but takes
 * whatever the kernel's interface does: there the MTU is the interface's and stays as it is. */
static uint16_t device_mtu(const struct rte_eth_dev_info *info, uint16_t mtu)
{
	return conf_device_is(info->driver_name, JOINING) && mtu > RTE_ETHER_MTU ? RTE_ETHER_MTU
										 : mtu;
}

static int set_mtu(const struct port *p, uint16_t mtu)
{
	uint16_t now;
	int rc;

	if (rte_eth_dev_get_mtu(p->id, &now) == 0 && now == mtu)
		return 0;
	rc = rte_eth_dev_set_mtu(p->id, mtu);
	return rc == -ENOTSUP ? 0 : rc;
}

int port_start(struct port *p, const struct conf_port *c, unsigned index, unsigned workers,
	       struct rte_mempool *const *pool, const char **error)
{
	struct rte_eth_conf conf = { 0 };
	unsigned queues = c->queues ? c->queues : workers;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int rc;

	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc)
		return fail(c, error, "device does not say what it can do", rc);
	p->rx_queues = (uint16_t)RTE_MIN(queues, (unsigned)info.max_rx_queues);
	p->tx_queues = (uint16_t)RTE_MIN(workers, (unsigned)info.max_tx_queues);
	if (!p->rx_queues || !p->tx_queues)
		return fail(c, error, "device has no queues", -ENODEV);
	p->mtu = c->mtu;
	if (p->rx_queues > 1 && info.flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP);
	}
	conf.rxmode.mtu = device_mtu(&info, p->mtu);
	rc = rte_eth_dev_configure(p->id, p->rx_queues, p->tx_queues, &conf);
	if (rc)
		return fail(c, error, "device refuses its queues or MTU", rc);
	rc = set_up_queues(p, &info, index, workers, pool);
	if (rc)
		return fail(c, error, "queues", rc);
	rc = conf.rxmode.mtu == p->mtu ? set_mtu(p, p->mtu) : 0;
	if (rc)
		return fail(c, error, "device refuses its MTU", rc);
	rc = rte_eth_macaddr_get(p->id, &mac);
	if (rc)
		return fail(c, error, "device has no MAC address", rc);
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	rc = rte_eth_dev_start(p->id);
	if (rc)
		return fail(c, error, "device does not start", rc);
	/* Neighbour discovery comes to multicast groups. Where a device cannot choose, it takes
	 * all. */
	if (rte_eth_allmulticast_enable(p->id) != 0)
		(void)rte_eth_promiscuous_enable(p->id);
	return 0;
}

int port_promiscuous(struct port *p)
{
	int rc = rte_eth_promiscuous_enable(p->id);

	return rc == -ENOTSUP ? 0 : rc;
}

void port_close(struct port *p)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	bool named = rte_eth_dev_get_name_by_port(p->id, name) == 0;

	if (!named)
		return;
	(void)rte_eth_dev_stop(p->id);
	if (!p->ours)
		return;
	(void)rte_eth_dev_close(p->id);
	(void)rte_eal_hotplug_remove("vdev", name);
}

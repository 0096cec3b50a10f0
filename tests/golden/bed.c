#include "tests/golden/bed.h"

#include "dataplane/core.h"
#include "dataplane/eal.h"
#include "dataplane/worker.h"
#include "tests/golden/pcap.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint16_t bed_port_mtu = 1500, bed_segment;

#define SLOTS 16383 /* frames in a port's ring */

static const uint8_t macs[BED_PORTS][6] = {
	[BED_WAN] = { 2, 0, 0, 0, 1, 1 },
	[BED_LAN] = { 2, 0, 0, 0, 2, 1 },
};
static const char *const names[BED_PORTS] = { [BED_WAN] = "wan", [BED_LAN] = "lan" };

static struct prefix prefix(const char *text)
{
	struct prefix p;

	if (!prefix_parse(&p, text))
		errx(1, "%s is no prefix", text);
	return p;
}

static struct addr addr(const char *text)
{
	return prefix(text).addr;
}

static void must(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, strerror(-rc));
}

static void add_vpc(struct bed *b)
{
	struct dataplane_attachment vxlan = {
		.encap = CONF_ENCAP_VXLAN,
		.port = BED_LAN,
		.vni = 1000,
		.local_vtep = addr("10.9.0.1"),
		.remote_vtep = addr("10.9.0.2"),
		.mac = { 2, 0, 0, 0, 3, 1 },
		.n_addresses = 2,
		.address = { prefix("172.16.0.1/24"), prefix("fd00:16::1/64") },
	};
	struct dataplane_attachment vlan = {
		.encap = CONF_ENCAP_VLAN,
		.port = BED_LAN,
		.vlan_id = 100,
		.mac = { 2, 0, 0, 0, 4, 1 },
		.mtu = 1430,
		.n_addresses = 1,
		.address = { prefix("172.17.0.1/24") },
	};
	uint32_t interface;

	must(dataplane_table_add(b->dp, &b->vpc), "the VPC's table");
	vxlan.table = vlan.table = b->vpc;
	must(dataplane_attachment_add(b->dp, &vxlan, &interface), "VXLAN");
	must(dataplane_attachment_add(b->dp, &vlan, &interface), "VLAN");
}

void bed_open(struct bed *b, unsigned memory_mb, bool hugepages, const unsigned *cpu, unsigned n)
{
	bed_open_on(b, NULL, memory_mb, hugepages, cpu, n);
}

void bed_open_on(struct bed *b, const char *const device[BED_PORTS], unsigned memory_mb,
		 bool hugepages, const unsigned *cpu, unsigned n)
{
	struct conf_port port[BED_PORTS] = {
		[BED_WAN] = {
			.n_addresses = 2,
			.address = { prefix("192.0.2.1/24"), prefix("2001:db8:1::1/64") },
			.next_hop = addr("192.0.2.254"),
			.next_hop6 = addr("2001:db8:1::fe"),
			.mtu = bed_port_mtu,
		},
		[BED_LAN] = {
			.n_addresses = 1,
			.address = { prefix("10.9.0.1/24") },
			.mtu = bed_port_mtu,
		},
	};
	struct conf c = {
		.workers = { .n = n, .hugepages = hugepages, .memory_mb = memory_mb },
		.n_ports = BED_PORTS,
		.port = port,
	};
	const char *error = "";

	*b = (struct bed){ 0 };
	for (unsigned i = 0; i < n; i++)
		c.workers.lcore[i] = (uint16_t)cpu[i];
	if (eal_start(&c, &error))
		errx(1, "%s", error);
	for (unsigned i = 0; i < BED_PORTS; i++) {
		if (!device)
			must(memory_port_make(&b->port[i], names[i], macs[i], SLOTS, n), names[i]);
		snprintf(port[i].name, sizeof(port[i].name), "%s", names[i]);
		snprintf(port[i].device, sizeof(port[i].device), "%s",
			 device ? device[i] : b->port[i].device);
	}
	if (dataplane_open(&b->dp, &c, &error))
		errx(1, "%s", error);
	b->worker = b->dp->worker[0];
	must(dataplane_negotiator_register(b->dp), "negotiator");
	add_vpc(b);
}

void bed_close(struct bed *b)
{
	dataplane_negotiator_unregister(b->dp);
	dataplane_close(b->dp);
	for (unsigned i = 0; i < BED_PORTS; i++)
		memory_port_free(&b->port[i]);
}

void bed_add_tunnel(struct bed *b, uint32_t n, const struct dataplane_tunnel *like,
		    const struct prefix *remote, size_t n_remote)
{
	static const char *const vpc[] = { "172.16.0.0/23", "172.17.0.0/24", "fd00:16::/64" };
	struct dataplane_tunnel t = *like;

	must(dataplane_table_add(b->dp, &t.table), "a tunnel's table");
	t.inner = (struct prefix){ addr_ipv4(0xa9fe0002 + (n << 8)), 30 };
	t.inner_peer = addr_ipv4(0xa9fe0001 + (n << 8));
	must(dataplane_tunnel_add(b->dp, n, &t), "tunnel");
	for (size_t i = 0; i < sizeof(vpc) / sizeof(vpc[0]); i++) {
		struct prefix p = prefix(vpc[i]);

		must(dataplane_route_set(b->dp, t.table, &p, nexthop(NEXTHOP_TABLE, b->vpc)),
		     "route to the VPC");
	}
	for (size_t i = 0; i < n_remote; i++) {
		must(dataplane_route_set(b->dp, b->vpc, &remote[i], nexthop(NEXTHOP_TUNNEL, n)),
		     "the VPC's route to the customer");
		must(dataplane_route_set(b->dp, t.table, &remote[i], nexthop(NEXTHOP_TUNNEL, n)),
		     "route to the customer");
	}
}

void bed_keys(struct dataplane_sa *sa)
{
	static uint8_t cipher_key[64], auth_key[64];

	for (unsigned i = 0; i < 64; i++) {
		cipher_key[i] = (uint8_t)(1 + i);
		auth_key[i] = (uint8_t)(128 + i);
	}
	sa->cipher_key = cipher_key;
	sa->cipher_key_len =
		algo_ciphers[sa->cipher].key_bytes + (size_t)algo_ciphers[sa->cipher].salt_bytes;
	sa->auth_key = auth_key;
	sa->auth_key_len = algo_auths[sa->auth].key_bytes;
}

uint32_t bed_add_sas(struct bed *b, struct dataplane_sa *sa, uint32_t spi_out)
{
	uint32_t spi_in = dataplane_spi_alloc(b->dp, sa->tunnel);

	bed_keys(sa);
	sa->inbound = true;
	sa->spi = spi_in;
	must(dataplane_sa_install(b->dp, sa), "inbound SA");
	sa->inbound = false;
	sa->spi = spi_out;
	must(dataplane_sa_install(b->dp, sa), "outbound SA");
	bed_run(b);
	return spi_in;
}

void bed_give(struct bed *b, unsigned port, const uint8_t *frame, size_t len)
{
	size_t step = bed_segment ? bed_segment : len;
	struct rte_mbuf *m = NULL;

	for (size_t at = 0; at < len || at == 0; at += step) {
		size_t n = len - at < step ? len - at : step;
		struct rte_mbuf *part = rte_pktmbuf_alloc(b->dp->pool);
		char *to = part ? rte_pktmbuf_append(part, (uint16_t)n) : NULL;

		if (!to || (m && rte_pktmbuf_chain(m, part) != 0))
			errx(1, "no packet buffer for a frame of %zu bytes", len);
		memcpy(to, frame + at, n);
		m = m ? m : part;
	}
	if (memory_port_give(&b->port[port], 0, &m, 1) != 1)
		errx(1, "port's ring is full");
}

static void no_packet(void *ctx, const struct endpoint *local, const struct endpoint *remote,
		      const uint8_t *data, size_t len)
{
}

static void no_news(void *ctx, uint32_t tunnel, uint32_t spi)
{
}

static void no_end(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
}

void bed_run(struct bed *b)
{
	static const struct dataplane_negotiator_ops ops = { .packet = no_packet,
							     .sa_used = no_news,
							     .sa_soft_limit = no_end,
							     .sa_hard_limit = no_end };
	unsigned idle = 0;

	while (idle < 3) {
		bool busy = false;

		for (unsigned i = 0; i < b->dp->n_workers; i++)
			busy |= worker_run_once(b->dp->worker[i]) > 0;
		dataplane_main_poll(b->dp, 1000000);
		busy |= dataplane_negotiator_poll(b->dp, &ops, NULL);
		idle = busy ? 0 : idle + 1;
	}
}

void bed_meet(struct bed *b, const char *folder)
{
	struct pcap setup;
	char path[4096];

	snprintf(path, sizeof(path), "%s/setup.pcap", folder);
	if (pcap_read(&setup, path) != 0)
		errx(1, "%s", path);
	bed_run(b);
	for (size_t i = 0; i < setup.n; i++) {
		const struct pcap_frame *f = &setup.frame[i];

		bed_give(b, f->usec == 0 ? BED_WAN : BED_LAN, f->bytes, f->len);
		bed_run(b);
	}
	pcap_clear(&setup);
}

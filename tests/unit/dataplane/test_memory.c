/* What memory_plan() calls the least is enough for the dataplane and for all SAs of the tunnels.
 * DPDK takes its memory once a process, so each row has one of its own. */
#include "conf/memory.h"
#include "tests/unit/unit.h"

#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/eal.h"
#include "dataplane/sa.h"

#include <rte_eth_ring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORTS 2

static const struct row {
	unsigned workers, tunnels;
	uint16_t mtu;
} rows[] = {
	{ 1, 0, 1500 }, { 1, 4000, 1500 }, { 3, 500, 9216 }, { 16, 100, 1500 }, { 32, 0, 1500 },
};

static void make_ports(struct conf_port *port, uint16_t mtu)
{
	for (unsigned i = 0; i < PORTS; i++) {
		struct rte_ring *in, *out;
		char name[32];

		snprintf(name, sizeof(name), "in%u", i);
		in = rte_ring_create(name, 64, 0, 0);
		snprintf(name, sizeof(name), "out%u", i);
		out = rte_ring_create(name, 64, 0, 0);
		snprintf(name, sizeof(name), "t%u", i);
		if (!in || !out || rte_eth_from_rings(name, &in, 1, &out, 1, 0) < 0)
			exit(2);
		snprintf(port[i].name, sizeof(port[i].name), "port%u", i);
		snprintf(port[i].device, sizeof(port[i].device), "net_ring_%s", name);
		port[i].mtu = mtu;
	}
}

/* Two SAs each way for every tunnel, as while they are rekeyed, of those with the largest keys. */
static bool takes_sas(struct dataplane *dp, unsigned tunnels)
{
	static const uint8_t key[64];
	struct dataplane_sa from = { .cipher = CIPHER_AES256_GCM,
				     .cipher_key = key,
				     .cipher_key_len = 36,
				     .replay_window = 64 };

	addr_parse(&from.local.addr, "192.0.2.1");
	addr_parse(&from.remote.addr, "192.0.2.2");
	for (unsigned i = 0; i < 4 * tunnels; i++) {
		struct sa *sa;

		from.spi = 256 + i;
		from.inbound = i & 1;
		if (sa_new(&sa, dp->keys, &from, 0, SOCKET_ID_ANY) != 0)
			return false;
	}
	return true;
}

/* 0: it is enough. */
static int live(const struct row *r)
{
	struct conf_port port[PORTS] = { 0 };
	struct conf_vpn_connection connection = { .n_tunnels = r->tunnels };
	struct conf c = { .workers = { .n = r->workers },
			  .n_ports = PORTS,
			  .port = port,
			  .n_connections = 1,
			  .connection = &connection };
	struct dataplane *dp;
	const char *error = "";

	for (unsigned i = 0; i < PORTS; i++) {
		strcpy(port[i].device, "net_ring");
		port[i].mtu = r->mtu;
	}
	c.workers.memory_mb = memory_plan(&c).least_mb;
	if (eal_start(&c, &error) == 0) {
		make_ports(port, r->mtu);
		if (dataplane_open(&dp, &c, &error) == 0 && takes_sas(dp, r->tunnels))
			return 0;
	}
	fprintf(stderr, "%u MB: %s\n", c.workers.memory_mb, error);
	return 1;
}

static void the_least_is_enough(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pid_t child = fork();
		int status = 0;

		assert_true(child >= 0);
		if (child == 0)
			_exit(live(&rows[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status != 0)
			fail_msg("workers %u, tunnels %u", rows[i].workers, rows[i].tunnels);
	}
}

static void it_grows_with_what_is_asked(void **state)
{
	struct conf_port port[2] = { { .mtu = 1500 }, { .mtu = 1500 } };
	struct conf_vpn_connection connection = { .n_tunnels = 2 };
	struct conf c = { .workers = { .n = 1, .memory_mb = 512 },
			  .n_ports = 2,
			  .port = port,
			  .n_connections = 1,
			  .connection = &connection };
	struct memory_plan now, before = memory_plan(&c);

	/* Every file that says nothing of memory has room. */
	assert_in_range(before.least_mb, 16, 64);
	assert_in_range(before.buffers * (uint64_t)(before.room + MEMORY_AROUND), 255 << 20,
			256 << 20);
	c.workers.n = 4;
	now = memory_plan(&c);
	assert_true(now.least_mb > before.least_mb && now.buffers == before.buffers);
	c.workers.memory_mb = 64;
	before = now;
	port[0].queues = 128;
	now = memory_plan(&c);
	assert_true(now.least_mb > before.least_mb + 256);
	assert_in_range(now.buffers, 128 * 1024, 200 * 1024);
	strcpy(port[0].device, "net_af_packet0,iface=a"); /* copies into frames */
	before = now;
	now = memory_plan(&c);
	assert_true(now.least_mb < before.least_mb && now.frames == 4 * MEMORY_BURST);
	connection.n_tunnels = 10000;
	assert_in_range(memory_plan(&c).least_mb - now.least_mb, 40, 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_is_enough),
		cmocka_unit_test(it_grows_with_what_is_asked),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}

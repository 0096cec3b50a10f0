/* One worker, more queues than anybody wants: every one of them is polled. */
#include "tests/unit/unit.h"

#include "dataplane/core.h"
#include "dataplane/eal.h"

#include <rte_eth_ring.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <string.h>

#define PORTS  10
#define QUEUES 16 /* as many as a ring port can have */

static struct conf_port port[PORTS];
static struct conf conf = { .workers = { .n = 1, .memory_mb = 128 },
			    .n_ports = PORTS,
			    .port = port };
static struct rte_ring *in[PORTS][QUEUES], *out[PORTS][QUEUES];

static void make_ports(void)
{
	char name[32];

	for (unsigned i = 0; i < PORTS; i++) {
		for (unsigned q = 0; q < QUEUES; q++) {
			snprintf(name, sizeof(name), "in%u-%u", i, q);
			in[i][q] = rte_ring_create(name, 4, 0, 0);
			snprintf(name, sizeof(name), "out%u-%u", i, q);
			out[i][q] = rte_ring_create(name, 4, 0, 0);
			assert_true(in[i][q] && out[i][q]);
		}
		snprintf(name, sizeof(name), "t%u", i);
		assert_true(rte_eth_from_rings(name, in[i], QUEUES, out[i], QUEUES, 0) >= 0);
		snprintf(port[i].name, sizeof(port[i].name), "port%u", i);
		snprintf(port[i].device, sizeof(port[i].device), "net_ring_%s", name);
		port[i].mtu = 1500;
		port[i].queues = QUEUES;
	}
}

static void every_queue_is_polled(void **state)
{
	struct dataplane_worker_stats s;
	struct dataplane *dp;
	const char *error = "";

	assert_int_equal(eal_start(&conf, &error), 0);
	make_ports();
	if (dataplane_open(&dp, &conf, &error) != 0)
		fail_msg("%s", error);
	for (unsigned i = 0; i < PORTS; i++) {
		for (unsigned q = 0; q < QUEUES; q++) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);

			assert_non_null(m);
			memset(rte_pktmbuf_append(m, 60), 0xff, 60);
			assert_int_equal(rte_ring_enqueue(in[i][q], m), 0);
		}
	}
	assert_int_equal(worker_run_once(dp->worker[0]), PORTS * QUEUES);
	for (unsigned i = 0; i < PORTS; i++) {
		for (unsigned q = 0; q < QUEUES; q++)
			assert_true(rte_ring_empty(in[i][q]));
	}
	assert_int_equal(dataplane_worker_stats(dp, 0, &s), 0);
	assert_int_equal(s.rx_packets, PORTS * QUEUES);
	dataplane_close(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_queue_is_polled),
	};

	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}

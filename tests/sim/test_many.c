/* Many tunnels between two engines, through a bad network. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TUNNELS 200

static void add(struct sim *s, unsigned node, uint32_t i)
{
	struct conf_tunnel t;
	char peer[ADDR_STR_MAX];

	sim_conf(s, node, !node, &t);
	/* The gateways' addresses are many: each tunnel has a pair of its own. */
	snprintf(peer, sizeof(peer), "10.%u.%u.%u", 1 + node, i / 250, 1 + i % 250);
	addr_parse(&t.cloud_ip, peer);
	snprintf(peer, sizeof(peer), "10.%u.%u.%u", 1 + !node, i / 250, 1 + i % 250);
	addr_parse(&t.customer_ip, peer);
	t.local_id = conf_id_address(&t.cloud_ip);
	t.remote_id = conf_id_address(&t.customer_ip);
	sim_tunnel_add(s, node, i, &t);
}

static bool all_up(const struct sim *s, void *arg)
{
	for (unsigned node = 0; node < 2; node++) {
		for (unsigned i = 0; i < TUNNELS; i++) {
			if (!s->node[node].tunnel[i].up)
				return false;
		}
	}
	return true;
}

static void all_get_up(void **state)
{
	struct sim *s = sim_new(1);

	sim_node_add(s, "10.1.0.0");
	sim_node_add(s, "10.2.0.0");
	s->node[0].prefix = s->node[1].prefix = 16;
	s->link.loss = 200;
	s->link.duplicate = 50;
	s->link.jitter = 20 * SIM_MS;
	for (unsigned i = 0; i < TUNNELS; i++) {
		add(s, 0, i);
		add(s, 1, i);
	}
	sim_assert(s, sim_until(s, 60 * IKE_SECOND, all_up, NULL));
	s->link.loss = s->link.duplicate = s->link.jitter = 0;
	sim_probe(s, 100 * SIM_MS);
	sim_run(s, 60 * IKE_SECOND);
	s->lost = 0;
	sim_run(s, 30 * IKE_SECOND);
	sim_assert(s, s->lost == 0);
	for (unsigned node = 0; node < 2; node++) {
		sim_assert(s, sim_ike_sas(s, node) == TUNNELS);
		sim_assert(s, sim_inbound(s, node) == TUNNELS);
	}
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_get_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

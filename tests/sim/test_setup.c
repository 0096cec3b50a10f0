/* Setting a tunnel up: who calls, with which algorithms, through what network. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sim *pair(uint64_t seed)
{
	struct sim *s = sim_new(seed);

	sim_node_add(s, "192.0.2.1");
	sim_node_add(s, "198.51.100.1");
	return s;
}

static void add_pair(struct sim *s, enum conf_start a, enum conf_start b)
{
	struct conf_tunnel t;

	sim_conf(s, 0, 1, &t);
	t.start = a;
	sim_tunnel_add(s, 0, 7, &t);
	sim_conf(s, 1, 0, &t);
	t.start = b;
	sim_tunnel_add(s, 1, 7, &t);
}

static void one_side_calls(void **state)
{
	struct sim *s = pair(1);
	struct ike_tunnel_view v;

	add_pair(s, CONF_START_INITIATE, CONF_START_RESPOND);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 2 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && s->probes > 500);
	sim_assert(s, ike_tunnel_view(s->node[0].engine, 7, &v) == 0);
	sim_assert(s, v.up && v.established && v.initiator && v.n_children == 1);
	sim_assert(s, !v.child[0].udp && v.child[0].outbound);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_side_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

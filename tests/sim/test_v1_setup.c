/* IKEv1: setting a tunnel up in main and aggressive mode, by either side and by both, with every
 * algorithm; and what a person reads if it fails. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum conf_ike_mode mode_now;

static void both_call(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
	t->ike_mode = mode_now;
	t->ike_dh.n = 0;
	algo_list_add(&t->ike_dh, DH_ECP256);
}

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void second_calls(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->start = node ? CONF_START_INITIATE : CONF_START_RESPOND;
}

static void works(struct sim *s)
{
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && s->probes > 5000);
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].downs == 0);
		sim_assert(s, s->node[i].tunnel[7].ups == 1);
		sim_assert(s, sim_established(s, i, 7) == 1);
		sim_assert(s, sim_inbound(s, i) == 1);
		sim_assert(s, sim_ike_sas(s, i) == 1);
	}
}

static void one_side_calls(void **state)
{
	struct ike_tunnel_view v;

	for (mode_now = CONF_IKE_MAIN; mode_now <= CONF_IKE_AGGRESSIVE; mode_now++) {
		for (unsigned caller = 0; caller < 2; caller++) {
			struct sim *s = sim_pair(1 + caller);

			sim_pair_add(s, caller ? second_calls : first_calls);
			sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
			works(s);
			sim_assert(s, ike_tunnel_view(s->node[0].engine, 7, &v) == 0);
			sim_assert(s, v.up && v.established && v.initiator == !caller);
			sim_assert(s, v.n_children == 1 && !v.child[0].udp && v.child[0].outbound);
			sim_assert(s, v.path.local.port == 500 && !v.nat_local && !v.nat_remote);
			sim_finish(s);
		}
	}
}

/* Both call: one IKE SA and one pair stay, and nobody notices. */
static void both_sides_call(void **state)
{
	for (mode_now = CONF_IKE_MAIN; mode_now <= CONF_IKE_AGGRESSIVE; mode_now++) {
		for (uint64_t seed = 1; seed <= 40; seed++) {
			struct sim *s = sim_pair(seed);

			sim_pair_add(s, both_call);
			sim_probe(s, 1 * SIM_MS);
			sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
			works(s);
			sim_finish(s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_side_calls),
		cmocka_unit_test(both_sides_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who calls whom, and what gets lost of it: the same in each version and mode. */
#include "tests/sim/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void works(struct sim *s)
{
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 32 * IKE_SECOND); /* what a late copy of a call has begun is over by then */
	sim_assert(s, s->lost == 0 && s->probes > 8000);
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

	for (unsigned caller = 0; caller < 2; caller++) {
		struct sim *s = sim_pair(1 + caller);

		sim_pair_add(s, caller ? version_second_calls : version_first_calls);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		works(s);
		sim_assert(s, ike_tunnel_view(s->node[0].engine, 7, &v) == 0);
		sim_assert(s, v.up && v.established && v.initiator == !caller);
		sim_assert(s, v.n_children == 1 && !v.child[0].udp && v.child[0].outbound);
		sim_assert(s, v.path.local.port == 500 && !v.nat_local && !v.nat_remote);
		sim_finish(s);
	}
}

/* Both call: both IKE SAs complete, one stays, and nobody notices. */
static void both_sides_call(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct sim *s = sim_pair(seed);

		sim_pair_add(s, version_both_call);
		sim_probe(s, 1 * SIM_MS);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		works(s);
		sim_finish(s);
	}
}

/* Each message of the first two exchanges lost once, or the whole of them doubled. */
struct loss {
	unsigned n, victim;
};

static sim_verdict lose_one(struct sim *s, const struct sim_message *m, void *arg)
{
	struct loss *l = arg;

	return l->n++ == l->victim ? SIM_DROP : SIM_PASS;
}

static void each_message_lost(void **state)
{
	for (unsigned victim = 0; victim < 9; victim++) {
		struct loss l = { 0, victim };
		struct sim *s = sim_pair(victim);

		s->filter = lose_one;
		s->filter_arg = &l;
		sim_pair_add(s, version_first_calls);
		sim_assert(s, sim_until_up(s, 6 * IKE_SECOND, 7));
		works(s);
		sim_finish(s);
	}
}

static void every_message_twice(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = sim_pair(seed);

		s->link.duplicate = 1000;
		s->link.jitter = 20 * SIM_MS;
		sim_pair_add(s, seed % 2 ? version_first_calls : version_both_call);
		sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
		s->link.duplicate = 0;
		works(s);
		sim_finish(s);
	}
}

static void absent_peer(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = sim_pair(seed);
		const struct sim_tunnel *t = &s->node[0].tunnel[7];
		struct ike_tunnel_view v;

		s->node[1].unreachable = true;
		sim_pair_add(s, version_first_calls);
		sim_run(s, 5 * IKE_SECOND);
		sim_assert(s, t->reason == IKE_REASON_NO_ANSWER);
		sim_run(s, 200 * IKE_SECOND + sim_random(s) % (10 * IKE_SECOND));
		sim_assert(s, !t->up && t->reason == IKE_REASON_NO_ANSWER);
		sim_assert(s, strstr(t->text, "no answer from 198.51.100.1 after"));
		ike_tunnel_view(s->node[0].engine, 7, &v);
		sim_assert(s, v.tries >= 30 && v.tries <= 60);
		s->node[1].unreachable = false;
		sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
		sim_finish(s);
	}
}

static void nobody_waits_for_whom_is_not_to_call(void **state)
{
	struct sim *s = sim_pair(1);
	struct conf_tunnel t;

	sim_conf(s, 0, 1, &t);
	version_both_call(0, &t);
	t.start = CONF_START_RESPOND;
	sim_tunnel_add(s, 0, 7, &t);
	sim_run(s, 60 * IKE_SECOND);
	sim_assert(s, s->messages == 0);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_WAITING);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_side_calls, version_2),
		cmocka_unit_test_setup(one_side_calls, version_1),
		cmocka_unit_test_setup(one_side_calls, version_1_aggressive),
		cmocka_unit_test_setup(both_sides_call, version_2),
		cmocka_unit_test_setup(both_sides_call, version_1),
		cmocka_unit_test_setup(both_sides_call, version_1_aggressive),
		cmocka_unit_test_setup(each_message_lost, version_2),
		cmocka_unit_test_setup(each_message_lost, version_1),
		cmocka_unit_test_setup(each_message_lost, version_1_aggressive),
		cmocka_unit_test_setup(every_message_twice, version_2),
		cmocka_unit_test_setup(every_message_twice, version_1),
		cmocka_unit_test_setup(every_message_twice, version_1_aggressive),
		cmocka_unit_test_setup(absent_peer, version_2),
		cmocka_unit_test_setup(absent_peer, version_1),
		cmocka_unit_test_setup(absent_peer, version_1_aggressive),
		cmocka_unit_test_setup(nobody_waits_for_whom_is_not_to_call, version_2),
		cmocka_unit_test_setup(nobody_waits_for_whom_is_not_to_call, version_1),
		cmocka_unit_test_setup(nobody_waits_for_whom_is_not_to_call, version_1_aggressive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

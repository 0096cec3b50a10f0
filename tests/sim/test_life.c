/* How tunnels end and come back, in both versions: dead peers, deletes, disabling, restarts,
 * lifetimes. */
#include "tests/sim/version.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sim *up(uint64_t seed, sim_change *change)
{
	struct sim *s = sim_pair(seed);

	sim_pair_add(s, change);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	sim_run(s, 8 * IKE_SECOND);
	return s;
}

/* The tunnel of a node that has none. */
static void add_again(struct sim *s, unsigned node, enum conf_start start)
{
	struct conf_tunnel conf;

	sim_conf(s, node, !node, &conf);
	conf.ike_version = version_now;
	conf.start = start;
	sim_tunnel_add(s, node, 7, &conf);
}

/* Dead, noticed, back: with and without traffic, whoever calls. */
static void dead_peer(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct sim *s = up(seed, seed % 2 ? version_both_call : version_first_calls);
		const struct sim_tunnel *t = &s->node[0].tunnel[7];
		ike_time since;

		if (seed % 3)
			sim_probe(s, 50 * SIM_MS);
		sim_run(s, sim_random(s) % (30 * IKE_SECOND));
		sim_node_kill(s, 1);
		since = s->now;
		sim_assert(s, sim_until_down(s, 45 * IKE_SECOND, 0, 7));
		if (seed % 3)
			sim_assert(s, s->now - since > 9 * IKE_SECOND);
		sim_assert(s, t->reason == IKE_REASON_DPD_TIMEOUT);
		sim_assert(s, sim_inbound(s, 0) == 0);
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s, !t->up && t->reason == IKE_REASON_NO_ANSWER);
		sim_node_start(s, 1);
		add_again(s, 1, seed % 2 ? CONF_START_INITIATE : CONF_START_RESPOND);
		sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
		sim_finish(s);
	}
}

/* The peer was away so shortly that nobody noticed: it calls anew and says so. */
static void quick_restart(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim *s = up(seed, version_both_call);

		sim_probe(s, 20 * SIM_MS);
		sim_node_kill(s, 1);
		sim_run(s, IKE_SECOND);
		sim_node_start(s, 1);
		add_again(s, 1, CONF_START_INITIATE);
		sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
		sim_run(s, IKE_SECOND);
		s->lost = 0;
		sim_run(s, 60 * IKE_SECOND);
		/* In IKEv1 it says so only when phase 1 is over, and has no pair yet. */
		sim_assert(s, s->lost == 0);
		sim_assert(s, s->node[0].tunnel[7].downs <= (version_now == CONF_IKE_V1));
		sim_assert(s, sim_established(s, 0, 7) == 1 && sim_inbound(s, 0) == 1);
		sim_finish(s);
	}
}

/* Packets prove that the peer lives: no probe is sent then, however long nothing else is said. */
static void traffic_is_life(void **state)
{
	struct sim *s = up(1, version_both_call);
	uint64_t messages;

	sim_run(s, 60 * IKE_SECOND);
	messages = s->messages;
	sim_probe(s, 500 * SIM_MS);
	sim_run(s, 100 * IKE_SECOND);
	sim_assert(s, s->messages <= messages + 2);
	sim_finish(s);
}

static void probes_are_few(void **state)
{
	struct sim *s = up(1, version_both_call);
	uint64_t messages;

	sim_run(s, 60 * IKE_SECOND);
	messages = s->messages;
	sim_run(s, 100 * IKE_SECOND);
	sim_assert(s, s->messages - messages >= 12 && s->messages - messages <= 22);
	sim_finish(s);
}

static void disable_and_enable(void **state)
{
	struct sim *s = up(1, version_both_call);

	sim_assert(s, ike_tunnel_disable(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, !s->node[0].tunnel[7].up && sim_inbound(s, 0) == 0);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_DISABLED);
	sim_assert(s, sim_until_down(s, IKE_SECOND, 1, 7));
	sim_assert(s, s->node[1].tunnel[7].reason == IKE_REASON_PEER_DELETED);
	sim_run(s, 60 * IKE_SECOND);
	sim_assert(s, !s->node[0].tunnel[7].up);
	sim_assert(s, s->node[1].tunnel[7].reason == IKE_REASON_NO_ANSWER);
	sim_assert(s, ike_tunnel_enable(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
	sim_finish(s);
}

/* Both delete at the same moment. */
static void deletes_cross(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct sim *s = up(seed, version_both_call);

		for (unsigned i = 0; i < 2; i++)
			ike_tunnel_disable(s->node[i].engine, s->now, 7);
		sim_run(s, 2 * IKE_SECOND);
		for (unsigned i = 0; i < 2; i++) {
			sim_assert(s, sim_inbound(s, i) == 0 && sim_ike_sas(s, i) == 0);
			ike_tunnel_enable(s->node[i].engine, s->now, 7);
		}
		sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
		sim_finish(s);
	}
}

/* The delete of the pair is lost, that of phase 1 is not: nobody sends into nothing for long. */
/* Who deletes is not chased: the other side calls again by itself, after a while. */
static void remove_and_add(void **state)
{
	struct sim *s = up(1, version_both_call);

	sim_assert(s, ike_tunnel_remove(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, ike_tunnel_remove(s->node[0].engine, s->now, 7) == -ENOENT);
	add_again(s, 0, CONF_START_RESPOND);
	sim_assert(s, sim_until_down(s, IKE_SECOND, 1, 7));
	sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
	sim_finish(s);
}

static void short_hard_life(unsigned node, struct conf_tunnel *t)
{
	version_both_call(node, t);
	t->esp_lifetime = node ? 3600 : 20;
	t->dpd = 0;
}

static sim_verdict no_rekey(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->exchange == 36 || m->exchange == 32 ? SIM_DROP : SIM_PASS;
}

/* Rekeys do not get through: the lifetime ends the pair, and the tunnel starts afresh. */
static void lifetime_ends(void **state)
{
	struct sim *s = sim_pair(1);

	sim_pair_add(s, short_hard_life);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	s->filter = no_rekey;
	sim_assert(s, sim_until_down(s, 60 * IKE_SECOND, 0, 7));
	s->filter = NULL;
	sim_assert(s, sim_until_up(s, 40 * IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, sim_established(s, 0, 7) == 1 && sim_established(s, 1, 7) == 1);
	sim_finish(s);
}

static void stop_at_any_time(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim *s = sim_pair(seed);

		sim_pair_add(s, version_both_call);
		sim_run(s, seed * 2 * SIM_MS);
		if (seed % 3 == 0)
			ike_rekey_child(s->node[0].engine, s->now, 7);
		if (seed % 4 == 0)
			ike_rekey_ike(s->node[1].engine, s->now, 7);
		sim_run(s, seed % 5 * SIM_MS);
		sim_finish(s);
	}
}

static void freed_at_any_time(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim *s = sim_pair(seed);
		size_t secrets;

		sim_pair_add(s, version_both_call);
		sim_run(s, seed * 2 * SIM_MS);
		(seed % 3 ? ike_rekey_ike : ike_rekey_child)(s->node[seed % 2].engine, s->now, 7);
		sim_run(s, seed % 5 * SIM_MS);
		secrets = s->secrets;
		sim_free(s);
		assert_int_equal(secret_live(), secrets);
	}
}

static void what_is_not_there(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_engine *e = s->node[0].engine;
	struct ike_tunnel_view v;
	struct conf_tunnel conf;

	assert_int_equal(ike_tunnel_view(e, 1, &v), -ENOENT);
	assert_int_equal(ike_tunnel_enable(e, s->now, 1), -ENOENT);
	assert_int_equal(ike_tunnel_disable(e, s->now, 1), -ENOENT);
	assert_int_equal(ike_rekey_child(e, s->now, 1), -ENOENT);
	assert_int_equal(ike_rekey_ike(e, s->now, 1), -ENOENT);
	sim_conf(s, 0, 1, &conf);
	assert_int_equal(ike_tunnel_add(e, s->now, 1, &conf), 0);
	assert_int_equal(ike_tunnel_add(e, s->now, 1, &conf), -EEXIST);
	assert_int_equal(ike_tunnel_add(e, s->now, 2, &conf), -EEXIST);
	assert_int_equal(ike_rekey_child(e, s->now, 1), -EAGAIN);
	assert_int_equal(ike_rekey_ike(e, s->now, 1), -EAGAIN);
	ike_sa_used(e, s->now, 1, 12345);
	ike_sa_used(e, s->now, 9, 12345);
	conf_tunnel_clear(&conf);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(dead_peer, version_2),
		cmocka_unit_test_setup(dead_peer, version_1),
		cmocka_unit_test_setup(quick_restart, version_2),
		cmocka_unit_test_setup(quick_restart, version_1),
		cmocka_unit_test_setup(traffic_is_life, version_2),
		cmocka_unit_test_setup(traffic_is_life, version_1),
		cmocka_unit_test_setup(probes_are_few, version_2),
		cmocka_unit_test_setup(probes_are_few, version_1),
		cmocka_unit_test_setup(disable_and_enable, version_2),
		cmocka_unit_test_setup(disable_and_enable, version_1),
		cmocka_unit_test_setup(deletes_cross, version_2),
		cmocka_unit_test_setup(deletes_cross, version_1),
		cmocka_unit_test_setup(remove_and_add, version_2),
		cmocka_unit_test_setup(remove_and_add, version_1),
		cmocka_unit_test_setup(lifetime_ends, version_2),
		cmocka_unit_test_setup(lifetime_ends, version_1),
		cmocka_unit_test_setup(stop_at_any_time, version_2),
		cmocka_unit_test_setup(stop_at_any_time, version_1),
		cmocka_unit_test_setup(freed_at_any_time, version_2),
		cmocka_unit_test_setup(freed_at_any_time, version_1),
		cmocka_unit_test(what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* IKEv1: rekeys of both phases without a lost packet; what gets lost of deletes and confirmations.
 */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void both_call(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
}

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void aggressive_first_calls(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_mode = CONF_IKE_AGGRESSIVE;
}

static void aggressive(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_mode = CONF_IKE_AGGRESSIVE;
	t->esp_lifetime = 5;
	t->ike_lifetime = 8;
}

static void quick_pair(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->esp_lifetime = 4;
}

static void quick_pfs(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->esp_lifetime = 4;
	algo_list_add(&t->esp_pfs, DH_X25519);
}

static void quick_phase1(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_lifetime = 5;
}

static void quick_both(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->esp_lifetime = 5;
	t->ike_lifetime = 13;
}

/* The responder's lifetimes are the shorter ones: the initiator hears of them. */
static void responder_is_quicker(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->esp_lifetime = node ? 4 : 3600;
	t->ike_lifetime = node ? 6 : 14400;
}

/* Only the caller has a limit of bytes: the other side takes it over from the proposal. */
static void limit_of_bytes(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->esp_lifetime_bytes = node ? 0 : 1000 * SIM_PROBE_BYTES;
}

static void smaller_limit_counts(void **state)
{
	struct sim *s = sim_pair(1);

	sim_pair_add(s, limit_of_bytes);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	for (unsigned i = 0; i < 2; i++) {
		uint64_t hard = s->node[i].in[0].hard;

		sim_assert(s, hard >= 1000 && hard <= 1000 + 1024 / SIM_PROBE_BYTES);
	}
	sim_finish(s);
}

/* The responder of both phases has the shorter lifetimes, and says so. */
static enum conf_ike_mode mode_now;

static void in_either_mode(unsigned node, struct conf_tunnel *t)
{
	responder_is_quicker(node, t);
	t->ike_mode = mode_now;
}

static void shorter_lifetime_counts(void **state)
{
	for (mode_now = CONF_IKE_MAIN; mode_now <= CONF_IKE_AGGRESSIVE; mode_now++) {
		struct sim *s = sim_pair(1);
		struct ike_tunnel_view v;

		sim_pair_add(s, in_either_mode);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		ike_tunnel_view(s->node[0].engine, 7, &v);
		sim_assert(s, v.initiator && v.expires_at - v.since == 6 * IKE_SECOND);
		sim_assert(s, v.child[0].expires_at - v.child[0].established == 4 * IKE_SECOND);
		sim_assert(s, v.rekey_at < v.expires_at - IKE_SECOND);
		sim_finish(s);
	}
}

static void settled(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].up);
		sim_assert(s, s->node[i].tunnel[7].downs == 0);
	}
	sim_assert(s, s->lost == 0);
	sim_assert(s, s->violations == 0);
}

static void cycles(struct sim *s, sim_change *change, bool pairs, bool phase1)
{
	struct ike_tunnel_view before, after;

	sim_pair_add(s, change);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	ike_tunnel_view(s->node[0].engine, 7, &before);
	sim_probe(s, 3 * SIM_MS);
	sim_run(s, 120 * IKE_SECOND);
	settled(s);
	ike_tunnel_view(s->node[0].engine, 7, &after);
	sim_assert(s, after.n_children >= 1 && after.n_children <= 4);
	sim_assert(s, sim_ike_sas(s, 0) <= 3 && sim_ike_sas(s, 1) <= 3);
	sim_assert(s, !pairs || s->node[0].n_spent >= 24);
	sim_assert(s, pairs || s->node[0].n_spent == 1);
	sim_assert(s, !phase1 || before.spi_i != after.spi_i);
	sim_finish(s);
}

static void by_lifetime(void **state)
{
	static const struct {
		sim_change *change;
		bool pairs, phase1;
	} rows[] = {
		{ quick_pair, true, false },	 { quick_pfs, true, false },
		{ quick_phase1, false, true },	 { quick_both, true, true },
		{ limit_of_bytes, true, false }, { responder_is_quicker, true, true },
		{ aggressive, true, true },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint64_t seed = 1; seed <= 4; seed++)
			cycles(sim_pair(100 * i + seed), rows[i].change, rows[i].pairs,
			       rows[i].phase1);
	}
}

/* Both sides at exactly the same time, or a few milliseconds apart. */
static void at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim *s = sim_pair(seed);

		sim_pair_add(s, both_call);
		sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
		sim_run(s, 20 * IKE_SECOND);
		sim_probe(s, 1 * SIM_MS);
		for (unsigned i = 0; i < 30; i++) {
			ike_rekey_child(s->node[0].engine, s->now, 7);
			sim_run(s, sim_random(s) % 3 ? 0 : sim_random(s) % 12 * SIM_MS);
			ike_rekey_child(s->node[1].engine, s->now, 7);
			sim_run(s, i % 3 ? sim_random(s) % 40 * SIM_MS : IKE_SECOND);
			if (i % 2) {
				ike_rekey_ike(s->node[0].engine, s->now, 7);
				sim_run(s, sim_random(s) % 3 ? 0 : sim_random(s) % 12 * SIM_MS);
				ike_rekey_ike(s->node[1].engine, s->now, 7);
				sim_run(s, i % 3 ? sim_random(s) % 40 * SIM_MS : IKE_SECOND);
			}
		}
		sim_run(s, 90 * IKE_SECOND);
		settled(s);
		for (unsigned i = 0; i < 2; i++) {
			sim_assert(s, sim_established(s, i, 7) == 1);
			sim_assert(s, sim_inbound(s, i) == 1);
			sim_assert(s, sim_ike_sas(s, i) == 1);
		}
		sim_finish(s);
	}
}

/* Messages get lost, doubled and overtaken: nothing leaks, and all settles. */
static void through_loss(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = sim_pair(seed);

		s->link.loss = 250;
		s->link.duplicate = 200;
		s->link.jitter = 30 * SIM_MS;
		s->link.spare_probes = true;
		sim_pair_add(s, quick_both);
		sim_probe(s, 20 * SIM_MS);
		sim_run(s, 300 * IKE_SECOND);
		s->link.loss = s->link.duplicate = s->link.jitter = 0;
		sim_run(s, 60 * IKE_SECOND);
		for (unsigned i = 0; i < 2; i++) {
			sim_assert(s, s->node[i].tunnel[7].up);
			sim_assert(s, sim_inbound(s, i) <= 8);
			sim_assert(s, sim_established(s, i, 7) <= 4);
		}
		sim_finish(s);
	}
}

static struct sim *up(uint64_t seed, sim_change *change)
{
	struct sim *s = sim_pair(seed);

	sim_pair_add(s, change);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	sim_run(s, 8 * IKE_SECOND);
	return s;
}

static sim_verdict lose_first_info(struct sim *s, const struct sim_message *m, void *arg)
{
	unsigned *n = arg;

	return m->from == 0 && m->exchange == 5 && (*n)++ == 0 ? SIM_DROP : SIM_PASS;
}

static void orphaned_pair(void **state)
{
	struct sim *s = up(1, both_call);
	struct conf_tunnel conf;
	unsigned n = 0;

	s->filter = lose_first_info;
	s->filter_arg = &n;
	ike_tunnel_remove(s->node[0].engine, s->now, 7);
	sim_run(s, IKE_SECOND / 2);
	sim_assert(s, s->node[1].tunnel[7].up); /* a pair outlives its phase 1 */
	sim_conf(s, 0, 1, &conf);
	conf.ike_version = CONF_IKE_V1;
	conf.start = CONF_START_RESPOND;
	sim_tunnel_add(s, 0, 7, &conf);
	sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	sim_probe(s, 5 * SIM_MS);
	s->lost = 0;
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

/* A delete of a pair is sent three times: nobody answers it. */
static void lost_delete(void **state)
{
	struct sim *s = up(1, first_calls);
	unsigned n = 0;

	sim_probe(s, 5 * SIM_MS);
	s->filter = lose_first_info;
	s->filter_arg = &n;
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 2 * IKE_SECOND); /* the first one went once both were on the new pair */
	sim_assert(s, n >= 2);
	sim_run(s, 6 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, sim_inbound(s, i) == 1 && s->node[i].tunnel[7].downs == 0);
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

/* The third message of Quick Mode, which is its initiator's second. */
static sim_verdict lose_confirmations(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->from == 0 && m->exchange == 32 && m->len < 100 ? SIM_DROP : SIM_PASS;
}

/* Its confirmation never comes, and phase 1 is renewed meanwhile: who sends on the pair has it. */
static void confirmed_by_use(void **state)
{
	struct sim *s = up(1, first_calls);
	struct ike_tunnel_view v;

	s->filter = lose_confirmations;
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, ike_rekey_ike(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, sim_inbound(s, 1) == 2);
	ike_tunnel_view(s->node[1].engine, 7, &v);
	sim_assert(s, v.child[0].outbound && !v.child[1].outbound);
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 2 * IKE_SECOND);
	ike_tunnel_view(s->node[1].engine, 7, &v);
	sim_assert(s, v.child[v.n_children - 1].outbound);
	sim_run(s, 20 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, sim_inbound(s, i) == 1 && s->node[i].tunnel[7].downs == 0);
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

/* The peer restarts, and we renew phase 1 before anybody has noticed: it says that it has nothing,
 * in either mode. */
static void restart_before_phase1_rekey(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim *s = up(1 + i, i ? aggressive_first_calls : first_calls);
		struct conf_tunnel t;

		sim_run(s, 2 * IKE_SECOND);
		sim_node_kill(s, 1);
		sim_node_start(s, 1);
		sim_conf(s, 1, 0, &t);
		(i ? aggressive_first_calls : first_calls)(1, &t);
		sim_tunnel_add(s, 1, 7, &t);
		sim_assert(s, ike_rekey_ike(s->node[0].engine, s->now, 7) == 0);
		sim_run(s, 4 * IKE_SECOND);
		sim_probe(s, 5 * SIM_MS);
		sim_run(s, 4 * IKE_SECOND);
		sim_assert(s, s->lost == 0 && s->node[1].tunnel[7].up);
		sim_assert(s, sim_inbound(s, 0) == 1 && sim_inbound(s, 1) == 1);
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smaller_limit_counts),
		cmocka_unit_test(shorter_lifetime_counts),
		cmocka_unit_test(by_lifetime),
		cmocka_unit_test(at_once),
		cmocka_unit_test(through_loss),
		cmocka_unit_test(lost_delete),
		cmocka_unit_test(confirmed_by_use),
		cmocka_unit_test(restart_before_phase1_rekey),
		cmocka_unit_test(orphaned_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

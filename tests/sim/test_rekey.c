/* Rekeys of child and IKE SA by either side and by both, without a lost packet. */
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void quick_child(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime = 3;
}

static void quick_pfs(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime = 3;
	algo_list_add(&t->esp_pfs, DH_X25519);
}

static void quick_ike(unsigned node, struct conf_tunnel *t)
{
	t->ike_lifetime = 4;
}

static void quick_both(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime = 3;
	t->ike_lifetime = 5;
	algo_list_add(&t->esp_pfs, DH_X25519);
}

/* The first group is not the peer's first. */
static void groups_differ(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime = 3;
	algo_list_add(&t->esp_pfs, node ? DH_X25519 : DH_ECP256);
	algo_list_add(&t->esp_pfs, node ? DH_ECP256 : DH_X25519);
	t->ike_lifetime = 4;
	algo_list_add(&t->ike_dh, DH_ECP256);
	if (node) {
		t->ike_dh.n = 0;
		algo_list_add(&t->ike_dh, DH_ECP256);
		algo_list_add(&t->ike_dh, DH_X25519);
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

static void cycles(struct sim *s, sim_change *change)
{
	struct ike_tunnel_view before, after;

	sim_pair_add(s, change);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	ike_tunnel_view(s->node[0].engine, 7, &before);
	sim_probe(s, 3 * SIM_MS);
	sim_run(s, 120 * IKE_SECOND);
	settled(s);
	ike_tunnel_view(s->node[0].engine, 7, &after);
	sim_assert(s, after.n_children >= 1 && after.n_children <= 3);
	if (before.child[0].expires_at - before.child[0].established < 10 * IKE_SECOND)
		sim_assert(s, s->node[0].n_spent >= 40);
	else
		sim_assert(s, before.spi_i != after.spi_i);
	sim_finish(s);
}

static void by_lifetime(void **state)
{
	static sim_change *const changes[] = { quick_child, quick_pfs, quick_ike, quick_both,
					       groups_differ };

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (uint64_t seed = 1; seed <= 4; seed++)
			cycles(sim_pair(100 * i + seed), changes[i]);
	}
}

/* Both sides at exactly the same time, or a few milliseconds apart. */
static void at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim *s = sim_pair(seed);

		sim_pair_add(s, NULL);
		sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
		sim_run(s, 20 * IKE_SECOND);
		sim_probe(s, 1 * SIM_MS);
		for (unsigned i = 0; i < 60; i++) {
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
		sim_run(s, 60 * IKE_SECOND);
		settled(s);
		for (unsigned i = 0; i < 2; i++) {
			sim_assert(s, sim_established(s, i, 7) == 1);
			sim_assert(s, sim_inbound(s, i) == 1);
		}
		sim_finish(s);
	}
}

/* Packets of IKE get lost, doubled and overtaken: nothing may leak, and all settles. */
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
			sim_assert(s, sim_established(s, i, 7) <= 3);
		}
		sim_finish(s);
	}
}

/* Holds the answer to a rekey of the IKE SA. */
static sim_verdict hold_answer(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->exchange == 36 && m->response ? SIM_HOLD : SIM_PASS;
}

static void second_responds(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

/* The peer has the new IKE SA already, and the pair on it: these are deleted, too. */
static void disabled_before_the_answer(void **state)
{
	struct sim *s = sim_pair(1);

	sim_pair_add(s, second_responds);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	s->filter = hold_answer;
	sim_assert(s, ike_rekey_ike(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, s->n_held == 1);
	ike_tunnel_disable(s->node[0].engine, s->now, 7);
	s->filter = NULL;
	sim_release(s);
	sim_run(s, 7 * IKE_SECOND); /* packets may still be on their way */
	sim_assert(s, !s->node[1].tunnel[7].up);
	sim_assert(s, s->node[1].tunnel[7].reason == IKE_REASON_PEER_DELETED);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, sim_ike_sas(s, i) == 0 && sim_inbound(s, i) == 0);
	ike_tunnel_enable(s->node[0].engine, s->now, 7);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_finish(s);
}

static void two_ciphers(unsigned node, struct conf_tunnel *t)
{
	if (!node)
		algo_list_add(&t->esp_cipher, CIPHER_AES256_GCM);
}

/* The peer would take another suite now, but is asked for the one in use alone. */
static void selected_suite_is_kept(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view before, after;
	struct ike_tunnel *t;

	sim_pair_add(s, two_ciphers);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	sim_run(s, 20 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &before);
	sim_assert(s, before.child[0].cipher == CIPHER_AES128_CBC);
	t = ike_tunnel_find(s->node[1].engine, 7);
	t->conf.esp_cipher = (struct algo_list){ 2, { CIPHER_AES256_GCM, CIPHER_AES128_CBC } };
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 20 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &after);
	sim_assert(s, after.n_children == 1 && after.child[0].spi_in != before.child[0].spi_in);
	sim_assert(s, after.child[0].cipher == CIPHER_AES128_CBC);
	sim_finish(s);
}

/* RFC 7296 §2.8: as strings, over the shorter length; a prefix is the lower. */
static void nonces_compare_as_strings(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} cases[] = {
		{ "abc", "abc", 0 },   { "abc", "abd", -1 },  { "b", "abc", 1 },
		{ "abc", "abcd", -1 }, { "abcd", "abc", 1 },  { "\x7f", "\x80", -1 },
		{ "\xff", "a", 1 },    { "abca", "abd", -1 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int order = ike_nonce_compare((const uint8_t *)cases[i].a, strlen(cases[i].a),
					      (const uint8_t *)cases[i].b, strlen(cases[i].b));

		assert_int_equal((order > 0) - (order < 0), cases[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disabled_before_the_answer),
		cmocka_unit_test(by_lifetime),
		cmocka_unit_test(at_once),
		cmocka_unit_test(through_loss),
		cmocka_unit_test(selected_suite_is_kept),
		cmocka_unit_test(nonces_compare_as_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

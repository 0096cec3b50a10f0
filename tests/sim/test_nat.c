/* NAT on either side, in both versions: detection (RFC 7296 §2.23, RFC 3947 and its drafts), port
 * 4500, encapsulation, keepalives, a mapping that changes. */
#include "tests/sim/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void silent_second_calls(unsigned node, struct conf_tunnel *t)
{
	version_second_calls(node, t);
	if (node)
		t->dpd = 0;
}

static void first_forces(unsigned node, struct conf_tunnel *t)
{
	version_both_call(node, t);
	t->force_udp = !node;
}

static void quick_ike(unsigned node, struct conf_tunnel *t)
{
	version_first_calls(node, t);
	t->ike_lifetime = 6;
	t->esp_lifetime = 9;
}

static struct sim *behind_nat(uint64_t seed, unsigned node, sim_change *change)
{
	struct sim *s = sim_new(seed);

	sim_node_add(s, node == 0 ? "10.0.0.1" : "192.0.2.1");
	sim_node_add(s, node == 1 ? "10.0.0.1" : "198.51.100.1");
	sim_node_nat(s, node, "203.0.113.9");
	sim_pair_add(s, change);
	return s;
}

static void is_encapsulated(struct sim *s, unsigned nat)
{
	struct ike_tunnel_view v;

	sim_assert(s, sim_until_up(s, 5 * IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 65 * IKE_SECOND);
	sim_assert(s, s->lost == 0);
	for (unsigned n = 0; n < 2; n++) {
		ike_tunnel_view(s->node[n].engine, 7, &v);
		sim_assert(s, v.path.local.port == 4500);
		sim_assert(s, v.nat_local == (n == nat));
		sim_assert(s, v.nat_remote == (n != nat));
		sim_assert(s, v.n_children >= 1 && v.child[0].udp);
		sim_assert(s, (s->node[n].keepalives > 0) == (n == nat));
		sim_assert(s, s->node[n].tunnel[7].downs == 0);
	}
	sim_assert(s, s->node[nat].keepalives <= 8);
}

static void encapsulated(void **state)
{
	static sim_change *const callers[] = { version_first_calls, version_second_calls,
					       version_both_call };

	for (unsigned nat = 0; nat < 2; nat++) {
		for (unsigned i = 0; i < 3; i++) {
			struct sim *s = behind_nat(10 * nat + i, nat, callers[i]);

			is_encapsulated(s, nat);
			sim_finish(s);
		}
	}
}

/* Rekeys stay on port 4500 and on the mapping that is there. */
static void rekeyed(void **state)
{
	for (unsigned nat = 0; nat < 2; nat++) {
		struct sim *s = behind_nat(nat, nat, quick_ike);

		sim_assert(s, sim_until_up(s, 5 * IKE_SECOND, 7));
		sim_probe(s, 5 * SIM_MS);
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s, s->lost == 0 && s->node[0].n_spent > 5);
		for (unsigned n = 0; n < 2; n++)
			sim_assert(s, s->node[n].tunnel[7].downs == 0);
		sim_finish(s);
	}
}

/* A peer that knows only a draft: the vendor ids that it would not have are hidden from us. */
static const uint8_t rfc[] = { 0x4a, 0x13, 0x1c, 0x81 }, draft3[] = { 0x7d, 0x94, 0x19, 0xa6 };

static void hide(uint8_t *p, size_t n, const uint8_t *id)
{
	for (size_t i = 28; i + 4 <= n; i++) {
		if (memcmp(p + i, id, 4) == 0)
			p[i] ^= 0xff;
	}
}

static unsigned draft;

static sim_verdict only_draft(struct sim *s, const struct sim_message *m, void *arg)
{
	uint8_t *p = (uint8_t *)m->data; /* ours to change: the simulator's copy */

	if (m->exchange != 2 || p[19] & 1)
		return SIM_PASS;
	hide(p, m->len, rfc);
	if (draft == 2)
		hide(p, m->len, draft3);
	if (p[16] == 4 && m->len > 200) /* public values: NAT-D has the drafts' number */
		(*(unsigned *)arg) += p[28] == 10;
	return SIM_PASS;
}

static void drafts(void **state)
{
	for (draft = 2; draft <= 3; draft++) {
		struct sim *s = sim_new(draft);
		unsigned n = 0;

		sim_node_add(s, "10.0.0.1");
		sim_node_add(s, "198.51.100.1");
		sim_node_nat(s, 0, "203.0.113.9");
		s->filter = only_draft;
		s->filter_arg = &n;
		sim_pair_add(s, version_first_calls);
		is_encapsulated(s, 0);
		sim_finish(s);
	}
}

/* The mapping changes: the next authentic message moves the peer, and its packets with it. */
static void mapping_changes(void **state)
{
	for (unsigned nat = 0; nat < 2; nat++) {
		struct sim *s =
			behind_nat(nat, nat, nat ? version_second_calls : version_first_calls);
		uint64_t lost;

		sim_assert(s, sim_until_up(s, 5 * IKE_SECOND, 7));
		sim_run(s, IKE_SECOND);
		sim_node_rebind(s, nat);
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s,
			   s->node[!nat].tunnel[7].out.path.remote.port == s->node[nat].mapped[1]);
		sim_probe(s, 5 * SIM_MS);
		sim_run(s, 2 * IKE_SECOND);
		lost = s->lost;
		sim_run(s, 30 * IKE_SECOND);
		sim_assert(s, s->lost == lost && lost == 0);
		sim_assert(s, s->node[!nat].tunnel[7].up && s->node[!nat].tunnel[7].downs == 0);
		sim_finish(s);
	}
}

static sim_verdict lose_rekeys(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->from == 0 && m->exchange == 36 && !m->response ? SIM_DROP : SIM_PASS;
}

/* It changes while our rekey of the IKE SA waits for its answer: the new SA knows where the peer is
 * by then, though the peer asks for nothing. */
static void mapping_changes_during_a_rekey(void **state)
{
	struct sim *s = behind_nat(1, 1, silent_second_calls);
	struct ike_tunnel_view v;

	sim_assert(s, sim_until_up(s, 5 * IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	s->filter = lose_rekeys;
	sim_assert(s, ike_rekey_ike(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 2);
	sim_node_rebind(s, 1);
	sim_assert(s, ike_rekey_child(s->node[1].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 4);
	s->filter = NULL;
	sim_run(s, 3 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.initiator && v.path.remote.port == s->node[1].mapped[1]);
	sim_run(s, 120 * IKE_SECOND);
	sim_assert(s, s->node[0].tunnel[7].downs == 0 && s->node[1].tunnel[7].downs == 0);
	sim_finish(s);
}

static void without_nat_nobody_moves(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_path elsewhere = { { s->node[0].address, 500 }, { s->node[1].address, 777 } };
	struct ike_tunnel_view v;

	sim_pair_add(s, version_first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	s->node[1].behind_nat = true;
	s->node[1].public_address = s->node[1].address;
	s->node[1].mapped[0] = 777;
	sim_run(s, 60 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.up && v.path.remote.port != elsewhere.remote.port);
	sim_finish(s);
}

static void forced(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	sim_pair_add(s, first_forces);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 30 * IKE_SECOND);
	sim_assert(s, s->lost == 0);
	for (unsigned n = 0; n < 2; n++) {
		ike_tunnel_view(s->node[n].engine, 7, &v);
		sim_assert(s, v.n_children == 1 && v.child[0].udp && !v.nat_local);
		sim_assert(s, v.path.local.port == 4500 && v.path.remote.port == 4500);
	}
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(encapsulated, version_2),
		cmocka_unit_test_setup(encapsulated, version_1),
		cmocka_unit_test_setup(encapsulated, version_1_aggressive),
		cmocka_unit_test_setup(rekeyed, version_2),
		cmocka_unit_test_setup(rekeyed, version_1),
		cmocka_unit_test_setup(drafts, version_1),
		cmocka_unit_test_setup(mapping_changes, version_2),
		cmocka_unit_test_setup(mapping_changes, version_1),
		cmocka_unit_test_setup(mapping_changes_during_a_rekey, version_2),
		cmocka_unit_test_setup(without_nat_nobody_moves, version_2),
		cmocka_unit_test_setup(without_nat_nobody_moves, version_1),
		cmocka_unit_test_setup(forced, version_2),
		cmocka_unit_test_setup(forced, version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An authenticated peer that asks too often, and a dataplane that refuses: what is kept stays
 * bounded, and nothing that was wanted is forgotten. */
#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t lifetime_now;
static bool pfs_now;

static void lives_so_long(unsigned node, struct conf_tunnel *t)
{
	version_first_calls(node, t);
	if (lifetime_now)
		t->esp_lifetime = t->ike_lifetime = node ? 3600 : lifetime_now;
	if (pfs_now)
		algo_list_add(&t->esp_pfs, DH_X25519);
}

static struct sim *up(uint64_t seed, uint32_t lifetime)
{
	struct sim *s = sim_pair(seed);

	lifetime_now = lifetime;
	sim_pair_add(s, lives_so_long);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	sim_probe(s, 5 * SIM_MS);
	return s;
}

/* All is as it should be in the end, and nobody has noticed. */
static void unharmed(struct sim *s)
{
	s->filter = NULL;
	sim_run(s, 60 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].up && s->node[i].tunnel[7].downs == 0);
		sim_assert(s, sim_ike_sas(s, i) == 1);
		sim_assert(s, sim_inbound(s, i) <= 3);
	}
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

/* Those that wait for repeats of the peer's delete as well. */
static unsigned all_sas(const struct sim *s, unsigned node)
{
	const struct ike_sa *sa;
	unsigned n = 0;

	LIST_FOREACH(sa, &s->node[node].engine->sas, all)
	n++;
	return n;
}

/* The IKE SA rekeyed by the peer as fast as it can. */
static void ike_rekeyed_in_a_loop(void **state)
{
	struct sim *s = up(1, 0);
	unsigned rekeys = 0;

	for (unsigned i = 0; i < 4000; i++) {
		rekeys += ike_rekey_ike(s->node[0].engine, s->now, 7) == 0;
		sim_run(s, 5 * SIM_MS);
		sim_assert(s, all_sas(s, 1) <= 20 + 30 * 10);
	}
	sim_assert(s, rekeys > 400);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_RATE_LIMITED) > 10);
	unharmed(s);
}

/* Pairs of SAs made and deleted by the peer as fast as it can. */
static void children_rekeyed_in_a_loop(void **state)
{
	struct sim *s = up(2, 0);
	struct ike_tunnel *t = ike_tunnel_find(s->node[0].engine, 7);
	unsigned rekeys = 0;

	for (unsigned i = 0; i < 2000; i++) {
		rekeys += ike_rekey_child(s->node[0].engine, s->now, 7) == 0;
		sim_run(s, 5 * SIM_MS);
		for (struct ike_child *c = TAILQ_FIRST(&t->children); c; c = TAILQ_NEXT(c, link)) {
			if (c->outbound == IKE_OUTBOUND_PAST && !c->want_delete) {
				c->want_delete = true;
				ike_sa_attend(c->sa);
			}
		}
		ike_settle(s->node[0].engine);
		sim_assert(s, sim_inbound(s, 1) <= IKE_LINGERING_MAX + 8);
	}
	sim_assert(s, rekeys > IKE_LINGERING_MAX);
	unharmed(s);
}

static uint64_t limited(const struct sim *s)
{
	return ike_counter(s->node[1].engine, IKE_COUNT_RATE_LIMITED);
}

/* The same with a key exchange each, which costs us as much as the peer: most of them have to wait,
 * and an honest rekey after all that has not to wait for long. */
static void key_exchanges_in_a_loop(void **state)
{
	size_t before, pairs, rekeys = 0;
	struct sim *s;

	pfs_now = true;
	s = up(6, 0);
	pfs_now = false;
	before = s->node[1].n_spent;
	for (unsigned i = 0; i < 8000; i++) {
		rekeys += ike_rekey_child(s->node[0].engine, s->now, 7) == 0;
		sim_run(s, 5 * SIM_MS);
	}
	pairs = s->node[1].n_spent - before;
	sim_assert(s, rekeys > 100 && limited(s) >= 5);
	/* 40 and twice its children at once, one a second for 40 seconds. */
	sim_assert(s, pairs >= 40 && pairs <= 40 + 2 * 8 + 41);
	sim_run(s, 10 * IKE_SECOND);
	before = s->node[1].n_spent;
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, s->node[1].n_spent > before);
	unharmed(s);
}

/* No SPI is left for a while, when the rekeys are due: they are made up for. */
static void no_spi_for_a_rekey(void **state)
{
	struct sim *s = up(3, 60);
	struct ike_tunnel_view before, after;

	ike_tunnel_view(s->node[0].engine, 7, &before);
	s->node[0].no_spis = true;
	sim_run(s, before.child[0].rekey_at - s->now + 3 * IKE_SECOND);
	s->node[0].no_spis = false;
	sim_run(s, 4 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &after);
	for (unsigned i = 0; i < after.n_children; i++)
		sim_assert(s, after.child[i].spi_in != before.child[0].spi_in);
	unharmed(s);
}

/* What the peer has made cannot be installed here: it does not stay there, to be sent on. */
static void what_cannot_be_installed(void **state)
{
	for (unsigned node = 0; node < 2; node++) {
		struct sim *s = up(4 + node, 0);

		s->node[node].refusals = 6;
		sim_assert(s, ike_rekey_child(s->node[node].engine, s->now, 7) == 0);
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s, s->node[node].refusals == 0);
		unharmed(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ike_rekeyed_in_a_loop, version_2),
		cmocka_unit_test_setup(children_rekeyed_in_a_loop, version_2),
		cmocka_unit_test_setup(children_rekeyed_in_a_loop, version_1),
		cmocka_unit_test_setup(key_exchanges_in_a_loop, version_2),
		cmocka_unit_test_setup(key_exchanges_in_a_loop, version_1),
		cmocka_unit_test_setup(no_spi_for_a_rekey, version_2),
		cmocka_unit_test_setup(no_spi_for_a_rekey, version_1),
		cmocka_unit_test_setup(what_cannot_be_installed, version_2),
		cmocka_unit_test_setup(what_cannot_be_installed, version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

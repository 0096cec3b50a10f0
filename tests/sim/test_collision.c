/* Both sides want something at the same time (RFC 7296 §2.8.1, §2.25).
 *
 * Every pair of wishes meets in every order in which their messages can pass, get lost, or be late:
 * each of the first request and the first answer of either side is delivered, lost once, late by
 * 300 ms (after what follows it), or late by 2.5 s (after its repetition). Whatever happens, one
 * IKE SA and one pair remain; and where nobody wanted to delete anything, no packet is lost. */
#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum wish { REKEY_CHILD, REKEY_IKE, DELETE_CHILD, DELETE_IKE };

static void wish(struct sim *s, unsigned node, enum wish w)
{
	struct ike_engine *e = s->node[node].engine;
	struct ike_tunnel *t = ike_tunnel_find(e, 7);

	e->now = s->now;
	switch (w) {
	case REKEY_CHILD:
		ike_rekey_child(e, s->now, 7);
		break;
	case REKEY_IKE:
		ike_rekey_ike(e, s->now, 7);
		break;
	case DELETE_CHILD:
		if (t->out) {
			t->out->want_delete = true;
			ike_sa_attend(t->out->sa);
			ike_settle(e);
		}
		break;
	case DELETE_IKE:
		if (ike_tunnel_current(t)) {
			ike_sa_close(ike_tunnel_current(t), false);
			ike_settle(e);
		}
	}
}

/* One calls first, so that there is nothing to settle when the test begins. */
static void first_calls(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

/* The fate of message i is digit i of the number, base 4. */
enum { REQUEST_0, REQUEST_1, ANSWER_0, ANSWER_1, MESSAGES };
struct fates {
	unsigned number;
	bool seen[MESSAGES];
};

static sim_verdict decide(struct sim *s, const struct sim_message *m, void *arg)
{
	static const sim_verdict verdicts[] = { SIM_PASS, SIM_DROP, 300 * SIM_MS, 2500 * SIM_MS };
	struct fates *f = arg;
	unsigned i = (m->response ? ANSWER_0 : REQUEST_0) + m->from;

	if (f->seen[i] || m->exchange < 36)
		return SIM_PASS;
	f->seen[i] = true;
	return verdicts[f->number >> 2 * i & 3];
}

static void collide(enum wish a, enum wish b, unsigned number, ike_time apart)
{
	struct sim *s = sim_pair(1 + number);
	struct fates f = { .number = number };
	struct ike_tunnel *restart;
	bool strict = a <= REKEY_IKE && b <= REKEY_IKE;

	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
	restart = ike_tunnel_find(s->node[1].engine, 7);
	restart->conf.start = CONF_START_INITIATE;
	s->filter = decide;
	s->filter_arg = &f;
	sim_probe(s, 4 * SIM_MS);
	wish(s, 0, a);
	sim_run(s, apart);
	wish(s, 1, b);
	sim_run(s, 4 * IKE_SECOND);
	sim_probe(s, 100 * SIM_MS);
	sim_run(s, 46 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		bool good = s->node[i].tunnel[7].up && sim_established(s, i, 7) == 1 &&
			    sim_inbound(s, i) == 1 && sim_ike_sas(s, i) == 1;

		if (!good || (strict && s->lost))
			print_error("wishes %u and %u, %u ms apart, fates %u, node %u: up %d, "
				    "%u pairs, %u inbound, %u IKE SAs, %u lost\n",
				    a, b, (unsigned)(apart / SIM_MS), number, i,
				    s->node[i].tunnel[7].up, sim_established(s, i, 7),
				    sim_inbound(s, i), sim_ike_sas(s, i), (unsigned)s->lost);
		sim_assert(s, good);
		if (strict)
			sim_assert(s, s->lost == 0 && s->node[i].tunnel[7].downs == 0);
	}
	sim_finish(s);
}

static void meet(enum wish a, enum wish b)
{
	for (unsigned number = 0; number < 256; number++)
		collide(a, b, number, 0);
	/* One request is answered, or its answer under way, when the other leaves. */
	for (unsigned number = 0; number < 256; number += 5) {
		collide(a, b, number, 3 * SIM_MS);
		collide(a, b, number, 7 * SIM_MS);
		collide(a, b, number, 12 * SIM_MS);
	}
}

static void rekey_child_and_rekey_child(void **state)
{
	meet(REKEY_CHILD, REKEY_CHILD);
}

static void rekey_child_and_delete_child(void **state)
{
	meet(REKEY_CHILD, DELETE_CHILD);
}

static void delete_child_and_delete_child(void **state)
{
	meet(DELETE_CHILD, DELETE_CHILD);
}

static void rekey_child_and_rekey_ike(void **state)
{
	meet(REKEY_CHILD, REKEY_IKE);
}

static void rekey_ike_and_rekey_ike(void **state)
{
	meet(REKEY_IKE, REKEY_IKE);
}

static void rekey_ike_and_delete_child(void **state)
{
	meet(REKEY_IKE, DELETE_CHILD);
}

static void rekey_ike_and_delete_ike(void **state)
{
	meet(REKEY_IKE, DELETE_IKE);
}

static void rekey_child_and_delete_ike(void **state)
{
	meet(REKEY_CHILD, DELETE_IKE);
}

static void delete_ike_and_delete_ike(void **state)
{
	meet(DELETE_IKE, DELETE_IKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekey_child_and_rekey_child),
		cmocka_unit_test(rekey_child_and_rekey_ike),
		cmocka_unit_test(rekey_ike_and_rekey_ike),
		cmocka_unit_test(rekey_child_and_delete_child),
		cmocka_unit_test(rekey_ike_and_delete_child),
		cmocka_unit_test(delete_child_and_delete_child),
		cmocka_unit_test(rekey_child_and_delete_ike),
		cmocka_unit_test(rekey_ike_and_delete_ike),
		cmocka_unit_test(delete_ike_and_delete_ike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

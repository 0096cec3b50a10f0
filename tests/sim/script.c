#include "tests/sim/script.h"

#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"
#include "tests/sim/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TUNNEL 7

struct fate {
	const struct script_case *c;
	ike_time began;
	bool request_seen, answer_seen;
};

/* Only the first request of a node and the first answer to it; what the other did to the first
 * answer in between is not its concern. */
static sim_verdict decide(struct sim *s, const struct sim_message *m, void *arg)
{
	struct fate *f = arg;
	const struct script_case *c = f->c;
	bool request = !m->response && m->from == c->whose, first;
	bool answer = m->response && m->from != c->whose;

	if (c->fate == DOUBLED)
		return s->now - f->began < 2 * IKE_SECOND ? SIM_TWICE | 2 * SIM_MS : SIM_PASS;
	first = (request && !f->request_seen) || (answer && !f->answer_seen);
	f->request_seen |= request;
	f->answer_seen |= answer;
	if (!first)
		return SIM_PASS;
	switch (c->fate) {
	case ANSWER_LATE:
		return answer ? 300 * SIM_MS : SIM_PASS;
	case REQUEST_LOST:
		return request ? SIM_DROP : SIM_PASS;
	case ANSWER_LOST:
		return answer ? SIM_DROP : SIM_PASS;
	case AFTER_DELETE:
		return answer ? 2500 * SIM_MS : SIM_TWICE | 2500 * SIM_MS;
	default:
		return SIM_PASS;
	}
}

static void wish(struct sim *s, unsigned node, enum script_wish w)
{
	struct ike_engine *e = s->node[node].engine;
	struct ike_tunnel *t = ike_tunnel_find(e, TUNNEL);
	struct ike_sa *sa = ike_tunnel_current(t);

	e->now = s->now;
	switch (w) {
	case CREATE_CHILD:
		sa->want_child = true;
		break;
	case REKEY_CHILD:
		t->out->want_rekey = true;
		break;
	case DELETE_CHILD:
		t->out->want_delete = true;
		break;
	case REKEY_IKE:
		sa->want_rekey = true;
		break;
	case DELETE_IKE:
		ike_sa_close(sa, false);
		break;
	case LACK_CHILD:
		ike_child_gone(t->out, false);
		break;
	case REFUSE:
		sa->replaced = true;
	}
	ike_sa_attend(sa);
	ike_settle(e);
}

static void lose_children(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ike_engine *e = s->node[i].engine;

		e->now = s->now;
		ike_child_gone(ike_tunnel_find(e, TUNNEL)->out, false);
	}
}

static void force_nonces(struct sim *s, enum script_lowest lowest)
{
	static const struct {
		unsigned node, draw; /* a node draws for its request first */
	} place[] = { [REQUEST_0] = { 0, 0 },
		      [REQUEST_1] = { 1, 0 },
		      [ANSWER_0] = { 0, 1 },
		      [ANSWER_1] = { 1, 1 } };

	if (lowest == ANY)
		return;
	for (unsigned i = 0; i < 2; i++) {
		s->node[i].nonces_forced = true;
		s->node[i].n_nonces = 2;
		s->node[i].nonce[0] = s->node[i].nonce[1] = s->node[i].nonce_after = 0x80;
	}
	s->node[place[lowest].node].nonce[place[lowest].draw] = 0x10;
}

/* Always the same node calls, and makes what was deleted anew: chance must not decide it. */
static void first_calls(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void check_what_remains(struct sim *s, const struct script_case *c)
{
	bool peaceful = true;

	for (unsigned i = 0; i < 2; i++)
		peaceful &= c->wish[i] == REKEY_CHILD || c->wish[i] == REKEY_IKE;
	for (unsigned i = 0; i < 2; i++) {
		const struct sim_node *node = &s->node[i];
		const struct sim_sa *out = &node->tunnel[TUNNEL].out;
		struct ike_tunnel_view v;

		assert_int_equal(ike_tunnel_view(node->engine, TUNNEL, &v), 0);
		sim_assert(s, v.up && v.n_children == 1 && v.child[0].outbound);
		sim_assert(s, sim_inbound(s, i) == 1 && node->spis == 1);
		sim_assert(s, sim_ike_sas(s, i) == 1);
		sim_assert(s, out->installed && out->spi == v.child[0].spi_out);
		sim_assert(s, s->node[!i].tunnel[TUNNEL].out.spi == v.child[0].spi_in);
		if (peaceful)
			sim_assert(s, node->tunnel[TUNNEL].downs == 0);
	}
	if (peaceful)
		sim_assert(s, s->lost == 0);
}

static void run(void **state)
{
	const struct script_case *c = *state;
	struct fate fate = { .c = c };
	struct sim_trace trace;
	struct sim *s = sim_pair(1);

	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, TUNNEL));
	sim_run(s, IKE_SECOND);
	force_nonces(s, c->lowest);
	sim_trace_start(s, &trace);
	if (c->wish[0] == CREATE_CHILD || c->wish[1] == CREATE_CHILD)
		lose_children(s);
	fate.began = s->now;
	s->filter = decide;
	s->filter_arg = &fate;
	sim_probe(s, 4 * SIM_MS);
	wish(s, 0, c->wish[0]);
	wish(s, 1, c->wish[1]);
	sim_run(s, 5 * IKE_SECOND);
	sim_probe(s, 100 * SIM_MS);
	sim_run(s, (c->wish[1] == REFUSE ? 240 : 60) * IKE_SECOND);
	s->trace = NULL;
	if (getenv("SCRIPT_RECORD"))
		printf("RECORD\t%s\t%s\n", c->name, trace.text);
	check_what_remains(s, c);
	if (!getenv("SCRIPT_RECORD"))
		assert_string_equal(trace.text, c->expected);
	sim_finish(s);
}

int script_main(const char *group, const struct script_case *cases, size_t n)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
						.test_func = run,
						.initial_state = (void *)&cases[i] };
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

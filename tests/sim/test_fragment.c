/* IKE fragmentation (RFC 7383): both ways, through loss, duplicates, reordering and forgery. */
#include "ike/core.h"
#include "tests/sim/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SKF = 53 };

static unsigned size_now[2] = { 160, 160 };

static void small(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
	t->ike_fragment = size_now[node];
}

/* What crosses the wire, and what a test does to it. */
struct wire {
	unsigned fragments[2]; /* by sender */
	unsigned longest;      /* of protected messages */
	unsigned drop_from, drop_number, dropped;
	bool forge;
};

static sim_verdict watch(struct sim *s, const struct sim_message *m, void *arg)
{
	struct wire *w = arg;
	unsigned number;

	if (m->exchange != 34 && m->len > w->longest)
		w->longest = (unsigned)m->len;
	if (m->data[16] != SKF)
		return SIM_PASS;
	w->fragments[m->from]++;
	number = (unsigned)m->data[32] << 8 | m->data[33];
	if (w->forge) {
		struct ike_path path = { { s->node[m->to].address, 500 },
					 { s->node[m->from].address, 500 } };
		uint8_t copy[512];

		memcpy(copy, m->data, m->len);
		copy[m->len - 1] ^= 1;
		sim_inject(s, m->to, &path, copy, m->len);
		copy[33] = 200;
		sim_inject(s, m->to, &path, copy, m->len);
	}
	if (w->drop_number == number && w->drop_from == m->from && !w->dropped) {
		w->dropped++;
		return SIM_DROP;
	}
	return SIM_PASS;
}

static struct sim *watched(uint64_t seed, struct wire *w)
{
	struct sim *s = sim_pair(seed);

	s->filter = watch;
	s->filter_arg = w;
	sim_pair_add(s, small);
	return s;
}

/* Every exchange, each side's messages cut and put together. */
static void both_ways(void **state)
{
	static const unsigned sizes[] = { 120, 160, 200, 333, 576 };

	for (unsigned i = 0; i < 5; i++) {
		struct wire w = { 0 };
		struct sim *s;

		size_now[0] = size_now[1] = sizes[i];
		s = watched(i, &w);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		sim_probe(s, 5 * SIM_MS);
		sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
		sim_run(s, IKE_SECOND);
		sim_assert(s, ike_rekey_ike(s->node[1].engine, s->now, 7) == 0);
		sim_run(s, 10 * IKE_SECOND);
		sim_assert(s, ike_rekey_child(s->node[1].engine, s->now, 7) == 0);
		sim_run(s, 10 * IKE_SECOND);
		sim_assert(s, s->lost == 0 && sim_inbound(s, 0) == 1);
		sim_assert(s, w.longest + 28 <= sizes[i]);
		if (sizes[i] < 200)
			sim_assert(s, w.fragments[0] >= 6 && w.fragments[1] >= 6);
		sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_BAD_FRAGMENT) == 0);
		sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_MALFORMED) == 0);
		sim_finish(s);
	}
	size_now[0] = size_now[1] = 160;
}

/* Rule 5: only if both sides announced it. */
static void only_if_both_can(void **state)
{
	for (unsigned without = 0; without < 2; without++) {
		struct wire w = { 0 };
		struct sim *s;

		size_now[without] = 0;
		s = watched(1, &w);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		sim_run(s, 10 * IKE_SECOND);
		sim_assert(s, w.fragments[0] + w.fragments[1] == 0 && w.longest > 200);
		sim_finish(s);
		size_now[without] = 160;
	}
}

static uint8_t total_now;

static sim_verdict disguise(struct sim *s, const struct sim_message *m, void *arg)
{
	unsigned *n = arg;

	if (m->exchange == 35 && m->from == 0) {
		struct ike_path path = { { s->node[1].address, 500 }, { s->node[0].address, 500 } };
		uint8_t copy[1024];

		memcpy(copy, m->data, m->len);
		copy[16] = SKF;
		memcpy(copy + 32, (uint8_t[]){ 0, 1, 0, total_now }, 4);
		sim_inject(s, 1, &path, copy, m->len);
		(*n)++;
	}
	return SIM_PASS;
}

static void disguised(uint8_t total, unsigned size, enum ike_counter counter)
{
	struct sim *s = sim_pair(1);
	unsigned n = 0;

	total_now = total;
	size_now[0] = size_now[1] = size;
	s->filter = disguise;
	s->filter_arg = &n;
	sim_pair_add(s, small);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_assert(s, n == 1);
	sim_assert(s, ike_counter(s->node[1].engine, counter) == 1);
	sim_finish(s);
	size_now[0] = size_now[1] = 160;
}

static void unannounced_fragments_are_refused(void **state)
{
	disguised(2, 0, IKE_COUNT_BAD_FRAGMENT);
}

static void a_fragment_of_none_is_no_message(void **state)
{
	disguised(0, 1280, IKE_COUNT_MALFORMED);
}

/* Each fragment of each side, lost once: the whole request comes again, and so does the answer. */
static void each_fragment_lost_once(void **state)
{
	for (unsigned from = 0; from < 2; from++) {
		for (unsigned number = 1; number <= 4; number++) {
			struct wire w = { .drop_from = from, .drop_number = number };
			struct sim *s = watched(number, &w);

			sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
			sim_assert(s, w.dropped == 1);
			sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_RETRANSMITTED) == 1);
			/* The first fragment alone asks for the answer. */
			sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_ANSWERED_AGAIN) ==
					      (from == 1));
			sim_finish(s);
		}
	}
}

static void bad_network(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct wire w = { 0 };
		struct sim *s;

		size_now[0] = size_now[1] = 130 + 10 * (unsigned)seed;
		s = watched(seed, &w);
		s->link.loss = 60;
		s->link.duplicate = 200;
		s->link.jitter = 50 * SIM_MS;
		sim_assert(s, sim_until_up(s, 120 * IKE_SECOND, 7));
		for (unsigned i = 0; i < 4; i++) {
			ike_rekey_child(s->node[i % 2].engine, s->now, 7);
			sim_run(s, 30 * IKE_SECOND);
		}
		s->link.loss = 0;
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
		sim_finish(s);
	}
	size_now[0] = size_now[1] = 160;
}

/* Rule 10: the ICV of each is checked first. Forged ones change nothing, and cost nothing. */
static void forged_fragments(void **state)
{
	struct wire w = { .forge = true };
	struct sim *s = watched(1, &w);

	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_BAD_ICV) >= 3);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_BAD_FRAGMENT) >= 3);
	sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_RETRANSMITTED) == 0);
	sim_finish(s);
}

static void slow_to_probe(unsigned node, struct conf_tunnel *t)
{
	small(node, t);
	t->dpd = 60;
}

/* Records a first piece, and loses the others of its message. */
static sim_verdict first_piece(struct sim *s, const struct sim_message *m, void *arg)
{
	if (m->from != 0 || m->data[16] != SKF)
		return SIM_PASS;
	if (m->data[33] == 1)
		tape_record(s, m, arg);
	return SIM_DROP;
}

/* Who keeps a piece of a request that never came whole cannot keep a dead peer alive with it. */
static void pieces_are_no_life(void **state)
{
	static struct tape tape;
	struct sim *s = sim_pair(1);
	unsigned seconds = 0;

	tape.n = 0;
	sim_pair_add(s, slow_to_probe);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	s->filter = first_piece;
	s->filter_arg = &tape;
	sim_assert(s, ike_rekey_ike(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, IKE_SECOND / 2);
	sim_assert(s, tape.n == 1);
	sim_node_kill(s, 0);
	for (; s->node[1].tunnel[7].up && seconds < 200; seconds++) {
		tape_play(s, &tape, 0);
		sim_run(s, IKE_SECOND);
	}
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_FRAGMENTS) >= 1 + seconds / 12);
	sim_assert(s, s->node[1].tunnel[7].reason == IKE_REASON_DPD_TIMEOUT);
	sim_assert(s, seconds < 100);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(only_if_both_can),
		cmocka_unit_test(unannounced_fragments_are_refused),
		cmocka_unit_test(a_fragment_of_none_is_no_message),
		cmocka_unit_test(each_fragment_lost_once),
		cmocka_unit_test(bad_network),
		cmocka_unit_test(forged_fragments),
		cmocka_unit_test(pieces_are_no_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

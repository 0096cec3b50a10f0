#include "tests/sim/tape.h"

#include <string.h>

sim_verdict tape_record(struct sim *s, const struct sim_message *m, void *arg)
{
	struct tape *t = arg;

	if (t->n < TAPE_MAX && m->len <= TAPE_BYTES) {
		memcpy(t->data[t->n], m->data, m->len);
		t->len[t->n] = m->len;
		t->to[t->n++] = m->to;
	}
	return SIM_PASS;
}

struct ike_path tape_path(const struct sim *s, unsigned to, uint16_t port)
{
	return (struct ike_path){ { s->node[to].address, port }, { s->node[!to].address, port } };
}

void tape_play(struct sim *s, const struct tape *t, unsigned message)
{
	struct ike_path path = tape_path(s, t->to[message], 500);

	sim_inject(s, t->to[message], &path, t->data[message], t->len[message]);
}

struct sim *tape_pair(uint64_t seed, sim_change *change, struct tape *t)
{
	struct sim *s = sim_pair(seed);

	t->n = 0;
	s->filter = tape_record;
	s->filter_arg = t;
	sim_pair_add(s, change);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	ike_rekey_child(s->node[0].engine, s->now, 7);
	sim_run(s, 25 * IKE_SECOND);
	ike_rekey_ike(s->node[1].engine, s->now, 7);
	sim_run(s, 35 * IKE_SECOND);
	s->filter = NULL;
	sim_probe(s, 50 * SIM_MS);
	return s;
}

static enum conf_ike_mode mode_now;

void tape_v1_calls(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
	t->ike_mode = mode_now;
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

struct sim *tape_v1(uint64_t seed, struct tape *t)
{
	mode_now = seed % 2 ? CONF_IKE_AGGRESSIVE : CONF_IKE_MAIN;
	return tape_pair(seed, tape_v1_calls, t);
}

void tape_unharmed(struct sim *s)
{
	s->filter = NULL;
	sim_run(s, 70 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].up && s->node[i].tunnel[7].downs == 0);
		sim_assert(s, sim_inbound(s, i) == 1 && sim_ike_sas(s, i) == 1);
	}
	sim_assert(s, s->lost == 0);
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, sim_inbound(s, 0) == 1);
	sim_finish(s);
}

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

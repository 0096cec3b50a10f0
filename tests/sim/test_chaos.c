/* Two gateways do whatever comes to their minds, through a network that does the same: rekeys,
 * deletes, restarts, an operator's commands, loss, doubles, reordering, a NAT that forgets. When
 * all has become quiet one IKE SA and one pair are left, both ends agree, and nothing has leaked.
 *
 * Each seed is a life of its own; CHAOS_SEEDS=FIRST-LAST runs others. */
#include "ike/child.h"
#include "ike/history.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TUNNEL 7
#define WILD   (120 * IKE_SECOND)
#define CALM   (200 * IKE_SECOND)

static unsigned traits; /* of the life under way */

static void configure(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime = traits & 1 ? 6 : 3600;
	t->ike_lifetime = traits & 2 ? 15 : 14400;
	if (traits & 4)
		algo_list_add(&t->esp_pfs, DH_X25519);
	if (traits & 8) {
		t->ike_cipher.n = 0;
		algo_list_add(&t->ike_cipher, CIPHER_AES128_GCM);
	}
	if (traits & 16 && node)
		t->start = CONF_START_RESPOND;
	if (traits & 32)
		t->ike_fragment = 576;
}

static void add(struct sim *s, unsigned node)
{
	struct conf_tunnel t;

	sim_conf(s, node, !node, &t);
	configure(node, &t);
	sim_tunnel_add(s, node, TUNNEL, &t);
}

static void act(struct sim *s)
{
	unsigned node = sim_random(s) % 2, what = sim_random(s) % 16;
	struct ike_engine *e = s->node[node].engine;
	struct ike_tunnel *t = ike_tunnel_find(e, TUNNEL);

	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		ike_rekey_child(e, s->now, TUNNEL);
		break;
	case 4:
	case 5:
	case 6:
		ike_rekey_ike(e, s->now, TUNNEL);
		break;
	case 7:
		if (t->out) {
			t->out->want_delete = true;
			ike_sa_attend(t->out->sa);
			ike_tick(e, s->now);
		}
		break;
	case 8:
		if (ike_tunnel_current(t))
			ike_sa_close(ike_tunnel_current(t), false);
		ike_tick(e, s->now);
		break;
	case 9:
		ike_tunnel_disable(e, s->now, TUNNEL);
		break;
	case 10:
	case 11:
	case 12:
		ike_tunnel_enable(e, s->now, TUNNEL);
		break;
	case 13:
		if (sim_random(s) % 3)
			break;
		sim_node_kill(s, node);
		sim_run(s, sim_random(s) % (3 * IKE_SECOND));
		sim_node_start(s, node);
		add(s, node);
		break;
	case 14:
		sim_node_rebind(s, 1);
		break;
	case 15:
		s->node[node].unreachable = true;
		sim_run(s, sim_random(s) % (6 * IKE_SECOND));
		s->node[node].unreachable = false;
	}
}

static void print_history(const struct sim *s, unsigned node)
{
	struct ike_history history;
	struct ike_happening h;
	size_t at = 0;

	if (!s->verbose || ike_tunnel_history(s->node[node].engine, TUNNEL, &history) < 0)
		return;
	while (ike_history_next(&history, &at, &h))
		print_error("node %u %10.6f %s\n", node, (double)h.last / 1e6, h.text);
	ike_history_clear(&history);
}

static void live(uint64_t seed)
{
	struct sim *s = sim_pair(seed);
	ike_time end = s->now + WILD;

	traits = (unsigned)sim_random(s);
	if (traits & 64)
		sim_node_nat(s, 1, "203.0.113.5");
	s->link.loss = sim_random(s) % 300;
	s->link.duplicate = sim_random(s) % 300;
	s->link.jitter = sim_random(s) % (50 * SIM_MS);
	add(s, 0);
	add(s, 1);
	sim_probe(s, 50 * SIM_MS);
	while (s->now < end) {
		act(s);
		if (sim_random(s) % 3)
			sim_run(s, sim_random(s) % (30 * SIM_MS));
		else
			sim_run(s, sim_random(s) % (4 * IKE_SECOND));
	}
	s->link.loss = s->link.duplicate = s->link.jitter = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_tunnel *t;

		ike_tunnel_enable(s->node[i].engine, s->now, TUNNEL);
		t = ike_tunnel_find(s->node[i].engine, TUNNEL);
		t->conf.esp_lifetime = 3600;
		t->conf.ike_lifetime = 14400;
	}
	sim_run(s, CALM);
	s->lost = 0;
	sim_run(s, 10 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		const struct sim_tunnel *t = &s->node[i].tunnel[TUNNEL];
		bool good = t->up && sim_ike_sas(s, i) == 1 && sim_inbound(s, i) == 1 &&
			    s->node[i].spis == 1 && s->lost == 0;

		if (!good)
			print_error(
				"seed %llu, traits %02x, node %u: %s %s, %u IKE SAs, %u inbound, "
				"%u SPIs, %u lost\n",
				(unsigned long long)seed, traits & 0x7f, i, t->up ? "UP" : "DOWN",
				t->text, sim_ike_sas(s, i), sim_inbound(s, i), s->node[i].spis,
				(unsigned)s->lost);
		for (unsigned k = 0; !good && k < 2; k++)
			print_history(s, k);
		sim_assert(s, good);
	}
	sim_finish(s);
}

static void chaos(void **state)
{
	const char *seeds = getenv("CHAOS_SEEDS");
	unsigned first = 1, last = 200;

	if (seeds)
		sscanf(seeds, "%u-%u", &first, &last);
	for (unsigned seed = first; seed <= last; seed++)
		live(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chaos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* IKEv1: many Quick Modes at once under one IKE SA, each with its own networks. */
#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v1/exchange.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define QUICK_MODE 32
#define CHILDREN   40 /* that a tunnel has at most */

static unsigned here_now, there_now; /* networks of node 0 and of node 1 */
static uint32_t lifetime_now = 3600; /* of pairs, seconds */

static void networks(struct prefix *p, unsigned n, const char *format)
{
	char text[PREFIX_STR_MAX];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), format, i);
		prefix_parse(&p[i], text);
	}
}

static void each_with_each(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
	networks(node ? t->ts_remote : t->ts_local, here_now, "10.%u.0.0/16");
	networks(node ? t->ts_local : t->ts_remote, there_now, "192.168.%u.0/24");
	t->n_ts_local = node ? there_now : here_now;
	t->n_ts_remote = node ? here_now : there_now;
	t->esp_lifetime = lifetime_now;
}

static struct ike_tunnel *tunnel_of(const struct sim *s, unsigned node)
{
	return ike_tunnel_find(s->node[node].engine, 7);
}

static unsigned children(const struct sim *s, unsigned node)
{
	return ike_child_count(tunnel_of(s, node));
}

/* Pairs of networks with a pair of SAs that is sent on, each once. */
static unsigned served(const struct sim *s, unsigned node)
{
	const struct ike_child *c, *other;
	unsigned n = 0;

	TAILQ_FOREACH(c, &tunnel_of(s, node)->children, link)
	{
		if (c->outbound != IKE_OUTBOUND_ACTIVE)
			continue;
		n++;
		TAILQ_FOREACH(other, &tunnel_of(s, node)->children, link)
		sim_assert(s, other == c || other->outbound != IKE_OUTBOUND_ACTIVE ||
				      other->traffic != c->traffic);
	}
	return n;
}

/* Quick Modes by message id: how far each has got, and how many went on side by side at most. */
struct watch {
	unsigned hold; /* 1 to 3: that message of each, until released; 0: none */
	unsigned n, most;
	struct {
		uint32_t id;
		unsigned messages;
		unsigned from; /* the last one, and its length: they tell a repeat */
		size_t len;
	} of[256];
};

static sim_verdict watch(struct sim *s, const struct sim_message *m, void *arg)
{
	struct watch *w = arg;
	unsigned open = 0, i = 0;

	if (m->exchange != QUICK_MODE)
		return SIM_PASS;
	while (i < w->n && w->of[i].id != m->id)
		i++;
	sim_assert(s, i < sizeof(w->of) / sizeof(w->of[0]));
	if (i == w->n)
		w->of[w->n++].id = m->id;
	if (w->of[i].from != m->from || w->of[i].len != m->len)
		w->of[i].messages++;
	w->of[i].from = m->from;
	w->of[i].len = m->len;
	for (unsigned k = 0; k < w->n; k++)
		open += w->of[k].messages == 1;
	w->most = open > w->most ? open : w->most;
	return w->of[i].messages == w->hold ? SIM_HOLD : SIM_PASS;
}

static void all_are_served(struct sim *s, unsigned pairs)
{
	for (unsigned node = 0; node < 2; node++) {
		if (served(s, node) != pairs)
			print_error("node %u: %u of %u\n", node, served(s, node), pairs);
		sim_assert(s, served(s, node) == pairs);
		sim_assert(s, s->node[node].tunnel[7].downs == 0);
	}
}

/* Sixteen and more are asked for before the first is answered, answered before the first is
 * confirmed, and confirmed before the first is used. */
static void sixteen_side_by_side(void **state)
{
	for (there_now = 4; there_now <= 8; there_now++) {
		struct sim *s = sim_pair(there_now);
		struct watch w = { .hold = 1 };
		unsigned pairs;

		here_now = 4;
		pairs = here_now * there_now;
		s->filter = watch;
		s->filter_arg = &w;
		sim_pair_add(s, each_with_each);
		while (w.hold <= 3) {
			sim_run(s, IKE_SECOND / 4);
			sim_assert(s, w.n == pairs && s->n_held == pairs);
			for (unsigned i = 0; i < w.n; i++)
				sim_assert(s, w.of[i].messages == w.hold);
			w.hold++;
			sim_release(s);
		}
		sim_run(s, IKE_SECOND / 10);
		sim_assert(s, w.n == pairs && w.most == pairs);
		sim_assert(s, children(s, 0) == pairs && children(s, 1) == pairs);
		sim_assert(s, sim_inbound(s, 0) == pairs && sim_inbound(s, 1) == pairs);
		sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_RETRANSMITTED) == 0);
		sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_TOO_MANY) == 0);
		sim_probe(s, 10 * SIM_MS);
		sim_run(s, 10 * IKE_SECOND);
		all_are_served(s, pairs);
		sim_assert(s, s->lost == 0);
		sim_finish(s);
	}
}

/* Both ends want all sixteen rekeyed at the same moment, so that as many as 32 go side by side. */
static void rekeyed_by_both_at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim *s = sim_pair(seed);
		struct watch w = { .hold = 0 };
		struct ike_child *c;

		here_now = there_now = 4;
		sim_pair_add(s, each_with_each);
		sim_run(s, 2 * IKE_SECOND);
		sim_probe(s, 5 * SIM_MS);
		s->link.jitter = 20 * SIM_MS;
		s->link.spare_probes = true;
		s->filter = watch;
		s->filter_arg = &w;
		for (unsigned node = 0; node < 2; node++) {
			TAILQ_FOREACH(c, &tunnel_of(s, node)->children, link)
			ike_child_rekey_now(c);
			ike_settle(s->node[node].engine);
		}
		sim_run(s, 2 * IKE_SECOND);
		sim_assert(s, w.most >= 32);
		s->filter = NULL;
		sim_run(s, 60 * IKE_SECOND);
		all_are_served(s, 16);
		for (unsigned node = 0; node < 2; node++)
			sim_assert(s, children(s, node) == 16 && sim_inbound(s, node) == 16);
		sim_assert(s, s->lost == 0);
		sim_finish(s);
	}
}

/* As many as a connection may have, rekeyed over and over. */
static void eight_by_lifetime(void **state)
{
	struct sim *s = sim_pair(1);

	here_now = 1;
	there_now = 8;
	lifetime_now = 6;
	sim_pair_add(s, each_with_each);
	sim_run(s, 2 * IKE_SECOND);
	all_are_served(s, 8);
	sim_probe(s, 10 * SIM_MS);
	sim_run(s, 60 * IKE_SECOND);
	all_are_served(s, 8);
	sim_assert(s, s->lost == 0);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, sim_inbound(s, i) >= 8 && sim_inbound(s, i) <= 32);
	sim_finish(s);
	lifetime_now = 3600;
}

static unsigned most_open(const struct sim *s, unsigned node)
{
	const struct ike_sa *sa = ike_tunnel_current(tunnel_of(s, node));
	const struct ike_v1_exchange *x;
	unsigned n = 0;

	if (!sa)
		return 0;
	LIST_FOREACH(x, &sa->v1->exchanges, link)
	n += x->type == IKE_V1_QUICK;
	return n;
}

/* More than the table holds: the rest is counted and not answered, and gets in when it is repeated;
 * more than a tunnel may have: what is there is not harmed. */
static void more_than_there_is_room_for(void **state)
{
	static const unsigned sides[][2] = { { 5, 7 }, { 6, 6 }, { 7, 7 }, { 8, 8 } };

	for (unsigned i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		struct sim *s = sim_pair(i);
		unsigned pairs, expected;

		here_now = sides[i][0];
		there_now = sides[i][1];
		pairs = here_now * there_now;
		expected = pairs < CHILDREN ? pairs : CHILDREN;
		sim_pair_add(s, each_with_each);
		for (unsigned k = 0; k < 500; k++) {
			sim_run(s, 10 * SIM_MS);
			sim_assert(s, most_open(s, 1) <= IKE_V1_QUICK_MAX);
			sim_assert(s, children(s, 1) <= CHILDREN);
		}
		sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_TOO_MANY) >=
				      pairs - IKE_V1_QUICK_MAX);
		sim_run(s, 20 * IKE_SECOND);
		all_are_served(s, expected);
		sim_probe(s, 50 * SIM_MS);
		sim_run(s, 60 * IKE_SECOND);
		all_are_served(s, expected);
		sim_assert(s, s->lost == 0);
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_side_by_side),
		cmocka_unit_test(rekeyed_by_both_at_once),
		cmocka_unit_test(eight_by_lifetime),
		cmocka_unit_test(more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

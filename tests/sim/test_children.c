/* Several children under one IKE SA, each for its own pair of subnets, as policy-based peers want
 * them. */
#include "ike/child.h"
#include "ike/crypto.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned subnets_now[2];
static bool per_pair_now[2];
static uint32_t lifetime_now;

static void subnets(unsigned node, struct conf_tunnel *t)
{
	struct prefix *cloud = node ? t->ts_remote : t->ts_local;
	struct prefix *customer = node ? t->ts_local : t->ts_remote;
	unsigned n = subnets_now[node];
	char text[PREFIX_STR_MAX];

	prefix_parse(&cloud[0], "10.0.0.0/16");
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "192.168.%u.0/24", i);
		prefix_parse(&customer[i], text);
	}
	t->n_ts_local = node ? n : 1;
	t->n_ts_remote = node ? 1 : n;
	t->child_per_pair = per_pair_now[node];
	t->esp_lifetime = lifetime_now;
}

static void one_calls(unsigned node, struct conf_tunnel *t)
{
	subnets(node, t);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void use(unsigned n0, unsigned n1, bool p0, bool p1, uint32_t lifetime)
{
	subnets_now[0] = n0;
	subnets_now[1] = n1;
	per_pair_now[0] = p0;
	per_pair_now[1] = p1;
	lifetime_now = lifetime;
}

/* Each pair has a child; traffic on each, rekeyed over and over, without a loss. */
static void one_child_for_each_pair(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct sim *s = sim_pair(seed);
		struct ike_tunnel_view v;
		unsigned sending = 0;

		use(3, 3, true, seed % 3, 6);
		sim_pair_add(s, seed % 2 ? one_calls : subnets);
		sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
		sim_run(s, 10 * IKE_SECOND);
		sim_probe(s, 5 * SIM_MS);
		sim_run(s, 2 * IKE_SECOND);
		ike_tunnel_view(s->node[0].engine, 7, &v);
		for (unsigned i = 0; i < v.n_children; i++)
			sending += v.child[i].outbound;
		/* Both may set up at once, in which case the peer's children may be wider. */
		if (seed % 2)
			sim_assert(s, sending == 3);
		ike_rekey_ike(s->node[seed / 2 % 2].engine, s->now, 7);
		sim_run(s, 60 * IKE_SECOND);
		sim_assert(s, s->lost == 0 && s->probes > 60000);
		sim_assert(s, s->node[0].tunnel[7].downs == 0);
		sim_assert(s, s->node[1].tunnel[7].downs == 0);
		sim_finish(s);
	}
}

/* A pair that the peer does not want leaves the others alone, and is asked for again. */
static void a_pair_that_is_refused(void **state)
{
	struct sim *s = sim_pair(1);
	uint64_t before;

	use(3, 2, true, false, 3600);
	sim_pair_add(s, one_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 20 * IKE_SECOND);
	sim_probe(s, 5 * SIM_MS);
	sim_assert(s, sim_established(s, 0, 7) == 2 && sim_established(s, 1, 7) == 2);
	before = s->messages;
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, s->messages - before < 20);
	/* The peer gets it right: a new IKE SA follows, with all three. */
	ike_tunnel_remove(s->node[1].engine, s->now, 7);
	{
		struct conf_tunnel t;

		use(3, 3, true, false, 3600);
		sim_conf(s, 1, 0, &t);
		one_calls(1, &t);
		sim_probe(s, 0);
		sim_tunnel_add(s, 1, 7, &t);
	}
	sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, sim_established(s, 0, 7) == 3);
	sim_finish(s);
}

/* One of several children goes: it alone is made again, and the rest does not notice. */
static void one_of_several_is_deleted(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	use(3, 3, true, false, 3600);
	sim_pair_add(s, one_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		ike_tunnel_view(s->node[1].engine, 7, &v);
		sim_assert(s, v.n_children == 3);
		ike_sa_hard_limit(s->node[1].engine, s->now, 7, IKE_IN, v.child[0].spi_in);
		sim_run(s, 10 * IKE_SECOND);
	}
	sim_assert(s, sim_established(s, 0, 7) == 3 && sim_inbound(s, 1) == 3);
	sim_finish(s);
}

static void second_is_short(unsigned node, struct conf_tunnel *t)
{
	one_calls(node, t);
	t->esp_lifetime = node ? 10 : 3600;
	algo_list_add(&t->esp_pfs, DH_X25519);
}

/* As many as there can be, all rekeyed by the side that did not ask for them. */
static void eight_rekeyed_by_the_peer(void **state)
{
	struct sim *s = sim_pair(1);
	const struct ike_child *c;

	use(8, 8, true, true, 3600);
	sim_pair_add(s, second_is_short);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 5 * IKE_SECOND);
	sim_assert(s, sim_established(s, 0, 7) == 8 && sim_established(s, 1, 7) == 8);
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 60 * IKE_SECOND);
	sim_assert(s, s->lost == 0);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, s->node[i].tunnel[7].downs == 0 && sim_inbound(s, i) >= 8 &&
				      sim_inbound(s, i) <= 24);
	sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_RATE_LIMITED) == 0);
	TAILQ_FOREACH(c, &ike_tunnel_find(s->node[1].engine, 7)->children, link)
	sim_assert(s, c->ours);
	sim_finish(s);
}

/* What the peer adds by itself is sent on as well. */
static void the_peer_adds_children(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	use(4, 4, true, false, 3600);
	sim_pair_add(s, one_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 10 * IKE_SECOND);
	ike_tunnel_view(s->node[1].engine, 7, &v);
	sim_assert(s, v.n_children == 4);
	for (unsigned i = 0; i < 4; i++)
		sim_assert(s, v.child[i].outbound);
	sim_finish(s);
}

#define SINGLE_PAIR_REQUIRED 34
#define NO_ADDITIONAL_SAS    35

/* Instead of node 1's first answer to a CREATE_CHILD_SA request it refuses with this notify. */
struct refusal {
	uint16_t notify;
	bool done;
	uint32_t id;
};

static sim_verdict drop_answer(struct sim *s, const struct sim_message *m, void *arg)
{
	struct refusal *r = arg;

	if (r->done || m->from != 1 || m->exchange != 36 || !m->response)
		return SIM_PASS;
	r->done = true;
	r->id = m->id;
	return SIM_DROP;
}

static bool is_refused(const struct sim *s, void *arg)
{
	return ((struct refusal *)arg)->done;
}

static void refuse(struct sim *s, struct refusal *r)
{
	struct ike_sa *sa = ike_tunnel_current(ike_tunnel_find(s->node[1].engine, 7));
	struct ike_protection out = ike_sa_protection(sa, IKE_OUT);
	struct ike_path path = { { s->node[0].address, 500 }, { s->node[1].address, 500 } };
	size_t iv = algo_ciphers[sa->suite.cipher].iv_bytes;
	size_t total = 32 + ike_protect_overhead(&out, 8) + 8;
	uint8_t msg[512] = { 0 }, random[16] = { 1 };
	struct writer w;

	writer_init(&w, msg, sizeof(msg));
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
	writer_u32(&w, 0x2e202420u | (sa->initiator ? 8 : 0)); /* SK, 2.0, CREATE_CHILD_SA */
	writer_u32(&w, r->id);
	writer_u32(&w, (uint32_t)total);
	writer_u32(&w, 0x29000000u | (uint32_t)(total - 28));
	msg[32 + iv + 3] = 8;
	msg[32 + iv + 7] = (uint8_t)r->notify;
	assert_int_equal(ike_protect(&out, msg, 32, 8, sa->iv_counter++, random), 0);
	sim_inject(s, 0, &path, msg, total);
}

/* A peer that wants one child for each pair of subnets says so, and gets them. */
static void peer_requires_single_pairs(void **state)
{
	struct sim *s = sim_pair(1);
	struct refusal r = { .notify = SINGLE_PAIR_REQUIRED };
	struct ike_tunnel_view v;

	use(3, 3, false, false, 3600);
	sim_pair_add(s, one_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	s->filter = drop_answer;
	s->filter_arg = &r;
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.n_children == 1 && v.child[0].remote.n == 3);
	ike_sa_hard_limit(s->node[0].engine, s->now, 7, IKE_IN, v.child[0].spi_in);
	sim_assert(s, sim_until(s, 10 * IKE_SECOND, is_refused, &r));
	refuse(s, &r);
	sim_run(s, 10 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.n_children == 3);
	for (unsigned i = 0; i < 3; i++)
		sim_assert(s, v.child[i].outbound && v.child[i].remote.n == 1);
	sim_finish(s);
}

/* A peer that allows an IKE SA no more than its first child: a new one follows, and nothing is
 * lost. */
static void peer_allows_one_child(void **state)
{
	struct sim *s = sim_pair(1);
	struct refusal r = { .notify = NO_ADDITIONAL_SAS };
	struct ike_tunnel_view before, v;

	use(1, 1, false, false, 3600);
	sim_pair_add(s, one_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	ike_tunnel_view(s->node[0].engine, 7, &before);
	s->filter = drop_answer;
	s->filter_arg = &r;
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, sim_until(s, 2 * IKE_SECOND, is_refused, &r));
	refuse(s, &r);
	sim_run(s, 60 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.established && v.spi_i != before.spi_i && v.n_children == 1);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, s->node[i].tunnel[7].downs == 0 && sim_ike_sas(s, i) == 1);
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_child_for_each_pair),
		cmocka_unit_test(a_pair_that_is_refused),
		cmocka_unit_test(one_of_several_is_deleted),
		cmocka_unit_test(eight_rekeyed_by_the_peer),
		cmocka_unit_test(the_peer_adds_children),
		cmocka_unit_test(peer_requires_single_pairs),
		cmocka_unit_test(peer_allows_one_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

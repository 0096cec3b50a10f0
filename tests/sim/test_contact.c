/* Who begins again, when, and what that is allowed to touch: INITIAL-CONTACT and the random while
 * before a new call, in both versions. */
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum conf_ike_version version;
static enum conf_ike_mode mode;

static void use(enum conf_ike_version v, enum conf_ike_mode m)
{
	version = v;
	mode = m;
}

static void configure(struct conf_tunnel *t)
{
	t->ike_version = version;
	t->ike_mode = mode;
	if (version == CONF_IKE_V1)
		t->ike_dh = (struct algo_list){ 1, { DH_ECP256 } };
}

/* The nodes have many addresses each; tunnel i is between the i-th ones. */
static struct sim *two_gateways(uint64_t seed)
{
	struct sim *s = sim_new(seed);

	sim_node_add(s, "10.0.0.0");
	sim_node_add(s, "11.0.0.0");
	s->node[0].prefix = s->node[1].prefix = 8;
	return s;
}

/* The names are the gateways', not the tunnels'. */
static void add(struct sim *s, unsigned node, uint32_t tunnel)
{
	static const char *const names[] = { "one.example", "two.example" };
	struct conf_tunnel t;

	sim_conf(s, node, !node, &t);
	configure(&t);
	t.cloud_ip = addr_ipv4((10 + node) << 24 | (tunnel + 1));
	t.customer_ip = addr_ipv4((10 + !node) << 24 | (tunnel + 1));
	assert_int_equal(conf_id_parse(&t.local_id, names[node]), 0);
	assert_int_equal(conf_id_parse(&t.remote_id, names[!node]), 0);
	if (node)
		t.start = CONF_START_RESPOND;
	sim_tunnel_add(s, node, tunnel, &t);
}

static uint64_t ike_spi(const struct sim *s, unsigned node, uint32_t tunnel)
{
	struct ike_tunnel_view v;

	sim_assert(s, ike_tunnel_view(s->node[node].engine, tunnel, &v) == 0 && v.established);
	return v.spi_i;
}

/* Two tunnels share one pair of identities. One of them starts afresh at the peer and says so: its
 * old IKE SA goes at once, the other tunnel's stays. */
static void begins_again(enum conf_ike_version v, enum conf_ike_mode m)
{
	struct sim *s = two_gateways(1);
	const struct sim_node *here = &s->node[1];
	uint64_t fresh, other;
	uint32_t out;

	use(v, m);
	for (unsigned node = 0; node < 2; node++) {
		add(s, node, 4);
		add(s, node, 5);
	}
	sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 4) && sim_until_up(s, 2 * IKE_SECOND, 5));
	sim_run(s, 15 * IKE_SECOND);
	fresh = ike_spi(s, 1, 4);
	other = ike_spi(s, 1, 5);
	out = here->tunnel[5].out.spi;
	sim_node_kill(s, 0);
	sim_node_start(s, 0);
	add(s, 0, 4);
	sim_run(s, IKE_SECOND);
	sim_assert(s, here->tunnel[4].up && ike_spi(s, 1, 4) != fresh);
	sim_assert(s, sim_established(s, 1, 4) == 1);
	sim_assert(s, ike_spi(s, 1, 5) == other && here->tunnel[5].downs == 0);
	sim_assert(s, here->tunnel[5].out.installed && here->tunnel[5].out.spi == out);
	/* Nothing is left of the first but the one that took its place. */
	sim_assert(s, sim_ike_sas(s, 1) == 2 && sim_inbound(s, 1) == 2);
	sim_finish(s);
}

static void initial_contact_is_for_one_tunnel(void **state)
{
	begins_again(CONF_IKE_V2, CONF_IKE_MAIN);
	begins_again(CONF_IKE_V1, CONF_IKE_MAIN);
	begins_again(CONF_IKE_V1, CONF_IKE_AGGRESSIVE);
}

/* The first call of each node, after something. */
struct calls {
	ike_time since, at[2];
};

static sim_verdict first_calls(struct sim *s, const struct sim_message *m, void *arg)
{
	static const uint8_t none[8];
	struct calls *c = arg;

	if (!m->response && memcmp(m->data + 8, none, sizeof(none)) == 0 && !c->at[m->from])
		c->at[m->from] = s->now - c->since;
	return SIM_PASS;
}

static void both_call(unsigned node, struct conf_tunnel *t)
{
	configure(t);
}

#define LIVES	 400
#define PARTS	 6
#define EARLIEST (IKE_SECOND)
#define LATEST	 (4 * IKE_SECOND)

/* Both sides may call, and the IKE SA that they have is deleted: by one, or by both at once. They
 * call again after a while that is spread evenly, seldom at the same time, and nobody deletes what
 * the other has begun: each end goes down and up once. */
static void apart(enum conf_ike_version v)
{
	unsigned parts[PARTS] = { 0 }, together = 0;

	use(v, CONF_IKE_MAIN);
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		struct sim *s = sim_pair(seed);
		struct calls calls = { 0 };

		sim_pair_add(s, both_call);
		sim_assert(s, sim_until_up(s, 2 * IKE_SECOND, 7));
		sim_run(s, 20 * IKE_SECOND);
		calls.since = s->now;
		s->filter = first_calls;
		s->filter_arg = &calls;
		for (unsigned i = 0; i < 2; i++) {
			struct ike_engine *e = s->node[i].engine;

			if (i && seed % 2)
				continue;
			ike_tick(e, s->now);
			ike_sa_close(ike_tunnel_current(ike_tunnel_find(e, 7)), false);
			ike_settle(e);
		}
		/* Who is called before its own time has come does not call. */
		sim_run(s, 2 * LATEST);
		sim_assert(s, calls.at[0] || calls.at[1]);
		for (unsigned i = 0; i < 2; i++) {
			ike_time at = calls.at[i];

			if (!at)
				continue;
			sim_assert(s, at >= EARLIEST && at <= LATEST + 10 * SIM_MS);
			if (at < LATEST)
				parts[(at - EARLIEST) * PARTS / (LATEST - EARLIEST)]++;
		}
		together += calls.at[0] && calls.at[1];
		sim_run(s, 20 * IKE_SECOND);
		for (unsigned i = 0; i < 2; i++) {
			sim_assert(s, s->node[i].tunnel[7].up && s->node[i].tunnel[7].ups == 2);
			sim_assert(s, sim_ike_sas(s, i) == 1 && sim_inbound(s, i) == 1);
		}
		sim_finish(s);
	}
	/* The earlier of two even chances: 11, 9, 7, 5, 3, 1 of 36. */
	for (unsigned i = 0; i < PARTS; i++) {
		unsigned expected = LIVES * (11 - 2 * i) / 36;

		if (parts[i] < expected / 2 || parts[i] > 2 * expected + 10)
			fail_msg("%u of %u calls in part %u, not about %u", parts[i], LIVES, i,
				 expected);
	}
	assert_in_range(together, 0, LIVES / 20);
}

static void a_random_while_before_a_new_call(void **state)
{
	apart(CONF_IKE_V2);
	apart(CONF_IKE_V1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initial_contact_is_for_one_tunnel),
		cmocka_unit_test(a_random_while_before_a_new_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

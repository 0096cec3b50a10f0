/* When things happen by themselves: rekeys before the end, repetitions, probes, what lingers. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum conf_ike_version version_now;
static uint32_t lifetime_now;

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = version_now;
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
	t->ike_lifetime = lifetime_now;
	t->esp_lifetime = lifetime_now;
}

static struct sim *up(uint64_t seed, enum conf_ike_version version, uint32_t lifetime)
{
	struct sim *s = sim_pair(seed);

	version_now = version;
	lifetime_now = lifetime;
	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND / 10);
	return s;
}

/* ---- rekeys -------------------------------------------------------------------------------- */

/* A tenth of the lifetime within 30 to 540 s, never more than a fifth. */
static const struct {
	uint32_t lifetime, margin;
} margins[] = { { 10, 2 },     { 100, 20 },    { 200, 30 },   { 1000, 100 },
		{ 3600, 360 }, { 14400, 540 }, { 86400, 540 } };

struct range {
	ike_time low, high;
};

static void widen(struct range *r, ike_time t)
{
	r->low = t < r->low ? t : r->low;
	r->high = t > r->high ? t : r->high;
}

#define LIVES 60

/* What is left of the lifetime when a rekey is due: IKE SA and pair of this node, in many lives. */
static struct range left(enum conf_ike_version version, uint32_t lifetime, unsigned node)
{
	struct range r = { IKE_NEVER, 0 };

	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		struct sim *s = up(seed, version, lifetime);
		struct ike_tunnel_view v;

		sim_assert(s, ike_tunnel_view(s->node[node].engine, 7, &v) == 0);
		sim_assert(s, v.established && v.n_children == 1 && v.initiator == !node);
		sim_assert(s, v.expires_at - v.since == lifetime * IKE_SECOND);
		widen(&r, v.expires_at - v.rekey_at);
		widen(&r, v.child[0].expires_at - v.child[0].rekey_at);
		sim_finish(s);
	}
	return r;
}

/* All within these bounds, and spread over them. */
static void spread(struct range r, ike_time low, ike_time high)
{
	assert_in_range(r.low, low, low + (high - low) / 5);
	assert_in_range(r.high, high - (high - low) / 5, high);
}

static void rekeys_come_a_margin_before_the_end(void **state)
{
	for (unsigned i = 0; i < sizeof(margins) / sizeof(margins[0]); i++) {
		ike_time m = margins[i].margin * IKE_SECOND;

		for (unsigned node = 0; node < 2; node++)
			spread(left(CONF_IKE_V2, margins[i].lifetime, node), m, 2 * m);
	}
}

/* IKEv1: the initiator of phase 1 rekeys; the responder leaves it half a margin longer to it. */
static void responder_leaves_the_rekey_to_the_initiator(void **state)
{
	for (unsigned i = 0; i < sizeof(margins) / sizeof(margins[0]); i++) {
		ike_time m = margins[i].margin * IKE_SECOND;

		spread(left(CONF_IKE_V1, margins[i].lifetime, 0), m, 2 * m);
		spread(left(CONF_IKE_V1, margins[i].lifetime, 1), m / 2, 3 * m / 4);
	}
}

/* What is replaced is accepted for five more seconds, at both ends. */
static void old_inbound_lingers(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct sim *s = up(i, CONF_IKE_V2, 3600);

		sim_assert(s, ike_rekey_child(s->node[i % 2].engine, s->now, 7) == 0);
		sim_run(s, 49 * IKE_SECOND / 10);
		sim_assert(s, sim_inbound(s, 0) == 2 && sim_inbound(s, 1) == 2);
		sim_run(s, IKE_SECOND / 5);
		sim_assert(s, sim_inbound(s, 0) == 1 && sim_inbound(s, 1) == 1);
		sim_finish(s);
	}
}

static sim_verdict drop_deletes(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->exchange == 37 ? SIM_DROP : SIM_PASS;
}

/* Who answered a rekey sends on the new pair when the delete of the old one comes, or the first
 * packet on the new one; if neither does, after five seconds. */
static void responder_switches(void **state)
{
	static const struct {
		bool deletes, packets;
		ike_time before, after;
	} cases[] = {
		{ true, false, 5 * SIM_MS, 40 * SIM_MS },
		{ false, true, 5 * SIM_MS, 40 * SIM_MS },
		{ false, false, 4900 * SIM_MS, 5100 * SIM_MS },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim *s = up(i, CONF_IKE_V2, 3600);
		const struct sim_sa *out = &s->node[1].tunnel[7].out;
		uint32_t old = out->spi;

		s->filter = cases[i].deletes ? NULL : drop_deletes;
		if (cases[i].packets)
			sim_probe(s, 2 * SIM_MS);
		sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
		sim_run(s, cases[i].before);
		sim_assert(s, out->spi == old);
		sim_run(s, cases[i].after - cases[i].before);
		sim_assert(s, out->spi != old && s->lost == 0);
		s->filter = NULL;
		sim_finish(s);
	}
}

/* ---- who gets no answer ---------------------------------------------------------------------- */

#define SENDS 12

struct sends {
	unsigned n;
	ike_time at[SENDS];
};

static sim_verdict note_sends(struct sim *s, const struct sim_message *m, void *arg)
{
	struct sends *t = arg;

	if (m->from == 0 && t->n < SENDS)
		t->at[t->n++] = s->now;
	return SIM_DROP;
}

static bool near(ike_time gap, ike_time low, ike_time random)
{
	return gap >= low && gap <= low + random;
}

static void silence(struct sim *s, struct sends *t)
{
	memset(t, 0, sizeof(*t));
	s->filter = note_sends;
	s->filter_arg = t;
}

static void requests_are_repeated_ever_later(void **state)
{
	static const unsigned waits[] = { 1, 2, 4, 8, 8 };

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = up(seed, CONF_IKE_V2, 3600);
		ike_time since = s->now;
		struct sends t;

		silence(s, &t);
		sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
		sim_assert(s, sim_until_down(s, 30 * IKE_SECOND, 0, 7));
		sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_DPD_TIMEOUT);
		sim_assert(s, near(s->now - since, 23 * IKE_SECOND, IKE_SECOND / 2));
		sim_assert(s, t.n >= 5);
		for (unsigned i = 0; i < 4; i++)
			sim_assert(s, near(t.at[i + 1] - t.at[i], waits[i] * IKE_SECOND,
					   IKE_SECOND / 10));
		sim_finish(s);
	}
}

/* Nothing heard for ten seconds or up to a fifth more: a probe, three more in quick succession, and
 * the peer is dead. */
static void probes_are_repeated_quickly(void **state)
{
	static const unsigned waits[] = { 1, 2, 2 };

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *s = up(seed, CONF_IKE_V2, 3600);
		ike_time since = s->now;
		struct sends t;

		silence(s, &t);
		sim_assert(s, sim_until_down(s, 30 * IKE_SECOND, 0, 7));
		sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_DPD_TIMEOUT);
		sim_assert(s, t.n == 4 && near(t.at[0] - since, 9800 * SIM_MS, 2200 * SIM_MS));
		for (unsigned i = 0; i < 3; i++)
			sim_assert(s, near(t.at[i + 1] - t.at[i], waits[i] * IKE_SECOND,
					   IKE_SECOND / 10));
		sim_assert(s, near(s->now - t.at[3], 3 * IKE_SECOND, IKE_SECOND / 10));
		sim_finish(s);
	}
}

/* Calls: at once a few, then one every five to seven seconds, for ever. */
static void calls_are_repeated_for_ever(void **state)
{
	static const unsigned waits[] = { 1, 2, 4 };

	for (unsigned i = 0; i < 10; i++) {
		struct sim *s = sim_pair(i);
		struct sends t;

		silence(s, &t);
		version_now = i % 2 ? CONF_IKE_V1 : CONF_IKE_V2;
		lifetime_now = 3600;
		sim_pair_add(s, first_calls);
		sim_run(s, 80 * IKE_SECOND);
		sim_assert(s, t.n == SENDS);
		for (unsigned k = 0; k + 1 < SENDS; k++) {
			ike_time gap = t.at[k + 1] - t.at[k];

			if (k >= 3)
				sim_assert(s, near(gap, 5 * IKE_SECOND, 2 * IKE_SECOND));
			else if (i % 2 == 0)
				sim_assert(s, near(gap, waits[k] * IKE_SECOND, IKE_SECOND / 4));
			else
				sim_assert(s, near(gap, (k + 1) * IKE_SECOND, IKE_SECOND / 8));
		}
		/* Hours later as well. */
		sim_run(s, 7200 * IKE_SECOND);
		t.n = 0;
		sim_run(s, 21 * IKE_SECOND);
		sim_assert(s, t.n >= 2);
		sim_finish(s);
	}
}

static sim_verdict drop_all_but_calls(struct sim *s, const struct sim_message *m, void *arg)
{
	static const uint8_t none[8];

	return m->from == 0 && memcmp(m->data + 8, none, sizeof(none)) ? SIM_DROP : SIM_PASS;
}

static void half_open_ends_after_30_s(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim *s = sim_pair(i);

		s->filter = drop_all_but_calls;
		version_now = i ? CONF_IKE_V1 : CONF_IKE_V2;
		lifetime_now = 3600;
		sim_pair_add(s, first_calls);
		sim_run(s, IKE_SECOND / 5);
		sim_node_kill(s, 0);
		sim_run(s, 29 * IKE_SECOND);
		sim_assert(s, sim_ike_sas(s, 1) == 1);
		sim_run(s, IKE_SECOND);
		sim_assert(s, sim_ike_sas(s, 1) == 0);
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekeys_come_a_margin_before_the_end),
		cmocka_unit_test(responder_leaves_the_rekey_to_the_initiator),
		cmocka_unit_test(old_inbound_lingers),
		cmocka_unit_test(responder_switches),
		cmocka_unit_test(requests_are_repeated_ever_later),
		cmocka_unit_test(probes_are_repeated_quickly),
		cmocka_unit_test(calls_are_repeated_for_ever),
		cmocka_unit_test(half_open_ends_after_30_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

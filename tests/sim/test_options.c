/* What a tunnel may be told beyond the usual: limits of packets and bytes, post-quantum keys, start
 * on demand, PFS seen early, short ICVs. */
#include "ike/core.h"
#include "ike/history.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void second_responds(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static bool told(const struct sim *s, unsigned node, const char *text, unsigned *times)
{
	struct ike_history h;
	struct ike_happening x;
	bool found = false;

	assert_int_equal(ike_tunnel_history(s->node[node].engine, 7, &h), 0);
	for (size_t at = 0; ike_history_next(&h, &at, &x);) {
		if (!strstr(x.text, text))
			continue;
		found = true;
		if (times)
			*times = x.times;
	}
	ike_history_clear(&h);
	return found;
}

/* ---- limits of packets and bytes ----------------------------------------------------------- */

static uint64_t packets_now[2], bytes_now[2];

static void limited(unsigned node, struct conf_tunnel *t)
{
	t->esp_lifetime_packets = packets_now[node];
	t->esp_lifetime_bytes = bytes_now[node];
}

static const struct limits {
	const char *name;
	uint64_t packets[2], bytes[2];
} limits[] = {
	{ "packets, both sides", { 400, 400 }, { 0, 0 } },
	{ "packets, one side", { 400, 0 }, { 0, 0 } },
	{ "packets, the other side", { 0, 400 }, { 0, 0 } },
	{ "bytes, both sides", { 0, 0 }, { 400000, 400000 } },
	{ "bytes, one side", { 0, 0 }, { 0, 400000 } },
	{ "whichever comes first", { 5000, 400 }, { 400000, 5000000 } },
};

/* Rekeyed before any limit, and nothing lost. */
static void rekeyed_by_packets_and_bytes(void **state)
{
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct sim *s = sim_pair(seed);

			memcpy(packets_now, limits[i].packets, sizeof(packets_now));
			memcpy(bytes_now, limits[i].bytes, sizeof(bytes_now));
			sim_pair_add(s, limited);
			sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
			sim_run(s, 8 * IKE_SECOND);
			sim_probe(s, 5 * SIM_MS);
			sim_run(s, 60 * IKE_SECOND);
			/* 12,000 probes in each direction, at least 320 on each SA. */
			if (s->lost || s->node[0].n_spent < 30 || s->node[0].n_spent > 90)
				print_error("%s: %zu SAs\n", limits[i].name, s->node[0].n_spent);
			sim_assert(s, s->lost == 0);
			sim_assert(s, s->node[0].n_spent >= 30 && s->node[0].n_spent <= 90);
			sim_assert(s, s->node[0].tunnel[7].downs == 0);
			sim_finish(s);
		}
	}
}

static void soft_limits_are_random_within_10_to_20_percent(void **state)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct sim *s = sim_pair(seed);
		uint64_t soft;

		packets_now[0] = packets_now[1] = 100000;
		bytes_now[0] = bytes_now[1] = 0;
		sim_pair_add(s, limited);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		soft = s->node[0].tunnel[7].out.soft;
		low = soft < low ? soft : low;
		high = soft > high ? soft : high;
		sim_assert(s, s->node[0].tunnel[7].out.hard == 100000);
		sim_finish(s);
	}
	assert_true(low >= 80000 && low < 83000 && high <= 90000 && high > 87000);
}

static sim_verdict no_rekey(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->exchange == 36 ? SIM_DROP : SIM_PASS;
}

/* A limit that is reached after all ends the SA, not the tunnel. */
static void a_hard_limit_ends_the_sa(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	packets_now[0] = packets_now[1] = 100;
	bytes_now[0] = bytes_now[1] = 0;
	sim_pair_add(s, limited);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 8 * IKE_SECOND);
	s->filter = no_rekey;
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 2 * IKE_SECOND);
	sim_assert(s, s->lost > 0);
	s->filter = NULL;
	sim_run(s, 30 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.up);
	sim_finish(s);
}

/* ---- post-quantum pre-shared keys ------------------------------------------------------------ */

enum ppk { NONE, OPTIONAL, REQUIRED, OTHER_ID, OTHER_KEY, OTHER_ID_REQUIRED };

static const struct ppk_case {
	enum ppk side[2];
	bool up, used;
} ppk_cases[] = {
	{ { OPTIONAL, OPTIONAL }, true, true },
	{ { REQUIRED, REQUIRED }, true, true },
	{ { OPTIONAL, REQUIRED }, true, true },
	{ { REQUIRED, OPTIONAL }, true, true },
	{ { OPTIONAL, NONE }, true, false },
	{ { NONE, OPTIONAL }, true, false },
	{ { REQUIRED, NONE }, false, false },
	{ { NONE, REQUIRED }, false, false },
	{ { OPTIONAL, OTHER_ID }, true, false },
	{ { OTHER_ID, OPTIONAL }, true, false },
	{ { REQUIRED, OTHER_ID }, false, false },
	{ { OPTIONAL, OTHER_ID_REQUIRED }, false, false },
	{ { REQUIRED, OTHER_KEY }, false, false },
	{ { OPTIONAL, OTHER_KEY }, false, false },
};
static const struct ppk_case *ppk_now;

static void with_ppk(unsigned node, struct conf_tunnel *t)
{
	enum ppk side = ppk_now->side[node];

	second_responds(node, t);
	t->esp_lifetime = 30;
	if (side == NONE)
		return;
	t->ppk = secret_from(side == OTHER_KEY ? "another" : "quantum", 7);
	strcpy(t->ppk_id, side == OTHER_ID || side == OTHER_ID_REQUIRED ? "nine" : "seven");
	t->ppk_required = side == REQUIRED || side == OTHER_ID_REQUIRED;
}

static void post_quantum_keys(void **state)
{
	for (unsigned i = 0; i < sizeof(ppk_cases) / sizeof(ppk_cases[0]); i++) {
		struct sim *s = sim_pair(i);
		struct ike_tunnel_view v;

		ppk_now = &ppk_cases[i];
		sim_pair_add(s, with_ppk);
		sim_run(s, 10 * IKE_SECOND);
		for (unsigned node = 0; node < 2; node++) {
			ike_tunnel_view(s->node[node].engine, 7, &v);
			if (v.up != ppk_now->up || v.ppk != ppk_now->used)
				print_error("case %u, node %u: %s%s\n", i, node, v.text,
					    v.up ? "UP" : "");
			sim_assert(s, v.up == ppk_now->up && v.ppk == ppk_now->used);
			sim_assert(s, v.up || node || v.reason == IKE_REASON_AUTH_FAILED);
		}
		if (ppk_now->up) {
			sim_probe(s, 5 * SIM_MS);
			ike_rekey_ike(s->node[i % 2].engine, s->now, 7);
			sim_run(s, 60 * IKE_SECOND);
			ike_tunnel_view(s->node[0].engine, 7, &v);
			sim_assert(s, s->lost == 0 && v.ppk == ppk_now->used);
		}
		sim_finish(s);
	}
}

/* ---- start on demand ---------------------------------------------------------------------------
 */

static enum conf_ike_version version_now;

static void on_demand(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = version_now;
	t->start = node ? CONF_START_RESPOND : CONF_START_ON_DEMAND;
}

static void traffic_calls(enum conf_ike_version version)
{
	struct sim *s = sim_pair(1);
	struct ike_engine *e = s->node[0].engine;

	version_now = version;
	sim_pair_add(s, on_demand);
	sim_run(s, 60 * IKE_SECOND);
	sim_assert(s, s->messages == 0 && s->node[0].tunnel[7].reason == IKE_REASON_WAITING);
	ike_tunnel_wanted(e, s->now, 7);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 60 * IKE_SECOND);
	/* Gone again: nobody calls until there is traffic. */
	ike_tunnel_disable(s->node[1].engine, s->now, 7);
	sim_run(s, 2 * IKE_SECOND);
	ike_tunnel_enable(s->node[1].engine, s->now, 7);
	sim_run(s, 60 * IKE_SECOND);
	sim_assert(s, !s->node[0].tunnel[7].up);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_PEER_DELETED);
	ike_tunnel_wanted(e, s->now, 7);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_finish(s);
}

static void demand_that_ends(enum conf_ike_version version)
{
	struct sim *s = sim_pair(1);
	uint64_t messages;

	version_now = version;
	sim_pair_add(s, on_demand);
	s->node[1].unreachable = true;
	for (unsigned i = 0; i < 4; i++) {
		ike_tunnel_wanted(s->node[0].engine, s->now, 7);
		sim_run(s, IKE_DEMAND);
		sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_NO_ANSWER);
	}
	sim_run(s, 2 * IKE_DEMAND);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_WAITING);
	messages = s->messages;
	sim_run(s, 600 * IKE_SECOND);
	sim_assert(s, s->messages == messages && sim_ike_sas(s, 0) == 0);
	s->node[1].unreachable = false;
	ike_tunnel_wanted(s->node[0].engine, s->now, 7);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_finish(s);
}

static void traffic_calls_v2(void **state)
{
	traffic_calls(CONF_IKE_V2);
}

static void traffic_calls_v1(void **state)
{
	traffic_calls(CONF_IKE_V1);
}

static void demand_that_ends_v2(void **state)
{
	demand_that_ends(CONF_IKE_V2);
}

static void demand_that_ends_v1(void **state)
{
	demand_that_ends(CONF_IKE_V1);
}

/* The peer may call a tunnel that waits for traffic. */
static void on_demand_answers(void **state)
{
	struct sim *s = sim_pair(1);
	struct conf_tunnel t;

	sim_conf(s, 1, 0, &t);
	t.start = CONF_START_ON_DEMAND;
	sim_tunnel_add(s, 1, 7, &t);
	sim_conf(s, 0, 1, &t);
	sim_tunnel_add(s, 0, 7, &t);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_finish(s);
}

/* ---- PFS, early
 * ---------------------------------------------------------------------------------- */

static bool pfs_same;

static void verifies(unsigned node, struct conf_tunnel *t)
{
	second_responds(node, t);
	algo_list_add(&t->esp_pfs, node && !pfs_same ? DH_ECP384 : DH_ECP256);
	t->verify_pfs = true;
}

/* A PFS mismatch shows only at the first rekey: so that comes at once. */
static void pfs_is_verified_at_once(void **state)
{
	for (unsigned same = 0; same < 2; same++) {
		struct sim *s = sim_pair(1);
		struct ike_tunnel_view v;
		unsigned times = 0;

		pfs_same = same;
		sim_pair_add(s, verifies);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		sim_probe(s, 5 * SIM_MS);
		sim_run(s, 2 * IKE_SECOND);
		ike_tunnel_view(s->node[0].engine, 7, &v);
		sim_assert(s, s->node[0].tunnel[7].up);
		sim_assert(s, v.child[v.n_children - 1].pfs == (same ? DH_ECP256 : DH_NONE));
		sim_assert(s,
			   told(s, 0, "verify_pfs: child SAs cannot be rekeyed", &times) != same);
		sim_assert(s, told(s, 0, "ours: aes128-sha256-ecp256", NULL) != same);
		sim_run(s, 600 * IKE_SECOND);
		told(s, 0, "verify_pfs: child SAs cannot be rekeyed", &times);
		sim_assert(s, same || times == 1);
		sim_assert(s, s->lost == 0 && s->node[0].tunnel[7].downs == 0);
		sim_finish(s);
	}
}

/* A responder whose group differs, but that accepts ours, says which it wants (not
 * NO_PROPOSAL_CHOSEN). */
static void groups_in_other_order(unsigned node, struct conf_tunnel *t)
{
	second_responds(node, t);
	algo_list_add(&t->esp_pfs, node ? DH_ECP384 : DH_ECP256);
	algo_list_add(&t->esp_pfs, node ? DH_ECP256 : DH_ECP384);
	t->verify_pfs = true;
}

static void pfs_group_is_corrected(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	sim_pair_add(s, groups_in_other_order);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, 20 * IKE_SECOND);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.n_children == 1 && v.child[0].pfs == DH_ECP384);
	sim_finish(s);
}

/* ---- ICVs of 96 bits
 * ------------------------------------------------------------------------------- */

static void short_icv(unsigned node, struct conf_tunnel *t)
{
	t->esp_sha256_96 = true;
}

static void sha256_cut_to_96_bits(void **state)
{
	struct sim *s = sim_pair(1);

	sim_pair_add(s, short_icv);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, IKE_SECOND);
	sim_assert(s, s->node[0].tunnel[7].out.icv_bytes == 12 && s->lost == 0);
	sim_finish(s);
	s = sim_pair(1);
	sim_pair_add(s, NULL);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_assert(s, s->node[0].tunnel[7].out.icv_bytes == 16);
	sim_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekeyed_by_packets_and_bytes),
		cmocka_unit_test(soft_limits_are_random_within_10_to_20_percent),
		cmocka_unit_test(a_hard_limit_ends_the_sa),
		cmocka_unit_test(post_quantum_keys),
		cmocka_unit_test(traffic_calls_v2),
		cmocka_unit_test(traffic_calls_v1),
		cmocka_unit_test(demand_that_ends_v2),
		cmocka_unit_test(demand_that_ends_v1),
		cmocka_unit_test(on_demand_answers),
		cmocka_unit_test(pfs_is_verified_at_once),
		cmocka_unit_test(pfs_group_is_corrected),
		cmocka_unit_test(sha256_cut_to_96_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

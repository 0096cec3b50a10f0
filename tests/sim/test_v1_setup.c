/* IKEv1: setting a tunnel up in main and aggressive mode with every algorithm, and what a person
 * reads if it fails. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum conf_ike_mode mode_now;

static void both_call(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
	t->ike_mode = mode_now;
	t->ike_dh.n = 0;
	algo_list_add(&t->ike_dh, DH_ECP256);
}

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	both_call(node, t);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

/* The responder of phase 1 answers, it never calls: nobody can make it flood a third. */
static sim_verdict only_first(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->from == 0 && (*(unsigned *)arg)++ ? SIM_DROP : SIM_PASS;
}

static void no_amplification(void **state)
{
	for (mode_now = CONF_IKE_MAIN; mode_now <= CONF_IKE_AGGRESSIVE; mode_now++) {
		struct sim *s = sim_pair(1);
		unsigned n = 0;

		s->filter = only_first;
		s->filter_arg = &n;
		sim_pair_add(s, first_calls);
		sim_run(s, 100 * IKE_SECOND);
		sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_TX) == 1);
		sim_assert(s, sim_ike_sas(s, 1) == 0);
		sim_finish(s);
	}
}

static enum algo_cipher cipher_now, esp_now;
static enum algo_auth auth_now;
static enum algo_dh dh_now, pfs_now;

static void use_algorithms(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_cipher.n = t->ike_auth.n = t->ike_dh.n = t->esp_cipher.n = t->esp_auth.n = 0;
	algo_list_add(&t->ike_cipher, cipher_now);
	algo_list_add(&t->ike_auth, auth_now);
	algo_list_add(&t->ike_dh, dh_now);
	algo_list_add(&t->esp_cipher, esp_now);
	algo_list_add(&t->esp_auth, auth_now);
	if (pfs_now != DH_NONE)
		algo_list_add(&t->esp_pfs, pfs_now);
	t->esn = dh_now % 2;
}

static void algorithms_agree(void)
{
	struct sim *s = sim_pair(cipher_now * 100 + auth_now * 10 + dh_now);
	struct ike_tunnel_view v;

	sim_pair_add(s, use_algorithms);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, s->lost == 0 && s->probes > 0);
	sim_assert(s, ike_tunnel_view(s->node[1].engine, 7, &v) == 0);
	sim_assert(s, v.cipher == cipher_now && v.dh == dh_now && v.prf == auth_now);
	sim_assert(s, v.child[0].cipher == esp_now && v.child[0].esn == dh_now % 2);
	sim_assert(s, v.child[0].pfs == pfs_now);
	sim_assert(s, v.child[0].auth == (algo_ciphers[esp_now].aead ? AUTH_NONE : auth_now));
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, ike_rekey_ike(s->node[1].engine, s->now, 7) == 0);
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && sim_inbound(s, 0) == 1);
	sim_finish(s);
}

static void every_algorithm(void **state)
{
	static const enum algo_cipher esp[] = { CIPHER_AES128_CBC, CIPHER_AES192_CBC,
						CIPHER_AES256_CBC, CIPHER_AES128_GCM,
						CIPHER_AES192_GCM, CIPHER_AES256_GCM };
	unsigned i = 0;

	dh_now = DH_ECP256;
	pfs_now = DH_NONE;
	mode_now = CONF_IKE_MAIN;
	for (cipher_now = CIPHER_NONE + 1; cipher_now < CIPHER_COUNT; cipher_now++) {
		for (auth_now = AUTH_NONE + 1;
		     auth_now < AUTH_COUNT && !algo_ciphers[cipher_now].aead; auth_now++) {
			esp_now = esp[i++ % 6];
			algorithms_agree();
		}
	}
	cipher_now = CIPHER_3DES_CBC;
	auth_now = AUTH_SHA384;
	mode_now = CONF_IKE_AGGRESSIVE;
	for (dh_now = DH_NONE + 1; dh_now < DH_COUNT; dh_now++) {
		pfs_now = dh_now;
		algorithms_agree();
	}
	mode_now = CONF_IKE_MAIN;
}

struct mistake {
	const char *name;
	sim_change *change;
	enum ike_reason reason[2];
	const char *text[2]; /* part of what each side reads */
};

static void wrong_psk(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (node)
		sim_conf_psk(t, "incorrect horse");
}

static void wrong_ike(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (node) {
		t->ike_cipher.n = 0;
		algo_list_add(&t->ike_cipher, CIPHER_3DES_CBC);
	}
}

static void wrong_esp(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (node) {
		t->esp_cipher.n = 0;
		algo_list_add(&t->esp_cipher, CIPHER_AES256_GCM);
	}
}

static void wrong_pfs(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (!node)
		algo_list_add(&t->esp_pfs, DH_MODP1024);
}

static void wrong_id(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (node)
		t->local_id = (struct conf_id){ CONF_ID_FQDN, 9, "somewhere" };
}

static void wrong_remote_id(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	if (node)
		t->remote_id = (struct conf_id){ CONF_ID_FQDN, 9, "somebody!" };
}

static void wrong_networks(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->n_ts_local = t->n_ts_remote = 1;
	prefix_parse(&t->ts_local[0], node ? "10.9.0.0/16" : "10.1.0.0/16");
	prefix_parse(&t->ts_remote[0], node ? "10.1.0.0/16" : "10.2.0.0/16");
}

static void other_version(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_version = node ? CONF_IKE_V2 : CONF_IKE_V1;
}

static void other_version_calls(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_version = node ? CONF_IKE_V1 : CONF_IKE_V2;
}

static void only_main(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_mode = node ? CONF_IKE_MAIN : CONF_IKE_AGGRESSIVE;
}

static const struct mistake mistakes[] = {
	{ "psk",
	  wrong_psk,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "pre-shared key", "pre-shared key" } },
	{ "ike proposal",
	  wrong_ike,
	  { IKE_REASON_NO_PROPOSAL, IKE_REASON_NO_PROPOSAL },
	  { "ours: aes128", "ours: 3des-sha256-ecp256\npeer's: aes128-sha256-ecp256" } },
	{ "esp proposal",
	  wrong_esp,
	  { IKE_REASON_NO_PROPOSAL, IKE_REASON_NO_PROPOSAL },
	  { "ours: aes128", "ours: aes256gcm\npeer's: aes128-sha256" } },
	{ "pfs",
	  wrong_pfs,
	  { IKE_REASON_NO_PROPOSAL, IKE_REASON_NO_PROPOSAL },
	  { "modp1024", "ours: aes128-sha256\npeer's: aes128-sha256-modp1024" } },
	{ "local id",
	  wrong_id,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "somewhere", "" } },
	{ "remote id",
	  wrong_remote_id,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "refuses us", "somebody!" } },
	{ "networks",
	  wrong_networks,
	  { IKE_REASON_TS_UNACCEPTABLE, IKE_REASON_TS_UNACCEPTABLE },
	  { "10.1.0.0/16", "ours: 10.9.0.0/16 === 10.1.0.0/16\npeer's: 10.2.0.0/16" } },
	{ "version",
	  other_version,
	  { IKE_REASON_NO_ANSWER, IKE_REASON_VERSION },
	  { "no answer", "speaks IKEv1, but ike_version is v2" } },
	{ "version of the caller",
	  other_version_calls,
	  { IKE_REASON_VERSION, IKE_REASON_VERSION },
	  { "speaks IKEv1, but ike_version is v2", "speaks IKEv2, but ike_version is v1" } },
	{ "mode",
	  only_main,
	  { IKE_REASON_PEER_ERROR, IKE_REASON_PEER_ERROR },
	  { "INVALID_EXCHANGE_TYPE", "aggressive mode, but ike_mode is main" } },
};

/* Both are told what is wrong; once it is right, the tunnel comes up by itself. */
static void mistakes_are_told_and_heal(void **state)
{
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];

		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct sim *s = sim_pair(seed);
			struct conf_tunnel t;

			mode_now = m->change == only_main || m->change == other_version
					   ? CONF_IKE_MAIN
					   : seed % 2;
			sim_pair_add(s, m->change);
			sim_run(s, 20 * IKE_SECOND + sim_random(s) % (10 * IKE_SECOND));
			for (unsigned node = 0; node < 2; node++) {
				const struct sim_tunnel *seen = &s->node[node].tunnel[7];

				if (seen->up ||
				    (seen->reason != m->reason[node] &&
				     !(m->change == wrong_id && node)) ||
				    !strstr(seen->text, m->text[node]))
					print_error("%s, node %u: %s: %s\n", m->name, node,
						    ike_reason_name(seen->reason), seen->text);
				sim_assert(s, !seen->up && seen->ups == 0);
				sim_assert(s, seen->reason == m->reason[node]);
				sim_assert(s, strstr(seen->text, m->text[node]));
			}
			for (unsigned node = 0; node < 2; node++) {
				ike_tunnel_remove(s->node[node].engine, s->now, 7);
				sim_conf(s, node, !node, &t);
				first_calls(node, &t);
				sim_tunnel_add(s, node, 7, &t);
			}
			sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
			sim_run(s, 2 * IKE_SECOND);
			sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
			sim_finish(s);
		}
	}
	mode_now = CONF_IKE_MAIN;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_amplification),
		cmocka_unit_test(every_algorithm),
		cmocka_unit_test(mistakes_are_told_and_heal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

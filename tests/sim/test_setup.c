/* Setting a tunnel up: with which algorithms, and what a person reads if it fails. */
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

/* Every cipher, integrity algorithm and group; the same for IKE and ESP. */
static enum algo_cipher cipher_now;
static enum algo_auth auth_now;
static enum algo_dh dh_now;

static void use_algorithms(unsigned node, struct conf_tunnel *t)
{
	t->ike_cipher.n = t->ike_auth.n = t->ike_dh.n = t->esp_cipher.n = t->esp_auth.n = 0;
	algo_list_add(&t->ike_cipher, cipher_now);
	algo_list_add(&t->ike_auth, auth_now);
	algo_list_add(&t->ike_dh, dh_now);
	algo_list_add(&t->esp_cipher, cipher_now);
	algo_list_add(&t->esp_auth, auth_now);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
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
	sim_assert(s, v.auth == (algo_ciphers[cipher_now].aead ? AUTH_NONE : auth_now));
	sim_assert(s, v.child[0].cipher == cipher_now && v.child[0].esn == dh_now % 2);
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_assert(s, ike_rekey_ike(s->node[1].engine, s->now, 7) == 0);
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && sim_inbound(s, 0) == 1);
	sim_finish(s);
}

static void every_algorithm(void **state)
{
	dh_now = DH_X25519;
	for (cipher_now = CIPHER_NONE + 1; cipher_now < CIPHER_COUNT; cipher_now++) {
		for (auth_now = AUTH_NONE + 1; auth_now < AUTH_COUNT; auth_now++)
			algorithms_agree();
	}
	cipher_now = CIPHER_AES256_GCM;
	auth_now = AUTH_SHA384;
	for (dh_now = DH_NONE + 1; dh_now < DH_COUNT; dh_now++)
		algorithms_agree();
}

static void other_group_first(unsigned node, struct conf_tunnel *t)
{
	t->ike_dh.n = 0;
	algo_list_add(&t->ike_dh, node ? DH_ECP256 : DH_ECP384);
	algo_list_add(&t->ike_dh, node ? DH_ECP384 : DH_ECP256);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void works(struct sim *s)
{
	sim_probe(s, 5 * SIM_MS);
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && s->probes > 5000);
	for (unsigned i = 0; i < 2; i++)
		sim_assert(s, s->node[i].tunnel[7].downs == 0 && sim_established(s, i, 7) == 1);
}

static void group_is_corrected(void **state)
{
	struct sim *s = sim_pair(1);
	struct ike_tunnel_view v;

	sim_pair_add(s, other_group_first);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	works(s);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.dh == DH_ECP256);
	sim_finish(s);
}

/* A peer under load demands a cookie first: its answer is made up here. */
struct cookie {
	unsigned requests, with_cookie;
};

static sim_verdict demand_cookie(struct sim *s, const struct sim_message *m, void *arg)
{
	struct cookie *c = arg;

	if (m->from != 0 || m->exchange != 34 || m->response)
		return SIM_PASS;
	c->requests++;
	c->with_cookie += m->data[16] == 41;
	return m->data[16] == 41 ? SIM_PASS : SIM_HOLD;
}

static void cookie_is_returned(void **state)
{
	struct sim *s = sim_pair(1);
	struct cookie c = { 0 };
	struct ike_path path = { { s->node[0].address, 500 }, { s->node[1].address, 500 } };
	uint8_t answer[28 + 8 + 16] = { [16] = 41, 0x20, 34, 0x20, [27] = 52 };

	s->filter = demand_cookie;
	s->filter_arg = &c;
	sim_pair_add(s, second_responds);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, c.requests == 1 && s->n_held == 1);
	/* One payload: a notify of 24 bytes, COOKIE. */
	memcpy(answer + 28, (uint8_t[]){ 0, 0, 0, 24, 0, 0, 0x40, 0x06 }, 8);
	memset(answer + 36, 0xc0, 16);
	sim_held_spi(s, answer);
	sim_inject(s, 0, &path, answer, sizeof(answer));
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_assert(s, c.with_cookie == 1);
	works(s);
	sim_finish(s);
}

static void corrects(struct sim *s, unsigned node, sim_change *change)
{
	struct conf_tunnel t;

	sim_assert(s, ike_tunnel_remove(s->node[node].engine, s->now, 7) == 0);
	sim_conf(s, node, !node, &t);
	if (change)
		change(node, &t);
	sim_tunnel_add(s, node, 7, &t);
	sim_assert(s, sim_until_up(s, 10 * IKE_SECOND, 7));
	sim_run(s, 2 * IKE_SECOND);
	sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
	sim_finish(s);
}

struct mistake {
	const char *name;
	sim_change *change;
	enum ike_reason reason[2];
	const char *text[2]; /* part of what each side reads */
};

static void wrong_psk(unsigned node, struct conf_tunnel *t)
{
	if (node)
		sim_conf_psk(t, "incorrect horse");
}

static void wrong_psk_one_caller(unsigned node, struct conf_tunnel *t)
{
	wrong_psk(node, t);
	second_responds(node, t);
}

static void wrong_ike(unsigned node, struct conf_tunnel *t)
{
	if (node) {
		t->ike_cipher.n = 0;
		algo_list_add(&t->ike_cipher, CIPHER_AES256_GCM);
	}
}

static void wrong_esp(unsigned node, struct conf_tunnel *t)
{
	if (node) {
		t->esp_cipher.n = 0;
		algo_list_add(&t->esp_cipher, CIPHER_AES256_GCM);
	}
}

static void wrong_id(unsigned node, struct conf_tunnel *t)
{
	if (node)
		t->local_id = (struct conf_id){ CONF_ID_FQDN, 9, "somewhere" };
	second_responds(node, t);
}

static void wrong_remote_id(unsigned node, struct conf_tunnel *t)
{
	if (node)
		t->remote_id = (struct conf_id){ CONF_ID_FQDN, 9, "somebody!" };
	second_responds(node, t);
}

static void wrong_selectors(unsigned node, struct conf_tunnel *t)
{
	t->n_ts_local = t->n_ts_remote = 1;
	prefix_parse(&t->ts_local[0], node ? "10.9.0.0/16" : "10.1.0.0/16");
	prefix_parse(&t->ts_remote[0], node ? "10.1.0.0/16" : "10.2.0.0/16");
}

static const struct mistake mistakes[] = {
	{ "psk",
	  wrong_psk,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "pre-shared key", "pre-shared key" } },
	{ "psk, one caller",
	  wrong_psk_one_caller,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "refuses us", "does not have our pre-shared key" } },
	{ "ike proposal",
	  wrong_ike,
	  { IKE_REASON_NO_PROPOSAL, IKE_REASON_NO_PROPOSAL },
	  { "peer's: aes256gcm", "peer's: aes128" } },
	{ "esp proposal",
	  wrong_esp,
	  { IKE_REASON_NO_PROPOSAL, IKE_REASON_NO_PROPOSAL },
	  { "ours: aes128", "ours: aes256gcm" } },
	{ "local id",
	  wrong_id,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "refuses us", "somewhere" } },
	{ "remote id",
	  wrong_remote_id,
	  { IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED },
	  { "refuses us", "somebody!" } },
	{ "selectors",
	  wrong_selectors,
	  { IKE_REASON_TS_UNACCEPTABLE, IKE_REASON_TS_UNACCEPTABLE },
	  { "10.1.0.0/16", "10.9.0.0/16" } },
};

/* Whether a tunnel's history holds this text somewhere, however often. */
static bool told(const struct sim *s, unsigned node, const char *text)
{
	struct ike_history h;
	struct ike_happening x;
	bool found = false;

	assert_int_equal(ike_tunnel_history(s->node[node].engine, 7, &h), 0);
	for (size_t at = 0; ike_history_next(&h, &at, &x);) {
		found |= strstr(x.text, text) != NULL;
		if (getenv("SIM_VERBOSE"))
			printf("node %u: %10.6f %s (%u)\n", node, (double)x.last / 1e6, x.text,
			       x.times);
		/* Secrets never appear. */
		sim_assert(s, !strstr(x.text, "horse"));
	}
	ike_history_clear(&h);
	return found;
}

static void history_of_a_mistake(struct sim *s, const struct mistake *m)
{
	for (unsigned node = 0; node < 2; node++)
		sim_assert(s, told(s, node, m->text[node]));
}

/* Set up, used, rekeyed, moved on: each step is there with its values. */
static void history_of_a_life(void **state)
{
	static const char *const both[] = { "IKE SA ",	 "set up", "the peer is ",   "child SA ",
					    "0.0.0.0/0", "UP",	   "is replaced by", "DOWN" };
	struct sim *s = sim_pair(1);

	sim_pair_add(s, second_responds);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	ike_rekey_child(s->node[0].engine, s->now, 7);
	sim_run(s, 20 * IKE_SECOND);
	ike_rekey_ike(s->node[1].engine, s->now, 7);
	sim_run(s, 20 * IKE_SECOND);
	ike_tunnel_disable(s->node[0].engine, s->now, 7);
	sim_run(s, IKE_SECOND);
	for (unsigned i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		sim_assert(s, told(s, 0, both[i]) && told(s, 1, both[i]));
	sim_assert(s, told(s, 0, "calling 198.51.100.1: aes128-sha256-x25519"));
	sim_assert(s, told(s, 1, "192.0.2.1 calls: aes128-sha256-x25519"));
	sim_assert(s, told(s, 1, "192.0.2.1 deleted the IKE SA"));
	sim_finish(s);
}

/* The first child has no key exchange: a PFS mismatch shows at the first rekey, with both values.
 */
static void pfs_differs(unsigned node, struct conf_tunnel *t)
{
	algo_list_add(&t->esp_pfs, node ? DH_ECP384 : DH_ECP256);
	second_responds(node, t);
}

static void history_of_a_pfs_mismatch(void **state)
{
	struct sim *s = sim_pair(1);

	sim_pair_add(s, pfs_differs);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	ike_rekey_child(s->node[0].engine, s->now, 7);
	sim_run(s, IKE_SECOND);
	sim_assert(s, told(s, 0, "refuses to rekey the child SA: NO_PROPOSAL_CHOSEN (14)"));
	sim_assert(s, told(s, 0, "ours: aes128-sha256-ecp256"));
	sim_assert(s, told(s, 1, "ours: aes128-sha256-ecp384"));
	sim_assert(s, told(s, 1, "peer's: aes128-sha256-ecp256"));
	sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
	sim_finish(s);
}

static void mistakes_are_told_and_heal(void **state)
{
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];

		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct sim *s = sim_pair(seed);

			sim_pair_add(s, m->change);
			sim_run(s, 20 * IKE_SECOND + sim_random(s) % (10 * IKE_SECOND));
			for (unsigned node = 0; node < 2; node++) {
				const struct sim_tunnel *t = &s->node[node].tunnel[7];

				if (t->up || t->reason != m->reason[node] ||
				    !strstr(t->text, m->text[node]))
					print_error("%s, node %u: %s: %s\n", m->name, node,
						    ike_reason_name(t->reason), t->text);
				sim_assert(s, !t->up && t->ups == 0);
				sim_assert(s, t->reason == m->reason[node]);
				sim_assert(s, strstr(t->text, m->text[node]));
			}
			history_of_a_mistake(s, m);
			if (m->change == wrong_selectors) {
				sim_finish(s);
				continue;
			}
			corrects(s, 1,
				 m->change == wrong_psk_one_caller || m->change == wrong_id ||
						 m->change == wrong_remote_id
					 ? second_responds
					 : NULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm),    cmocka_unit_test(group_is_corrected),
		cmocka_unit_test(cookie_is_returned), cmocka_unit_test(mistakes_are_told_and_heal),
		cmocka_unit_test(history_of_a_life),  cmocka_unit_test(history_of_a_pfs_mismatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

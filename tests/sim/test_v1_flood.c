/* IKEv1 calls in the peer's name, thousands of them, while it calls itself. */
#include "ike/v1/callers.h"
#include "ike/core.h"
#include "ike/v1/message.h"
#include "tests/sim/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One more first message in the name of the other node, with a cookie of its own. */
static void forge_call(struct sim *s, struct tape *tape, unsigned to)
{
	struct ike_path path = tape_path(s, to, 500);

	for (unsigned k = 0; k < 8; k++)
		tape->data[0][k] = (uint8_t)sim_random(s);
	tape->data[0][0] |= 1;
	sim_inject(s, to, &path, tape->data[0], tape->len[0]);
}

/* First messages from the peer's address, again and again: what is kept stays bounded, each costs
 * at most one answer, and in Aggressive Mode, where that is dear, few get one. */
static void half_open_flood(void **state)
{
	static struct tape tape;

	for (uint64_t seed = 6; seed <= 7; seed++) {
		struct sim *s = tape_v1(seed, &tape);
		uint64_t sent = ike_counter(s->node[1].engine, IKE_COUNT_TX);

		for (unsigned i = 0; i < 3000; i++) {
			forge_call(s, &tape, 1);
			sim_assert(s, sim_ike_sas(s, 1) <= 1 + IKE_HALF_OPEN_EACH + 1);
			sim_run(s, SIM_MS);
		}
		sent = ike_counter(s->node[1].engine, IKE_COUNT_TX) - sent;
		sim_assert(s, sent < (seed % 2 == 0 ? 3000u : 200u) + 50);
		tape_unharmed(s);
	}
}

/* The same while the tunnel is down: the peer's own call, or ours, brings it up within two seconds,
 * as if there were no flood; and nothing of it stays. */
static void set_up_during_a_flood(void **state)
{
	static struct tape tape;

	for (unsigned i = 0; i < 40; i++) {
		unsigned flooded = i % 2, rate = i % 4 < 2 ? 3000 : 20;
		struct sim *s = tape_v1(2 + 2 * i, &tape);
		ike_time end;

		for (unsigned node = 0; node < 2; node++)
			ike_tunnel_disable(s->node[node].engine, s->now, 7);
		sim_run(s, 3 * IKE_SECOND);
		ike_tunnel_enable(s->node[flooded].engine, s->now, 7);
		/* Node 0 is the one that calls, and it is called as well. */
		end = s->now + (flooded ? IKE_SECOND : 0);
		while (s->now < end) {
			forge_call(s, &tape, flooded);
			sim_run(s, IKE_SECOND / rate);
		}
		ike_tunnel_enable(s->node[!flooded].engine, s->now, 7);
		end = s->now + 2 * IKE_SECOND;
		while (s->now < end && !(s->node[0].tunnel[7].up && s->node[1].tunnel[7].up)) {
			forge_call(s, &tape, flooded);
			sim_run(s, IKE_SECOND / rate);
		}
		sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
		for (unsigned k = 0; k < 1000; k++)
			forge_call(s, &tape, flooded);
		s->node[0].tunnel[7].downs = s->node[1].tunnel[7].downs = 0;
		s->lost = 0;
		tape_unharmed(s);
	}
}

static void offers_much(unsigned node, struct conf_tunnel *t)
{
	static const enum algo_cipher ciphers[] = { CIPHER_AES256_CBC, CIPHER_AES192_CBC,
						    CIPHER_AES128_CBC, CIPHER_3DES_CBC };

	tape_v1_calls(node, t);
	t->ike_cipher.n = t->ike_auth.n = t->ike_dh.n = 0;
	for (unsigned i = 0; i < 4; i++)
		algo_list_add(&t->ike_cipher, ciphers[i]);
	for (unsigned i = AUTH_NONE + 1; i < AUTH_COUNT; i++)
		algo_list_add(&t->ike_auth, i);
	algo_list_add(&t->ike_dh, DH_ECP256);
	algo_list_add(&t->ike_dh, DH_MODP2048);
}

static sim_verdict longest_call(struct sim *s, const struct sim_message *m, void *arg)
{
	size_t *longest = arg;

	if (m->from == 0 && m->exchange == IKE_V1_MAIN && m->len > *longest)
		*longest = m->len;
	return SIM_PASS;
}

/* Who offers every suite there is gets in as well. */
static void long_offer_during_a_flood(void **state)
{
	static struct tape tape;

	for (unsigned i = 0; i < 8; i++) {
		struct sim *s = tape_v1(2 + 2 * i, &tape);
		struct conf_tunnel conf[2];
		size_t longest = 0;

		for (unsigned node = 0; node < 2; node++) {
			ike_tunnel_disable(s->node[node].engine, s->now, 7);
			sim_conf(s, node, !node, &conf[node]);
			offers_much(node, &conf[node]);
		}
		sim_run(s, 3 * IKE_SECOND);
		sim_assert(s, ike_tunnel_change(s->node[1].engine, s->now, 7, &conf[1]) == 0);
		for (unsigned k = 0; k < 3000; k++) {
			forge_call(s, &tape, 1);
			sim_run(s, SIM_MS / 3);
		}
		s->filter = longest_call;
		s->filter_arg = &longest;
		sim_assert(s, ike_tunnel_change(s->node[0].engine, s->now, 7, &conf[0]) == 0);
		for (unsigned k = 0; k < 6000 && !s->node[1].tunnel[7].up; k++) {
			forge_call(s, &tape, 1);
			sim_run(s, SIM_MS / 3);
		}
		sim_assert(s, longest > 1000);
		for (unsigned node = 0; node < 2; node++)
			secret_free(conf[node].psk);
		sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
		sim_finish(s);
	}
}

/* What is kept of a call is exactly what came, for half a minute; too much is not kept. */
static void calls_wait_half_a_minute(void **state)
{
	static uint8_t body[IKE_V1_CALLER_BODY_LONG + 1];
	static const size_t sizes[] = { 0, 40, IKE_V1_CALLER_BODY, IKE_V1_CALLER_BODY + 1,
					IKE_V1_CALLER_BODY_LONG };
	struct sim *s = sim_pair(1);
	struct ike_engine *e = s->node[0].engine;
	uint64_t cky[5];

	for (unsigned round = 0; round < 3; round++) {
		ike_time now = e->now;

		for (unsigned i = 0; i < 5; i++) {
			memset(body, (int)(i + round + 1), sizeof(body));
			cky[i] = ike_v1_caller_keep(e, 7, i, i, (struct view){ body, sizes[i] });
			sim_assert(s, cky[i]);
		}
		sim_assert(s, !ike_v1_caller_keep(e, 7, 9, 0, (struct view){ body, sizeof(body) }));
		e->now += round == 2 ? IKE_V1_CALLER_FOR + 1 : IKE_V1_CALLER_FOR;
		for (unsigned i = 0; i < 5; i++) {
			const struct ike_v1_caller *c = ike_v1_caller_take(e, 7, i, cky[i]);

			sim_assert(s, (c != NULL) == (round < 2));
			if (!c)
				continue;
			memset(body, (int)(i + round + 1), sizeof(body));
			sim_assert(s, c->n == sizes[i] && c->vendors == i);
			sim_assert(s, memcmp(c->body, body, c->n) == 0);
			sim_assert(s, !ike_v1_caller_take(e, 7, i, cky[i]));
		}
		e->now = now;
	}
	sim_finish(s);
}

static sim_verdict drop_second(struct sim *s, const struct sim_message *m, void *arg)
{
	struct tape *t = arg;

	/* The second message of a call: cookies of both, nothing encrypted, an answer's size. */
	if (m->from != 0 || m->exchange != IKE_V1_MAIN || m->len < 150 || !m->data[8] ||
	    m->data[19] & 1)
		return SIM_PASS;
	tape_record(s, m, t);
	return SIM_DROP;
}

/* Whom we have answered without an SA: his second message makes one, but only with both cookies as
 * they were, only once, and only for a while. */
static void second_message_of_a_call(void **state)
{
	static struct tape first, second;

	for (unsigned what = 0; what < 4; what++) {
		struct sim *s = tape_v1(2, &first);
		struct ike_path path = tape_path(s, 1, 500);
		unsigned sas;

		for (unsigned node = 0; node < 2; node++)
			ike_tunnel_disable(s->node[node].engine, s->now, 7);
		sim_run(s, 3 * IKE_SECOND);
		ike_tunnel_enable(s->node[1].engine, s->now, 7);
		for (unsigned i = 0; i < 20; i++)
			forge_call(s, &first, 1);
		sas = sim_ike_sas(s, 1);
		sim_assert(s, sas == IKE_COOKIE_HALF_OPEN_EACH);
		second.n = 0;
		s->filter = drop_second;
		s->filter_arg = &second;
		ike_tunnel_enable(s->node[0].engine, s->now, 7);
		sim_run(s, IKE_SECOND / 2);
		sim_assert(s, second.n == 1);
		if (what == 1)
			second.data[0][0] ^= 1;
		if (what == 2)
			second.data[0][8] ^= 1;
		for (unsigned i = 0; what == 3 && i < IKE_V1_CALLERS; i++)
			forge_call(s, &first, 1);
		sim_inject(s, 1, &path, second.data[0], second.len[0]);
		sim_assert(s, sim_ike_sas(s, 1) == sas + (what == 0));
		sim_inject(s, 1, &path, second.data[0], second.len[0]);
		sim_assert(s, sim_ike_sas(s, 1) == sas + (what == 0));
		s->filter = NULL;
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_open_flood),
		cmocka_unit_test(set_up_during_a_flood),
		cmocka_unit_test(long_offer_during_a_flood),
		cmocka_unit_test(calls_wait_half_a_minute),
		cmocka_unit_test(second_message_of_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

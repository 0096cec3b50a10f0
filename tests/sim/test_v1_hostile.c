/* What an attacker or a broken peer sends in IKEv1 changes nothing but counters. */
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v1/exchange.h"
#include "tests/sim/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum conf_ike_mode mode_now;

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = CONF_IKE_V1;
	t->ike_mode = mode_now;
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void modp_first_calls(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	t->ike_dh.n = 0;
	algo_list_add(&t->ike_dh, DH_MODP2048);
}

static void noise(void **state)
{
	static const uint8_t exchanges[] = { 2, 4, 5, 32, 6, 34 };
	static struct tape tape;
	struct sim *s = tape_v1(1, &tape);
	uint8_t junk[1200];

	for (unsigned i = 0; i < 10000; i++) {
		struct ike_path path = tape_path(s, i % 2, i % 3 ? 500 : 4500);
		size_t n = sim_random(s) % sizeof(junk);

		for (size_t k = 0; k < n; k++)
			junk[k] = (uint8_t)sim_random(s);
		if (i % 3 == 0)
			memset(junk, 0, 4);
		/* Half of them with a header that is nearly right. */
		if (i % 2 && n > 32 && i % 3) {
			junk[17] = 0x10;
			junk[18] = exchanges[i % 6];
			junk[24] = junk[25] = 0;
			junk[26] = (uint8_t)(n >> 8);
			junk[27] = (uint8_t)n;
			if (i % 4 == 1)
				memset(junk + 8, 0, 8);
		}
		sim_inject(s, i % 2, &path, junk, n);
		if (i % 100 == 0)
			sim_run(s, 10 * SIM_MS);
	}
	sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_MALFORMED) > 1000);
	tape_unharmed(s);
}

/* Real messages with bits flipped, bytes cut off or added, at the receiver they were for. */
static void mutations(void **state)
{
	static struct tape tape;
	uint8_t copy[1024 + 64];

	for (uint64_t seed = 2; seed <= 3; seed++) {
		struct sim *s = tape_v1(seed, &tape);

		for (unsigned i = 0; i < 15000; i++) {
			unsigned k = (unsigned)(sim_random(s) % tape.n);
			struct ike_path path = tape_path(s, tape.to[k], 500);
			size_t n = tape.len[k];

			memset(copy, 0, sizeof(copy));
			memcpy(copy, tape.data[k], n);
			for (unsigned flips = 1 + (unsigned)(sim_random(s) % 4); flips; flips--)
				copy[sim_random(s) % n] ^= (uint8_t)(1u << sim_random(s) % 8);
			if (i % 5 == 0)
				n = sim_random(s) % (n + 1);
			if (i % 7 == 0)
				n += sim_random(s) % 64;
			if (i % 2 && n >= 28) {
				copy[24] = copy[25] = 0;
				copy[26] = (uint8_t)(n >> 8);
				copy[27] = (uint8_t)n;
			}
			sim_inject(s, tape.to[k], &path, copy, n);
			if (i % 100 == 0)
				sim_run(s, 10 * SIM_MS);
		}
		tape_unharmed(s);
	}
}

/* All that was ever sent, once more and in any order: deletes and INITIAL-CONTACT among it. */
static void replays(void **state)
{
	static struct tape tape;

	for (uint64_t seed = 4; seed <= 5; seed++) {
		struct sim *s = tape_v1(seed, &tape);

		for (unsigned i = 0; i < 2000; i++) {
			unsigned k = (unsigned)(sim_random(s) % tape.n);

			tape_play(s, &tape, k);
			sim_run(s, SIM_MS);
		}
		sim_run(s, 40 * IKE_SECOND);
		tape_unharmed(s);
	}
}

static unsigned of_the_past(struct sim *s, const struct tape *t)
{
	uint64_t before = ike_counter(s->node[1].engine, IKE_COUNT_BAD_MESSAGE_ID);

	for (unsigned k = 0; k < t->n; k++)
		tape_play(s, t, k);
	sim_run(s, IKE_SECOND);
	return (unsigned)(ike_counter(s->node[1].engine, IKE_COUNT_BAD_MESSAGE_ID) - before);
}

/* An SA that has had hundreds of exchanges knows all of them; before it would forget one it is
 * replaced. */
static void long_memory(void **state)
{
	static struct tape tape;
	struct ike_tunnel_view before, v;
	struct sim *s = sim_pair(9);
	unsigned exchanges = 1;

	mode_now = CONF_IKE_MAIN;
	tape.n = 0;
	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	ike_tunnel_view(s->node[1].engine, 7, &before);
	s->filter = tape_record;
	s->filter_arg = &tape;
	for (v = before; v.spi_i == before.spi_i && exchanges < IKE_V1_SEEN_MAX; exchanges++) {
		sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
		sim_run(s, 5 * IKE_SECOND / 4);
		if (exchanges == 5)
			s->filter = NULL;
		if (exchanges == 400)
			sim_assert(s, of_the_past(s, &tape) >= 5 && sim_inbound(s, 1) < 40);
		if (exchanges % 16 == 0)
			sim_run(s, 15 * IKE_SECOND);
		ike_tunnel_view(s->node[1].engine, 7, &v);
	}
	/* Each rekey is a Quick Mode, and a delete. */
	sim_assert(s, exchanges > IKE_V1_SEEN_MAX / 4 - 32 && exchanges < IKE_V1_SEEN_MAX / 2);
	tape_unharmed(s);
}

/* The body of a payload of a message in clear. */
static uint8_t *find_payload(uint8_t *message, uint8_t type, size_t *n)
{
	uint8_t next = message[16], *p = message + 28;

	while (next != type) {
		next = p[0];
		p += p[2] << 8 | p[3];
	}
	*n = (size_t)(p[2] << 8 | p[3]) - 4;
	return p + 4;
}

struct forgery {
	struct tape tape;
	bool done;
};

/* Holds the first message of node 1 that has a public value, and records it. */
static sim_verdict hold_value(struct sim *s, const struct sim_message *m, void *arg)
{
	struct forgery *f = arg;

	if (f->done || m->from != 1 || m->len < 300)
		return SIM_PASS;
	f->done = true;
	tape_record(s, m, &f->tape);
	return SIM_HOLD;
}

/* A false answer comes first, with a public value that is none: the true one still counts. */
static void bad_key_is_doubted(void **state)
{
	for (unsigned mode = CONF_IKE_MAIN; mode <= CONF_IKE_AGGRESSIVE; mode++) {
		static struct forgery f;
		struct sim *s = sim_pair(10 + mode);
		uint8_t *value;
		size_t n;

		memset(&f, 0, sizeof(f));
		mode_now = (enum conf_ike_mode)mode;
		s->filter = hold_value;
		s->filter_arg = &f;
		sim_pair_add(s, modp_first_calls);
		sim_run(s, IKE_SECOND / 2);
		sim_assert(s, f.tape.n == 1);
		value = find_payload(f.tape.data[0], IKE_V1_KE, &n);
		memset(value, 0, n);
		tape_play(s, &f.tape, 0);
		sim_run(s, IKE_SECOND / 2);
		sim_assert(s, ike_counter(s->node[0].engine, IKE_COUNT_MALFORMED) == 1);
		sim_assert(s, strstr(s->node[0].tunnel[7].text, "not acceptable"));
		sim_release(s);
		sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
		sim_assert(s, sim_ike_sas(s, 0) == 1);
		tape_unharmed(s);
	}
}

static void strangers(void **state)
{
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
	struct ike_path path = tape_path(s, 1, 500);
	uint64_t before = ike_counter(s->node[1].engine, IKE_COUNT_NO_TUNNEL);
	uint64_t sent = ike_counter(s->node[1].engine, IKE_COUNT_TX);

	addr_parse(&path.remote.addr, "203.0.113.77");
	for (unsigned k = 0; k < tape.n; k++)
		sim_inject(s, 1, &path, tape.data[k], tape.len[k]);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_NO_TUNNEL) == before + tape.n);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_TX) == sent);
	tape_unharmed(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise),
		cmocka_unit_test(mutations),
		cmocka_unit_test(replays),
		cmocka_unit_test(long_memory),
		cmocka_unit_test(bad_key_is_doubted),
		cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

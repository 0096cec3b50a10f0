/* What an attacker or a broken peer sends in IKEv1 changes nothing but counters. */
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v1/callers.h"
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

static void unharmed(struct sim *s)
{
	s->filter = NULL;
	sim_run(s, 70 * IKE_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].up && s->node[i].tunnel[7].downs == 0);
		sim_assert(s, sim_inbound(s, i) == 1 && sim_ike_sas(s, i) == 1);
	}
	sim_assert(s, s->lost == 0);
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 20 * IKE_SECOND);
	sim_assert(s, sim_inbound(s, 0) == 1);
	sim_finish(s);
}

static struct sim *recorded(uint64_t seed, struct tape *t)
{
	struct sim *s = sim_pair(seed);

	mode_now = seed % 2;
	t->n = 0;
	s->filter = tape_record;
	s->filter_arg = t;
	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_run(s, IKE_SECOND);
	ike_rekey_child(s->node[0].engine, s->now, 7);
	sim_run(s, 25 * IKE_SECOND);
	ike_rekey_ike(s->node[1].engine, s->now, 7);
	sim_run(s, 35 * IKE_SECOND);
	s->filter = NULL;
	sim_probe(s, 50 * SIM_MS);
	return s;
}

static void noise(void **state)
{
	static const uint8_t exchanges[] = { 2, 4, 5, 32, 6, 34 };
	static struct tape tape;
	struct sim *s = recorded(1, &tape);
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
	unharmed(s);
}

/* Real messages with bits flipped, bytes cut off or added, at the receiver they were for. */
static void mutations(void **state)
{
	static struct tape tape;
	uint8_t copy[1024 + 64];

	for (uint64_t seed = 2; seed <= 3; seed++) {
		struct sim *s = recorded(seed, &tape);

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
		unharmed(s);
	}
}

/* All that was ever sent, once more and in any order: deletes and INITIAL-CONTACT among it. */
static void replays(void **state)
{
	static struct tape tape;

	for (uint64_t seed = 4; seed <= 5; seed++) {
		struct sim *s = recorded(seed, &tape);

		for (unsigned i = 0; i < 2000; i++) {
			unsigned k = (unsigned)(sim_random(s) % tape.n);

			tape_play(s, &tape, k);
			sim_run(s, SIM_MS);
		}
		sim_run(s, 40 * IKE_SECOND);
		unharmed(s);
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
	unharmed(s);
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
		unharmed(s);
	}
}

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
		struct sim *s = recorded(seed, &tape);
		uint64_t sent = ike_counter(s->node[1].engine, IKE_COUNT_TX);

		for (unsigned i = 0; i < 3000; i++) {
			forge_call(s, &tape, 1);
			sim_assert(s, sim_ike_sas(s, 1) <= 1 + IKE_HALF_OPEN_EACH + 1);
			sim_run(s, SIM_MS);
		}
		sent = ike_counter(s->node[1].engine, IKE_COUNT_TX) - sent;
		sim_assert(s, sent < (mode_now == CONF_IKE_MAIN ? 3000u : 200u) + 50);
		unharmed(s);
	}
}

/* The same while the tunnel is down: the peer's own call, or ours, brings it up within two seconds,
 * as if there were no flood; and nothing of it stays. */
static void set_up_during_a_flood(void **state)
{
	static struct tape tape;

	for (unsigned i = 0; i < 40; i++) {
		unsigned flooded = i % 2, rate = i % 4 < 2 ? 3000 : 20;
		struct sim *s = recorded(2 + 2 * i, &tape);
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
		unharmed(s);
	}
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
		struct sim *s = recorded(2, &first);
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

static void strangers(void **state)
{
	static struct tape tape;
	struct sim *s = recorded(8, &tape);
	struct ike_path path = tape_path(s, 1, 500);
	uint64_t before = ike_counter(s->node[1].engine, IKE_COUNT_NO_TUNNEL);
	uint64_t sent = ike_counter(s->node[1].engine, IKE_COUNT_TX);

	addr_parse(&path.remote.addr, "203.0.113.77");
	for (unsigned k = 0; k < tape.n; k++)
		sim_inject(s, 1, &path, tape.data[k], tape.len[k]);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_NO_TUNNEL) == before + tape.n);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_TX) == sent);
	unharmed(s);
}

/* ---- a peer that has the keys ------------------------------------------------------------ */

static struct ike_sa *sa_of(struct sim *s, unsigned node)
{
	return ike_tunnel_current(ike_tunnel_find(s->node[node].engine, 7));
}

/* One Informational or Quick Mode message of node 0, with any payloads, rightly protected, or with
 * a wrong hash. */
static void send_inside(struct sim *s, uint8_t exchange, uint8_t first, const uint8_t *plain,
			size_t n, bool right)
{
	struct ike_sa *sa = sa_of(s, 0);
	uint32_t id = ike_v1_fresh_id(sa);
	struct ike_path path = tape_path(s, 1, 500);
	uint8_t msg[512], iv[IKE_V1_IV_BYTES], hash[IKE_HASH_MAX];
	size_t size = algo_auths[sa->suite.prf].out_bytes;
	struct ike_builder b;
	int len;

	ike_v1_iv_exchange(sa->suite.prf, sa->suite.cipher, sa->v1->iv, id, iv);
	ike_v1_build_begin(&b, msg, sizeof(msg), sa->spi_i, sa->spi_r, exchange, id);
	ike_v1_hash(sa, id, NULL, 0, (struct view){ plain, n }, hash);
	hash[0] ^= !right;
	ike_v1_build_bytes(&b, IKE_V1_HASH, hash, size);
	writer_bytes(&b.w, plain, n);
	msg[28] = first;
	len = ike_v1_build_finish(&b, sa->suite.cipher, sa->keys.ei, iv);
	sim_assert(s, len > 0);
	sim_inject(s, 1, &path, msg, (size_t)len);
}

struct inside {
	const char *name;
	uint8_t exchange, first;
	size_t n;
	uint8_t plain[64];
};

static const struct inside insides[] = {
	{ "nothing", 5, 0, 0, { 0 } },
	{ "payload longer than the message", 5, 11, 4, { 0, 0, 0, 200 } },
	{ "payload shorter than its header", 5, 11, 4, { 0, 0, 0, 3 } },
	{ "notify cut in its header", 5, 11, 8, { 0, 0, 0, 8, 0, 0, 0, 1 } },
	{ "notify with an SPI beyond its end",
	  5,
	  11,
	  12,
	  { 0, 0, 0, 12, 0, 0, 0, 1, 1, 200, 0, 14 } },
	{ "delete with more SPIs than there are",
	  5,
	  12,
	  12,
	  { 0, 0, 0, 12, 0, 0, 0, 1, 3, 4, 0, 9 } },
	{ "delete with SPIs of no size", 5, 12, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 3, 0, 0, 0 } },
	{ "delete of what is not there",
	  5,
	  12,
	  16,
	  { 0, 0, 0, 16, 0, 0, 0, 1, 3, 4, 0, 1, 1, 2, 3, 4 } },
	{ "delete of another phase 1", 5, 12, 28, { 0, 0, 0, 28, 0, 0, 0, 1, 1, 16, 0, 1, 9, 9 } },
	{ "INITIAL-CONTACT long after", 5, 11, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0x60, 2 } },
	{ "error that belongs to nothing", 5, 11, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 3, 0, 0, 14 } },
	{ "status that nobody knows", 5, 11, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0xff, 0xff } },
	{ "lifetime without attributes", 5, 11, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0x60, 0 } },
	{ "an acknowledgement of no probe",
	  5,
	  11,
	  16,
	  { 0, 0, 0, 16, 0, 0, 0, 1, 1, 0, 0x8d, 0x29, 0, 0, 0, 7 } },
	{ "a probe without number", 5, 11, 12, { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0x8d, 0x28 } },
	{ "Quick Mode of nothing", 32, 0, 0, { 0 } },
	{ "Quick Mode, nonce only", 32, 10, 20, { 0, 0, 0, 20 } },
	{ "Quick Mode, SA of another DOI", 32, 1, 36, { 10, 0, 0, 16, 0, 0, 0, 9, 0, 0,
							0,  1, 0, 0,  0, 0, 0, 0, 0, 20 } },
	{ "Quick Mode, SA without proposals",
	  32,
	  1,
	  32,
	  { 10, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20 } },
	{ "Quick Mode, one identity", 32, 1, 48, { 10, 0, 0, 12, 0,  0,	       0, 1, 0,	 0, 0,
						   1,  5, 0, 0,	 20, [32] = 0, 0, 0, 16, 4 } },
};

static void nonsense_from_the_peer(void **state)
{
	static struct tape tape;

	for (unsigned right = 0; right < 2; right++) {
		struct sim *s = recorded(8, &tape);

		for (unsigned i = 0; i < sizeof(insides) / sizeof(insides[0]); i++)
			send_inside(s, insides[i].exchange, insides[i].first, insides[i].plain,
				    insides[i].n, right);
		sim_assert(s, right || ike_counter(s->node[1].engine, IKE_COUNT_BAD_ICV) >= 15);
		unharmed(s);
	}
}

/* A delete without its hash, in clear or wrong, ends nothing. */
static void deletes_need_their_hash(void **state)
{
	static struct tape tape;
	struct sim *s = recorded(8, &tape);
	struct ike_sa *sa = sa_of(s, 0);
	struct ike_path path = tape_path(s, 1, 500);
	uint8_t plain[28] = { 0, 0, 0, 28, 0, 0, 0, 1, 1, 16, 0, 1 }, msg[128];
	struct ike_builder b;
	struct writer w;
	int len;

	writer_init(&w, plain + 12, 16);
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
	send_inside(s, 5, 12, plain, sizeof(plain), false);
	ike_v1_build_begin(&b, msg, sizeof(msg), sa->spi_i, sa->spi_r, 5, 77);
	ike_v1_build_bytes(&b, IKE_V1_DELETE, plain + 4, 24);
	len = ike_v1_build_finish(&b, CIPHER_NONE, NULL, NULL);
	sim_inject(s, 1, &path, msg, (size_t)len);
	sim_assert(s, s->node[1].tunnel[7].up && sim_ike_sas(s, 1) == 1);
	unharmed(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise),
		cmocka_unit_test(mutations),
		cmocka_unit_test(replays),
		cmocka_unit_test(long_memory),
		cmocka_unit_test(bad_key_is_doubted),
		cmocka_unit_test(half_open_flood),
		cmocka_unit_test(set_up_during_a_flood),
		cmocka_unit_test(second_message_of_a_call),
		cmocka_unit_test(strangers),
		cmocka_unit_test(nonsense_from_the_peer),
		cmocka_unit_test(deletes_need_their_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What an attacker or a broken peer sends changes nothing but counters. */
#include "ike/crypto.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void first_calls(unsigned node, struct conf_tunnel *t)
{
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

static void noise(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(1, first_calls, &tape);
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
			junk[17] = 0x20;
			junk[18] = 34 + i % 5;
			junk[24] = junk[25] = 0;
			junk[26] = (uint8_t)(n >> 8);
			junk[27] = (uint8_t)n;
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
	struct sim *s = tape_pair(2, first_calls, &tape);
	uint8_t copy[1024 + 64];

	for (unsigned i = 0; i < 20000; i++) {
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

/* All that was ever sent, once more and in any order. */
static void replays(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(3, first_calls, &tape);

	for (unsigned i = 0; i < 2000; i++) {
		unsigned k = (unsigned)(sim_random(s) % tape.n);

		tape_play(s, &tape, k);
		sim_run(s, SIM_MS);
	}
	sim_run(s, 40 * IKE_SECOND);
	tape_unharmed(s);
}

/* Who keeps the last request of a peer that has died cannot keep its SA alive. */
static void repeats_are_no_life(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(7, first_calls, &tape);
	unsigned seconds = 0;

	tape.n = 0;
	s->filter = tape_record;
	sim_assert(s, ike_rekey_child(s->node[1].engine, s->now, 7) == 0);
	sim_run(s, 5 * IKE_SECOND);
	s->filter = NULL;
	sim_assert(s, tape.n == 4);
	sim_node_kill(s, 1);
	for (; s->node[0].tunnel[7].up && seconds < 100; seconds++) {
		for (unsigned i = 0; i < tape.n; i++) {
			if (tape.to[i] == 0)
				tape_play(s, &tape, i);
		}
		sim_run(s, IKE_SECOND);
	}
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_DPD_TIMEOUT);
	sim_assert(s, seconds < 30 + 2 * 12 + 10);
	sim_finish(s);
}

/* IKE_SA_INIT from the peer's address, again and again: what is kept stays bounded, and the real
 * peer gets through. */
static void half_open_flood(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(4, first_calls, &tape);
	struct ike_path path = tape_path(s, 1, 500);

	for (unsigned i = 0; i < 5000; i++) {
		for (unsigned k = 0; k < 8; k++)
			tape.data[0][k] = (uint8_t)sim_random(s);
		sim_inject(s, 1, &path, tape.data[0], tape.len[0]);
		sim_assert(s, sim_ike_sas(s, 1) <= 1 + IKE_HALF_OPEN_EACH + 1);
		sim_run(s, SIM_MS);
	}
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_COOKIE_DEMANDED) > 4000);
	tape_unharmed(s);
}

static void strangers(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(5, first_calls, &tape);
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

/* ---- payloads that nobody asked for, in messages that are otherwise right ------------------- */

struct stowaway {
	const char *name;
	uint8_t type;
	size_t n;
	uint8_t body[16];
};

static const struct stowaway stowaways[] = {
	{ "configuration request", 47, 8, { 1, 0, 0, 0, 0, 1, 0, 0 } },
	{ "configuration reply, cut", 47, 3, { 2, 0, 0 } },
	{ "certificate request", 38, 1, { 4 } },
	{ "vendor ID", 43, 4, "abcd" },
	{ "unknown payload", 200, 4, { 1, 2, 3, 4 } },
	{ "unknown status", 41, 4, { 0, 0, 0xff, 0xfe } },
	{ "status with an SPI beyond its end", 41, 4, { 3, 77, 0x40, 0 } },
	{ "NAT detection without a hash", 41, 4, { 0, 0, 0x40, 0x04 } },
	{ "NAT detection with half a hash", 41, 9, { 0, 0, 0x40, 0x05, 1, 2, 3, 4, 5 } },
	{ "INITIAL_CONTACT with data", 41, 6, { 1, 0, 0x40, 0, 9, 9 } },
	{ "ESP_TFC_PADDING_NOT_SUPPORTED of IKE", 41, 4, { 1, 0, 0x40, 0x0a } },
	{ "MOBIKE_SUPPORTED with an SPI", 41, 8, { 3, 4, 0x40, 0x0c, 1, 2, 3, 4 } },
	{ "PPK_IDENTITY without one", 41, 4, { 0, 0, 0x40, 0x34 } },
};

struct smuggler {
	const struct stowaway *what;
	unsigned n, done, to[8];
	size_t len[8];
	uint8_t message[8][1024];
};

/* The message with one payload more, last of all, sealed as its sender does. */
static size_t smuggle(struct sim *s, const struct sim_message *m, const struct stowaway *what,
		      uint8_t *out)
{
	struct ike_engine *e = s->node[m->from].engine;
	size_t at = m->data[19] & 8 ? 0 : 8, off, n, iv, last;
	uint8_t copy[1024], random[16] = { 7 };
	struct ike_protection p;
	uint64_t spi = 0;
	struct ike_sa *sa;

	for (unsigned i = 0; i < 8; i++)
		spi = spi << 8 | m->data[at + i];
	sa = ike_sa_find(e, spi);
	sim_assert(s, sa && m->len <= sizeof(copy) - 100);
	p = ike_sa_protection(sa, IKE_OUT);
	memcpy(copy, m->data, m->len);
	assert_int_equal(ike_unprotect(&p, copy, m->len, 32, &off, &n), 0);
	memcpy(out, m->data, 32);
	iv = algo_ciphers[p.cipher].iv_bytes;
	memcpy(out + 32 + iv, copy + off, n);
	/* The place of the next payload's type in the one that was last. */
	for (last = 28, at = 32 + iv; at < 32 + iv + n; at += out[at + 2] << 8 | out[at + 3])
		last = at;
	out[last] = what->type;
	memcpy(out + at, (uint8_t[]){ 0, 0, 0, (uint8_t)(4 + what->n) }, 4);
	memcpy(out + at + 4, what->body, what->n);
	n += 4 + what->n;
	at = 32 + ike_protect_overhead(&p, n) + n;
	memcpy(out + 26, (uint8_t[]){ (uint8_t)(at >> 8), (uint8_t)at }, 2);
	memcpy(out + 30, (uint8_t[]){ (uint8_t)((at - 28) >> 8), (uint8_t)(at - 28) }, 2);
	assert_int_equal(ike_protect(&p, out, 32, n, sa->iv_counter++, random), 0);
	return at;
}

static sim_verdict add_payload(struct sim *s, const struct sim_message *m, void *arg)
{
	struct smuggler *f = arg;

	if (m->data[16] != 46)
		return SIM_PASS;
	sim_assert(s, f->n < 8);
	f->to[f->n] = m->to;
	f->len[f->n] = smuggle(s, m, f->what, f->message[f->n]);
	f->n++;
	f->done++;
	return SIM_DROP;
}

/* What was changed is delivered, now that no engine is at work. */
static void run_smuggling(struct sim *s, struct smuggler *f, ike_time length)
{
	for (ike_time end = s->now + length; s->now < end; sim_run(s, SIM_MS)) {
		for (unsigned i = 0; i < f->n; i++) {
			struct ike_path path = tape_path(s, f->to[i], 500);
			uint8_t message[1024];
			unsigned to = f->to[i];

			/* Its answer may take this place. */
			memcpy(message, f->message[i], f->len[i]);
			sim_inject(s, to, &path, message, f->len[i]);
		}
		f->n = 0;
	}
}

static void child_first_calls(unsigned node, struct conf_tunnel *t)
{
	first_calls(node, t);
	algo_list_add(&t->esp_pfs, DH_X25519);
}

/* In every message behind IKE_SA_INIT, of set-up, rekeys of both kinds, delete and probe. */
static void stowaways_change_nothing(void **state)
{
	for (unsigned i = 0; i < sizeof(stowaways) / sizeof(stowaways[0]); i++) {
		struct sim *s = sim_pair(i);
		struct smuggler f = { .what = &stowaways[i] };
		struct ike_tunnel_view before, after;

		s->filter = add_payload;
		s->filter_arg = &f;
		sim_pair_add(s, child_first_calls);
		run_smuggling(s, &f, IKE_SECOND);
		if (!s->node[0].tunnel[7].up)
			print_error("%s: %s\n", f.what->name, s->node[0].tunnel[7].text);
		sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
		sim_probe(s, 5 * SIM_MS);
		for (unsigned node = 0; node < 2; node++) {
			struct ike_engine *e = s->node[node].engine;

			ike_tunnel_view(e, 7, &before);
			sim_assert(s, ike_rekey_child(e, s->now, 7) == 0);
			run_smuggling(s, &f, IKE_SECOND);
			sim_assert(s, ike_rekey_ike(e, s->now, 7) == 0);
			run_smuggling(s, &f, IKE_SECOND);
			ike_tunnel_view(e, 7, &after);
			sim_assert(s, before.spi_i != after.spi_i && after.n_children == 1);
			sim_assert(s, before.child[0].spi_in != after.child[0].spi_in);
		}
		/* Silence: probes. */
		s->probe_interval = 0;
		run_smuggling(s, &f, 26 * IKE_SECOND);
		sim_assert(s, f.done >= 2 + 2 * 8 + 2);
		s->filter = NULL;
		sim_probe(s, 50 * SIM_MS);
		tape_unharmed(s);
	}
}

static void odd_versions(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(7, first_calls, &tape);
	struct ike_path path = tape_path(s, 1, 500);
	struct ike_engine *e = s->node[1].engine;
	uint8_t copy[1024];

	memcpy(copy, tape.data[0], tape.len[0]);
	copy[17] = 0x10;
	sim_inject(s, 1, &path, copy, tape.len[0]);
	copy[17] = 0x30;
	sim_inject(s, 1, &path, copy, tape.len[0]);
	sim_assert(s, ike_counter(e, IKE_COUNT_BAD_VERSION) == 2);
	tape_unharmed(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise),
		cmocka_unit_test(mutations),
		cmocka_unit_test(replays),
		cmocka_unit_test(repeats_are_no_life),
		cmocka_unit_test(half_open_flood),
		cmocka_unit_test(strangers),
		cmocka_unit_test(stowaways_change_nothing),
		cmocka_unit_test(odd_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

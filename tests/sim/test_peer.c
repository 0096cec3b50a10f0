/* What a peer that has the keys sends: nonsense in valid encryption, and too much of everything. */
#include "ike/child.h"
#include "ike/crypto.h"
#include "ike/sa.h"
#include "ike/selector.h"
#include "ike/tunnel.h"
#include "ike/v2/exchange.h"
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

struct inside {
	const char *name;
	uint8_t exchange, first;
	size_t n;
	uint8_t plain[64];
	uint16_t notify; /* expected in the answer; 0: an answer without */
};

static const struct inside insides[] = {
	{ "unknown, not critical", 37, 99, 4, { 0, 0, 0, 4 }, 0 },
	{ "unknown, critical", 37, 99, 4, { 0, 0x80, 0, 4 }, 1 },
	{ "payload longer than the message", 37, 41, 4, { 0, 0, 0, 200 }, 7 },
	{ "payload shorter than its header", 37, 41, 4, { 0, 0, 0, 3 }, 7 },
	{ "notify cut in its header", 37, 41, 6, { 0, 0, 0, 6, 0, 0 }, 7 },
	{ "error notify with an SPI beyond its end", 37, 41, 8, { 0, 0, 0, 8, 3, 200, 0, 14 }, 7 },
	{ "status notify with an SPI beyond its end", 37, 41, 8, { 0, 0, 0, 8, 3, 200, 64, 0 }, 0 },
	{ "delete with more SPIs than there are", 37, 42, 8, { 0, 0, 0, 8, 3, 4, 0, 9 }, 7 },
	{ "delete with SPIs of no size", 37, 42, 8, { 0, 0, 0, 8, 3, 0, 0, 0 }, 7 },
	{ "delete of what is not there", 37, 42, 12, { 0, 0, 0, 12, 3, 4, 0, 1, 1, 2, 3, 4 }, 0 },
	{ "status notify that nobody knows", 37, 41, 8, { 0, 0, 0, 8, 0, 0, 0xff, 0xff }, 0 },
	{ "rekey of what is not there: payloads missing",
	  36,
	  41,
	  12,
	  { 0, 0, 0, 12, 3, 4, 0x40, 0x09, 1, 2, 3, 4 },
	  7 },
	{ "create child without anything", 36, 0, 0, { 0 }, 7 },
	{ "nonce too short", 36, 40, 8, { 0, 0, 0, 8, 1, 2, 3, 4 }, 7 },
	{ "two nonces only", 36, 40, 40, { 40, 0, 0, 20, [20] = 0, 0, 0, 20 }, 7 },
};

struct answer {
	unsigned n;
	size_t len;
	uint8_t data[1024];
};

static sim_verdict catch_answer(struct sim *s, const struct sim_message *m, void *arg)
{
	struct answer *a = arg;

	if (m->from == 1 && m->response && m->len <= sizeof(a->data)) {
		a->n++;
		a->len = m->len;
		memcpy(a->data, m->data, m->len);
		return SIM_DROP;
	}
	return SIM_PASS;
}

/* Sends it as node 0 on this SA of its. */
static void send_inside(struct sim *s, struct ike_sa *sa, uint8_t exchange, uint8_t first,
			struct view inner, uint32_t id)
{
	struct ike_protection out = ike_sa_protection(sa, IKE_OUT);
	struct ike_path path = tape_path(s, 1, 500);
	size_t iv = algo_ciphers[sa->suite.cipher].iv_bytes, total;
	static uint8_t msg[IKE_MESSAGE_MAX];
	uint8_t random[16] = { 1 };
	struct writer w;

	total = 32 + ike_protect_overhead(&out, inner.n) + inner.n;
	writer_init(&w, msg, sizeof(msg));
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
	writer_u8(&w, 46);
	writer_u8(&w, 0x20);
	writer_u8(&w, exchange);
	writer_u8(&w, sa->initiator ? 0x08 : 0);
	writer_u32(&w, id);
	writer_u32(&w, (uint32_t)total);
	writer_u8(&w, first);
	writer_u8(&w, 0);
	writer_u16(&w, (uint16_t)(total - 28));
	if (inner.n)
		memcpy(msg + 32 + iv, inner.p, inner.n);
	assert_int_equal(ike_protect(&out, msg, 32, inner.n, sa->iv_counter++, random), 0);
	sim_inject(s, 1, &path, msg, total);
}

/* Node 0's window moves on as if it had sent it itself. */
static uint16_t ask(struct sim *s, uint8_t exchange, uint8_t first, struct view inner)
{
	struct ike_sa *sa = ike_tunnel_current(ike_tunnel_find(s->node[0].engine, 7));
	struct ike_protection back = ike_sa_protection(sa, IKE_IN);
	struct answer a = { 0 };
	size_t off, len;

	s->filter = catch_answer;
	s->filter_arg = &a;
	send_inside(s, sa, exchange, first, inner, sa->next_id++);
	s->filter = NULL;
	sim_assert(s, a.n == 1);
	assert_int_equal(ike_unprotect(&back, a.data, a.len, 32, &off, &len), 0);
	if (a.data[28] != 41)
		return 0;
	return (uint16_t)(a.data[off + 6] << 8 | a.data[off + 7]);
}

static void nonsense_from_the_peer(void **state)
{
	static struct tape tape;
	struct sim *s = tape_pair(6, first_calls, &tape);

	for (unsigned i = 0; i < sizeof(insides) / sizeof(insides[0]); i++) {
		const struct inside *in = &insides[i];
		uint16_t notify =
			ask(s, in->exchange, in->first, (struct view){ in->plain, in->n });

		if (notify != insides[i].notify)
			print_error("%s: notify %u, not %u\n", insides[i].name, notify,
				    insides[i].notify);
		sim_assert(s, notify == insides[i].notify);
	}
	tape_unharmed(s);
}

static const struct ike_tunnel *tunnel_of(const struct sim *s, unsigned node)
{
	return ike_tunnel_find(s->node[node].engine, 7);
}

static uint8_t plain[IKE_MESSAGE_MAX];

/* Payloads as they stand before encryption, put together like a message in clear. */
static void begin(struct ike_builder *b, uint8_t exchange)
{
	struct ike_message header = { .exchange = exchange };

	ike_build_begin(b, plain, sizeof(plain), &header);
}

static uint16_t ask_built(struct sim *s, const struct ike_builder *b)
{
	sim_assert(s, !b->w.failed);
	return ask(s, plain[18], plain[16],
		   (struct view){ plain + IKE_HEADER_BYTES, b->w.n - IKE_HEADER_BYTES });
}

/* A child like the one that is there. */
static uint16_t ask_for_child(struct sim *s, uint32_t spi, const struct ike_selectors *local)
{
	struct ike_builder b;
	const struct ike_tunnel *t = tunnel_of(s, 0);
	const struct ike_traffic *traffic = t->out->traffic;
	struct ike_offer offer;
	uint8_t nonce[32];

	begin(&b, CREATE_CHILD_SA);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)sim_random(s);
	ike_offer_esp(&offer, &t->conf, true);
	ike_offer_emit(ike_build_payload(&b, IKE_SA), &offer, spi, 4);
	ike_build_end(&b);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	ike_selectors_emit(ike_build_payload(&b, IKE_TSI), local ? local : &traffic->local);
	ike_build_end(&b);
	ike_selectors_emit(ike_build_payload(&b, IKE_TSR), &traffic->remote);
	ike_build_end(&b);
	return ask_built(s, &b);
}

/* As many SPIs as a payload can name, from this one on. */
static uint16_t ask_to_delete(struct sim *s, uint32_t spi, uint16_t n)
{
	struct ike_builder b;
	struct writer *w;

	begin(&b, INFORMATIONAL);
	w = ike_build_payload(&b, IKE_DELETE);
	writer_u8(w, IKE_PROTOCOL_ESP);
	writer_u8(w, 4);
	writer_u16(w, n);
	for (uint32_t i = 0; i < n; i++)
		writer_u32(w, spi + i);
	ike_build_end(&b);
	return ask_built(s, &b);
}

/* Ten thousand children are asked for: there are a few of them, each further one is refused, and a
 * delete of sixteen thousand ends them all. */
static void children_without_end(void **state)
{
	enum { FIRST = 0x70000000, MORE = 10000, NAMED = 16000, NO_ADDITIONAL_SAS = 35 };
	static struct tape tape;
	struct sim *s = tape_pair(7, first_calls, &tape);
	unsigned made = 0, spis;

	sim_probe(s, 0);
	for (uint32_t i = 0; i < MORE; i++) {
		uint16_t notify = ask_for_child(s, FIRST + i, NULL);

		sim_assert(s, notify == 0 || notify == NO_ADDITIONAL_SAS);
		made += !notify;
	}
	sim_assert(s, made == IKE_CHILDREN_MAX - 1);
	sim_assert(s, ike_child_count(tunnel_of(s, 1)) == IKE_CHILDREN_MAX);
	spis = s->node[1].spis;
	for (unsigned i = 0; i < 100; i++)
		sim_assert(s, ask_to_delete(s, 0x60000000, NAMED) == 0);
	sim_assert(s, s->node[1].spis == spis);
	sim_assert(s, ask_to_delete(s, FIRST, NAMED) == 0);
	sim_assert(s, ike_child_count(tunnel_of(s, 1)) == 1);
	sim_probe(s, 50 * SIM_MS);
	tape_unharmed(s);
}

/* More selectors than we keep: some of them are served. */
static void selectors_without_end(void **state)
{
	enum { FIRST = 0x70000000, MANY = 255 };
	static struct tape tape;
	struct sim *s = tape_pair(8, first_calls, &tape);
	struct ike_builder b;
	const struct ike_tunnel *t = tunnel_of(s, 0);
	struct ike_selectors one;
	struct ike_offer offer;
	const struct ike_child *c;
	uint8_t nonce[32] = { 1 };
	struct writer *w;

	sim_probe(s, 0);
	begin(&b, CREATE_CHILD_SA);
	ike_offer_esp(&offer, &t->conf, true);
	ike_offer_emit(ike_build_payload(&b, IKE_SA), &offer, FIRST, 4);
	ike_build_end(&b);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	for (unsigned type = IKE_TSI; type <= IKE_TSR; type++) {
		w = ike_build_payload(&b, (enum ike_payload)type);
		writer_u8(w, MANY);
		writer_room(w, 3);
		for (unsigned i = 0; i < MANY; i++) {
			struct prefix p = { addr_ipv4(0x0a000000 + 2 * i), 32 };
			uint8_t body[64];
			struct writer v;

			ike_selectors_from_prefixes(&one, &p, 1);
			writer_init(&v, body, sizeof(body));
			ike_selectors_emit(&v, &one);
			writer_bytes(w, body + 4, v.n - 4);
		}
		ike_build_end(&b);
	}
	sim_assert(s, ask_built(s, &b) == 0);
	c = ike_child_by_out(tunnel_of(s, 1), FIRST);
	sim_assert(s, c && c->traffic->local.n == IKE_TS_MAX && c->traffic->remote.n == IKE_TS_MAX);
	sim_assert(s, ask_to_delete(s, FIRST, 1) == 0);
	sim_probe(s, 50 * SIM_MS);
	tape_unharmed(s);
}

static sim_verdict hold_auth(struct sim *s, const struct sim_message *m, void *arg)
{
	return m->exchange == 35 ? SIM_HOLD : SIM_PASS;
}

/* Anybody can bring IKE_SA_INIT to its end and has keys then: but nothing is done for him before
 * he has proved who he is. */
static void nothing_before_authentication(void **state)
{
	static const struct inside early[] = {
		{ .name = "delete of the IKE SA", 37, 42, 8, { 0, 0, 0, 8, 1, 0, 0, 0 } },
		{ .name = "a nonce only", 36, 40, 20, { 0, 0, 0, 20 } },
		{ .name = "probe", .exchange = 37 },
		{ .name = "AUTHENTICATION_FAILED", 37, 41, 8, { 0, 0, 0, 8, 1, 0, 0, 24 } },
	};

	for (unsigned i = 0; i < 2 * sizeof(early) / sizeof(early[0]); i++) {
		struct sim *s = sim_pair(i);
		struct ike_engine *e = s->node[1].engine;
		const struct inside *in = &early[i / 2];
		uint64_t sent;

		s->filter = hold_auth;
		sim_pair_add(s, first_calls);
		sim_run(s, IKE_SECOND / 5);
		sim_assert(s, s->n_held == 1 && sim_ike_sas(s, 1) == 1);
		sent = ike_counter(e, IKE_COUNT_TX);
		send_inside(s, LIST_FIRST(&s->node[0].engine->sas), in->exchange, in->first,
			    (struct view){ in->plain, in->n }, 1 + i % 2);
		sim_assert(s, ike_counter(e, IKE_COUNT_TX) == sent);
		sim_assert(s, ike_counter(e, IKE_COUNT_UNEXPECTED) +
					      ike_counter(e, IKE_COUNT_BAD_MESSAGE_ID) ==
				      1);
		s->filter = NULL;
		sim_release(s);
		sim_assert(s, sim_until_up(s, IKE_SECOND / 10, 7));
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_from_the_peer),
		cmocka_unit_test(children_without_end),
		cmocka_unit_test(selectors_without_end),
		cmocka_unit_test(nothing_before_authentication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who is let in, and what it costs: the order of checks, cookies, limits; and that what anybody
 * could have sent changes nothing (RFC 7296 §2.6, §2.21). */
#include "ike/core.h"
#include "tests/sim/sim.h"

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

static void nobody_calls(unsigned node, struct conf_tunnel *t)
{
	t->start = CONF_START_RESPOND;
}

/* A real IKE_SA_INIT request of node 0's, to be sent under other SPIs. */
struct call {
	size_t n;
	uint8_t data[1024];
};

static sim_verdict catch_call(struct sim *s, const struct sim_message *m, void *arg)
{
	struct call *c = arg;

	if (!c->n && m->from == 0 && m->exchange == 34 && !m->response) {
		memcpy(c->data, m->data, m->len);
		c->n = m->len;
	}
	return SIM_DROP;
}

static struct call a_call(void)
{
	struct sim *s = sim_pair(77);
	struct call c = { 0 };

	s->filter = catch_call;
	s->filter_arg = &c;
	sim_pair_add(s, first_calls);
	sim_run(s, IKE_SECOND / 10);
	sim_assert(s, c.n > 100);
	sim_finish(s);
	return c;
}

static struct ike_path to(const struct sim *s, unsigned node)
{
	return (struct ike_path){ { s->node[node].address, 500 }, { s->node[!node].address, 500 } };
}

static void send_call(struct sim *s, struct call *c, const struct ike_path *path)
{
	for (unsigned i = 0; i < 8; i++)
		c->data[i] = (uint8_t)sim_random(s);
	c->data[0] |= 1;
	sim_inject(s, 1, path, c->data, c->n);
}

static uint64_t count(const struct sim *s, unsigned node, enum ike_counter c)
{
	return ike_counter(s->node[node].engine, c);
}

/* Each stop of the way in, and that nothing behind it is reached. */
struct stop {
	const char *name;
	size_t at; /* of the byte to change; SIZE_MAX: none */
	uint8_t value;
	size_t cut;
	const char *from;
	enum ike_counter counter;
};

static const struct stop stops[] = {
	{ "shorter than a header", SIZE_MAX, 0, 400, NULL, IKE_COUNT_MALFORMED },
	{ "shorter than it says", SIZE_MAX, 0, 1, NULL, IKE_COUNT_MALFORMED },
	{ "version 3", 17, 0x30, 0, NULL, IKE_COUNT_BAD_VERSION },
	{ "not from an initiator", 19, 0, 0, NULL, IKE_COUNT_MALFORMED },
	{ "a message ID", 23, 1, 0, NULL, IKE_COUNT_MALFORMED },
	{ "a responder's SPI", 15, 1, 0, NULL, IKE_COUNT_MALFORMED },
	{ "a stranger", SIZE_MAX, 0, 0, "203.0.113.77", IKE_COUNT_NO_TUNNEL },
	{ "a stranger with nonsense inside", 28, 0xee, 0, "203.0.113.77", IKE_COUNT_NO_TUNNEL },
	{ "nonsense inside", 30, 0xff, 0, NULL, IKE_COUNT_MALFORMED },
	{ "an unknown cipher", 47, 99, 0, NULL, IKE_COUNT_NO_PROPOSAL },
};

static void order_of_checks(void **state)
{
	struct call c = a_call();

	for (unsigned i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		const struct stop *stop = &stops[i];
		struct sim *s = sim_pair(i);
		struct ike_path path = to(s, 1);
		struct call changed = c;

		sim_pair_add(s, nobody_calls);
		if (stop->at != SIZE_MAX)
			changed.data[stop->at] = stop->value;
		changed.n -= stop->cut < changed.n ? stop->cut : changed.n - 20;
		if (stop->from)
			addr_parse(&path.remote.addr, stop->from);
		sim_inject(s, 1, &path, changed.data, changed.n);
		if (count(s, 1, stop->counter) != 1)
			print_error("%s\n", stop->name);
		sim_assert(s, count(s, 1, stop->counter) == 1);
		sim_assert(s, sim_ike_sas(s, 1) == 0);
		for (unsigned k = 0; k < IKE_COUNTER_COUNT; k++)
			sim_assert(s, k == IKE_COUNT_RX || k == IKE_COUNT_TX ||
					      k == stop->counter || count(s, 1, k) == 0);
		sim_finish(s);
	}
}

/* Forged requests in the peer's name: three half-open SAs, then cookies, and no more memory. */
static void three_half_open_of_one_address(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct ike_path path = to(s, 1);

	sim_pair_add(s, nobody_calls);
	for (unsigned i = 0; i < 2000; i++) {
		send_call(s, &c, &path);
		sim_assert(s, sim_ike_sas(s, 1) <= IKE_COOKIE_HALF_OPEN_EACH);
	}
	sim_assert(s, sim_ike_sas(s, 1) == IKE_COOKIE_HALF_OPEN_EACH);
	sim_assert(s, count(s, 1, IKE_COUNT_COOKIE_DEMANDED) == 2000 - IKE_COOKIE_HALF_OPEN_EACH);
	sim_finish(s);
}

static void thirty_half_open_in_all(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct conf_tunnel t;
	struct ike_path path = to(s, 1);

	for (unsigned i = 0; i < 40; i++) {
		char text[32];

		sim_conf(s, 1, 0, &t);
		nobody_calls(1, &t);
		snprintf(text, sizeof(text), "198.18.0.%u", 1 + i);
		addr_parse(&t.customer_ip, text);
		sim_tunnel_add(s, 1, i, &t);
		path.remote.addr = t.customer_ip;
		send_call(s, &c, &path);
		if (i >= 15)
			send_call(s, &c, &path);
	}
	sim_assert(s, sim_ike_sas(s, 1) == IKE_COOKIE_HALF_OPEN_ALL);
	sim_assert(s, count(s, 1, IKE_COUNT_COOKIE_DEMANDED) == 65 - IKE_COOKIE_HALF_OPEN_ALL);
	sim_finish(s);
}

/* Forged requests all the while, at so many a second, and a peer that really calls. */
static void flood(struct sim *s, struct call *c, const struct ike_path *path, unsigned rate,
		  ike_time length)
{
	for (ike_time end = s->now + length; s->now < end && !s->node[0].tunnel[7].up;) {
		send_call(s, c, path);
		sim_run(s, IKE_SECOND / rate);
	}
}

static void peer_gets_in_during_a_flood_in_its_name(void **state)
{
	struct call c = a_call();

	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct sim *s = sim_pair(seed);
		struct ike_path path = to(s, 1);

		sim_pair_add(s, nobody_calls);
		flood(s, &c, &path, 2000, IKE_SECOND);
		sim_assert(s, ike_tunnel_remove(s->node[0].engine, s->now, 7) == 0);
		{
			struct conf_tunnel t;

			sim_conf(s, 0, 1, &t);
			sim_tunnel_add(s, 0, 7, &t);
		}
		flood(s, &c, &path, 2000, 2 * IKE_SECOND);
		sim_assert(s, s->node[0].tunnel[7].up && s->node[1].tunnel[7].up);
		sim_assert(s, sim_ike_sas(s, 1) <= 1 + IKE_HALF_OPEN_EACH);
		sim_assert(s, count(s, 1, IKE_COUNT_BAD_COOKIE) == 0);
		sim_finish(s);
	}
}

static void other_group_first(unsigned node, struct conf_tunnel *t)
{
	t->ike_dh.n = 0;
	algo_list_add(&t->ike_dh, node ? DH_ECP256 : DH_X25519);
	algo_list_add(&t->ike_dh, node ? DH_X25519 : DH_ECP256);
	first_calls(node, t);
}

/* Cookie first, then another group, with the cookie still there (RFC 7296 §2.6.1). */
static void cookie_and_another_group(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct ike_path path = to(s, 1);
	struct ike_tunnel_view v;
	struct conf_tunnel t;

	sim_conf(s, 1, 0, &t);
	other_group_first(1, &t);
	sim_tunnel_add(s, 1, 7, &t);
	for (unsigned i = 0; i < 30; i++)
		send_call(s, &c, &path);
	sim_assert(s, count(s, 1, IKE_COUNT_COOKIE_DEMANDED) == 27);
	sim_conf(s, 0, 1, &t);
	other_group_first(0, &t);
	sim_tunnel_add(s, 0, 7, &t);
	sim_assert(s, sim_until_up(s, IKE_SECOND / 2, 7));
	sim_assert(s, count(s, 1, IKE_COUNT_COOKIE_DEMANDED) == 28);
	sim_assert(s, count(s, 1, IKE_COUNT_BAD_COOKIE) == 0);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	sim_assert(s, v.dh == DH_ECP256);
	sim_finish(s);
}

/* A cookie is for one nonce, SPI and address, and for two minutes at most. */
struct kept {
	size_t n;
	uint8_t data[256];
};

static sim_verdict catch_cookie(struct sim *s, const struct sim_message *m, void *arg)
{
	struct kept *k = arg;

	if (m->from == 1 && m->response && m->len <= sizeof(k->data)) {
		memcpy(k->data, m->data, m->len);
		k->n = m->len;
	}
	return m->from == 1 ? SIM_DROP : SIM_PASS;
}

/* The call with the cookie that was demanded, as its first payload. */
static size_t with_cookie(const struct call *c, const struct kept *k, uint8_t *out)
{
	size_t notify = k->n - 28, total = c->n + notify;

	memcpy(out, c->data, 28);
	memcpy(out + 28, k->data + 28, notify);
	memcpy(out + 28 + notify, c->data + 28, c->n - 28);
	out[28] = c->data[16];
	out[16] = 41;
	out[26] = (uint8_t)(total >> 8);
	out[27] = (uint8_t)total;
	return total;
}

static void cookie_is_for_one_request(void **state)
{
	static const ike_time ages[] = { 0, 30, 59, 119, 121, 130, 200, 100000 };
	struct call c = a_call();

	for (unsigned age = 0; age < sizeof(ages) / sizeof(ages[0]); age++) {
		struct sim *s = sim_pair(age);
		struct ike_path path = to(s, 1), other = path;
		struct kept k = { 0 };
		uint8_t copy[2048];
		size_t n;

		other.remote.addr.b[3] ^= 1;
		s->filter = catch_cookie;
		s->filter_arg = &k;
		sim_pair_add(s, nobody_calls);
		for (unsigned i = 0; i < 10; i++)
			send_call(s, &c, &path);
		sim_assert(s, k.n == 28 + 8 + IKE_COOKIE_BYTES);
		n = with_cookie(&c, &k, copy);
		if (ages[age]) {
			sim_run(s, ages[age] * IKE_SECOND);
			for (unsigned i = 0; i < 3; i++)
				send_call(s, &c, &path);
			sim_inject(s, 1, &path, copy, n);
			sim_assert(s, count(s, 1, IKE_COUNT_BAD_COOKIE) == (ages[age] >= 120));
			sim_finish(s);
			continue;
		}
		/* One bit of the cookie, the SPI, the nonce: no longer the same. */
		for (unsigned i = 0; i < 3; i++) {
			size_t at = i == 0 ? 40 : i == 1 ? 3 : n - 68;

			copy[at] ^= 1;
			sim_inject(s, 1, &path, copy, n);
			copy[at] ^= 1;
			sim_assert(s, count(s, 1, IKE_COUNT_BAD_COOKIE) == i + 1);
		}
		sim_assert(s, sim_ike_sas(s, 1) == IKE_COOKIE_HALF_OPEN_EACH);
		sim_inject(s, 1, &path, copy, n);
		sim_assert(s, count(s, 1, IKE_COUNT_BAD_COOKIE) == 3);
		sim_assert(s, sim_ike_sas(s, 1) == IKE_COOKIE_HALF_OPEN_EACH + 1);
		sim_finish(s);
	}
}

/* Who owns his address has a rate as well; and his half-open SAs stay few. */
static void rate_with_cookies(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct ike_path path = to(s, 1);
	struct kept k = { 0 };
	uint8_t copy[2048];

	s->filter = catch_cookie;
	s->filter_arg = &k;
	sim_pair_add(s, nobody_calls);
	for (unsigned i = 0; i < 200; i++) {
		size_t n;

		send_call(s, &c, &path);
		if (i < IKE_COOKIE_HALF_OPEN_EACH)
			continue;
		n = with_cookie(&c, &k, copy);
		sim_inject(s, 1, &path, copy, n);
		sim_assert(s, sim_ike_sas(s, 1) <= 2 * IKE_HALF_OPEN_EACH);
	}
	sim_assert(s, count(s, 1, IKE_COUNT_RATE_LIMITED) > 150);
	sim_run(s, 31 * IKE_SECOND);
	sim_assert(s, sim_ike_sas(s, 1) == 0);
	sim_finish(s);
}

/* ---- what anybody could have sent ---------------------------------------------------------- */

static const uint16_t errors[] = { 1, 4, 5, 7, 9, 11, 14, 17, 24, 34, 35, 38, 43, 44, 8191 };

/* An IKE_SA_INIT answer with one notify, or with junk (notify 0), to node 0. */
static void forge_answer(struct sim *s, const uint8_t *spi_i, uint16_t notify, uint8_t exchange)
{
	uint8_t m[28 + 8] = { [16] = 41, 0x20, exchange, 0x20, [27] = 36 };
	struct ike_path path = to(s, 0);

	memcpy(m, spi_i, 8);
	if (notify)
		memcpy(m + 28, (uint8_t[]){ 0, 0, 0, 8, 0, 0, notify >> 8, notify & 255 }, 8);
	else
		memset(m + 28, 0xa5, 8);
	sim_inject(s, 0, &path, m, sizeof(m));
}

static sim_verdict hold_init_answer(struct sim *s, const struct sim_message *m, void *arg)
{
	uint8_t *spi = arg;

	memcpy(spi, m->data, 8);
	return m->response && m->exchange == 34 ? SIM_HOLD : SIM_PASS;
}

/* Each error, and garbage, before the real answer: the real one still counts. */
static void forged_errors_do_not_end_an_attempt(void **state)
{
	for (unsigned i = 0; i <= sizeof(errors) / sizeof(errors[0]); i++) {
		uint16_t notify = i < sizeof(errors) / sizeof(errors[0]) ? errors[i] : 0;
		struct sim *s = sim_pair(i);
		uint8_t spi[8];

		s->filter = hold_init_answer;
		s->filter_arg = spi;
		sim_pair_add(s, first_calls);
		sim_run(s, IKE_SECOND / 10);
		sim_assert(s, s->n_held == 1);
		for (unsigned k = 0; k < 20; k++) {
			forge_answer(s, spi, notify, 34);
			forge_answer(s, spi, notify, 35);
			forge_answer(s, spi, notify, 37);
		}
		s->filter = NULL;
		sim_release(s);
		sim_assert(s, sim_until_up(s, IKE_SECOND / 10, 7));
		sim_assert(s, s->messages <= 6);
		sim_finish(s);
	}
}

/* A real refusal is told at once, and asked again after a few seconds. */
static void a_lasting_error_is_told(void **state)
{
	struct sim *s = sim_pair(1);
	uint8_t spi[8];

	s->filter = hold_init_answer;
	s->filter_arg = spi;
	sim_pair_add(s, first_calls);
	sim_run(s, IKE_SECOND / 10);
	forge_answer(s, spi, 14, 34);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_NO_PROPOSAL);
	sim_run(s, 3 * IKE_SECOND);
	sim_assert(s, s->node[0].tunnel[7].reason == IKE_REASON_NO_PROPOSAL);
	sim_run(s, 4 * IKE_SECOND);
	s->filter = NULL;
	sim_assert(s, sim_until_up(s, 3 * IKE_SECOND, 7));
	sim_finish(s);
}

static void forged_errors_do_not_touch_a_tunnel_that_is_up(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct ike_path path = to(s, 1);
	struct ike_tunnel_view v;
	uint8_t spi[8];

	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	sim_probe(s, 5 * SIM_MS);
	ike_tunnel_view(s->node[0].engine, 7, &v);
	for (unsigned i = 0; i < 8; i++)
		spi[i] = (uint8_t)(v.spi_i >> (56 - 8 * i));
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		forge_answer(s, spi, errors[i], 34);
		forge_answer(s, spi, errors[i], 35);
		forge_answer(s, spi, errors[i], 37);
		sim_run(s, IKE_SECOND / 10);
	}
	/* Proposals that nobody shares, and nonsense, in the peer's name. */
	c.data[47] = 99;
	for (unsigned i = 0; i < 50; i++) {
		send_call(s, &c, &path);
		sim_run(s, IKE_SECOND / 5);
	}
	for (unsigned i = 0; i < 2; i++) {
		sim_assert(s, s->node[i].tunnel[7].up && s->node[i].tunnel[7].downs == 0);
		sim_assert(s, s->node[i].tunnel[7].reason == IKE_REASON_NONE);
		sim_assert(s, sim_ike_sas(s, i) == 1);
	}
	sim_assert(s, s->lost == 0);
	sim_finish(s);
}

/* What anybody can send is counted, not written to the log one by one. */
static void forged_messages_fill_no_log(void **state)
{
	struct call c = a_call();
	struct sim *s = sim_pair(1);
	struct ike_path path = to(s, 1);
	struct ike_tunnel_view v;
	unsigned events;

	sim_pair_add(s, first_calls);
	sim_assert(s, sim_until_up(s, IKE_SECOND, 7));
	ike_tunnel_view(s->node[1].engine, 7, &v);
	events = s->node[1].events;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t false_one[96] = { [16] = 46, 0x20, 37, 8, [23] = 2, [27] = 96, [31] = 68 };

		for (unsigned k = 0; k < 8; k++) {
			false_one[k] = (uint8_t)(v.spi_i >> (56 - 8 * k));
			false_one[8 + k] = (uint8_t)(v.spi_r >> (56 - 8 * k));
		}
		c.data[47] = i % 2 ? 12 : 99; /* a cipher, and none */
		send_call(s, &c, &path);
		sim_inject(s, 1, &path, false_one, sizeof(false_one));
		false_one[17] = 0x10;
		sim_inject(s, 1, &path, false_one, sizeof(false_one));
		sim_run(s, SIM_MS);
	}
	sim_assert(s, count(s, 1, IKE_COUNT_BAD_ICV) == 1000);
	sim_assert(s, count(s, 1, IKE_COUNT_BAD_VERSION) == 1000);
	sim_assert(s, s->node[1].events == events);
	sim_finish(s);
}

/* Calls in the peer's name, many or few, make us wait for it for a second at most. */
static void being_called_does_not_silence_us(void **state)
{
	static const unsigned rates[] = { 1000, 10, 1 };
	struct call c = a_call();

	for (unsigned i = 0; i < 30; i++) {
		struct sim *s = sim_pair(i);
		struct ike_path path = { { s->node[0].address, 500 }, { s->node[1].address, 500 } };
		ike_time begun = s->now;

		sim_pair_add(s, first_calls);
		while (s->now < begun + 3 * IKE_SECOND / 2 && !s->node[0].tunnel[7].up) {
			for (unsigned k = 0; k < 8; k++)
				c.data[k] = (uint8_t)(sim_random(s) | 1);
			sim_inject(s, 0, &path, c.data, c.n);
			sim_run(s, IKE_SECOND / rates[i % 3]);
		}
		sim_assert(s, s->node[0].tunnel[7].up && s->now < begun + 3 * IKE_SECOND / 2);
		sim_finish(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_checks),
		cmocka_unit_test(three_half_open_of_one_address),
		cmocka_unit_test(thirty_half_open_in_all),
		cmocka_unit_test(peer_gets_in_during_a_flood_in_its_name),
		cmocka_unit_test(cookie_and_another_group),
		cmocka_unit_test(cookie_is_for_one_request),
		cmocka_unit_test(rate_with_cookies),
		cmocka_unit_test(forged_errors_do_not_end_an_attempt),
		cmocka_unit_test(a_lasting_error_is_told),
		cmocka_unit_test(forged_errors_do_not_touch_a_tunnel_that_is_up),
		cmocka_unit_test(forged_messages_fill_no_log),
		cmocka_unit_test(being_called_does_not_silence_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

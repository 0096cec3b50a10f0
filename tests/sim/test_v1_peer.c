/* What a peer that has the keys sends in IKEv1, and what becomes of it when somebody else sends it
 * again. */
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

static struct ike_sa *sa_of(struct sim *s, unsigned node)
{
	return ike_tunnel_current(ike_tunnel_find(s->node[node].engine, 7));
}

/* The last one that was sent so. */
static uint8_t inside_now[512];
static size_t inside_len;

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
	memcpy(inside_now, msg, (size_t)len);
	inside_len = (size_t)len;
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
		struct sim *s = tape_v1(8, &tape);

		for (unsigned i = 0; i < sizeof(insides) / sizeof(insides[0]); i++)
			send_inside(s, insides[i].exchange, insides[i].first, insides[i].plain,
				    insides[i].n, right);
		sim_assert(s, right || ike_counter(s->node[1].engine, IKE_COUNT_BAD_ICV) >= 15);
		tape_unharmed(s);
	}
}

/* A notify that only tells a status may be nonsense: what comes with it counts. One that tells an
 * error may not. */
static void malformed_status_is_passed_over(void **state)
{
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
	struct ike_engine *e = s->node[1].engine;
	/* A notify with an SPI beyond its end, then a probe. */
	uint8_t plain[28] = { 11, 0, 0,	 12, 0, 0, 0, 1, 1, 200,  0x60, 2,   0,
			      0,  0, 16, 0,  0, 0, 1, 1, 0, 0x8d, 0x28, 0x7f };
	uint64_t sent = ike_counter(e, IKE_COUNT_TX), bad = ike_counter(e, IKE_COUNT_BAD_ICV);

	send_inside(s, 5, 11, plain, sizeof(plain), true);
	sim_assert(s, ike_counter(e, IKE_COUNT_TX) == sent + 1);
	sim_assert(s, ike_counter(e, IKE_COUNT_BAD_ICV) == bad);
	plain[10] = 0;
	plain[11] = 14;
	send_inside(s, 5, 11, plain, sizeof(plain), true);
	sim_assert(s, ike_counter(e, IKE_COUNT_TX) == sent + 1);
	sim_assert(s, ike_counter(e, IKE_COUNT_BAD_ICV) == bad + 1);
	tape_unharmed(s);
}

/* A Quick Mode that we refuse is refused again when it comes again, for as long as the peer may
 * have missed it. It proves nothing any more: neither that the peer lives, nor where it is. */
static void a_refused_quick_mode_is_over(void **state)
{
	static const uint8_t plain[] = {
		10, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, [31] = 0
	};
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
	struct ike_engine *e = s->node[1].engine;
	struct ike_sa *sa = sa_of(s, 1);
	struct ike_path elsewhere = tape_path(s, 1, 500);
	uint64_t sent;
	unsigned seconds = 0;

	elsewhere.remote.port = 7777;
	s->node[0].unreachable = true;
	sa->nat_remote = true;
	send_inside(s, IKE_V1_QUICK, IKE_V1_SA, plain, sizeof(plain), true);
	sim_node_kill(s, 0);
	sent = ike_counter(e, IKE_COUNT_TX);
	for (unsigned i = 0; i < 2 * IKE_V1_REPEATS_ANSWERED; i++)
		sim_inject(s, 1, &elsewhere, inside_now, inside_len);
	sim_assert(s, sa->path.remote.port == 500);
	sim_assert(s, ike_counter(e, IKE_COUNT_TX) == sent + IKE_V1_REPEATS_ANSWERED);
	for (; s->node[1].tunnel[7].up && seconds < 200; seconds++) {
		sim_inject(s, 1, &elsewhere, inside_now, inside_len);
		sim_run(s, IKE_SECOND);
	}
	sim_assert(s, s->node[1].tunnel[7].reason == IKE_REASON_DPD_TIMEOUT);
	sim_finish(s);
}

static sim_verdict no_answers(struct sim *s, const struct sim_message *m, void *arg)
{
	if (m->exchange == IKE_V1_QUICK && m->from == 1)
		return SIM_DROP;
	return tape_record(s, m, arg);
}

/* One that its initiator never confirmed cannot be begun again by somebody else. */
static void an_abandoned_quick_mode_is_over(void **state)
{
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
	struct ike_sa *sa = sa_of(s, 1);
	struct ike_path elsewhere = tape_path(s, 1, 500);
	uint64_t refused;

	tape.n = 0;
	sim_probe(s, 0);
	s->filter = no_answers;
	sim_assert(s, ike_rekey_child(s->node[0].engine, s->now, 7) == 0);
	sim_run(s, 15 * IKE_SECOND);
	sim_node_kill(s, 0);
	sim_assert(s, tape.n > 0 && sim_inbound(s, 1) == 2);
	sim_run(s, 10 * IKE_SECOND);
	sim_assert(s, sim_inbound(s, 1) == 1 && sa_of(s, 1) == sa);
	elsewhere.remote.port = 7777;
	sa->nat_remote = true;
	refused = ike_counter(s->node[1].engine, IKE_COUNT_BAD_MESSAGE_ID);
	sim_inject(s, 1, &elsewhere, tape.data[0], tape.len[0]);
	sim_assert(s, sim_inbound(s, 1) == 1 && sa->path.remote.port == 500);
	sim_assert(s, ike_counter(s->node[1].engine, IKE_COUNT_BAD_MESSAGE_ID) == refused + 1);
	sim_finish(s);
}

/* Last messages of what is over: the newest are sent again, the oldest are forgotten. */
static void last_messages_are_bounded(void **state)
{
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
	struct ike_sa *sa = sa_of(s, 1);
	struct ike_path path = tape_path(s, 1, 500);
	const unsigned made = 3 * IKE_V1_LASTS_MAX;

	for (uint32_t id = 1; id <= made; id++) {
		struct ike_v1_exchange *x = ike_v1_open(sa, IKE_V1_QUICK, true, id);
		struct ike_chunk all = { &id, sizeof(id) };

		assert_non_null(x);
		assert_int_equal(ike_sha1(&all, 1, x->digest), 0);
		ike_v1_accept(x);
		x->packet = ike_packet_new(&id, sizeof(id));
		ike_v1_finish(x);
	}
	for (uint32_t id = 1; id <= made; id++) {
		struct view v = { (const uint8_t *)&id, sizeof(id) };

		sim_assert(s, ike_v1_again(sa, IKE_V1_QUICK, id, &path, v) ==
				      (id > made - IKE_V1_LASTS_MAX));
	}
	tape_unharmed(s);
}

/* A delete without its hash, in clear or wrong, ends nothing. */
static void deletes_need_their_hash(void **state)
{
	static struct tape tape;
	struct sim *s = tape_v1(8, &tape);
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
	tape_unharmed(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_from_the_peer),
		cmocka_unit_test(malformed_status_is_passed_over),
		cmocka_unit_test(a_refused_quick_mode_is_over),
		cmocka_unit_test(an_abandoned_quick_mode_is_over),
		cmocka_unit_test(last_messages_are_bounded),
		cmocka_unit_test(deletes_need_their_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

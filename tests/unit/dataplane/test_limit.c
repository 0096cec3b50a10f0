/* Limits of SAs, against the naive way of asking for each packet. */
#include "rig.h"

#include "dataplane/crypt.h"
#include "dataplane/limit.h"
#include "dataplane/sa.h"

#include <string.h>

static const uint8_t key[20] = { 1, 2, 3 };
static uint8_t memory[8192] __attribute__((aligned(64)));

static struct sa *build(bool inbound, bool esn, uint64_t soft_packets, uint64_t soft_bytes,
			uint64_t hard_packets, uint64_t hard_bytes)
{
	struct dataplane_sa from = { .tunnel = 1,
				     .inbound = inbound,
				     .esn = esn,
				     .spi = 4096,
				     .cipher = CIPHER_AES128_GCM,
				     .cipher_key = key,
				     .cipher_key_len = 20,
				     .replay_window = 64,
				     .local = { rig_addr("198.51.100.1"), 0 },
				     .remote = { rig_addr("203.0.113.9"), 0 },
				     .soft_packets = soft_packets,
				     .soft_bytes = soft_bytes,
				     .hard_packets = hard_packets,
				     .hard_bytes = hard_bytes };
	struct sa *sa = (struct sa *)memory;

	assert_in_range(sa_size(rig_dp->keys, &from), 1, sizeof(memory));
	assert_int_equal(sa_build(sa, rig_dp->keys, &from, 0), 0);
	return sa;
}

struct told {
	unsigned soft, hard;
};

static void hear(struct told *t)
{
	struct message m;

	while (rte_ring_sc_dequeue_elem(rig_dp->worker[0]->reports, &m, sizeof(m)) == 0) {
		t->soft += m.kind == MESSAGE_SOFT_LIMIT;
		t->hard += m.kind == MESSAGE_HARD_LIMIT;
	}
}

/* One packet as esp_out() and esp_in() treat it. */
static bool pass(struct sa *sa, unsigned len, unsigned *asked)
{
	bool in = sa->flags & SA_INBOUND;
	uint64_t top = in ? sa->replay.top + 1 : sa->sequence;

	if (in)
		replay_commit(&sa->replay, top);
	if (top >= sa->ask) {
		++*asked;
		if (!limit_admit(rig_dp->worker[0], sa, sa->packets, sa->bytes, len, top))
			return false;
	}
	sa->packets++;
	sa->bytes += len;
	if (!in)
		sa->sequence++;
	return true;
}

static const struct {
	const char *what;
	uint64_t soft_packets, soft_bytes, hard_packets, hard_bytes;
} limits[] = {
	{ "none", 0, 0, 0, 0 },
	{ "packets", 9000, 0, 10000, 0 },
	{ "bytes", 0, 9000000, 0, 10000000 },
	{ "both, packets first", 1000, 90000000, 1100, 100000000 },
	{ "both, bytes first", 90000, 90000, 100000, 100000 },
	{ "hard alone", 0, 0, 500, 0 },
	{ "soft alone", 0, 100000, 0, 0 },
	{ "tiny", 1, 1, 2, 3000 },
};

static void limits_hold(void **state)
{
	uint32_t random = 7;

	for (unsigned i = 0; i < 2 * sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t sp = limits[i / 2].soft_packets, sb = limits[i / 2].soft_bytes;
		uint64_t hp = limits[i / 2].hard_packets, hb = limits[i / 2].hard_bytes;
		struct sa *sa = build(i & 1, false, sp, sb, hp, hb);
		struct told told = { 0 };
		unsigned asked = 0;

		print_message("%s, %s\n", limits[i / 2].what, i & 1 ? "inbound" : "outbound");
		for (unsigned n = 0; n < 30000; n++) {
			unsigned len;
			bool soft, may;

			random = random * 1664525 + 1013904223;
			len = 40 + (random >> 16) % 1400;
			may = (!hp || sa->packets < hp) && (!hb || sa->bytes + len <= hb);
			soft = (sp && sa->packets > sp) || (sb && sa->bytes > sb + 1440);
			assert_int_equal(pass(sa, len, &asked), may);
			hear(&told);
			if (soft)
				assert_int_equal(told.soft, 1);
			if (!(sp && sa->packets >= sp) && !(sb && sa->bytes >= sb))
				assert_int_equal(told.soft, 0);
			assert_int_equal(told.hard, !may);
			if (!may)
				break;
		}
		assert_true(hp || hb ? told.hard : asked == 0 || told.soft);
	}
}

/* A hundred gigabytes cost a few hundred questions until the end is near. */
static void few_questions(void **state)
{
	struct sa *sa = build(false, true, 0, UINT64_C(90) << 30, 0, UINT64_C(100) << 30);
	unsigned asked = 0;

	while (sa->bytes < (UINT64_C(89) << 30)) {
		/* Only the packets in which it asks are taken one by one. */
		if (sa->ask > sa->sequence) {
			uint64_t n = sa->ask - sa->sequence;

			sa->sequence += n;
			sa->packets += n;
			sa->bytes += n * 1400;
		}
		assert_true(pass(sa, 1400, &asked));
	}
	assert_in_range(asked, 1, 400);
}

static void sequence_numbers_end(void **state)
{
	struct sa *sa = build(false, false, 0, 0, 0, 0);
	struct told told = { 0 };
	unsigned asked = 0;

	assert_true(sa->ask < UINT32_MAX);
	sa->sequence = UINT32_MAX - UINT32_MAX / 16;
	assert_true(pass(sa, 100, &asked));
	hear(&told);
	assert_int_equal(told.soft, 1);
	sa->sequence = UINT32_MAX - 1;
	assert_true(pass(sa, 100, &asked));
	assert_false(pass(sa, 100, &asked));
	assert_false(pass(sa, 100, &asked));
	assert_int_equal(sa->sequence, UINT32_MAX);
	hear(&told);
	assert_int_equal(told.soft, 1);
	assert_int_equal(told.hard, 1);
	assert_true(build(false, true, 0, 0, 0, 0)->ask > UINT32_MAX);
}

/* The negotiator's ring is full: told later, but stopped at once. */
static void a_full_ring_is_tried_again(void **state)
{
	struct sa *sa = build(false, false, 3, 0, 5, 0);
	struct worker *w = rig_dp->worker[0];
	struct told told = { 0 };
	unsigned asked = 0, n = 0;

	while (worker_report(w, MESSAGE_USED, sa))
		n++;
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(pass(sa, 100, &asked), i < 5);
	hear(&told);
	assert_int_equal(told.soft + told.hard, 0);
	assert_false(pass(sa, 100, &asked));
	assert_false(pass(sa, 100, &asked));
	hear(&told);
	assert_int_equal(told.hard, 1);
	assert_true(n > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(few_questions),
		cmocka_unit_test(sequence_numbers_end),
		cmocka_unit_test(a_full_ring_is_tried_again),
	};

	return cmocka_run_group_tests_name("limit", tests, rig_set_up, rig_tear_down);
}

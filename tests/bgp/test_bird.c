/* The client against a real BIRD with peers: what it tells is what BIRD's tables hold. */
#include "tests/unit/unit.h"

#include "tests/bgp/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;

#define AWAIT(cond, seconds)                                                                  \
	do {                                                                                  \
		if (!rig_until(&rig, cond, seconds))                                          \
			fail_msg("not within %u s: %s; %zu routes, log:\n%s", seconds, #cond, \
				 rig.mirror.n, rig.mirror.log);                               \
		assert_string_equal(rig.mirror.complaint, "");                                \
	} while (0)

static int stop(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* What the peers announce when their session comes up. */
static unsigned n_routes = 50;

static void announce_all(struct rig *r, unsigned peer)
{
	for (unsigned i = 0; i < n_routes; i++) {
		struct prefix p = rig_prefix(i + peer), p6 = rig_prefix6(i);

		speaker_announce(&r->peer[peer], &p, 1, 1 + i % 5);
		if (i % 4 == 0)
			speaker_announce(&r->peer[peer], &p6, 1, 1);
	}
	speaker_end_of_rib(&r->peer[peer]);
}

static size_t expected(unsigned peers)
{
	return peers * (n_routes + (n_routes + 3) / 4);
}

static bool two_peers_equal(struct rig *r)
{
	return r->mirror.n == expected(2) && rig_is_equal(r);
}

static bool is_up(struct rig *r)
{
	return r->mirror.standing[1] == SOURCE_CURRENT;
}

static void learns(void **state)
{
	struct prefix p = rig_prefix(3);
	char line[64];

	n_routes = 50;
	rig.again = announce_all;
	rig_start(&rig, 2, 0);
	AWAIT(two_peers_equal, 20);
	AWAIT(rig_all_up, 20);
	AWAIT(is_up, 30);
	assert_int_equal(source_routes(rig.source, 1), rig.mirror.n);
	assert_int_equal(source_session_routes(rig.source, 0), expected(1));
	assert_true(mirror_has(&rig.mirror, "1 10.0.3.0/24 0 4"));

	speaker_announce(&rig.peer[0], &p, 1, 7); /* another metric */
	snprintf(line, sizeof(line), "1 10.0.3.0/24 0 7");
	while (!mirror_has(&rig.mirror, line))
		rig_turn(&rig, 10000);
	speaker_withdraw(&rig.peer[0], &p, 1);
	while (rig.mirror.n != expected(2) - 1)
		rig_turn(&rig, 10000);
	AWAIT(rig_is_equal, 20);
}

static bool first_known(struct rig *r)
{
	return r->mirror.session[0].imported == expected(1);
}

static bool first_disabled(struct rig *r)
{
	return r->mirror.session[0].state == SOURCE_SESSION_DISABLED;
}

static bool second_only(struct rig *r)
{
	return r->mirror.n == expected(1) && rig_is_equal(r);
}

static void sessions(void **state)
{
	const struct source_session *first = &rig.mirror.session[0];
	uint64_t batches;

	n_routes = 50;
	rig.again = announce_all;
	rig_start(&rig, 2, 0);
	AWAIT(two_peers_equal, 20);
	assert_int_equal(source_session_ask(rig.source, 0), 0);
	AWAIT(first_known, 20);
	assert_string_equal(first->word, "Established");
	assert_int_equal(first->peer_asn, 65001);
	assert_int_equal(first->peer_id.b[3], 10);
	assert_true(first->since > 1700000000);
	assert_true(first->updates_in >= expected(1));

	/* Unwanted: gone before the call returns. */
	assert_int_equal(source_session_enable(rig.source, 0, false), 0);
	assert_int_equal(rig.mirror.n, expected(1));
	assert_int_equal(source_session_routes(rig.source, 0), 0);
	AWAIT(first_disabled, 20);
	AWAIT(second_only, 20);
	assert_int_equal(source_session_enable(rig.source, 0, true), 0);
	AWAIT(two_peers_equal, 20);

	batches = rig.mirror.batches;
	rig.mirror.replaying = true;
	assert_int_equal(source_replay(rig.source, 1), 0);
	rig.mirror.replaying = false;
	assert_int_equal(rig.mirror.batches, batches + 1);
	assert_int_equal(rig.mirror.n, expected(2));

	assert_int_equal(source_session_restart(rig.source, 1), 0);
	while (rig.peer[1].established)
		rig_turn(&rig, 10000);
	AWAIT(two_peers_equal, 20);

	/* The peer goes away: BIRD keeps its routes for the restart time, and so do we. */
	speaker_close(&rig.peer[1]);
	source_session_remove(rig.source, 1);
	assert_int_equal(rig.mirror.n, expected(1));
}

static int done_error;
static char done_text[256];
static bool done_called;

static void done(void *ctx, int error, const char *text)
{
	done_error = error;
	snprintf(done_text, sizeof(done_text), "%s", text);
	done_called = true;
}

static bool is_done(struct rig *r)
{
	return done_called;
}

static bool second_down(struct rig *r)
{
	return r->mirror.session[1].state == SOURCE_SESSION_DOWN ||
	       r->mirror.session[1].state == SOURCE_SESSION_UP;
}

static bool second_disabled(struct rig *r)
{
	return r->mirror.session[1].state == SOURCE_SESSION_DISABLED;
}

static void configures(void **state)
{
	char bad[128], *config = cage_config(2);
	FILE *f;

	n_routes = 20;
	rig.again = announce_all;
	rig_start(&rig, 1, 0);
	assert_int_equal(bird_configure(rig.bird, done, NULL), -EAGAIN);
	AWAIT(is_up, 20);
	assert_int_equal(bird_check(rig.bird, "/x\"; y", done, NULL), -EINVAL);

	snprintf(bad, sizeof(bad), "%s/bad.conf", rig.cage.folder);
	f = fopen(bad, "w");
	assert_non_null(f);
	fputs("nonsense;\n", f);
	fclose(f);
	done_called = false;
	assert_int_equal(bird_check(rig.bird, bad, done, NULL), 0);
	AWAIT(is_done, 20);
	assert_int_equal(done_error, -EINVAL);
	assert_non_null(strstr(done_text, "bad.conf:1:"));

	done_called = false;
	assert_int_equal(bird_check(rig.bird, rig.cage.config, done, NULL), 0);
	AWAIT(is_done, 20);
	assert_int_equal(done_error, 0);

	/* A second session, which is not wanted though BIRD's file enables it. */
	cage_configure(&rig.cage, config);
	free(config);
	assert_int_equal(source_session_add(rig.source, 1, 1), 0);
	done_called = false;
	assert_int_equal(bird_configure(rig.bird, done, NULL), 0);
	AWAIT(is_done, 20);
	assert_int_equal(done_error, 0);
	AWAIT(second_down, 20);
	assert_int_equal(source_session_enable(rig.source, 1, false), 0);
	AWAIT(second_disabled, 20);
	done_called = false;
	assert_int_equal(bird_configure(rig.bird, done, NULL), 0);
	AWAIT(is_done, 20);
	rig_for(&rig, 100000);
	AWAIT(second_disabled, 20);
	assert_int_equal(rig.mirror.n, expected(1));
}

static bool is_stale(struct rig *r)
{
	return r->mirror.standing[1] == SOURCE_STALE;
}

static bool current_and_equal(struct rig *r)
{
	return is_up(r) && two_peers_equal(r);
}

static void restarts(void **state)
{
	struct prefix p = rig_prefix(1);
	uint64_t forgets;

	n_routes = 200;
	rig.again = announce_all;
	rig_start(&rig, 2, 0);
	rig.peer[0].graceful = true;
	AWAIT(current_and_equal, 20);
	forgets = rig.mirror.forgets;

	cage_kill(&rig.cage);
	AWAIT(is_stale, 20);
	rig_for(&rig, 300000);
	assert_int_equal(rig.mirror.n, expected(2));
	cage_start(&rig.cage);
	AWAIT(current_and_equal, 60);
	assert_int_equal(rig.mirror.forgets, forgets); /* not one was lost in between */

	/* One that does not come back is forgotten after all. */
	cage_kill(&rig.cage);
	AWAIT(is_stale, 20);
	n_routes = 100;
	cage_start(&rig.cage);
	AWAIT(current_and_equal, 60);
	speaker_withdraw(&rig.peer[0], &p, 1);
	while (rig.mirror.n == expected(2))
		rig_turn(&rig, 10000);
	AWAIT(rig_is_equal, 20);
}

static bool is_gone(struct rig *r)
{
	return r->mirror.n == 0 && r->mirror.standing[1] == SOURCE_NEVER;
}

static void patience_ends(void **state)
{
	n_routes = 20;
	rig.again = announce_all;
	rig_start(&rig, 2, 1000000);
	AWAIT(current_and_equal, 20);
	cage_kill(&rig.cage);
	AWAIT(is_gone, 20);
}

static bool burst_equal(struct rig *r)
{
	return r->mirror.n == 20000 && rig_is_equal(r);
}

/* More at once than BIRD's echo holds. */
static void bursts(void **state)
{
	struct prefix *p = malloc(20000 * sizeof(*p));
	struct bird_stats stats;

	assert_non_null(p);
	for (uint32_t i = 0; i < 20000; i++)
		p[i] = rig_prefix(i);
	rig_start(&rig, 2, 0);
	AWAIT(rig_all_up, 20);
	speaker_announce(&rig.peer[0], p, 20000, 2);
	AWAIT(burst_equal, 30);
	speaker_announce(&rig.peer[1], p, 20000, 3);
	speaker_withdraw(&rig.peer[0], p, 20000);
	free(p);
	AWAIT(burst_equal, 30);
	bird_stats(rig.bird, &stats);
	assert_true(stats.up);
	assert_true(stats.resyncs > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(learns, stop),
		cmocka_unit_test_teardown(sessions, stop),
		cmocka_unit_test_teardown(configures, stop),
		cmocka_unit_test_teardown(restarts, stop),
		cmocka_unit_test_teardown(patience_ends, stop),
		cmocka_unit_test_teardown(bursts, stop),
	};
	int rc;

	if (!cage_enter(&rig.cage))
		return 77;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	cage_leave(&rig.cage);
	return rc;
}

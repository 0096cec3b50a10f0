/* The client against a fake BIRD, in virtual time: every way in which BIRD's answers can come. */
#include "tests/unit/unit.h"

#include "tests/bgp/mirror.h"
#include "tests/unit/routing/fake_bird.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

static struct fake_bird fake;
static struct mirror mirror;

static struct source *source(void)
{
	return bird_source(fake.bird);
}

static void start(unsigned sessions)
{
	struct source_sink sink = mirror_sink(&mirror);

	fake_init(&fake, &sink, sessions);
}

static int stop(void **state)
{
	fake_clear(&fake);
	mirror_clear(&mirror);
	return 0;
}

static void assert_synced(void)
{
	assert_string_equal(mirror.complaint, "");
	assert_int_equal(mirror.in_batch[1], 0);
	assert_true(fake_is_equal(&fake));
	assert_int_equal(mirror.n, source_routes(source(), 1));
	assert_int_equal(mirror.standing[1], SOURCE_CURRENT);
}

static void some_routes(void)
{
	fake_route(&fake, 0, "10.1.0.0/24", 1);
	fake_route(&fake, 1, "10.1.0.0/24", 2);
	fake_route(&fake, 0, "10.2.0.0/16", 3);
	fake_route(&fake, 1, "0.0.0.0/0", 1);
	fake_route(&fake, 0, "2001:db8::/48", 2);
}

static void snapshot_and_lines(void **state)
{
	unsigned dumps;

	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	assert_synced();
	assert_int_equal(mirror.n, 5);
	assert_true(mirror_has(&mirror, "1 10.2.0.0/16 0 3"));
	assert_int_equal(mirror.session[1].state, SOURCE_SESSION_UP);
	assert_int_equal(mirror.session[1].peer_asn, 65002);

	dumps = fake.dumps;
	fake_route(&fake, 1, "10.3.0.0/16", 4);
	fake_route(&fake, 0, "10.2.0.0/16", 9);
	fake_route(&fake, 0, "10.1.0.0/24", 0);
	fake_route(&fake, 1, "2001:db8:1::/48", 1);
	fake_run(&fake, MS);
	assert_synced();
	assert_int_equal(fake.lookups, 4);
	assert_int_equal(fake.dumps, dumps);
}

/* What one session says in between, and answers in pieces, change nothing. */
static void pieces(void **state)
{
	static const char *const between[] = {
		NULL, "+tun_0: nothing\n", "<3 messages lost>\n",
		"+tun_1.ipv4 > added [best] 10.1.0.0/24 0L 3G unicast\n", "garbage\n"
	};

	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		for (size_t i = 0; i < ARRAY_LEN(between); i++) {
			start(2);
			fake.chunk = chunk;
			fake.between = between[i];
			some_routes();
			fake_run(&fake, SECOND);
			fake.between = NULL;
			fake_route(&fake, 1, "10.1.0.0/24", 0);
			fake_run(&fake, 2 * SECOND);
			assert_synced();
			assert_int_equal(mirror.n, 4);
			stop(NULL);
		}
	}
	start(1);
}

static void hang_ups(void **state)
{
	size_t bytes;

	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	bytes = fake.delivered;
	assert_in_range(bytes, 1000, 10000);
	for (size_t i = 0; i <= bytes; i++) {
		fake_hang_up(&fake);
		fake_route_quietly(&fake, 1, "10.1.0.0/24", 1 + i % 3);
		fake.cut_after = fake.delivered + i;
		fake_run(&fake, 3 * SECOND);
		assert_synced();
	}
	assert_int_equal(mirror.n, 5);
}

static void reconfiguration_stops_dumps(void **state)
{
	start(2);
	some_routes();
	fake.stopped_dumps = 5;
	fake_run(&fake, SECOND);
	assert_synced();
}

/* A line while the prefix's lookup is on its way: BIRD may have answered before the change. */
static void line_during_lookup(void **state)
{
	start(1);
	fake_run(&fake, SECOND);
	fake.held[BIRD_LOOKUP] = true;
	fake_route(&fake, 0, "10.1.0.0/24", 1);
	fake_run(&fake, MS);
	fake_route(&fake, 0, "10.1.0.0/24", 2);
	fake_route(&fake, 0, "10.1.0.0/24", 3);
	fake_run(&fake, MS);
	assert_int_equal(fake.lookups, 0);
	fake.held[BIRD_LOOKUP] = false;
	fake_run(&fake, MS);
	assert_int_equal(fake.lookups, 2);
	assert_synced();
}

/* Changes after the dump was taken down, known before it is read. */
static void change_during_dump(struct fake_bird *f)
{
	f->dumped = NULL;
	fake_route(f, 0, "10.1.0.0/24", 7);
	fake_route(f, 1, "10.1.0.0/24", 0);
	fake_route(f, 1, "10.9.0.0/16", 1);
}

static void dump_is_older(void **state)
{
	start(2);
	fake_run(&fake, SECOND);
	fake_route_quietly(&fake, 0, "10.1.0.0/24", 1);
	fake_route_quietly(&fake, 1, "10.1.0.0/24", 2);
	fake.dumped = change_during_dump;
	fake.chunk = 16; /* lookups pass the dump */
	fake_echo(&fake, "<1 messages lost>\n");
	fake_run(&fake, SECOND);
	assert_synced();
	assert_int_equal(mirror.n, 2);
	assert_true(mirror_has(&mirror, "1 10.1.0.0/24 0 7"));
	assert_int_equal(mirror.forgets, 0);
}

static void losses(void **state)
{
	struct bird_stats stats;
	unsigned dumps;

	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	dumps = fake.dumps;
	fake_route_quietly(&fake, 0, "10.2.0.0/16", 0);
	fake_route_quietly(&fake, 1, "10.4.0.0/16", 1);
	fake_echo(&fake, "<2 messages lost>\n");
	fake_run(&fake, 15 * MS); /* more may come */
	assert_int_equal(fake.dumps, dumps);
	fake_run(&fake, 200 * MS);
	assert_int_equal(fake.dumps, dumps + 2);
	assert_synced();

	/* Nothing changed since, as counters show. */
	fake_echo(&fake, "<1 messages lost>\n");
	fake_run(&fake, SECOND);
	assert_int_equal(fake.dumps, dumps + 2);
	bird_stats(fake.bird, &stats);
	assert_int_equal(stats.lost, 3);
	assert_int_equal(stats.dumps_spared, 1);

	/* However long lines keep coming, and not all the time. */
	for (unsigned i = 0; i < 100; i++) {
		fake_echo(&fake, "<1 messages lost>\n");
		fake_route_quietly(&fake, 0, "10.5.0.0/16", 1 + i % 9);
		fake_run(&fake, 10 * MS);
	}
	assert_in_range(fake.dumps, dumps + 4, dumps + 2 + 12);
	fake_run(&fake, SECOND);
	assert_synced();
}

static void floods(void **state)
{
	struct bird_stats stats;

	start(1);
	fake_run(&fake, SECOND);
	for (unsigned i = 0; i < 3000; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i >> 8, i & 255);
		fake_route(&fake, 0, prefix, 1);
	}
	fake_run(&fake, SECOND);
	assert_synced();
	assert_int_equal(mirror.n, 3000);
	bird_stats(fake.bird, &stats);
	assert_true(stats.resyncs == 1);
	assert_true(fake.lookups < 200);
}

static void silence(void **state)
{
	struct bird_stats stats;

	start(1);
	fake_run(&fake, SECOND);
	fake.held[BIRD_LOOKUP] = true;
	fake_route(&fake, 0, "10.1.0.0/24", 1);
	fake_run(&fake, 9 * SECOND);
	bird_stats(fake.bird, &stats);
	assert_true(stats.up);
	assert_int_equal(stats.connects, 1);
	fake.held[BIRD_LOOKUP] = false;
	fake_run(&fake, MS);
	assert_synced();

	fake_run(&fake, 60 * SECOND); /* a quiet stream is asked whether it is there */
	bird_stats(fake.bird, &stats);
	assert_int_equal(stats.connects, 1);
	fake.held[BIRD_STREAM] = true;
	fake_run(&fake, 25 * SECOND);
	bird_stats(fake.bird, &stats);
	assert_false(stats.up);
	assert_int_equal(mirror.standing[1], SOURCE_STALE);
	assert_int_equal(mirror.session[0].state, SOURCE_SESSION_UNKNOWN);
	assert_int_equal(mirror.n, 1);
	assert_non_null(strstr(stats.trouble, "no answer"));
	assert_in_range(stats.heard, fake.now - 12 * SECOND, fake.now); /* the others answer */
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		fake.held[i] = true;
	fake_run(&fake, 60 * SECOND);
	bird_stats(fake.bird, &stats);
	assert_in_range(stats.heard, fake.now - 72 * SECOND, fake.now - 59 * SECOND);
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		fake.held[i] = false;
	fake.held[BIRD_STREAM] = false;
	fake_run(&fake, 2 * SECOND);
	assert_synced();
}

static void same_bird_again(void **state)
{
	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	fake_hang_up(&fake);
	assert_int_equal(mirror.standing[1], SOURCE_STALE);
	fake_route_quietly(&fake, 0, "10.2.0.0/16", 0);
	fake_run(&fake, 300 * MS);
	assert_synced(); /* what went is forgotten at once: this BIRD knew */
	assert_int_equal(mirror.n, 4);
}

/* Its clock is set meanwhile, so that it says that it started at another time. */
static void same_bird_at_another_time(void **state)
{
	struct bird_stats stats;
	char boot[40];

	start(2);
	some_routes();
	fake_run(&fake, 20 * SECOND);
	bird_stats(fake.bird, &stats);
	snprintf(boot, sizeof(boot), "%s", stats.boot);
	fake_hang_up(&fake);
	fake.clock += 3000;
	fake_route_quietly(&fake, 0, "10.2.0.0/16", 0);
	fake_run(&fake, 300 * MS);
	assert_synced();
	bird_stats(fake.bird, &stats);
	assert_string_not_equal(stats.boot, boot);
	assert_int_equal(mirror.n, 4);
}

static void another_bird(void **state)
{
	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	fake.absent = true;
	fake_hang_up(&fake);
	fake_run(&fake, 10 * SECOND);
	assert_int_equal(mirror.n, 5);
	fake.absent = false;
	fake.boot++;
	fake.recovering = true;
	fake.up[0] = fake.up[1] = false;
	fake.n_routes = 0;
	fake_run(&fake, 10 * SECOND);
	assert_int_equal(mirror.n, 5);
	assert_int_equal(mirror.standing[1], SOURCE_STALE);

	/* Session 0 comes back with less; session 1 is not heard of yet. */
	fake.recovering = false;
	fake.up[0] = true;
	fake_echo(&fake, "+tun_0: State changed to up\n");
	fake_run(&fake, 500 * MS);
	fake_route(&fake, 0, "10.1.0.0/24", 1);
	fake_run(&fake, 500 * MS);
	assert_int_equal(mirror.n, 5);
	fake_run(&fake, 4 * SECOND);
	assert_int_equal(mirror.n, 3);
	assert_int_equal(mirror.standing[1], SOURCE_STALE);

	/* It never comes: patience ends. */
	fake_run(&fake, 120 * SECOND);
	assert_int_equal(mirror.n, 1);
	assert_synced();
}

/* A large table comes back slowly, and the peer changes its mind meanwhile. */
static void slow_recovery(void **state)
{
	unsigned n = 0;

	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	fake_hang_up(&fake);
	fake.boot++;
	fake.n_routes = 0;
	fake_run(&fake, SECOND);
	assert_int_equal(mirror.n, 5);
	fake_route(&fake, 0, "10.2.0.0/16", 3);
	fake_run(&fake, MS);
	fake_route(&fake, 0, "10.2.0.0/16", 0); /* this is new, not the loss of the restart */
	fake_run(&fake, MS);
	assert_int_equal(mirror.n, 4);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned j = 0; j < 5; j++) {
			char prefix[32];

			snprintf(prefix, sizeof(prefix), "10.64.%u.0/24", n++);
			fake_route(&fake, 0, prefix, 1);
			fake_route(&fake, 1, prefix, 1);
		}
		fake_run(&fake, 250 * MS);
		assert_true(mirror_has(&mirror, "1 10.1.0.0/24 0 1"));
		assert_true(mirror_has(&mirror, "1 0.0.0.0/0 1 1"));
	}
	assert_int_equal(mirror.standing[1], SOURCE_STALE);
	fake_run(&fake, 3 * SECOND);
	assert_int_equal(mirror.n, 200);
	assert_synced();
}

static void no_bird(void **state)
{
	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	fake.absent = true;
	fake_hang_up(&fake);
	fake_run(&fake, 119 * SECOND);
	assert_int_equal(mirror.n, 5);
	fake_run(&fake, 2 * SECOND);
	assert_int_equal(mirror.n, 0);
	assert_int_equal(mirror.standing[1], SOURCE_NEVER);
	assert_string_equal(mirror.complaint, "");
	fake.absent = false;
	fake_run(&fake, 2 * SECOND);
	assert_synced();
}

static void no_echo(void **state)
{
	struct bird_stats stats;
	unsigned dumps;

	start(2);
	fake.echoes = false;
	some_routes();
	fake_run(&fake, SECOND);
	assert_synced();
	bird_stats(fake.bird, &stats);
	assert_true(stats.polling);
	dumps = fake.dumps;
	fake_run(&fake, 10 * SECOND);
	assert_int_equal(fake.dumps, dumps); /* nothing changed */
	fake_route(&fake, 0, "10.1.0.0/24", 5);
	fake_run(&fake, 1100 * MS);
	assert_synced();
}

static void unwanted_sessions(void **state)
{
	uint64_t batches;

	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	assert_int_equal(source_session_enable(source(), 7, false), -ENOENT);
	batches = mirror.batches;
	assert_int_equal(source_session_enable(source(), 0, false), 0);
	assert_int_equal(mirror.n, 2);
	assert_int_equal(mirror.batches, batches + 1);
	/* BIRD has not heard yet. */
	fake_route(&fake, 0, "10.7.0.0/16", 1);
	fake_run(&fake, SECOND);
	assert_int_equal(fake.disables, 1);
	assert_int_equal(mirror.session[0].state, SOURCE_SESSION_DISABLED);
	assert_synced();

	/* Another process, or a configuration, that does not know. */
	fake_hang_up(&fake);
	fake.boot++;
	fake.disabled[0] = false;
	fake_run(&fake, 5 * SECOND);
	assert_int_equal(fake.disables, 2);
	assert_synced();
	fake.disabled[0] = false;
	fake_echo(&fake, "+Reconfigured\n");
	fake_run(&fake, SECOND);
	assert_int_equal(fake.disables, 3);
	assert_int_equal(mirror.n, 2);

	assert_int_equal(source_session_enable(source(), 0, true), 0);
	fake_run(&fake, SECOND);
	assert_int_equal(fake.enables, 1);
	assert_synced();
	source_session_remove(source(), 1);
	assert_int_equal(source_session_routes(source(), 1), 0);
	assert_int_equal(mirror.n, 4);
	source_table_remove(source(), 1);
	fake_run(&fake, SECOND);
	assert_int_equal(source_session_ask(source(), 0), -ENOENT);
	assert_string_equal(mirror.complaint, "");
}

static int done_error, done_calls;
static char done_text[128];

static void done(void *ctx, int error, const char *text)
{
	done_error = error;
	done_calls++;
	snprintf(done_text, sizeof(done_text), "%s", text);
}

static void control(void **state)
{
	done_calls = 0;
	start(1);
	assert_int_equal(bird_configure(fake.bird, done, NULL), -EAGAIN);
	fake_run(&fake, SECOND);
	assert_int_equal(bird_check(fake.bird, "/x/bad.conf", done, NULL), 0);
	assert_int_equal(bird_check(fake.bird, "/x\"\n", done, NULL), -EINVAL);
	fake_run(&fake, MS);
	assert_int_equal(done_calls, 1);
	assert_int_equal(done_error, -EINVAL);
	assert_string_equal(done_text, "/x/bad.conf:1:1 syntax error, unexpected CF_SYM_UNDEFINED");
	/* Accepted, in progress, done. */
	assert_int_equal(bird_configure(fake.bird, done, NULL), 0);
	fake_run(&fake, MS);
	assert_int_equal(done_calls, 1);
	fake_run(&fake, SECOND);
	assert_int_equal(done_calls, 2);
	assert_int_equal(done_error, 0);
	assert_int_equal(fake.configures, 4);
	/* BIRD goes before it answers. */
	fake.held[BIRD_CONTROL] = true;
	assert_int_equal(bird_configure(fake.bird, done, NULL), 0);
	fake_run(&fake, MS);
	fake_hang_up(&fake);
	assert_int_equal(done_calls, 3);
	assert_int_equal(done_error, -EPIPE);
	assert_int_equal(bird_show(fake.bird, "show route", NULL, done, NULL), -EAGAIN);
	assert_int_equal(bird_show(fake.bird, "disable all", NULL, done, NULL), -EINVAL);
}

/* Sessions that are asked about while all are: each answer counts by itself. */
static void asked_during_a_pass(void **state)
{
	for (unsigned chunk = 8; chunk < 200; chunk += 8) {
		unsigned before;

		start(4);
		some_routes();
		fake_run(&fake, SECOND);
		before = fake.protocols;
		fake.held[BIRD_DUMP] = fake.held[BIRD_LOOKUP] = true;
		fake_echo(&fake, "<12 messages lost>\n"); /* a reason for a pass */
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(source_session_ask(source(), i), 0);
		fake_run(&fake, SECOND);
		assert_int_equal(fake.protocols, before);
		fake.chunk = chunk;
		fake.held[BIRD_DUMP] = fake.held[BIRD_LOOKUP] = false;
		fake_run(&fake, SECOND);
		assert_true(fake.protocols > before);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(mirror.session[i].state, SOURCE_SESSION_UP);
		stop(NULL);
	}
	start(1);
}

/* Lines can get lost without a word only if BIRD is broken; then its counters tell. */
static void backstop(void **state)
{
	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	fake_route_quietly(&fake, 0, "10.8.0.0/16", 1);
	fake_run(&fake, 35 * SECOND);
	assert_synced();
	assert_int_equal(mirror.n, 6);
}

static void replays(void **state)
{
	start(2);
	some_routes();
	fake_run(&fake, SECOND);
	mirror.replaying = true;
	mirror.learns = 0;
	assert_int_equal(source_replay(source(), 1), 0);
	assert_int_equal(mirror.learns, 5);
	assert_int_equal(source_replay(source(), 2), -ENOENT);
	assert_synced();
}

static void answers_to_nothing(void **state)
{
	struct bird_stats stats;

	start(1);
	fake_route(&fake, 0, "10.1.0.0/24", 1);
	fake_run(&fake, SECOND);
	bird_input(fake.bird, BIRD_LOOKUP, fake.now, "0000 \n", 6);
	bird_stats(fake.bird, &stats);
	assert_false(stats.up);
	fake_run(&fake, SECOND);
	assert_synced();
	bird_stats(fake.bird, &stats);
	assert_int_equal(stats.connects, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(snapshot_and_lines, stop),
		cmocka_unit_test_teardown(pieces, stop),
		cmocka_unit_test_teardown(hang_ups, stop),
		cmocka_unit_test_teardown(reconfiguration_stops_dumps, stop),
		cmocka_unit_test_teardown(line_during_lookup, stop),
		cmocka_unit_test_teardown(dump_is_older, stop),
		cmocka_unit_test_teardown(losses, stop),
		cmocka_unit_test_teardown(floods, stop),
		cmocka_unit_test_teardown(silence, stop),
		cmocka_unit_test_teardown(same_bird_again, stop),
		cmocka_unit_test_teardown(same_bird_at_another_time, stop),
		cmocka_unit_test_teardown(another_bird, stop),
		cmocka_unit_test_teardown(slow_recovery, stop),
		cmocka_unit_test_teardown(no_bird, stop),
		cmocka_unit_test_teardown(no_echo, stop),
		cmocka_unit_test_teardown(unwanted_sessions, stop),
		cmocka_unit_test_teardown(control, stop),
		cmocka_unit_test_teardown(asked_during_a_pass, stop),
		cmocka_unit_test_teardown(backstop, stop),
		cmocka_unit_test_teardown(replays, stop),
		cmocka_unit_test_teardown(answers_to_nothing, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

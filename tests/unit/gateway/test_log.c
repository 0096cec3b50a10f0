#include "gateway/log.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int ends[2]; /* a pipe: reader, writer */
static char line[LOG_LINE_MAX * 2];

static int make_pipe(void **state)
{
	unsetenv("JOURNAL_STREAM");
	return pipe(ends);
}

static int close_pipe(void **state)
{
	close(ends[0]);
	close(ends[1]);
	log_open(STDERR_FILENO, LOG_INFO);
	return 0;
}

/* One read of a pipe gives what one write put in, when it is empty before. */
static const char *written(void)
{
	ssize_t n = read(ends[0], line, sizeof(line) - 1);

	assert_true(n > 0);
	line[n] = '\0';
	return line;
}

static void a_line_has_time_level_and_source(void **state)
{
	char time[32], level[16], source[32], text[64];

	log_open(ends[1], LOG_INFO);
	log_debug("ike", NULL, "too much");
	log_warning("ike", "dc1-a", "no answer after %d tries", 3);
	assert_int_equal(sscanf(written(), "%31s %15s %31s %63[^\n]", time, level, source, text),
			 4);
	assert_int_equal(strlen(time), strlen("2026-11-22T11:28:19.123Z"));
	assert_int_equal(time[10], 'T');
	assert_string_equal(level, "warning");
	assert_string_equal(source, "ike/dc1-a:");
	assert_string_equal(text, "no answer after 3 tries");
	log_info("gateway", NULL, "running");
	assert_non_null(strstr(written(), " info gateway: running\n"));
}

static void the_journal_gets_priority_and_no_time(void **state)
{
	char stream[64];
	struct stat st;

	fstat(ends[1], &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(ends[1], LOG_DEBUG);
	log_error("dataplane", NULL, "no port");
	assert_string_equal(written(), "<3>dataplane: no port\n");
	log_debug("ike", "a", "x");
	assert_string_equal(written(), "<7>ike/a: x\n");
	setenv("JOURNAL_STREAM", "1:1", 1); /* somebody else's stream */
	log_open(ends[1], LOG_INFO);
	log_info("ike", "a", "x");
	assert_int_equal(written()[0], '2');
}

static void a_peers_bytes_do_not_reach_the_terminal(void **state)
{
	log_open(ends[1], LOG_INFO);
	log_info("ike", "a", "first\nsecond \x1b[31mred\r\n");
	assert_non_null(strstr(written(), "ike/a: first | second ?[31mred?\n"));
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char *big = calloc(1, LOG_LINE_MAX * 2);
	const char *out;

	memset(big, 'x', LOG_LINE_MAX * 2 - 1);
	log_open(ends[1], LOG_INFO);
	log_info("ike", NULL, "%s", big);
	out = written();
	assert_true(strlen(out) <= LOG_LINE_MAX);
	assert_int_equal(out[strlen(out) - 1], '\n');
	free(big);
}

static void a_source_that_floods_is_held_back_alone(void **state)
{
	log_open(ends[1], LOG_INFO);
	for (unsigned i = 0; i < LOG_BURST; i++) {
		log_info("ike", "noisy", "%u", i);
		written();
	}
	log_info("ike", "noisy", "one too many");
	log_info("ike", "quiet", "still heard");
	assert_non_null(strstr(written(), "ike/quiet: still heard"));
}

static void a_bucket_fills_again_and_tells(void **state)
{
	struct log_bucket b = { 0 };
	uint64_t now = 5000000;
	uint32_t left_out;

	for (unsigned i = 0; i < LOG_BURST; i++)
		assert_true(log_bucket_take(&b, now, &left_out));
	for (unsigned i = 0; i < 3; i++)
		assert_false(log_bucket_take(&b, now, &left_out));
	assert_false(log_bucket_take(&b, now + 1000000 / LOG_RATE - 1, &left_out));
	assert_true(log_bucket_take(&b, now + 1000000 / LOG_RATE, &left_out));
	assert_int_equal(left_out, 4);
	now += 3600u * UINT64_C(1000000);
	for (unsigned i = 0; i < LOG_BURST; i++) {
		assert_true(log_bucket_take(&b, now, &left_out));
		assert_int_equal(left_out, 0);
	}
	assert_false(log_bucket_take(&b, now, &left_out));
	assert_false(log_bucket_take(&b, now - 1, &left_out)); /* a clock is no reason to fail */
}

#define WITH_PIPE(t) cmocka_unit_test_setup_teardown(t, make_pipe, close_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PIPE(a_line_has_time_level_and_source),
		WITH_PIPE(the_journal_gets_priority_and_no_time),
		WITH_PIPE(a_peers_bytes_do_not_reach_the_terminal),
		WITH_PIPE(a_long_line_is_cut_and_ends),
		WITH_PIPE(a_source_that_floods_is_held_back_alone),
		cmocka_unit_test(a_bucket_fills_again_and_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

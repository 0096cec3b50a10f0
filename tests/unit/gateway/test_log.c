#include "gateway/log.h"

#include "gateway/log_socket.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static void the_files_level_comes_and_goes(void **state)
{
	struct conf_log c = { .level = CONF_LOG_DEBUG };

	log_open(ends[1], LOG_INFO);
	assert_int_equal(log_configure(&c), 0);
	log_debug("ike", NULL, "much");
	assert_non_null(strstr(written(), "much"));
	c.level = CONF_LOG_WARNING;
	assert_int_equal(log_configure(&c), 0);
	log_debug("ike", NULL, "much");
	log_info("ike", NULL, "less");
	log_warning("ike", NULL, "little");
	assert_non_null(strstr(written(), "little"));
	/* The command line's word stays. */
	log_open(ends[1], LOG_DEBUG);
	assert_int_equal(log_configure(&c), 0);
	log_debug("ike", NULL, "much");
	assert_non_null(strstr(written(), "much"));
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

/* As under `isthmusd | less`: whoever logs goes on. */
static void a_reader_that_is_stuck_costs_lines_not_time(void **state)
{
	uint64_t before = log_left_out();
	char name[16], all[8192];
	unsigned n = 0, lost;
	ssize_t got;

	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	log_open(ends[1], LOG_INFO);
	for (; n < 500; n++) { /* far more than the pipe holds, of many sources */
		snprintf(name, sizeof(name), "t%u", n);
		log_info("ike", name, "still DOWN");
	}
	lost = (unsigned)(log_left_out() - before);
	assert_in_range(lost, 1, n - 1);
	got = read(ends[0], all, sizeof(all) - 1);
	assert_true(got > 0);
	all[got] = '\0';
	assert_null(strstr(all, "left out"));
	/* He reads again, and hears what he missed. */
	log_info("gateway", NULL, "running");
	snprintf(all, sizeof(all), " info gateway: (%u lines left out) running\n", lost);
	assert_non_null(strstr(written(), all));
	log_info("gateway", NULL, "running");
	assert_non_null(strstr(written(), " info gateway: running\n"));
}

static void a_bucket_fills_again_and_tells(void **state)
{
	struct log_bucket b = { 0 };
	uint64_t now = 5000000;

	for (unsigned i = 0; i < LOG_BURST; i++)
		assert_true(log_bucket_take(&b, now, LOG_BURST, LOG_RATE));
	for (unsigned i = 0; i < 3; i++)
		assert_false(log_bucket_take(&b, now, LOG_BURST, LOG_RATE));
	assert_false(log_bucket_take(&b, now + 1000000 / LOG_RATE - 1, LOG_BURST, LOG_RATE));
	assert_true(log_bucket_take(&b, now + 1000000 / LOG_RATE, LOG_BURST, LOG_RATE));
	assert_int_equal(b.left_out, 4);
	now += 3600u * UINT64_C(1000000);
	for (unsigned i = 0; i < LOG_BURST; i++)
		assert_true(log_bucket_take(&b, now, LOG_BURST, LOG_RATE));
	assert_int_equal(b.left_out, 4);
	assert_false(log_bucket_take(&b, now, LOG_BURST, LOG_RATE));
	assert_false(log_bucket_take(&b, now - 1, LOG_BURST,
				     LOG_RATE)); /* a clock is no reason to fail */
}

/* Ten thousand tunnels that go down at once do not bury what else there is to say. */
static void a_part_that_floods_under_many_names_is_held_back(void **state)
{
	uint64_t before = log_left_out();
	char name[16];

	log_open(ends[1], LOG_INFO);
	for (unsigned i = 0; i < LOG_PART_BURST; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		log_warning("tunnel", name, "DOWN");
		written();
	}
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		log_warning("tunnel", name, "DOWN");
	}
	log_info("bgp", NULL, "still heard");
	assert_non_null(strstr(written(), "bgp: still heard"));
	assert_true(log_left_out() >= before);
}

static void json_lines_keep_every_byte(void **state)
{
	static const struct conf_log json = { .format = CONF_LOG_JSON, .level = CONF_LOG_INFO };
	const char *out;

	log_open(ends[1], LOG_INFO);
	assert_int_equal(log_configure(&json), 0);
	log_warning("ike", "dc1-a", "first\nsecond \"\x1b[31m");
	out = written();
	assert_int_equal(strncmp(out, "{\"time\":\"20", 11), 0);
	assert_non_null(strstr(out, ",\"level\":\"warning\",\"part\":\"ike\",\"object\":\"dc1-a\","
				    "\"event\":null,\"left_out\":0,"));
	assert_non_null(strstr(out, "\"text\":\"first\\nsecond \\\"\\u001b[31m\"}\n"));
	log_happening(LOG_INFO, "tunnel", NULL, "tunnel-up", "UP");
	assert_non_null(strstr(written(), "\"object\":null,\"event\":\"tunnel-up\""));
	log_debug("ike", NULL, "not asked for");
	log_open(ends[1], LOG_INFO);
	log_info("ike", NULL, "text again");
	assert_int_equal(written()[0], '2');
}

static void a_long_json_line_is_whole(void **state)
{
	static const struct conf_log json = { .format = CONF_LOG_JSON, .level = CONF_LOG_INFO };
	char *big = calloc(1, LOG_LINE_MAX * 2);
	static char all[LOG_LINE_MAX * 8];
	ssize_t n;

	memset(big, 1, LOG_LINE_MAX * 2 - 1);
	log_open(ends[1], LOG_INFO);
	log_configure(&json);
	log_info("ike", NULL, "%s", big);
	n = read(ends[0], all, sizeof(all) - 1);
	assert_true(n > 6 * (LOG_LINE_MAX - 1));
	assert_memory_equal(all + n - 9, "\\u0001\"}\n", 9);
	free(big);
}

static void datagrams_go_to_the_systems_log(void **state)
{
	struct log_socket s = { .fd = -1 };
	const struct log_message m = { '4', "ike", "dc1-a", "tunnel-down" };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/isthmus-log-XXXXXX", got[512];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	assert_non_null(mkdtemp(folder));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/log", folder);
	snprintf(s.path, sizeof(s.path), "%s", at.sun_path);
	assert_int_equal(log_socket_open(&s, LOG_SOCKET_SYSLOG), -ENOENT);
	assert_false(log_socket_send(&s, &m, "nobody hears"));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(log_socket_open(&s, LOG_SOCKET_SYSLOG), 0);
	assert_true(log_socket_send(&s, &m, "ike/dc1-a: no answer"));
	n = read(fd, got, sizeof(got) - 1);
	got[n] = '\0';
	assert_int_equal(strncmp(got, "<28>", 4), 0);
	assert_non_null(strstr(got, " isthmusd["));
	assert_non_null(strstr(got, "]: ike/dc1-a: no answer"));
	/* A reader that is stuck costs lines, not time. */
	while (log_socket_send(&s, &m, "more"))
		continue;
	/* It comes back. */
	close(fd);
	unlink(at.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_true(log_socket_send(&s, &m, "again"));
	log_socket_close(&s);
	assert_int_equal(log_socket_open(&s, LOG_SOCKET_JOURNALD), 0);
	n = read(fd, got, sizeof(got));
	assert_true(log_socket_send(&s, &m, "no answer"));
	n = read(fd, got, sizeof(got) - 1);
	got[n] = '\0';
	assert_string_equal(got, "PRIORITY=4\nSYSLOG_IDENTIFIER=isthmusd\nISTHMUS_PART=ike\n"
				 "ISTHMUS_OBJECT=dc1-a\nISTHMUS_EVENT=tunnel-down\n"
				 "MESSAGE=no answer\n");
	log_socket_close(&s);
	close(fd);
	unlink(at.sun_path);
	rmdir(folder);
}

#define WITH_PIPE(t) cmocka_unit_test_setup_teardown(t, make_pipe, close_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PIPE(a_line_has_time_level_and_source),
		WITH_PIPE(the_journal_gets_priority_and_no_time),
		WITH_PIPE(the_files_level_comes_and_goes),
		WITH_PIPE(a_peers_bytes_do_not_reach_the_terminal),
		WITH_PIPE(a_long_line_is_cut_and_ends),
		WITH_PIPE(a_source_that_floods_is_held_back_alone),
		WITH_PIPE(a_part_that_floods_under_many_names_is_held_back),
		WITH_PIPE(json_lines_keep_every_byte),
		WITH_PIPE(a_long_json_line_is_whole),
		WITH_PIPE(a_reader_that_is_stuck_costs_lines_not_time),
		cmocka_unit_test(datagrams_go_to_the_systems_log),
		cmocka_unit_test(a_bucket_fills_again_and_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

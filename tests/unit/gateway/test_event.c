#include "gateway/event.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends[2];
static char heard[1024];
static struct event_subscriber first, second;

static void note(void *ctx, const struct event_notice *e)
{
	size_t n = strlen(heard);

	snprintf(heard + n, sizeof(heard) - n, "%s:%s/%s/%s ", (const char *)ctx,
		 event_kind_name(e->kind), e->object ? e->object : "-",
		 e->reason ? e->reason : "-");
}

static void once(void *ctx, const struct event_notice *e)
{
	note(ctx, e);
	event_unsubscribe(&first);
}

static int setup(void **state)
{
	heard[0] = '\0';
	if (pipe2(ends, O_NONBLOCK) < 0)
		return -1;
	log_open(ends[1], LOG_INFO);
	return 0;
}

static int teardown(void **state)
{
	event_unsubscribe(&first);
	event_unsubscribe(&second);
	log_open(STDERR_FILENO, LOG_INFO);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void all_subscribers_hear_in_order(void **state)
{
	uint64_t ups = event_count(EVENT_TUNNEL_UP);

	first = (struct event_subscriber){ .fn = once, .ctx = "a" };
	second = (struct event_subscriber){ .fn = note, .ctx = "b" };
	event_publish(EVENT_TUNNEL_UP, "early", NULL, "UP");
	event_subscribe(&first);
	event_subscribe(&second);
	event_publish(EVENT_TUNNEL_DOWN, "dc1", "no-answer", "DOWN");
	event_publish(EVENT_TUNNEL_UP, "dc1", NULL, "UP");
	event_unsubscribe(&second);
	event_unsubscribe(&second);
	event_publish(EVENT_CONFIG_SAVED, NULL, NULL, "%s", "");
	assert_string_equal(heard, "a:tunnel-down/dc1/no-answer b:tunnel-down/dc1/no-answer "
				   "b:tunnel-up/dc1/- ");
	assert_int_equal(event_count(EVENT_TUNNEL_UP), ups + 2);
}

static void each_is_a_line_of_the_log(void **state)
{
	char line[1024];
	ssize_t n;

	event_publish(EVENT_TUNNEL_DOWN, "dc1", "no-answer", "DOWN after 3s: %s", "no answer");
	event_publish(EVENT_CHILD_REKEYED, "dc1", NULL, "%s", ""); /* for debugging */
	event_publish(EVENT_LINK_UP, "wan", NULL, "%s", "");
	n = read(ends[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, " warning tunnel/dc1: DOWN after 3s: no answer\n"));
	assert_non_null(strstr(line, " info port/wan: a port has link\n"));
	assert_null(strstr(line, "rekey"));
}

static void written_as_one_line(void **state)
{
	const struct event_notice e = { .kind = EVENT_TUNNEL_DOWN,
					.sequence = 7,
					.time = UINT64_C(1763810899123456),
					.object = "dc1",
					.reason = "no-answer",
					.text = "a\nb" };
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	event_write_json(&e, out);
	event_write_text(&e, out);
	fclose(out);
	assert_string_equal(text, "{\"sequence\":7,\"time\":\"2025-11-22T11:28:19.123Z\","
				  "\"event\":\"tunnel-down\",\"level\":\"warning\","
				  "\"part\":\"tunnel\",\"object\":\"dc1\",\"reason\":\"no-answer\","
				  "\"text\":\"a\\nb\"}\n"
				  "2025-11-22T11:28:19.123Z tunnel-down     dc1: a | b\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_subscribers_hear_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(each_is_a_line_of_the_log, setup, teardown),
		cmocka_unit_test(written_as_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

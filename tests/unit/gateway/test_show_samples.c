/* show tunnel NAME history, word by word; the shell around it is played here. */
#include "gateway/show.h"

#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "gateway/sampler.h"
#include "gateway/samples.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], said[256];
static struct gateway gateway;
static struct samples *samples;
static char *body;
static int result;

const char *sampler_folder(const struct sampler *s)
{
	return folder;
}

const char *tunnels_name(const struct tunnels *t, uint32_t index)
{
	return "dc1";
}

int64_t command_tunnel(struct command_call *call, unsigned word)
{
	return 0;
}

int command_fail(struct command_call *call, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return rc;
}

void command_finish(struct command_call *call, int rc)
{
	const char *text = page_finish(call->page, &(size_t){ 0 });

	result = rc;
	body = text ? strdup(text) : NULL;
	event_base_loopbreak(gateway.base);
}

static int setup(void **state)
{
	strcpy(folder, "/tmp/isthmus-samples-XXXXXX");
	gateway.base = event_base_new();
	result = -1;
	return mkdtemp(folder) ? samples_new(&samples, folder) : -1;
}

static int teardown(void **state)
{
	char command[96];

	samples_free(samples);
	event_base_free(gateway.base);
	free(body);
	body = NULL;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* So many minutes until now, each with ten times its number of bytes a second. */
static void fill(unsigned minutes)
{
	uint32_t now = (uint32_t)(clock_unix() / CLOCK_SECOND / 60);
	struct sample s = { 0 };

	for (unsigned i = 1; i <= minutes; i++) {
		for (unsigned f = 0; f < SAMPLE_FIELD_COUNT; f++)
			s.v[f] += 600 * i;
		samples_begin(samples, now - minutes + i - 1);
		samples_add(samples, "dc1", &s);
		samples_end(samples);
		samples_flush(samples);
	}
}

static int ask(const char *hours, bool json)
{
	char word[] = "show tunnel dc1 history";
	struct command_call *call = calloc(1, sizeof(*call));
	int rc;

	call->gateway = &gateway;
	call->json = json;
	call->page = page_new(json);
	call->n = hours ? 5 : 4;
	call->word[0] = word;
	call->word[4] = (char *)(uintptr_t)hours;
	rc = show_tunnel_samples(call);
	if (rc == COMMAND_LATER)
		event_base_dispatch(gateway.base);
	page_free(call->page);
	free(call);
	return rc;
}

static void a_person_sees_charts(void **state)
{
	fill(60);
	assert_int_equal(ask("1", false), COMMAND_LATER);
	assert_int_equal(result, 0);
	assert_non_null(strstr(body, "plain in, a second: mean 305 B, highest column 600 B\n"));
	assert_non_null(strstr(body, "packets out, a second: mean 305, highest column 600\n"));
	assert_non_null(strstr(body, "█"));
	assert_non_null(strstr(body, "60 of 60 minutes are known"));
}

static void what_nobody_saw_is_a_dot(void **state)
{
	fill(10);
	ask(NULL, false);
	assert_non_null(strstr(body, "  |......."));
	assert_non_null(strstr(body, "10 of 1440 minutes are known"));
}

static void a_program_gets_each_minute(void **state)
{
	unsigned n = 0;

	fill(3);
	ask("336", true);
	assert_int_equal(result, 0);
	assert_int_equal(strncmp(body, "{\"name\":\"dc1\",\"first_minute\":\"2", 31), 0);
	assert_non_null(strstr(body, "\"minutes\":20160,\"samples\":[{\"minute\":\"2"));
	assert_non_null(strstr(body, "\"in_bytes\":1800,\"out_bytes\":1800,\"in_wire_bytes\":1800,"
				     "\"out_wire_bytes\":1800,\"in_packets\":1800,"
				     "\"out_packets\":1800}]}"));
	for (const char *at = body; (at = strstr(at, "\"minute\"")); at++)
		n++;
	assert_int_equal(n, 3);
}

static void what_is_not_kept_is_refused(void **state)
{
	assert_true(ask("0", false) < 0);
	assert_true(ask("337", false) < 0);
	assert_string_equal(said, "'337' hours: 1 to 336 are kept");
	rmdir(folder);
	folder[0] = '\0';
	assert_true(ask("1", false) < 0);
	assert_string_equal(said, "no history is kept: it needs a state_directory");
	strcpy(folder, "/tmp/isthmus-samples-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

#define WITH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_person_sees_charts),
		WITH(what_nobody_saw_is_a_dot),
		WITH(a_program_gets_each_minute),
		WITH(what_is_not_kept_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

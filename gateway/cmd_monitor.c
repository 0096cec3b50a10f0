/* `monitor`: events, and log lines if asked for, to operators as they happen. */
#include "gateway/show.h"

#include "conf/kind.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/json.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MONITOR_UNREAD (64 * 1024) /* bytes that wait for a reader; beyond, he misses events */

struct monitor {
	struct command_call *call;
	struct event_subscriber subscriber;
	const char *name; /* of an object, NULL: all */
	uint64_t missed;
	struct monitor *next;
};

static struct monitor *with_logs; /* main thread */

static void flush(struct monitor *m, FILE *out, char **text, size_t *len)
{
	if (fclose(out) == 0)
		command_part(m->call, false, *text, *len);
	free(*text);
}

/* What he missed stands where it is missing. */
static void tell_missed(struct monitor *m, FILE *out)
{
	struct json j;

	if (m->missed == 0)
		return;
	if (m->call->json) {
		json_init(&j, out);
		json_object(&j, NULL);
		json_uint(&j, "missed", m->missed);
		json_close(&j);
		fputc('\n', out);
	} else {
		fprintf(out, "(%llu events missed)\n", (unsigned long long)m->missed);
	}
	m->missed = 0;
}

/* A stream for one line; NULL: he does not get it. */
static FILE *begin(struct monitor *m, const char *object, char **text, size_t *len)
{
	FILE *out;

	if (m->name && (!object || strcmp(m->name, object) != 0))
		return NULL;
	out = m->call->reader->unread(m->call->ctx) > MONITOR_UNREAD ? NULL
								     : open_memstream(text, len);
	if (out)
		tell_missed(m, out);
	else
		m->missed++;
	return out;
}

static void on_event(void *ctx, const struct event_notice *e)
{
	struct monitor *m = ctx;
	char *text = NULL;
	size_t len = 0;
	FILE *out = begin(m, e->object, &text, &len);

	if (!out)
		return;
	if (m->call->json)
		event_write_json(e, out);
	else
		event_write_text(e, out);
	flush(m, out, &text, &len);
}

static void write_log(struct monitor *m, FILE *out, enum log_level level, const char *part,
		      const char *object, const char *message)
{
	char time[LOG_TIME_MAX], clean[LOG_LINE_MAX];
	struct timespec now;
	struct json j;

	clock_gettime(CLOCK_REALTIME, &now);
	log_time((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, time);
	if (!m->call->json) {
		fprintf(out, "%s %-15s %s%s%s: %s\n", time, log_level_name(level), part,
			object ? "/" : "", object ? object : "",
			log_clean(message, clean, sizeof(clean)));
		return;
	}
	json_init(&j, out);
	json_object(&j, NULL);
	json_string(&j, "time", time);
	json_null(&j, "event");
	json_string(&j, "level", log_level_name(level));
	json_string(&j, "part", part);
	json_string(&j, "object", object);
	json_string(&j, "text", message);
	json_close(&j);
	fputc('\n', out);
}

static void on_log(enum log_level level, const char *part, const char *object, const char *message)
{
	for (struct monitor *m = with_logs; m; m = m->next) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = begin(m, object, &text, &len);

		if (!out)
			continue;
		write_log(m, out, level, part, object, message);
		flush(m, out, &text, &len);
	}
}

static void cancel(struct command_call *call)
{
	struct monitor *m = call->state;

	event_unsubscribe(&m->subscriber);
	for (struct monitor **at = &with_logs; *at; at = &(*at)->next) {
		if (*at != m)
			continue;
		*at = m->next;
		break;
	}
	if (!with_logs)
		log_tap(NULL);
	free(m);
	command_finish(call, 0);
}

static bool is_object(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < kinds_n; i++)
		if (kinds[i].list && kind_object(c, &kinds[i], name))
			return true;
	return false;
}

int monitor(struct command_call *call)
{
	const char *name = call->n > 1 && !call->match.literal[1] ? call->word[1] : NULL;
	bool logs = call->n > 1 && call->match.literal[call->n - 1];
	struct monitor *m;

	/* Log lines have objects of other kinds as well. */
	if (name && !logs && !is_object(call->gateway->conf, name))
		return command_fail(
			call, -ENOENT,
			"'%s' is no object, so nothing would ever be shown; \"monitor\" "
			"alone shows all events",
			name);
	m = calloc(1, sizeof(*m));
	if (!m)
		return command_fail(call, -ENOMEM, "out of memory");
	m->call = call;
	m->name = name;
	m->subscriber = (struct event_subscriber){ .fn = on_event, .ctx = m };
	event_subscribe(&m->subscriber);
	if (logs) {
		m->next = with_logs;
		with_logs = m;
		log_tap(on_log);
	}
	call->state = m;
	call->cancel = cancel;
	return COMMAND_LATER;
}

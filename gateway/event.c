#include "gateway/event.h"

#include "gateway/clock.h"
#include "gateway/json.h"

#include <stdarg.h>
#include <string.h>

static const struct {
	const char *name;
	enum log_level level;
	const char *part, *text;
} kinds[EVENT_KIND_COUNT] = {
#define EVENT_KIND_ROW(id, name, level, part, text) [EVENT_##id] = { name, level, part, text },
	EVENT_KINDS(EVENT_KIND_ROW)
#undef EVENT_KIND_ROW
};

static struct {
	struct event_subscriber *first;
	struct event_subscriber *next; /* to be called after the one that is called now */
	uint64_t sequence;
	uint64_t count[EVENT_KIND_COUNT];
} bus;

const char *event_kind_name(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? kinds[k].name : "unknown";
}

const char *event_kind_text(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? kinds[k].text : "unknown";
}

uint64_t event_count(enum event_kind k)
{
	return (unsigned)k < EVENT_KIND_COUNT ? bus.count[k] : 0;
}

void event_publish(enum event_kind kind, const char *object, const char *reason, const char *fmt,
		   ...)
{
	char text[LOG_LINE_MAX];
	struct event_notice e = { .kind = kind, .object = object, .reason = reason, .text = text };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e.time = clock_unix();
	e.sequence = ++bus.sequence;
	bus.count[kind]++;
	log_happening(kinds[kind].level, kinds[kind].part, object, kinds[kind].name,
		      text[0] ? text : kinds[kind].text);
	for (struct event_subscriber *s = bus.first; s; s = bus.next) {
		bus.next = s->next;
		s->fn(s->ctx, &e);
	}
}

void event_subscribe(struct event_subscriber *s)
{
	struct event_subscriber **at = &bus.first;

	while (*at)
		at = &(*at)->next;
	s->next = NULL;
	*at = s;
}

void event_unsubscribe(struct event_subscriber *s)
{
	struct event_subscriber **at = &bus.first;

	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	if (bus.next == s)
		bus.next = s->next;
}

void event_write_json(const struct event_notice *e, FILE *out)
{
	char time[LOG_TIME_MAX];
	struct json j;

	json_init(&j, out);
	json_object(&j, NULL);
	json_uint(&j, "sequence", e->sequence);
	json_string(&j, "time", log_time(e->time, time));
	json_string(&j, "event", kinds[e->kind].name);
	json_string(&j, "level", log_level_name(kinds[e->kind].level));
	json_string(&j, "part", kinds[e->kind].part);
	json_string(&j, "object", e->object);
	json_string(&j, "reason", e->reason);
	json_string(&j, "text", e->text[0] ? e->text : kinds[e->kind].text);
	json_close(&j);
	fputc('\n', out);
}

void event_write_text(const struct event_notice *e, FILE *out)
{
	char time[LOG_TIME_MAX], clean[LOG_LINE_MAX];

	fprintf(out, "%s %-15s %s%s%s\n", log_time(e->time, time), kinds[e->kind].name,
		e->object ? e->object : "", e->object ? ": " : "",
		log_clean(e->text[0] ? e->text : kinds[e->kind].text, clean, sizeof(clean)));
}

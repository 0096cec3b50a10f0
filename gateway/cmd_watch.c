/* `watch`: one command again and again, each answer in the place of the last one. */
#include "gateway/show.h"

#include "gateway/command_word.h"
#include "gateway/gateway.h"
#include "gateway/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_SECONDS 2

struct repeat {
	struct command_call *call;
	struct command_call *under_way; /* of the repeated command */
	bool running;
	bool starting; /* command_run() is on the stack */
	bool ended;    /* the call is gone */
	struct event *timer;
	struct timeval every;
	char line[COMMAND_LINE_MAX];
};

static void forget(struct repeat *r)
{
	r->ended = true;
	if (r->starting || r->running)
		return; /* what it asked for still finds it */
	event_free(r->timer);
	free(r);
}

static void show(struct repeat *r, const char *body, size_t len)
{
	struct command_call *call = r->call;
	char time[LOG_TIME_MAX], *text = NULL;
	struct timespec now;
	size_t size = 0;
	FILE *out;

	if (call->json) {
		command_part(call, true, body, len);
		return;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(out, "%s  every %u s: %s\n\n",
		log_time((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, time),
		(unsigned)r->every.tv_sec, r->line);
	fwrite(body, 1, len, out);
	if (fclose(out) == 0)
		command_part(call, true, text, size);
	free(text);
}

static void on_part(void *ctx, bool page, const char *body, size_t len)
{
}

static void on_done(void *ctx, enum command_status status, const char *body, size_t len)
{
	struct repeat *r = ctx;

	r->running = false;
	r->under_way = NULL;
	if (!r->ended && status == COMMAND_DONE) {
		show(r, body, len);
		return;
	}
	if (!r->ended)
		command_pass(r->call, status, body, len);
	forget(r);
}

static size_t unread(void *ctx)
{
	struct repeat *r = ctx;

	return r->call->reader->unread(r->call->ctx);
}

static const struct command_reader reader = { .part = on_part, .done = on_done, .unread = unread };

/* A command that goes on by itself would never be repeated. */
static void refuse(struct repeat *r, struct command_call *inner)
{
	evtimer_del(r->timer);
	command_finish(r->call, command_fail(r->call, -EINVAL, "'%s' goes on by itself",
					     inner->match.command->pattern));
	forget(r);
	command_cancel(inner);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct repeat *r = ctx;
	struct command_call *inner;
	char line[COMMAND_LINE_MAX + 32];

	evtimer_add(r->timer, &r->every);
	/* Whoever reads slowly gets fewer pages, not old ones. */
	if (r->running || unread(r) > 0)
		return;
	snprintf(line, sizeof(line), "%s%s%s", r->call->json ? "--json " : "",
		 r->call->colour ? "--colour " : "", r->line);
	r->running = r->starting = true;
	inner = command_run(r->call->gateway, line, &reader, r);
	r->starting = false;
	if (r->running && inner->cancel)
		refuse(r, inner);
	else if (r->running)
		r->under_way = inner;
	else if (r->ended)
		forget(r);
}

static void cancel(struct command_call *call)
{
	struct repeat *r = call->state;
	struct command_call *inner = r->under_way;

	evtimer_del(r->timer);
	command_finish(call, 0);
	r->under_way = NULL;
	forget(r);
	if (inner)
		command_cancel(inner);
}

int watch(struct command_call *call)
{
	bool given = call->n > 2 && command_is_number(call->word[1]);
	unsigned first = given ? 2 : 1;
	int seconds = given ? atoi(call->word[1]) : EVERY_SECONDS;
	struct repeat *r;
	size_t used = 0;

	if (seconds < 1)
		return command_fail(call, -EINVAL, "watch %s: must be at least 1 second",
				    call->word[1]);
	r = calloc(1, sizeof(*r));
	if (!r)
		return command_fail(call, -ENOMEM, "out of memory");
	r->call = call;
	r->every.tv_sec = seconds;
	for (unsigned i = first; i < call->n && used < sizeof(r->line); i++)
		used += (size_t)snprintf(r->line + used, sizeof(r->line) - used, "%s%s",
					 used ? " " : "", call->word[i]);
	r->timer = evtimer_new(call->gateway->base, on_timer, r);
	if (!r->timer) {
		free(r);
		return command_fail(call, -ENOMEM, "out of memory");
	}
	call->state = r;
	call->cancel = cancel;
	event_active(r->timer, EV_TIMEOUT, 0);
	return COMMAND_LATER;
}

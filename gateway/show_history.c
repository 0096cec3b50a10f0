#include "gateway/show.h"

#include "gateway/clock.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define MOMENT_MAX 32

/* A moment of the engine's clock as a person's. */
static const char *moment(uint64_t now, uint64_t then, char buf[MOMENT_MAX])
{
	time_t t = time(NULL) - (time_t)((now > then ? now - then : 0) / CLOCK_SECOND);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(buf, MOMENT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

/* One line each; further lines of a text stand below its first. */
static void tell(struct page *p, uint64_t now, const struct ike_happening *h)
{
	char first[MOMENT_MAX], last[MOMENT_MAX];
	const char *line = h->text;

	moment(now, h->first, first);
	moment(now, h->last, last);
	page_object(p, NULL, NULL);
	page_text(p, "first", NULL, first);
	page_text(p, "last", NULL, last);
	page_age(p, "age_seconds", NULL, now > h->last ? now - h->last : 0);
	page_count(p, "times", NULL, h->times);
	page_flag(p, "proven", NULL, h->proven);
	page_text(p, "text", NULL, h->text);
	page_end(p);
	while (*line) {
		int n = (int)strcspn(line, "\n");

		if (line != h->text)
			page_line(p, "%*s  %.*s", (int)strlen(last), "", n, line);
		else if (h->times > 1)
			page_line(p, "%s  %.*s (%u times since %s)", last, n, line, h->times,
				  first);
		else
			page_line(p, "%s  %.*s", last, n, line);
		line += n + (line[n] == '\n');
	}
}

static void history_answered(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	struct page *p = call->page;
	struct ike_happening h;
	size_t at = 0;

	if (ask->result < 0) {
		ike_history_clear(&ask->history);
		command_finish(call,
			       command_fail(call, ask->result, "%s",
					    ask->result == -ECANCELED ? "the gateway is stopping"
								      : strerror(-ask->result)));
		return;
	}
	page_text(p, "name", NULL, tunnels_name(call->gateway->tunnels, ask->first));
	page_list(p, "log");
	while (ike_history_next(&ask->history, &at, &h))
		tell(p, ask->now, &h);
	page_end(p);
	if (!at)
		page_line(p, "Nothing has happened.");
	ike_history_clear(&ask->history);
	command_finish(call, 0);
}

int show_tunnel_log(struct command_call *call)
{
	int64_t i = command_tunnel(call, 2);

	if (i < 0)
		return (int)i;
	return command_ask(call, ASK_HISTORY, (uint32_t)i, 0, history_answered);
}

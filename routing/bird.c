#include "routing/bird_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE     (120 * BIRD_SECOND)
#define POLL	     (1 * BIRD_SECOND)
#define RETRY_MIN    (50 * BIRD_MS)
#define RETRY_MAX    (1 * BIRD_SECOND)
#define ANSWER_TIME  (10 * BIRD_SECOND)
#define PING_AFTER   (10 * BIRD_SECOND)
#define STATUS_AGAIN (500 * BIRD_MS)
#define BATCH_TIME   (5 * BIRD_MS)
#define SESSIONS_PER_LOOKUP \
	200 /* BIRD gives each control session one command a round of its loop */

struct bird *bird_new(const struct bird_options *options)
{
	struct bird *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->source.ops = &bird_source_ops;
	b->options = *options;
	if (b->options.patience == 0)
		b->options.patience = PATIENCE;
	if (b->options.poll == 0)
		b->options.poll = POLL;
	dirty_init(&b->dirty);
	b->n_lookup_links = 1;
	b->away_since = b->status_at = b->recover_at = b->recover_by = BIRD_NEVER;
	bird_sync_reset(b);
	return b;
}

void bird_free(struct bird *b)
{
	if (!b)
		return;
	bird_control_reset(b, -ECANCELED);
	bird_drop_tables(b);
	dirty_clear(&b->dirty);
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		free(b->answer[i].path);
	free(b);
}

struct source *bird_source(struct bird *b)
{
	return &b->source;
}

void bird_say(struct bird *b, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!b->options.sink.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	b->options.sink.log(b->options.sink.ctx, text);
}

void bird_wake(struct bird *b)
{
	if (b->options.wake)
		b->options.wake(b->options.wake_ctx);
}

/* ---- links -------------------------------------------------------------------------------- */

unsigned bird_links(const struct bird *b)
{
	return BIRD_LOOKUP + b->n_lookup_links;
}

bool bird_wants(const struct bird *b, unsigned link, uint64_t now)
{
	return link < bird_links(b) && b->link[link].state == BIRD_LINK_CLOSED &&
	       now >= b->retry_at;
}

bool bird_is_open(const struct bird *b, unsigned link)
{
	return b->link[link].state != BIRD_LINK_CLOSED;
}

void bird_opened(struct bird *b, unsigned link, uint64_t now)
{
	b->now = now;
	bird_link_open(&b->link[link], now);
}

/* What is not asked on a link of its own is lost with any of them: all begin anew. */
void bird_lose(struct bird *b, const char *why)
{
	if (strcmp(b->trouble, why) != 0 || b->phase == PHASE_UP)
		bird_say(b, "bird: %s", why);
	snprintf(b->trouble, sizeof(b->trouble), "%s", why);
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		bird_link_close(&b->link[i]);
	if (b->phase == PHASE_UP)
		b->away_since = b->now;
	b->phase = PHASE_AWAY;
	b->echo_known = b->status_known = false;
	b->retry_wait = 2 * b->retry_wait < RETRY_MAX ? 2 * b->retry_wait : RETRY_MAX;
	if (b->retry_wait < RETRY_MIN)
		b->retry_wait = RETRY_MIN;
	b->retry_at = b->now + b->retry_wait;
	b->status_at = BIRD_NEVER;
	bird_sync_reset(b);
	bird_control_reset(b, -EPIPE);
}

void bird_closed(struct bird *b, unsigned link, uint64_t now, const char *why)
{
	b->now = now;
	/* Before the others can be wanted again, this one must have been seen to fail. */
	bird_lose(b, why);
}

static void start_answer(struct bird *b, unsigned link)
{
	struct answer *a = &b->answer[link];

	memset(&a->routes, 0, sizeof(a->routes));
	memset(&a->protocols, 0, sizeof(a->protocols));
	memset(&a->status, 0, sizeof(a->status));
	a->n_paths = 0;
}

/* All that is needed is connected, and told what it is for. */
static void try_up(struct bird *b)
{
	if (b->phase == PHASE_UP || !b->echo_known || !b->status_known)
		return;
	for (unsigned i = 0; i <= BIRD_LOOKUP; i++)
		if (b->link[i].state != BIRD_LINK_READY)
			return;
	b->phase = PHASE_UP;
	b->away_since = BIRD_NEVER;
	b->stats.connects++;
	bird_say(b, "bird: BIRD %s answers%s", b->status.version,
		 b->polling ? ", but does not echo: its tables are polled" : "");
	bird_sync_begin(b);
}

static void greeted(struct bird *b, unsigned link)
{
	struct bird_request setup = { .kind = ASK_SETUP }, ping = { .kind = ASK_PING };
	struct bird_request status = { .kind = ASK_STATUS };

	start_answer(b, link);
	if (link != BIRD_CONTROL)
		bird_link_ask(&b->link[link], b->now, ping, "restrict");
	if (link == BIRD_STREAM)
		bird_link_ask(&b->link[link], b->now, setup, "echo { trace, info } 65536");
	else if (link == BIRD_DUMP)
		bird_link_ask(&b->link[link], b->now, status, "show status");
	try_up(b);
}

/* ---- whether BIRD is the one that we knew ------------------------------------------------- */

static void all_recover(struct bird *b)
{
	for (uint32_t i = 0; i < b->n_sessions; i++) {
		if (!b->session[i])
			continue;
		b->session[i]->recovering = b->session[i]->routes > 0;
		b->session[i]->counted = 0;
	}
	b->recover_at = b->now;
	b->recover_by = b->now + b->options.patience;
}

/* A process that was started after the last word of the one that we knew is another. How long it
 * has run does not depend on what the time of day was set to meanwhile, as the date of its start
 * does.
 */
static bool is_same_boot(const struct bird *b, const struct bird_status *status)
{
	uint64_t uptime = (uint64_t)(status->told - status->booted);

	if (strcmp(b->status.boot, status->boot) == 0)
		return true;
	if (status->told == 0 || status->booted == 0 || status->told < status->booted)
		return false;
	return uptime > b->now || b->now - uptime <= b->stats.heard;
}

static void status_answer(struct bird *b, const struct bird_status *status)
{
	/* While its sockets stay open it is no other process. */
	bool restarted =
		!b->status_known && b->status.boot[0] &&
		(!is_same_boot(b, status) || (status->recovering && !b->status.recovering));
	bool was_recovering = b->status.recovering;

	b->status = *status;
	b->status_at = status->recovering ? b->now + STATUS_AGAIN : BIRD_NEVER;
	if (restarted)
		all_recover(b);
	else if (status->recovering && b->recover_by == BIRD_NEVER)
		b->recover_by = b->now + b->options.patience;
	/* Beyond patience what it has is all there is. */
	if (b->status.recovering && b->now >= b->recover_by)
		b->status.recovering = false;
	if (was_recovering && !b->status.recovering)
		bird_suspect(b, NULL);
	b->status_known = true;
	b->stats.heard = b->now;
	try_up(b);
}

/* ---- input and output --------------------------------------------------------------------- */

static void answer(struct bird *b, unsigned link, const struct bird_request *request,
		   const struct bird_line *line)
{
	bool last = line->kind == BIRD_LINE_LAST;

	if (b->status_known)
		b->stats.heard = b->now;
	switch ((enum bird_ask)request->kind) {
	case ASK_PING:
		break;
	case ASK_SETUP:
		if (!last)
			break;
		b->polling = line->code >= 8000;
		b->echo_known = true;
		try_up(b);
		break;
	case ASK_STATUS:
		bird_status_line(&b->answer[link].status, line);
		if (last)
			status_answer(b, &b->answer[link].status);
		break;
	case ASK_OPERATION:
		bird_control_answer(b, request, line);
		break;
	case ASK_PROTOCOLS:
	case ASK_SESSION:
	case ASK_DUMP:
	case ASK_LOOKUP:
	case ASK_ADMIN:
		bird_sync_answer(b, link, request, line);
		break;
	}
	if (last)
		start_answer(b, link);
}

static void pump(struct bird *b)
{
	if (b->phase != PHASE_UP)
		return;
	bird_sync_pump(b);
	bird_control_pump(b);
	if (b->n_batches > 0 && (b->dirty.pending == 0 || b->now >= b->batch_at + BATCH_TIME))
		bird_end_batches(b);
}

void bird_input(struct bird *b, unsigned link, uint64_t now, const void *bytes, size_t n)
{
	struct bird_text input = { bytes, n };
	struct bird_request request;
	struct bird_line line;

	b->now = now;
	while (b->link[link].state != BIRD_LINK_CLOSED) {
		enum bird_link_heard heard =
			bird_link_hear(&b->link[link], now, &input, &line, &request);

		if (heard == BIRD_HEARD_NOTHING)
			break;
		if (heard == BIRD_HEARD_GREETING)
			greeted(b, link);
		else if (heard == BIRD_HEARD_LINE)
			bird_sync_line(b, &line);
		else if (heard == BIRD_HEARD_ANSWER)
			answer(b, link, &request, &line);
		else
			bird_lose(b, "control socket: an answer that nobody asked for");
	}
	pump(b);
}

struct bird_text bird_output(const struct bird *b, unsigned link)
{
	return bird_link_output(&b->link[link]);
}

void bird_sent(struct bird *b, unsigned link, size_t n)
{
	bird_link_sent(&b->link[link], n);
}

/* ---- time --------------------------------------------------------------------------------- */

static uint64_t link_deadline(const struct bird *b, unsigned i)
{
	const struct bird_link *l = &b->link[i];

	if (l->state == BIRD_LINK_OPENED || (l->state == BIRD_LINK_READY && l->n > 0))
		return l->progress + ANSWER_TIME;
	if (l->state == BIRD_LINK_READY && i == BIRD_STREAM)
		return l->progress + PING_AFTER;
	return BIRD_NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t bird_deadline(const struct bird *b)
{
	uint64_t at = BIRD_NEVER;

	for (unsigned i = 0; i < bird_links(b); i++)
		at = earlier(at, bird_is_open(b, i) ? link_deadline(b, i) : b->retry_at);
	if (b->away_since != BIRD_NEVER)
		at = earlier(at, b->away_since + b->options.patience);
	if (b->n_batches > 0)
		at = earlier(at, b->batch_at + BATCH_TIME);
	if (b->phase == PHASE_UP) {
		at = earlier(at, earlier(b->status_at, b->recover_at));
		at = earlier(at, earlier(bird_sync_deadline(b), bird_control_deadline(b)));
	}
	return at;
}

static void check_links(struct bird *b)
{
	struct bird_request ping = { .kind = ASK_PING };

	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		if (b->now < link_deadline(b, i))
			continue;
		if (bird_link_is_idle(&b->link[i])) {
			bird_link_ask(&b->link[i], b->now, ping, "show status");
		} else {
			bird_lose(b, "control socket: no answer for 10 s");
			return;
		}
	}
}

void bird_tick(struct bird *b, uint64_t now)
{
	struct bird_request status = { .kind = ASK_STATUS };

	b->now = now;
	check_links(b);
	if (b->away_since != BIRD_NEVER && now >= b->away_since + b->options.patience) {
		b->away_since = BIRD_NEVER;
		bird_say(b, "bird: routes are forgotten: BIRD did not come back for %u s",
			 (unsigned)(b->options.patience / BIRD_SECOND));
		bird_tell_gone(b);
	}
	if (b->phase == PHASE_UP) {
		if (now >= b->status_at &&
		    bird_link_ask(&b->link[BIRD_DUMP], now, status, "show status"))
			b->status_at = BIRD_NEVER;
		if (b->session_count / SESSIONS_PER_LOOKUP + 1 > b->n_lookup_links &&
		    b->n_lookup_links < BIRD_LOOKUPS_MAX)
			b->n_lookup_links++;
	}
	pump(b);
}

void bird_stats(const struct bird *b, struct bird_stats *out)
{
	*out = b->stats;
	out->up = b->phase == PHASE_UP;
	out->recovering = b->status.recovering;
	out->polling = b->polling;
	out->version = b->status.version;
	out->boot = b->status.boot;
	out->trouble = b->trouble;
	out->dirty = b->dirty.pending;
}

/* `ping` and `traceroute` from a tunnel's inner address. */
#include "gateway/show.h"

#include "gateway/clock.h"
#include "gateway/echo.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PINGS	     5
#define PINGS_MAX    10000
#define BYTES	     56
#define TTL	     64
#define HOPS	     30
#define HOPS_MAX     64
#define SILENT_HOPS  5 /* in a row: there is nobody any more */
#define WAIT_US	     CLOCK_SECOND
#define WAIT_SECONDS 1

struct pinger {
	struct command_call *call;
	struct echo echo;
	struct event *timer;
	bool trace, arrived;
	unsigned count, bytes;	 /* requests, or hops; of data in each */
	unsigned sent, received; /* hops: sent is the TTL */
	unsigned silent;	 /* hops without an answer, in a row */
	bool answered;		 /* the last request */
	uint64_t sent_at;
	uint64_t least, most, sum; /* microseconds */
};

static void say(struct pinger *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line for a person as soon as it is known. */
static void say(struct pinger *p, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	if (p->call->json)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	command_part(p->call, false, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void end(struct pinger *p, int rc)
{
	struct command_call *call = p->call;

	echo_close(&p->echo);
	event_free(p->timer);
	free(p);
	command_finish(call, rc);
}

static double ms(uint64_t us)
{
	return (double)us / 1000;
}

static void finish(struct pinger *p)
{
	struct page *page = p->call->page;
	char to[ADDR_STR_MAX];
	int rc = 0;

	addr_format(&p->echo.destination, to);
	if (page_is_json(page)) {
		page_end(page);
		page_flag(page, "arrived", NULL, p->arrived);
		page_number(page, "sent", NULL, p->sent);
		page_number(page, "received", NULL, p->received);
	} else if (!p->trace) {
		say(p, "%u sent, %u received, %u lost", p->sent, p->received,
		    p->sent - p->received);
		if (p->received > 0)
			say(p, "; %.3f / %.3f / %.3f ms (least, mean, most)", ms(p->least),
			    ms(p->sum / p->received), ms(p->most));
		say(p, "\n");
	}
	if (p->received == 0 || (p->trace && !p->arrived))
		rc = command_fail(p->call, -ETIMEDOUT, "no answer from %s", to);
	end(p, rc);
}

static void step(struct pinger *p)
{
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int rc;

	p->sent++;
	p->answered = false;
	p->sent_at = clock_now();
	rc = echo_send(p->call->gateway->dp, &p->echo, (uint16_t)p->sent,
		       p->trace ? (uint8_t)p->sent : TTL, p->bytes);
	if (rc < 0 && rc != -EAGAIN) {
		end(p, command_fail(p->call, rc, "cannot send: %s", strerror(-rc)));
		return;
	}
	evtimer_add(p->timer, &wait);
}

static bool is_last(const struct pinger *p)
{
	return p->arrived ? p->trace || p->sent >= p->count
			  : p->sent >= p->count || p->silent >= SILENT_HOPS;
}

static void page_answer(struct pinger *p, const struct echo_answer *a, uint64_t took)
{
	struct page *page = p->call->page;
	char from[ADDR_STR_MAX];

	if (!page_is_json(page))
		return;
	page_object(page, NULL, NULL);
	page_number(page, p->trace ? "hop" : "sequence", NULL, p->trace ? p->sent : a->sequence);
	if (a) {
		page_text(page, "from", NULL, addr_format(&a->from, from));
		page_real(page, "milliseconds", NULL, ms(took), "");
		page_number(page, "ttl", NULL, a->ttl);
	} else {
		page_none(page, "from", NULL);
		page_none(page, "milliseconds", NULL);
		page_none(page, "ttl", NULL);
	}
	page_end(page);
}

/* The second after a request is over. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct pinger *p = ctx;

	if (!p->answered && p->trace) {
		p->silent++;
		page_answer(p, NULL, 0);
		say(p, "%2u  *\n", p->sent);
	} else if (!p->answered) {
		say(p, "no answer to %u\n", p->sent);
	}
	if (is_last(p))
		finish(p);
	else
		step(p);
}

static const char *words(const struct echo_answer *a)
{
	return a->kind == ECHO_UNREACHABLE ? "  unreachable"
	       : a->kind == ECHO_EXPIRED   ? "  TTL expired"
					   : "";
}

static void on_answer(void *ctx, const struct echo_answer *a)
{
	struct pinger *p = ctx;
	uint64_t took = clock_now() - p->sent_at;
	char from[ADDR_STR_MAX];

	if (a->sequence != (uint16_t)p->sent || p->answered)
		return; /* too late, or twice */
	p->answered = true;
	p->silent = 0;
	addr_format(&a->from, from);
	page_answer(p, a, took);
	if (p->trace)
		say(p, "%2u  %s  %.3f ms%s\n", p->sent, from, ms(took),
		    a->kind == ECHO_UNREACHABLE ? words(a) : "");
	else
		say(p, "%zu bytes from %s: sequence %u, TTL %u, %.3f ms%s\n", a->len, from, p->sent,
		    a->ttl, ms(took), words(a));
	p->arrived |= a->kind == ECHO_REPLY || (p->trace && a->kind == ECHO_UNREACHABLE);
	if (p->trace || a->kind == ECHO_REPLY) {
		p->received++;
		p->sum += took;
		p->least = p->received == 1 || took < p->least ? took : p->least;
		p->most = took > p->most ? took : p->most;
	}
	/* A hop that answered need not be waited for; pings keep their pace. */
	if (p->trace || is_last(p))
		event_active(p->timer, EV_TIMEOUT, 0);
}

static void cancel(struct command_call *call)
{
	end(call->state, 0);
}

static int option(struct command_call *call, const char *name, unsigned least, unsigned most,
		  unsigned *out)
{
	const char *text = command_option(call, name);
	unsigned long v = text ? strtoul(text, NULL, 10) : *out;

	if (v < least || v > most)
		return command_fail(call, -EINVAL, "%s %s: from %u to %u", name, text, least, most);
	*out = (unsigned)v;
	return 0;
}

static int target(struct command_call *call, struct pinger *p)
{
	int64_t i = command_tunnel(call, 1);
	const struct tunnel *t;

	if (i < 0)
		return (int)i;
	t = &call->gateway->tunnels->v[i];
	p->echo.tunnel = (uint32_t)i;
	p->echo.source = t->conf->inner.addr;
	p->echo.destination = t->conf->inner_peer;
	if (call->n > 2 && !call->match.literal[2] &&
	    !addr_parse(&p->echo.destination, call->word[2]))
		return command_fail(call, -EINVAL, "'%s' is no address", call->word[2]);
	if (p->echo.source.family == ADDR_NONE)
		return command_fail(call, -EINVAL, "tunnel '%s' has no inner address",
				    t->conf->name);
	if (p->echo.source.family != p->echo.destination.family)
		return command_fail(call, -EINVAL,
				    "the address is not of the inner address's family");
	if (!t->up)
		return command_fail(call, -ENETDOWN, "tunnel '%s' is DOWN: %s", t->conf->name,
				    tunnel_reason(t->reason));
	return 0;
}

static int begin(struct command_call *call, bool trace)
{
	struct pinger *p = calloc(1, sizeof(*p));
	char from[ADDR_STR_MAX], to[ADDR_STR_MAX];
	int rc;

	if (!p)
		return command_fail(call, -ENOMEM, "out of memory");
	*p = (struct pinger){ .call = call,
			      .trace = trace,
			      .count = trace ? HOPS : PINGS,
			      .bytes = BYTES,
			      .echo = { .fn = on_answer, .ctx = p } };
	rc = target(call, p);
	if (rc == 0 && trace)
		rc = option(call, "hops", 1, HOPS_MAX, &p->count);
	if (rc == 0 && !trace)
		rc = option(call, "count", 1, PINGS_MAX, &p->count);
	if (rc == 0 && !trace)
		rc = option(call, "size", 0, ECHO_BYTES_MAX, &p->bytes);
	if (rc == 0) {
		p->timer = evtimer_new(call->gateway->base, on_timer, p);
		rc = p->timer ? 0 : command_fail(call, -ENOMEM, "out of memory");
	}
	if (rc < 0) {
		free(p);
		return rc;
	}
	addr_format(&p->echo.source, from);
	addr_format(&p->echo.destination, to);
	page_text(call->page, "tunnel", NULL, call->word[1]);
	page_text(call->page, "source", NULL, from);
	page_text(call->page, "destination", NULL, to);
	if (call->json)
		page_list(call->page, trace ? "hops" : "replies");
	say(p, "from %s to %s through tunnel %s\n", from, to, call->word[1]);
	call->state = p;
	call->cancel = cancel;
	echo_open(&p->echo);
	step(p);
	return COMMAND_LATER;
}

int ping(struct command_call *call)
{
	return begin(call, false);
}

int traceroute(struct command_call *call)
{
	return begin(call, true);
}

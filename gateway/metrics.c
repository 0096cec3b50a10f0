#include "gateway/metrics.h"

#include "gateway/clock.h"
#include "gateway/exposition.h"
#include "gateway/gateway.h"
#include "gateway/http.h"
#include "gateway/metrics_snapshot.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define PIECE	     (64 * 1024) /* bytes */
#define SLICE_US     1000	 /* of main's time */
#define TUNNELS	     64		 /* between two looks at the clock */

struct scrape {
	struct metrics *metrics;
	struct http_call *call; /* NULL: the reader is gone */
	bool asking;		/* the negotiator has our question */
	struct event *turn;	/* the next slice of the snapshot */
	uint32_t next;		/* tunnel */
	struct metrics_snapshot s;
	unsigned family, item; /* to be written next */
	char piece[PIECE];
};

struct metrics {
	struct gateway *gateway;
	struct http *http;
};

static void forget(struct scrape *c)
{
	if (c->call || c->asking)
		return; /* when both are over */
	if (c->turn)
		event_free(c->turn);
	metrics_forget(&c->s);
	free(c);
}

/* ---- the snapshot ------------------------------------------------------------------------ */

static const struct timeval at_once; /* in the next turn of the loop */

static void take_some(evutil_socket_t fd, short what, void *ctx)
{
	struct scrape *c = ctx;
	uint64_t until = clock_now() + SLICE_US;
	bool more;

	do
		more = metrics_take_tunnels(&c->s, c->metrics->gateway, &c->next, TUNNELS);
	while (more && clock_now() < until);
	if (more)
		evtimer_add(c->turn, &at_once);
	else
		http_begin(c->call, 200, CONTENT_TYPE);
}

static void on_answer(struct negotiator_ask *ask)
{
	struct scrape *c = ask->ctx;

	c->asking = false;
	if (!c->call)
		forget(c);
	else if (metrics_take(&c->s, c->metrics->gateway) < 0)
		http_begin(c->call, 503, NULL);
	else
		evtimer_add(c->turn, &at_once);
}

static void *on_open(void *ctx, struct http_call *call, const char *path)
{
	struct metrics *m = ctx;
	struct scrape *c;

	if (strcmp(path, "/metrics") != 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->metrics = m;
	c->turn = event_new(m->gateway->base, -1, 0, take_some, c);
	c->s.negotiator = (struct negotiator_ask){
		.kind = ASK_VIEW, .done = on_answer, .ctx = c, .result = -EAGAIN
	};
	c->call = call;
	c->asking = true;
	if (!c->turn || negotiator_ask(m->gateway->negotiator, &c->s.negotiator) < 0) {
		c->asking = false;
		http_begin(call, 503, NULL);
	}
	return c;
}

/* ---- writing ----------------------------------------------------------------------------- */

static bool on_more(void *body, struct evbuffer *out)
{
	struct scrape *c = body;
	struct exposition x = { .at = c->piece, .end = c->piece + PIECE };
	uint64_t until = clock_now() + SLICE_US;

	const struct metrics_family *f;

	for (; (f = metrics_family(c->family)) != NULL; c->family++, c->item = 0) {
		unsigned n = metrics_items(&c->s, f->of);

		if (expo_room(&x) < METRICS_ITEM_MAX)
			break;
		if (c->item == 0 && n > 0)
			expo_family(&x, f->name, f->type, f->help);
		while (c->item < n && expo_room(&x) >= METRICS_ITEM_MAX &&
		       (c->item % TUNNELS != TUNNELS - 1 || clock_now() < until))
			f->put(&x, f->name, &c->s, c->item++);
		if (c->item < n)
			break;
	}
	evbuffer_add(out, c->piece, (size_t)(x.at - c->piece));
	return f != NULL;
}

static void on_end(void *body)
{
	struct scrape *c = body;

	c->call = NULL;
	forget(c);
}

static const struct http_ops ops = { .open = on_open, .more = on_more, .end = on_end };

int metrics_new(struct metrics **out, struct gateway *g, const struct endpoint *listen, char *error,
		size_t error_size)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int rc = -ENOMEM;

	if (m) {
		m->gateway = g;
		rc = http_new(&m->http, g->base, listen, &ops, m, error, error_size);
	}
	if (rc < 0) {
		free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	http_free(m->http);
	free(m);
}

struct endpoint metrics_address(const struct metrics *m)
{
	return http_address(m->http);
}

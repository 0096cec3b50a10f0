#include "gateway/prober.h"

#include "gateway/clock.h"
#include "gateway/echo.h"
#include "gateway/event.h"
#include "gateway/tunnel.h"

#include <event2/event.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US	   (2 * CLOCK_SECOND) /* for an answer, if the next request does not come sooner */
#define LOST_ALARM 3		      /* in a row */
#define DATA_BYTES 16
#define TTL	   64
#define SPREAD	   64 /* first requests of tunnels that come UP together */

/* One tunnel's; its echo is open while it is UP. */
struct probe {
	struct prober *prober;
	uint32_t tunnel;
	struct echo echo;
	bool open, waiting, alarmed;
	uint16_t sequence;
	unsigned lost; /* in a row */
	uint64_t sent_at, next;
};

struct prober {
	struct dataplane *dp;
	struct tunnels *tunnels;
	struct event *timer;
	uint32_t n;
	struct probe **v; /* by tunnel; NULL: it is not probed */
};

/* ---- answers ----------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct echo_answer *a)
{
	struct probe *b = ctx;
	struct tunnel *t = tunnels_get(b->prober->tunnels, b->tunnel);
	uint64_t took = clock_now() - b->sent_at;
	struct tunnel_probe *s;

	took = took > 0 ? took : 1; /* 0 is "nothing yet" */
	if (!t || !b->waiting || a->kind != ECHO_REPLY || a->sequence != b->sequence ||
	    !addr_equal(&a->from, &b->echo.destination))
		return;
	b->waiting = false;
	b->lost = 0;
	s = &t->probe;
	s->answers = true;
	s->last = took;
	s->least = s->mean == 0 || took < s->least ? took : s->least;
	s->most = took > s->most ? took : s->most;
	s->mean = s->mean == 0 ? took : (7 * s->mean + took) / 8;
	if (b->alarmed)
		event_publish(EVENT_PROBE_BACK, t->conf->name, NULL, "%.1f ms", (double)took / 1e3);
	b->alarmed = false;
}

static void lose(struct probe *b, struct tunnel *t)
{
	b->waiting = false;
	t->probe.lost++;
	if (++b->lost < LOST_ALARM)
		return;
	t->probe.answers = false;
	if (!b->alarmed)
		event_publish(EVENT_PROBE_LOST, t->conf->name, NULL,
			      "%u requests in a row, while the tunnel is UP", b->lost);
	b->alarmed = true;
}

/* ---- requests ---------------------------------------------------------------------------- */

static void close_probe(struct probe *b)
{
	if (b->open)
		echo_close(&b->echo);
	b->open = b->waiting = false;
	b->lost = 0;
}

static void open_probe(struct probe *b, struct tunnel *t, uint64_t now)
{
	b->echo = (struct echo){ .tunnel = b->tunnel,
				 .source = t->conf->inner.addr,
				 .destination = t->conf->inner_peer,
				 .fn = on_answer,
				 .ctx = b };
	echo_open(&b->echo);
	b->open = true;
	b->next = now + b->tunnel % SPREAD * (CLOCK_SECOND / SPREAD);
	t->probe.answers = false;
}

/* True: a request went out. */
static bool turn(struct probe *b, struct tunnel *t, uint64_t now)
{
	uint64_t interval = t->conf->probe * CLOCK_SECOND;

	if (!t->up) {
		close_probe(b);
		return false;
	}
	if (!b->open)
		open_probe(b, t, now);
	if (b->waiting && (now >= b->next || now - b->sent_at >= WAIT_US))
		lose(b, t);
	if (now < b->next)
		return false;
	b->next = now + interval;
	b->sent_at = clock_now();
	/* One that finds no buffer is not the way's fault, nor is one that finds no memory. */
	if (echo_send(b->prober->dp, &b->echo, ++b->sequence, TTL, DATA_BYTES) < 0)
		return false;
	b->waiting = true;
	t->probe.sent++;
	return true;
}

uint64_t prober_tick(struct prober *p, uint64_t now)
{
	uint64_t sent = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		struct tunnel *t = p->v[i] ? tunnels_get(p->tunnels, i) : NULL;

		if (t)
			sent += turn(p->v[i], t, now);
	}
	return sent;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	prober_tick(ctx, clock_now());
}

/* ---- who is probed ----------------------------------------------------------------------- */

static void forget(struct prober *p, uint32_t i)
{
	if (p->v[i])
		close_probe(p->v[i]);
	free(p->v[i]);
	p->v[i] = NULL;
}

/* Another address is another way: nothing of the old one is worth keeping. */
static void look(struct prober *p, uint32_t i)
{
	struct tunnel *t = tunnels_get(p->tunnels, i);
	struct probe *b = p->v[i];

	if (b && (!t || t->conf->probe == 0 || !addr_equal(&b->echo.source, &t->conf->inner.addr) ||
		  !addr_equal(&b->echo.destination, &t->conf->inner_peer))) {
		forget(p, i);
		b = NULL;
		if (t)
			t->probe = (struct tunnel_probe){ 0 };
	}
	if (b || !t || t->conf->probe == 0)
		return;
	p->v[i] = b = calloc(1, sizeof(*b));
	if (!b)
		return;
	b->prober = p;
	b->tunnel = i;
	b->echo.source = t->conf->inner.addr;
	b->echo.destination = t->conf->inner_peer;
}

void prober_update(struct prober *p)
{
	const struct timeval tick = { .tv_usec = PROBER_TICK_US };
	uint32_t n = p->tunnels->n;
	bool any = false;

	if (n > p->n) {
		struct probe **v = reallocarray(p->v, n, sizeof(struct probe *));

		if (!v)
			return;
		memset(v + p->n, 0, (n - p->n) * sizeof(struct probe *));
		p->v = v;
		p->n = n;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		look(p, i);
		any |= p->v[i] != NULL;
	}
	if (!any)
		event_del(p->timer);
	else if (!evtimer_pending(p->timer, NULL))
		evtimer_add(p->timer, &tick);
}

int prober_new(struct prober **out, struct event_base *base, struct dataplane *dp,
	       struct tunnels *t)
{
	struct prober *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->dp = dp;
	p->tunnels = t;
	p->timer = event_new(base, -1, EV_PERSIST, on_timer, p);
	if (!p->timer) {
		free(p);
		return -ENOMEM;
	}
	prober_update(p);
	*out = p;
	return 0;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->n; i++)
		forget(p, i);
	event_free(p->timer);
	free(p->v);
	free(p);
}

#include "gateway/sampler.h"

#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/samples.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_US 1000
#define TUNNELS	 64 /* between two looks at the clock */

struct limit { /* by tunnel's index */
	uint64_t dropped;
	bool told;
};

struct sampler {
	struct gateway *gateway;
	struct samples *samples; /* NULL: none are kept */
	char folder[CONF_DEVICE_BYTES + 16];
	struct event *minute, *turn;
	uint32_t next; /* tunnel; of a round under way */
	bool running;
	uint32_t n_limits;
	struct limit *limit;
	bool link[64], link_known; /* by port */
};

static const struct timeval at_once;

static void arm(struct sampler *s)
{
	uint64_t minute = 60 * CLOCK_SECOND, left = minute - clock_unix() % minute;
	const struct timeval tv = { .tv_sec = (time_t)(left / CLOCK_SECOND),
				    .tv_usec = (suseconds_t)(left % CLOCK_SECOND) };

	evtimer_add(s->minute, &tv);
}

/* ---- what has no event of its own -------------------------------------------------------- */

static struct limit *limit_of(struct sampler *s, uint32_t index)
{
	uint32_t n = s->n_limits * 2 > index ? s->n_limits * 2 : index + 1;
	struct limit *v;

	if (index < s->n_limits)
		return &s->limit[index];
	v = reallocarray(s->limit, n, sizeof(*v));
	if (!v)
		return NULL;
	memset(v + s->n_limits, 0, (n - s->n_limits) * sizeof(*v));
	s->limit = v;
	s->n_limits = n;
	return &v[index];
}

static void look_at_limit(struct sampler *s, uint32_t index, const char *name, uint64_t dropped)
{
	struct limit *l = limit_of(s, index);
	uint64_t more;

	if (!l)
		return;
	more = dropped >= l->dropped ? dropped - l->dropped : dropped;
	l->dropped = dropped;
	if (more > 0 && !l->told)
		event_publish(EVENT_LIMITED, name, NULL,
			      "%llu packets beyond its bandwidth were dropped in the last minute",
			      (unsigned long long)more);
	else if (more == 0 && l->told)
		event_publish(EVENT_UNLIMITED, name, NULL, "%s", "");
	l->told = more > 0;
}

static void look_at_ports(struct sampler *s)
{
	struct gateway *g = s->gateway;
	struct dataplane_port_stats stats;

	for (unsigned i = 0; i < dataplane_ports(g->dp) && i < g->conf->n_ports && i < 64; i++) {
		if (dataplane_port_stats(g->dp, i, &stats) < 0)
			continue;
		if (s->link_known && stats.link_up != s->link[i])
			event_publish(stats.link_up ? EVENT_LINK_UP : EVENT_LINK_DOWN,
				      g->conf->port[i].name, NULL, "%s", "");
		s->link[i] = stats.link_up;
	}
	s->link_known = true;
}

/* ---- a round ----------------------------------------------------------------------------- */

/* The minute whose end this is, a moment early or late. */
static uint32_t ended_minute(void)
{
	return (uint32_t)((clock_unix() / CLOCK_SECOND + 30) / 60) - 1;
}

static void sample(struct sampler *s, uint32_t index)
{
	const char *name = tunnels_name(s->gateway->tunnels, index);
	struct dataplane_tunnel_stats t;

	if (!name || dataplane_tunnel_stats(s->gateway->dp, index, &t) < 0)
		return;
	look_at_limit(s, index, name, t.drop[DROP_BANDWIDTH]);
	if (s->samples)
		(void)samples_add(s->samples, name,
				  &(struct sample){ { [SAMPLE_IN_BYTES] = t.in_bytes,
						      [SAMPLE_OUT_BYTES] = t.out_bytes,
						      [SAMPLE_IN_WIRE_BYTES] = t.in_wire_bytes,
						      [SAMPLE_OUT_WIRE_BYTES] = t.out_wire_bytes,
						      [SAMPLE_IN_PACKETS] = t.in_packets,
						      [SAMPLE_OUT_PACKETS] = t.out_packets } });
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct sampler *s = ctx;
	uint64_t until = clock_now() + SLICE_US;
	uint32_t n = s->gateway->tunnels->n;

	do
		for (unsigned k = 0; k < TUNNELS && s->next < n; k++)
			sample(s, s->next++);
	while (s->next < n && clock_now() < until);
	if (s->next < n) {
		evtimer_add(s->turn, &at_once);
		return;
	}
	s->running = false;
	if (s->samples)
		samples_end(s->samples);
}

void sampler_round(struct sampler *s)
{
	if (s->running)
		return;
	s->running = true;
	s->next = 0;
	look_at_ports(s);
	if (s->samples)
		samples_begin(s->samples, ended_minute());
	evtimer_add(s->turn, &at_once);
}

static void on_minute(evutil_socket_t fd, short what, void *ctx)
{
	sampler_round(ctx);
	arm(ctx);
}

/* ---- face -------------------------------------------------------------------------------- */

int sampler_new(struct sampler **out, struct gateway *g, const char *folder, char *error,
		size_t error_size)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		goto out;
	s->gateway = g;
	s->minute = evtimer_new(g->base, on_minute, s);
	s->turn = evtimer_new(g->base, on_turn, s);
	if (!s->minute || !s->turn)
		goto out;
	snprintf(s->folder, sizeof(s->folder), "%s", folder);
	rc = folder[0] ? samples_new(&s->samples, folder) : 0;
	if (rc < 0)
		goto out;
	arm(s);
	*out = s;
	return 0;
out:
	snprintf(error, error_size, "no samples of tunnels in %s: %s", folder, strerror(-rc));
	sampler_free(s);
	return rc;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	if (s->minute)
		event_free(s->minute);
	if (s->turn)
		event_free(s->turn);
	samples_free(s->samples);
	free(s->limit);
	free(s);
}

const char *sampler_folder(const struct sampler *s)
{
	return s && s->samples ? s->folder : "";
}

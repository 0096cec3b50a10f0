#include "gateway/drain.h"

#include "gateway/command.h"
#include "gateway/event.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct drain {
	struct drain *next;
	struct gateway *gateway;
	struct command_call *call;
	void (*done)(struct command_call *call);
	struct event *timer;
	char name[CONF_NAME_BYTES]; /* the tunnel's; its number may be another's one day */
};

/* Out of the list, with its memory. */
static struct command_call *end(struct drain *d)
{
	struct drain **link = &d->gateway->drains;
	struct command_call *call = d->call;

	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	event_free(d->timer);
	free(d);
	return call;
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct drain *d = ctx;
	void (*done)(struct command_call * call) = d->done;

	done(end(d));
}

static void set_draining(struct gateway *g, uint32_t tunnel, bool draining)
{
	struct tunnel *t = &g->tunnels->v[tunnel];

	t->draining = draining;
	if (g->bgp)
		bgp_drain(g->bgp, tunnel, draining);
	else
		dataplane_tunnel_state(g->dp, tunnel, !draining && t->up);
	gateway_usable(g, t->connection_index);
}

int drain_start(struct gateway *g, uint32_t tunnel, struct command_call *call,
		void (*done)(struct command_call *call))
{
	struct tunnel *t = &g->tunnels->v[tunnel];
	struct timeval wait = { 0 };
	struct drain *d;

	for (d = g->drains; d; d = d->next)
		if (strcmp(d->name, t->conf->name) == 0)
			return command_fail(call, -EALREADY, "tunnel '%s' is being drained already",
					    t->conf->name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return command_fail(call, -ENOMEM, "out of memory");
	*d = (struct drain){ .next = g->drains, .gateway = g, .call = call, .done = done };
	strcpy(d->name, t->conf->name);
	d->timer = evtimer_new(g->base, on_time, d);
	if (!d->timer) {
		free(d);
		return command_fail(call, -ENOMEM, "out of memory");
	}
	g->drains = d;
	event_publish(EVENT_TUNNEL_DRAIN, d->name, NULL, "%s", "");
	if (t->up) {
		set_draining(g, tunnel, true);
		wait.tv_sec = (time_t)t->conf->drain_wait;
	}
	evtimer_add(d->timer, &wait);
	return 0;
}

bool drain_cancel(struct gateway *g, uint32_t tunnel)
{
	const char *name = g->tunnels->v[tunnel].conf->name;
	struct drain *d = g->drains;
	struct command_call *call;
	int rc;

	while (d && strcmp(d->name, name) != 0)
		d = d->next;
	if (!d)
		return false;
	call = end(d);
	set_draining(g, tunnel, false);
	event_publish(EVENT_TUNNEL_UNDRAIN, name, NULL, "%s", "");
	rc = command_fail(call, -ECANCELED, "the draining of tunnel '%s' was called off", name);
	command_finish(call, rc);
	return true;
}

void drain_abandon(struct gateway *g)
{
	while (g->drains) {
		struct command_call *call = end(g->drains);

		command_finish(call, command_fail(call, -ECANCELED, "the gateway is stopping"));
	}
}

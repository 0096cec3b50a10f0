#include "gateway/gateway.h"

#include "conf/state.h"
#include "gateway/clock.h"
#include "gateway/config.h"
#include "gateway/control.h"
#include "gateway/drain.h"
#include "gateway/echo.h"
#include "gateway/event.h"
#include "gateway/key_export.h"
#include "gateway/exception.h"
#include "gateway/log.h"
#include "gateway/loop_memory.h"
#include "gateway/notify.h"
#include "gateway/metrics.h"
#include "gateway/prober.h"
#include "gateway/sampler.h"

#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_US	 (2500 * 1000) /* the engine gives up on a peer's answer after 2 s */
#define RETRY_US (2 * 1000)    /* while the negotiator's ring is full */

static void arm(struct event *timer, uint64_t us)
{
	struct timeval tv = { .tv_sec = (time_t)(us / CLOCK_SECOND),
			      .tv_usec = (suseconds_t)(us % CLOCK_SECOND) };

	evtimer_add(timer, &tv);
}

/* ---- dataplane --------------------------------------------------------------------------- */

/* Says once that a worker stands still, and once that it turns again. */
static void feel_pulse(struct gateway *g)
{
	for (unsigned i = 0; i < dataplane_workers(g->dp); i++) {
		bool stuck = dataplane_worker_stuck(g->dp, i);
		char name[16];

		if (stuck == g->stuck[i])
			continue;
		g->stuck[i] = stuck;
		snprintf(name, sizeof(name), "%u", i);
		event_publish(stuck ? EVENT_WORKER_STUCK : EVENT_WORKER_BACK, name, NULL,
			      stuck ? "worker %u stands still" : "worker %u turns again", i);
	}
}

static void on_dataplane(evutil_socket_t fd, short what, void *ctx)
{
	struct gateway *g = ctx;
	uint64_t now = clock_now();
	uint64_t next = dataplane_main_poll(g->dp, now);

	feel_pulse(g);
	if (next == UINT64_MAX)
		evtimer_del(g->dataplane_timer);
	else
		arm(g->dataplane_timer, next > now ? next - now : 0);
}

/* ---- negotiator -------------------------------------------------------------------------- */

void gateway_flush(struct gateway *g)
{
	negotiator_flush(g->negotiator);
	if (negotiator_busy(g->negotiator) && !evtimer_pending(g->negotiator_timer, NULL))
		arm(g->negotiator_timer, RETRY_US);
}

static void on_negotiator(evutil_socket_t fd, short what, void *ctx)
{
	struct gateway *g = ctx;

	negotiator_receive(g->negotiator);
	gateway_flush(g);
}

static void on_negotiator_timer(evutil_socket_t fd, short what, void *ctx)
{
	gateway_flush(ctx);
}

static void on_tunnel_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			    const char *text)
{
	struct gateway *g = ctx;
	const struct tunnel *t = tunnels_get(g->tunnels, tunnel);

	if (!t)
		return;
	tunnels_state(g->tunnels, clock_now(), tunnel, up, reason, text);
	gateway_usable(g, t->connection_index);
	bgp_tunnel(g->bgp, tunnel);
}

static void on_event(void *ctx, uint32_t tunnel, const char *text)
{
	struct gateway *g = ctx;

	log_info("ike", tunnels_name(g->tunnels, tunnel), "%s", text);
}

static void on_rekeyed(void *ctx, uint32_t tunnel, bool ike)
{
	struct gateway *g = ctx;

	tunnels_rekeyed(g->tunnels, tunnel, ike);
}

static void on_stopped(void *ctx)
{
	struct gateway *g = ctx;

	event_base_loopbreak(g->base);
}

static void on_removed(void *ctx, uint32_t tunnel)
{
	change_removed(ctx, tunnel);
}

static const struct negotiator_ops negotiator_ops = {
	.removed = on_removed,
	.tunnel_state = on_tunnel_state,
	.event = on_event,
	.rekeyed = on_rekeyed,
	.stopped = on_stopped,
};

/* ---- stopping ---------------------------------------------------------------------------- */

static void on_stop_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct gateway *g = ctx;

	log_warning("gateway", NULL, "some peers did not answer our deletes");
	event_base_loopbreak(g->base);
}

static void on_stop_signal(evutil_socket_t signal, short what, void *ctx)
{
	struct gateway *g = ctx;

	if (g->stopping) {
		log_warning("gateway", NULL, "%s again: stopping at once", strsignal(signal));
		event_base_loopbreak(g->base);
		return;
	}
	log_info("gateway", NULL, "%s: telling the peers, then stopping", strsignal(signal));
	g->stopping = true;
	notify_stopping(g->notify);
	g->tunnels->quiet = true;
	arm(g->stop_timer, STOP_US);
	bgp_stop(g->bgp);
	negotiator_stop(g->negotiator);
	gateway_flush(g);
}

static void on_hangup(evutil_socket_t signal, short what, void *ctx)
{
	struct change_report report;
	struct gateway *g = ctx;
	struct problem_list problems = { 0 };
	char error[1024];

	log_info("gateway", NULL, "%s: reading %s again", strsignal(signal), g->conf->path);
	config_from_file(g, &problems, &report, error, sizeof(error)); /* says itself how it went */
	problem_clear(&problems);
}

/* ---- starting ---------------------------------------------------------------------------- */

/* Where main and the negotiator run: everywhere we may, but not beside a polling worker. */
static void control_cpus(const struct conf *c, const cpu_set_t *ours, cpu_set_t *out)
{
	*out = *ours;
	for (unsigned i = 0; i < c->workers.n; i++)
		CPU_CLR(c->workers.lcore[i], out);
	if (CPU_COUNT(out) == 0)
		*out = *ours;
}

static bool any_bgp(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].bgp)
			return true;
	return false;
}

/* Without BGP the gateway does without shards: the dataplane itself answers pings. */
static int start_exception(struct gateway *g)
{
	char error[512];
	int rc = exception_new(&g->exception, g->base, g->dp, g->conf, error, sizeof(error));

	if (rc < 0 && any_bgp(g->conf)) {
		log_error("routing", NULL, "no place for BGP: %s", error);
		return rc;
	}
	if (rc < 0)
		log_warning("routing", NULL, "inner addresses answer pings only: %s", error);
	return 0;
}

static int start_dataplane(struct gateway *g)
{
	const char *why = "unknown", *engine;
	char error[512];
	bool fast;
	int rc;

	rc = dataplane_open(&g->dp, g->conf, &why);
	if (rc < 0) {
		log_error("dataplane", NULL, "cannot open: %s (%s)", why, strerror(-rc));
		return rc;
	}
	log_info("dataplane", NULL, "%s", dataplane_summary(g->dp));
	engine = dataplane_engine(g->dp, &fast);
	if (!fast)
		log_warning("dataplane", NULL,
			    "this CPU could encrypt faster than with what was chosen: %s", engine);
	rc = tunnels_new(&g->tunnels, g->dp, g->conf, clock_now());
	if (rc < 0) {
		log_error("gateway", NULL, "out of memory");
		return rc;
	}
	rc = apply_new(&g->applied, g->dp, g->conf, error, sizeof(error));
	if (rc < 0) {
		log_error("gateway", NULL, "%s", error);
		return rc;
	}
	for (unsigned i = 0; i < g->conf->n_connections; i++)
		gateway_usable(g, g->conf->connection[i].id);
	echo_start(g->dp);
	rc = start_exception(g);
	if (rc < 0)
		return rc;
	rc = dataplane_start(g->dp);
	if (rc < 0)
		log_error("dataplane", NULL, "cannot start the workers: %s", strerror(-rc));
	return rc;
}

static int start_negotiator(struct gateway *g, const cpu_set_t *cpus)
{
	const char *folder = g->conf->key_export;
	struct key_export *keys = NULL;
	int rc = *folder ? key_export_open(&keys, folder) : 0;

	/* For debugging only: tunnels do not wait for a disk that takes it. */
	if (rc < 0)
		log_error("ike", NULL, "key_export: no key is written: %s: %s", folder,
			  strerror(-rc));
	else if (keys)
		log_warning("ike", NULL, "key_export: the keys of all tunnels are written to %s",
			    folder);
	rc = negotiator_start(&g->negotiator, g->dp, &negotiator_ops, g, cpus, keys);
	if (rc < 0)
		log_error("ike", NULL, "cannot start the negotiator: %s", strerror(-rc));
	for (uint32_t i = tunnels_next(g->tunnels, 0); rc == 0 && i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1)) {
		rc = negotiator_add(g->negotiator, i, g->tunnels->v[i].conf);
		if (rc < 0)
			log_error("ike", tunnels_name(g->tunnels, i), "%s", strerror(-rc));
	}
	return rc;
}

static int start_bgp(struct gateway *g)
{
	struct bgp_setup setup = { .base = g->base,
				   .conf = g->conf,
				   .dp = g->dp,
				   .applied = g->applied,
				   .tunnels = g->tunnels,
				   .exception = g->exception,
				   .user = &g->bird_user };
	char error[512];
	int rc;

	bird_user_find(&g->bird_user, &g->conf->bird);
	rc = any_bgp(g->conf) ? bgp_new(&g->bgp, &setup, error, sizeof(error)) : 0;
	if (rc < 0)
		log_error("bgp", NULL, "%s", error);
	return rc;
}

static struct event *add_event(struct gateway *g, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(g->base, fd, what, fn, g);

	if (ev && what != 0 && event_add(ev, NULL) < 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

static int start_events(struct gateway *g)
{
	g->dataplane_timer = add_event(g, -1, 0, on_dataplane);
	g->negotiator_timer = add_event(g, -1, 0, on_negotiator_timer);
	g->stop_timer = add_event(g, -1, 0, on_stop_timer);
	g->dataplane_event =
		add_event(g, dataplane_main_fd(g->dp), EV_READ | EV_PERSIST, on_dataplane);
	g->negotiator_event =
		add_event(g, negotiator_fd(g->negotiator), EV_READ | EV_PERSIST, on_negotiator);
	g->signal[0] = add_event(g, SIGTERM, EV_SIGNAL | EV_PERSIST, on_stop_signal);
	g->signal[1] = add_event(g, SIGINT, EV_SIGNAL | EV_PERSIST, on_stop_signal);
	g->signal[2] = add_event(g, SIGHUP, EV_SIGNAL | EV_PERSIST, on_hangup);
	if (!g->dataplane_timer || !g->negotiator_timer || !g->stop_timer || !g->dataplane_event ||
	    !g->negotiator_event || !g->signal[0] || !g->signal[1] || !g->signal[2]) {
		log_error("gateway", NULL, "cannot watch events: out of memory or descriptors");
		return -ENOMEM;
	}
	arm(g->dataplane_timer, 0);
	gateway_flush(g);
	return 0;
}

/* Only one gateway comes as far as this: the socket is its own. */
static void keep_state(struct gateway *g)
{
	char *path = state_path(g->conf);
	int rc = state_keep(g->conf);

	if (rc < 0)
		log_warning("config", NULL,
			    "what runs cannot be kept in %s, so operators cannot change it: %s",
			    path ? path : "a state", strerror(-rc));
	free(path);
}

static int start_control(struct gateway *g, int asker)
{
	char error[512];
	int rc, fd = control_listen(g->conf->control_socket, error, sizeof(error));

	if (fd < 0) {
		log_error("control", NULL, "%s", error);
		return fd;
	}
	rc = control_new(&g->control, g->base, g, fd, g->conf->control_socket);
	return rc == 0 && asker >= 0 ? control_attach(g->control, asker) : rc;
}

static int start_metrics(struct gateway *g)
{
	const struct endpoint *listen = &g->conf->metrics.listen;
	char error[256] = "out of memory", text[ENDPOINT_STR_MAX];
	int rc;

	if (listen->addr.family == ADDR_NONE)
		return 0;
	rc = metrics_new(&g->metrics, g, listen, error, sizeof(error));
	if (rc < 0)
		log_error("metrics", NULL, "%s", error);
	else
		log_info("metrics", NULL, "on http://%s/metrics", endpoint_format(listen, text));
	return rc;
}

/* Beside the state, under the same name. Without a place for them there are no samples. */
static int start_sampler(struct gateway *g)
{
	char *state = state_path(g->conf), error[512] = "out of memory";
	char folder[CONF_DEVICE_BYTES + 64] = "";
	int rc;

	if (state)
		snprintf(folder, sizeof(folder), "%.*s.samples",
			 (int)(strlen(state) - strlen(".state")), state);
	free(state);
	rc = sampler_new(&g->sampler, g, folder, error, sizeof(error));
	if (rc < 0 && folder[0]) {
		log_warning("samples", NULL, "%s", error);
		rc = sampler_new(&g->sampler, g, "", error, sizeof(error));
	}
	return rc;
}

static int start_prober(struct gateway *g)
{
	int rc = prober_new(&g->prober, g->base, g->dp, g->tunnels);

	if (rc < 0)
		log_error("probe", NULL, "%s", strerror(-rc));
	return rc;
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

static void take_down(struct gateway *g)
{
	control_close(g->control);
	negotiator_free(g->negotiator); /* answers what operators still wait for */
	bgp_answer(g->bgp);		/* and this as well */
	metrics_free(g->metrics);
	sampler_free(g->sampler);
	prober_free(g->prober);
	drain_abandon(g);
	trace_abandon(g);
	capture_abandon(g);
	control_free(g->control);
	notify_free(g->notify);
	free_event(g->dataplane_event);
	free_event(g->dataplane_timer);
	free_event(g->negotiator_event);
	free_event(g->negotiator_timer);
	free_event(g->stop_timer);
	for (unsigned i = 0; i < 3; i++)
		free_event(g->signal[i]);
	change_free(g);
	bgp_free(g->bgp);
	exception_free(g->exception);
	dataplane_close(g->dp);
	apply_free(g->applied);
	tunnels_free(g->tunnels);
	conf_free(g->conf);
	if (g->base)
		event_base_free(g->base);
	libevent_global_shutdown();
}

int gateway_run(struct conf *c, int asker)
{
	struct gateway g = { .conf = c, .started = clock_now() };
	cpu_set_t ours, cpus;
	int status = 1, rc;

	sched_getaffinity(0, sizeof(ours), &ours);
	log_info("gateway", NULL, "isthmus %s starts with %s", ISTHMUS_VERSION, c->path);
	loop_memory_start();
	g.base = event_base_new();
	if (!g.base || change_new(&g) < 0 || start_control(&g, asker) < 0 ||
	    start_dataplane(&g) < 0)
		goto out;
	keep_state(&g);
	/* Opening the dataplane bound this thread to one CPU. */
	control_cpus(c, &ours, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (start_bgp(&g) < 0 || start_negotiator(&g, &cpus) < 0 || start_events(&g) < 0 ||
	    start_metrics(&g) < 0 || start_sampler(&g) < 0 || start_prober(&g) < 0)
		goto out;
	log_info("gateway", NULL, "running: %u tunnels, shell on %s", g.tunnels->count,
		 g.conf->control_socket);
	rc = notify_ready(&g.notify, g.base);
	if (rc < 0)
		log_warning("gateway", NULL, "systemd is not told: %s", strerror(-rc));
	event_base_dispatch(g.base);
	status = 0;
out:
	take_down(&g);
	log_info("gateway", NULL, status == 0 ? "stopped" : "not started");
	return status;
}

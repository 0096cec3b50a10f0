/* "capture FILE ...": packets into a pcapng file, until there are enough or the operator goes. */
#include "gateway/capture_file.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "gateway/log.h"
#include "gateway/show.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US (50 * 1000)

struct capturing {
	struct gateway *gateway;
	struct command_call *call; /* NULL: abandoned, nobody waits */
	struct capture_file *file;
	struct capture *capture;
	struct event *timer;
	uint64_t deadline; /* clock_now(); 0: none */
	bool stopping;
};

static int number(struct command_call *call, const char *name, uint64_t least, uint64_t *value)
{
	const char *word = command_option(call, name);

	if (!word)
		return 0;
	*value = strtoull(word, NULL, 10);
	return *value >= least ? 0
			       : command_fail(call, -EINVAL, "%s %s: must be at least %llu", name,
					      word, (unsigned long long)least);
}

static bool asked(const struct command_call *call, const char *word)
{
	for (unsigned i = 2; i < call->n; i++)
		if (call->match.literal[i] && strcmp(call->word[i], word) == 0)
			return true;
	return false;
}

static int port_of(struct command_call *call, const char *name, uint32_t *port)
{
	const struct conf *c = call->gateway->conf;

	for (unsigned i = 0; i < c->n_ports; i++) {
		if (strcmp(c->port[i].name, name) == 0) {
			*port = i;
			return 0;
		}
	}
	return command_fail(call, -ENOENT, "'%s' is no port", name);
}

static int read_filter(struct command_call *call, struct capture_filter *f)
{
	const char *port = command_option(call, "port");
	const char *tunnel = command_option(call, "tunnel");
	const char *prefix = command_option(call, "filter");
	uint64_t snaplen = 0;
	int rc = number(call, "snaplen", 14, &snaplen);

	f->tunnel = f->port = CAPTURE_ANY;
	f->snaplen = (uint32_t)snaplen;
	if (asked(call, "outer"))
		f->what = CAPTURE_OUTER;
	else if (asked(call, "inner") || tunnel)
		f->what = CAPTURE_INNER;
	else
		f->what = CAPTURE_FRAMES;
	if (rc == 0 && prefix && !prefix_parse(&f->prefix, prefix))
		rc = command_fail(call, -EINVAL, "'%s' is no prefix", prefix);
	if (rc == 0 && port && f->what != CAPTURE_FRAMES)
		rc = command_fail(call, -EINVAL,
				  "a port is for frames as they come and go, not for inner or "
				  "outer packets or those of one tunnel");
	if (rc == 0 && port)
		rc = port_of(call, port, &f->port);
	for (unsigned i = 2; rc == 0 && tunnel && i < call->n; i++) {
		int64_t t = call->word[i] == tunnel ? command_tunnel(call, i) : 0;

		if (t < 0)
			rc = (int)t;
		else if (call->word[i] == tunnel)
			f->tunnel = (uint32_t)t;
	}
	return rc;
}

static const char *port_name(const void *ctx, unsigned i)
{
	const struct gateway *g = ctx;

	return g->conf->port[i].name;
}

static const char *tunnel_name(const void *ctx, unsigned i)
{
	const struct gateway *g = ctx;

	const char *name = tunnels_name(g->tunnels, i);

	return name ? name : "?"; /* was deleted */
}

static void forget(struct capturing *k)
{
	if (k->timer)
		event_free(k->timer);
	capture_file_free(k->file);
	dataplane_capture_free(k->capture);
	free(k);
}

static void tell(struct capturing *k, const char *path, int rc, uint64_t packets, uint64_t bytes)
{
	struct command_call *call = k->call;
	uint64_t matched, lost;

	dataplane_capture_counts(k->capture, &matched, &lost);
	log_info("gateway", NULL, "capture into %s ended: %llu packets, %llu lost", path,
		 (unsigned long long)packets, (unsigned long long)lost);
	if (rc < 0) {
		command_fail(call, rc, "%s: %s; it holds %llu packets", path, strerror(-rc),
			     (unsigned long long)packets);
	} else {
		page_text(call->page, "file", "file", path);
		page_count(call->page, "packets", "packets", packets);
		page_bytes(call->page, "bytes", "bytes", bytes);
		page_count(call->page, "lost",
			   "lost, because the file could not be written so fast", lost);
	}
	command_finish(call, rc);
}

static void finish(struct capturing *k)
{
	uint64_t packets, bytes;
	int rc = capture_file_finish(k->file, &packets, &bytes);

	k->gateway->capturing = NULL;
	tell(k, k->call->word[1], rc, packets, bytes);
	k->call = NULL;
}

static void at_rest(void *ctx, struct capture *c)
{
	struct capturing *k = ctx;

	if (k->call)
		finish(k);
	forget(k);
}

static void stop(struct capturing *k)
{
	if (k->stopping)
		return;
	k->stopping = true;
	event_del(k->timer);
	dataplane_capture_stop(k->gateway->dp, k->capture, at_rest, k);
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	struct capturing *k = ctx;

	if (capture_file_full(k->file) || (k->deadline && clock_now() >= k->deadline))
		stop(k);
}

static void on_cancel(struct command_call *call)
{
	stop(call->state);
}

/* The gateway stops: what is captured is written, and the call is over. Workers still run. */
void capture_abandon(struct gateway *g)
{
	struct capturing *k = g->capturing;

	if (!k)
		return;
	stop(k);
	finish(k);
}

int capture_start(struct command_call *call)
{
	static const struct timeval interval = { .tv_usec = LOOK_US };
	struct gateway *g = call->gateway;
	struct capture_filter filter = { 0 };
	struct capture_file_setup setup = { .path = call->word[1],
					    .n_ports = g->conf->n_ports,
					    .n_tunnels = g->tunnels->n,
					    .port = port_name,
					    .tunnel = tunnel_name,
					    .ctx = g };
	uint64_t seconds = 0;
	struct capturing *k;
	int rc;

	if (g->capturing)
		return command_fail(call, -EBUSY, "another capture is running");
	if (call->word[1][0] != '/')
		return command_fail(call, -EINVAL,
				    "'%s': name the file from / on; the gateway writes it",
				    call->word[1]);
	if (strstr(call->word[1], "/../") != NULL)
		return command_fail(call, -EINVAL, "'%s': name the file without \"..\"",
				    call->word[1]);
	rc = read_filter(call, &filter);
	if (rc == 0)
		rc = number(call, "count", 1, &setup.count);
	if (rc == 0)
		rc = number(call, "seconds", 1, &seconds);
	if (rc < 0)
		return rc;
	k = calloc(1, sizeof(*k));
	if (!k)
		return command_fail(call, -ENOMEM, "out of memory");
	setup.what = filter.what;
	setup.snaplen = filter.snaplen;
	k->gateway = g;
	k->call = call;
	k->deadline = seconds ? clock_now() + seconds * CLOCK_SECOND : 0;
	k->timer = event_new(g->base, -1, EV_PERSIST, look, k);
	rc = k->timer ? capture_file_new(&k->file, &setup) : -ENOMEM;
	if (rc < 0) {
		command_fail(call, rc, "%s: %s", setup.path, strerror(-rc));
		goto fail;
	}
	rc = dataplane_capture_start(g->dp, &filter, &k->capture);
	if (rc < 0) {
		command_fail(call, rc, "cannot capture: %s", strerror(-rc));
		unlink(setup.path);
		goto fail;
	}
	rc = event_add(k->timer, &interval) < 0 ? -ENOMEM : 0;
	if (rc == 0)
		rc = capture_file_start(k->file, k->capture);
	g->capturing = k;
	call->state = k;
	call->cancel = on_cancel;
	log_info("gateway", NULL, "capture into %s", setup.path);
	if (rc < 0) {
		log_error("gateway", NULL, "capture: %s", strerror(-rc));
		stop(k); /* answers with what there is: nothing */
	}
	return COMMAND_LATER;
fail:
	forget(k);
	return rc;
}

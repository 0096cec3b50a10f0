#include "gateway/acceptor.h"

#include "gateway/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct acceptor {
	struct event *ready, *rest;
	const char *part;
	void (*taken)(void *ctx, int fd);
	void *ctx;
	bool short_of; /* said already */
};

static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void on_ready(evutil_socket_t listener, short what, void *ctx)
{
	static const struct timeval rest = { .tv_usec = ACCEPTOR_REST_MS * 1000 };
	struct acceptor *a = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		a->short_of = false;
		a->taken(a->ctx, fd);
		return;
	}
	if (!is_shortage(errno))
		return;
	if (!a->short_of)
		log_warning(a->part, NULL, "a connection has to wait: %s", strerror(errno));
	a->short_of = true;
	event_del(a->ready);
	evtimer_add(a->rest, &rest);
}

static void on_rested(evutil_socket_t fd, short what, void *ctx)
{
	struct acceptor *a = ctx;

	event_add(a->ready, NULL);
}

int acceptor_new(struct acceptor **out, struct event_base *base, int fd, const char *part,
		 void (*taken)(void *ctx, int fd), void *ctx)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->part = part;
	a->taken = taken;
	a->ctx = ctx;
	a->ready = event_new(base, fd, EV_READ | EV_PERSIST, on_ready, a);
	a->rest = evtimer_new(base, on_rested, a);
	if (!a->ready || !a->rest || event_add(a->ready, NULL) < 0) {
		acceptor_free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	if (a->ready)
		event_free(a->ready);
	if (a->rest)
		event_free(a->rest);
	free(a);
}

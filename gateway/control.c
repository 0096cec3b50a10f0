#include "gateway/control.h"

#include "gateway/acceptor.h"
#include "gateway/command.h"
#include "gateway/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNREAD_MAX (256 * 1024) /* bytes an operator has not read yet, before we stop */

struct session {
	struct control *control;
	struct session *next, *before;
	struct bufferevent *bev;   /* NULL: gone, but a command is still under way */
	struct command_call *call; /* that can be cancelled, while it runs */
	bool running;		   /* a command is under way */
	bool serving;		   /* serve() is on the stack */
	bool ended;		   /* no more requests will come */
};

struct control {
	struct event_base *base;
	struct gateway *gateway;
	struct acceptor *acceptor;
	int fd;
	char *path;
	struct stat place; /* of the socket: another's is not ours to remove */
	struct session *first;
	unsigned sessions;
	bool closing; /* no command is begun any more */
};

static void forget(struct session *s)
{
	if (s->bev)
		bufferevent_free(s->bev);
	s->bev = NULL;
	if (s->serving)
		return; /* freed when that is over */
	if (s->running) {
		struct command_call *call = s->call;

		s->call = NULL;
		if (call)
			command_cancel(call); /* on_done() comes now or later, and forgets */
		return;
	}
	if (s->next)
		s->next->before = s->before;
	if (s->before)
		s->before->next = s->next;
	else
		s->control->first = s->next;
	s->control->sessions--;
	free(s);
}

static void serve(struct session *s);

static void reply(struct session *s, const char *kind, const char *body, size_t len)
{
	char head[CONTROL_HEADER];

	snprintf(head, sizeof(head), "%s %zu\n", kind, len);
	if (bufferevent_write(s->bev, head, strlen(head)) < 0 ||
	    bufferevent_write(s->bev, body, len) < 0)
		log_warning("control", NULL, "a reply of %zu bytes does not fit in memory", len);
}

static void on_part(void *ctx, bool page, const char *body, size_t len)
{
	struct session *s = ctx;

	if (s->bev)
		reply(s, page ? "page" : "more", body, len);
}

static void on_done(void *ctx, enum command_status status, const char *body, size_t len)
{
	static const char *const kind[] = {
		[COMMAND_DONE] = "ok",
		[COMMAND_REFUSED] = "error",
		[COMMAND_WRONG] = "wrong",
		[COMMAND_BYE] = "bye",
	};
	struct session *s = ctx;

	s->running = false;
	s->call = NULL;
	if (s->bev)
		reply(s, kind[status], body, len);
	if (!s->serving)
		serve(s);
}

static size_t unread(void *ctx)
{
	const struct session *s = ctx;

	return s->bev ? evbuffer_get_length(bufferevent_get_output(s->bev)) : SIZE_MAX;
}

static const struct command_reader reader = { .part = on_part, .done = on_done, .unread = unread };

static void refuse(struct session *s)
{
	static const char text[] = "the request is too long\n";
	struct evbuffer *in = bufferevent_get_input(s->bev);

	reply(s, "wrong", text, sizeof(text) - 1);
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_disable(s->bev, EV_READ);
	s->ended = true;
}

/* Runs the requests that are there, until one takes time or the operator's replies pile up. */
static void serve(struct session *s)
{
	s->serving = true;
	while (s->bev && !s->running && !s->control->closing) {
		struct evbuffer *in = bufferevent_get_input(s->bev);
		struct evbuffer *out = bufferevent_get_output(s->bev);
		struct command_call *call;
		char *line;
		size_t len;

		if (evbuffer_get_length(out) > UNREAD_MAX)
			break;
		line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		if (line ? len >= COMMAND_LINE_MAX : evbuffer_get_length(in) >= COMMAND_LINE_MAX) {
			free(line);
			refuse(s);
			break;
		}
		if (!line)
			break;
		if (strcmp(line, "\003") == 0) {
			free(line);
			continue;
		}
		s->running = true;
		call = command_run(s->control->gateway, line, &reader, s);
		if (s->running)
			s->call = call;
		explicit_bzero(line, len); /* it may have set a key */
		free(line);
	}
	s->serving = false;
	if (!s->bev ||
	    (s->ended && !s->running && evbuffer_get_length(bufferevent_get_output(s->bev)) == 0))
		forget(s);
}

/* A line of Ctrl-C ends the command under way, and is nothing if there is none. */
static const char interrupt[] = "\003\n";

static void on_data(struct bufferevent *bev, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct session *s = ctx;
	char head[2];

	if (s->call && evbuffer_copyout(in, head, 2) == 2 && memcmp(head, interrupt, 2) == 0) {
		evbuffer_drain(in, 2);
		command_cancel(s->call); /* may end the session */
		return;
	}
	serve(s);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct session *s = ctx;

	if (what & BEV_EVENT_ERROR) {
		forget(s);
	} else if (what & BEV_EVENT_EOF) {
		s->ended = true;
		if (s->call)
			command_cancel(s->call); /* may end the session */
		else
			serve(s);
	}
}

int control_attach(struct control *c, int fd)
{
	struct session *s = NULL;

	if (!c->closing && c->sessions < CONTROL_OPERATORS &&
	    evutil_make_socket_nonblocking(fd) == 0)
		s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return c->closing			  ? -ESHUTDOWN
		       : c->sessions >= CONTROL_OPERATORS ? -EMFILE
							  : -ENOMEM;
	}
	s->control = c;
	s->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!s->bev) {
		close(fd);
		free(s);
		return -ENOMEM;
	}
	s->next = c->first;
	if (c->first)
		c->first->before = s;
	c->first = s;
	c->sessions++;
	bufferevent_setcb(s->bev, on_data, on_data, on_event, s);
	bufferevent_setwatermark(s->bev, EV_READ, 0, 4 * COMMAND_LINE_MAX);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	return 0;
}

static void on_taken(void *ctx, int fd)
{
	int rc = control_attach(ctx, fd);

	if (rc < 0)
		log_warning("control", NULL, "an operator was turned away: %s", strerror(-rc));
}

int control_new(struct control **out, struct event_base *base, struct gateway *g, int fd,
		const char *path)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		goto fail;
	c->base = base;
	c->gateway = g;
	c->fd = fd;
	if (path) {
		c->path = strdup(path);
		if (!c->path || lstat(path, &c->place) < 0)
			goto fail;
	}
	if (fd >= 0 && acceptor_new(&c->acceptor, base, fd, "control", on_taken, c) < 0)
		goto fail;
	*out = c;
	return 0;
fail:
	if (c)
		free(c->path);
	free(c);
	if (fd >= 0)
		close(fd);
	return -ENOMEM;
}

void control_close(struct control *c)
{
	if (c)
		c->closing = true;
}

void control_free(struct control *c)
{
	struct stat now;

	if (!c)
		return;
	c->closing = true;
	while (c->first) {
		struct session *s = c->first;

		/* What fits into the socket still reaches the operator. */
		if (s->bev)
			evbuffer_write(bufferevent_get_output(s->bev), bufferevent_getfd(s->bev));
		forget(s);
		if (c->first != s)
			continue;
		s->running = false; /* nobody will answer any more */
		forget(s);
	}
	acceptor_free(c->acceptor);
	if (c->fd >= 0) {
		if (c->path && lstat(c->path, &now) == 0 && now.st_dev == c->place.st_dev &&
		    now.st_ino == c->place.st_ino)
			unlink(c->path);
		close(c->fd);
	}
	free(c->path);
	free(c);
}

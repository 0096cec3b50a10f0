#include "gateway/http.h"

#include "gateway/acceptor.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITE_AT_ONCE (256 * 1024)

struct http_call {
	TAILQ_ENTRY(http_call) link;
	struct http *http;
	struct bufferevent *bev;
	struct event *deadline;
	void *body;   /* NULL: no request yet, or all of it was made */
	bool answers; /* pieces are asked for */
	bool ended;   /* closes when its output is empty */
};

struct http {
	struct event_base *base;
	const struct http_ops *ops;
	void *ctx;
	int fd;
	struct acceptor *acceptor;
	unsigned n_calls;
	TAILQ_HEAD(, http_call) calls; /* oldest first */
};

static const char *status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Service Unavailable";
	}
}

static void end_body(struct http_call *call)
{
	void *body = call->body;

	call->body = NULL;
	call->answers = false;
	if (body)
		call->http->ops->end(body);
}

/* An answer has no length: one that ends early must not look as if it were all. */
static void reset_if_cut(struct http_call *call)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (call->answers || evbuffer_get_length(bufferevent_get_output(call->bev)) > 0)
		(void)setsockopt(bufferevent_getfd(call->bev), SOL_SOCKET, SO_LINGER, &at_once,
				 sizeof(at_once));
}

static void forget(struct http_call *call)
{
	if (call->bev)
		reset_if_cut(call);
	end_body(call);
	TAILQ_REMOVE(&call->http->calls, call, link);
	call->http->n_calls--;
	if (call->deadline)
		event_free(call->deadline);
	if (call->bev)
		bufferevent_free(call->bev);
	free(call);
}

static void refuse(struct http_call *call, int status)
{
	end_body(call);
	call->ended = true;
	evbuffer_add_printf(
		bufferevent_get_output(call->bev),
		"HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s\n",
		status, status_text(status), status == 405 ? "Allow: GET\r\n" : "",
		strlen(status_text(status)) + 1, status_text(status));
}

void http_begin(struct http_call *call, int status, const char *content_type)
{
	if (status != 200) {
		refuse(call, status);
		return;
	}
	/* Its end is the connection's: no length, which nobody knows yet. The first piece is asked
	 * for when this has been written. */
	call->answers = true;
	evbuffer_add_printf(bufferevent_get_output(call->bev),
			    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n",
			    content_type);
}

/* ---- one connection ---------------------------------------------------------------------- */

/* "GET /metrics?x HTTP/1.1": the path, cut out of line; or a status. */
static int parse_request(char *line, char **path)
{
	char *method = strtok_r(line, " ", path), *target = strtok_r(NULL, " ", path);
	char *version = strtok_r(NULL, " ", path);

	if (!method || !target || !version || target[0] != '/' ||
	    strncmp(version, "HTTP/1.", 7) != 0)
		return 400;
	if (strcmp(method, "GET") != 0)
		return 405;
	target[strcspn(target, "?#")] = '\0';
	*path = target;
	return 200;
}

static void take_request(struct http_call *call, struct evbuffer *in)
{
	size_t n;
	char *line = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF), *path = NULL;
	int status = line && strlen(line) == n ? parse_request(line, &path) : 400;

	if (status == 200) {
		call->body = call->http->ops->open(call->http->ctx, call, path);
		if (!call->body && !call->ended)
			status = 404;
	}
	if (status != 200)
		refuse(call, status);
	free(line);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct http_call *call = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);

	if (call->body || call->answers || call->ended) {
		evbuffer_drain(in, evbuffer_get_length(in)); /* there is one request only */
	} else if (end.pos >= 0 && end.pos < HTTP_REQUEST_MAX) {
		take_request(call, in);
	} else if (evbuffer_get_length(in) >= HTTP_REQUEST_MAX) {
		refuse(call, 431);
	}
}

/* All that was there has been written. */
static void on_written(struct bufferevent *bev, void *ctx)
{
	struct http_call *call = ctx;

	if (call->answers && !call->http->ops->more(call->body, bufferevent_get_output(bev))) {
		end_body(call);
		call->ended = true;
	} else if (call->answers && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
		/* Of an empty piece nothing is written, so that nobody would ask for the next. */
		bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	}
	if (!call->ended || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	/* The last bytes are the kernel's now; closing with unread input would reset them away. */
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	forget(call);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct http_call *call = ctx;

	/* A reader may close its own side after the request. */
	if ((what & BEV_EVENT_EOF) && (call->body || call->ended))
		return;
	forget(call);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	forget(ctx);
}

/* Owns fd, also where it fails. */
static void attach(struct http *h, int fd)
{
	const struct timeval deadline = { .tv_sec = HTTP_DEADLINE };
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call) {
		close(fd);
		return;
	}
	call->http = h;
	TAILQ_INSERT_TAIL(&h->calls, call, link);
	h->n_calls++;
	call->deadline = evtimer_new(h->base, on_deadline, call);
	call->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!call->bev)
		close(fd);
	if (!call->bev || !call->deadline) {
		forget(call);
		return;
	}
	evtimer_add(call->deadline, &deadline);
	bufferevent_setcb(call->bev, on_read, on_written, on_event, call);
	bufferevent_setwatermark(call->bev, EV_READ, 0, HTTP_REQUEST_MAX);
	bufferevent_set_max_single_write(call->bev, WRITE_AT_ONCE);
	if (bufferevent_enable(call->bev, EV_READ | EV_WRITE) < 0)
		forget(call);
}

static void on_taken(void *ctx, int fd)
{
	struct http *h = ctx;

	/* Who asks and reads takes a second; the oldest one hangs. */
	if (h->n_calls == HTTP_CONNECTIONS)
		forget(TAILQ_FIRST(&h->calls));
	attach(h, fd);
}

/* ---- the door ---------------------------------------------------------------------------- */

static socklen_t to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (e->addr.family == ADDR_IPV4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->addr.b, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(e->port);
	memcpy(&v6->sin6_addr, e->addr.b, 16);
	return sizeof(*v6);
}

struct endpoint http_address(const struct http *h)
{
	struct sockaddr_storage at = { 0 };
	socklen_t n = sizeof(at);
	struct endpoint e = { 0 };

	if (getsockname(h->fd, (struct sockaddr *)&at, &n) < 0)
		return e;
	if (at.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;

		e.addr = addr_ipv4(ntohl(v4->sin_addr.s_addr));
		e.port = ntohs(v4->sin_port);
	} else {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;

		e.addr.family = ADDR_IPV6;
		memcpy(e.addr.b, &v6->sin6_addr, 16);
		e.port = ntohs(v6->sin6_port);
	}
	return e;
}

int http_new(struct http **out, struct event_base *base, const struct endpoint *listen_on,
	     const struct http_ops *ops, void *ctx, char *error, size_t error_size)
{
	struct sockaddr_storage at;
	socklen_t n = to_sockaddr(listen_on, &at);
	char text[ADDR_STR_MAX + 16];
	struct http *h = calloc(1, sizeof(*h));
	int on = 1, rc = -ENOMEM;

	if (!h)
		goto out;
	h->base = base;
	h->ops = ops;
	h->ctx = ctx;
	TAILQ_INIT(&h->calls);
	h->fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (h->fd < 0 || setsockopt(h->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(h->fd, (struct sockaddr *)&at, n) < 0 || listen(h->fd, HTTP_CONNECTIONS) < 0) {
		rc = -errno;
		goto out;
	}
	rc = acceptor_new(&h->acceptor, base, h->fd, "metrics", on_taken, h);
	if (rc < 0)
		goto out;
	*out = h;
	return 0;
out:
	snprintf(error, error_size, "cannot listen on %s: %s", endpoint_format(listen_on, text),
		 strerror(-rc));
	http_free(h);
	return rc;
}

void http_free(struct http *h)
{
	struct http_call *call;

	if (!h)
		return;
	while ((call = TAILQ_FIRST(&h->calls)))
		forget(call);
	acceptor_free(h->acceptor);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

#include "gateway/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct notify {
	int fd;
	struct event *timer;
	struct sockaddr_un to;
	socklen_t to_len;
};

static void say(const struct notify *n, const char *what)
{
	/* Nobody to hear it is no reason to stop. */
	(void)!sendto(n->fd, what, strlen(what), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&n->to, n->to_len);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	say(ctx, "WATCHDOG=1");
}

/* Microseconds; 0: the watchdog watches somebody else, or nobody. */
static uint64_t watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(usec, NULL, 10);
}

int notify_ready(struct notify **out, struct event_base *base)
{
	const char *path = getenv("NOTIFY_SOCKET");
	uint64_t often = watchdog() / 3;
	struct notify *n;

	*out = NULL;
	if (!path || (path[0] != '/' && path[0] != '@'))
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->to.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(n->to.sun_path)) {
		free(n);
		return -ENAMETOOLONG;
	}
	memcpy(n->to.sun_path, path, strlen(path));
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		n->to.sun_path[0] = '\0'; /* an abstract name */
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0) {
		free(n);
		return -errno;
	}
	if (often > 0) {
		struct timeval t = { (time_t)(often / 1000000), (suseconds_t)(often % 1000000) };

		n->timer = event_new(base, -1, EV_PERSIST, on_timer, n);
		if (n->timer)
			event_add(n->timer, &t);
	}
	say(n, "READY=1\nSTATUS=running");
	*out = n;
	return 0;
}

void notify_stopping(struct notify *n)
{
	if (n)
		say(n, "STOPPING=1");
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	if (n->timer)
		event_free(n->timer);
	close(n->fd);
	free(n);
}

#include "routing/bird_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES 65536
#define READS	   4 /* of a link, in one run */

struct bird_socket {
	struct bird *bird;
	struct sockaddr_un address;
	int fd[BIRD_LINKS]; /* -1: none */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

static void send_out(struct bird_socket *s, unsigned link)
{
	struct bird_text out = bird_output(s->bird, link);
	ssize_t n;

	if (s->fd[link] < 0 || !bird_is_open(s->bird, link) || out.n == 0)
		return;
	n = send(s->fd[link], out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		bird_sent(s->bird, link, (size_t)n);
	/* What failed for good is told by the next read. */
}

static void wake(void *ctx)
{
	struct bird_socket *s = ctx;

	for (unsigned i = 0; i < BIRD_LINKS; i++)
		send_out(s, i);
	if (s->wake)
		s->wake(s->wake_ctx);
}

struct bird_socket *bird_socket_new(const char *path, const struct bird_options *options)
{
	struct bird_socket *s = calloc(1, sizeof(*s));
	struct bird_options mine = *options;

	if (!s || strlen(path) >= sizeof(s->address.sun_path))
		goto out;
	s->address.sun_family = AF_UNIX;
	strcpy(s->address.sun_path, path);
	s->wake = options->wake;
	s->wake_ctx = options->wake_ctx;
	mine.wake = wake;
	mine.wake_ctx = s;
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		s->fd[i] = -1;
	s->bird = bird_new(&mine);
	if (s->bird)
		return s;
out:
	free(s);
	return NULL;
}

static void close_link(struct bird_socket *s, unsigned link)
{
	if (s->fd[link] >= 0)
		close(s->fd[link]);
	s->fd[link] = -1;
}

void bird_socket_free(struct bird_socket *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		close_link(s, i);
	bird_free(s->bird);
	free(s);
}

struct bird *bird_socket_bird(struct bird_socket *s)
{
	return s->bird;
}

unsigned bird_socket_poll(const struct bird_socket *s, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		if (s->fd[i] < 0)
			continue;
		fds[n].fd = s->fd[i];
		fds[n].revents = 0;
		fds[n++].events = bird_output(s->bird, i).n > 0 ? POLLIN | POLLOUT : POLLIN;
	}
	return n;
}

static void connect_link(struct bird_socket *s, unsigned link, uint64_t now)
{
	char why[SOURCE_TEXT_BYTES];

	s->fd[link] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd[link] >= 0 &&
	    connect(s->fd[link], (const struct sockaddr *)&s->address, sizeof(s->address)) == 0) {
		bird_opened(s->bird, link, now);
		return;
	}
	snprintf(why, sizeof(why), "control socket: %s", strerror(errno));
	close_link(s, link);
	bird_closed(s->bird, link, now, why);
}

/* true: there may be more. */
static bool read_link(struct bird_socket *s, unsigned link, uint64_t now)
{
	static char buf[READ_BYTES];
	char why[SOURCE_TEXT_BYTES];

	for (unsigned i = 0; i < READS; i++) {
		ssize_t n = recv(s->fd[link], buf, sizeof(buf), MSG_DONTWAIT);

		if (n > 0) {
			bird_input(s->bird, link, now, buf, (size_t)n);
			if (!bird_is_open(s->bird, link) || n < (ssize_t)sizeof(buf))
				return false;
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		snprintf(why, sizeof(why), "control socket: %s",
			 n == 0 ? "closed by BIRD" : strerror(errno));
		bird_closed(s->bird, link, now, why);
		return false;
	}
	return true;
}

uint64_t bird_socket_run(struct bird_socket *s, uint64_t now)
{
	bool more = false;

	for (unsigned i = 0; i < BIRD_LINKS; i++)
		if (s->fd[i] >= 0 && bird_is_open(s->bird, i))
			more |= read_link(s, i, now);
	bird_tick(s->bird, now);
	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		if (!bird_is_open(s->bird, i))
			close_link(s, i);
		if (bird_wants(s->bird, i, now))
			connect_link(s, i, now);
		send_out(s, i);
	}
	return more ? now : bird_deadline(s->bird);
}

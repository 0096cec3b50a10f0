#include "gateway/log_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "isthmusd"
#define DAEMON	3 /* facility, RFC 3164 §4.1.1 */

static const char *const paths[] = {
	[LOG_SOCKET_SYSLOG] = "/dev/log", [LOG_SOCKET_JOURNALD] = "/run/systemd/journal/socket"
};

static int reach(struct log_socket *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = s->path[0] ? s->path : paths[s->kind];

	memcpy(to.sun_path, path, strlen(path) + 1);
	return connect(s->fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : -errno;
}

int log_socket_open(struct log_socket *s, enum log_socket_kind kind)
{
	int rc;

	s->kind = kind;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	rc = reach(s);
	if (rc < 0)
		log_socket_close(s);
	return rc;
}

void log_socket_close(struct log_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int syslog_datagram(const struct log_message *m, const char *text, char *to, size_t room)
{
	char time_text[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(time_text, sizeof(time_text), "%b %e %H:%M:%S", &tm);
	return snprintf(to, room, "<%d>%s " PROGRAM "[%d]: %s", DAEMON * 8 + (m->priority - '0'),
			time_text, (int)getpid(), text);
}

static int journald_datagram(const struct log_message *m, const char *text, char *to, size_t room)
{
	return snprintf(to, room,
			"PRIORITY=%c\nSYSLOG_IDENTIFIER=" PROGRAM "\nISTHMUS_PART=%s\n%s%s%s"
			"%s%s%sMESSAGE=%s\n",
			m->priority, m->part, m->object ? "ISTHMUS_OBJECT=" : "",
			m->object ? m->object : "", m->object ? "\n" : "",
			m->event ? "ISTHMUS_EVENT=" : "", m->event ? m->event : "",
			m->event ? "\n" : "", text);
}

bool log_socket_send(struct log_socket *s, const struct log_message *m, const char *text)
{
	char datagram[16384];
	int n = s->kind == LOG_SOCKET_JOURNALD
			? journald_datagram(m, text, datagram, sizeof(datagram))
			: syslog_datagram(m, text, datagram, sizeof(datagram));

	if (s->fd < 0 || n < 0 || (size_t)n >= sizeof(datagram))
		return false;
	if (send(s->fd, datagram, (size_t)n, MSG_NOSIGNAL) == n)
		return true;
	/* The log daemon was started anew. */
	return (errno == ECONNREFUSED || errno == ENOTCONN || errno == ENOENT) && reach(s) == 0 &&
	       send(s->fd, datagram, (size_t)n, MSG_NOSIGNAL) == n;
}

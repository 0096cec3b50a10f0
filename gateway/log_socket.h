/* Log lines as datagrams to the system's log: /dev/log (RFC 3164) or journald's native socket.
 *
 * Never waits: a reader that is stuck or away costs a line, which the caller may put elsewhere, and
 * is looked for again with the next one. The caller locks. */
#ifndef GATEWAY_LOG_SOCKET_H
#define GATEWAY_LOG_SOCKET_H

#include <stdbool.h>

enum log_socket_kind { LOG_SOCKET_SYSLOG, LOG_SOCKET_JOURNALD };

struct log_socket {
	int fd; /* -1: closed */
	enum log_socket_kind kind;
	char path[108]; /* for tests: set before log_socket_open() it is used instead */
};

struct log_message {
	char priority; /* '3' to '7', as in syslog(3) */
	const char *part, *object, *event;
};

int log_socket_open(struct log_socket *s, enum log_socket_kind kind); /* 0 or -errno */
void log_socket_close(struct log_socket *s);			      /* closed is fine */
/* text: one line without its end. */
bool log_socket_send(struct log_socket *s, const struct log_message *m, const char *text);

#endif

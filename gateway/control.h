/* The operators' door: a UNIX stream socket that takes command lines and answers in frames.
 *
 *   request   one line, "show tunnels --json\n", at most COMMAND_LINE_MAX bytes
 *   reply     any number of "more 80\n" or "page 80\n" (in the place of what was shown), at
 *             last "ok 1234\n", "error 57\n" (refused), "wrong 57\n" (no command) or
 *             "bye 0\n"; each is followed by so many bytes of text
 *
 * The request "\003" (Ctrl-C) ends an endless command that runs, and has no reply of its own.
 *
 * One operator's requests are answered one after the other; several operators do not wait for
 * each other. An operator who does not read gets no more until he does. Whoever may open the
 * socket may do everything, so it is private: mode 0600, in a directory that nobody else can
 * write. Main thread. */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include <stddef.h>

#define CONTROL_SOCKET	  "/run/isthmus/control.sock" /* unless configured otherwise */
#define CONTROL_OPERATORS 64			      /* at once */
#define CONTROL_HEADER	  40			      /* bytes of a reply's first line, with NUL */

struct control;
struct event_base;
struct gateway;

/* Binds the socket, creating its directory (only the last part of the path) and removing a socket
 * that nobody listens on. The descriptor, or a negative errno and error says what is wrong. */
int control_listen(const char *path, char *error, size_t error_size);

/* Serves commands of g on fd (from control_listen(); -1: only control_attach()); owns it now. */
int control_new(struct control **out, struct event_base *base, struct gateway *g, int fd,
		const char *path);
/* From now on no command is begun: the parts that it would ask go. What is under way may still be
 * answered. NULL is fine. */
void control_close(struct control *c);
/* Closes all and removes the socket. Commands under way must be done. NULL is fine. */
void control_free(struct control *c);
/* Serves one more connected stream socket, and owns it also on failure. */
int control_attach(struct control *c, int fd);

#endif

/* Takes the connections of a listening socket. While the process or the system has no descriptor or
 * memory left it rests between tries: the socket stays readable, and the loop would spin. Main
 * thread. */
#ifndef GATEWAY_ACCEPTOR_H
#define GATEWAY_ACCEPTOR_H

#define ACCEPTOR_REST_MS 100

struct acceptor;
struct event_base;

/* taken(ctx, fd) owns each connection, which does not block. fd stays the caller's. part: of the
 * log; static. 0 or -ENOMEM. */
int acceptor_new(struct acceptor **out, struct event_base *base, int fd, const char *part,
		 void (*taken)(void *ctx, int fd), void *ctx);
void acceptor_free(struct acceptor *a); /* NULL is fine */

#endif

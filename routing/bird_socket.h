/* The sockets of a BIRD client: connects its links to BIRD's control socket, and carries bytes.
 *
 * Nothing here blocks or waits. The owner polls what bird_socket_poll() says, until the client's
 * deadline, and then calls bird_socket_run(). A descriptor that is closed may be taken by another
 * at once, so ask for all of them after every call that is not bird_socket_poll(). Main's. */
#ifndef ROUTING_BIRD_SOCKET_H
#define ROUTING_BIRD_SOCKET_H

#include "routing/bird.h"

#include <poll.h>

struct bird_socket;

/* path: BIRD's control socket, which need not be there yet. options' wake is called after what was
 * to be sent has been tried: the owner looks at the deadline and at what to poll. NULL: no memory,
 * or the path is too long. */
struct bird_socket *bird_socket_new(const char *path, const struct bird_options *options);
void bird_socket_free(struct bird_socket *s); /* NULL is fine */
struct bird *bird_socket_bird(struct bird_socket *s);

/* Fills in fd and events of at most BIRD_LINKS; how many. */
unsigned bird_socket_poll(const struct bird_socket *s, struct pollfd *fds);
/* Connects, reads, writes what there is, and calls bird_tick(). At least at the deadline and when a
 * descriptor is ready. Reads a bounded amount, so that a long dump leaves time for others. Returns
 * the next deadline; a past one: there is more to read. */
uint64_t bird_socket_run(struct bird_socket *s, uint64_t now);

#endif

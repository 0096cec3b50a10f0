/* One session on BIRD's control socket: commands out, lines in, answers matched to what was asked.
 * Bytes and time only; the socket is the owner's.
 *
 * BIRD ends a session, without a word, whose unanswered commands are over 1,023 bytes, and hangs on
 * a line over 4,094 bytes that comes slowly. So a link takes a command only while all that is
 * unanswered stays within BIRD_UNANSWERED_BYTES. Main's. */
#ifndef ROUTING_BIRD_LINK_H
#define ROUTING_BIRD_LINK_H

#include "routing/bird_reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIRD_UNANSWERED_BYTES 1000
#define BIRD_UNANSWERED	      64 /* commands */

enum bird_link_state {
	BIRD_LINK_CLOSED,
	BIRD_LINK_OPENED, /* no greeting yet */
	BIRD_LINK_READY,
};

/* What a command was for; the owner's, but for bytes. */
struct bird_request {
	uint8_t kind;
	uint8_t family;
	uint16_t bytes;
	uint32_t index;
	void *ptr;
};

struct bird_link {
	enum bird_link_state state;
	struct bird_reader reader;
	struct bird_request request[BIRD_UNANSWERED]; /* a ring, the oldest at first */
	unsigned first, n;
	size_t unanswered; /* bytes of commands */
	char out[BIRD_UNANSWERED_BYTES];
	size_t n_out;	   /* not sent yet */
	uint64_t progress; /* when something came, or the link was idle and got a command */
};

void bird_link_open(struct bird_link *l, uint64_t now);
void bird_link_close(struct bird_link *l); /* forgets what was asked */

/* Queues a line made as by printf, without newline. false: not ready, or no room now; nothing
 * happened. */
bool bird_link_ask(struct bird_link *l, uint64_t now, struct bird_request request,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

enum bird_link_heard {
	BIRD_HEARD_NOTHING, /* all input is taken */
	BIRD_HEARD_GREETING,
	BIRD_HEARD_LINE,   /* an echo or a loss, not part of an answer */
	BIRD_HEARD_ANSWER, /* a line of the answer to *request; MORE or LAST */
	BIRD_HEARD_BREACH, /* an answer to nothing, or no greeting: to be closed */
};

/* Takes input up to a line that matters; lines that no BIRD says are passed over. A LAST line's
 * request is over with it. */
enum bird_link_heard bird_link_hear(struct bird_link *l, uint64_t now, struct bird_text *input,
				    struct bird_line *line, struct bird_request *request);

/* Bytes to be sent, and that so many were. */
struct bird_text bird_link_output(const struct bird_link *l);
void bird_link_sent(struct bird_link *l, size_t n);

static inline bool bird_link_is_idle(const struct bird_link *l)
{
	return l->state == BIRD_LINK_READY && l->n == 0;
}

#endif

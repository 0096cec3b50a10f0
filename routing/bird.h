/* BIRD as a source of routes, through its control socket. The rules are here, the sockets elsewhere
 * (bird_socket.h): bytes and time in, bytes and news out.
 *
 * BIRD does not send routes to its control sessions, but echoes log lines that name the prefixes
 * which changed, and drops lines when there are many. So a line only makes a prefix dirty, a lookup
 * on another session then tells all paths to it; and after a loss, or too many lines, the table is
 * dumped and what it did not show is forgotten. A prefix stops being dirty when its lookup is sent,
 * so nothing depends on the order in which sessions answer.
 *
 * When BIRD cannot be reached, or is another process than before, routes stay: of each session
 * until BIRD has it up again and its routes have stopped to become more, of all for no longer than
 * the patience. Where BIRD does not echo (BIRD 3), tables are dumped whenever counters show that
 * something changed.
 *
 * Main's. Times are microseconds of one monotonic clock. */
#ifndef ROUTING_BIRD_H
#define ROUTING_BIRD_H

#include "routing/bird_reply.h"
#include "routing/source.h"

#define BIRD_LOOKUPS_MAX 8

/* Links to be connected to the control socket; of the lookups' as many as bird_links() says. */
enum {
	BIRD_STREAM,
	BIRD_DUMP,
	BIRD_CONTROL,
	BIRD_LOOKUP,
	BIRD_LINKS = BIRD_LOOKUP + BIRD_LOOKUPS_MAX
};

struct bird_options {
	struct source_sink sink;
	uint64_t patience; /* how long unconfirmed routes stay; 0: 120 s */
	uint64_t poll;	   /* between looks at counters where BIRD does not echo; 0: 1 s */
	/* Something is to be sent, or the deadline is another, outside of the functions that are
	 * given the time. May be NULL: the owner then looks by itself. May call bird_output(),
	 * bird_sent() and bird_deadline(). */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

struct bird;

struct bird *bird_new(const struct bird_options *options); /* NULL: no memory */
void bird_free(struct bird *b); /* in silence; NULL is fine. Operations end with -ECANCELED */
struct source *bird_source(struct bird *b);

/* ---- for the owner of the sockets --------------------------------------------------------- */

unsigned bird_links(const struct bird *b);
/* To be connected now; then bird_opened() or bird_closed(), which also tells of the end of a link.
 */
bool bird_wants(const struct bird *b, unsigned link, uint64_t now);
bool bird_is_open(const struct bird *b, unsigned link); /* false: what was open is to be closed */
void bird_opened(struct bird *b, unsigned link, uint64_t now);
void bird_closed(struct bird *b, unsigned link, uint64_t now, const char *why);
void bird_input(struct bird *b, unsigned link, uint64_t now, const void *bytes, size_t n);
struct bird_text bird_output(const struct bird *b, unsigned link);
void bird_sent(struct bird *b, unsigned link, size_t n);
uint64_t bird_deadline(const struct bird *b); /* when bird_tick() is due; UINT64_MAX: never */
void bird_tick(struct bird *b, uint64_t now); /* after what has arrived was given to bird_input() */

/* ---- control ------------------------------------------------------------------------------ */

/* How it ended: 0; -EINVAL, BIRD's complaint in text; -EPIPE: BIRD went away before it answered.
 * text is never NULL. */
typedef void (*bird_done_fn)(void *ctx, int error, const char *text);

/* Has BIRD read the file, and say what is wrong with it. Path without quotes, shorter than 512. In
 * the order of calls. 0 (done will be called), -EAGAIN: BIRD is not there, -EINVAL, -ENOMEM. */
int bird_check(struct bird *b, const char *path, bird_done_fn done, void *ctx);
/* Has BIRD read its own file (the one it was started with) and become so; done when it is. */
int bird_configure(struct bird *b, bird_done_fn done, void *ctx);
/* Any command that shows something: fn for each line of its answer. As above. */
int bird_show(struct bird *b, const char *command, void (*fn)(void *ctx, struct bird_text line),
	      bird_done_fn done, void *ctx);

/* ---- looking ------------------------------------------------------------------------------ */

struct bird_stats {
	bool up;	     /* BIRD is there and told everything it was asked */
	bool recovering;     /* BIRD has restarted and does not have everything itself */
	bool polling;	     /* it does not echo */
	const char *version; /* "" unknown; BIRD's */
	const char *boot;    /* when BIRD started, as it says */
	const char *trouble; /* why BIRD was lost last; "" never */
	uint64_t heard;	     /* when it answered last, having told since when it runs; 0: never */
	uint64_t lines;	     /* echoed */
	uint64_t lost;	     /* lines that BIRD dropped */
	uint64_t lookups, dumps,
		dumps_spared; /* spared: its counters showed that nothing changed */
	uint64_t resyncs;     /* of tables, that a loss or too many lines made necessary */
	uint64_t connects;
	uint64_t pass_us; /* how long the last round of dumps took */
	uint32_t dirty;	  /* prefixes whose lookup is not answered */
};

void bird_stats(const struct bird *b, struct bird_stats *out);
/* What a session offers, for a person; fn must not call the source. */
void bird_walk(const struct bird *b, uint32_t table,
	       void (*fn)(void *ctx, const struct source_route *route), void *ctx);

#endif

/* A BIRD made of a few arrays, for the client's other side: it answers as BIRD does, in pieces and
 * at times that the test chooses, and fails the test where BIRD would have hung up or hung. */
#ifndef TESTS_UNIT_ROUTING_FAKE_BIRD_H
#define TESTS_UNIT_ROUTING_FAKE_BIRD_H

#include "routing/bird.h"

#define FAKE_ROUTES   4096
#define FAKE_SESSIONS 4

struct fake_route {
	uint32_t session;
	struct prefix prefix;
	unsigned length; /* of the AS_PATH */
};

struct fake_bird {
	struct bird *bird;
	uint64_t now;

	/* What BIRD is. */
	bool absent; /* refuses connections */
	bool echoes; /* knows the command */
	bool recovering;
	unsigned boot; /* another number is another process, */
	unsigned told_boot;
	uint64_t booted; /* which began when it first answered */
	unsigned clock;	 /* seconds that its clock was set on by */
	unsigned jitter;
	unsigned n_sessions;
	bool disabled[FAKE_SESSIONS], up[FAKE_SESSIONS];
	unsigned updates[FAKE_SESSIONS]; /* counters */
	size_t n_routes;
	struct fake_route route[FAKE_ROUTES];

	/* How it behaves. */
	size_t chunk;		/* bytes delivered at once; 0: all */
	bool held[BIRD_LINKS];	/* says nothing for now */
	size_t cut_after;	/* bytes in all, then every link is closed; SIZE_MAX: never */
	unsigned stopped_dumps; /* so many dumps end with 8004 */
	const char *between;	/* put between all lines of an answer; NULL: nothing */
	void (*dumped)(struct fake_bird *f); /* a dump's rows were taken down, before it is sent */

	/* What happened. */
	unsigned dumps, lookups, statuses, enables, disables, configures, protocols;
	size_t delivered;
	struct {
		bool open, echoing;
		char *out; /* not delivered yet */
		size_t n, room;
		char in[2048];
		size_t n_in;
		size_t unanswered;
	} link[BIRD_LINKS];
};

void fake_init(struct fake_bird *f, const struct source_sink *sink, unsigned sessions);
void fake_clear(struct fake_bird *f);
/* Runs for so many microseconds: connects, answers, calls bird_tick() whenever it is due. */
void fake_run(struct fake_bird *f, uint64_t us);
void fake_hang_up(struct fake_bird *f); /* on all links */

/* Change the table, and echo it. length 0 withdraws. */
void fake_route(struct fake_bird *f, unsigned session, const char *prefix, unsigned length);
void fake_route_quietly(struct fake_bird *f, unsigned session, const char *prefix, unsigned length);
void fake_echo(struct fake_bird *f, const char *text); /* with newline; as it is, on the stream */
/* Whether the source has what the table has, of sessions that are not disabled. */
bool fake_is_equal(const struct fake_bird *f);

#endif

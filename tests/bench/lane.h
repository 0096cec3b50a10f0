/* A worker on its own core: a thread there gives it bursts, steps its loop and takes what comes
 * out.
 *
 * Only the loop's phases count, with the ports' functions. A round is some five bursts; rounds in
 * which the thread was put aside, or had not its core's whole width, do not count. Main starts and
 * finishes lanes. */
#ifndef TESTS_BENCH_LANE_H
#define TESTS_BENCH_LANE_H

#include "tests/bench/site.h"

#include <stdbool.h>
#include <stdint.h>

#define LANE_SAMPLES 262144

/* Cycles of a packet in each round; [1]: in those with the core's whole width. */
struct series {
	double sample[2][LANE_SAMPLES];
	unsigned n[2];
};

struct lane {
	struct site *site;
	struct worker *w;
	struct feed *feed;  /* for its own queue */
	struct lane *owner; /* of its packets' SAs, who sends them */
	struct lane *even;  /* gives no more than that one; NULL: as much as it can */
	unsigned lcore;
	struct series *to;
	_Atomic bool leave;	       /* after the last packet of its SAs */
	_Atomic uint64_t own;	       /* packets that it gave */
	_Atomic uint64_t given, taken; /* packets of its SAs, wherever they came in */
};

/* Gives packets of feed, whose SAs are owner's worker's, and keeps its rounds in `to`. */
void lane_start(struct lane *l, struct feed *feed, struct lane *owner, struct series *to);
void lane_go(struct lane *l); /* on its core, from now on */
/* One that gave packets to an owner leaves before that one: it waits for them to be sent. */
void lane_finish(struct lane *l);

/* Have all of these rounds enough with the core's whole width? Else all of their rounds have to do,
 * so that what is compared was measured alike. */
bool series_are_whole(struct series *const *s, unsigned n);
double series_middle(struct series *s, bool whole);
/* The mean without the few that the host of a virtual machine disturbed behind our back. */
double series_mean(struct series *s, bool whole);

#endif

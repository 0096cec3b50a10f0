/* Timers of an engine: a pairing heap, so that arming cannot fail and costs O(1), and the next
 * deadline is always at hand.
 *
 * Intrusive: a timer lives inside what it wakes, and must be cancelled before that is freed. One
 * thread. */
#ifndef IKE_TIMER_H
#define IKE_TIMER_H

#include "ike/engine.h"

struct ike_timer;
typedef void ike_timer_fn(struct ike_engine *e, struct ike_timer *t);

struct ike_timer {
	ike_time at;
	struct ike_timer *child, *next; /* first child; right sibling */
	struct ike_timer *prev;		/* left sibling, or the parent of a first child */
	ike_timer_fn *fire;
	bool armed;
};

struct ike_timers {
	struct ike_timer *root;
};

void ike_timer_init(struct ike_timer *t, ike_timer_fn *fire);
/* Arms, or moves what is armed. */
void ike_timer_set(struct ike_timers *h, struct ike_timer *t, ike_time at);
void ike_timer_cancel(struct ike_timers *h, struct ike_timer *t); /* harmless if not armed */
ike_time ike_timers_next(const struct ike_timers *h);		  /* IKE_NEVER: none armed */
/* The earliest timer that is due at now, disarmed; NULL: none. */
struct ike_timer *ike_timers_take(struct ike_timers *h, ike_time now);

#endif

/* What a tunnel has carried: the sum of its SAs, those that are gone and those that live.
 *
 * A packet is counted in its SA alone, in a line that it has to touch anyway. Control threads
 * (main, the negotiator, whoever looks at counters) take turns here by a lock that no worker knows.
 * The sums are exact, a moment old, and never fall: an SA counts here from before its worker has it
 * until after its worker let go, and what it counted then stays. */
#ifndef DATAPLANE_TALLY_H
#define DATAPLANE_TALLY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct sa;

struct tally_sum {
	uint64_t packets, bytes, wire_bytes;
	uint64_t refused; /* inbound: authentic, but not delivered */
};

/* Of one tunnel, by direction: 0 outbound, 1 inbound. */
struct tally {
	struct sa *sa[2];	  /* that live; by their `next` */
	struct tally_sum gone[2]; /* may be below 0, see tally_forget() */
};

void tally_add(pthread_mutex_t *lock, struct tally *t, struct sa *sa, bool inbound);
void tally_remove(pthread_mutex_t *lock, struct tally *t, struct sa *sa, bool inbound);
void tally_read(pthread_mutex_t *lock, struct tally *t, struct tally_sum *in,
		struct tally_sum *out);
/* From here on from 0, whoever still counts. */
void tally_forget(pthread_mutex_t *lock, struct tally *t);

#endif

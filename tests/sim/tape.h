/* Messages as they were sent, to be mutated and replayed. */
#ifndef SIM_TAPE_H
#define SIM_TAPE_H

#include "tests/sim/sim.h"

#define TAPE_MAX   40
#define TAPE_BYTES 1024 /* longer messages are not recorded */

struct tape {
	unsigned n;
	size_t len[TAPE_MAX];
	uint8_t data[TAPE_MAX][TAPE_BYTES];
	unsigned to[TAPE_MAX]; /* node */
};

sim_filter tape_record; /* filter_arg: an empty tape; what is sent passes */
/* As if the other node of a pair sent it. */
struct ike_path tape_path(const struct sim *s, unsigned to, uint16_t port);
void tape_play(struct sim *s, const struct tape *t, unsigned message);

/* A pair that is up and carries probes, and all that it said at set-up and in a rekey of each kind.
 */
struct sim *tape_pair(uint64_t seed, sim_change *change, struct tape *t);
/* The same in IKEv1, node 0 calling; odd seeds in Aggressive Mode. */
struct sim *tape_v1(uint64_t seed, struct tape *t);
sim_change tape_v1_calls;
/* Its end, whatever was done to it: nobody has noticed, and it can be rekeyed. */
void tape_unharmed(struct sim *s);

#endif

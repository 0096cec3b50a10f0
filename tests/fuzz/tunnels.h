/* The bed of golden tests with a few tunnels of different kinds, and the SAs as their peers have
 * them: who fuzzes a worker can seal what it takes for a peer's, and open what it sends. */
#ifndef TESTS_FUZZ_TUNNELS_H
#define TESTS_FUZZ_TUNNELS_H

#include "dataplane/sa.h"
#include "tests/golden/bed.h"

#define TUNNELS 4

extern struct bed bed;
extern uint64_t peer_sequence[TUNNELS]; /* last ones of the peers */
extern struct sa *peer_seals[TUNNELS], *peer_opens[TUNNELS];
extern struct sa *ours_in[TUNNELS];

void tunnels_open(void);
void tunnels_close(void);

struct endpoint end(const char *text); /* an address, with IKE's NAT port */

#endif

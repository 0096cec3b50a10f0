/* A BIRD, peers that speak to it, the client under test, and a mirror of what it tells. */
#ifndef TESTS_BGP_RIG_H
#define TESTS_BGP_RIG_H

#include "routing/bird_socket.h"
#include "tests/bgp/cage.h"
#include "tests/bgp/mirror.h"
#include "tests/bgp/speaker.h"

#define RIG_PEERS 16

struct rig {
	struct cage cage;
	struct bird_socket *socket;
	uint64_t due; /* when it is to be run again */
	struct bird *bird;
	struct source *source;
	struct mirror mirror;
	unsigned n_peers;
	struct speaker peer[RIG_PEERS];
	void (*again)(struct rig *r, unsigned peer); /* a peer's session came up */
};

uint64_t rig_now(void); /* microseconds */
/* BIRD runs with n sessions, all in table 1, and the client knows them. The cage is the caller's.
 */
void rig_start(struct rig *r, unsigned n, uint64_t patience);
void rig_stop(struct rig *r);
/* Serves all for at most this long, or until there was something to do. */
void rig_turn(struct rig *r, uint64_t us);
/* Serves all until cond; false: not within so many seconds. */
bool rig_until(struct rig *r, bool (*cond)(struct rig *r), unsigned seconds);
void rig_for(struct rig *r, uint64_t us);
/* BIRD's routes of our sessions, in the mirror's form, read and sorted without the client;
 * malloc'd. */
char *rig_truth(struct rig *r);
bool rig_is_equal(struct rig *r); /* mirror and truth; false also if BIRD is not there */
bool rig_all_up(struct rig *r);	  /* every session, as the client sees it */

struct prefix rig_prefix(uint32_t i);  /* 10.0.0.0/24, 10.0.1.0/24, ... */
struct prefix rig_prefix6(uint32_t i); /* 2001:db8::/64 and on */

#endif

/* How the buckets of a set are shared among its tunnels. Pure.
 *
 * Each bucket has a home, one of the members, whether UP or not: the one that a hash of both likes
 * best among those whose share is not full, so that shares are equal and sets that have members in
 * common give most buckets the same home. When a member goes DOWN its buckets go to those
 * that have least; when it is back it takes its share from those that have most, first what is at
 * home with it. */
#ifndef DATAPLANE_SPREAD_H
#define DATAPLANE_SPREAD_H

#include "dataplane/tables.h"

#include <stdbool.h>
#include <stdint.h>

/* home: index of the member by bucket. 1 <= n <= DATAPLANE_SET_TUNNELS distinct tunnels. */
void spread_homes(uint8_t home[SET_BUCKETS], const uint16_t *tunnel, unsigned n);

/* Who serves each bucket from now on: 1 + index of a member, 0 if none is UP. Called with what it
 * was (all 0 at first), so that only those buckets change that must, and shares stay equal. */
void spread_serve(uint8_t serves[SET_BUCKETS], const uint8_t home[SET_BUCKETS], const bool *up,
		  unsigned n);

#endif

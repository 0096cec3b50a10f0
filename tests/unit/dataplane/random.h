/* Numbers that are the same in each run. */
#ifndef TESTS_UNIT_DATAPLANE_RANDOM_H
#define TESTS_UNIT_DATAPLANE_RANDOM_H

#include <stdint.h>

static uint64_t seed = 1;

static inline uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 11) % below);
}

#endif

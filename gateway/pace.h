/* How often something is told that goes on changing: at once after a rest, then at ever greater
 * distances. Times in microseconds. Main thread; zeroed it has rested for ever. */
#ifndef GATEWAY_PACE_H
#define GATEWAY_PACE_H

#include <stdint.h>

#define PACE_FIRST UINT64_C(50000)    /* the first distance; each is twice the one before: */
#define PACE_MOST  UINT64_C(3000000)  /* but no more than this */
#define PACE_REST  UINT64_C(10000000) /* without a change, until all is forgotten */

struct pace {
	uint64_t told, distance;
};

/* When it may be told: now, or later. */
uint64_t pace_due(const struct pace *p, uint64_t now);
void pace_told(struct pace *p, uint64_t now); /* it is */

#endif

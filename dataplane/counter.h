/* Counters, and what else one thread writes and any other looks at, a moment late (stats.c). Both
 * are relaxed atomics, so that there are no half values and nothing for the compiler to imagine. */
#ifndef DATAPLANE_COUNTER_H
#define DATAPLANE_COUNTER_H

#include <stdint.h>

#define shared_set(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED) /* its thread */
#define shared_get(p)	 __atomic_load_n(p, __ATOMIC_RELAXED)

static inline void counter_set(uint64_t *c, uint64_t v) /* its thread */
{
	shared_set(c, v);
}

static inline void counter_add(uint64_t *c, uint64_t n) /* its thread */
{
	counter_set(c, *c + n);
}

#endif

/* Counters: one thread adds, any other reads, a moment late (stats.c). Both are relaxed atomics, so
 * that there are no half values and nothing for the compiler to imagine. */
#ifndef DATAPLANE_COUNTER_H
#define DATAPLANE_COUNTER_H

#include <stdint.h>

static inline void counter_set(uint64_t *c, uint64_t v) /* its thread */
{
	__atomic_store_n(c, v, __ATOMIC_RELAXED);
}

static inline void counter_add(uint64_t *c, uint64_t n) /* its thread */
{
	counter_set(c, *c + n);
}

#endif

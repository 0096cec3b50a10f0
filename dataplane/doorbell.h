/* Wakes a control thread that sleeps on an eventfd, and only one that said that it sleeps: a busy
 * thread costs its ringers one load and never a system call. */
#ifndef DATAPLANE_DOORBELL_H
#define DATAPLANE_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <rte_atomic.h>

struct doorbell {
	int fd;
	_Atomic bool asleep; /* sleeper: w; ringers: rw */
};

int doorbell_open(struct doorbell *d); /* 0 or -errno */
void doorbell_close(struct doorbell *d);

/* Sleeper: awake again, before it looks at its rings. */
void doorbell_awake(struct doorbell *d);
/* Sleeper: about to sleep; it must look at its rings once more after this call. */
void doorbell_sleep(struct doorbell *d);

void doorbell_ring_slow(struct doorbell *d);

/* Ringer: call after something was put into a ring. */
static inline void doorbell_ring(struct doorbell *d)
{
	rte_smp_mb(); /* the ring first, then the flag; thread sanitizers know no fences of C11 */
	if (atomic_load_explicit(&d->asleep, memory_order_relaxed))
		doorbell_ring_slow(d);
}

#endif

/* Things that no worker can find any more, but one may still hold: done away with after every
 * worker passed a quiescent point. Main thread. */
#ifndef DATAPLANE_RETIRE_H
#define DATAPLANE_RETIRE_H

#include <stdint.h>
#include <sys/queue.h>

struct rte_rcu_qsbr;

typedef void (*retire_fn)(void *owner, void *thing, uint32_t index);

struct retired_thing;
STAILQ_HEAD(retired, retired_thing);

/* fn(owner, thing, index) runs later, from retire_run(). Without memory it waits for the workers
 * and runs now, which is rare and short. */
void retire(struct retired *r, struct rte_rcu_qsbr *qsbr, retire_fn fn, void *owner, void *thing,
	    uint32_t index);
/* Oldest first, as far as all workers are; `all`: they are gone. */
void retire_run(struct retired *r, struct rte_rcu_qsbr *qsbr, int all);

#endif

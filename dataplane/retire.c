#include "dataplane/retire.h"

#include <rte_rcu_qsbr.h>

#include <stdlib.h>

struct retired_thing {
	STAILQ_ENTRY(retired_thing) next;
	uint64_t token;
	retire_fn fn;
	void *owner, *thing;
	uint32_t index;
};

void retire(struct retired *r, struct rte_rcu_qsbr *qsbr, retire_fn fn, void *owner, void *thing,
	    uint32_t index)
{
	struct retired_thing *t = malloc(sizeof(*t));

	if (!t) {
		rte_rcu_qsbr_synchronize(qsbr, RTE_QSBR_THRID_INVALID);
		fn(owner, thing, index);
		return;
	}
	t->fn = fn;
	t->owner = owner;
	t->thing = thing;
	t->index = index;
	t->token = rte_rcu_qsbr_start(qsbr);
	STAILQ_INSERT_TAIL(r, t, next);
}

void retire_run(struct retired *r, struct rte_rcu_qsbr *qsbr, int all)
{
	struct retired_thing *t;

	while ((t = STAILQ_FIRST(r)) && (all || rte_rcu_qsbr_check(qsbr, t->token, false) == 1)) {
		STAILQ_REMOVE_HEAD(r, next);
		t->fn(t->owner, t->thing, t->index);
		free(t);
	}
}

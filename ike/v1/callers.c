#include "ike/v1/callers.h"

#include "ike/core.h"

#include <stdlib.h>
#include <string.h>

uint64_t ike_v1_caller_keep(struct ike_engine *e, uint32_t tunnel, uint64_t cky_i, unsigned vendors,
			    struct view body)
{
	struct ike_v1_caller *c;
	unsigned at;

	if (!e->callers)
		e->callers = calloc(1, sizeof(*e->callers));
	if (!e->callers || body.n > sizeof(c->body))
		return 0;
	at = e->callers->next++ % IKE_V1_CALLERS;
	c = &e->callers->of[at];
	/* It says itself where it is, and cannot be guessed. */
	do {
		c->cky_r = ike_random_u64(e) / IKE_V1_CALLERS * IKE_V1_CALLERS + at;
	} while (!c->cky_r);
	c->cky_i = cky_i;
	c->tunnel = tunnel;
	c->vendors = (uint8_t)vendors;
	c->n = (uint16_t)body.n;
	memcpy(c->body, body.p, body.n);
	return c->cky_r;
}

const struct ike_v1_caller *ike_v1_caller_take(struct ike_engine *e, uint32_t tunnel,
					       uint64_t cky_i, uint64_t cky_r)
{
	struct ike_v1_caller *c = e->callers ? &e->callers->of[cky_r % IKE_V1_CALLERS] : NULL;

	if (!c || !cky_r || c->cky_r != cky_r || c->cky_i != cky_i || c->tunnel != tunnel)
		return NULL;
	c->cky_r = 0;
	return c;
}

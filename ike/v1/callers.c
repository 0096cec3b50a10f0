#include "ike/v1/callers.h"

#include "ike/core.h"

#include <stdlib.h>
#include <string.h>

#define PLACES (IKE_V1_CALLERS + IKE_V1_CALLERS_LONG)

/* The next place for an offer of so many bytes, which is no longer than the longest. */
static unsigned make_room(struct ike_v1_callers *all, size_t n, uint8_t **body)
{
	unsigned at;

	if (n <= IKE_V1_CALLER_BODY) {
		at = all->next++ % IKE_V1_CALLERS;
		*body = all->body[at];
		return at;
	}
	at = all->next_long++ % IKE_V1_CALLERS_LONG;
	*body = all->body_long[at];
	return IKE_V1_CALLERS + at;
}

uint64_t ike_v1_caller_keep(struct ike_engine *e, uint32_t tunnel, uint64_t cky_i, unsigned vendors,
			    struct view body)
{
	struct ike_v1_caller *c;
	uint8_t *room;
	unsigned at;

	if (!e->callers)
		e->callers = calloc(1, sizeof(*e->callers));
	if (!e->callers || body.n > IKE_V1_CALLER_BODY_LONG)
		return 0;
	at = make_room(e->callers, body.n, &room);
	memcpy(room, body.p, body.n);
	c = &e->callers->of[at];
	*c = (struct ike_v1_caller){ .cky_i = cky_i,
				     .called = e->now,
				     .tunnel = tunnel,
				     .n = (uint16_t)body.n,
				     .vendors = (uint8_t)vendors,
				     .body = room };
	/* It says itself where it is, and cannot be guessed. */
	do {
		c->cky_r = ike_random_u64(e) / PLACES * PLACES + at;
	} while (!c->cky_r);
	return c->cky_r;
}

const struct ike_v1_caller *ike_v1_caller_take(struct ike_engine *e, uint32_t tunnel,
					       uint64_t cky_i, uint64_t cky_r)
{
	struct ike_v1_caller *c = e->callers ? &e->callers->of[cky_r % PLACES] : NULL;

	if (!c || !cky_r || c->cky_r != cky_r || c->cky_i != cky_i || c->tunnel != tunnel ||
	    e->now - c->called > IKE_V1_CALLER_FOR)
		return NULL;
	c->cky_r = 0;
	return c;
}

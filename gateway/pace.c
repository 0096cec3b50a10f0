#include "gateway/pace.h"

#include <stdbool.h>

static bool has_rested(const struct pace *p, uint64_t now)
{
	return p->told == 0 || now - p->told >= PACE_REST;
}

uint64_t pace_due(const struct pace *p, uint64_t now)
{
	uint64_t due = p->told + p->distance;

	return has_rested(p, now) || due < now ? now : due;
}

void pace_told(struct pace *p, uint64_t now)
{
	uint64_t next = p->distance == 0 ? PACE_FIRST : 2 * p->distance;

	if (has_rested(p, now))
		next = PACE_FIRST;
	p->distance = next < PACE_MOST ? next : PACE_MOST;
	p->told = now;
}

/* What happened to a tunnel, for a person who asks later.
 *
 * Bounded in bytes. What happens again soon is one entry with a count, so that a loop of failures
 * stays readable. What anybody could have caused by forged packets (unproven) goes first when room
 * is needed, so that nobody can wash away what is true. Texts are free of secrets. One thread. */
#ifndef IKE_HISTORY_H
#define IKE_HISTORY_H

#include "ike/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_HISTORY_BYTES 4096 /* of one tunnel, at most */
#define IKE_HISTORY_TEXT  511  /* bytes of one text; longer ones are cut */
#define IKE_HISTORY_SOON  8    /* entries back in which the same is looked for */

/* All zero is an empty one. */
struct ike_history {
	uint8_t *bytes;
	uint16_t used, room;
};

void ike_history_add(struct ike_history *h, ike_time now, bool proven, const char *text);
int ike_history_copy(struct ike_history *to, const struct ike_history *from); /* 0 or -ENOMEM */
void ike_history_clear(struct ike_history *h);

struct ike_happening {
	ike_time first, last;
	unsigned times;
	bool proven;
	char text[IKE_HISTORY_TEXT + 1];
};
/* The entry at *at, which starts at 0 and moves on; in the order of their last time. false: there
 * are no more. */
bool ike_history_next(const struct ike_history *h, size_t *at, struct ike_happening *out);

#endif

/* Changes of learnt routes that belong together, until all of them are known. Private to this room;
 * one thread. */
#ifndef ROUTING_BATCH_H
#define ROUTING_BATCH_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_change {
	struct prefix prefix;
	uint16_t metric; /* from 65535 on the same */
	bool learn;	 /* false: forget */
	uint32_t connection, tunnel;
	uint32_t order;
	bool grows; /* the table: it is new, and nothing of its connection's goes for it */
};

struct batch {
	struct batch_change *v;
	size_t n, cap;
	bool lost; /* some changes, for want of memory */
};

void batch_add(struct batch *b, const struct batch_change *c);
/* In the order of prefixes and tunnels, of each only the last word. */
void batch_settle(struct batch *b);
/* Is there a word on it? After batch_settle(). */
bool batch_has(const struct batch *b, const struct prefix *p, uint32_t tunnel);
void batch_clear(struct batch *b); /* large ones give their memory back */

#endif

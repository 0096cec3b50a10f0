/* The routes that a source has told of, of one table and one family: which session offers which
 * prefix, with what metric. A hash table with open addressing, 12 bytes a slot for IPv4 and 24 for
 * IPv6, between an eighth and three quarters full.
 *
 * To find what went while nobody looked: mark everything as old, set again what is seen, sweep what
 * is still old. Main's. */
#ifndef ROUTING_TOLD_H
#define ROUTING_TOLD_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct told {
	uint8_t *slots;
	size_t n_slots; /* 0 or a power of two */
	size_t n;
	uint8_t family;
};

struct told_path {
	struct prefix prefix;
	uint32_t session;
	uint32_t metric; /* at most UINT16_MAX */
};

enum told_change { TOLD_SAME, TOLD_NEW, TOLD_METRIC };

void told_init(struct told *t, uint8_t family); /* ADDR_IPV4 or ADDR_IPV6 */
void told_clear(struct told *t);		/* gives all memory back; usable again */

/* enum told_change, or -ENOMEM: nothing happened. The path is not old any more. */
int told_set(struct told *t, const struct told_path *path);
/* The paths of a prefix, at most max of them; how many there are. */
size_t told_paths(const struct told *t, const struct prefix *prefix, struct told_path *out,
		  size_t max);
bool told_get(const struct told *t, struct told_path *path); /* its metric; false: not there */
void told_delete(struct told *t, const struct prefix *prefix, uint32_t session);

void told_mark(struct told *t); /* all are old */
/* Calls fn for every path, or every old one; those for which it says true are deleted. */
void told_sweep(struct told *t, bool only_old, bool (*fn)(void *ctx, const struct told_path *path),
		void *ctx);
void told_walk(const struct told *t, void (*fn)(void *ctx, const struct told_path *path),
	       void *ctx);

#endif

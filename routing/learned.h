/* The routes that a source has told of, of one table and one family: which session offers which
 * prefix, with what metric. A hash table with open addressing, 12 bytes a slot for IPv4 and 24 for
 * IPv6, between an eighth and three quarters full.
 *
 * To find what went while nobody looked: mark everything as old, set again what is seen, sweep what
 * is still old. Main's. */
#ifndef ROUTING_LEARNED_H
#define ROUTING_LEARNED_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct learned {
	uint8_t *slots;
	size_t n_slots; /* 0 or a power of two */
	size_t n;
	uint8_t family;
};

struct learned_path {
	struct prefix prefix;
	uint32_t session;
	uint32_t metric; /* at most UINT16_MAX */
};

enum learned_change { LEARNED_SAME, LEARNED_NEW, LEARNED_METRIC };

void learned_init(struct learned *l, uint8_t family); /* ADDR_IPV4 or ADDR_IPV6 */
void learned_clear(struct learned *l);		      /* gives all memory back; usable again */

/* enum learned_change, or -ENOMEM: nothing happened. The path is not old any more. */
int learned_set(struct learned *l, const struct learned_path *path);
/* The paths of a prefix, at most max of them; how many there are. */
size_t learned_paths(const struct learned *l, const struct prefix *prefix, struct learned_path *out,
		     size_t max);
void learned_delete(struct learned *l, const struct prefix *prefix, uint32_t session);

void learned_mark(struct learned *l); /* all are old */
/* Calls fn for every path, or every old one; those for which it says true are deleted. */
void learned_sweep(struct learned *l, bool only_old,
		   bool (*fn)(void *ctx, const struct learned_path *path), void *ctx);
void learned_walk(const struct learned *l, void (*fn)(void *ctx, const struct learned_path *path),
		  void *ctx);

#endif

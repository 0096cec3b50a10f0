/* Prefixes that BIRD said something about, and what is being done to learn what is so now.
 *
 * A prefix is WAITING for a lookup, ASKED, or, while its table is being dumped, SETTLED: answered,
 * so that what the dump says of it may be older. A line that comes while it is asked makes it wait
 * again once answered. Entries have numbers that stay; a FIFO of those that wait. Main's. */
#ifndef ROUTING_DIRTY_H
#define ROUTING_DIRTY_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRTY_NONE UINT32_MAX

enum dirty_state { DIRTY_FREE, DIRTY_WAITING, DIRTY_ASKED, DIRTY_SETTLED };

struct dirty_entry {
	struct prefix prefix;
	uint8_t state; /* enum dirty_state */
	bool again;    /* ASKED, and a line came since */
	bool in_dump;  /* a line came while its table was being dumped */
	uint32_t table;
	uint32_t hash_next;	       /* or of the free list */
	uint32_t fifo_next, fifo_prev; /* WAITING */
};

struct dirty {
	struct dirty_entry *entry;
	uint32_t *bucket; /* n_entries of them, a power of two */
	uint32_t n_entries, n;
	uint32_t pending; /* of n, those that wait or are asked */
	uint32_t free, first, last;
};

void dirty_init(struct dirty *d);
void dirty_clear(struct dirty *d); /* gives all memory back; usable again */

uint32_t dirty_find(const struct dirty *d, uint32_t table,
		    const struct prefix *p); /* or DIRTY_NONE */
/* A line came: the prefix waits, or will. Its entry, or DIRTY_NONE: no memory. */
uint32_t dirty_touch(struct dirty *d, uint32_t table, const struct prefix *p, bool in_dump);
uint32_t dirty_first(const struct dirty *d);	 /* the one that waits longest, or DIRTY_NONE */
void dirty_ask(struct dirty *d, uint32_t entry); /* WAITING to ASKED */
/* Answered: it waits again, is settled (in_dump), or is no more. */
void dirty_answer(struct dirty *d, uint32_t entry);
/* The table's dump is asked for: who waits needs no lookup. Who was asked may be answered with what
 * is older than the dump; if a line came since, it is asked again. */
void dirty_dump_begins(struct dirty *d, uint32_t table, uint8_t family);
void dirty_dump_ends(struct dirty *d, uint32_t table,
		     uint8_t family); /* nobody is settled any more */

#endif

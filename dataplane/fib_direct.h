/* A direct index over a large IPv4 table: one load finds what the first 24 bits of an address lead
 * to, where the trie takes three levels, most of them cache misses.
 *
 * 32 MiB, and so only for tables of FIB_DIRECT_MANY routes and more. A slot holds the number of a
 * next hop, and whether routes longer than 24 bits are there, for which the trie is asked. Numbers
 * are given out once: a table that has seen more next hops than there are numbers gets a new index.
 *
 * The writer repaints the slots of a changed prefix after it changed the trie; readers see the old
 * route or the new one, slot by slot. fib.c's alone. */
#ifndef DATAPLANE_FIB_DIRECT_H
#define DATAPLANE_FIB_DIRECT_H

#include "dataplane/fib_heap.h"

#include <stdbool.h>
#include <stdint.h>

#define FIB_DIRECT_MANY 65536 /* routes from which on a table has one */
#define FIB_DIRECT_FEW	32768 /* under which it loses it */

/* Of the trie under root; retired or released by its region's block. NULL: no memory. */
struct fib_direct *fib_direct_new(struct fib_heap *h, const struct fib_node *root);
/* A change will follow that leads from this slot on to this next hop. */
void fib_direct_fetch(struct fib_direct *d, uint32_t slot, uint32_t value);
/* The trie has changed at this prefix. False: out of numbers, of no use any more. */
bool fib_direct_repaint(struct fib_direct *d, const struct fib_node *root, const struct prefix *p);

#endif

/* A direct index over a large IPv4 table (fib.h): where the first 24 bits of an address lead to.
 *
 * Some 1.4 MiB for the groups and their next hops' numbers, and a chunk of about 27 bytes for each
 * group in which routes end; so only tables of FIB_DIRECT_MANY routes and more have one. A chunk
 * says of a slot the number of its next hop, and whether routes longer than 24 bits are there, for
 * which the trie is asked. Numbers are given out once: a table that has seen more next hops than
 * there are numbers gets a new index.
 *
 * The writer makes the groups of a changed prefix anew after it changed the trie; readers see the
 * old route or the new one, group by group. fib.c's alone. */
#ifndef DATAPLANE_FIB_DIRECT_H
#define DATAPLANE_FIB_DIRECT_H

#include "dataplane/fib_heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIB_DIRECT_MANY 16384 /* routes from which on a table has one */
#define FIB_DIRECT_FEW	8192  /* under which it loses it */

/* Of the trie under root. NULL: no memory. */
struct fib_direct *fib_direct_new(struct fib_heap *h, const struct fib_node *root);
void fib_direct_retire(struct fib_heap *h, struct fib_direct *d); /* no new reader can reach it */
/* Has it become larger than it need be? */
bool fib_direct_sparse(const struct fib_direct *d);
/* The same, as small as it can be. NULL: no memory. */
struct fib_direct *fib_direct_copy(struct fib_heap *h, const struct fib_direct *d);
size_t fib_direct_bytes(const struct fib_direct *d);
/* A change will follow that leads from this address on to this next hop. */
void fib_direct_fetch(struct fib_direct *d, uint32_t addr, uint32_t value);
/* The trie has changed at this prefix. False: out of numbers or of memory, of no use any more. */
bool fib_direct_repaint(struct fib_heap *h, struct fib_direct *d, const struct fib_node *root,
			const struct prefix *p);

#endif

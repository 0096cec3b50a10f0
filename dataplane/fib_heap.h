/* Memory of the FIB's nodes: free lists by size, and a queue of retired blocks that readers may
 * still be looking at. The writer's only.
 *
 * Blocks come from chunks mapped as needed, which stay until the heap goes: what a table gives
 * back serves the others. A retired block waits until every reader that was there has reported a
 * quiescent state; its memory is untouched until then. */
#ifndef DATAPLANE_FIB_HEAP_H
#define DATAPLANE_FIB_HEAP_H

#include "dataplane/fib.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL: no memory. The block's size is set, all else is the caller's. */
void *fib_heap_alloc(struct fib_heap *h, size_t bytes);
void fib_heap_release(struct fib_heap *h, struct fib_block *b); /* no reader ever saw it */

/* The head of memory of its own, which its block stands for; block.grains is 0. */
struct fib_region {
	struct fib_block block;
	size_t bytes, used;
};

/* So much room, aligned to its huge pages, zeroed, of which nothing is used yet; memory comes as it
 * is touched. Released and retired by its block. NULL: no memory. */
struct fib_region *fib_heap_map(struct fib_heap *h, size_t bytes);
void fib_heap_use(struct fib_heap *h, struct fib_region *r, size_t bytes); /* from its start */
void fib_heap_retire(struct fib_heap *h, struct fib_block *b); /* no new reader can reach it */

/* For what is retired by other means: have all readers passed a quiescent point since the mark? */
uint64_t fib_heap_mark(const struct fib_heap *h);
bool fib_heap_passed(const struct fib_heap *h, uint64_t mark);

#endif

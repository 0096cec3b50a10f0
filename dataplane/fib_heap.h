/* Memory of the FIB's nodes: free lists by size, and a queue of retired blocks that readers may
 * still be looking at. The writer's only.
 *
 * Blocks come from chunks mapped as needed, which stay until the heap goes: what a table gives
 * back serves the others. A retired block waits until every reader that was there has reported a
 * quiescent state; its memory is untouched until then. */
#ifndef DATAPLANE_FIB_HEAP_H
#define DATAPLANE_FIB_HEAP_H

#include "dataplane/fib.h"

#include <stddef.h>

/* NULL: no memory. The block's size is set, all else is the caller's. */
void *fib_heap_alloc(struct fib_heap *h, size_t bytes);
void fib_heap_release(struct fib_heap *h, struct fib_block *b); /* no reader ever saw it */
/* A region: memory of its own, zeroed, backed by huge pages where there are some. Released and
 * retired by its block. NULL: no memory. */
struct fib_region *fib_heap_map(struct fib_heap *h, size_t bytes);
void fib_heap_retire(struct fib_heap *h, struct fib_block *b); /* no new reader can reach it */

#endif

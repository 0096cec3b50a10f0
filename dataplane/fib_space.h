/* Room for the direct index's chunks: pieces of 32-bit words in one stretch of memory, of which
 * none crosses a cache line that could lie in one. The writer's only.
 *
 * A piece given back serves the next one of its size, or is cut for a smaller one; pieces are never
 * joined again. While a table grows its chunks do, and leave crumbs, which take room in caches too:
 * fib_space_sparse() says when it is time to move all to another space. */
#ifndef DATAPLANE_FIB_SPACE_H
#define DATAPLANE_FIB_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#define FIB_LINE	16 /* words */
#define FIB_SPACE_LINES 3  /* that the largest piece takes */
#define FIB_SPACE_SIZES (FIB_LINE + FIB_SPACE_LINES)

struct fib_space {
	uint32_t fresh, end;		/* words from the base; whole lines */
	uint32_t live;			/* words in pieces that were taken and not given back */
	uint32_t sizes;			/* bits: of which sizes there are free pieces */
	uint32_t free[FIB_SPACE_SIZES]; /* the first of each size, which holds the next; 0: none */
};

/* Words first..end-1 from a base that is aligned to cache lines, as all three are. first is not 0.
 */
void fib_space_open(struct fib_space *s, uint32_t first, uint32_t end);
/* A piece's place; 0: full. words: 1 to FIB_SPACE_LINES lines. */
uint32_t fib_space_take(struct fib_space *s, uint32_t *base, unsigned words);
void fib_space_give(struct fib_space *s, uint32_t *base, uint32_t at, unsigned words);
/* More than a fifth of it is crumbs. */
bool fib_space_sparse(const struct fib_space *s, uint32_t first);

#endif

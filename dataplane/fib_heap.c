#include "dataplane/fib_heap.h"

#include <rte_rcu_qsbr.h>

#include <stdlib.h>
#include <sys/mman.h>

#define GRAIN	   32
#define GRAINS_MAX 256 /* 8 KiB: more than the fullest node */
#define CHUNK	   (2u << 20)
#define BATCH	   64 /* retired blocks that share one grace period */

struct chunk {
	struct chunk *next;
	uint8_t unused[GRAIN - sizeof(struct chunk *)];
};

struct fib_heap {
	struct rte_rcu_qsbr *qsbr;
	struct chunk *chunks;
	uint8_t *fresh; /* the newest chunk's rest */
	size_t fresh_bytes, used_bytes;
	struct fib_block *free[GRAINS_MAX + 1];
	/* Oldest first: with their token, then those that wait for one. */
	struct fib_block *oldest, *unmarked, *newest;
	unsigned waiting, n_unmarked;
};

static void *base_of(struct fib_block *b)
{
	return (uint8_t *)b - offsetof(struct fib_node, block);
}

struct fib_heap *fib_heap_new(struct rte_rcu_qsbr *qsbr)
{
	struct fib_heap *h = calloc(1, sizeof(*h));

	if (h)
		h->qsbr = qsbr;
	return h;
}

void fib_heap_free(struct fib_heap *h)
{
	if (!h)
		return;
	while (h->oldest) {
		struct fib_block *b = h->oldest;

		h->oldest = b->next;
		fib_heap_release(h, b);
	}
	while (h->chunks) {
		struct chunk *c = h->chunks;

		h->chunks = c->next;
		munmap(c, CHUNK);
	}
	free(h);
}

size_t fib_heap_bytes(const struct fib_heap *h)
{
	return h->used_bytes;
}

/* Aligned, so that the kernel can back each CHUNK by one huge page; bytes: a multiple of it. */
static uint8_t *map(size_t bytes, bool huge)
{
	uint8_t *p = mmap(NULL, bytes + CHUNK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *start;

	if (p == MAP_FAILED)
		return NULL;
	start = (uint8_t *)(((uintptr_t)p + CHUNK - 1) & ~(uintptr_t)(CHUNK - 1));
	if (start > p)
		munmap(p, (size_t)(start - p));
	if (start < p + CHUNK)
		munmap(start + bytes, (size_t)(p + CHUNK - start));
	if (huge)
		madvise(start, bytes, MADV_HUGEPAGE);
	return start;
}

static bool map_chunk(struct fib_heap *h)
{
	/* The first one stays small for those with few routes. */
	uint8_t *start = map(CHUNK, h->chunks);
	struct chunk *c = (struct chunk *)start;

	if (!start)
		return false;
	c->next = h->chunks;
	h->chunks = c;
	h->fresh = start + sizeof(*c);
	h->fresh_bytes = CHUNK - sizeof(*c);
	return true;
}

uint64_t fib_heap_mark(const struct fib_heap *h)
{
	return h->qsbr ? rte_rcu_qsbr_start(h->qsbr) : 0;
}

bool fib_heap_passed(const struct fib_heap *h, uint64_t mark)
{
	return !h->qsbr || rte_rcu_qsbr_check(h->qsbr, mark, false) == 1;
}

static void reclaim_marked(struct fib_heap *h)
{
	while (h->oldest && h->oldest != h->unmarked) {
		struct fib_block *b = h->oldest;

		if (!fib_heap_passed(h, b->token))
			return;
		h->oldest = b->next;
		h->waiting--;
		fib_heap_release(h, b);
	}
	if (!h->oldest)
		h->newest = NULL;
}

/* A grace period begins here for all that was retired before. */
static void mark(struct fib_heap *h)
{
	uint64_t token;

	if (!h->n_unmarked)
		return;
	token = fib_heap_mark(h);
	for (; h->unmarked; h->unmarked = h->unmarked->next)
		h->unmarked->token = token;
	h->n_unmarked = 0;
}

unsigned fib_heap_reclaim(struct fib_heap *h)
{
	mark(h);
	reclaim_marked(h);
	return h->waiting;
}

void *fib_heap_alloc(struct fib_heap *h, size_t bytes)
{
	size_t grains = (bytes + GRAIN - 1) / GRAIN;
	struct fib_block *b;
	struct fib_node *n;

	if (grains > GRAINS_MAX)
		return NULL;
	if (h->free[grains]) {
		b = h->free[grains];
		h->free[grains] = b->next;
		n = base_of(b);
	} else {
		if (h->fresh_bytes < grains * GRAIN && !map_chunk(h))
			return NULL;
		n = (struct fib_node *)h->fresh;
		h->fresh += grains * GRAIN;
		h->fresh_bytes -= grains * GRAIN;
	}
	h->used_bytes += grains * GRAIN;
	n->block.grains = (uint16_t)grains;
	return n;
}

static size_t whole_chunks(size_t bytes)
{
	return (bytes + CHUNK - 1) & ~(size_t)(CHUNK - 1);
}

struct fib_region *fib_heap_map(struct fib_heap *h, size_t bytes)
{
	struct fib_region *r;

	bytes = whole_chunks(bytes);
	r = (struct fib_region *)map(bytes, true);
	if (!r)
		return NULL;
	r->bytes = bytes;
	return r;
}

void fib_heap_use(struct fib_heap *h, struct fib_region *r, size_t bytes)
{
	bytes = whole_chunks(bytes);
	if (bytes <= r->used)
		return;
	h->used_bytes += bytes - r->used;
	r->used = bytes;
}

static void unmap(struct fib_heap *h, struct fib_region *r)
{
	h->used_bytes -= r->used;
	munmap(r, r->bytes);
}

void fib_heap_release(struct fib_heap *h, struct fib_block *b)
{
	if (!b->grains) {
		unmap(h, (struct fib_region *)b);
		return;
	}
	h->used_bytes -= (size_t)b->grains * GRAIN;
	b->next = h->free[b->grains];
	h->free[b->grains] = b;
}

void fib_heap_retire(struct fib_heap *h, struct fib_block *b)
{
	b->next = NULL;
	if (h->newest)
		h->newest->next = b;
	else
		h->oldest = b;
	h->newest = b;
	if (!h->unmarked)
		h->unmarked = b;
	h->waiting++;
	if (++h->n_unmarked >= BATCH)
		fib_heap_reclaim(h);
}

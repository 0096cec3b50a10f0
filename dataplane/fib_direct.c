#include "dataplane/fib_direct.h"

#include "dataplane/fib_space.h"

#include <assert.h>
#include <string.h>

#define SLOTS	  64	     /* of a group */
#define WORDS	  (1u << 24) /* of chunks: as many as every slot of its own and all of them anew */
#define BAG	  32	     /* chunks that are given back together */
#define NO_NUMBER FIB_DIRECT_VALUES

static_assert(FIB_DIRECT_LONGER == FIB_DIRECT_VALUES, "a number leaves the bit free");
static_assert(sizeof(struct fib_direct) / 4 > UINT16_MAX, "a chunk's place is no number");

/* Chunks that readers may still look at. */
struct bag {
	uint32_t chunk[BAG];
	struct fib_block block; /* its next: another bag; its n_value: how many there are */
};
static_assert(offsetof(struct bag, block) == offsetof(struct fib_node, block),
	      "the heap finds both by their block");

/* What readers see, and the writer's around it. */
struct index {
	struct fib_region region;
	struct fib_space space;
	struct fib_block *filling, *waiting; /* bags; those that wait began at the mark */
	uint64_t mark;
	uint32_t values;			/* given out, with 0 for none */
	uint16_t number[2 * FIB_DIRECT_VALUES]; /* by hash of their next hop */
	_Alignas(64) struct fib_direct direct;
	_Alignas(64) uint32_t chunks[];
};

#define CHUNKS ((offsetof(struct index, chunks) - offsetof(struct index, direct)) / 4)

static struct index *index_of(struct fib_direct *d)
{
	return (struct index *)((uint8_t *)d - offsetof(struct index, direct));
}

static const struct index *index_of_const(const struct fib_direct *d)
{
	return (const struct index *)((const uint8_t *)d - offsetof(struct index, direct));
}

static uint32_t *words_of(struct fib_direct *d)
{
	return (uint32_t *)d;
}

/* ---- numbers of next hops --------------------------------------------------------------- */

/* likely: what it may be. NO_NUMBER: there is none left. */
static uint32_t number_of(struct index *x, uint32_t value, uint32_t likely)
{
	uint32_t at = value * UINT32_C(0x9e3779b1) >> 16;
	uint16_t *number;

	if (x->direct.value[likely] == value)
		return likely;
	if (value == FIB_NONE)
		return 0;
	for (; *(number = &x->number[at % (2 * FIB_DIRECT_VALUES)]); at++)
		if (x->direct.value[*number] == value)
			return *number;
	if (x->values == FIB_DIRECT_VALUES)
		return NO_NUMBER;
	x->direct.value[x->values] = value;
	*number = (uint16_t)x->values;
	return x->values++;
}

/* ---- chunks ----------------------------------------------------------------------------- */

/* One that is not yet in its place. */
struct draft {
	uint64_t start;
	unsigned n;
	uint16_t number[SLOTS];
};

/* A word for each two numbers. */
static unsigned chunk_words(unsigned n)
{
	return sizeof(struct fib_chunk) / 4 + (n + 1) / 2;
}

static uint64_t chunk_start(const struct fib_chunk *c)
{
	uint64_t start;

	memcpy(&start, c->start, sizeof(start));
	return start;
}

static bool is_chunk(uint32_t group)
{
	return group > UINT16_MAX;
}

static void give_back(struct fib_heap *h, struct index *x, struct fib_block **bags)
{
	while (*bags) {
		struct bag *bag = (struct bag *)((uint8_t *)*bags - offsetof(struct bag, block));

		for (unsigned i = 0; i < bag->block.n_value; i++) {
			const struct fib_chunk *c = fib_chunk(&x->direct, bag->chunk[i]);
			unsigned n = (unsigned)__builtin_popcountll(chunk_start(c));

			fib_space_give(&x->space, words_of(&x->direct), bag->chunk[i],
				       chunk_words(n));
		}
		*bags = bag->block.next;
		fib_heap_release(h, &bag->block);
	}
}

/* False: no memory to remember it by. */
static bool retire(struct fib_heap *h, struct index *x, uint32_t chunk)
{
	struct bag *bag;

	if (!x->filling || x->filling->n_value == BAG) {
		if (!x->waiting || fib_heap_passed(h, x->mark)) {
			give_back(h, x, &x->waiting);
			x->waiting = x->filling;
			x->filling = NULL;
			x->mark = fib_heap_mark(h);
		}
		bag = fib_heap_alloc(h, sizeof(*bag));
		if (!bag)
			return false;
		bag->block.next = x->filling;
		bag->block.n_value = 0;
		x->filling = &bag->block;
	}
	bag = (struct bag *)((uint8_t *)x->filling - offsetof(struct bag, block));
	bag->chunk[bag->block.n_value++] = chunk;
	return true;
}

/* What the trie says of a group's slots: its part of a node of the third level, if there is one.
 * The numbers are likely to be those that are there now. */
static bool draw(struct draft *d, struct index *x, const struct fib_node *root, uint32_t g)
{
	const uint32_t *best = &fib_none;
	const struct fib_node *n = fib_step(root, (uint8_t)(g >> 10), &best);
	const struct fib_part *p;
	uint64_t edges = 1;

	if (n)
		n = fib_step(n, (uint8_t)(g >> 2), &best);
	if (n) {
		p = &n->part[g % 4];
		edges |= p->start | (p->covered ^ p->covered << 1) | (p->child ^ p->child << 1);
	}
	d->start = 0;
	d->n = 0;
	for (; edges; edges &= edges - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(edges);
		const uint32_t *here = best;
		bool longer = n && fib_step(n, (uint8_t)(g % 4 * SLOTS + slot), &here);
		uint32_t now = fib_number(&x->direct, x->direct.group[g], slot << 8);
		uint32_t number = number_of(x, *here, now & (FIB_DIRECT_LONGER - 1));

		if (number == NO_NUMBER)
			return false;
		number |= longer ? FIB_DIRECT_LONGER : 0;
		if (d->n && d->number[d->n - 1] == number)
			continue;
		d->start |= UINT64_C(1) << slot;
		d->number[d->n++] = (uint16_t)number;
	}
	return true;
}

static bool is_same(const struct draft *d, const struct fib_chunk *c)
{
	return chunk_start(c) == d->start &&
	       memcmp(c->number, d->number, d->n * sizeof(d->number[0])) == 0;
}

static void use(struct fib_heap *h, struct index *x)
{
	fib_heap_use(h, &x->region,
		     offsetof(struct index, direct) + x->space.fresh * sizeof(uint32_t));
}

/* Where it is then; 0: no memory. */
static uint32_t place(const struct draft *d, struct fib_heap *h, struct index *x)
{
	uint32_t at = fib_space_take(&x->space, words_of(&x->direct), chunk_words(d->n));
	struct fib_chunk *c = (struct fib_chunk *)(words_of(&x->direct) + at);

	if (!at)
		return 0;
	use(h, x);
	memcpy(c->start, &d->start, sizeof(c->start));
	memcpy(c->number, d->number, d->n * sizeof(d->number[0]));
	return at;
}

static bool paint(struct fib_heap *h, struct index *x, const struct fib_node *root, uint32_t g)
{
	uint32_t old = x->direct.group[g], new;
	struct draft d;

	if (!draw(&d, x, root, g))
		return false;
	if (is_chunk(old) && is_same(&d, fib_chunk(&x->direct, old)))
		return true;
	new = d.n == 1 ? d.number[0] : place(&d, h, x);
	if (!new &&d.n > 1)
		return false;
	if (new == old)
		return true;
	__atomic_store_n(&x->direct.group[g], new, __ATOMIC_RELEASE);
	return !is_chunk(old) || retire(h, x, old);
}

/* ---- the index -------------------------------------------------------------------------- */

void fib_direct_fetch(struct fib_direct *d, uint32_t addr, uint32_t value)
{
	struct index *x = index_of(d);

	__builtin_prefetch(&d->group[addr >> 14], 1);
	number_of(x, value, 0);
}

bool fib_direct_repaint(struct fib_heap *h, struct fib_direct *d, const struct fib_node *root,
			const struct prefix *p)
{
	unsigned len = p->len > 18 ? 18 : p->len;
	uint32_t first = len ? (addr_to_ipv4(&p->addr) & ~UINT32_C(0) << (32 - len)) >> 14 : 0;
	struct index *x = index_of(d);

	for (uint32_t g = first; g < first + (FIB_DIRECT_GROUPS >> len); g++)
		if (!paint(h, x, root, g))
			return false;
	return true;
}

static struct index *new_index(struct fib_heap *h)
{
	struct index *x = (struct index *)fib_heap_map(h, sizeof(*x) + WORDS * sizeof(uint32_t));

	if (!x)
		return NULL;
	fib_heap_use(h, &x->region, sizeof(*x));
	fib_space_open(&x->space, CHUNKS, CHUNKS + WORDS);
	x->values = 1;
	return x;
}

struct fib_direct *fib_direct_new(struct fib_heap *h, const struct fib_node *root)
{
	const struct prefix all = { .addr.family = ADDR_IPV4 };
	struct index *x = new_index(h);

	if (!x)
		return NULL;
	if (!fib_direct_repaint(h, &x->direct, root, &all)) {
		fib_heap_release(h, &x->region.block);
		return NULL;
	}
	return &x->direct;
}

bool fib_direct_sparse(const struct fib_direct *d)
{
	return fib_space_sparse(&index_of_const(d)->space, CHUNKS);
}

struct fib_direct *fib_direct_copy(struct fib_heap *h, const struct fib_direct *d)
{
	const struct index *old = index_of_const(d);
	struct index *x = new_index(h);

	if (!x)
		return NULL;
	x->values = old->values;
	memcpy(x->number, old->number, sizeof(x->number));
	memcpy(x->direct.value, d->value, sizeof(x->direct.value));
	for (uint32_t g = 0; g < FIB_DIRECT_GROUPS; g++) {
		uint32_t from = d->group[g], to = from;

		if (is_chunk(from)) {
			const struct fib_chunk *c = fib_chunk(d, from);
			unsigned words =
				chunk_words((unsigned)__builtin_popcountll(chunk_start(c)));

			to = fib_space_take(&x->space, words_of(&x->direct), words);
			memcpy(words_of(&x->direct) + to, c, words * sizeof(uint32_t));
		}
		x->direct.group[g] = to;
	}
	use(h, x);
	return &x->direct;
}

void fib_direct_retire(struct fib_heap *h, struct fib_direct *d)
{
	struct index *x = index_of(d);

	give_back(h, x, &x->waiting); /* nobody takes them again */
	give_back(h, x, &x->filling);
	fib_heap_retire(h, &x->region.block);
}

size_t fib_direct_bytes(const struct fib_direct *d)
{
	return index_of_const(d)->region.used;
}

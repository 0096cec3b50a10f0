#include "dataplane/fib_direct.h"

_Static_assert(FIB_DIRECT_LONGER == FIB_DIRECT_VALUES, "a number leaves the bit free");

struct range {
	uint32_t first, last; /* slots */
};

static uint16_t *number_at(struct fib_direct *d, uint32_t value, uint32_t probe)
{
	uint32_t at = (value * UINT32_C(0x9e3779b1) >> 16) + probe;

	return &d->number[at & (2 * FIB_DIRECT_VALUES - 1)];
}

/* A next hop's number; FIB_DIRECT_VALUES: there is none left. */
static uint32_t number_of(struct fib_direct *d, uint32_t value)
{
	uint16_t *number;

	if (value == FIB_NONE)
		return 0;
	if (value == d->last)
		return d->last_number;
	for (uint32_t probe = 0; *(number = number_at(d, value, probe)); probe++)
		if (d->value[*number] == value) {
			d->last = value;
			return d->last_number = *number;
		}
	if (d->values == FIB_DIRECT_VALUES)
		return FIB_DIRECT_VALUES;
	d->value[d->values] = value;
	*number = (uint16_t)d->values;
	return d->values++;
}

static bool fill(struct fib_direct *d, uint32_t first, uint32_t last, uint32_t value, bool longer)
{
	uint32_t number = number_of(d, value);

	if (number == FIB_DIRECT_VALUES)
		return false;
	for (uint32_t s = first; s <= last; s++)
		__atomic_store_n(&d->slot[s], (uint16_t)(number | (longer ? FIB_DIRECT_LONGER : 0)),
				 __ATOMIC_RELEASE);
	return true;
}

/* The part of the range that lies under this node of the trie, which begins at slot `base`; best:
 * what holds where the node knows nothing. */
static bool paint(struct fib_direct *d, const struct fib_node *n, unsigned level, uint32_t base,
		  const uint32_t *best, struct range r)
{
	unsigned shift = 16 - 8 * level; /* 1 << shift slots of ours are one of the node's */
	unsigned from = r.first > base ? (r.first - base) >> shift : 0;
	unsigned to = (r.last - base) >> shift;

	for (unsigned s = from; s <= to && s < 256; s++) {
		uint32_t first = base + (s << shift), last = first + (1u << shift) - 1;
		const uint32_t *here = best;
		const struct fib_node *child = fib_step(n, (uint8_t)s, &here);

		if (child && level < 2) {
			if (!paint(d, child, level + 1, first, here, r))
				return false;
			continue;
		}
		if (!fill(d, first < r.first ? r.first : first, last > r.last ? r.last : last,
			  *here, child))
			return false;
	}
	return true;
}

void fib_direct_fetch(struct fib_direct *d, uint32_t slot, uint32_t value)
{
	__builtin_prefetch(&d->slot[slot], 1);
	number_of(d, value);
}

bool fib_direct_repaint(struct fib_direct *d, const struct fib_node *root, const struct prefix *p)
{
	uint32_t addr = addr_to_ipv4(&p->addr);
	unsigned len = p->len > 24 ? 24 : p->len;
	uint32_t first = len ? (addr & ~UINT32_C(0) << (32 - len)) >> 8 : 0;

	return paint(d, root, 0, 0, &fib_none,
		     (struct range){ first, first + (1u << (24 - len)) - 1 });
}

struct fib_direct *fib_direct_new(struct fib_heap *h, const struct fib_node *root)
{
	const struct prefix all = { .addr.family = ADDR_IPV4 };
	struct fib_direct *d = (struct fib_direct *)fib_heap_map(h, sizeof(*d));

	if (!d)
		return NULL;
	d->values = 1;
	if (!fib_direct_repaint(d, root, &all)) {
		fib_heap_release(h, &d->region.block);
		return NULL;
	}
	return d;
}

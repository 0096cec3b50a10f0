#include "dataplane/fib_space.h"

#define SLACK (1u << 16) /* words that may always lie about */

/* Up to a line they are of as many words as are needed, above that of whole lines. */
static unsigned size_of(unsigned words)
{
	return words <= FIB_LINE ? words - 1 : FIB_LINE + (words - 1) / FIB_LINE - 1;
}

static unsigned words_of(unsigned size)
{
	return size < FIB_LINE ? size + 1 : (size - FIB_LINE + 2) * FIB_LINE;
}

static void put(struct fib_space *s, uint32_t *base, uint32_t at, unsigned size)
{
	base[at] = s->free[size];
	s->free[size] = at;
	s->sizes |= 1u << size;
}

static uint32_t get(struct fib_space *s, const uint32_t *base, unsigned size)
{
	uint32_t at = s->free[size];

	s->free[size] = base[at];
	if (!s->free[size])
		s->sizes &= ~(1u << size);
	return at;
}

static uint32_t get_fresh(struct fib_space *s, unsigned words)
{
	uint32_t at = s->fresh;

	if (s->end - s->fresh < words)
		return 0;
	s->fresh += words;
	return at;
}

void fib_space_open(struct fib_space *s, uint32_t first, uint32_t end)
{
	*s = (struct fib_space){ .fresh = first, .end = end };
}

uint32_t fib_space_take(struct fib_space *s, uint32_t *base, unsigned words)
{
	unsigned size = size_of(words), found = size;
	uint32_t at, fits = s->sizes & ~((1u << size) - 1);

	words = words_of(size);
	if (size >= FIB_LINE)
		fits &= 1u << size;
	else
		fits &= (1u << FIB_LINE) - 1;
	if (fits) {
		found = (unsigned)__builtin_ctz(fits);
		at = get(s, base, found);
	} else {
		if (size < FIB_LINE)
			found = FIB_LINE - 1;
		at = get_fresh(s, words_of(found));
		if (!at)
			return 0;
	}
	if (found > size)
		put(s, base, at + words, words_of(found) - words - 1);
	s->live += words;
	return at;
}

void fib_space_give(struct fib_space *s, uint32_t *base, uint32_t at, unsigned words)
{
	unsigned size = size_of(words);

	s->live -= words_of(size);
	put(s, base, at, size);
}

bool fib_space_sparse(const struct fib_space *s, uint32_t first)
{
	return s->fresh - first > s->live + s->live / 4 + SLACK;
}

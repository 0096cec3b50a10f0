#include "dataplane/sa_book.h"

#include "dataplane/sa.h"
#include "dataplane/spi.h"

#include <rte_byteorder.h>

#include <stdlib.h>

struct shelf { /* one worker's slots */
	struct slot_entry slot[SPI_SLOTS];
	uint16_t line[SPI_SLOTS]; /* free slots, first in first out */
	uint32_t head, n;
};

struct sa_book {
	unsigned workers, tunnels;
	struct shelf *shelf;
	struct sa **out;
};

_Static_assert(SPI_SLOTS <= UINT16_MAX + 1, "a slot number has 16 bits");

struct sa_book *sa_book_new(unsigned workers, unsigned tunnels)
{
	struct sa_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->workers = workers;
	b->tunnels = tunnels;
	b->shelf = calloc(workers, sizeof(*b->shelf));
	b->out = calloc(tunnels, sizeof(struct sa *));
	if (!b->shelf || !b->out) {
		sa_book_free(b);
		return NULL;
	}
	for (unsigned w = 0; w < workers; w++) {
		struct shelf *s = &b->shelf[w];

		s->n = SPI_SLOTS;
		for (unsigned i = 0; i < SPI_SLOTS; i++)
			s->line[i] = (uint16_t)i;
	}
	return b;
}

void sa_book_free(struct sa_book *b)
{
	if (!b)
		return;
	for (unsigned w = 0; b->shelf && w < b->workers; w++) {
		for (unsigned i = 0; i < SPI_SLOTS; i++)
			sa_free(b->shelf[w].slot[i].sa);
	}
	for (unsigned i = 0; b->out && i < b->tunnels; i++) {
		while (b->out[i]) {
			struct sa *next = b->out[i]->booked;

			sa_free(b->out[i]);
			b->out[i] = next;
		}
	}
	free(b->shelf);
	free(b->out);
	free(b);
}

uint32_t sa_book_give(struct sa_book *b, unsigned owner, uint32_t tunnel)
{
	struct shelf *s = &b->shelf[owner];
	struct slot_entry *e;
	uint16_t slot;

	if (s->n == 0)
		return 0;
	slot = s->line[s->head++ % SPI_SLOTS];
	s->n--;
	e = &s->slot[slot];
	e->generation = (uint16_t)spi_next_generation(e->generation);
	e->state = SLOT_GIVEN;
	e->tunnel = tunnel;
	return spi_make(e->generation, owner, slot);
}

struct slot_entry *sa_book_inbound(struct sa_book *b, uint32_t tunnel, uint32_t spi)
{
	struct slot_entry *e;

	if (spi_owner(spi) >= b->workers)
		return NULL;
	e = &b->shelf[spi_owner(spi)].slot[spi_slot(spi)];
	if (e->state == SLOT_FREE || e->tunnel != tunnel || e->generation != spi_generation(spi))
		return NULL;
	return e;
}

struct slot_entry *sa_book_next(struct sa_book *b, unsigned owner, uint32_t tunnel, uint32_t *at,
				uint32_t *spi)
{
	while (*at < SPI_SLOTS) {
		uint32_t slot = (*at)++;
		struct slot_entry *e = &b->shelf[owner].slot[slot];

		if (e->state != SLOT_INSTALLED || e->tunnel != tunnel)
			continue;
		*spi = spi_make(e->generation, owner, slot);
		return e;
	}
	return NULL;
}

void sa_book_recycle(struct sa_book *b, uint32_t spi)
{
	struct shelf *s = &b->shelf[spi_owner(spi)];
	struct slot_entry *e = &s->slot[spi_slot(spi)];

	e->state = SLOT_FREE;
	e->sa = NULL;
	s->line[(s->head + s->n++) % SPI_SLOTS] = (uint16_t)spi_slot(spi);
}

struct sa **sa_book_outbound(struct sa_book *b, uint32_t tunnel, uint32_t spi)
{
	struct sa **at = &b->out[tunnel];

	while (*at && spi && rte_be_to_cpu_32((*at)->spi) != spi)
		at = &(*at)->booked;
	return at;
}

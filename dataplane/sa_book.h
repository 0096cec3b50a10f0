/* The negotiator's book of SAs: which SPIs are given out, and which SA objects live.
 *
 * Negotiator thread only. An inbound slot is used again, under its next generation, only after its
 * owner worker confirmed that it let go; freed slots wait in line, so that a generation lasts as
 * long as possible. */
#ifndef DATAPLANE_SA_BOOK_H
#define DATAPLANE_SA_BOOK_H

#include <stdint.h>

struct sa;
struct sa_book;

enum slot_state { SLOT_FREE, SLOT_GIVEN, SLOT_INSTALLED, SLOT_LEAVING };

struct slot_entry {
	uint16_t generation; /* of the SPI given out last */
	uint8_t state;	     /* enum slot_state */
	uint32_t tunnel;
	struct sa *sa; /* SLOT_INSTALLED, SLOT_LEAVING */
};

struct sa_book *sa_book_new(unsigned workers, unsigned tunnels); /* NULL: no memory */
void sa_book_free(struct sa_book *b); /* and every SA in it: the workers are gone */

uint32_t sa_book_give(struct sa_book *b, unsigned owner, uint32_t tunnel); /* 0: none left */
/* The slot that holds this SPI for this tunnel. NULL: none does. */
struct slot_entry *sa_book_inbound(struct sa_book *b, uint32_t tunnel, uint32_t spi);
/* The installed inbound SAs of a tunnel, one a call, from *at = 0 on. NULL: no more. */
struct slot_entry *sa_book_next(struct sa_book *b, unsigned owner, uint32_t tunnel, uint32_t *at,
				uint32_t *spi);
void sa_book_recycle(struct sa_book *b, uint32_t spi);
/* Where the tunnel's outbound SA with this SPI is named, in a list by their `booked`; spi 0: the
 * first. NULL is there if there is none; what is put there has to go on with what was. */
struct sa **sa_book_outbound(struct sa_book *b, uint32_t tunnel, uint32_t spi);

#endif

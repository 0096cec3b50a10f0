/* Inbound SPIs: chosen by us so that a packet's owner worker and SA are found without a hash.
 *
 *      31          19 18     14 13            0
 *     | generation    | owner   | slot          |
 *
 * The generation changes whenever a slot is used again, so that a packet for the SA before finds
 * another SPI there. Generations start at 1: no SPI is in the reserved range 0..255 (RFC 4303
 * §2.1). */
#ifndef DATAPLANE_SPI_H
#define DATAPLANE_SPI_H

#include <stdint.h>

#define SPI_SLOT_BITS	    14
#define SPI_OWNER_BITS	    5
#define SPI_GENERATION_BITS 13
#define SPI_SLOTS	    (1u << SPI_SLOT_BITS)
#define SPI_GENERATION_MAX  ((1u << SPI_GENERATION_BITS) - 1)

_Static_assert(SPI_SLOT_BITS + SPI_OWNER_BITS + SPI_GENERATION_BITS == 32, "an SPI has 32 bits");

static inline uint32_t spi_make(uint32_t generation, uint32_t owner, uint32_t slot)
{
	return generation << (SPI_OWNER_BITS + SPI_SLOT_BITS) | owner << SPI_SLOT_BITS | slot;
}

static inline uint32_t spi_slot(uint32_t spi)
{
	return spi & (SPI_SLOTS - 1);
}

static inline uint32_t spi_owner(uint32_t spi)
{
	return spi >> SPI_SLOT_BITS & ((1u << SPI_OWNER_BITS) - 1);
}

static inline uint32_t spi_generation(uint32_t spi)
{
	return spi >> (SPI_SLOT_BITS + SPI_OWNER_BITS);
}

/* What an empty slot holds: no packet that is sent there has it. 0 would not do, which anybody may
 * send to slot 0. */
static inline uint32_t spi_none(uint32_t slot)
{
	return slot == 0;
}

/* The generation after this one; never 0. */
static inline uint32_t spi_next_generation(uint32_t generation)
{
	return generation >= SPI_GENERATION_MAX ? 1 : generation + 1;
}

#endif

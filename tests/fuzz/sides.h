/* Two engines with one tunnel between them, and what is on its way: for targets that meddle with
 * whole messages. Everything that an engine tells its owner is checked against its contract. */
#ifndef TESTS_FUZZ_SIDES_H
#define TESTS_FUZZ_SIDES_H

#include "ike/engine.h"
#include "tests/fuzz/letter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIDES	    2
#define QUEUE_MAX   32
#define MESSAGE_MAX 2048
#define SPIS_MAX    128
#define SPI_BASE    0x10000u
#define TUNNEL	    7
#define KEPT	    4 /* messages of each side, to be made use of again */

enum spi_state { SPI_FREE, SPI_ALLOCATED, SPI_INSTALLED };

struct side {
	struct ike_engine *engine;
	enum spi_state spi[SPIS_MAX]; /* inbound; the SPI is the index and SPI_BASE */
	uint32_t last_in;
	uint64_t inbound;
	bool no_spi, no_install; /* the next call of the kind fails */

	/* What came, in turn, and the headers of the last encrypted requests. */
	struct letter kept[KEPT];
	unsigned n_kept;
	uint8_t asked[LETTER_HEADER_BYTES], asking[LETTER_HEADER_BYTES];
};

struct datagram {
	unsigned to;
	struct ike_path path; /* as the receiver sees it */
	size_t n;
	uint8_t data[MESSAGE_MAX];
};

extern struct side side[SIDES];
extern struct datagram queue[QUEUE_MAX];
extern unsigned n_queued;
extern ike_time now;

/* Nothing is on its way; randomness follows from `seed`. */
void sides_reset(unsigned seed);
struct ike_engine *sides_engine(unsigned i); /* a new one, without a tunnel */
struct addr sides_address(unsigned i);
void sides_take(unsigned i, struct datagram *d); /* out of the queue */
void sides_deliver(const struct datagram *d);
void sides_pass_time(ike_time length);
/* An inbound SPI that is in use: bit 7 tells the side, the rest which of them. */
uint32_t sides_spi(uint8_t which);
/* How many bytes stand before the IKE header. */
size_t sides_marker(const struct datagram *d);
bool sides_idle(void); /* no SPI is in use */

#endif

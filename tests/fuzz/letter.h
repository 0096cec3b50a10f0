/* A message taken apart into its payloads, to be changed and put together again, or made up: what
 * a peer could send that has the keys. For messages that nothing protects, but for the room that
 * protection takes (fuzz_message.c): an IV and an ICV of zeros. Knows IKEv1 and IKEv2. */
#ifndef TESTS_FUZZ_LETTER_H
#define TESTS_FUZZ_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LETTER_HEADER_BYTES 28
#define LETTER_PARTS_MAX    16
#define LETTER_BODY_MAX	    400

struct letter {
	uint8_t header[LETTER_HEADER_BYTES];
	bool v1, sealed;
	unsigned n;
	struct letter_part {
		uint8_t type, flags;
		uint16_t n;
		uint8_t body[LETTER_BODY_MAX];
	} part[LETTER_PARTS_MAX];
};

/* An SPI of a pair that is there, by a byte of the input. */
typedef uint32_t letter_spi(uint8_t which);

/* msg: from the IKE header on. False: not one that can be put together again. */
bool letter_open(struct letter *l, const uint8_t *msg, size_t n);
/* Whether the header is that of a message that is encrypted. */
bool letter_sealed(const uint8_t header[LETTER_HEADER_BYTES]);
/* A message without payloads but, in IKEv1, the hash of another. */
void letter_begin(struct letter *l, const uint8_t header[LETTER_HEADER_BYTES],
		  const struct letter *other);
/* Appends the payloads of a usual message, by number: those of a rekey, a delete and so on. */
void letter_kit(struct letter *l, uint8_t which, letter_spi *spi);
/* One change, as the input wants it; some take payloads of the other letter. */
void letter_edit(struct letter *l, const struct letter *other, letter_spi *spi,
		 const uint8_t **data, size_t *size);
/* The message. 0: it does not fit. */
size_t letter_close(const struct letter *l, uint8_t *msg, size_t cap);
/* One of `total` fragments of it (RFC 7383), by number from 1. 0: it does not fit. */
size_t letter_piece(const struct letter *l, unsigned number, unsigned total, uint8_t *msg,
		    size_t cap);

#endif

/* A segment's bytes, in the machine's order: blocks of a header and a payload.
 *
 *   names   "NUL-ended" names of the next places, in their order
 *   row     a struct sample_place for each place that was named before */
#ifndef GATEWAY_SAMPLES_FILE_H
#define GATEWAY_SAMPLES_FILE_H

#include "gateway/samples.h"

#define SAMPLES_MAGIC  0x31535349u /* "ISS1" */
#define SAMPLES_SUFFIX ".samples"  /* of a file named by its first minute, ten digits */

enum samples_kind { SAMPLES_NAMES = 1, SAMPLES_ROW };

struct samples_block {
	uint32_t magic;
	uint32_t kind;	 /* enum samples_kind */
	uint32_t minute; /* of a row; of names: the place of the first */
	uint32_t count;	 /* names, or places */
	uint32_t bytes;	 /* of the payload */
	uint32_t check;	 /* samples_check() of what stands before, and of names */
};

struct sample_place {
	uint32_t packed[SAMPLE_FIELD_COUNT];
	uint32_t check; /* of these, begun with minute and place */
};

/* FNV-1a. */
static inline uint32_t samples_check(uint32_t from, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (from ^= 0x811c9dc5; n > 0; n--)
		from = (from ^ *p++) * 0x01000193u;
	return from;
}

static inline uint32_t samples_place_check(const struct sample_place *p, uint32_t minute,
					   uint32_t place)
{
	return samples_check(minute * 2654435761u + place, p->packed, sizeof(p->packed));
}

static inline uint32_t samples_block_check(const struct samples_block *b)
{
	return samples_check(0, b, offsetof(struct samples_block, check));
}

#endif

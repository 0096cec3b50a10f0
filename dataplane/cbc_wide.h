/* AES-CBC of ESP packets on CPUs with VAES but without AVX-512 (NIST SP 800-38A, RFC 3602): two
 * blocks in a register. IPsec-MB's own serves every other CPU, and is the yardstick in the tests:
 * what it has for AVX2 is AES-NI with a block in a register, what it has for AVX-512 is as wide as
 * it gets. Measured in turns, TSC cycles for each of 64 packets, AES-128, sealing / opening:
 *
 *     bytes                     80        592       1424
 *     Zen 3    IPsec-MB    61 / 26  232 / 158  525 / 381
 *              256 bits    36 / 19  165 /  92  380 / 212
 *
 * Constant time in key and text; not in lengths. */
#ifndef DATAPLANE_CBC_WIDE_H
#define DATAPLANE_CBC_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#define CBC_LANES      16
#define CBC_ROUND_KEYS 15

/* One packet, in place. Its IV lies before the text; no byte but the text's is changed or read. */
struct cbc_text {
	const uint8_t *keys; /* IPsec-MB's round keys of the direction, 16 bytes each */
	uint8_t *at;
	uint32_t blocks; /* to be sealed: 1 .. CBC_BLOCKS; to be opened: any */
};
#define CBC_BLOCKS 0xfffe

/* What packets that are sealed together need; an engine's, nothing is kept from call to call but
 * what must be wiped in the end. */
struct cbc_lanes {
	uint8_t key[CBC_ROUND_KEYS][CBC_LANES][16];
	uint8_t chain[CBC_LANES][16]; /* the block before */
	uint16_t left[CBC_LANES];     /* blocks */
	uint8_t *at[CBC_LANES];
} __attribute__((aligned(64)));

/* Functions by key size: 128, 192, 256 bits. */
struct cbc_engine {
	const char *name;
	/* n packets of any keys and lengths; fastest if the longest come first. */
	void (*seal[3])(struct cbc_lanes *l, const struct cbc_text *text, unsigned n);
	void (*open[3])(const struct cbc_text *text);
};
extern const struct cbc_engine cbc_wide;

/* Does this CPU have what the engine needs? */
bool cbc_wide_runs(void);

#endif

/* AES-GCM of ESP packets on CPUs with VAES and VPCLMULQDQ (NIST SP 800-38D, RFC 4106), on registers
 * of 512 bits (AVX-512) or of 256 (AVX2). IPsec-MB's own GCM serves every other CPU, and is the
 * yardstick in the tests.
 *
 * What is gained is the fixed cost of a packet: nonce and associated data come in registers, the
 * tag's block rides in a register with the first text blocks, hashing needs few reductions, and two
 * short packets are sealed together. IPsec-MB 1.3 knows VAES on 512 bits only. Measured beside it,
 * TSC cycles of 64 packets in a row, AES-128, sealing / opening:
 *
 *     bytes                     68        256        576       1024       1424
 *     Zen 4    IPsec-MB    83 / 76   104 /  96             259 / 258  343 / 337
 *              512 bits    46 / 43    88 /  75             263 / 237  342 / 315
 *     Zen 3    IPsec-MB  116 / 112  257 / 260  500 / 510  649 / 650 1044 /1064
 *              256 bits   56 /  68  169 / 164  296 / 289  346 / 342  532 / 479
 *
 * (Zen 3 on a virtual machine whose core was slowed by others; the two took turns. Zen 4 before
 * keys lay as they do now.)
 *
 * Constant time in key and text. Any thread; nothing is kept. */
#ifndef DATAPLANE_GCM_H
#define DATAPLANE_GCM_H

#include <immintrin.h>

#include <stdbool.h>
#include <stdint.h>

#define GCM_POWERS 25 /* 512 bits: six registers of blocks and the length */

/* What a packet needs lies together, however short it is: the last powers of H, and behind them the
 * round keys. Powers are byte-reversed and multiplied by x (see gcm_wide.c). */
struct gcm_key {
	uint8_t power[GCM_POWERS][16]; /* H^25 .. H^1 */
	uint8_t round[15][16];	       /* 11 of them, 13 or 15, by key size */
};

/* One packet, in place. No byte but text's and, sealing, tag's is changed, but GCM_BEFORE and
 * GCM_BEHIND may be read and written as they were. The vectors are made in registers and stored
 * whole: loads of what was just stored in pieces wait 35 cycles, and so does a load of text whose
 * header was. */
#define GCM_BEFORE 16 /* bytes before the text */
#define GCM_BEHIND 31 /* bytes behind it */
struct gcm_packet {
	const struct gcm_key *key;
	uint8_t *text, *tag;
	uint64_t bytes;
	__m128i nonce, aad, length; /* bytes as on the wire, zeros behind; length: the last block */
};

/* Arguments are bytes as they lie in memory, the first one lowest. Nonce: salt (4), iv (8).
 * Associated data: aad (8), and aad4 (4) if aad_bytes is 12, else 0. */
static inline struct gcm_packet gcm_packet(const struct gcm_key *key, uint8_t *text, uint64_t bytes,
					   uint64_t salt, uint64_t iv, uint64_t aad, uint64_t aad4,
					   uint64_t aad_bytes, uint8_t *tag)
{
	return (struct gcm_packet){
		.key = key,
		.text = text,
		.tag = tag,
		.bytes = bytes,
		.nonce = _mm_set_epi64x((long long)(iv >> 32), (long long)(salt | iv << 32)),
		.aad = _mm_set_epi64x((long long)aad4, (long long)aad),
		.length = _mm_set_epi64x((long long)aad_bytes * 8, (long long)bytes * 8),
	};
}

/* From AES's round keys; size: 0 .. 2 for 128, 192, 256 bits. */
void gcm_expand(struct gcm_key *to, unsigned size, const uint8_t *round_keys);

/* Functions by key size. */
struct gcm_engine {
	const char *name;
	/* Writes the tag. */
	void (*seal[3])(const struct gcm_packet *p);
	/* Decrypts whatever the tag is, and says whether it is right; if not, text is garbage. */
	bool (*open[3])(const struct gcm_packet *p);
	/* Two packets at once, of any keys of the size, for whose texts gcm_can_pair(). Opening
	 * would gain nothing: it hashes while it waits for the cipher. */
	void (*seal_pair[3])(const struct gcm_packet p[2]);
	uint16_t pair_bytes; /* texts of a pair have no more .. */
	uint8_t pair_shift;  /* .. and as many registers of 2^pair_shift bytes */
	uint8_t most_powers; /* of H, whatever the text */
};
extern const struct gcm_engine gcm_512, gcm_256;

/* Does this CPU have what the engine needs? */
bool gcm_runs(const struct gcm_engine *e);
/* The fastest that runs here; behind an engine: the fastest but that one and those before it. NULL:
 * none. */
const struct gcm_engine *gcm_choose(const struct gcm_engine *behind);

static inline bool gcm_can_pair(const struct gcm_engine *e, uint64_t a, uint64_t b)
{
	return a <= e->pair_bytes && (a + 15) >> e->pair_shift == (b + 15) >> e->pair_shift;
}

/* How many powers of H, the last ones, a text of so many bytes needs: one for each 16, for slot 0,
 * and for the length. */
static inline unsigned gcm_powers(unsigned bytes, unsigned most)
{
	unsigned need = (bytes + 15) / 16 + 2;

	return need < most ? need : most;
}

#endif

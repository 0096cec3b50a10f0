/* AES-GCM of ESP packets on CPUs with AVX-512, VAES and VPCLMULQDQ (NIST SP 800-38D, RFC 4106).
 *
 * Keys are IPsec-MB's, expanded by it for such a CPU: round keys, then H^48 .. H^1, each shifted as
 * its header says. IPsec-MB's own GCM serves every other CPU, and is the yardstick in the tests.
 * What is gained is the fixed cost of a packet: nonce and associated data come in registers, the
 * tag's block rides in a register with the first text blocks, hashing needs one reduction, and two
 * short packets are sealed together.
 * Measured beside it on Zen 4, cycles of 64 packets in a row, AES-128, sealing / opening:
 *
 *     bytes        68        256        512       1024       1424
 *     IPsec-MB  83 / 76   104 /  96  148 / 145  259 / 258  343 / 337
 *     this      46 / 43    88 /  75  156 / 132  263 / 237  342 / 315
 *
 * Constant time in key and text. Any thread; nothing is kept. */
#ifndef DATAPLANE_GCM_H
#define DATAPLANE_GCM_H

#include <immintrin.h>
#include <intel-ipsec-mb.h>

#include <stdbool.h>
#include <stdint.h>

/* One packet, in place; no byte but text's and, sealing, tag's is touched. The vectors are made in
 * registers and stored whole: loads of what was just stored in pieces wait 35 cycles, and so does a
 * load of text whose header was. */
struct gcm_packet {
	const struct gcm_key_data *key;
	uint8_t *text, *tag;
	uint64_t bytes;
	__m128i nonce, aad, length; /* bytes as on the wire, zeros behind; length: the last block */
};

/* Arguments are bytes as they lie in memory, the first one lowest. Nonce: salt (4), iv (8).
 * Associated data: aad (8), and aad4 (4) if aad_bytes is 12, else 0. */
static inline struct gcm_packet gcm_packet(const struct gcm_key_data *key, uint8_t *text,
					   uint64_t bytes, uint64_t salt, uint64_t iv, uint64_t aad,
					   uint64_t aad4, uint64_t aad_bytes, uint8_t *tag)
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

/* By key size: 128, 192, 256 bits. Sealing writes the tag. */
extern void (*const gcm_seal[3])(const struct gcm_packet *p);
/* Decrypts whatever the tag is, and says whether it is right; if not, text is garbage. */
extern bool (*const gcm_open[3])(const struct gcm_packet *p);

/* Seals two packets at once, of any keys of the size, for whose texts gcm_can_pair(): 46 cycles
 * each where one alone takes 52. Opening gains nothing: it hashes while it waits for the cipher. */
extern void (*const gcm_seal_pair[3])(const struct gcm_packet p[2]);

/* Short packets of as many registers. */
#define GCM_PAIR_BYTES 176
static inline bool gcm_can_pair(uint64_t a, uint64_t b)
{
	return a <= GCM_PAIR_BYTES && (a + 15) / 64 == (b + 15) / 64;
}

/* The powers of H that a text of so many bytes needs are the key's last gcm_power_bytes(). */
static inline unsigned gcm_power_bytes(unsigned bytes)
{
	enum { MOST = 25 * 16 };
	unsigned need = ((bytes + 15) & ~15u) + 32;

	return need < MOST ? need : MOST;
}

#endif

/* AES-GCM of ESP packets on CPUs with AVX-512, VAES and VPCLMULQDQ (NIST SP 800-38D, RFC 4106).
 *
 * Keys are IPsec-MB's, expanded by it for such a CPU: round keys, then H^48 .. H^1, each shifted as
 * its header says. IPsec-MB's own GCM serves every other CPU, and is the yardstick in the tests.
 * What is gained is the fixed cost of a packet: nonce and associated data come in registers, the
 * tag's block rides in a register with the first text blocks, and hashing needs one reduction.
 * Measured beside it on Zen 4, cycles of 64 packets in a row, AES-128, sealing / opening:
 *
 *     bytes        68        256        512       1024       1424
 *     IPsec-MB  83 / 76   104 /  96  148 / 145  259 / 258  343 / 337
 *     this      51 / 43    88 /  75  156 / 132  263 / 237  342 / 315
 *
 * Constant time in key and text. Any thread; nothing is kept. */
#ifndef DATAPLANE_GCM_H
#define DATAPLANE_GCM_H

#include <intel-ipsec-mb.h>

#include <stdint.h>

/* One packet, in place; no byte but text's is touched. Arguments are bytes as they lie in memory,
 * the first one lowest, in registers: vector loads of what was just stored in pieces wait 35
 * cycles. Nonce: salt (4), iv (8). Associated data: aad (8), and aad4 (4) if aad_bytes is 12, else
 * 0. */
typedef void gcm_fn(const struct gcm_key_data *key, uint8_t *text, uint64_t bytes, uint64_t salt,
		    uint64_t iv, uint64_t aad, uint64_t aad4, uint64_t aad_bytes, uint8_t *tag);

/* By key size: 128, 192, 256 bits. Opening decrypts whatever the tag will be: the caller compares,
 * and drops text whose tag is another. */
extern gcm_fn *const gcm_seal[3], *const gcm_open[3];

/* The powers of H that a text of so many bytes needs are the key's last gcm_power_bytes(). */
static inline unsigned gcm_power_bytes(unsigned bytes)
{
	enum { MOST = 25 * 16 };
	unsigned need = ((bytes + 15) & ~15u) + 32;

	return need < MOST ? need : MOST;
}

#endif

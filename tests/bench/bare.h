/* What IPsec-MB alone takes for a cell's packets: the same bytes, keys and buffers, as cold as the
 * worker finds them, in bursts, with payloads fetched two packets ahead. Its AES-GCM has keys of
 * its own layout, one for each tunnel. */
#ifndef TESTS_BENCH_BARE_H
#define TESTS_BENCH_BARE_H

#include "dataplane/sa.h"

#include <stdint.h>

#define BARE_BURST 64

struct bare;

struct bare_packet {
	const struct sa *sa;
	uint32_t tunnel;
	uint8_t *text;	/* in place */
	uint32_t bytes; /* of text with its trailer */
};

/* Keys for tunnels 0 .. tunnels; after EAL started. */
struct bare *bare_new(unsigned tunnels, const struct dataplane_sa *like);
void bare_free(struct bare *b);
/* TSC cycles for n <= BARE_BURST packets of one algorithm. */
uint64_t bare_run(struct bare *b, const struct bare_packet *p, unsigned n, bool encrypt);

#endif

/* The packets of one cell of the benchmark: made before they are measured, all different,
 * neighbours never of one tunnel (unless there is only one). */
#ifndef TESTS_BENCH_FEED_H
#define TESTS_BENCH_FEED_H

#include "dataplane/crypt.h"
#include "tests/golden/bed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_PACKETS   1200 /* or one for each tunnel, whichever is more; twice that */
#define FEED_FRAME_MAX 1536
#define FEED_IMIX      0 /* as a size: 7 x 64, 4 x 570, 1 x 1420 */

enum feed_dir { FEED_ENC, FEED_DEC };

struct feed_tunnel {
	uint32_t spi_in;
	uint64_t sequence; /* last one sealed for the gateway */
};

/* Packets go round over n tunnels: first, first + step, ... */
struct feed_round {
	unsigned n, first, step;
	bool random;	/* in random order instead, each as often */
	unsigned hosts; /* behind each tunnel, that packets go to in turn; 0: one, of each tunnel */
};

struct feed {
	enum feed_dir dir;
	unsigned size; /* of inner packets; FEED_IMIX */
	struct feed_round round;
	unsigned n;
	uint32_t *tunnel; /* of each packet, from 1 */
	uint16_t *len;
	uint8_t (*frame)[FEED_FRAME_MAX];
	/* for FEED_DEC: what the customers have */
	struct crypt *crypt;
	struct sa *sa;
	struct feed_tunnel *peer; /* by tunnel */
};

/* peer: by tunnel. The pair's keys are those of bed_add_sas(). */
void feed_open(struct feed *f, enum feed_dir dir, unsigned size, struct feed_round round,
	       const struct dataplane_sa *like, struct feed_tunnel *peer);
void feed_close(struct feed *f);

/* Fresh frames: FEED_DEC seals each with the next number of its SA. */
void feed_make(struct feed *f);

unsigned feed_bytes(const struct feed *f, unsigned i); /* of the inner packet */

/* Customer's end of tunnel n, and a host behind it. */
struct addr feed_customer(uint32_t n);
struct prefix feed_prefix(uint32_t n);

#endif

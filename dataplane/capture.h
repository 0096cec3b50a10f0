/* A capture: copies of packets for somebody who writes them to a file.
 *
 * Armed by main, one at a time. Workers copy into rings of fixed size, one each, and count what
 * does not fit: nothing waits for the reader. While none is armed it costs a worker the one test
 * per burst that traces cost. */
#ifndef DATAPLANE_CAPTURE_H
#define DATAPLANE_CAPTURE_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct capture;
struct dataplane;

#define CAPTURE_ANY UINT32_MAX

enum capture_what {
	CAPTURE_FRAMES = 1 << 0, /* of ports, as they come and go */
	CAPTURE_INNER = 1 << 1,	 /* IP packets before encryption, and decrypted */
	CAPTURE_OUTER = 1 << 2,	 /* IP packets with ESP in them */
};

struct capture_filter {
	unsigned what;	      /* enum capture_what, or-ed */
	uint32_t tunnel;      /* inner and outer: its packets; or CAPTURE_ANY */
	uint32_t port;	      /* frames: of this port (index in conf); or CAPTURE_ANY */
	struct prefix prefix; /* source or destination; ADDR_NONE: everything */
	uint32_t snaplen;     /* bytes that are kept of each; 0: all */
};

struct capture_packet {
	uint64_t nanoseconds; /* since 1970 */
	uint32_t len, caplen;
	uint32_t tunnel; /* CAPTURE_ANY: none */
	uint32_t port;	 /* frames: index in conf */
	uint8_t what;	 /* enum capture_what */
	bool out;
	const uint8_t *data; /* valid until the next dataplane_capture_next() */
};

/* Main. -EBUSY: another capture is armed. -ENOMEM. -EINVAL. */
int dataplane_capture_start(struct dataplane *dp, const struct capture_filter *filter,
			    struct capture **out);
/* Main. Workers stop writing soon; done is called from dataplane_main_poll() when they have, and
 * what they wrote is still there to be read. */
void dataplane_capture_stop(struct dataplane *dp, struct capture *c,
			    void (*done)(void *ctx, struct capture *c), void *ctx);
/* Main, after done; or after dataplane_close(). NULL is fine. */
void dataplane_capture_free(struct capture *c);

/* One reader, any thread. The next packet of a worker that has one; false: there is none now. */
bool dataplane_capture_next(struct capture *c, struct capture_packet *out);
/* Packets that matched, and those of them for which a ring had no room. */
void dataplane_capture_counts(const struct capture *c, uint64_t *matched, uint64_t *lost);

#endif

/* A BGP peer for tests and benchmarks: opens a session, announces and withdraws what it is told,
 * and ignores what it hears. It takes no part in routing. Sessions have no hold timer (hold time
 * 0).
 *
 * Non-blocking; one thread. */
#ifndef TESTS_BGP_SPEAKER_H
#define TESTS_BGP_SPEAKER_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speaker {
	int fd; /* -1: no session */
	bool established;
	uint32_t asn;
	uint16_t port; /* of the peer, which is 127.0.0.1 */
	uint8_t last;  /* our address is 127.0.0.last */
	bool graceful; /* we keep the peer's routes while it restarts */
	uint8_t *out;  /* not sent yet */
	size_t n_out, out_room;
	uint8_t in[4096];
	size_t n_in;
};

void speaker_init(struct speaker *s, uint8_t last, uint32_t asn, uint16_t port);
void speaker_close(struct speaker *s);
/* Connects if there is no session, reads, writes. Call it when the descriptor is ready (also to be
 * written, if n_out), and now and then while there is none. */
void speaker_run(struct speaker *s);

/* Queued, and tried to be sent. All prefixes of one call have one family, one AS_PATH (our ASN,
 * as often as length says) and one next hop, and share messages as far as they fit. */
void speaker_announce(struct speaker *s, const struct prefix *prefix, size_t n, unsigned length);
void speaker_withdraw(struct speaker *s, const struct prefix *prefix, size_t n);
void speaker_end_of_rib(struct speaker *s); /* of both families (RFC 4724 §2) */

#endif

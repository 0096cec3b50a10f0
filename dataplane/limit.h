/* An SA's limits: packets, bytes and sequence numbers (RFC 4301 §4.4.2.1, RFC 4303 §3.3.3).
 *
 * A worker does not compare each packet with all of them: from what is left of each follows a
 * sequence number up to which none can be reached, whatever the packets' sizes, and only from there
 * on it asks. Owner worker. */
#ifndef DATAPLANE_LIMIT_H
#define DATAPLANE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct sa;
struct worker;

/* Sets the first of those sequence numbers; by sa_build(). */
void limit_begin(struct sa *sa);

/* The next packet has len bytes and comes after so many packets and bytes; top: outbound, the last
 * sequence number sent, inbound, the highest received. Reports what is reached. False: the SA
 * carries nothing any more. */
bool limit_admit(struct worker *w, struct sa *sa, uint64_t packets, uint64_t bytes, unsigned len,
		 uint64_t top);

#endif

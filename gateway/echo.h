/* Echo requests from tunnels' inner addresses (RFC 792, RFC 4443), and what comes back: replies,
 * and the errors that routers send about a request. Main thread. */
#ifndef GATEWAY_ECHO_H
#define GATEWAY_ECHO_H

#include "conf/addr.h"
#include "dataplane/dataplane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECHO_BYTES_MAX 1400 /* of data in a request */

enum echo_kind { ECHO_REPLY, ECHO_EXPIRED, ECHO_UNREACHABLE };

struct echo_answer {
	enum echo_kind kind;
	struct addr from;
	uint16_t sequence; /* of the request */
	uint8_t ttl;	   /* the answer's */
	uint8_t code;	   /* of an error */
	size_t len;	   /* of the answer's IP packet */
};

/* Requests of one asker. Owned by the asker; tunnel, source, destination, fn and ctx are his. */
struct echo {
	uint32_t tunnel;
	struct addr source, destination;
	void (*fn)(void *ctx, const struct echo_answer *a); /* may close it */
	void *ctx;
	uint16_t id;
	struct echo *next;
};

/* Answers come from dp from now on. */
void echo_start(struct dataplane *dp);
void echo_open(struct echo *e);
void echo_close(struct echo *e); /* one that is not open is fine */
/* As dataplane_send_inner(). */
int echo_send(struct dataplane *dp, const struct echo *e, uint16_t sequence, uint8_t ttl,
	      size_t bytes);

#endif

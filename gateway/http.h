/* A door for machines that ask over HTTP (RFC 9112): GET only, one request a connection.
 *
 * What is sent is made piece by piece, as fast as the reader takes it and never more than one
 * piece a turn of the loop, so that neither a large answer nor a slow reader holds up main. At most
 * HTTP_CONNECTIONS at once, of which one more ends the oldest, and each for HTTP_DEADLINE seconds
 * at most, whatever it does; a reader whose answer was not complete by then is reset. Main
 * thread. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_CONNECTIONS 8
#define HTTP_DEADLINE	 10   /* seconds */
#define HTTP_REQUEST_MAX 8192 /* bytes, headers included */

struct evbuffer;
struct event_base;
struct http;
struct http_call;

struct http_ops {
	/* GET of a path (without query). NULL: 404. Otherwise what is passed to the others; the
	 * handler calls http_begin() at once or later, unless end() came first. */
	void *(*open)(void *ctx, struct http_call *call, const char *path);
	/* Appends the next piece, of at most some 100 KiB and a few ms. False: it was the last. */
	bool (*more)(void *body, struct evbuffer *out);
	void (*end)(void *body); /* once for each open(): all is sent, or the reader is gone */
};

/* Listens. 0 or -errno, error says what is wrong. */
int http_new(struct http **out, struct event_base *base, const struct endpoint *listen,
	     const struct http_ops *ops, void *ctx, char *error, size_t error_size);
void http_free(struct http *h); /* ends all calls; NULL is fine */
/* status other than 200: end() is called, and the reader gets that. */
void http_begin(struct http_call *call, int status, const char *content_type);
struct endpoint http_address(const struct http *h); /* as bound: tests listen on port 0 */

#endif

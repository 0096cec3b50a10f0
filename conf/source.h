/* The text of a configuration file, made ready for libconfig.
 *
 * Three things are done to it, none of which changes a line number. The strings given to psk and
 * bgp_password are moved into guarded memory and replaced by a mark, because libconfig leaves
 * copies of every string on the heap. A delimiter that follows a string on a later line is moved up
 * to it: libconfig 1.5 takes the line of a string from the token behind it. Integers that might not
 * fit 32 bits get the suffix L, without which they would be cut silently. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include "conf/secret.h"

#include <stddef.h>

struct conf_source {
	char *text; /* NUL-terminated, without any secret */
	size_t n_secrets;
	struct secret **secret; /* NULL: longer than SECRET_MAX */
	/* When source_prepare() says -EINVAL: */
	unsigned line;
	const char *error;
};

/* 0, -ENOMEM or -EINVAL. source_clear() is due in any case. */
int source_prepare(struct conf_source *s, const char *raw, size_t len);
void source_clear(struct conf_source *s);

/* Keeps one more secret; mark gets what stands for it, NUL-terminated. 0 or -ENOMEM; the secret
 * belongs to s in any case. */
#define SOURCE_MARK_BYTES 24
int source_add(struct conf_source *s, struct secret *secret, char mark[SOURCE_MARK_BYTES]);

/* The text with its secrets, for a file: in guarded memory, to be freed with sodium_free(). NULL:
 * no memory. *len: bytes, without a NUL. */
char *source_reveal(const struct conf_source *s, size_t *len);

/* Which secret a mark stands for: its index, or -1 when text is no mark. */
long source_mark(const struct conf_source *s, const char *text);

#endif

/* Secrets at rest: PSKs and key material in libsodium's guarded memory, wiped when released.
 *
 * Slabs of sodium_malloc() (locked, kept out of core dumps, guard pages at both ends) are
 * divided into slots of a few sizes, because one guarded allocation takes four pages and a
 * gateway holds tens of thousands of keys. Thread-safe; never used by workers. */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX 1024 /* bytes in one secret */

struct secret {
	uint16_t len; /* bytes in use; 0..SECRET_MAX */
	uint8_t data[];
};

int secret_init(void);		       /* once, first of all: sodium_init(). 0 or -errno */
struct secret *secret_new(size_t len); /* zeroed; NULL: no memory or len > SECRET_MAX */
struct secret *secret_from(const void *data, size_t len);
struct secret *secret_copy(const struct secret *s); /* NULL stays NULL */
void secret_free(struct secret *s);		    /* wipes; NULL is fine */
size_t secret_live(void); /* secrets not yet freed: tests prove that nothing leaks */

#endif

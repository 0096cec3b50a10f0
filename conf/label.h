/* How an object is called in messages: "vpn_connection 'dc1', tunnel 'dc1-a'".
 *
 * A value of its own, any thread; too long a text is cut. */
#ifndef CONF_LABEL_H
#define CONF_LABEL_H

#include <stddef.h>

struct label {
	char text[480];
};

/* Appends ", kind 'name'"; without a name ", kind #number", and with number 0 the kind alone.
 * Returns what label_cut() takes to undo it. */
size_t label_add(struct label *l, const char *kind, const char *name, unsigned number);
void label_cut(struct label *l, size_t len);

/* Text that came from a file, safe for a terminal: quoted, cut, control characters escaped. Returns
 * buf. */
const char *label_quote(const char *text, char *buf, size_t size);

#endif

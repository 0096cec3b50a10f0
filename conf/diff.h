/* What is different between two models, object by object and field by field; secrets are compared
 * and not shown.
 *
 * Main thread. */
#ifndef CONF_DIFF_H
#define CONF_DIFF_H

#include "conf/kind.h"
#include "conf/model.h"

#include <stddef.h>

enum conf_deed { CONF_ADDED, CONF_REMOVED, CONF_CHANGED };

struct conf_difference {
	enum conf_deed deed;
	const struct kind *kind;
	const char *name;  /* of the object; "" of a kind that has one */
	const char *field; /* "vxlan.vni"; NULL: the whole object */
	/* As in the file; NULL: it was not, or is not any more, an element of a list of routes. */
	const char *was, *is;
};

/* One line for a person, without its end: "~ tunnel 'a': dpd: 10 -> 30". Returns buf. */
const char *conf_difference_format(const struct conf_difference *d, char *buf, size_t size);

/* Tells each, in the order of the file, and returns how many there are; -ENOMEM. tell may be NULL.
 */
int conf_diff(const struct conf *was, const struct conf *is,
	      void (*tell)(void *ctx, const struct conf_difference *d), void *ctx);

#endif

/* An operator's change of one object: the running model becomes a text, the text is changed, and
 * what a file would be checked by is checked. A refused change changes nothing.
 *
 * Main thread. Problems name object and field, and no line: there is no file. */
#ifndef CONF_EDIT_H
#define CONF_EDIT_H

#include "conf/model.h"

#include <stdbool.h>

enum conf_verb { CONF_CREATE, CONF_SET, CONF_UNSET, CONF_DELETE };

struct conf_change {
	enum conf_verb verb;
	const char *kind; /* "tunnel"; see conf/kind.h */
	const char *name; /* NULL: of a kind that has one object */
	/* "field=value", of CONF_UNSET "field". A value of several elements has commas between
	 * them, a field of a group is "group.field". Creating a tunnel takes "connection=NAME",
	 * too. */
	unsigned n;
	const char *const *field;
};

/* A model with the change, or NULL and problems. now stays as it is, and is complete. */
struct conf *conf_edit(const struct conf *now, const struct conf_change *change,
		       struct problem_list *problems);
/* The same of a static route: of a border gateway or a vpc, to next_hop. */
struct conf *conf_edit_route(const struct conf *now, bool add, const char *table,
			     const char *prefix, const char *next_hop,
			     struct problem_list *problems);

/* What may not change while the gateway runs: compares the objects that are in both. For everybody,
 * the ends of a tunnel and of a connection, under the same name. For an operator's command also a
 * customer gateway's ASN, and its addresses while it has a tunnel; a file, which says everything at
 * once, may change these. 0, or -EINVAL and problems, with the lines of then. */
int conf_rules(const struct conf *now, const struct conf *then, bool command,
	       struct problem_list *problems);

#endif

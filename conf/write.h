/* A model as text: in one order, with a comment for each section, and only what differs from the
 * defaults or was chosen by us (inner addresses, generated keys), so that reading it gives the same
 * model everywhere and at any time.
 *
 * Main thread. */
#ifndef CONF_WRITE_H
#define CONF_WRITE_H

#include "conf/model.h"
#include "conf/source.h"

#include <stdbool.h>
#include <stdio.h>

struct field_object;

struct conf_write {
	const void *without; /* an object of the model that is left out; NULL: none */
	/* These fields are written in all objects of this kind, where others would take theirs from
	 * them; "field" or "field=value". */
	const struct field_object *pinned_kind;
	unsigned n_pinned;
	const char *const *pinned;
};

/* The text in *out, with marks for the secrets beside it; source_clear() is due. how may be NULL.
 * 0 or -ENOMEM. */
int conf_write(const struct conf *c, const struct conf_write *how, struct conf_source *out);
/* The text for a person, without any secret. 0 or -ENOMEM. */
int conf_print(const struct conf *c, FILE *out);

/* One object for a person, with all that it does not have by default. */
struct kind;
int conf_print_object(const struct kind *kind, const void *object, FILE *out);

/* Is there a section of this name? */
bool conf_writes(const char *section);

/* Do both say the same? Where it was written does not count. */
bool conf_same(const struct conf *a, const struct conf *b);

/* Parse and check of a text that is prepared; see conf_load(). path: of the file that it will be.
 */
struct conf *conf_read_source(const char *path, const struct conf_source *source,
			      struct problem_list *problems);

#endif

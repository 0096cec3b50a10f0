/* Writes libconfig's language: values, blanks and the marks that stand for secrets.
 *
 * One thread. Running out of memory is remembered in error. */
#ifndef CONF_WRITER_H
#define CONF_WRITER_H

#include "conf/source.h"

#include <stdint.h>
#include <stdio.h>

struct field;
struct field_object;

struct writer {
	FILE *out;
	struct conf_source *source; /* gets the secrets; NULL: they are written as SECRET_SHOWN */
	unsigned depth;		    /* of groups that are open */
	int error;		    /* 0 or -ENOMEM */
	const void *without;	    /* an object that is left out */
	/* Fields of these names are written in objects of this kind even if they could be left out;
	 * a name may be followed by "=" and anything. */
	const struct field_object *pinned_kind;
	unsigned n_pinned;
	const char *const *pinned;
};

#define SECRET_SHOWN "<secret>" /* no libconfig: nobody can take it for the key itself */

void writer_line(struct writer *w); /* a new line, indented */
void writer_string(struct writer *w, const char *text);
void writer_number(struct writer *w, uint64_t value);
/* Takes the text of a secret; NULL: there was no memory for it. */
void writer_secret(struct writer *w, struct secret *text);

#endif

/* A change under way, shared by the parts of editing. Private to edit.c, edit_fields.c and rules.c.
 *
 * Main thread. */
#ifndef CONF_EDIT_CORE_H
#define CONF_EDIT_CORE_H

#include "conf/edit.h"
#include "conf/kind.h"
#include "conf/label.h"
#include "conf/source.h"

#include <libconfig.h>
#include <stdbool.h>

struct edit {
	const struct conf *now;
	const struct kind *kind;
	const char *name;
	struct conf_source source;
	config_t tree; /* of the text that now is written as */
	struct label label;
	struct problem_list *problems;
};

/* One more problem of the object. */
void edit_refuse(struct edit *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The fields that an operator gave, in the object's group. */
void edit_set(struct edit *e, config_setting_t *group, const struct conf_change *change);
void edit_unset(struct edit *e, config_setting_t *group, const struct conf_change *change);
/* False: something is still in use, which is told with what to do first (rules.c). */
bool edit_may_delete(const struct conf *now, const struct kind *kind, const void *object,
		     const struct label *label, struct problem_list *problems);
/* False: a tunnel that runs would go down for ever by what the field is by itself. */
bool edit_may_unset(const struct kind *kind, const void *object, const struct conf_change *change,
		    const struct label *label, struct problem_list *problems);

#endif

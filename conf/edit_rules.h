/* Private to edit.c: what an operator's command may delete. Main thread. */
#ifndef CONF_EDIT_RULES_H
#define CONF_EDIT_RULES_H

#include "conf/kind.h"
#include "conf/label.h"
#include "conf/model.h"

#include <stdbool.h>

/* False: something is still in use, which is told with what to do first. */
bool edit_may_delete(const struct conf *now, const struct kind *kind, const void *object,
		     const struct label *label, struct problem_list *problems);

#endif

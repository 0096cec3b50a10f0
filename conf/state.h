/* What runs, on disk: so that what was chosen by us, and what operators changed but did not save,
 * survives a restart and a SIGKILL.
 *
 * The state is the running model in the configuration's own language, keys included, below a line
 * with a version, whether it differs from the configuration file, that file's digest and a digest
 * of the whole. It lies in state_directory as the file's name and ".state". Because of the language
 * an older state is read by every later version; an unknown version is refused.
 *
 * Main thread. */
#ifndef CONF_STATE_H
#define CONF_STATE_H

#include "conf/model.h"

#include <stddef.h>

/* The model to start with. Normally the state's; the file's where it was edited since, or there is
 * no good state: then what the operator left to us is still as in the state, unsaved changes are
 * kept aside, and a warning names the place. NULL: the file has errors. */
struct conf *state_start(const char *path, struct problem_list *problems);
/* The state's path for this model, to be freed; NULL: none is kept, or no memory. */
char *state_path(const struct conf *c);
/* Keeps c. On disk when it returns 0; -errno: the state is what it was. */
int state_keep(const struct conf *c);
/* Gives the state of c, which is kept already, a second name that it has for good; "": there is
 * none. 0 or -errno. */
int state_keep_aside(const struct conf *c, char *name, size_t size);
/* Writes c into its file, which gets the name FILE.old, and keeps it. 0, -errno; -ESTALE: somebody
 * changed the file since it was read. */
int state_save(struct conf *c, bool force);
/* Is the file as it was when c was read from it or saved? */
bool state_is_current(const struct conf *c);

#endif

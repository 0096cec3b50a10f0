/* The one way from the running model to another, whoever asks for it: what will run is on disk
 * before it runs, and what is refused is on disk no more.
 *
 * Main thread. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "conf/model.h"
#include "gateway/change.h"

#include <stddef.h>

struct gateway;

/* Takes over a checked model, on failure to free it. 0, or -errno and error says why; then nothing
 * changed. */
int config_change(struct gateway *g, struct conf *then, struct change_report *report, char *error,
		  size_t error_size);
/* The same with the file that the gateway was started with, read and checked anew. Its problems are
 * logged, and added to problems; error tells the first. -EEXIST: commands changed what runs, that
 * was not saved, and the file would undo it; error tells what, and what to do. */
int config_from_file(struct gateway *g, struct problem_list *problems, struct change_report *report,
		     char *error, size_t error_size);
/* The same, but what was not saved is kept in a file beside the state, whose name goes to aside
 * (PATH_MAX bytes; "": nothing was unsaved, or there is no state). */
int config_discard(struct gateway *g, char *aside, struct problem_list *problems,
		   struct change_report *report, char *error, size_t error_size);
/* The running model in which a tunnel was switched on or off already is kept. 0 or -errno. */
int config_switched(struct gateway *g, const char *tunnel, bool enabled);

#endif

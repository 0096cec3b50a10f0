/* The operator's shell: lines typed at a terminal, or read from a script, or given as arguments,
 * go to a gateway through a link, and its answers to standard output.
 *
 * One thread. Line editing is DPDK's cmdline library's (rdline); nothing of EAL is started. */
#ifndef GATEWAY_SHELL_H
#define GATEWAY_SHELL_H

#include "gateway/shell_link.h"

#include <stdbool.h>

#define SHELL_LINE_MAX 1024 /* bytes of a request, with the NUL (COMMAND_LINE_MAX) */

/* Exit status of programs that end with a command's result. */
enum shell_status { SHELL_DONE, SHELL_REFUSED, SHELL_WRONG, SHELL_NOBODY };

struct shell_setup {
	struct link *link;
	bool json;
	bool keep_going; /* a script goes on after an error */
	int logs;	 /* lines to be shown above the prompt; -1: none */
};

/* At a terminal, until Ctrl-D or `exit`. */
enum shell_status shell_talk(const struct shell_setup *setup);
/* Commands from standard input, one a line; "#" begins a comment. Stops at the first that fails,
 * or returns what the first one that failed was. */
enum shell_status shell_script(const struct shell_setup *setup);
/* One command; where: what its errors begin with, "isthmus: ". */
enum shell_status shell_one(const struct shell_setup *setup, const char *line, const char *where);

#endif

/* A support bundle: everything that somebody far away needs to help with a gateway, and no secret.
 *
 * Of the operator's program. What a running gateway says is asked through its socket; the system's
 * facts are there without one, too. */
#ifndef GATEWAY_BUNDLE_H
#define GATEWAY_BUNDLE_H

#include <stdio.h>

/* Sends one command line to a connected gateway and returns the reply's text, to be freed; NULL: it
 * went away. *ok: the command was done. */
char *bundle_ask(FILE *gateway, const char *line, int *ok, size_t *len);

/* Writes a new tar.gz, readable by its owner only. gateway NULL: none runs. 0, or a negative errno
 * and a message on stderr. */
int bundle_write(FILE *gateway, const char *file);

#endif

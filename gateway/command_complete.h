/* What may follow in an unfinished line: for completion and for "?" in the shell. */
#ifndef GATEWAY_COMMAND_COMPLETE_H
#define GATEWAY_COMMAND_COMPLETE_H

#include "gateway/command.h"

#include <stdio.h>

#define COMMAND_VALUES_MAX 1000 /* lines about one argument; the rest is counted */

/* Writes a line for each word that may stand at the end of the line (which is split in place)
 * and begins as its last word does. First the word, a tab and what it means:
 *
 *   tunnels\tevery tunnel's state, reason and traffic
 *
 * "<PREFIX>" is an argument whose values cannot be listed, "<enter>" tells that the command may
 * end. Nothing if the line is wrong already: 0, or the error that command_match_error() says.
 * Main thread. */
int command_complete(struct gateway *g, char *line, FILE *out, char *error, size_t size);

#endif

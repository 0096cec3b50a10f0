/* What the operator typed, kept from one shell to the next in a file that only he can read. Lines
 * that hold a secret are not kept. */
#ifndef GATEWAY_SHELL_HISTORY_H
#define GATEWAY_SHELL_HISTORY_H

#include <stdbool.h>

#define HISTORY_LINES 500

/* $ISTHMUS_HISTORY, else ~/.isthmus_history. NULL: there is no home. Owned by the module. */
const char *history_path(void);
/* Hands out the newest HISTORY_LINES lines, oldest first, and cuts a file that has grown long. */
void history_load(const char *path, void (*fn)(void *ctx, const char *line), void *ctx);
void history_add(const char *path, const char *line);
/* Does the line hold a key, or a word that one may follow? */
bool history_is_secret(const char *line);

#endif

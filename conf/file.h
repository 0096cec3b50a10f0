/* Files that hold keys: read by their owner's eyes only, and replaced whole or not at all.
 *
 * Main thread. */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "conf/model.h"
#include "conf/problem.h"

#include <stddef.h>
#include <stdint.h>

/* The whole of a regular file that only its owner, who is us or root, may read or change; in
 * guarded memory, to be freed with sodium_free(). NULL, and problems if they are not NULL; errno
 * says why, EPERM: others could read it. */
char *file_read(const char *path, size_t *len, struct problem_list *problems);
/* The file itself where path is a symbolic link, so that the link stays when the file is replaced.
 * Freed by the caller; NULL with errno: the link leads nowhere (ENOENT), or another reason. */
char *file_target(const char *path);

/* After a return of 0 path holds data, whatever happens to this process or this machine; before
 * and after a failure it holds what it held. Mode 0600. 0 or -errno; -EUCLEAN: data could neither
 * be made to last nor be taken back, and is there until the file is replaced again. */
int file_replace(const char *path, const char *data, size_t len);

/* Digest of head and text, CONF_DIGEST_BYTES; nothing of either stays behind. */
void file_digest(const char *head, size_t head_len, const char *text, size_t len, uint8_t *out);

#endif

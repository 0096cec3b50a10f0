/* The directory BIRD reads: current/ (what runs) and next/ (what is proposed), and run/ for its
 * control socket.
 *
 * By default it is a file system of its own in memory that is mounted nowhere: we and our children
 * reach it through a descriptor, and it is gone with the last of us, however that ends; passwords
 * never touch a disk. Or a directory of the operator, whose BIRD is run by others.
 * Files are 0600 and belong to BIRD's user. A set of files changes as a whole: written to next/,
 * checked there, then swapped with current/ in one step. Main thread. */
#ifndef ROUTING_BIRD_FILES_H
#define ROUTING_BIRD_FILES_H

#include "routing/bird_config.h"

#include <sys/types.h>

struct bird_files;

/* path: the operator's directory, NULL: private. uid and gid: BIRD's. 0 or -errno. */
int bird_files_open(struct bird_files **out, const char *path, uid_t uid, gid_t gid);
void bird_files_close(struct bird_files *f); /* NULL is fine */

/* Writes next/ from scratch. 0 or -errno: there is no next/ then. */
int bird_files_write(struct bird_files *f, const struct bird_config *c);
/* next/ becomes current/. To take it back, commit again: the old set is kept as next/. */
int bird_files_commit(struct bird_files *f);
void bird_files_discard(struct bird_files *f); /* removes next/ */

/* Paths, as this process and its children may use them while f is open. For `configure check`,
 * `configure` and the control socket of a child. */
const char *bird_files_next(const struct bird_files *f);    /* ".../next/bird.conf" */
const char *bird_files_current(const struct bird_files *f); /* ".../current/bird.conf" */
const char *bird_files_socket(const struct bird_files *f);  /* ".../run/bird.ctl" */
/* The directory's descriptor: close-on-exec, but a BIRD of ours inherits it at the same number. */
int bird_files_fd(const struct bird_files *f);

#endif

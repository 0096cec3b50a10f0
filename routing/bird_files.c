#include "routing/bird_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURRENT	  "current"
#define NEXT	  "next"
#define RUN	  "run"
#define ROOM	  "64m" /* a thousand sessions take 2 MiB */
#define PATH_ROOM 256

struct bird_files {
	int dir;
	uid_t uid;
	gid_t gid;
	char next[PATH_ROOM], current[PATH_ROOM], socket[PATH_ROOM];
};

/* ---- the directory ------------------------------------------------------------------------ */

/* A file system that only its descriptor leads to. */
static int open_private(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), dir = -1;
	char uid[16];

	if (fs < 0)
		return -errno;
	snprintf(uid, sizeof(uid), "%u", geteuid());
	if (fsconfig(fs, FSCONFIG_SET_STRING, "size", ROOM, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0711", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "uid", uid, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		dir = fsmount(fs, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (dir < 0)
		dir = -errno;
	close(fs);
	return dir;
}

static int open_given(const char *path)
{
	int dir;

	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return -errno;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

/* A directory that BIRD may enter, or (writable) make its socket in. */
static int make_dir(const struct bird_files *f, const char *name, bool writable)
{
	int fd, rc = 0;

	if (mkdirat(f->dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fchown(fd, writable ? f->uid : (uid_t)-1, f->gid) < 0 || fchmod(fd, 0750) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int bird_files_open(struct bird_files **out, const char *path, uid_t uid, gid_t gid)
{
	struct bird_files *f = calloc(1, sizeof(*f));
	char root[PATH_ROOM - 32];
	int rc = 0, n;

	if (!f)
		return -ENOMEM;
	f->uid = uid;
	f->gid = gid;
	f->dir = path ? open_given(path) : open_private();
	if (f->dir < 0) {
		rc = f->dir;
		goto out;
	}
	n = path ? snprintf(root, sizeof(root), "%s", path)
		 : snprintf(root, sizeof(root), "/proc/self/fd/%d", f->dir);
	if (n < 0 || (size_t)n >= sizeof(root)) {
		rc = -ENAMETOOLONG;
		goto out;
	}
	snprintf(f->next, sizeof(f->next), "%s/" NEXT "/" BIRD_CONFIG_MAIN, root);
	snprintf(f->current, sizeof(f->current), "%s/" CURRENT "/" BIRD_CONFIG_MAIN, root);
	snprintf(f->socket, sizeof(f->socket), "%s/" RUN "/bird.ctl", root);
	rc = make_dir(f, RUN, true);
out:
	if (rc < 0)
		bird_files_close(f);
	else
		*out = f;
	return rc;
}

void bird_files_close(struct bird_files *f)
{
	if (!f)
		return;
	if (f->dir >= 0)
		close(f->dir);
	free(f);
}

/* ---- a set of files ----------------------------------------------------------------------- */

static void remove_set(const struct bird_files *f, const char *name)
{
	int fd = openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		unlinkat(fd, e->d_name, 0);
	closedir(d);
	unlinkat(f->dir, name, AT_REMOVEDIR);
}

/* One file being written; its buffer has held passwords. */
struct sheet {
	int fd;
	size_t n;
	char text[4096];
};

static int sheet_flush(struct sheet *s)
{
	for (size_t done = 0; done < s->n;) {
		ssize_t n = write(s->fd, s->text + done, s->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	s->n = 0;
	return 0;
}

static int sheet_put(void *ctx, const char *text, size_t len)
{
	struct sheet *s = ctx;
	int rc = 0;

	while (rc == 0 && len > 0) {
		size_t n = sizeof(s->text) - s->n;

		n = n < len ? n : len;
		memcpy(s->text + s->n, text, n);
		s->n += n;
		text += n;
		len -= n;
		if (s->n == sizeof(s->text))
			rc = sheet_flush(s);
	}
	return rc;
}

struct set {
	const struct bird_files *files;
	int dir;
	const struct bird_config *c;
	struct sheet sheet;
};

/* session NULL: the gateway's file; gateway NULL: the main one. */
static int write_one(struct set *set, const char *name, const struct bird_gateway *g,
		     const struct bird_session *s)
{
	struct sheet *sheet = &set->sheet;
	int rc;

	sheet->n = 0;
	sheet->fd = openat(set->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (sheet->fd < 0)
		return -errno;
	if (s)
		rc = bird_config_tunnel(set->c, g, s, sheet_put, sheet);
	else if (g)
		rc = bird_config_gateway(g, sheet_put, sheet);
	else
		rc = bird_config_main(set->c, sheet_put, sheet);
	if (rc == 0)
		rc = sheet_flush(sheet);
	if (rc == 0 && fchown(sheet->fd, set->files->uid, set->files->gid) < 0)
		rc = -errno;
	close(sheet->fd);
	return rc;
}

static int write_set(struct set *set)
{
	char name[BIRD_CONFIG_NAME_MAX];
	int rc = write_one(set, BIRD_CONFIG_MAIN, NULL, NULL);

	for (unsigned i = 0; rc == 0 && i < set->c->n_gateways; i++) {
		const struct bird_gateway *g = &set->c->gateway[i];

		rc = write_one(set, bird_config_gateway_file(g->table, name), g, NULL);
		for (unsigned k = 0; rc == 0 && k < g->n_sessions; k++) {
			const struct bird_session *s = &g->session[k];

			rc = write_one(set, bird_config_tunnel_file(s->tunnel, name), g, s);
		}
	}
	return rc;
}

int bird_files_write(struct bird_files *f, const struct bird_config *c)
{
	struct set set = { .files = f, .c = c };
	int rc;

	remove_set(f, NEXT);
	rc = make_dir(f, NEXT, false);
	if (rc < 0)
		return rc;
	set.dir = openat(f->dir, NEXT, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	rc = set.dir < 0 ? -errno : write_set(&set);
	sodium_memzero(&set.sheet, sizeof(set.sheet));
	if (set.dir >= 0)
		close(set.dir);
	if (rc < 0)
		remove_set(f, NEXT);
	return rc;
}

int bird_files_commit(struct bird_files *f)
{
	if (renameat2(f->dir, NEXT, f->dir, CURRENT, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != ENOENT || renameat2(f->dir, NEXT, f->dir, CURRENT, RENAME_NOREPLACE) < 0)
		return -errno;
	return 0;
}

void bird_files_discard(struct bird_files *f)
{
	remove_set(f, NEXT);
}

/* ---- paths -------------------------------------------------------------------------------- */

const char *bird_files_next(const struct bird_files *f)
{
	return f->next;
}

const char *bird_files_current(const struct bird_files *f)
{
	return f->current;
}

const char *bird_files_socket(const struct bird_files *f)
{
	return f->socket;
}

int bird_files_fd(const struct bird_files *f)
{
	return f->dir;
}

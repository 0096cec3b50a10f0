#include "gateway/control.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct complaint {
	char *text;
	size_t size;
};

static int complain(const struct complaint *c, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(const struct complaint *c, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->size, fmt, ap);
	va_end(ap);
	return rc;
}

/* Who can write the directory can put another socket in our place. */
static int check_directory(const char *dir, const struct complaint *c)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return complain(c, -errno, "directory %s: %s", dir, strerror(errno));
	if (stat(dir, &st) < 0)
		return complain(c, -errno, "directory %s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(c, -ENOTDIR, "%s is not a directory", dir);
	if (st.st_uid != geteuid())
		return complain(c, -EPERM, "directory %s belongs to user %u, not to us", dir,
				(unsigned)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return complain(c, -EPERM,
				"directory %s can be written by others (mode %04o); allowed: 0700",
				dir, (unsigned)st.st_mode & 07777);
	return 0;
}

/* Removes a socket that nobody listens on, and nothing else. */
static int clear_place(const struct sockaddr_un *sa, const struct complaint *c)
{
	struct stat st;
	int fd, rc;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : complain(c, -errno, "%s: %s", sa->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return complain(c, -EEXIST, "%s is there and is no socket", sa->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(c, -errno, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? -errno : 0;
	close(fd);
	if (rc == 0 || rc == -EAGAIN)
		return complain(c, -EADDRINUSE, "another isthmusd listens on %s", sa->sun_path);
	if (rc != -ECONNREFUSED)
		return complain(c, rc, "%s: %s", sa->sun_path, strerror(-rc));
	if (unlink(sa->sun_path) < 0)
		return complain(c, -errno, "%s: %s", sa->sun_path, strerror(errno));
	return 0;
}

/* Of two that start at once, one must not take the other's new socket for one that nobody listens
 * on: only who holds the directory's lock looks, binds and listens. */
static int lock_directory(const char *dir, const struct complaint *c)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	complain(c, -errno, "directory %s: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int listen_at(const struct sockaddr_un *sa, const struct complaint *c)
{
	mode_t mask;
	int fd, rc;

	rc = clear_place(sa, c);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return complain(c, -errno, "socket: %s", strerror(errno));
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? -errno : 0;
	umask(mask);
	if (rc == 0 && listen(fd, 16) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return complain(c, rc, "%s: %s", sa->sun_path, strerror(-rc));
	}
	return fd;
}

int control_listen(const char *path, char *error, size_t error_size)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct complaint c = { .text = error, .size = error_size };
	char copy[sizeof(sa.sun_path)], *dir;
	int lock, rc;

	if (strlen(path) >= sizeof(sa.sun_path))
		return complain(&c, -ENAMETOOLONG, "path longer than %zu bytes: %s",
				sizeof(sa.sun_path) - 1, path);
	strcpy(sa.sun_path, path);
	strcpy(copy, path);
	dir = dirname(copy);
	rc = check_directory(dir, &c);
	if (rc < 0)
		return rc;
	lock = lock_directory(dir, &c);
	if (lock < 0)
		return -EACCES;
	rc = listen_at(&sa, &c);
	close(lock);
	return rc;
}

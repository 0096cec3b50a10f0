#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (256u << 20)

/* It holds keys: nobody but its owner, who is us or root, may read or change it. */
static const char *file_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user; it holds keys, so it must belong to root or to "
		       "the user that runs the gateway";
	if ((st->st_mode & 077) != 0)
		return "may be read or changed by others; it holds keys, so protect it: chmod 600";
	if (st->st_size > FILE_BYTES_MAX)
		return "is larger than 256 MiB";
	return NULL;
}

static int read_whole(int fd, char *text, size_t len)
{
	size_t n = 0;

	while (n < len) {
		ssize_t got = read(fd, text + n, len - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ESTALE; /* shorter than it was a moment ago */
		n += (size_t)got;
	}
	return 0;
}

static void complain(struct problem_list *problems, const char *path, const char *fmt,
		     const char *why)
{
	char text[300];

	if (problems == NULL)
		return;
	snprintf(text, sizeof(text), fmt, why);
	problem_add(problems, PROBLEM_ERROR, (struct conf_where){ .file = path }, NULL, "%s", text);
}

char *file_read(const char *path, size_t *len, struct problem_list *problems)
{
	/* A FIFO must not make us wait before we have seen that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	const char *fault = NULL;
	char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err = -errno;
		goto out;
	}
	fault = file_fault(&st);
	if (fault != NULL) {
		err = -EPERM;
		goto out;
	}
	/* Guarded memory: the whole text is as secret as the keys in it. */
	text = sodium_malloc((size_t)st.st_size);
	if (text == NULL) {
		err = -ENOMEM;
		goto out;
	}
	err = read_whole(fd, text, (size_t)st.st_size);
	*len = (size_t)st.st_size;
out:
	if (fault != NULL)
		complain(problems, path, "the file %s", fault);
	else if (err != 0)
		complain(problems, path, "cannot read the file: %s", strerror(-err));
	if (fd >= 0)
		close(fd);
	if (err != 0) {
		sodium_free(text);
		errno = -err;
		return NULL;
	}
	return text;
}

static int write_whole(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* The folder of path, to be synced: the name, too, shall survive. A descriptor or -errno. */
static int open_folder(const char *path)
{
	char *folder = strdup(path), *slash;
	int fd;

	if (folder == NULL)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	return fd < 0 ? -errno : fd;
}

static int write_draft(const char *draft, const char *data, size_t len)
{
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd < 0)
		return -errno;
	rc = write_whole(fd, data, len);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* The draft takes the name; what had it keeps another one for as long as it may be wanted back. */
static int change_places(const char *draft, const char *path, const char *before, int folder)
{
	bool had = link(path, before) == 0;
	int rc;

	if ((!had && errno != ENOENT) || rename(draft, path) != 0)
		return -errno;
	if (fsync(folder) == 0)
		return 0;
	rc = -errno;
	/* After a crash it may not be there, so it must not be there now. */
	if ((had ? rename(before, path) : unlink(path)) != 0)
		rc = -EUCLEAN;
	return rc;
}

static char *beside(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

char *file_target(const char *path)
{
	char *target = realpath(path, NULL);
	struct stat st;

	/* A name that is free may be taken; a link to nowhere is no such name. */
	if (target != NULL || errno != ENOENT || lstat(path, &st) == 0)
		return target;
	return strdup(path);
}

int file_replace(const char *path, const char *data, size_t len)
{
	char *draft = beside(path, ".new"), *before = beside(path, ".before");
	int folder = open_folder(path), rc = folder < 0 ? folder : -ENOMEM;

	if (folder < 0 || draft == NULL || before == NULL)
		goto out;
	/* What a killed predecessor left is not ours to trust. */
	if ((unlink(draft) != 0 && errno != ENOENT) || (unlink(before) != 0 && errno != ENOENT)) {
		rc = -errno;
		goto out;
	}
	rc = write_draft(draft, data, len);
	if (rc == 0)
		rc = change_places(draft, path, before, folder);
	unlink(draft);
	unlink(before);
out:
	if (folder >= 0)
		close(folder);
	free(draft);
	free(before);
	return rc;
}

void file_digest(const char *head, size_t head_len, const char *text, size_t len, uint8_t *out)
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, CONF_DIGEST_BYTES);
	crypto_generichash_update(&s, (const uint8_t *)head, head_len);
	crypto_generichash_update(&s, (const uint8_t *)text, len);
	crypto_generichash_final(&s, out, CONF_DIGEST_BYTES);
	/* It buffers the text's last 256 bytes. */
	sodium_memzero(&s, sizeof(s));
}

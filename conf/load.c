/* The way from a file to a model that may run. */
#include "conf/check.h"
#include "conf/parse.h"
#include "conf/write.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (256u << 20)

/* c, which may be NULL, if it has no error. */
static struct conf *checked(struct conf *c, const struct conf *before, struct places *places,
			    unsigned unread, struct problem_list *problems)
{
	if (c != NULL) {
		places_sort(places);
		if (conf_check(c, before, c->path, places, unread, problems) != 0) {
			conf_free(c);
			c = NULL;
		}
	}
	places_clear(places);
	return c;
}

struct conf *conf_read_after(const char *path, const char *text, size_t len,
			     const struct conf *before, struct problem_list *problems)
{
	struct places places = { 0 };
	unsigned unread = 0;
	struct conf *c = conf_parse(path, text, len, problems, &places, &unread);

	return checked(c, before, &places, unread, problems);
}

struct conf *conf_read(const char *path, const char *text, size_t len,
		       struct problem_list *problems)
{
	return conf_read_after(path, text, len, NULL, problems);
}

struct conf *conf_read_source(const char *path, const struct source *source,
			      struct problem_list *problems)
{
	struct places places = { 0 };
	unsigned unread = 0;
	struct conf *c = conf_parse_source(path, source, problems, &places, &unread);

	return checked(c, NULL, &places, unread, problems);
}

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

struct conf *conf_load(const char *path, struct problem_list *problems)
{
	return conf_load_after(path, NULL, problems);
}

struct conf *conf_load_after(const char *path, const struct conf *before,
			     struct problem_list *problems)
{
	struct conf_where where = { .file = path };
	/* A FIFO must not make us wait before we have seen that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	const char *fault = NULL;
	struct conf *c = NULL;
	char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err = -errno;
		goto out;
	}
	fault = file_fault(&st);
	if (fault != NULL)
		goto out;
	/* Guarded memory: the whole text is as secret as the keys in it. */
	text = sodium_malloc((size_t)st.st_size);
	if (text == NULL) {
		err = -ENOMEM;
		goto out;
	}
	err = read_whole(fd, text, (size_t)st.st_size);
	if (err == 0)
		c = conf_read_after(path, text, (size_t)st.st_size, before, problems);
out:
	if (fault != NULL)
		problem_add(problems, PROBLEM_ERROR, where, NULL, "the file %s", fault);
	if (err != 0)
		problem_add(problems, PROBLEM_ERROR, where, NULL, "cannot read the file: %s",
			    strerror(-err));
	sodium_free(text);
	if (fd >= 0)
		close(fd);
	return c;
}

#include "gateway/shell_history.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024) /* bytes; a longer file is cut to its newest lines */

const char *history_path(void)
{
	static char path[PATH_MAX];
	const char *named = getenv("ISTHMUS_HISTORY"), *home = getenv("HOME");

	if (named)
		return named[0] ? named : NULL;
	if (!home || home[0] != '/' ||
	    snprintf(path, sizeof(path), "%s/.isthmus_history", home) >= (int)sizeof(path))
		return NULL;
	return path;
}

bool history_is_secret(const char *line)
{
	static const char *const hints[] = { "psk", "ppk", "password", "secret", "md5", "key" };

	for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strcasestr(line, hints[i]))
			return true;
	return false;
}

static void write_line(int fd, const char *line)
{
	char text[1100];
	int n = snprintf(text, sizeof(text), "%s\n", line);

	if (n > 0 && n < (int)sizeof(text) && write(fd, text, (size_t)n) < 0)
		return; /* a history that cannot be kept is no trouble */
}

void history_add(const char *path, const char *line)
{
	int fd;

	if (!path || history_is_secret(line))
		return;
	/* Appended in one write: several shells may share the file. */
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	write_line(fd, line);
	close(fd);
}

static void cut(const char *path, char *const *line, unsigned first, unsigned n)
{
	char next[PATH_MAX];
	int fd;

	if (snprintf(next, sizeof(next), "%s.new", path) >= (int)sizeof(next))
		return;
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < n; i++)
		write_line(fd, line[(first + i) % HISTORY_LINES]);
	if (close(fd) < 0 || rename(next, path) < 0)
		unlink(next);
}

void history_load(const char *path, void (*fn)(void *ctx, const char *line), void *ctx)
{
	char *line[HISTORY_LINES] = { NULL }, *text = NULL;
	unsigned n = 0, first;
	FILE *f = path ? fopen(path, "re") : NULL;
	size_t room = 0;
	long size;

	if (!f)
		return;
	while (getline(&text, &room, f) > 0) {
		text[strcspn(text, "\r\n")] = '\0';
		free(line[n % HISTORY_LINES]);
		line[n % HISTORY_LINES] = strdup(text);
		n += line[n % HISTORY_LINES] != NULL;
	}
	size = ftell(f);
	fclose(f);
	free(text);
	first = n > HISTORY_LINES ? n : 0;
	n = n > HISTORY_LINES ? HISTORY_LINES : n;
	for (unsigned i = 0; i < n; i++)
		fn(ctx, line[(first + i) % HISTORY_LINES]);
	if (size > FILE_MAX)
		cut(path, line, first, n);
	for (unsigned i = 0; i < HISTORY_LINES; i++)
		free(line[i]);
}

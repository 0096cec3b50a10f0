#include "gateway/shell.h"

#include "gateway/shell_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(void *ctx, enum link_kind kind, const char *text, size_t len)
{
	const char *where = ctx;
	FILE *out = kind == LINK_ERROR ? stderr : stdout;

	if (kind == LINK_ERROR)
		fputs(where, stderr);
	else if (kind == LINK_PAGE && screen_colours())
		screen_clear();
	fwrite(text, 1, len, out);
	fflush(out);
}

enum shell_status shell_one(const struct shell_setup *setup, const char *line, const char *where)
{
	static const enum shell_status status[] = {
		[LINK_OK] = SHELL_DONE,	 [LINK_REFUSED] = SHELL_REFUSED, [LINK_WRONG] = SHELL_WRONG,
		[LINK_BYE] = SHELL_DONE, [LINK_STOPPED] = SHELL_REFUSED, [LINK_LOST] = SHELL_NOBODY,
	};
	struct link_taker t = { .take = take, .watched = -1, .ctx = (void *)where };
	char request[SHELL_LINE_MAX];
	enum link_result result;
	int rc = link_open(setup->link);

	if (rc < 0) {
		fprintf(stderr, "%sno gateway on %s: %s\n", where, setup->link->path,
			strerror(-rc));
		return SHELL_NOBODY;
	}
	if (snprintf(request, sizeof(request), "%s%s%s", setup->json ? "--json " : "",
		     screen_colours() ? "--colour " : "", line) >= (int)sizeof(request)) {
		fprintf(stderr, "%sthe command is longer than %d bytes\n", where, SHELL_LINE_MAX);
		return SHELL_WRONG;
	}
	result = link_ask(setup->link, line[0] == '?' ? line : request, &t);
	explicit_bzero(request, sizeof(request));
	if (result == LINK_LOST)
		fprintf(stderr, "%sthe gateway went away before it answered\n", where);
	return status[result];
}

/* The line without blanks around it and comments; a "#" inside a word is none. */
static char *strip(char *line)
{
	char *end;

	line += strspn(line, " \t\r\n");
	if (line[0] == '#')
		line[0] = '\0';
	end = line + strlen(line);
	while (end > line && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return line;
}

enum shell_status shell_script(const struct shell_setup *setup)
{
	enum shell_status status = SHELL_DONE, one = SHELL_DONE;
	char *line = NULL, where[64];
	size_t room = 0;

	for (unsigned number = 1; getline(&line, &room, stdin) >= 0; number++) {
		char *words = strip(line);

		if (words[0] == '\0')
			continue;
		if (strcmp(words, "exit") == 0 || strcmp(words, "quit") == 0)
			break;
		snprintf(where, sizeof(where), "isthmus: line %u: ", number);
		one = shell_one(setup, words, where);
		status = status == SHELL_DONE ? one : status;
		if (one == SHELL_NOBODY || (one != SHELL_DONE && !setup->keep_going))
			break;
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	return status;
}

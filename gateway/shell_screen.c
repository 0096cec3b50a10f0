#include "gateway/shell_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool screen_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

static bool size(struct winsize *w)
{
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, w) == 0;
}

unsigned screen_rows(void)
{
	struct winsize w;

	return size(&w) ? w.ws_row : 0;
}

unsigned screen_columns(void)
{
	struct winsize w;

	return size(&w) && w.ws_col > 0 ? w.ws_col : 80;
}

static bool write_to(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

void screen_write(const char *text, size_t len)
{
	fflush(stdout);
	(void)write_to(STDOUT_FILENO, text, len);
}

void screen_clear(void)
{
	static const char home[] = "\033[H\033[2J";

	screen_write(home, sizeof(home) - 1);
}

/* Lines on the screen: long ones are wrapped. Colours take no room. */
static size_t count_rows(const char *text, size_t len)
{
	size_t rows = 0, column = 0, columns = screen_columns();
	bool escape = false;

	for (size_t i = 0; i < len; i++) {
		if (escape) {
			escape = text[i] != 'm';
		} else if (text[i] == '\033') {
			escape = true;
		} else if (text[i] == '\n') {
			rows++;
			column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80 && ++column > columns) {
			rows++;
			column = 1;
		}
	}
	return rows;
}

static bool through_pager(const char *text, size_t len)
{
	const char *pager = getenv("PAGER");
	void (*before)(int);
	int pipes[2], status;
	pid_t child;

	if (!pager)
		pager = "less";
	if (strcmp(pager, "") == 0 || strcmp(pager, "cat") == 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	child = fork();
	if (child == 0) {
		/* Colours as they are; a pager of root's shell starts no other programs. */
		signal(SIGINT, SIG_DFL);
		setenv("LESS", "FRX", 0);
		setenv("LESSSECURE", "1", 1);
		dup2(pipes[0], STDIN_FILENO);
		execlp("/bin/sh", "sh", "-c", pager, (char *)NULL);
		_exit(127);
	}
	close(pipes[0]);
	if (child < 0) {
		close(pipes[1]);
		return false;
	}
	before = signal(SIGPIPE, SIG_IGN); /* he may have seen enough */
	(void)write_to(pipes[1], text, len);
	close(pipes[1]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGPIPE, before);
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

void screen_page(const char *text, size_t len)
{
	unsigned rows = screen_rows();

	fflush(stdout);
	if (rows == 0 || count_rows(text, len) < rows || !through_pager(text, len))
		screen_write(text, len);
}

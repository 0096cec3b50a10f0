#include "gateway/terminal.h"

#include "gateway/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 2000

static pid_t child;

/* Who may read the terminal and gets its signals. */
static void take_terminal(pid_t group)
{
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, group);
}

static void relay(int logs)
{
	char text[4096];
	ssize_t n;

	while ((n = read(logs, text, sizeof(text))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
			return;
}

static int talk(int fd, int logs, pid_t gateway)
{
	struct link link = { .fd = fd };
	struct shell_setup setup = { .link = &link, .logs = logs };

	setpgid(0, 0);
	take_terminal(getpid());
	shell_talk(&setup);
	take_terminal(gateway);
	if (link.fd >= 0)
		fputs("isthmus: the gateway goes on; Ctrl-C stops it\n", stderr);
	link_free(&link);
	relay(logs);
	return 0;
}

int terminal_start(void)
{
	int ends[2] = { -1, -1 }, logs[2] = { -1, -1 };
	pid_t group = getpgrp();

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	/* A terminal that stands still loses lines of the log and does not hold us up. */
	if (pipe2(logs, O_CLOEXEC) < 0 || fcntl(logs[1], F_SETFL, O_NONBLOCK) < 0)
		goto fail;
	fflush(NULL);
	child = fork();
	if (child < 0)
		goto fail;
	if (child == 0) {
		close(ends[0]);
		close(logs[1]);
		_exit(talk(ends[1], logs[0], group));
	}
	close(ends[1]);
	close(logs[0]);
	if (isatty(STDERR_FILENO))
		dup2(logs[1], STDERR_FILENO);
	close(logs[1]);
	return ends[0];
fail:
	for (unsigned i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		if (logs[i] >= 0)
			close(logs[i]);
	}
	return -1;
}

void terminal_end(void)
{
	if (child <= 0)
		return;
	close(STDERR_FILENO);
	for (unsigned ms = 0; ms < END_MS && waitpid(child, NULL, WNOHANG) == 0; ms += 20)
		usleep(20 * 1000);
}

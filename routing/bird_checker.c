#include "routing/bird_checker.h"

#include "routing/bird_child.h"
#include "routing/bird_files.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define CHECK_MOST ((uint64_t)10000000)

void bird_checker_init(struct bird_checker *k)
{
	*k = (struct bird_checker){ .process = BIRD_NO_PROCESS, .until = UINT64_MAX };
}

int bird_checker_start(struct bird_checker *k, const struct bird_child_setup *setup, int epoll,
		       uint64_t now)
{
	char *argv[] = { "bird", "-p", "-c", (char *)bird_files_next(setup->files), NULL };
	const char *step;
	int rc;

	if (k->process.pid != 0)
		return -EBUSY;
	k->len = 0;
	rc = bird_process_start(&k->process, setup, argv, epoll, &step);
	if (rc == 0)
		k->until = now + CHECK_MOST;
	return rc;
}

static void read_text(struct bird_checker *k)
{
	char more[512];
	ssize_t n;

	while ((n = bird_process_read(&k->process, more, sizeof(more))) > 0) {
		if ((size_t)n > sizeof(k->text) - 1 - k->len)
			n = (ssize_t)(sizeof(k->text) - 1 - k->len);
		memcpy(k->text + k->len, more, (size_t)n);
		k->len += (size_t)n;
	}
}

void bird_checker_end(struct bird_checker *k)
{
	int code, status;

	if (k->process.pid == 0)
		return;
	bird_process_kill(&k->process);
	bird_process_reap(&k->process, &code, &status);
	bird_process_close(&k->process);
	k->until = UINT64_MAX;
}

void bird_checker_poll(struct bird_checker *k, const struct bird_child_setup *setup, uint64_t now)
{
	int code, status, rc;

	if (k->process.pid == 0)
		return;
	read_text(k);
	if (!bird_process_ended(&k->process)) {
		if (now < k->until)
			return;
		bird_checker_end(k);
		setup->ops->checked(setup->ctx, -ETIMEDOUT, strerror(ETIMEDOUT));
		return;
	}
	rc = bird_process_reap(&k->process, &code, &status);
	read_text(k);
	bird_process_close(&k->process);
	k->until = UINT64_MAX;
	while (k->len > 0 && k->text[k->len - 1] == '\n')
		k->len--;
	k->text[k->len] = '\0';
	if (rc == 0 && (code != CLD_EXITED || status != 0))
		rc = -EINVAL;
	setup->ops->checked(setup->ctx, rc, k->text);
}

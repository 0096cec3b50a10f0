#include "gateway/shell_link.h"

#include "gateway/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int link_open(struct link *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int rc = 0;

	if (l->fd >= 0)
		return 0;
	if (!l->path)
		return -ENOTCONN;
	if (strlen(l->path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, l->path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		rc = -errno;
		link_close(l);
	}
	return rc;
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->len = 0;
}

/* It may have been a key. */
static void forget_text(struct link *l)
{
	if (l->text)
		explicit_bzero(l->text, l->room);
	free(l->text);
}

void link_free(struct link *l)
{
	link_close(l);
	forget_text(l);
	l->text = NULL;
	l->room = 0;
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static enum link_result fill(struct link *l, const struct link_taker *t)
{
	struct pollfd p[] = { { .fd = l->fd, .events = POLLIN },
			      { .fd = t->watched, .events = POLLIN } };
	ssize_t n;

	if (l->len == l->room) {
		size_t room = l->room ? l->room * 2 : 16384;
		char *text = malloc(room);

		if (!text)
			return LINK_LOST;
		if (l->len > 0)
			memcpy(text, l->text, l->len);
		forget_text(l);
		l->text = text;
		l->room = room;
	}
	for (;;) {
		int rc = poll(p, 2, l->patience > 0 ? l->patience * 1000 : -1);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return LINK_LOST;
		if (p[1].revents && t->stop(t->ctx))
			return LINK_STOPPED;
		if (!p[0].revents)
			continue;
		n = read(l->fd, l->text + l->len, l->room - l->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return LINK_LOST;
		l->len += (size_t)n;
		return LINK_OK;
	}
}

static const struct {
	const char *word;
	enum link_kind kind;
	bool last;
	enum link_result result;
} frames[] = {
	{ "ok", LINK_TEXT, true, LINK_OK },	   { "more", LINK_MORE, false, LINK_OK },
	{ "page", LINK_PAGE, false, LINK_OK },	   { "error", LINK_ERROR, true, LINK_REFUSED },
	{ "wrong", LINK_ERROR, true, LINK_WRONG }, { "bye", LINK_TEXT, true, LINK_BYE },
};

/* Hands out the frame that text begins with. *used: 0 if it is not whole yet. False: it is none. */
static bool frame(struct link *l, const struct link_taker *t, size_t *used, bool *last,
		  enum link_result *result)
{
	const char *end = memchr(l->text, '\n', l->len);
	char head[CONTROL_HEADER], word[8];
	size_t head_len, len;

	*used = 0;
	if (!end)
		return l->len < CONTROL_HEADER;
	head_len = (size_t)(end - l->text);
	if (head_len >= sizeof(head))
		return false;
	memcpy(head, l->text, head_len);
	head[head_len] = '\0';
	if (sscanf(head, "%7s %zu", word, &len) != 2)
		return false;
	if (l->len - head_len - 1 < len)
		return true;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (strcmp(frames[i].word, word) != 0)
			continue;
		t->take(t->ctx, frames[i].kind, l->text + head_len + 1, len);
		*used = head_len + 1 + len;
		*last = frames[i].last;
		*result = frames[i].result;
		return true;
	}
	return false;
}

static void ignore(void *ctx, enum link_kind kind, const char *text, size_t len)
{
}

enum link_result link_ask(struct link *l, const char *line, const struct link_taker *t)
{
	static const struct link_taker nobody = { .take = ignore, .watched = -1 };
	enum link_result result = LINK_LOST;
	bool last = false;
	size_t used;

	if (!send_all(l->fd, line, strlen(line)) || !send_all(l->fd, "\n", 1))
		goto out;
	while (!last) {
		result = fill(l, t);
		/* Where there is no other way to the gateway, it is told, and the rest not shown.
		 */
		if (result == LINK_STOPPED && !l->path && send_all(l->fd, "\003\n", 2)) {
			t = &nobody;
			continue;
		}
		if (result != LINK_OK)
			goto out;
		do {
			if (!frame(l, t, &used, &last, &result)) {
				result = LINK_LOST;
				goto out;
			}
			memmove(l->text, l->text + used, l->len - used);
			l->len -= used;
		} while (used > 0 && !last && l->len > 0);
	}
	explicit_bzero(l->text + l->len, l->room - l->len);
	if (t == &nobody)
		return LINK_STOPPED;
out:
	if (result == LINK_LOST || result == LINK_STOPPED)
		link_close(l);
	return result;
}

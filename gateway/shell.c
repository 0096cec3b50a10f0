#include "gateway/shell.h"

#include "gateway/shell_history.h"
#include "gateway/shell_screen.h"

#include <cmdline_rdline.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PROMPT	      "isthmus> "
#define CTRL_A	      0x01
#define CTRL_C	      0x03
#define CTRL_K	      0x0b
#define CTRL_U	      0x15 /* rdline does not know it: the whole line goes */
#define PATIENCE      3	   /* seconds for what may follow */
#define CANDIDATE_MAX 256

struct candidates { /* of the line being completed */
	char *text; /* lines "word\thelp" */
	size_t len;
	const char *at; /* the next one to be listed */
	unsigned width, listed;
	bool wrong; /* the text says what is wrong with the line */
};

struct shell {
	struct shell_setup setup;
	struct rdline *rdl;
	const char *history;
	struct candidates candidates;
	char *answer; /* that is being collected */
	size_t answer_len;
	bool answer_wrong, failed;
	char ahead[4096]; /* typed while a command ran */
	size_t ahead_len;
	bool validated, met; /* a line is to be run; there was a gateway */
	char line[SHELL_LINE_MAX];
};

/* ---- terminal ---------------------------------------------------------------------------- */

static struct termios cooked;

static void set_cooked(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
}

static void set_raw(void)
{
	struct termios raw = cooked;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void on_deadly_signal(int signal)
{
	set_cooked();
	_exit(128 + signal);
}

static int put_char(struct rdline *rdl, char c)
{
	return putchar(c) == EOF ? -1 : 0;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void keep(struct shell *s, const char *text, size_t len)
{
	char *more = realloc(s->answer, s->answer_len + len + 1);

	if (!more) {
		s->failed = true;
		return;
	}
	s->answer = more;
	memcpy(more + s->answer_len, text, len);
	s->answer_len += len;
	more[s->answer_len] = '\0';
}

static void forget(struct shell *s)
{
	free(s->answer);
	s->answer = NULL;
	s->answer_len = 0;
	s->answer_wrong = s->failed = false;
}

/* As much of a page as the terminal shows. */
static size_t fitting(const char *text, size_t len)
{
	unsigned rows = screen_rows();
	size_t n = 0;

	while (n < len && rows > 1) {
		const char *end = memchr(text + n, '\n', len - n);

		n = end ? (size_t)(end - text) + 1 : len;
		rows--;
	}
	return rows > 0 ? n : len;
}

static void take(void *ctx, enum link_kind kind, const char *text, size_t len)
{
	struct shell *s = ctx;

	if (kind == LINK_MORE) {
		screen_write(text, len);
	} else if (kind == LINK_PAGE) {
		screen_clear();
		screen_write(text, fitting(text, len));
	} else {
		s->answer_wrong = kind == LINK_ERROR;
		keep(s, text, len);
	}
}

/* Ctrl-C ends the command; what else is typed is for the next line. */
static bool stop(void *ctx)
{
	struct shell *s = ctx;
	char c;

	if (read(STDIN_FILENO, &c, 1) <= 0 || c == CTRL_C)
		return true;
	if (s->ahead_len < sizeof(s->ahead))
		s->ahead[s->ahead_len++] = c;
	return false;
}

static void print(struct shell *s)
{
	bool red = s->answer_wrong && screen_colours();

	if (s->failed)
		fputs("isthmus: the answer does not fit in memory\n", stdout);
	if (!s->answer || s->failed)
		return;
	if (s->answer_wrong) {
		printf("%s%s%s", red ? "\033[31m" : "", s->answer, red ? "\033[0m" : "");
		return;
	}
	set_cooked();
	screen_page(s->answer, s->answer_len);
	set_raw();
}

/* Connected, or a message that says why not. */
static bool reach(struct shell *s)
{
	bool again = s->met && s->setup.link->fd < 0;
	int rc = link_open(s->setup.link);

	if (rc < 0)
		printf("isthmus: no gateway on %s: %s\n",
		       s->setup.link->path ? s->setup.link->path : "this terminal", strerror(-rc));
	else if (again)
		printf("isthmus: connected again\n");
	s->met |= rc == 0;
	return rc == 0;
}

/* Runs one line; false: the shell is to end. */
static bool run(struct shell *s, const char *line)
{
	struct link_taker t = { take, STDIN_FILENO, stop, s };
	char request[SHELL_LINE_MAX + 32];
	enum link_result result;

	if (!reach(s))
		return true;
	snprintf(request, sizeof(request), "%s%s%s", s->setup.json ? "--json " : "",
		 screen_colours() ? "--colour " : "", line);
	fflush(stdout);
	result = link_ask(s->setup.link, request, &t);
	explicit_bzero(request, sizeof(request));
	if (result == LINK_LOST)
		printf("isthmus: the gateway went away before it answered\n");
	else if (result == LINK_STOPPED)
		printf("^C\n");
	else
		print(s);
	forget(s);
	return result != LINK_BYE;
}

/* ---- completion -------------------------------------------------------------------------- */

static const char *next_line(const char *p)
{
	const char *end = strchr(p, '\n');

	return end ? end + 1 : p + strlen(p);
}

/* Asks what may follow the text. */
static void ask(struct shell *s, const char *text)
{
	struct link_taker t = { take, -1, stop, s };
	struct candidates *c = &s->candidates;
	char request[SHELL_LINE_MAX];
	enum link_result result;
	int patience = s->setup.link->patience;

	free(c->text);
	*c = (struct candidates){ 0 };
	if (link_open(s->setup.link) < 0)
		return;
	snprintf(request, sizeof(request), "?%s", text);
	s->setup.link->patience = PATIENCE;
	result = link_ask(s->setup.link, request, &t);
	s->setup.link->patience = patience;
	if (result == LINK_OK || result == LINK_WRONG) {
		c->text = s->answer;
		c->len = s->answer_len;
		c->wrong = result == LINK_WRONG;
		s->answer = NULL;
	}
	forget(s);
	c->at = c->text;
	for (const char *p = c->text; p && *p; p = next_line(p)) {
		unsigned w = (unsigned)strcspn(p, "\t\n");

		c->width = w > c->width ? w : c->width;
	}
}

/* What all words that can be typed go on with after the n characters of the last word. The
 * number of such words. */
static unsigned common(const struct candidates *c, size_t n, char *to, size_t room)
{
	unsigned words = 0;

	to[0] = '\0';
	for (const char *p = c->text; p && *p && !c->wrong; p = next_line(p)) {
		size_t len = strcspn(p, "\t\n"), same = 0;

		if (p[0] == '<' || len < n)
			continue;
		len -= n;
		if (words++ == 0) {
			snprintf(to, room, "%.*s", (int)len, p + n);
			continue;
		}
		while (same < len && to[same] == p[n + same])
			same++;
		to[same] = '\0';
	}
	return words;
}

/* One of the candidates as a line of the list; false: there are no more. */
static bool list_one(struct candidates *c, char *to, size_t room)
{
	size_t word, help;

	if (!c->at || !*c->at)
		return false;
	if (c->wrong) {
		snprintf(to, room, "%.*s", (int)strcspn(c->at, "\n"), c->at);
		c->at = next_line(c->at);
		return true;
	}
	if (c->listed == CANDIDATE_MAX) {
		snprintf(to, room, "...");
		c->at = "";
		return true;
	}
	word = strcspn(c->at, "\t\n");
	help = strcspn(c->at + word, "\n");
	snprintf(to, room, "%-*.*s  %.*s", (int)c->width, (int)word, c->at,
		 help ? (int)help - 1 : 0, help ? c->at + word + 1 : "");
	c->at = next_line(c->at);
	c->listed++;
	return true;
}

/* "FIELD=" goes on with its value. */
static bool wants_value(const char *word, const char *more)
{
	return more[0] ? more[strlen(more) - 1] == '=' : word[0] && word[strlen(word) - 1] == '=';
}

/* Tab completes if there is something to add, else lists like "?". As rdline wants it: 0 nothing
 * (more), 1 a line of the list, 2 text to add. */
static int complete(struct rdline *rdl, const char *buf, char *to, unsigned int room, int *state)
{
	struct shell *s = rdline_get_opaque(rdl);
	const char *blank = buf + strlen(buf);
	unsigned words;

	if (*state <= 0) {
		ask(s, buf);
		while (blank > buf && blank[-1] != ' ')
			blank--;
		if (*state == 0) {
			words = common(&s->candidates, strlen(blank), to, room - 2);
			if (words == 1 && !wants_value(blank, to))
				strcat(to, " ");
			if (to[0])
				return RDLINE_RES_COMPLETE;
		}
		*state = 1;
	}
	return list_one(&s->candidates, to, room) ? 1 : 0;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void on_line(struct rdline *rdl, const char *buf, unsigned int size)
{
	struct shell *s = rdline_get_opaque(rdl);
	size_t n;

	buf += strspn(buf, " \t");
	n = strcspn(buf, "\n");
	while (n > 0 && buf[n - 1] == ' ')
		n--;
	snprintf(s->line, sizeof(s->line), "%.*s", (int)n, buf);
	s->validated = true;
}

static void remember(void *ctx, const char *line)
{
	rdline_add_history(((struct shell *)ctx)->rdl, line);
}

static void keep_in_history(struct shell *s)
{
	char *last = rdline_get_history_item(s->rdl, 0);

	if (history_is_secret(s->line) || (last && strcmp(last, s->line) == 0))
		return;
	rdline_add_history(s->rdl, s->line);
	history_add(s->history, s->line);
}

/* Handles one typed character; false: the shell is to end. */
static bool type(struct shell *s, char c)
{
	int rc = rdline_char_in(s->rdl, c);
	bool go_on = rc != RDLINE_RES_EOF && rc != RDLINE_RES_EXITED;

	fflush(stdout);
	if (!s->validated)
		return go_on;
	s->validated = false;
	if (s->line[0] && s->line[0] != '#') {
		keep_in_history(s);
		go_on = run(s, s->line);
	}
	explicit_bzero(s->line, sizeof(s->line));
	if (go_on)
		rdline_newline(s->rdl, PROMPT);
	fflush(stdout);
	return go_on;
}

/* Shows lines that are not an answer above the line being typed. */
static void interrupt(struct shell *s, const char *text, size_t len)
{
	fputs("\r\033[K", stdout);
	fwrite(text, 1, len, stdout);
	rdline_redisplay(s->rdl);
	fflush(stdout);
}

static void show_logs(struct shell *s)
{
	static char text[65536]; /* whole lines: each was one write of at most PIPE_BUF */
	ssize_t n = read(s->setup.logs, text, sizeof(text));

	if (n > 0)
		interrupt(s, text, (size_t)n);
	else
		s->setup.logs = -1;
}

/* A gateway says nothing that it was not asked: it went away. False: for ever. */
static bool on_link(struct shell *s)
{
	static const char text[] = "isthmus: the gateway went away\n";

	link_close(s->setup.link);
	interrupt(s, text, sizeof(text) - 1);
	return s->setup.link->path != NULL;
}

static void loop(struct shell *s)
{
	char c[256];

	for (;;) {
		struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				      { .fd = s->setup.link->fd, .events = POLLIN },
				      { .fd = s->setup.logs, .events = POLLIN } };
		ssize_t n = 0;

		if (s->ahead_len > 0) {
			n = (ssize_t)(s->ahead_len < sizeof(c) ? s->ahead_len : sizeof(c));
			memcpy(c, s->ahead, (size_t)n);
			s->ahead_len -= (size_t)n;
			memmove(s->ahead, s->ahead + n, s->ahead_len);
		} else {
			if (poll(p, 3, -1) < 0 && errno != EINTR)
				return;
			if (p[2].revents)
				show_logs(s);
			if (p[1].revents && !on_link(s))
				return;
			if (!p[0].revents)
				continue;
			n = read(STDIN_FILENO, c, sizeof(c));
			if (n <= 0 && errno != EINTR)
				return;
		}
		for (ssize_t i = 0; i < n; i++)
			if (c[i] == CTRL_U ? !type(s, CTRL_A) || !type(s, CTRL_K) : !type(s, c[i]))
				return;
	}
}

enum shell_status shell_talk(const struct shell_setup *setup)
{
	struct shell s = { .setup = *setup, .history = history_path() };

	if (tcgetattr(STDIN_FILENO, &cooked) < 0)
		return SHELL_WRONG;
	s.rdl = rdline_new(put_char, on_line, complete, &s);
	if (!s.rdl)
		return SHELL_NOBODY;
	history_load(s.history, remember, &s);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_deadly_signal);
	signal(SIGHUP, on_deadly_signal);
	set_raw();
	printf("Isthmus %s. Tab completes, '?' lists what may follow, Ctrl-D leaves.\n",
	       ISTHMUS_VERSION);
	reach(&s);
	rdline_newline(s.rdl, PROMPT);
	fflush(stdout);
	loop(&s);
	putchar('\n');
	fflush(stdout);
	set_cooked();
	rdline_free(s.rdl);
	free(s.candidates.text);
	forget(&s);
	return SHELL_DONE;
}

#include "gateway/command_complete.h"

#include "gateway/command_match.h"
#include "gateway/command_word.h"

#include <errno.h>
#include <string.h>

struct listing {
	struct command_values values;
	FILE *out;
	const char *begin;
	unsigned n;
};

static void add_value(struct command_values *to, const char *value, const char *help)
{
	struct listing *l = to->ctx;

	if (strncmp(value, l->begin, strlen(l->begin)) != 0)
		return;
	if (l->n++ < COMMAND_VALUES_MAX)
		fprintf(l->out, "%s\t%s\n", value, help ? help : "");
}

static void list_argument(struct gateway *g, unsigned n, char **word, const struct command_token *t,
			  const char *begin, FILE *out)
{
	const struct command_word *w = command_word(t->text, t->len);
	struct listing l = { .out = out, .begin = begin };

	l.values = (struct command_values){ .add = add_value, .ctx = &l };
	if (w && w->list)
		w->list(g, n, word, &l.values);
	if (l.n > COMMAND_VALUES_MAX)
		fprintf(out, "<%.*s>\t%u more\n", (int)t->len, t->text, l.n - COMMAND_VALUES_MAX);
	else if (l.n == 0 && (!w || !w->list || begin[0] == '\0'))
		fprintf(out, "<%.*s>\t%s\n", (int)t->len, t->text, w ? w->what : "");
}

static unsigned count_below(const struct command_match *m, unsigned n, char **word,
			    const struct command_token *t)
{
	unsigned count = 0;

	for (unsigned c = 0; c < commands_n; c++) {
		struct command_match one = *m;
		char *with[COMMAND_WORDS_MAX], last[64];

		snprintf(last, sizeof(last), "%.*s", (int)t->len, t->text);
		memcpy(with, word, n * sizeof(*with));
		with[n] = last;
		one.literal[n] = true;
		count += command_begins(&commands[c], n + 1, with, &one);
	}
	return count;
}

int command_complete(struct gateway *g, char *line, FILE *out, char *error, size_t size)
{
	size_t len = strlen(line);
	bool whole = len == 0 || strchr(" \t\r\n", line[len - 1]); /* the last word is finished */
	char *word[COMMAND_WORDS_MAX];
	struct command_match m;
	const char *begin = "";
	bool json;
	int n = command_split(line, word, &json);

	if (n < 0 || n == COMMAND_WORDS_MAX) {
		snprintf(error, size, "more than %d words", COMMAND_WORDS_MAX - 1);
		return -E2BIG;
	}
	if (!whole && n > 0)
		begin = word[--n];
	command_match(&m, (unsigned)n, word);
	if (m.good < (unsigned)n) {
		command_match_error(&m, (unsigned)n, word, error, size);
		return -EINVAL;
	}
	for (unsigned i = 0; i < m.n_next; i++) {
		const struct command_token *t = &m.next[i];

		if (command_is_argument(t->text))
			list_argument(g, (unsigned)n, word, t, begin, out);
		else if (strlen(begin) > t->len || memcmp(t->text, begin, strlen(begin)) != 0)
			continue;
		else if (t->last || t->alone)
			fprintf(out, "%.*s\t%s\n", (int)t->len, t->text, t->command->help);
		else
			fprintf(out, "%.*s\t%u commands\n", (int)t->len, t->text,
				count_below(&m, (unsigned)n, word, t));
	}
	if (m.command && begin[0] == '\0' && n > 0)
		fprintf(out, "<enter>\t%s\n", m.command->help);
	return 0;
}

#include "gateway/command_complete.h"

#include "gateway/command_match.h"
#include "gateway/command_word.h"

#include <errno.h>
#include <string.h>

struct listing {
	struct command_values values;
	FILE *out;
	unsigned n;
};

static void add_value(struct command_values *to, const char *value, const char *help)
{
	struct listing *l = to->ctx;

	if (value[0] != '<' && strncmp(value, to->begin, strlen(to->begin)) != 0)
		return;
	if (l->n++ < COMMAND_VALUES_MAX)
		fprintf(l->out, "%s\t%s\n", value, help ? help : "");
}

static void add_argument(const struct gateway *g, unsigned n, char *const *word,
			 const struct command_token *t, struct command_values *to)
{
	const struct command_word *w = command_word(t->text, t->len);
	char name[64];

	if (w && w->list) {
		w->list(g, n, word, to);
		return;
	}
	snprintf(name, sizeof(name), "<%.*s>", (int)t->len, t->text);
	to->add(to, name, w ? w->what : "");
}

static unsigned count_below(const struct command_match *m, unsigned n, char *const *word,
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

static void add_literal(const struct command_match *m, unsigned n, char *const *word,
			const struct command_token *t, struct command_values *to)
{
	char name[64], help[32];

	snprintf(name, sizeof(name), "%.*s", (int)t->len, t->text);
	if (t->last || t->alone) {
		to->add(to, name, t->command->help);
		return;
	}
	snprintf(help, sizeof(help), "%u commands", count_below(m, n, word, t));
	to->add(to, name, help);
}

static void add_next(const struct gateway *g, const struct command_match *m, unsigned n,
		     char *const *word, struct command_values *to)
{
	for (unsigned i = 0; i < m->n_next; i++) {
		if (command_is_argument(m->next[i].text))
			add_argument(g, n, word, &m->next[i], to);
		else
			add_literal(m, n, word, &m->next[i], to);
	}
}

void command_list_words(const struct gateway *g, unsigned n, char *const *word,
			struct command_values *to)
{
	unsigned first =
		n > 1 && strcmp(word[0], "watch") == 0 && command_is_number(word[1]) ? 2 : 1;
	char *rest[COMMAND_WORDS_MAX];
	struct command_match m;

	n -= n < first ? n : first;
	memcpy(rest, word + first, n * sizeof(*rest));
	command_match(&m, n, rest);
	if (m.good == n)
		add_next(g, &m, n, rest, to);
}

int command_complete(struct gateway *g, char *line, FILE *out, char *error, size_t size)
{
	size_t len = strlen(line);
	bool whole = len == 0 || strchr(" \t\r\n", line[len - 1]); /* the last word is finished */
	struct listing l = { .values = { .add = add_value, .begin = "" }, .out = out };
	char *word[COMMAND_WORDS_MAX];
	struct command_match m;
	bool json, colour;
	int n = command_split(line, word, &json, &colour);

	if (n == -EINVAL)
		return 0; /* within quotes: no word of ours */
	if (n < 0 || n == COMMAND_WORDS_MAX) {
		snprintf(error, size, "more than %d words", COMMAND_WORDS_MAX - 1);
		return -E2BIG;
	}
	l.values.ctx = &l;
	if (!whole && n > 0)
		l.values.begin = word[--n];
	command_match(&m, (unsigned)n, word);
	if (m.good < (unsigned)n) {
		command_match_error(&m, (unsigned)n, word, error, size);
		return -EINVAL;
	}
	add_next(g, &m, (unsigned)n, word, &l.values);
	if (l.n > COMMAND_VALUES_MAX)
		fprintf(out, "<...>\t%u more\n", l.n - COMMAND_VALUES_MAX);
	if (m.command && l.values.begin[0] == '\0' && n > 0)
		fprintf(out, "<enter>\t%s\n", m.command->help);
	return 0;
}

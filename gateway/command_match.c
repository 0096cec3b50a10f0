#include "gateway/command_match.h"

#include "conf/name.h"
#include "gateway/command.h"
#include "gateway/command_word.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool command_is_argument(const char *text)
{
	return isupper((uint8_t)text[0]);
}

/* ---- a walk along one pattern ------------------------------------------------------------ */

struct walk {
	const struct command *command;
	unsigned n; /* words that are read already */
	char *const *word;
	const bool *literal;
	struct command_match *found; /* NULL: nothing is collected */
	bool fits;		     /* the pattern can begin with the words */
	bool ends;		     /* and end after them */
};

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static bool accepts(const char *text, size_t len, const char *word)
{
	const struct command_word *w = command_word(text, len);

	return !w || !w->accepts || w->accepts(word);
}

static bool token_fits(const struct walk *w, const char *text, size_t len, unsigned i)
{
	if (w->literal[i])
		return is_word(text, len, w->word[i]);
	return command_is_argument(text) && accepts(text, len, w->word[i]);
}

static void collect(struct walk *w, const char *text, size_t len, bool last)
{
	struct command_match *m = w->found;

	for (unsigned i = 0; i < m->n_next; i++) {
		struct command_token *t = &m->next[i];

		if (t->len != len || memcmp(t->text, text, len) != 0)
			continue;
		if (t->command != w->command)
			t->alone = false;
		if (last && !t->last) {
			t->command = w->command; /* its help describes the word best */
			t->last = true;
		}
		return;
	}
	if (m->n_next < COMMAND_NEXT_MAX)
		m->next[m->n_next++] = (struct command_token){
			.text = text, .len = len, .command = w->command, .alone = true, .last = last
		};
}

/* Is nothing obligatory left? */
static bool may_end(const char *p)
{
	for (p += strspn(p, " ]"); *p == '['; p += strspn(p, " ]"))
		p = strchr(p, ']');
	return *p == '\0';
}

static void walk(struct walk *w, const char *p, unsigned i)
{
	const char *after, *text;
	bool repeats;

	p += strspn(p, " ]");
	if (*p == '[') {
		walk(w, p + 1, i);
		walk(w, strchr(p, ']'), i);
		return;
	}
	if (i == w->n)
		w->fits = true;
	if (*p == '\0') {
		w->ends |= i == w->n;
		return;
	}
	after = p + strcspn(p, " ]");
	repeats = after - p > 3 && strncmp(after - 3, "...", 3) == 0;
	for (text = p; text < after; text++) {
		size_t len = strcspn(text, "| ].");

		if (i == w->n && w->found) {
			collect(w, text, len, may_end(after));
		} else if (i < w->n && token_fits(w, text, len, i)) {
			walk(w, after, i + 1);
			if (repeats)
				walk(w, p, i + 1);
			return;
		}
		text += len;
		if (*text != '|')
			return;
	}
}

bool command_begins(const struct command *c, unsigned n, char *const *word,
		    const struct command_match *m)
{
	struct walk w = { .command = c, .n = n, .word = word, .literal = m->literal };

	walk(&w, c->pattern, 0);
	return w.fits;
}

/* ---- all patterns ------------------------------------------------------------------------ */

/* What may stand after the first n words, and the command that ends there. */
static void look(struct command_match *m, unsigned n, char *const *word)
{
	m->n_next = 0;
	m->command = NULL;
	for (unsigned c = 0; c < commands_n; c++) {
		struct walk w = { .command = &commands[c],
				  .n = n,
				  .word = word,
				  .literal = m->literal,
				  .found = m };

		walk(&w, commands[c].pattern, 0);
		if (w.ends && !m->command)
			m->command = &commands[c];
	}
}

/* Reads one word among m->next; false: it is none of them. */
static bool read_word(struct command_match *m, unsigned i, char **word)
{
	size_t len = strlen(word[i]), used;
	bool argument = false;

	m->n_meant = 0;
	for (unsigned k = 0; k < m->n_next; k++) {
		const struct command_token *t = &m->next[k];

		if (command_is_argument(t->text)) {
			argument |= accepts(t->text, t->len, word[i]);
		} else if (is_word(t->text, t->len, word[i])) {
			m->literal[i] = true;
			return true;
		} else if (len > 0 && len < t->len && memcmp(t->text, word[i], len) == 0) {
			m->meant[m->n_meant++] = *t;
		}
	}
	if (argument || m->n_meant != 1)
		return argument;
	used = 0;
	for (unsigned k = 0; k < i; k++) /* where the words before it end */
		if (word[k] >= m->full && word[k] < m->full + sizeof(m->full))
			used = (size_t)(word[k] - m->full) + strlen(word[k]) + 1;
	if (used + m->meant[0].len >= sizeof(m->full))
		return false;
	word[i] = m->full + used;
	memcpy(word[i], m->meant[0].text, m->meant[0].len);
	word[i][m->meant[0].len] = '\0';
	m->literal[i] = true;
	return true;
}

void command_match(struct command_match *m, unsigned n, char **word)
{
	memset(m->literal, 0, sizeof(m->literal));
	m->n_meant = 0;
	for (m->good = 0;; m->good++) {
		look(m, m->good, word);
		if (m->good == n)
			return;
		if (!read_word(m, m->good, word)) {
			m->command = NULL;
			return;
		}
	}
}

/* ---- errors ------------------------------------------------------------------------------ */

static void list(const struct command_token *t, unsigned n, char *to, size_t room)
{
	size_t used = 0;

	to[0] = '\0';
	for (unsigned i = 0; i < n && used < room; i++)
		used += (size_t)snprintf(to + used, room - used, "%s%.*s", i ? ", " : "",
					 (int)t[i].len, t[i].text);
}

/* The word that was probably meant, as " (TEXT?)". */
static void guess(const struct command_match *m, const char *typed, char *to, size_t room)
{
	char text[COMMAND_NEXT_MAX][32];
	const char *name[COMMAND_NEXT_MAX];
	unsigned n = 0;
	int near;

	for (unsigned i = 0; i < m->n_next; i++) {
		if (command_is_argument(m->next[i].text))
			continue;
		snprintf(text[n], sizeof(text[n]), "%.*s", (int)m->next[i].len, m->next[i].text);
		name[n] = text[n];
		n++;
	}
	near = name_nearest(typed, name, n);
	if (near >= 0)
		snprintf(to, room, " ('%s'?)", name[near]);
	else
		to[0] = '\0';
}

/* Only an argument may stand there: what it should be. */
static const char *wanted(const struct command_match *m)
{
	const struct command_word *w = NULL;

	if (m->n_next == 1 && command_is_argument(m->next[0].text))
		w = command_word(m->next[0].text, m->next[0].len);
	return w ? w->what : NULL;
}

void command_match_error(const struct command_match *m, unsigned n, char *const *word, char *error,
			 size_t size)
{
	char allowed[COMMAND_ERROR_MAX / 2], near[64];
	const char *what = wanted(m);

	list(m->next, m->n_next, allowed, sizeof(allowed));
	if (m->good == n && n == 0) {
		snprintf(error, size, "no command; one of: %s", allowed);
	} else if (m->good == n) {
		snprintf(error, size, "something is missing after '%s'%s: %s", word[n - 1],
			 m->n_next > 1 ? "; one of" : "", allowed);
	} else if (m->n_meant > 1) {
		list(m->meant, m->n_meant, allowed, sizeof(allowed));
		snprintf(error, size, "'%s' is ambiguous; one of: %s", word[m->good], allowed);
	} else if (m->n_next == 0) {
		snprintf(error, size, "'%s' is too much: the command ends before it",
			 word[m->good]);
	} else if (what) {
		snprintf(error, size, "'%s' is not %s", word[m->good], what);
	} else {
		guess(m, word[m->good], near, sizeof(near));
		snprintf(error, size, "'%s' is not known here%s; one of: %s", word[m->good], near,
			 allowed);
	}
}

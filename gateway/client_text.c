#include "gateway/client_text.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 32
#define LINE_MAX_BYTES 2048
#define DEPTH_MAX      8

/* ---- facts ------------------------------------------------------------------------------- */

struct fact {
	struct fact *next;
	char *value;
	struct facts *item; /* of a list, instead of a value */
	char name[NAME_MAX_BYTES];
};

struct facts {
	struct facts *outer;
	struct fact *first, **last; /* a later one of the same name holds */
	bool no_memory;
};

struct facts *facts_new(struct facts *outer)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (f) {
		f->outer = outer;
		f->last = &f->first;
	}
	return f;
}

void facts_free(struct facts *f)
{
	struct fact *next;

	if (!f)
		return;
	for (struct fact *v = f->first; v; v = next) {
		next = v->next;
		if (v->value)
			explicit_bzero(v->value, strlen(v->value));
		free(v->value);
		facts_free(v->item);
		free(v);
	}
	free(f);
}

static void no_memory(struct facts *f)
{
	for (; f; f = f->outer)
		f->no_memory = true;
}

static struct fact *add(struct facts *f, const char *name)
{
	struct fact *v = calloc(1, sizeof(*v));

	if (!v) {
		no_memory(f);
		return NULL;
	}
	snprintf(v->name, sizeof(v->name), "%s", name);
	*f->last = v;
	f->last = &v->next;
	return v;
}

void facts_set(struct facts *f, const char *name, const char *fmt, ...)
{
	struct fact *v = add(f, name);
	va_list ap;

	if (!v)
		return;
	va_start(ap, fmt);
	if (vasprintf(&v->value, fmt, ap) < 0) {
		v->value = NULL;
		no_memory(f);
	}
	va_end(ap);
}

struct facts *facts_item(struct facts *f, const char *list)
{
	struct fact *v = add(f, list);

	if (!v)
		return NULL;
	v->item = facts_new(f);
	if (!v->item)
		no_memory(f);
	return v->item;
}

const char *facts_get(const struct facts *f, const char *name)
{
	const char *found = NULL;

	for (; f && !found; f = f->outer)
		for (const struct fact *v = f->first; v; v = v->next)
			if (v->value && strcmp(v->name, name) == 0)
				found = v->value;
	return found;
}

/* The nearest facts that have such a list. */
static struct facts *list_of(struct facts *f, const char *list)
{
	for (; f; f = f->outer)
		for (const struct fact *v = f->first; v; v = v->next)
			if (v->item && strcmp(v->name, list) == 0)
				return f;
	return NULL;
}

/* ---- the template ------------------------------------------------------------------------ */

struct text {
	FILE *out;
	char *error;
	size_t error_size;
};

static int fail(struct text *t, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct text *t, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error, t->error_size, fmt, ap);
	va_end(ap);
	return rc;
}

/* One line without its end, cut to room; the next line, NULL: none. */
static const char *take_line(const char *at, char *line, size_t room)
{
	size_t n = strcspn(at, "\n");

	if (!*at)
		return NULL;
	snprintf(line, room, "%.*s", (int)n, at);
	return at + n + (at[n] == '\n');
}

static bool is(const char *line, const char *directive)
{
	size_t n = strlen(directive);

	return strncmp(line, directive, n) == 0 && (line[n] == ' ' || line[n] == '\0');
}

/* The line's text with its facts put in. */
static int fill(struct text *t, const struct facts *f, const char *line, char *to, size_t room)
{
	size_t used = 0;

	while (*line) {
		size_t n = *line == '{' ? strspn(line + 1, "abcdefghijklmnopqrstuvwxyz0123456789_")
					: 0;
		char name[NAME_MAX_BYTES];
		const char *value;

		if (n == 0 || n >= sizeof(name) || line[n + 1] != '}') {
			if (used + 2 > room)
				return fail(t, -EINVAL, "a line of the template is too long");
			to[used++] = *line++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)n, line + 1);
		value = facts_get(f, name);
		if (!value)
			return fail(t, -EINVAL, "the template asks for {%s}, which nobody knows",
				    name);
		if (used + strlen(value) + 1 > room)
			return fail(t, -EINVAL, "a line of the template is too long");
		used += (size_t)sprintf(to + used, "%s", value);
		line += n + 2;
	}
	to[used] = '\0';
	return 0;
}

static bool holds(const struct facts *f, char *terms)
{
	char *save = NULL;

	for (char *w = strtok_r(terms, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		bool not = *w == '!';
		char *pattern = strchr(w, '=');
		const char *value;

		if (pattern)
			*pattern++ = '\0';
		value = facts_get(f, w + not );
		if ((value && *value && (!pattern || fnmatch(pattern, value, 0) == 0)) == not )
			return false;
	}
	return true;
}

/* Does the comma-less list of words have this one? */
static bool has_word(const char *list, const char *word, size_t n)
{
	for (; *list; list += strspn(list, " ")) {
		size_t len = strcspn(list, " ");

		if (len == n && strncmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

/* "FACT ours=theirs ...": '~' stands for a blank in theirs. */
static int translate(struct text *t, struct facts *f, char *rest)
{
	char *save = NULL, *name = strtok_r(rest, " ", &save), *pairs = save, known[512] = "";
	const char *wanted = name ? facts_get(f, name) : NULL;
	char ours[NAME_MAX_BYTES * 2];
	size_t used = 0;

	if (!wanted)
		return fail(t, -EINVAL, "@words for '%s', which nobody knows", name ? name : "");
	for (const char *w = wanted; *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");

		for (char *p = pairs; p && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
			size_t key = strcspn(p, "="), len = strcspn(p, " ") - key;
			char theirs[64];

			if (key != n || strncmp(p, w, n) != 0 || len < 1)
				continue;
			snprintf(theirs, sizeof(theirs), "%.*s", (int)len - 1, p + key + 1);
			for (char *c = theirs; *c; c++)
				*c = *c == '~' ? ' ' : *c;
			snprintf(ours, sizeof(ours), "%s_ours", name);
			facts_set(f, ours, "%.*s", (int)n, w);
			facts_set(f, name, "%s", theirs);
			return 0;
		}
		w += n;
	}
	for (char *p = pairs; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (used + 32 < sizeof(known) && !has_word(known, p, strcspn(p, "=")))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%.*s",
						 used ? " " : "", (int)strcspn(p, "="), p);
	return fail(t, -ENOTSUP, "it has no %s '%s'; add one that it has to the tunnel: %s", name,
		    wanted, known);
}

/* What follows the block that begins at `at`, which is the inside of an @if or an @each; *other:
 * what follows its @else, NULL without one. NULL: it does not end. */
static const char *block_end(const char *at, const char **other)
{
	char line[LINE_MAX_BYTES];
	unsigned depth = 1;

	*other = NULL;
	while ((at = take_line(at, line, sizeof(line))) != NULL) {
		if (is(line, "@if") || is(line, "@each"))
			depth++;
		else if (is(line, "@end") && --depth == 0)
			return at;
		else if (is(line, "@else") && depth == 1)
			*other = at;
	}
	return NULL;
}

static int expand(struct text *t, const char *at, struct facts *f, unsigned depth);

/* The error begins with the item that it belongs to, if items of this list have names. */
static void name_item(struct text *t, const char *list, const char *name)
{
	char rest[512];

	snprintf(rest, sizeof(rest), "%s", t->error);
	if (name)
		snprintf(t->error, t->error_size, "%s '%s': %s", list, name, rest);
}

static bool has_more(const struct fact *v, const char *list)
{
	for (v = v->next; v; v = v->next)
		if (v->item && strcmp(v->name, list) == 0)
			return true;
	return false;
}

static int each(struct text *t, const char *block, struct facts *f, const char *list,
		unsigned depth)
{
	struct facts *of = list_of(f, list);
	int rc = 0;

	for (struct fact *v = of ? of->first : NULL; v && rc == 0; v = v->next) {
		if (!v->item || strcmp(v->name, list) != 0)
			continue;
		facts_set(v->item, "comma", "%s", has_more(v, list) ? "," : "");
		/* What the surroundings have learnt is known inside, too. */
		v->item->outer = f;
		rc = expand(t, block, v->item, depth + 1);
		if (rc == -ENOTSUP)
			name_item(t, list, facts_get(v->item, list));
		v->item->outer = of;
	}
	return rc;
}

static int directive(struct text *t, char *line, const char **at, struct facts *f, unsigned depth)
{
	const char *block = *at, *other;
	char filled[LINE_MAX_BYTES], *rest = strchr(line, ' ');
	int rc = 0;

	rest = rest ? rest + 1 : line + strlen(line);
	if (is(line, "@#"))
		return 0;
	if (is(line, "@words"))
		return translate(t, f, rest);
	if (is(line, "@set") || is(line, "@cannot")) {
		rc = fill(t, f, rest, filled, sizeof(filled));
		if (rc == 0 && is(line, "@cannot"))
			return fail(t, -ENOTSUP, "%s", filled);
		rest = strchr(filled, ' ');
		if (rc == 0 && rest) {
			*rest++ = '\0';
			facts_set(f, filled, "%s", rest);
		}
		return rc;
	}
	if (!is(line, "@if") && !is(line, "@each"))
		return fail(t, -EINVAL, "the template has an unknown '%s'", line);
	*at = block_end(block, &other);
	if (!*at || depth == DEPTH_MAX)
		return fail(t, -EINVAL, "the template's '%s' has no end", line);
	if (is(line, "@each"))
		return each(t, block, f, rest, depth);
	if (!holds(f, rest))
		block = other;
	return block ? expand(t, block, f, depth + 1) : 0;
}

/* Until the text or the block ends: at its @else or @end. */
static int expand(struct text *t, const char *at, struct facts *f, unsigned depth)
{
	char line[LINE_MAX_BYTES], filled[LINE_MAX_BYTES];
	int rc = 0;

	while (rc == 0 && (at = take_line(at, line, sizeof(line))) != NULL) {
		if (is(line, "@end") || is(line, "@else"))
			break;
		if (line[0] == '@') {
			rc = directive(t, line, &at, f, depth);
			continue;
		}
		rc = fill(t, f, line, filled, sizeof(filled));
		if (rc == 0)
			fprintf(t->out, "%s\n", filled);
		explicit_bzero(filled, sizeof(filled));
	}
	return rc;
}

int client_text(const char *text, struct facts *f, FILE *out, char *error, size_t error_size)
{
	struct text t = { .out = out, .error = error, .error_size = error_size };
	int rc = expand(&t, text, f, 0);

	return f->no_memory ? fail(&t, -ENOMEM, "out of memory") : rc;
}

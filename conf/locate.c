#include "conf/locate.h"

#include "conf/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8

struct level {
	const struct field_object *kind;     /* of this object; NULL: a list, or not known */
	const struct field_object *elements; /* of this list */
	unsigned n;			     /* elements begun */
	unsigned number;		     /* of this object in its list */
	const char *group;		     /* its name, if it is a field */
	char name[160];
};

struct locator {
	const char *p;
	unsigned line;
	struct level level[DEPTH_MAX];
	unsigned depth;
	char word[64]; /* the last name */
	/* The last field, and the object that it is in. */
	char field[64];
	struct label object;
};

static void skip_comment(struct locator *l, const char *end)
{
	while (*l->p != '\0' && strncmp(l->p, end, strlen(end)) != 0)
		l->line += *l->p++ == '\n';
}

static void read_string(struct locator *l)
{
	struct level *now = &l->level[l->depth];
	bool key = now->kind != NULL && now->kind->key != NULL &&
		   strcmp(l->word, now->kind->key) == 0 && now->name[0] == '\0';
	size_t n = 0;

	for (l->p++; *l->p != '\0' && *l->p != '"'; l->p++) {
		l->line += *l->p == '\n';
		if (*l->p == '\\' && l->p[1] != '\0')
			l->p++;
		if (key && n + 1 < sizeof(now->name))
			now->name[n++] = *l->p;
	}
	if (*l->p == '"')
		l->p++;
}

static struct label label_of(const struct locator *l)
{
	struct label label = { "" };

	for (unsigned i = 1; i <= l->depth; i++) {
		const struct level *v = &l->level[i];

		if (v->group != NULL)
			label_add(&label, v->group, NULL, 0);
		else if (v->kind != NULL)
			label_add(&label, v->kind->kind, v->name, v->number);
	}
	return label;
}

/* A name is what "=" follows, and a field's if there is such a field: other words may be a key that
 * lacks its quotes. */
static void read_word(struct locator *l)
{
	const struct level *now = &l->level[l->depth];
	char word[sizeof(l->word)];
	const char *next;
	size_t n = 0;

	while (isalnum((unsigned char)*l->p) || *l->p == '_' || *l->p == '-' || *l->p == '*') {
		if (n + 1 < sizeof(word))
			word[n++] = *l->p;
		l->p++;
	}
	word[n] = '\0';
	next = l->p + strspn(l->p, " \t\r\n");
	if (*next != '=' && *next != ':')
		return;
	strcpy(l->word, word);
	if (now->kind == NULL || field_row(now->kind, word) < 0)
		return;
	strcpy(l->field, word);
	l->object = label_of(l);
}

static void open_level(struct locator *l, bool list)
{
	struct level *up = &l->level[l->depth], *down = up + 1;
	int row = up->kind != NULL ? field_row(up->kind, l->word) : -1;
	const struct field *f = row >= 0 ? &up->kind->fields[row] : NULL;

	if (l->depth + 1 >= DEPTH_MAX)
		return;
	*down = (struct level){ 0 };
	if (list && f != NULL && f->kind == &field_objects) {
		down->elements = f->arg;
	} else if (!list && up->elements != NULL) {
		down->kind = up->elements;
		down->number = ++up->n;
	} else if (!list && f != NULL && f->kind == &field_group) {
		down->kind = f->arg;
		down->group = f->name;
	}
	l->depth++;
}

struct location conf_locate(const char *text, unsigned line)
{
	struct locator l = { .p = text, .line = 1, .level = { { .kind = &parse_top } } };
	struct location out = { 0 };

	while (*l.p != '\0' && l.line <= line) {
		if (*l.p == '#' || strncmp(l.p, "//", 2) == 0) {
			skip_comment(&l, "\n");
		} else if (strncmp(l.p, "/*", 2) == 0) {
			skip_comment(&l, "*/");
		} else if (*l.p == '"') {
			read_string(&l);
		} else if (isalpha((unsigned char)*l.p) || *l.p == '*') {
			read_word(&l);
		} else if (isdigit((unsigned char)*l.p)) {
			while (isalnum((unsigned char)*l.p) || *l.p == '.')
				l.p++;
		} else {
			if (*l.p == '{' || *l.p == '(')
				open_level(&l, *l.p == '(');
			else if ((*l.p == '}' || *l.p == ')') && l.depth > 0)
				l.depth--;
			l.line += *l.p++ == '\n';
		}
	}
	out.object = l.object;
	strcpy(out.field, l.field);
	return out;
}

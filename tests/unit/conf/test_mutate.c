/* Three hundred mistakes in a valid file, generated: each is told with its line, its object and its
 * field, and none crashes. The file is what the writer makes of the reference: a field a line. */
#include "conf/parse.h"
#include "conf/write.h"

#include "tests/unit/unit.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *reference_path;
static uint32_t seed = 3;

static uint32_t roll(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * n >> 32);
}

/* ---- the file, line by line ---------------------------------------------------------------- */

#define LINES_MAX 400

struct line {
	char text[400];
	char field[64];	 /* "" : none begins here */
	char value[300]; /* without the semicolon */
	char object[80]; /* the innermost object's name as in messages; "": top level */
	unsigned begin;	 /* line of that object's brace */
	const struct field *row;
};

static struct line lines[LINES_MAX + 1]; /* from 1 */
static unsigned n_lines;

struct level {
	unsigned begin;
	const struct field_object *kind; /* of a list's elements or of this group */
	char name[64];
};

/* The key of an object stands in its first lines. */
static void name_of(unsigned from, const char *key, char *to, size_t size)
{
	char want[40];

	snprintf(want, sizeof(want), "%s = \"", key);
	to[0] = '\0';
	for (unsigned i = from; i <= n_lines && strchr(lines[i].text, '}') == NULL; i++) {
		const char *p = strstr(lines[i].text, want);

		if (p == NULL)
			continue;
		p += strlen(want);
		snprintf(to, size, "'%.*s'", (int)strcspn(p, "\""), p);
		return;
	}
}

static void understand(void)
{
	struct level level[8] = { { .kind = &parse_top } };
	unsigned depth = 0;

	for (unsigned i = 1; i <= n_lines; i++) {
		struct line *l = &lines[i];
		const char *p = l->text + strspn(l->text, " ");
		size_t n = strcspn(p, " ");
		int row;

		if (*p == '#' || *p == '\0')
			continue;
		if (*p == '}' || *p == ')') {
			depth--;
			continue;
		}
		snprintf(l->object, sizeof(l->object), "%s", level[depth].name);
		l->begin = level[depth].begin;
		if (*p == '{') {
			if (strchr(p, '}') == NULL) {
				level[depth + 1] = level[depth];
				depth++;
				level[depth].begin = i;
				name_of(i, level[depth].kind->key, level[depth].name,
					sizeof(level[depth].name));
			}
			continue;
		}
		if (!islower((unsigned char)*p) || p[n + 1] != '=')
			continue; /* a long list goes on */
		memcpy(l->field, p, n);
		memcpy(l->value, p + n + 3, strcspn(p + n + 3, ";"));
		row = field_row(level[depth].kind, l->field);
		assert_true(row >= 0);
		l->row = &level[depth].kind->fields[row];
		if (l->value[strlen(l->value) - 1] == '(' || strcmp(l->value, "{") == 0) {
			level[depth + 1] = level[depth];
			depth++;
			level[depth].kind = l->row->arg;
			level[depth].begin = i;
			if (l->value[0] == '{')
				snprintf(level[depth].name, sizeof(level[depth].name), "%s",
					 l->field);
		}
	}
	assert_int_equal(depth, 0);
}

static void read_reference(void)
{
	struct problem_list problems = { 0 };
	struct conf_source source;
	char *text = NULL, *revealed, *save = NULL;
	size_t cap = 0, len;
	FILE *in = fopen(reference_path, "r");
	ssize_t n = getdelim(&text, &cap, EOF, in);
	struct conf *c = conf_read("reference.conf", text, (size_t)n, &problems);

	fclose(in);
	assert_non_null(c);
	assert_int_equal(conf_write(c, NULL, &source), 0);
	revealed = source_reveal(&source, &len);
	free(text);
	text = strndup(revealed, len);
	for (char *p = text; p != NULL; p = save) {
		save = strchr(p, '\n');
		if (save != NULL)
			*save++ = '\0';
		assert_true(n_lines < LINES_MAX);
		snprintf(lines[++n_lines].text, sizeof(lines[0].text), "%s", p);
	}
	understand();
	free(text);
	sodium_free(revealed);
	source_clear(&source);
	conf_free(c);
	problem_clear(&problems);
}

/* ---- mistakes ------------------------------------------------------------------------------ */

struct mistake {
	unsigned at;	    /* this line */
	char instead[1000]; /* is replaced by this, which may be several lines, or nothing */
	unsigned line;	    /* and told at this one */
	char says[120];	    /* with this in its text */
};

static bool is_leaf(const struct line *l)
{
	return l->field[0] != '\0' && l->row->kind != &field_objects &&
	       l->row->kind != &field_group && strchr(l->value, '{') == NULL &&
	       l->text[strlen(l->text) - 1] == ';';
}

static bool lose(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l) || !l->row->required)
		return false;
	m->line = l->begin > 0 ? l->begin : 1;
	snprintf(m->says, sizeof(m->says), "%s is missing", l->field);
	return true;
}

static bool repeat(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l))
		return false;
	snprintf(m->instead, sizeof(m->instead), "%s\n%s", l->text, l->text);
	m->line = m->at + 1;
	snprintf(m->says, sizeof(m->says), "duplicate setting name");
	return true;
}

static bool misspell(struct mistake *m, const struct line *l)
{
	size_t n = strlen(l->field), at = roll((uint32_t)n - 1);
	char wrong[64];
	char *p;

	if (n < 4 || !is_leaf(l))
		return false;
	strcpy(wrong, l->field);
	if (roll(2) == 0) { /* two letters swapped */
		wrong[at] = l->field[at + 1];
		wrong[at + 1] = l->field[at];
	} else { /* one too many */
		memmove(wrong + at + 1, l->field + at, n - at + 1);
		wrong[at] = 'x';
	}
	if (strcmp(wrong, l->field) == 0 || !isalpha((unsigned char)wrong[0]))
		return false;
	p = strstr(l->text, l->field);
	snprintf(m->instead, sizeof(m->instead), "%.*s%s%s", (int)(p - l->text), l->text, wrong,
		 p + n);
	snprintf(m->says, sizeof(m->says), "unknown name; did you mean '%s'?", l->field);
	return true;
}

static void put_value(struct mistake *m, const struct line *l, const char *value)
{
	int indent = (int)strspn(l->text, " ");

	snprintf(m->instead, sizeof(m->instead), "%*s%s = %s;", indent, "", l->field, value);
	/* Of a value that may not be shown the field alone is told. */
	snprintf(m->says, sizeof(m->says), "%s%s", l->field, l->row->secret ? ":" : "");
}

static bool wrong_type(struct mistake *m, const struct line *l)
{
	static const char *const values[] = { "{ a = 1; }", "3.5", "( ( 1 ) )" };

	if (!is_leaf(l))
		return false;
	put_value(m, l, values[roll(3)]);
	return true;
}

static bool out_of_range(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l) || !l->row->kind->plain || !isdigit((unsigned char)l->value[0]))
		return false;
	put_value(m, l, roll(2) == 0 ? "-7" : "99999999999999");
	return true;
}

static bool malformed(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l) || l->row->kind->plain || l->row->secret || l->value[0] != '"' ||
	    l->row->kind == &field_text || strstr(l->field, "_id") != NULL)
		return false;
	put_value(m, l, "\"/ no such thing! /\"");
	return true;
}

static bool strange(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l))
		return false;
	snprintf(m->instead, sizeof(m->instead), "%s\nqqqzzzqqq = 1;", l->text);
	m->line = m->at + 1;
	snprintf(m->says, sizeof(m->says), "'qqqzzzqqq': unknown name");
	return true;
}

static bool unfinished(struct mistake *m, const struct line *l)
{
	if (!is_leaf(l))
		return false;
	snprintf(m->instead, sizeof(m->instead), "%.*s;", (int)(strchr(l->text, '=') + 1 - l->text),
		 l->text);
	snprintf(m->says, sizeof(m->says), "syntax error");
	return true;
}

static bool (*const sorts[])(struct mistake *m, const struct line *l) = {
	lose, repeat, misspell, wrong_type, out_of_range, malformed, strange, unfinished,
};

static char *text_with(const struct mistake *m)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (unsigned i = 1; i <= n_lines; i++) {
		fputs(i == m->at ? m->instead : lines[i].text, out);
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

static bool is_told(const struct problem_list *problems, const struct mistake *m)
{
	const char *object = lines[m->at].object;

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];

		if (p->level == PROBLEM_ERROR && p->where.line == m->line &&
		    strstr(p->text, m->says) != NULL &&
		    (object[0] == '\0' || (p->object != NULL && strstr(p->object, object) != NULL)))
			return true;
	}
	return false;
}

static bool names_object(const struct line *l)
{
	return strcmp(l->field, "name") == 0 || strcmp(l->field, "vpc") == 0 ||
	       strcmp(l->field, "prefix") == 0;
}

#define MISTAKES 320

static void every_mistake_is_told_with_its_place(void **state)
{
	unsigned made = 0, of_sort[ARRAY_LEN(sorts)] = { 0 };
	size_t live;

	read_reference();
	live = secret_live();
	while (made < MISTAKES) {
		unsigned sort = made % ARRAY_LEN(sorts);
		struct mistake m = { .at = 1 + roll(n_lines) };
		struct problem_list problems = { 0 };
		struct conf *c;
		char *text;

		m.line = m.at;
		if (!sorts[sort](&m, &lines[m.at]))
			continue;
		/* The name of an object that lost its name is its number, or the new one. */
		if (names_object(&lines[m.at]))
			continue;
		text = text_with(&m);
		c = conf_read("t", text, strlen(text), &problems);
		assert_null(c);
		if (!is_told(&problems, &m)) {
			print_error("line %u: %s\n instead: %s\n wanted: line %u, %s: %s\n", m.at,
				    lines[m.at].text, m.instead, m.line, lines[m.at].object,
				    m.says);
			problem_print(&problems, stderr);
			fail();
		}
		for (size_t i = 0; i < problems.n; i++)
			assert_null(strstr(problems.v[i].text, "long random key"));
		problem_clear(&problems);
		free(text);
		assert_int_equal(secret_live(), live);
		of_sort[sort]++;
		made++;
	}
	for (size_t i = 0; i < ARRAY_LEN(sorts); i++)
		assert_true(of_sort[i] >= 300 / ARRAY_LEN(sorts));
}

static int init(void **state)
{
	return secret_init();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_told_with_its_place),
	};

	if (argc != 2)
		return 99;
	reference_path = argv[1];
	return cmocka_run_group_tests(tests, init, NULL);
}

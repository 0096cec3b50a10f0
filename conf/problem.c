#include "conf/problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(const char *fmt, va_list args)
{
	char *text;

	return vasprintf(&text, fmt, args) < 0 ? NULL : text;
}

static bool make_room(struct problem_list *l)
{
	size_t cap = l->cap == 0 ? 16 : l->cap * 2;
	struct problem *v;

	if (l->n < l->cap)
		return true;
	v = reallocarray(l->v, cap, sizeof(*v));
	if (v == NULL)
		return false;
	l->v = v;
	l->cap = cap;
	return true;
}

void problem_add(struct problem_list *l, enum problem_level level, struct conf_where where,
		 const char *object, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add_list(l, level, where, object, fmt, args);
	va_end(args);
}

void problem_add_list(struct problem_list *l, enum problem_level level, struct conf_where where,
		      const char *object, const char *fmt, va_list args)
{
	struct problem *p;

	/* Counted first: without memory the text may be lost, the error never is. */
	if (level == PROBLEM_ERROR)
		l->errors++;
	if (!make_room(l))
		return;
	p = &l->v[l->n++];
	p->level = level;
	p->where.line = where.line;
	p->where.file = where.file != NULL ? strdup(where.file) : NULL;
	p->object = object != NULL ? strdup(object) : NULL;
	p->text = text_of(fmt, args);
}

struct order {
	const struct problem *p;
	size_t file; /* files in the order in which they first had a problem */
	size_t seq;
};

static int order_compare(const void *va, const void *vb)
{
	const struct order *a = va, *b = vb;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->p->where.line != b->p->where.line)
		return a->p->where.line < b->p->where.line ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static const char *file_of(const struct problem *p)
{
	return p->where.file != NULL ? p->where.file : "";
}

static size_t file_order(const struct problem_list *l, size_t i)
{
	size_t first = 0;

	while (strcmp(file_of(&l->v[first]), file_of(&l->v[i])) != 0)
		first++;
	return first;
}

static void print_one(const struct problem *p, FILE *out)
{
	if (p->where.file != NULL)
		fprintf(out, "%s:", p->where.file);
	if (p->where.line > 0)
		fprintf(out, "%u:", p->where.line);
	fprintf(out, "%s%s: ", p->where.file != NULL || p->where.line > 0 ? " " : "",
		p->level == PROBLEM_ERROR ? "error" : "warning");
	if (p->object != NULL && p->object[0] != '\0')
		fprintf(out, "%s: ", p->object);
	fprintf(out, "%s\n", p->text != NULL ? p->text : "(no memory for the message)");
}

void problem_print(struct problem_list *l, FILE *out)
{
	struct order *order = l->n > 0 ? calloc(l->n, sizeof(*order)) : NULL;

	for (size_t i = 0; order != NULL && i < l->n; i++)
		order[i] = (struct order){ &l->v[i], file_order(l, i), i };
	if (order != NULL)
		qsort(order, l->n, sizeof(*order), order_compare);
	for (size_t i = 0; i < l->n; i++)
		print_one(order != NULL ? order[i].p : &l->v[i], out);
	free(order);
}

static void free_one(struct problem *p)
{
	free((char *)p->where.file);
	free(p->object);
	free(p->text);
}

void problem_drop_warnings(struct problem_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].level == PROBLEM_ERROR)
			l->v[n++] = l->v[i];
		else
			free_one(&l->v[i]);
	}
	l->n = n;
}

void problem_clear(struct problem_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_one(&l->v[i]);
	free(l->v);
	*l = (struct problem_list){ 0 };
}

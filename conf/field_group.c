/* Lists, groups and lists of groups. */
#include "conf/field.h"
#include "conf/name.h"
#include "conf/writer.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

static bool is_list(const config_setting_t *s)
{
	return config_setting_is_array(s) || config_setting_is_list(s);
}

/* Element i of a list; a scalar is a list of itself. */
static config_setting_t *element(const config_setting_t *s, unsigned i)
{
	return is_list(s) ? config_setting_get_elem(s, i) : (config_setting_t *)s;
}

static void note_place(struct reader *r, const config_setting_t *s, const void *at)
{
	places_add(r->places, at, config_setting_source_line(s));
}

static bool read_elements(struct reader *r, const config_setting_t *s, const struct field *f,
			  char *to, unsigned n, unsigned *count)
{
	const struct field *one = f->arg;
	bool ok = true;

	*count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct field each = *one;

		each.name = f->name;
		each.offset = 0;
		if (each.kind->read(r, element(s, i), &each, to + *count * one->size)) {
			note_place(r, element(s, i), to + *count * one->size);
			(*count)++;
		} else {
			ok = false;
		}
	}
	/* Half a list would be wrong in more ways than the one that was reported. */
	if (!ok)
		*count = 0;
	return ok;
}

static bool list_length(struct reader *r, const config_setting_t *s, const struct field *f,
			unsigned *n)
{
	*n = is_list(s) ? (unsigned)config_setting_length(s) : 1;
	if (config_setting_is_group(s))
		return field_wrong(r, s, f, "a list");
	if ((*n >= (f->min > 0 ? f->min : 1) || f->empty) && (f->max == 0 || *n <= f->max))
		return true;
	if (f->max == 0)
		field_problem(r, PROBLEM_ERROR, s, f, "must have at least one element");
	else
		field_problem(r, PROBLEM_ERROR, s, f, "has %u elements; must have %lld to %lld", *n,
			      (long long)(f->min > 0 ? f->min : 1), (long long)f->max);
	return false;
}

static bool read_list(struct reader *r, const config_setting_t *s, const struct field *f,
		      void *object)
{
	unsigned *count = (unsigned *)((char *)object + f->count), n;

	if (!list_length(r, s, f, &n))
		return false;
	return read_elements(r, s, f, field_destination(f, object), n, count);
}

/* ---- the same, and written --------------------------------------------------------------- */

static unsigned count_of(const struct field *f, const void *object)
{
	return *(const unsigned *)((const char *)object + f->count);
}

static bool same_elements(const struct field *f, const void *a, const void *b, unsigned n)
{
	const struct field *one = f->arg;

	for (unsigned i = 0; i < n; i++)
		if (!field_same(one, (const char *)a + i * one->size,
				(const char *)b + i * one->size))
			return false;
	return true;
}

static bool same_list(const struct field *f, const void *a, const void *b)
{
	unsigned n = count_of(f, a);

	return n == count_of(f, b) && same_elements(f, field_value(f, a), field_value(f, b), n);
}

bool field_same_heap_list(const struct field *f, const void *a, const void *b)
{
	unsigned n = count_of(f, a);

	return n == count_of(f, b) && same_elements(f, *(void *const *)field_value(f, a),
						    *(void *const *)field_value(f, b), n);
}

#define ELEMENTS_A_LINE 8

static void write_elements(struct writer *w, const struct field *one, const char *v, unsigned n)
{
	fputs(n > 0 ? "[ " : "[ ]", w->out);
	w->depth++;
	for (unsigned i = 0; i < n; i++) {
		if (i > 0 && i % ELEMENTS_A_LINE == 0)
			writer_line(w);
		one->kind->write(w, one, v + i * one->size);
		fputs(i + 1 < n ? ", " : " ]", w->out);
	}
	w->depth--;
}

static void write_list(struct writer *w, const struct field *f, const void *object)
{
	write_elements(w, f->arg, field_value(f, object), count_of(f, object));
}

void field_write_heap_list(struct writer *w, const struct field *f, const void *object)
{
	write_elements(w, f->arg, *(void *const *)field_value(f, object), count_of(f, object));
}

const struct field_kind field_list = {
	.read = read_list, .same = same_list, .write = write_list, .list = true
};

static void *new_array(struct reader *r, const config_setting_t *s, unsigned n, size_t size)
{
	void *v = calloc(n > 0 ? n : 1, size);

	if (v == NULL)
		problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text,
			    "no memory for %u elements", n);
	return v;
}

bool field_read_heap_list(struct reader *r, const config_setting_t *s, const struct field *f,
			  void *object)
{
	unsigned *count = (unsigned *)((char *)object + f->count), n;
	const struct field *one = f->arg;
	void *v;

	if (!list_length(r, s, f, &n))
		return false;
	v = new_array(r, s, n, one->size);
	if (v == NULL)
		return false;
	*(void **)field_destination(f, object) = v;
	return read_elements(r, s, f, v, n, count);
}

const struct field_kind field_heap_list = { .read = field_read_heap_list,
					    .same = field_same_heap_list,
					    .write = field_write_heap_list,
					    .list = true };

static const char *key_of(const config_setting_t *s, const struct field_object *kind)
{
	const config_setting_t *key =
		kind->key != NULL ? config_setting_get_member(s, kind->key) : NULL;

	return key != NULL ? config_setting_get_string(key) : NULL;
}

static void read_object(struct reader *r, const config_setting_t *s,
			const struct field_object *kind, void *object, const void *first,
			unsigned number)
{
	size_t before = label_add(&r->label, kind->kind, key_of(s, kind), number);
	uint64_t given;

	*(struct conf_where *)object = field_where(r, s); /* every object begins with it */
	if (kind->begin != NULL)
		kind->begin(object, first);
	given = field_read_group(r, s, kind, object);
	if (kind->end != NULL)
		kind->end(r, s, object, given);
	label_cut(&r->label, before);
}

static bool read_objects(struct reader *r, const config_setting_t *s, const struct field *f,
			 void *object)
{
	const struct field_object *kind = f->arg;
	unsigned *count = (unsigned *)((char *)object + f->count);
	unsigned n = (unsigned)config_setting_length(s);
	char *v;

	if (!is_list(s))
		return field_wrong(r, s, f, "a list of groups: ( { ... }, { ... } )");
	if (f->max > 0 && n > f->max) {
		field_problem(r, PROBLEM_ERROR, s, f, "has %u elements; at most %lld are allowed",
			      n, (long long)f->max);
		return false;
	}
	v = new_array(r, s, n, kind->size);
	if (v == NULL)
		return false;
	*(void **)field_destination(f, object) = v;
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, i);

		*count = i + 1;
		if (config_setting_is_group(e)) {
			read_object(r, e, kind, v + i * kind->size, i > 0 ? v : NULL, i + 1);
			continue;
		}
		*(struct conf_where *)(v + i * kind->size) = field_where(r, e);
		field_problem(r, PROBLEM_ERROR, e, f, "must be a group: { ... }");
	}
	return true;
}

bool field_same_group(const struct field_object *kind, const void *a, const void *b)
{
	for (unsigned i = 0; i < kind->n_fields; i++)
		if (!field_same(&kind->fields[i], a, b))
			return false;
	return true;
}

static bool same_objects(const struct field *f, const void *a, const void *b)
{
	const struct field_object *kind = f->arg;
	const char *va = *(void *const *)field_value(f, a), *vb = *(void *const *)field_value(f, b);
	unsigned n = count_of(f, a);

	if (n != count_of(f, b))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!field_same_group(kind, va + i * kind->size, vb + i * kind->size))
			return false;
	return true;
}

static void write_objects(struct writer *w, const struct field *f, const void *object)
{
	const struct field_object *kind = f->arg;
	const char *v = *(void *const *)field_value(f, object), *first = NULL;
	unsigned n = count_of(f, object), written = 0;

	fputc('(', w->out);
	w->depth++;
	for (unsigned i = 0; i < n; i++) {
		const char *o = v + i * kind->size;

		if (o == w->without)
			continue;
		fputs(written++ > 0 ? "," : "", w->out);
		writer_line(w);
		field_write_object(w, kind, o, first);
		first = first != NULL ? first : o;
	}
	w->depth--;
	if (written > 0)
		writer_line(w);
	fputs(written > 0 ? ")" : " )", w->out);
}

const struct field_kind field_objects = { .read = read_objects,
					  .same = same_objects,
					  .write = write_objects };

static bool read_group(struct reader *r, const config_setting_t *s, const struct field *f,
		       void *object)
{
	const struct field_object *kind = f->arg;
	size_t before;
	uint64_t given;

	if (!config_setting_is_group(s))
		return field_wrong(r, s, f, "a group: { ... }");
	before = label_add(&r->label, f->name, NULL, 0);
	given = field_read_group(r, s, kind, field_destination(f, object));
	if (kind->end != NULL)
		kind->end(r, s, field_destination(f, object), given);
	label_cut(&r->label, before);
	return true;
}

static bool same_group(const struct field *f, const void *a, const void *b)
{
	return field_same_group(f->arg, field_value(f, a), field_value(f, b));
}

static void write_group(struct writer *w, const struct field *f, const void *object)
{
	field_write_object(w, f->arg, field_value(f, object), NULL);
}

const struct field_kind field_group = { .read = read_group,
					.same = same_group,
					.write = write_group };

/* Reports the name of s in group, which no row has. Returns the row that was probably meant; -1:
 * none, or it is there as well. */
static int unknown_name(struct reader *r, const config_setting_t *group, const config_setting_t *s,
			const struct field_object *kind)
{
	const char *names[64];
	char quoted[160];
	int near;

	for (unsigned i = 0; i < kind->n_fields; i++)
		names[i] = kind->fields[i].name;
	near = name_nearest(config_setting_name(s), names, kind->n_fields);
	/* Without its value: it may be a misspelt psk. */
	problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text,
		    near >= 0 ? "%s: unknown name; did you mean '%s'?" : "%s: unknown name",
		    label_quote(config_setting_name(s), quoted, sizeof(quoted)),
		    near >= 0 ? names[near] : "");
	return near >= 0 && config_setting_get_member(group, names[near]) == NULL ? near : -1;
}

int field_row(const struct field_object *kind, const char *name)
{
	for (unsigned i = 0; i < kind->n_fields; i++)
		if (strcmp(kind->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool field_given(const struct field_object *kind, uint64_t given, const char *name)
{
	int i = field_row(kind, name);

	return i >= 0 && (given >> i & 1) != 0;
}

uint64_t field_read_group(struct reader *r, const config_setting_t *s,
			  const struct field_object *kind, void *object)
{
	uint64_t given = 0;

	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		int row = field_row(kind, config_setting_name(e));
		bool top = config_setting_is_root(s) == CONFIG_TRUE;
		size_t errors = r->problems->errors;
		bool ok =
			row >= 0 && kind->fields[row].kind->read(r, e, &kind->fields[row], object);

		if (row >= 0 && top && r->problems->errors > errors)
			r->faulty |= UINT64_C(1) << row;
		if (ok) {
			if (kind->fields[row].size > 0)
				note_place(r, e, field_destination(&kind->fields[row], object));
			given |= UINT64_C(1) << row;
			continue;
		}
		/* A misspelt name stands for the right one: one mistake, one message. */
		if (row < 0)
			row = unknown_name(r, s, e, kind);
		if (row >= 0)
			given |= UINT64_C(1) << row;
		if (row >= 0 && top)
			r->unread |= UINT64_C(1) << row;
	}
	for (unsigned i = 0; i < kind->n_fields; i++) {
		const struct field *f = &kind->fields[i];

		if (!f->required || (given >> i & 1) != 0)
			continue;
		problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text,
			    "%s is missing: %s", f->name, f->means);
		if (config_setting_is_root(s) == CONFIG_TRUE)
			r->unread |= UINT64_C(1) << i;
	}
	return given;
}

static bool is_pinned(const struct writer *w, const struct field_object *kind, const char *name)
{
	size_t n = strlen(name);

	if (w->pinned_kind != kind)
		return false;
	for (unsigned i = 0; i < w->n_pinned; i++)
		if (strcspn(w->pinned[i], "=") == n && memcmp(w->pinned[i], name, n) == 0)
			return true;
	return false;
}

static uint64_t fields_to_write(const struct writer *w, const struct field_object *kind,
				const void *object, const void *base)
{
	uint64_t given = 0;

	for (unsigned i = 0; i < kind->n_fields; i++) {
		const struct field *f = &kind->fields[i];

		if (f->required || f->always || is_pinned(w, kind, f->name) ||
		    !field_same(f, object, base))
			given |= UINT64_C(1) << i;
	}
	return given;
}

void field_write_object(struct writer *w, const struct field_object *kind, const void *object,
			const void *first)
{
	void *base = calloc(1, kind->size);
	uint64_t given;

	if (base == NULL) {
		w->error = -ENOMEM;
		return;
	}
	if (kind->begin != NULL)
		kind->begin(base, first);
	given = fields_to_write(w, kind, object, base);
	if (kind->derive != NULL) {
		kind->derive(base, object, given);
		given = fields_to_write(w, kind, object, base);
	}
	fputc('{', w->out);
	w->depth++;
	for (unsigned i = 0; i < kind->n_fields; i++) {
		const struct field *f = &kind->fields[i];

		if ((given >> i & 1) == 0)
			continue;
		if (kind->one_line)
			fputc(' ', w->out);
		else
			writer_line(w);
		fprintf(w->out, "%s = ", f->name);
		f->kind->write(w, f, object);
		fputc(';', w->out);
	}
	w->depth--;
	if (kind->one_line)
		fputc(' ', w->out);
	else
		writer_line(w);
	fputc('}', w->out);
	free(base);
}

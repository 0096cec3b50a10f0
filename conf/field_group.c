/* Lists, groups and lists of groups. */
#include "conf/field.h"
#include "conf/name.h"

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
		if (each.read(r, element(s, i), &each, to + *count * one->size)) {
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

bool field_list(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
{
	unsigned *count = (unsigned *)((char *)object + f->count), n;

	if (!list_length(r, s, f, &n))
		return false;
	return read_elements(r, s, f, field_destination(f, object), n, count);
}

static void *new_array(struct reader *r, const config_setting_t *s, unsigned n, size_t size)
{
	void *v = calloc(n > 0 ? n : 1, size);

	if (v == NULL)
		problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text,
			    "no memory for %u elements", n);
	return v;
}

bool field_heap_list(struct reader *r, const config_setting_t *s, const struct field *f,
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

bool field_objects(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

bool field_group(struct reader *r, const config_setting_t *s, const struct field *f, void *object)
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

static int row_of(const struct field_object *kind, const char *name)
{
	for (unsigned i = 0; i < kind->n_fields; i++)
		if (strcmp(kind->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool field_given(const struct field_object *kind, uint64_t given, const char *name)
{
	int i = row_of(kind, name);

	return i >= 0 && (given >> i & 1) != 0;
}

uint64_t field_read_group(struct reader *r, const config_setting_t *s,
			  const struct field_object *kind, void *object)
{
	uint64_t given = 0;

	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		int row = row_of(kind, config_setting_name(e));
		bool top = config_setting_is_root(s) == CONFIG_TRUE;
		size_t errors = r->problems->errors;
		bool ok = row >= 0 && kind->fields[row].read(r, e, &kind->fields[row], object);

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

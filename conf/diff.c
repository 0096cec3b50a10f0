#include "conf/diff.h"

#include "conf/index.h"
#include "conf/parse.h"
#include "conf/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diff {
	const struct kind *kind;
	const char *name;
	void (*tell)(void *ctx, const struct conf_difference *d);
	void *ctx;
	int n; /* differences, or -ENOMEM */
};

static void tell(struct diff *d, enum conf_deed deed, const char *field, const char *was,
		 const char *is)
{
	struct conf_difference found = {
		.deed = deed, .kind = d->kind, .name = d->name, .field = field, .was = was, .is = is
	};

	if (d->n < 0)
		return;
	d->n++;
	if (d->tell != NULL)
		d->tell(d->ctx, &found);
}

/* A field's value as in the file; of an element of a list of objects, if element is one. */
static char *value_text(struct diff *d, const struct field *f, const void *object,
			const void *element)
{
	char *text = NULL;
	size_t len;
	struct writer w = { .out = open_memstream(&text, &len) };

	if (w.out == NULL) {
		d->n = -ENOMEM;
		return NULL;
	}
	if (element != NULL)
		field_write_object(&w, f->arg, element, NULL);
	else if (f->secret && *(struct secret *const *)field_value(f, object) == NULL)
		fputs("none", w.out);
	else
		f->kind->write(&w, f, object);
	if (fclose(w.out) != 0 || w.error != 0)
		d->n = -ENOMEM;
	return text;
}

static const char *elements(const struct field *f, const void *object, unsigned *n)
{
	*n = *(const unsigned *)((const char *)object + f->count);
	return *(const char *const *)field_value(f, object);
}

static bool has_element(const struct field *f, const void *object, const void *element)
{
	const struct field_object *kind = f->arg;
	unsigned n;
	const char *v = elements(f, object, &n);

	for (unsigned i = 0; i < n; i++)
		if (field_same_group(kind, v + i * kind->size, element))
			return true;
	return false;
}

/* Elements that are in object and not in other. */
static void diff_elements(struct diff *d, const struct field *f, const void *object,
			  const void *other, enum conf_deed deed)
{
	const struct field_object *kind = f->arg;
	unsigned n;
	const char *v = elements(f, object, &n);

	for (unsigned i = 0; i < n; i++) {
		char *text;

		if (has_element(f, other, v + i * kind->size))
			continue;
		text = value_text(d, f, object, v + i * kind->size);
		tell(d, CONF_CHANGED, f->name, deed == CONF_REMOVED ? text : NULL,
		     deed == CONF_ADDED ? text : NULL);
		free(text);
	}
}

static void diff_fields(struct diff *d, const struct field_object *fields, const char *before,
			const void *was, const void *is)
{
	for (unsigned i = 0; i < fields->n_fields; i++) {
		const struct field *f = &fields->fields[i];
		char name[80], *a, *b;

		if (field_same(f, was, is))
			continue;
		snprintf(name, sizeof(name), "%s%s", before, f->name);
		if (f->kind == &field_group) {
			strcat(name, ".");
			diff_fields(d, f->arg, name, field_value(f, was), field_value(f, is));
		} else if (f->kind != &field_objects) {
			a = value_text(d, f, was, NULL);
			b = value_text(d, f, is, NULL);
			tell(d, CONF_CHANGED, name, a, b);
			free(a);
			free(b);
		} else if (((const struct field_object *)f->arg)->one_line &&
			   fields != &parse_top) {
			diff_elements(d, f, was, is, CONF_REMOVED);
			diff_elements(d, f, is, was, CONF_ADDED);
		}
	}
}

struct named {
	const void *object;
	char name[KIND_NAME_BYTES];
};

static struct named *names_of(const struct conf *c, const struct kind *kind, struct index *x,
			      unsigned *n)
{
	const void *o;
	struct named *v;

	for (*n = 0; kind_object_at(c, kind, *n) != NULL;)
		(*n)++;
	v = calloc(*n + 1u, sizeof(*v));
	for (unsigned i = 0; v != NULL && (o = kind_object_at(c, kind, i)) != NULL; i++) {
		v[i].object = o;
		kind_object_name(kind, o, v[i].name);
		if (index_add(x, v[i].name, strlen(v[i].name), o) != 0) {
			free(v);
			return NULL;
		}
	}
	index_sort(x);
	return v;
}

static void diff_kind(struct diff *d, const struct conf *was, const struct conf *is)
{
	struct index old = { 0 }, new = { 0 };
	unsigned n_old, n_new;
	struct named *a = names_of(was, d->kind, &old, &n_old);
	struct named *b = names_of(is, d->kind, &new, &n_new);

	if (a == NULL || b == NULL)
		d->n = -ENOMEM;
	for (unsigned i = 0; d->n >= 0 && i < n_old; i++) {
		d->name = a[i].name;
		if (index_find(&new, a[i].name, strlen(a[i].name)) == NULL)
			tell(d, CONF_REMOVED, NULL, NULL, NULL);
	}
	for (unsigned i = 0; d->n >= 0 && i < n_new; i++) {
		const struct index_entry *e = index_find(&old, b[i].name, strlen(b[i].name));

		d->name = b[i].name;
		if (e == NULL)
			tell(d, CONF_ADDED, NULL, NULL, NULL);
		else
			diff_fields(d, d->kind->fields, "", e->object, b[i].object);
	}
	index_clear(&old);
	index_clear(&new);
	free(a);
	free(b);
}

const char *conf_difference_format(const struct conf_difference *d, char *buf, size_t size)
{
	static const char sign[] = {
		[CONF_ADDED] = '+', [CONF_REMOVED] = '-', [CONF_CHANGED] = '~'
	};
	const char *quote = d->name[0] ? "'" : "";

	if (!d->field)
		snprintf(buf, size, "%c %s %s%s%s", sign[d->deed], d->kind->word, quote, d->name,
			 quote);
	else if (!d->was || !d->is)
		snprintf(buf, size, "~ %s %s%s%s: %s: %s %s", d->kind->word, quote, d->name, quote,
			 d->field, d->is ? "added" : "removed", d->is ? d->is : d->was);
	else
		snprintf(buf, size, "~ %s %s%s%s: %s: %s -> %s", d->kind->word, quote, d->name,
			 quote, d->field, d->was, d->is);
	return buf;
}

int conf_diff(const struct conf *was, const struct conf *is,
	      void (*fn)(void *ctx, const struct conf_difference *d), void *ctx)
{
	struct diff d = { .tell = fn, .ctx = ctx };

	/* What is one object is a group of the gateway. */
	for (unsigned i = 0; d.n >= 0 && i < kinds_n; i++) {
		d.kind = &kinds[i];
		if (kinds[i].list != NULL || kinds[i].fields == &parse_top)
			diff_kind(&d, was, is);
	}
	return d.n;
}

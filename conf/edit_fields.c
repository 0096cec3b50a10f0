/* What an operator writes for a field, as libconfig's settings. */
#include "conf/edit_core.h"
#include "conf/name.h"
#include "conf/parse.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* A value of one element: a name or a place in a list. */
static void add_scalar(struct edit *e, config_setting_t *to, const char *name, bool plain,
		       const char *text, size_t len)
{
	bool yes =
		is_word(text, len, "true") || is_word(text, len, "yes") || is_word(text, len, "on");
	bool no = is_word(text, len, "false") || is_word(text, len, "no") ||
		  is_word(text, len, "off");
	char *copy = strndup(text, len), *rest;
	long long number;

	if (copy == NULL) {
		edit_refuse(e, "no memory");
		return;
	}
	errno = 0;
	number = strtoll(copy, &rest, 10);
	if (plain && (yes || no))
		config_setting_set_bool(config_setting_add(to, name, CONFIG_TYPE_BOOL), yes);
	else if (plain && *rest == '\0' && copy[0] != '\0' && errno == 0)
		config_setting_set_int64(config_setting_add(to, name, CONFIG_TYPE_INT64), number);
	else
		config_setting_set_string(config_setting_add(to, name, CONFIG_TYPE_STRING), copy);
	free(copy);
}

static void add_list(struct edit *e, config_setting_t *to, const struct field *f, const char *text)
{
	const struct field *one = f->kind == &field_list ? f->arg : NULL;
	config_setting_t *list = config_setting_add(to, f->name, CONFIG_TYPE_LIST);
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	while (len > 0) {
		size_t n = strcspn(text, ",");
		size_t all = n < len ? n : len, blanks = 0;

		while (blanks < all && isspace((unsigned char)text[blanks]))
			blanks++;
		n = all;
		while (n > blanks && isspace((unsigned char)text[n - 1]))
			n--;
		add_scalar(e, list, NULL, one != NULL && one->kind->plain, text + blanks,
			   n - blanks);
		all += all < len;
		text += all;
		len -= all;
	}
}

static void add_value(struct edit *e, config_setting_t *group, const struct field *f,
		      const char *text)
{
	char mark[SOURCE_MARK_BYTES];

	config_setting_remove(group, f->name);
	if (f->secret) {
		size_t len = strlen(text);
		struct secret *s = secret_from(text, len);

		if (len > SECRET_MAX)
			edit_refuse(e, "%s: the key is longer than 128 bytes", f->name);
		else if (s == NULL || source_add(&e->source, s, mark) != 0)
			edit_refuse(e, "%s: no memory", f->name);
		else
			config_setting_set_string(
				config_setting_add(group, f->name, CONFIG_TYPE_STRING), mark);
	} else if (f->kind->list && (text[0] == '[' || strchr(text, ',') != NULL)) {
		add_list(e, group, f, text);
	} else {
		add_scalar(e, group, f->name, f->kind->plain, text, strlen(text));
	}
}

/* What names an object stays. */
static bool is_key(const struct kind *kind, const char *field)
{
	if (kind->fields == &parse_attachment)
		return strcmp(field, "vpc") == 0 || strcmp(field, "border_gateway") == 0;
	if (kind->fields == &parse_underlay_route)
		return strcmp(field, "prefix") == 0 || strcmp(field, "next_hop") == 0;
	return kind->list != NULL && strcmp(field, "name") == 0;
}

static const struct field *known_field(struct edit *e, const struct field_object *fields,
				       const char *name)
{
	const char *names[64];
	int row = field_row(fields, name), near;

	if (row >= 0)
		return &fields->fields[row];
	for (unsigned i = 0; i < fields->n_fields; i++)
		names[i] = fields->fields[i].name;
	near = name_nearest(name, names, fields->n_fields);
	/* Without its value: it may be a misspelt psk. */
	edit_refuse(e,
		    near >= 0 ? "'%s': unknown field; did you mean '%s'?" : "'%s': unknown field",
		    name, near >= 0 ? names[near] : "");
	return NULL;
}

/* The field that a word names, "vxlan.vni", and the group that it is in. NULL: it was refused. */
static const struct field *find_field(struct edit *e, const char *word, config_setting_t **group)
{
	char name[64];
	size_t len = strcspn(word, "=");
	char *dot;
	const struct field *f;

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	dot = strchr(name, '.');
	if (dot != NULL)
		*dot = '\0';
	f = known_field(e, e->kind->fields, name);
	if (f == NULL)
		return NULL;
	if (f->kind == &field_objects) {
		edit_refuse(e, "%s: these are objects, created and deleted by themselves", f->name);
		return NULL;
	}
	if ((f->kind == &field_group) != (dot != NULL)) {
		edit_refuse(
			e,
			dot != NULL ? "%s: has no fields inside" : "%s: name a field inside: %s.%s",
			f->name, f->name,
			dot != NULL ? "" : ((const struct field_object *)f->arg)->fields[0].name);
		return NULL;
	}
	if (dot != NULL) {
		config_setting_t *inside = config_setting_get_member(*group, f->name);

		if (inside == NULL)
			inside = config_setting_add(*group, f->name, CONFIG_TYPE_GROUP);
		*group = inside;
		f = known_field(e, f->arg, dot + 1);
	}
	return f;
}

void edit_set(struct edit *e, config_setting_t *group, const struct conf_change *change)
{
	for (unsigned i = 0; i < change->n; i++) {
		const char *word = change->field[i], *value = strchr(word, '=');
		config_setting_t *in = group;
		const struct field *f;

		if (value == NULL) {
			edit_refuse(e, "'%s' gives no value: write FIELD=VALUE", word);
			continue;
		}
		if (change->verb == CONF_CREATE && e->kind->fields == &parse_tunnel &&
		    strncmp(word, "connection=", 11) == 0)
			continue;
		f = find_field(e, word, &in);
		if (f != NULL && in == group && is_key(e->kind, f->name))
			edit_refuse(e, "%s cannot be set: it names the object", f->name);
		else if (f != NULL)
			add_value(e, in, f, value + 1);
	}
}

void edit_unset(struct edit *e, config_setting_t *group, const struct conf_change *change)
{
	for (unsigned i = 0; i < change->n; i++) {
		const char *word = change->field[i];
		int row = field_row(e->kind->fields, word);
		config_setting_t *in = group;
		const struct field *f;

		/* A group goes as a whole, too. */
		if (row >= 0 && e->kind->fields->fields[row].kind == &field_group) {
			config_setting_remove(group, word);
			continue;
		}
		f = find_field(e, word, &in);
		if (f == NULL)
			continue;
		if (f->required)
			edit_refuse(e, "%s cannot be left out", f->name);
		else
			config_setting_remove(in, f->name);
	}
}

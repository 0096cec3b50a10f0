#include "conf/edit.h"

#include "conf/check.h"
#include "conf/edit_core.h"
#include "conf/kind.h"
#include "conf/name.h"
#include "conf/parse.h"
#include "conf/write.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void edit_refuse(struct edit *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add_list(e->problems, PROBLEM_ERROR, (struct conf_where){ 0 }, e->label.text, fmt,
			 args);
	va_end(args);
}

/* ---- the tree ----------------------------------------------------------------------------- */

static int begin(struct edit *e, const struct conf_write *how)
{
	if (conf_write(e->now, how, &e->source) != 0) {
		edit_refuse(e, "no memory");
		return -ENOMEM;
	}
	return parse_tree(&e->tree, NULL, e->source.text, e->problems);
}

/* A warning belongs to an operator's change if it is about the object. */
static void drop_other_warnings(struct edit *e, struct problem_list *found)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct problem *p = &found->v[i];
		bool about = p->object != NULL && strstr(p->object, e->label.text) != NULL;

		if (p->level == PROBLEM_ERROR || about)
			problem_add(e->problems, p->level, p->where, p->object, "%s",
				    p->text != NULL ? p->text : "wrong");
	}
	problem_clear(found);
}

static struct conf *end(struct edit *e)
{
	struct problem_list found = { 0 };
	struct places places = { 0 };
	struct conf *c = NULL;
	unsigned unread = 0;

	if (e->problems->errors == 0)
		c = conf_parse_tree(e->now->path, NULL, &e->tree, &e->source, &found, &places,
				    &unread);
	/* What may never change is told as such, whatever else is wrong with it. */
	if (c != NULL && conf_rules(e->now, c, true, &found) == 0) {
		places_sort(&places);
		conf_check(c, NULL, NULL, &places, unread, &found);
	}
	places_clear(&places);
	drop_other_warnings(e, &found);
	config_destroy(&e->tree);
	source_clear(&e->source);
	if (e->problems->errors > 0) {
		conf_free(c);
		return NULL;
	}
	memcpy(c->digest, e->now->digest, sizeof(c->digest));
	c->unsaved = true;
	return c;
}

static config_setting_t *list_of(config_setting_t *group, const char *name)
{
	config_setting_t *list = config_setting_get_member(group, name);

	return list != NULL ? list : config_setting_add(group, name, CONFIG_TYPE_LIST);
}

/* The element of a list whose member is text. */
static config_setting_t *element(config_setting_t *list, const char *member, const char *text)
{
	for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
		config_setting_t *one = config_setting_get_elem(list, (unsigned)i);
		const char *value;

		if (config_setting_lookup_string(one, member, &value) == CONFIG_TRUE &&
		    strcmp(value, text) == 0)
			return one;
	}
	return NULL;
}

static config_setting_t *connection_group(struct edit *e, const char *name)
{
	config_setting_t *root = config_root_setting(&e->tree);

	return element(config_setting_get_member(root, "vpn_connections"), "name", name);
}

/* The group of an object of now, which the tree has in the same place. */
static config_setting_t *group_of(struct edit *e, const void *object)
{
	config_setting_t *root = config_root_setting(&e->tree), *list = root;
	unsigned i = 0;

	if (e->kind->fields == &parse_top)
		return root;
	if (e->kind->list == NULL) {
		config_setting_t *s = config_setting_get_member(root, e->kind->word);

		return s != NULL ? s : config_setting_add(root, e->kind->word, CONFIG_TYPE_GROUP);
	}
	if (e->kind->fields == &parse_tunnel) {
		const struct conf_vpn_connection *v = kind_connection_of(e->now, object);

		list = connection_group(e, v->name);
		i = (unsigned)((const struct conf_tunnel *)object - v->tunnel);
	} else {
		while (kind_object_at(e->now, e->kind, i) != object)
			i++;
	}
	return config_setting_get_elem(config_setting_get_member(list, e->kind->list), i);
}

/* ---- verbs -------------------------------------------------------------------------------- */

static const char *value_of(const struct conf_change *change, const char *field)
{
	size_t n = strlen(field);

	for (unsigned i = 0; i < change->n; i++)
		if (strncmp(change->field[i], field, n) == 0 && change->field[i][n] == '=')
			return change->field[i] + n + 1;
	return NULL;
}

static config_setting_t *list_for(struct edit *e, const struct conf_change *change)
{
	const char *connection;
	config_setting_t *group;

	if (e->kind->fields != &parse_tunnel)
		return list_of(config_root_setting(&e->tree), e->kind->list);
	connection = value_of(change, "connection");
	group = connection != NULL ? connection_group(e, connection) : NULL;
	if (connection == NULL)
		edit_refuse(e,
			    "connection is missing: the vpn_connection that the tunnel belongs to");
	else if (group == NULL)
		edit_refuse(e, "connection = '%s': there is no vpn_connection of this name",
			    connection);
	return group != NULL ? list_of(group, "tunnels") : NULL;
}

static void add_text(config_setting_t *group, const char *name, const char *text)
{
	config_setting_set_string(config_setting_add(group, name, CONFIG_TYPE_STRING), text);
}

static void name_object(struct edit *e, config_setting_t *group)
{
	const char *at = strchr(e->name, '@');
	char first[CONF_NAME_BYTES];

	if (e->kind->fields != &parse_attachment && e->kind->fields != &parse_underlay_route) {
		add_text(group, "name", e->name);
		return;
	}
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(e->name, "@"), e->name);
	if (at == NULL)
		edit_refuse(e, "is called %s, like %s",
			    e->kind->fields == &parse_attachment ? "VPC@BORDER_GATEWAY"
								 : "PREFIX@NEXT_HOP",
			    e->kind->fields == &parse_attachment ? "prod@bgw"
								 : "198.51.100.0/24@203.0.113.253");
	else if (e->kind->fields == &parse_attachment)
		add_text(group, "vpc", first), add_text(group, "border_gateway", at + 1);
	else
		add_text(group, "prefix", first), add_text(group, "next_hop", at + 1);
}

static void create(struct edit *e, const struct conf_change *change)
{
	config_setting_t *list, *group;

	if (begin(e, NULL) != 0)
		return;
	if (e->kind->list == NULL) {
		edit_refuse(e, "is there already");
		return;
	}
	if (kind_object(e->now, e->kind, e->name) != NULL) {
		edit_refuse(e, "there is one of this name already");
		return;
	}
	list = list_for(e, change);
	if (list == NULL)
		return;
	group = config_setting_add(list, NULL, CONFIG_TYPE_GROUP);
	name_object(e, group);
	edit_set(e, group, change);
}

/* Other tunnels of a connection shall not follow when its first is changed. */
static struct conf_write pins(const struct edit *e, const void *object,
			      const struct conf_change *change)
{
	struct conf_write how = { 0 };

	if (e->kind->fields == &parse_tunnel &&
	    object == kind_connection_of(e->now, object)->tunnel)
		how = (struct conf_write){ .pinned_kind = &parse_tunnel,
					   .n_pinned = change->n,
					   .pinned = change->field };
	return how;
}

static void change_fields(struct edit *e, const void *object, const struct conf_change *change)
{
	struct conf_write how = pins(e, object, change);
	config_setting_t *group;

	if (begin(e, &how) != 0)
		return;
	group = group_of(e, object);
	if (change->n == 0)
		edit_refuse(e, "which field?");
	if (change->verb == CONF_SET)
		edit_set(e, group, change);
	else
		edit_unset(e, group, change);
}

static void no_such_object(struct edit *e)
{
	const char *names[64];
	char buf[64][KIND_NAME_BYTES];
	const void *o;
	unsigned n = 0;
	int near;

	for (; n < 64 && (o = kind_object_at(e->now, e->kind, n)) != NULL; n++)
		names[n] = kind_object_name(e->kind, o, buf[n]);
	near = name_nearest(e->name, names, n);
	edit_refuse(e,
		    near >= 0 ? "there is none of this name; did you mean '%s'?"
			      : "there is none of this name",
		    near >= 0 ? names[near] : "");
}

struct conf *conf_edit(const struct conf *now, const struct conf_change *change,
		       struct problem_list *problems)
{
	struct edit e = { .now = now, .problems = problems, .name = change->name };
	struct conf_write how = { 0 };
	const void *object;

	e.kind = kind_find(change->kind);
	if (e.kind == NULL) {
		label_add(&e.label, "kind", change->kind, 0);
		edit_refuse(&e, "there are no such objects");
		return NULL;
	}
	label_add(&e.label, e.kind->list != NULL ? e.kind->fields->kind : e.kind->word,
		  e.kind->fields == &parse_attachment ? NULL : e.name, 0);
	object = kind_object(now, e.kind, e.kind->list != NULL ? e.name : NULL);
	config_init(&e.tree);
	if (change->verb == CONF_CREATE) {
		create(&e, change);
	} else if (object == NULL) {
		no_such_object(&e);
	} else if (change->verb == CONF_DELETE) {
		how.without = object;
		if (edit_may_delete(now, e.kind, object, &e.label, problems))
			begin(&e, &how);
	} else if (change->verb == CONF_SET ||
		   edit_may_unset(e.kind, object, change, &e.label, problems)) {
		change_fields(&e, object, change);
	}
	return end(&e);
}

/* ---- static routes ------------------------------------------------------------------------ */

struct conf *conf_edit_route(const struct conf *now, bool add, const char *table,
			     const char *prefix, const char *next_hop,
			     struct problem_list *problems)
{
	struct edit e = { .now = now, .problems = problems, .name = table };
	config_setting_t *root, *group, *list;
	int i;

	config_init(&e.tree);
	label_add(&e.label, "table", table, 0);
	if (begin(&e, NULL) != 0)
		return end(&e);
	root = config_root_setting(&e.tree);
	group = element(config_setting_get_member(root, "border_gateways"), "name", table);
	if (group == NULL)
		group = element(config_setting_get_member(root, "vpcs"), "name", table);
	if (group == NULL) {
		edit_refuse(&e, "there is no border_gateway or vpc of this name");
		return end(&e);
	}
	list = list_of(group, "static_routes");
	if (add) {
		config_setting_t *route = config_setting_add(list, NULL, CONFIG_TYPE_GROUP);

		add_text(route, "prefix", prefix);
		add_text(route, "next_hop", next_hop);
		return end(&e);
	}
	for (i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *route = config_setting_get_elem(list, (unsigned)i);
		const char *p = "", *hop = "";

		config_setting_lookup_string(route, "prefix", &p);
		config_setting_lookup_string(route, "next_hop", &hop);
		if (strcmp(p, prefix) == 0 && strcmp(hop, next_hop) == 0)
			break;
	}
	if (i == config_setting_length(list))
		edit_refuse(&e, "there is no static route to %s by '%s'", prefix, next_hop);
	else
		config_setting_remove_elem(list, (unsigned)i);
	return end(&e);
}

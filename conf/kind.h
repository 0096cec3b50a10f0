/* The kinds of objects, by the words that operators use; and an object by its name.
 *
 * Pure functions. Which thread: the model's. */
#ifndef CONF_KIND_H
#define CONF_KIND_H

#include "conf/field.h"
#include "conf/model.h"

struct conf_kind {
	const char *word;   /* "border-gateway" */
	const char *plural; /* "border-gateways" */
	const char *list;   /* the list that holds them, in the file; NULL: one object */
	const struct field_object *fields;
	size_t array, count; /* in struct conf, but for tunnels */
};

extern const struct conf_kind conf_kinds[];
extern const unsigned conf_kinds_n;

/* By its word, also as the file spells it; NULL: there is none. */
const struct conf_kind *conf_kind(const char *word);
/* NULL: there is none of this name. */
const void *conf_object(const struct conf *c, const struct conf_kind *kind, const char *name);
/* In the order of the file; NULL: there are no more. */
const void *conf_object_at(const struct conf *c, const struct conf_kind *kind, unsigned i);
/* How it is called, as conf_object() takes it: its name, "VPC@BORDER_GATEWAY" or
 * "PREFIX@NEXT_HOP". Returns buf. */
#define CONF_OBJECT_NAME (2 * CONF_NAME_BYTES)
const char *conf_object_name(const struct conf_kind *kind, const void *object,
			     char buf[CONF_OBJECT_NAME]);
const struct conf_vpn_connection *conf_connection_of(const struct conf *c,
						     const struct conf_tunnel *t);

#endif

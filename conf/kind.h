/* The kinds of objects, by the words that operators use; and an object by its name.
 *
 * Pure functions. Which thread: the model's. */
#ifndef CONF_KIND_H
#define CONF_KIND_H

#include "conf/field.h"
#include "conf/model.h"

struct kind {
	const char *word;   /* "border-gateway" */
	const char *what;   /* "the router of one tenant" */
	const char *plural; /* "border-gateways" */
	const char *list;   /* the list that holds them, in the file; NULL: one object */
	const struct field_object *fields;
	size_t array, count; /* in struct conf, but for tunnels */
};

extern const struct kind kinds[];
extern const unsigned kinds_n;

/* By its word, also as the file spells it; NULL: there is none. */
const struct kind *kind_find(const char *word);
/* NULL: there is none of this name. */
const void *kind_object(const struct conf *c, const struct kind *kind, const char *name);
/* In the order of the file; NULL: there are no more. */
const void *kind_object_at(const struct conf *c, const struct kind *kind, unsigned i);
/* How it is called, as kind_object() takes it: its name, "VPC@BORDER_GATEWAY" or
 * "PREFIX@NEXT_HOP". Returns buf. */
#define KIND_NAME_BYTES (2 * CONF_NAME_BYTES)
const char *kind_object_name(const struct kind *kind, const void *object,
			     char buf[KIND_NAME_BYTES]);
const struct conf_vpn_connection *kind_connection_of(const struct conf *c,
						     const struct conf_tunnel *t);

#endif

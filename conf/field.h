/* Reads a libconfig group into a struct by a table of its fields.
 *
 * Each row says name, kind of value, range and destination; whatever is wrong with a value becomes
 * one problem with its place, and the destination keeps the default that it had. Unknown names are
 * errors too. Main thread. */
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include "conf/label.h"
#include "conf/model.h"
#include "conf/places.h"
#include "conf/problem.h"
#include "conf/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_setting_t;
struct field;
struct writer;

struct reader {
	const char *file;
	const struct conf_source *source;
	struct problem_list *problems;
	struct places *places;
	struct label label; /* of the object being read */
	uint64_t unread;    /* top-level fields that could not be read: nothing follows from them */
	uint64_t faulty;    /* top-level fields with an error somewhere inside */
};

/* A kind of value: how it is read, compared and written. */
struct field_kind {
	/* Reads the value of s into the struct at object. False: there is a problem, already
	 * reported. */
	bool (*read)(struct reader *r, const struct config_setting_t *s, const struct field *f,
		     void *object);
	/* Does the field have the same value in both objects? NULL: byte by byte. */
	bool (*same)(const struct field *f, const void *a, const void *b);
	/* Writes the value of object's field, as read() takes it. */
	void (*write)(struct writer *w, const struct field *f, const void *object);
	/* The i-th of the few values that it may have; NULL: there are no more, or too many to
	 * list. A NULL function: the same. */
	const char *(*choice)(const struct field *f, unsigned i);
	bool list;  /* several values may be given */
	bool plain; /* true, false and numbers are no texts */
};

struct field {
	const char *name;
	const struct field_kind *kind;
	bool required;
	bool always;	     /* written even when it says nothing */
	bool secret;	     /* its value is never shown */
	bool empty;	     /* a list may have no element */
	size_t offset, size; /* of the destination */
	size_t count;	     /* offset of the unsigned that counts a list's elements */
	int64_t min, max;    /* of a number; max: also how many elements a list may have */
	bool zero;	     /* a number may be 0 as well, which is off */
	const char *unit;    /* "seconds" */
	const char *means;   /* what it is, for help and when it is missing */
	const char *refers;  /* it names an object of this kind: "border-gateway" */
	const void *arg;     /* the kind's own table */
};

#define FIELD_AT(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define FIELD_COUNT(type, member) .count = offsetof(type, member)

/* A sort of object: its fields, and what to do around them. */
struct field_object {
	const char *kind; /* as in messages: "vpn_connection" */
	const char *key;  /* the field that names it */
	const struct field *fields;
	unsigned n_fields;
	size_t size;
	bool one_line; /* written in a line of its own, not in one for each field */
	/* Sets defaults; first is element 0 of the same list, complete, or NULL for itself. */
	void (*begin)(void *object, const void *first);
	/* Looks at the whole; given has the bit of each field that was written, readable or not. */
	void (*end)(struct reader *r, const struct config_setting_t *s, void *object,
		    uint64_t given);
	/* The other way round: base, which begin() made, gets what object's fields would be if only
	 * those in given were written, as far as that follows from object itself. */
	void (*derive)(void *base, const void *object, uint64_t given);
};

/* Destinations: */
extern const struct field_kind field_bool;    /* bool */
extern const struct field_kind field_uint;    /* uint16_t, uint32_t, uint64_t */
extern const struct field_kind field_name;    /* char[CONF_NAME_BYTES] */
extern const struct field_kind field_text;    /* char[], min to max characters */
extern const struct field_kind field_addr;    /* struct addr, unicast; min: a family, 0: both */
extern const struct field_kind field_prefix;  /* struct prefix, host bits allowed */
extern const struct field_kind field_network; /* struct prefix, host bits zero */
struct field_choice {
	const char *name;
	int value;
};
extern const struct field_kind field_choice; /* an int-sized enum; arg: choices, to a NULL name */

/* Lists of scalars; a single scalar is a list of one. arg: a field whose kind reads one element of
 * size bytes. Into an array of at most max elements (list), or a new one on the heap (heap_list).
 */
extern const struct field_kind field_list;
extern const struct field_kind field_heap_list;
/* A list of groups into a new array on the heap, and one group into the object itself; arg: a
 * struct field_object. */
extern const struct field_kind field_objects;
extern const struct field_kind field_group;

/* For kinds that are made from these. */
bool field_read_uint(struct reader *r, const struct config_setting_t *s, const struct field *f,
		     void *object);
bool field_read_heap_list(struct reader *r, const struct config_setting_t *s, const struct field *f,
			  void *object);
bool field_same_uint(const struct field *f, const void *a, const void *b);
bool field_same_text(const struct field *f, const void *a, const void *b);
bool field_same_heap_list(const struct field *f, const void *a, const void *b);
bool field_same_secret(const struct field *f, const void *a, const void *b);
void field_write_uint(struct writer *w, const struct field *f, const void *object);
void field_write_text(struct writer *w, const struct field *f, const void *object);
void field_write_heap_list(struct writer *w, const struct field *f, const void *object);
void field_write_secret(struct writer *w, const struct field *f, const void *object);

/* For rows' own read functions. "name = value: " is put before the text of field_problem(). */
void field_problem(struct reader *r, enum problem_level level, const struct config_setting_t *s,
		   const struct field *f, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* "must be" wanted; false. */
bool field_wrong(struct reader *r, const struct config_setting_t *s, const struct field *f,
		 const char *wanted);
void *field_destination(const struct field *f, void *object);
const void *field_value(const struct field *f, const void *object);
bool field_same(const struct field *f, const void *a, const void *b);
bool field_string(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  const char **out);
bool field_choose(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  int *value);
struct conf_where field_where(const struct reader *r, const struct config_setting_t *s);

/* Reads a group by its table; returns the given bits. */
uint64_t field_read_group(struct reader *r, const struct config_setting_t *s,
			  const struct field_object *kind, void *object);
/* Do two objects have the same value in every field of the table? */
bool field_same_group(const struct field_object *kind, const void *a, const void *b);
/* Writes { ... } with the fields that differ from what object would have without them. */
void field_write_object(struct writer *w, const struct field_object *kind, const void *object,
			const void *first);
/* The row of this name, or -1. */
int field_row(const struct field_object *kind, const char *name);
bool field_given(const struct field_object *kind, uint64_t given, const char *name);

/* The i-th of the few values that the field, or each element of it, may have; NULL: no more. */
const char *field_choice_at(const struct field *f, unsigned i);
/* What it is and may be, in a line: "limit of inner packets, each way: 0 to 400000 Mbit/s". */
const char *field_help(const struct field *f, char *buf, size_t size);

#endif

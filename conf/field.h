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

struct reader {
	const char *file;
	const struct source *source;
	struct problem_list *problems;
	struct places *places;
	struct label label; /* of the object being read */
	uint64_t unread;    /* top-level fields that could not be read: nothing follows from them */
	uint64_t faulty;    /* top-level fields with an error somewhere inside */
};

/* Reads the value of s into the struct at object. False: there is a problem, already reported. */
typedef bool (*field_read_fn)(struct reader *r, const struct config_setting_t *s,
			      const struct field *f, void *object);

struct field {
	const char *name;
	field_read_fn read;
	bool required;
	bool secret;	     /* its value is never shown */
	bool empty;	     /* a list may have no element */
	size_t offset, size; /* of the destination */
	size_t count;	     /* offset of the unsigned that counts a list's elements */
	int64_t min, max;    /* of a number; max: also how many elements a list may have */
	bool zero;	     /* a number may be 0 as well, which is off */
	const char *unit;    /* "seconds" */
	const char *means;   /* what it is, when it is missing */
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
	/* Sets defaults; first is element 0 of the same list, complete, or NULL for itself. */
	void (*begin)(void *object, const void *first);
	/* Looks at the whole; given has the bit of each field that was written, readable or not. */
	void (*end)(struct reader *r, const struct config_setting_t *s, void *object,
		    uint64_t given);
};

/* Destinations: */
bool field_bool(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object); /* bool */
bool field_uint(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object); /* uint16_t, uint32_t, uint64_t */
bool field_name(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object); /* char[CONF_NAME_BYTES] */
bool field_text(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object); /* char[], 1 to max characters */
bool field_addr(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object); /* struct addr, unicast; min: a family, or 0 for both */
bool field_prefix(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  void *object); /* struct prefix, host bits allowed */
bool field_network(struct reader *r, const struct config_setting_t *s, const struct field *f,
		   void *object); /* struct prefix, host bits zero */
struct field_choice {
	const char *name;
	int value;
};
bool field_choice(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  void *object); /* an int-sized enum; arg: choices, ended by a NULL name */

/* Lists of scalars; a single scalar is a list of one. arg: a field whose read takes one element of
 * size bytes. Into an array of at most max elements (list), or a new one on the heap (heap_list).
 */
bool field_list(struct reader *r, const struct config_setting_t *s, const struct field *f,
		void *object);
bool field_heap_list(struct reader *r, const struct config_setting_t *s, const struct field *f,
		     void *object);
/* A list of groups into a new array on the heap, and one group into the object itself; arg: a
 * struct field_object. */
bool field_objects(struct reader *r, const struct config_setting_t *s, const struct field *f,
		   void *object);
bool field_group(struct reader *r, const struct config_setting_t *s, const struct field *f,
		 void *object);

/* For rows' own read functions. "name = value: " is put before the text of field_problem(). */
void field_problem(struct reader *r, enum problem_level level, const struct config_setting_t *s,
		   const struct field *f, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* "must be" wanted; false. */
bool field_wrong(struct reader *r, const struct config_setting_t *s, const struct field *f,
		 const char *wanted);
void *field_destination(const struct field *f, void *object);
bool field_string(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  const char **out);
bool field_choose(struct reader *r, const struct config_setting_t *s, const struct field *f,
		  int *value);
struct conf_where field_where(const struct reader *r, const struct config_setting_t *s);

/* Reads a group by its table; returns the given bits. */
uint64_t field_read_group(struct reader *r, const struct config_setting_t *s,
			  const struct field_object *kind, void *object);
bool field_given(const struct field_object *kind, uint64_t given, const char *name);

#endif

/* What is wrong with a configuration: all of it at once, each with its place.
 *
 * Filled by parse and check, printed by whoever asked. One thread. Values that are secret
 * are never put into a problem. */
#ifndef CONF_PROBLEM_H
#define CONF_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where a thing was written; the name is borrowed from the model. A problem keeps its own copy,
 * since it outlives a model that was refused. */
struct conf_where {
	const char *file;
	unsigned line; /* 0: not from a file */
};

enum problem_level { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
	enum problem_level level;
	struct conf_where where;
	char *object; /* "vpn_connection 'dc1', tunnel 'dc1-a'" */
	char *text;   /* what is wrong, with the value, and what is allowed */
};

struct problem_list {
	struct problem *v;
	size_t n, cap, errors;
};

void problem_add(struct problem_list *l, enum problem_level level, struct conf_where where,
		 const char *object, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void problem_add_list(struct problem_list *l, enum problem_level level, struct conf_where where,
		      const char *object, const char *fmt, va_list args)
	__attribute__((format(printf, 5, 0)));
/* In file order: "isthmus.conf:12: error: vpn_connection 'dc1', tunnel 'dc1-a': ..." */
void problem_print(struct problem_list *l, FILE *out);
void problem_drop_warnings(struct problem_list *l);
void problem_clear(struct problem_list *l);

#endif

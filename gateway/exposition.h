/* Writes Prometheus' text format (version 0.0.4) into a piece of memory.
 *
 * Label values are names of ours (letters, digits, '_', '-') or texts that expo_label() escapes.
 * What does not fit any more is left out whole lines at a time: whoever writes looks at
 * expo_room() before each item. One thread. */
#ifndef GATEWAY_EXPOSITION_H
#define GATEWAY_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

struct exposition {
	char *at, *end; /* next byte; behind the last */
};

static inline size_t expo_room(const struct exposition *x)
{
	return (size_t)(x->end - x->at);
}

/* # HELP and # TYPE; type is "counter" or "gauge". */
void expo_family(struct exposition *x, const char *name, const char *type, const char *help);
/* name{labels} value. labels: "" or complete without braces: `tunnel="a",direction="in"`. */
void expo_uint(struct exposition *x, const char *name, const char *labels, uint64_t value);
void expo_real(struct exposition *x, const char *name, const char *labels, double value);
/* The same with one more label behind (or alone). value of the label: a name of ours. */
void expo_uint_with(struct exposition *x, const char *name, const char *labels, const char *key,
		    const char *label, uint64_t value);

/* Two lines, direction="in" and "out". */
void expo_ways(struct exposition *x, const char *name, const char *labels, uint64_t in,
	       uint64_t out);

/* Appends key="value" to the labels in buf, with a comma if there are some; value is escaped and
 * cut to fit. Returns buf. */
char *expo_label(char *buf, size_t size, const char *key, const char *value);

#endif

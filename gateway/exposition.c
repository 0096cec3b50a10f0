#include "gateway/exposition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 32

/* A line is written whole or not at all. */
static void put(struct exposition *x, const char *text, size_t n)
{
	memcpy(x->at, text, n);
	x->at += n;
}

static size_t digits(uint64_t value, char buf[NUMBER_MAX])
{
	char *at = buf + NUMBER_MAX;
	size_t n;

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	n = (size_t)(buf + NUMBER_MAX - at);
	memmove(buf, at, n);
	return n;
}

static void put_line(struct exposition *x, const char *name, const char *labels, const char *key,
		     const char *label, const char *value, size_t value_len)
{
	size_t n = strlen(name), l = strlen(labels), k = key ? strlen(key) : 0,
	       v = key ? strlen(label) : 0;

	if (n + l + k + v + value_len + 16 > expo_room(x))
		return;
	put(x, name, n);
	if (l || k) {
		put(x, "{", 1);
		put(x, labels, l);
		if (l && k)
			put(x, ",", 1);
		if (k) {
			put(x, key, k);
			put(x, "=\"", 2);
			put(x, label, v);
			put(x, "\"", 1);
		}
		put(x, "}", 1);
	}
	put(x, " ", 1);
	put(x, value, value_len);
	put(x, "\n", 1);
}

void expo_family(struct exposition *x, const char *name, const char *type, const char *help)
{
	int n = snprintf(x->at, expo_room(x), "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
			 type);

	if (n > 0 && (size_t)n < expo_room(x))
		x->at += n;
}

void expo_uint(struct exposition *x, const char *name, const char *labels, uint64_t value)
{
	char text[NUMBER_MAX];

	put_line(x, name, labels, NULL, NULL, text, digits(value, text));
}

void expo_uint_with(struct exposition *x, const char *name, const char *labels, const char *key,
		    const char *label, uint64_t value)
{
	char text[NUMBER_MAX];

	put_line(x, name, labels, key, label, text, digits(value, text));
}

void expo_real(struct exposition *x, const char *name, const char *labels, double value)
{
	char text[NUMBER_MAX];
	int n = isfinite(value) ? snprintf(text, sizeof(text), "%.9g", value)
				: snprintf(text, sizeof(text), "NaN");

	put_line(x, name, labels, NULL, NULL, text, (size_t)n);
}

void expo_ways(struct exposition *x, const char *name, const char *labels, uint64_t in,
	       uint64_t out)
{
	expo_uint_with(x, name, labels, "direction", "in", in);
	expo_uint_with(x, name, labels, "direction", "out", out);
}

char *expo_label(char *buf, size_t size, const char *key, const char *value)
{
	size_t n = strlen(buf);
	int wrote = snprintf(buf + n, size - n, "%s%s=\"", n ? "," : "", key);
	size_t at = n + (wrote > 0 ? (size_t)wrote : 0);

	if (at + 2 >= size) {
		buf[n] = '\0';
		return buf;
	}
	for (; *value && at + 4 < size; value++) {
		if (*value == '\\' || *value == '"') {
			buf[at++] = '\\';
			buf[at++] = *value;
		} else if (*value == '\n') {
			buf[at++] = '\\';
			buf[at++] = 'n';
		} else {
			buf[at++] = *value;
		}
	}
	buf[at++] = '"';
	buf[at] = '\0';
	return buf;
}

/* A writer of JSON (RFC 8259) that puts the commas and escapes the strings.
 *
 * Writes to a stream it does not own; one thread. Inside an object every value has a key, inside
 * an array key is NULL. Bytes that are not UTF-8 are written as U+FFFD, so that the text is
 * always valid. */
#ifndef GATEWAY_JSON_H
#define GATEWAY_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

struct json {
	FILE *out;
	unsigned depth;
	bool begun[JSON_DEPTH + 1]; /* this level holds a value already */
	bool array[JSON_DEPTH + 1];
};

void json_init(struct json *j, FILE *out);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_close(struct json *j);
void json_string(struct json *j, const char *key, const char *value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_real(struct json *j, const char *key, double value); /* not finite: null */
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

/* Bytes of the well-formed UTF-8 character at s (RFC 3629); 0: there is none. */
unsigned utf8_length(const char *s);

#endif
